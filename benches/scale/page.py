"""The results as a table for the terminal, and as docs/performance.md."""

import ratios

# Names of the results, in the order of the table, and what they are called there.
ROWS = [
    ("cold", "plan, nothing applied yet (cold)"),
    ("same", "plan, nothing changed"),
    ("same, no index", "plan, nothing changed, `--no-index`"),
    ("1 % changed", "plan, 1 % changed"),
    ("cold, 50 per file", "plan, cold, 50 manifests in a file"),
    ("same, 50 per file", "plan, nothing changed, 50 in a file"),
    ("git status", "`git status` on the same files"),
    ("PyYAML, cold", "PyYAML script, cold"),
    ("PyYAML, same", "PyYAML script, nothing changed"),
    ("PyYAML with raw hashes, same", "PyYAML script that hashes files, nothing changed"),
    ("Terraform, cold", "Terraform, cold (1,000 only)"),
    ("limit: list+stat 1", "limit: list + stat, 1 thread"),
    ("limit: list+stat 2", "limit: list + stat, 2 threads"),
    ("limit: list+read 1", "limit: list + read, 1 thread"),
    ("limit: list+read 2", "limit: list + read, 2 threads"),
    ("limit: list+read+sha256 1", "limit: list + read + SHA-256, 1 thread"),
    ("limit: list+read+sha256 2", "limit: list + read + SHA-256, 2 threads"),
    ("limit: parser events 1", "limit: events of a YAML parser, 1 thread"),
    ("limit: parser events 2", "limit: events of a YAML parser, 2 threads"),
]


def seconds(value):
    if value < 0.01:
        return f"{value * 1000:.1f} ms"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def cells(name, series):
    """Median, least and most, CPU, peak. The limits are measured inside of one process, which has no CPU of its own."""
    inside = name.startswith("limit: ")
    spread = f"{seconds(series.least())} – {seconds(series.most())}"
    cpu = "" if inside else seconds(series.cpu())
    peak = "" if inside else f"{series.peak():.0f}"
    return [seconds(series.wall()), spread, cpu, peak]


def rows_of(results):
    return [[title, *cells(name, results[name])] for name, title in ROWS if name in results]


def apply_rows(data):
    names = {"embedded": "server in the same process", "apart": "server apart, whose CPU is not counted"}
    rows = []
    for count, results in sorted(data["apply"].items()):
        for name, series in results.items():
            per_call = series.cpu() / data["calls"][count] * 1000
            title = f"apply of {count:,}, {names[name]}"
            rows.append([title, *cells(name, series), f"{data['calls'][count]:,}", f"{per_call:.2f} ms"])
    return rows


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join([" --- "] + [" --: "] * (len(head) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def plain(head, rows):
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    line = lambda row: "  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
    return "\n".join(line(row).rstrip() for row in [head, *rows]) + "\n"


HEAD = ["", "median", "least – most", "CPU", "peak MB"]
APPLY_HEAD = [*HEAD, "calls", "CPU per call"]
HELD_HEAD = ["", "aim", "measured", ""]


def held_rows(held):
    return [[one.what, one.aim(), one.text(), one.verdict()] for one in held]


def table(data, held, about):
    parts = []
    for count, results in sorted(data["scenes"].items()):
        parts.append(f"{count:,} manifests, {data['bytes'][count] / 1e6:.1f} MB\n" + plain(HEAD, rows_of(results)))
    small = [[name, *cells(name, series)] for name, series in data["small"].items()]
    parts.append("Small things\n" + plain(HEAD, small))
    if data["apply"]:
        parts.append("Applies, no rate limit\n" + plain(APPLY_HEAD, apply_rows(data)))
    parts.append("Promises\n" + plain(HELD_HEAD, held_rows(held)))
    parts.append(f"{about['machine']}; {about['system']}; {about['rounds']} rounds; {about['weather']}")
    if about["warning"]:
        parts.append(f"!! {about['warning']}")
    return "\n".join(parts)


INTRO = """\
# How fast it is

dixaform is meant to be run on every save and on every push, also by those who keep a hundred thousand conversations in
git. This page says what that takes, next to what the machine needs for the work itself and next to what else one could
run. It is written by `benches/scale/run.py`; don't edit it by hand.

![Seconds until the plan is there, on a logarithmic scale](performance.svg)
"""

MEASURED = """\
## What was measured

Manifests of about 1.7 KB, 60 % conversations and 40 % imports, as `examples/generate.rs` writes them: one in a file and
500 files in a folder, and once more 50 in a file. Every number is of a whole process, from its start to its end, measured
from outside; what it prints goes to `/dev/null`. All contenders run once in each round, one after the other, and the
median over the rounds counts. All files are read once before each run, so that they are in the page cache. Some kernels
give it back within seconds, and then a disk is measured: `--trees /dev/shm` keeps the manifests in memory (see "files"
above). One megabyte is a million bytes. Peak memory below that of `nothing (true)` can't be told, because a process
inherits the mark of the one that started it.

- **Cold**: there is no state, and every manifest is new. Every file is read, parsed, checked and drawn.
- **Nothing changed**: the state has every manifest as it is. dixaform keeps an index beside the state, with size, times
  and inode of each file that it found to be as its record; git does the same. `--no-index` reads every file.
- **1 % changed**: one attribute value is different in one manifest of a hundred.
- **Limits**: `examples/limits.rs`, in one process: list all folders and stat, or read, or read and hash each file; and
  all events of the YAML parser that dixaform uses for what its own reader does not take, on texts in memory, without
  doing anything with them.
- **PyYAML script**: `benches/scale/peer_pyyaml.py`, what a good engineer writes in an afternoon: libyaml, canonical JSON,
  SHA-256, a JSON state. With raw hashes it parses only files whose bytes changed.
- **Terraform**: `benches/scale/peer.tf`, one built-in `terraform_data` for each manifest, no provider, no request.
- **Apply**: to dixaform's own sandbox over HTTP, without a rate limit, journal synced to disk before each call.
  The real API takes ten requests a second, so that there the limit decides, and 1,000 conversations take minutes.
"""

REPEAT = """\
## How to repeat it

```text
python3 benches/scale/run.py --out docs
```

It needs Python 3.9 or newer, cargo and git; PyYAML and Terraform are measured where they are installed. It builds what it
measures and works in a temporary folder, which it removes. `--counts 1000 --runs 3` is the quick way.
Before it measures, it checks that each plan says what it should, and that the state that it made for "nothing changed" is
the one that an apply leaves.

Parts of a plan in memory are measured by `cargo bench --bench plan` and `cargo bench --bench manifest`. Whether a change
made dixaform slower is watched by counting instructions, which a busy machine does not disturb: see
`benches/instructions/count`, which `.ci/run` runs.
"""


def growth(data):
    """How the memory of an apply grows with its changes."""
    peaks = {count: results["apart"].peak() for count, results in data["apply"].items() if "apart" in results}
    if len(peaks) < 2:
        return ""
    few, many = min(peaks), max(peaks)
    each = 1000 * (peaks[many] - peaks[few]) / (many - few)
    return f""" Its memory grows by {each:.1f} kB
  with each change, from {few:,} to {many:,}: the spec, the change and the record are there until the end, because what was
  approved is carried out as it was then, and because a state is written as a whole."""


def between(data):
    """What stands between a plan and the limits, with the numbers of this run."""
    count = ratios.main_count(data)
    results = data["scenes"][count]
    at = lambda name: results[name].wall()
    stat, hashed, events = at("limit: list+stat 2"), at("limit: list+read+sha256 2"), at("limit: parser events 2")
    cold, same, unindexed = at("cold"), at("same"), at("same, no index")
    part = lambda one, whole: f"{100 * one / whole:.0f} %"
    return f"""\
## What stands between us and the limits

With {count:,} manifests, one in a file, on two threads:

- **Nothing changed** takes {seconds(same)}. To list the folders and to ask for size and times of every file takes
  {seconds(stat)} of it ({part(stat, same)}), and there is no way around that without a service that watches the folders.
  The rest is the index: it is read whole and compared name by name, and a new address has to be looked for in it.
  `git status`, which has to do the same, takes {seconds(at("git status"))}.
- **Without the index** it takes {seconds(unindexed)}. Reading and hashing every file would take {seconds(hashed)}
  ({part(hashed, unindexed)}); the rest is reading YAML, checking it, and the digest of what it means rather than of how it
  is written. A digest of the bytes would be quicker, and would take a comment for a change until the file is read.
- **Cold** takes {seconds(cold)}, and the events of the parser alone {seconds(events)}. Most manifests never
  meet that parser: a reader for the plain part of YAML takes what it surely understands and leaves everything else to
  it. On top of reading there is opening files ({seconds(at("limit: list+read 2"))}). Of
  the time (perf, stacks of both threads) a quarter is of the operating system: opening, reading and closing files, and
  pages of memory for what is kept. An eighth reads YAML, a sixth checks what was read and brings it into its canonical
  form, a twentieth is SHA-256, a quarter makes the plan and draws it. The tree between YAML and a spec stands in an
  arena, and a spec waits in a form in which nothing is escaped and nothing has to be searched for. A twentieth of the
  time, no more than one thread has work: sorting by address, joining, planning's ends.
- **Peak memory, cold**: two thirds of it are the specs of what is new, about 1.5 kB for each manifest, kept until its
  block is drawn; the rest is the change, the manifest and where it was found. It grows with what is new, not with what
  is there.
- **1 % changed**: a thousand blocks of updates are drawn, with their words compared, and names and bodies of what
  changed are looked for among all others.
- **Files of 50 manifests** take {seconds(at("cold, 50 per file"))} cold and {seconds(at("same, 50 per file"))} with
  nothing changed: what is saved is opening files.
- **Apply** is bound by syncing the journal before each call, by HTTP, and with Dixa by ten requests a second. What the
  last change costs in the state and in the journal is what the first one costs.{growth(data)}
"""


def page(data, held, about):
    parts = [INTRO]
    if about["warning"]:
        parts.append(f"> **Take these numbers with care:** {about['warning']}.\n")
    names = ("machine", "system", "versions", "files", "date", "rounds")
    lines = [f"- {name}: {about[name]}" for name in names] + [f"- other work: {about['weather']}"]
    parts.append("## On what\n\n" + "\n".join(lines) + "\n")
    parts.append("## What is promised, and what it is\n\n" + markdown(HELD_HEAD, held_rows(held)))
    parts.append(MEASURED)
    for count, results in sorted(data["scenes"].items(), reverse=True):
        title = f"## {count:,} manifests, {data['bytes'][count] / 1e6:.1f} MB\n\n"
        parts.append(title + markdown(HEAD, rows_of(results)))
    small = [[f"`{name}`" if name.startswith("-") else name, *cells(name, series)] for name, series in data["small"].items()]
    parts.append("## Small things\n\n" + markdown(HEAD, small))
    if data["apply"]:
        parts.append("## Applies, no rate limit\n\n" + markdown(APPLY_HEAD, apply_rows(data)))
    parts.append(between(data))
    parts.append(REPEAT)
    return "\n".join(parts)
