#!/usr/bin/env python3
"""Measures whole runs of dixaform against its budgets, and writes docs/performance.md.

    benches/run.py                           100,000 manifests, five rounds
    benches/run.py --count 2000 --rounds 3   a trial, whose page is only printed

Each round runs everything once, one after the other, so that other work on the machine meets all alike; the median
counts. It needs Linux, Python 3.9 and cargo; the two Python scripts need PyYAML with libyaml, and are left out without.
"""

import argparse
import datetime
import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
DIXAFORM = TARGET / "release/dixaform"
GENERATE, APPLIED, LIMITS = (TARGET / "release/examples" / name for name in ("generate", "applied", "limits"))
GOAL = 100_000
# In each round a short run is repeated until all its runs took this many seconds.
ENOUGH = 0.2
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"}
MACHINE = (HASH, EVENTS) = "the machine: list + read + SHA-256", "the machine: events of the YAML parser"
HASHES, PYYAML = "Python script, nothing changed: only hashes", "Python script, cold: PyYAML's C loader"
PROJECT = """\
version: 1
manifests: [manifests]
defaultTenant: sandbox
tenants:
  sandbox:
    rateLimit: {requestsPerSecond: 1000000, burst: 100000}
"""


class Run(NamedTuple):
    """Wall time and CPU in seconds, and peak memory in MB of a million bytes."""

    wall: float
    cpu: float
    peak: float


def run(*arguments, exits=0, output=os.devnull):
    """Runs a program from its start to its end; `exits` is the exit code that it must have."""
    arguments = [str(argument) for argument in arguments]
    with tempfile.TemporaryFile() as errors, open(output, "wb") as out, open(os.devnull, "rb") as nothing:
        files = [(os.POSIX_SPAWN_DUP2, file.fileno(), number) for number, file in enumerate((nothing, out, errors))]
        began = time.perf_counter()
        child = os.posix_spawnp(arguments[0], arguments, ENVIRONMENT, file_actions=files)
        _, status, used = os.wait4(child, 0)
        wall = time.perf_counter() - began
        code = os.waitstatus_to_exitcode(status)
        if code != exits:
            errors.seek(0)
            said = errors.read().decode(errors="replace")[-1500:]
            sys.exit(f"{' '.join(arguments)} ended with {code}, not with {exits}:\n{said}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)


def tree(folder, count):
    """A project of COUNT manifests, and the state that has them all."""
    (folder / "state").mkdir(parents=True)
    (folder / "dixaform.yaml").write_text(PROJECT)
    subprocess.run([GENERATE, "manifests", str(count)], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    subprocess.run([APPLIED, "manifests", "state/sandbox.json"], cwd=folder, check=True)
    return folder


def same(folder, *flags):
    return run(DIXAFORM, "plan", "--detailed-exitcode", "--chdir", folder, *flags)


def cold(folder):
    return run(DIXAFORM, "plan", "--detailed-exitcode", "--chdir", folder, "--state", "state/none.json", exits=2)


def first_apply(folder, state):
    shutil.rmtree(state.parent, ignore_errors=True)
    state.parent.mkdir()
    # What else has to be written would be written when the journal is synced.
    os.sync()
    return run(DIXAFORM, "apply", "--yes", "--chdir", folder, "--state", state)


def check(folder, state):
    """Stops if the state that was written without an apply is not the one that an apply writes."""
    first_apply(folder, state)
    # Which call came first, when, and the name of the run differ each time.
    varies = re.compile(r'(?<=^\{"address":)("[^"]*"),"id":\d+|"(?:lineage|appliedAt)":"[^"]*"')
    # By line: a program that is started begins with the peak memory of this one.
    with open(state, encoding="utf-8") as one, open(folder / "state/sandbox.json", encoding="utf-8") as other:
        for number, lines in enumerate(itertools.zip_longest(one, other, fillvalue=""), start=1):
            if varies.sub(r"\1", lines[0]) != varies.sub(r"\1", lines[1]):
                sys.exit(f"examples/applied wrote another state than an apply, at line {number}:\n{''.join(lines)}")
    same(folder, "--state", state)


def measure(count, rounds, trees, work):
    """All rounds: the runs of each thing by its name, in the order of the table."""
    say(f"writing {count:,} manifests, a tenth of them, and 1,000")
    large, tenth = tree(trees / "large", count), tree(trees / "tenth", count // 10)
    thousand = tree(trees / "thousand", 1000)
    state = work / "apply/sandbox.json"
    check(thousand, state)
    contenders = {
        f"plan, nothing changed, {count:,}": lambda: same(large),
        f"apply, nothing to do, {count:,}": lambda: run(DIXAFORM, "apply", "--yes", "--chdir", large),
        f"cold plan, {count:,}": lambda: cold(large),
        f"plan, nothing changed, {count // 10:,}": lambda: same(tenth),
        f"cold plan, {count // 10:,}": lambda: cold(tenth),
        "plan, nothing changed, 1,000": lambda: same(thousand),
        "apply of 1,000, server included": lambda: first_apply(thousand, state),
        "`--version`": lambda: run(DIXAFORM, "--version"),
    }
    # In a process of its own, because of the peak memory.
    if subprocess.run([sys.executable, "-c", "from yaml import CSafeLoader"], stderr=subprocess.DEVNULL).returncode == 0:
        peer = lambda state, *flags: run(sys.executable, __file__, "peer", large / "manifests", large / state, *flags)
        say("the state of the Python script")
        peer("peer.json", "save")
        contenders[HASHES] = lambda: peer("peer.json")
        contenders[PYYAML] = lambda: peer("none.json")
    else:
        say("!! LEFT OUT: PyYAML with libyaml is not installed")
    results = {name: [] for name in [*contenders, *MACHINE]}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        run(LIMITS, large / "manifests", output=work / "limits.txt")
        for name, line in zip(MACHINE, (work / "limits.txt").read_text().splitlines()):
            results[name].append(Run(float(line.split("\t")[1]), 0, 0))
        for name, work_of in contenders.items():
            taken = 0
            while taken < ENOUGH:
                results[name].append(work_of())
                taken += results[name][-1].wall
    return results


def median(runs, member="wall"):
    values = sorted(getattr(one, member) for one in runs)
    return values[len(values) // 2]


def peak(runs):
    return max(one.peak for one in runs)


def budgets(results, count):
    """Work, what it may take, what it takes, the bound as a number (less than 0: at least that), and the unit."""
    wall = lambda name: median(results[name]) if results.get(name) else None
    over = lambda one, other: wall(one) / wall(other) if wall(one) and wall(other) else None
    many, few = f"{count:,}", f"{count // 10:,}"
    plan, plan_few = f"plan, nothing changed, {many}", f"plan, nothing changed, {few}"
    first, first_few = f"cold plan, {many}", f"cold plan, {few}"
    apply, small = f"apply, nothing to do, {many}", "apply of 1,000 with attributes, journal synced, no rate limit"
    return [
        (plan, "2 × list + read + SHA-256 on two threads", over(plan, HASH), 2, "×"),
        ("", "300 MB", peak(results[plan]), 300, "MB"),
        ("", "3 × faster than a Python script that only hashes", over(HASHES, plan), -3, "×"),
        (apply, "1.3 × that plan", over(apply, plan), 1.3, "×"),
        ("plan, nothing changed, 1,000", "25 ms", wall("plan, nothing changed, 1,000") * 1000, 25, "ms"),
        (first, "2.5 × the events of the YAML parser alone on two threads", over(first, EVENTS), 2.5, "×"),
        ("", "8 × faster than PyYAML's C loader", over(PYYAML, first), -8, "×"),
        ("", "600 MB", peak(results[first]), 600, "MB"),
        (f"plan, nothing changed, from {few} to {many}", "10.5 ×", over(plan, plan_few), 10.5, "×"),
        (f"cold plan, from {few} to {many}", "10.5 ×", over(first, first_few), 10.5, "×"),
        ("`--version`", "3 ms", wall("`--version`") * 1000, 3, "ms"),
        (small, "0.7 s", wall("apply of 1,000, server included"), 0.7, "s"),
    ]


def verdict(value, bound):
    if value is None:
        return "not measured"
    return "held" if (value <= bound if bound > 0 else value >= -bound) else "**missed**"


def seconds(value):
    return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.3g} ms"


def table(head, rows):
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


PAGE = """\
# How fast it is

You should be able to run dixaform on every save and on every push, even if you keep a hundred thousand conversations in
git. `benches/run.py` writes this page; don't edit it by hand.
{warning}
{budgets}

{machine}

## What was measured

{measured}

These are medians of {rounds} rounds. Each number is for a whole process, measured from outside, with all files in memory. In
the rows "the machine", `examples/limits.rs` measures only the work that can't be avoided, inside a process, on two
threads. Each manifest is in its own file of about 1.8 KB.

- **Nothing changed**: every manifest is in the state, unchanged. Every file is read and hashed.
- **Cold**: there is no state. Every manifest is parsed, checked and drawn.
- **Python script**: it is at the end of `benches/run.py`. It compares with a JSON state, and only lists the changes.
- **Apply**: to the sandbox over loopback, without a rate limit. Dixa allows ten requests a second.

## How to repeat it

```text
benches/run.py
```

`benches/instructions/count` counts instructions, which shows whether a change made dixaform slower.
"""


def page(results, count, rounds, machine, load):
    held = [(work, most, "–" if value is None else f"{value:.3g} {unit}", verdict(value, bound))
            for work, most, value, bound, unit in budgets(results, count)]
    rows = [(name, seconds(median(runs)), f"{seconds(min(runs).wall)} – {seconds(max(runs).wall)}",
             seconds(median(runs, "cpu")) if runs[0].cpu else "", f"{peak(runs):.0f}" if runs[0].peak else "")
            for name, runs in results.items()]
    warnings = [f"a trial: the budgets are for {GOAL:,} manifests"] if count != GOAL else []
    warnings += [f"the machine was busy (load {load:.1f}), so times are too long"] if load > 1 else []
    warning = f"\n> **Take these numbers with care:** {'; '.join(warnings)}.\n" if warnings else ""
    return PAGE.format(
        warning=warning, machine=machine, rounds=rounds,
        budgets=table(["work", "at most", "measured", ""], held),
        measured=table(["", "median", "least – most", "CPU", "peak MB"], rows),
    )


def about(trees):
    """The machine in one line."""
    said = lambda *arguments: subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"On {(models or [platform.machine()])[0]}, {os.cpu_count()} cores, {memory:.0f} GiB; "
        f"Linux {platform.release()}, manifests on {said('stat', '-f', '-c', '%T', str(trees))}; "
        f"{said(str(DIXAFORM), '--version')}, rustc {said('rustc', '--version').split()[1]}, "
        f"Python {platform.python_version()}; {datetime.date.today()}."
    )


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=GOAL, help="manifests (default 100,000)")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    if chosen.count < 1000 or chosen.rounds < 1:
        parser.error("at least 1,000 manifests and one round")
    load = os.getloadavg()[0]
    examples = [word for name in ("generate", "applied", "limits") for word in ("--example", name)]
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "dixaform", *examples], cwd=ROOT, check=True)
    # Manifests are in memory where there is room; what is synced must be on a disk.
    shared = Path("/dev/shm")
    room = shared.is_dir() and shutil.disk_usage(shared).free > chosen.count * 20_000
    folder = tempfile.TemporaryDirectory
    with folder(dir=TARGET) as work, folder(dir=shared if room else TARGET) as trees:
        machine = about(trees)
        results = measure(chosen.count, chosen.rounds, Path(trees), Path(work))
    text = page(results, chosen.count, chosen.rounds, machine, load)
    if chosen.count == GOAL:
        (ROOT / "docs/performance.md").write_text(text, encoding="utf-8")
    print(text, end="")


def peer(folder, path, *save):
    """What a good engineer writes in an afternoon: hashes each file, parses those that changed with PyYAML's C loader,
    compares canonical JSON with a state of JSON, and lists the changes."""
    import yaml

    digest = lambda value: hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    # Timestamps stay what they were written as.
    resolvers = {first: [one for one in some if not one[0].endswith(":timestamp")]
                 for first, some in yaml.CSafeLoader.yaml_implicit_resolvers.items()}
    loader = type("Loader", (yaml.CSafeLoader,), {"yaml_implicit_resolvers": resolvers})

    def parse(data):
        for one in yaml.load_all(data, loader):
            attributes = one["spec"].pop("customAttributes", {})
            record = {"content": digest(one["spec"]), "attributes": digest(attributes), "values": attributes}
            yield f"{one['kind']}.{one['metadata']['name']}", record

    state = json.loads(Path(path).read_text()) if os.path.exists(path) else {"files": {}, "records": {}}
    files, records = {}, {}
    for below, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(below, name)
            with open(file, "rb") as opened:
                data = opened.read()
            known, raw = state["files"].get(file), hashlib.sha256(data).hexdigest()
            same = known and known["raw"] == raw
            found = [(one, state["records"][one]) for one in known["addresses"]] if same else list(parse(data))
            files[file] = {"raw": raw, "addresses": [address for address, _ in found]}
            for address, record in found:
                if address in records:
                    sys.exit(f"{address} is described twice, in {file} too")
                records[address] = record
    for address, record in sorted(records.items(), key=lambda one: one[0]):
        before = state["records"].get(address)
        if before != record:
            print("~" if before else "+", address)
    if save:
        Path(path).write_text(json.dumps({"files": files, "records": records}))


if __name__ == "__main__":
    peer(*sys.argv[2:]) if sys.argv[1:2] == ["peer"] else main()
