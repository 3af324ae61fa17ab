"""docs/performance.svg: seconds until a plan is there, as bars on a logarithmic scale."""

import math
from html import escape

import ratios
from page import seconds

WIDTH, LEFT, RIGHT, ROW = 760, 262, 84, 25

# Title of a group, and its bars: result, label, and whether it is ours.
GROUPS = [
    (
        "Nothing changed since the last apply",
        [
            ("same", "dixaform plan", "ours"),
            ("git status", "git status, same files", "limit"),
            ("limit: list+read+sha256 2", "only read + SHA-256, 2 threads", "limit"),
            ("same, no index", "dixaform plan --no-index", "ours"),
            ("PyYAML with raw hashes, same", "PyYAML script that hashes files", "peer"),
            ("PyYAML, same", "PyYAML script", "peer"),
        ],
    ),
    (
        "Nothing applied yet: everything is new",
        [
            ("limit: list+read+sha256 2", "only read + SHA-256, 2 threads", "limit"),
            ("limit: parser events 2", "only a YAML parser, 2 threads", "limit"),
            ("cold", "dixaform plan", "ours"),
            ("PyYAML, cold", "PyYAML script", "peer"),
            ("Terraform, cold", "Terraform", "peer"),
        ],
    ),
]

STYLE = """\
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .group { font-weight: 600 }
  .soft { fill: #57606a; font-size: 12px }
  .grid { stroke: #d0d7de }
  .page { fill: #ffffff }
  .ours { fill: #0969da } .peer { fill: #bc4c00 } .limit { fill: #8c959f }
  text.mine { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .soft { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .page { fill: #0d1117 }
    .ours { fill: #4493f8 } .peer { fill: #db6d28 } .limit { fill: #767e87 }
  }
"""


class Scale:
    """Decades, from the one below the shortest time to the one above the longest."""

    def __init__(self, values):
        self.low = math.floor(math.log10(min(values) * 0.7))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self):
        return [10.0**decade for decade in range(self.low, self.high + 1)]


def tick_name(value):
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"


def plot(data):
    count = ratios.main_count(data)
    results = data["scenes"][count]
    groups = [(title, [bar for bar in bars if bar[0] in results]) for title, bars in GROUPS]
    scale = Scale([results[name].wall() for _, bars in groups for name, _, _ in bars])
    grid, parts, y = [], [], 60
    for title, bars in groups:
        parts.append(f'<text class="group" x="16" y="{y}">{escape(title)}</text>')
        y += 10
        end = y + ROW * len(bars) + 2
        for value in scale.ticks():
            grid.append(f'<line class="grid" x1="{scale.at(value):.1f}" x2="{scale.at(value):.1f}" y1="{y}" y2="{end}"/>')
        for name, label, kind in bars:
            parts += bar(results[name].wall(), label, kind, y, scale)
            y += ROW
        y += 34
    bottom = y - 32
    for value in scale.ticks():
        x = scale.at(value)
        grid.append(f'<text class="soft" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{tick_name(value)}</text>')
    height = bottom + 52
    title = f"{count:,} manifests: time until the plan is there"
    note = "Whole processes, medians; logarithmic scale: each line is ten times the one before. Shorter is better."
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="28">{escape(title)}</text>',
        f'<text class="soft" x="16" y="{height - 10}">{escape(note)}</text>',
    ]
    return "\n".join([*head, *grid, *parts, "</svg>", ""])


def bar(value, label, kind, y, scale):
    x, end = scale.at(10.0**scale.low), scale.at(value)
    mine = ' class="mine"' if kind == "ours" else ""
    return [
        f'<text{mine} x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(label)}</text>',
        f'<rect class="{kind}" x="{x:.1f}" y="{y + 3}" width="{max(end - x, 2):.1f}" height="{ROW - 8}" rx="2"/>',
        f'<text{mine} x="{end + 6:.1f}" y="{y + 15}">{seconds(value)}</text>',
    ]
