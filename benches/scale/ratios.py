"""What is promised, as numbers: each one a measurement divided by a limit that was measured in the same run."""

GOAL_COUNT = 100_000


class Held:
    """One promise. `value` is none when a part of it was not measured; it may be at most (or at least) `bound`."""

    def __init__(self, what, value, bound, unit="×", least=False):
        self.what, self.value, self.bound, self.unit, self.least = what, value, bound, unit, least

    def verdict(self):
        if self.value is None:
            return "not measured"
        held = self.value >= self.bound if self.least else self.value <= self.bound
        return "held" if held else "MISSED"

    def aim(self):
        return f"{'≥' if self.least else '≤'} {self.bound:g} {self.unit}"

    def text(self):
        return "–" if self.value is None else f"{self.value:.3g} {self.unit}" if self.value < 1000 else f"{self.value:.0f} {self.unit}"


def main_count(data):
    """The number of manifests that the promises are about, or the largest that was measured."""
    counts = sorted(data["scenes"])
    return GOAL_COUNT if GOAL_COUNT in counts else counts[-1]


def all_of(data):
    count = main_count(data)
    results = data["scenes"][count]

    def wall(name, at=None):
        series = data["scenes"].get(at or count, {}).get(name)
        return series.wall() if series else None

    def over(one, *others):
        return one / sum(others) if one and all(others) else None

    def grown(name):
        return over(wall(name, GOAL_COUNT), wall(name, 10_000))

    def peak(name):
        return results[name].peak() if name in results else None

    hash2, events2 = wall("limit: list+read+sha256 2"), wall("limit: parser events 2")
    small = lambda name: data["small"][name].wall() * 1000 if name in data["small"] else None
    thousand, calls = data["apply"].get(1_000, {}), data["calls"].get(1_000)
    embedded, apart = thousand.get("embedded"), thousand.get("apart")
    of = f" ({count:,})"
    return [
        Held("nothing changed, to git status" + of, over(wall("same"), wall("git status")), 2),
        Held("nothing changed, to list + read + SHA-256 on 2 threads" + of, over(wall("same"), hash2), 1),
        Held("nothing changed without index, to that + parser events on 2 threads" + of, over(wall("same, no index"), hash2, events2), 1.3),
        Held("cold plan, to parser events alone on 2 threads" + of, over(wall("cold"), events2), 1.3),
        Held("PyYAML, cold, to cold plan" + of, over(wall("PyYAML, cold"), wall("cold")), 15, least=True),
        Held("1 % changed, to nothing changed" + of, over(wall("1 % changed"), wall("same")), 1.1),
        Held("cold plan, from 10,000 to 100,000", grown("cold"), 10.5),
        Held("nothing changed, from 10,000 to 100,000", grown("same"), 10.5),
        Held("peak memory, cold plan" + of, peak("cold"), 250, "MB"),
        Held("peak memory, nothing changed" + of, peak("same"), 100, "MB"),
        Held("--version", small("--version"), 3, "ms"),
        Held("plan of 10 manifests", small("plan of 10"), 10, "ms"),
        Held("apply of 1,000, server included", embedded.wall() if embedded else None, 0.7, "s"),
        Held("CPU per call of an apply, server apart", apart.cpu() / calls * 1000 if apart and calls else None, 0.3, "ms"),
    ]
