#!/usr/bin/env python3
"""Measures dixaform on many manifests, against the machine's limits and against what else one could run.

    python3 benches/scale/run.py                      # 1,000, 10,000 and 100,000 manifests, five rounds
    python3 benches/scale/run.py --counts 1000 --runs 3
    python3 benches/scale/run.py --out docs           # also writes docs/performance.md and docs/performance.svg

Each round runs every contender once, one after the other, so that other work on the machine meets all alike; what
counts is the median over the rounds. Everything is a whole process, measured from outside. Needs Python 3.9, cargo and
git, and nothing else; contenders that are not installed are left out, loudly. It works in a temporary folder
and removes it at the end; with --work DIR --keep the manifests stay for the next time.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import machine
import page
import plot
import process
import ratios
from apply import Applies
from process import Failed, Others, Run, Series, run
from trees import SETTLE, Tree

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Terraform takes 28 s for a cold plan of 10,000, and most of an hour to apply them.
TERRAFORM_MAX = 1_000
APPLY_MAX = 10_000


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Tools:
    """The programs that are measured, and those that prepare what they are measured on."""

    def __init__(self, build):
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        target = target if target.is_absolute() else ROOT / target
        if build:
            say("building (release)")
            names = ["--example", "generate", "--example", "applied", "--example", "limits"]
            subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "dixaform", *names], cwd=ROOT, check=True)
        self.dixaform = target / "release" / "dixaform"
        examples = target / "release" / "examples"
        self.generate, self.applied, self.limits = (examples / name for name in ("generate", "applied", "limits"))
        for tool in (self.dixaform, self.generate, self.applied, self.limits):
            if not tool.is_file():
                sys.exit(f"{tool} is not there; leave out --no-build")
        self.python = self._python()
        self.terraform = shutil.which("terraform")

    @staticmethod
    def _python():
        try:
            import yaml
        except ImportError:
            return None
        return sys.executable if yaml.__with_libyaml__ else None

    @staticmethod
    def written():
        """Changes whenever the manifests or their state could come out otherwise."""
        sources = [ROOT / "examples/generate.rs", ROOT / "examples/applied.rs", *sorted(ROOT.glob("src/state/**/*.rs"))]
        return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


class Scene:
    """All that is measured with one number of manifests."""

    def __init__(self, count, tools, work, rounds):
        self.count, self.tools, self.rounds = count, tools, rounds
        folder = work / f"{count:07}"
        self.folder = folder
        self.one = Tree(folder / "one", count, 1, tools, repository=True)
        self.fifty = Tree(folder / "fifty", count, 50, tools)
        self.changed = Tree(folder / "changed", count, 1, tools)
        self.contenders = []
        self.results = {}

    def prepare(self):
        say(f"{self.count:,} manifests: writing them, in one file each and in files of 50")
        self.changed.folder.exists() and self.changed.restore(self.one)
        for tree in (self.one, self.fifty, self.changed):
            tree.make()
        time.sleep(SETTLE)
        say(f"{self.count:,} manifests: a first plan of each, which writes the indexes")
        for tree in (self.one, self.fifty, self.changed):
            self._plan(tree, 0, index=True)
        self._check_same()
        git = ["git", "-C", self.one.folder, "status", "--porcelain"]
        said = self.folder / "said.txt"
        run(git, output=said)
        if said.read_text():
            raise Failed(f"git finds changes in {self.one.folder}: {said.read_text()[:300]}")
        changed = self.changed.change(self.one)
        time.sleep(SETTLE)
        self._check_changed(changed)
        self._list()

    def _plan(self, tree, exits, index=True, state=None, output=os.devnull):
        flags = ["--detailed-exitcode", "--chdir", tree.folder]
        flags += [] if index else ["--no-index"]
        flags += ["--state", state] if state else []
        return run([self.tools.dixaform, "plan", *flags], exits=(exits,), output=output)

    def _cold(self, tree):
        return self._plan(tree, 2, state="state/none.json")

    def _check_same(self):
        """The plan is what it should be, or nothing that is measured means anything."""
        said = self.folder / "said.txt"
        self._plan(self.one, 0, output=said)
        if not said.read_text().startswith("No changes."):
            raise Failed(f"the plan of what is applied says {said.read_text()[:300]}")
        index = self.one.state.parent / ".dixaform-index" / "sandbox.index"
        if not index.is_file():
            raise Failed(f"no index at {index} after two plans")

    def _check_changed(self, changed):
        said = self.folder / "said.txt"
        self._plan(self.changed, 2, output=said)
        if f" {changed} to update," not in said.read_text():
            raise Failed(f"{changed} manifests were changed, and the plan ends {said.read_text()[-300:]}")

    def _list(self):
        add = lambda name, work, most=None, tree=self.one: self.contenders.append((name, work, most, tree))
        add("cold", lambda: self._cold(self.one))
        add("same", lambda: self._plan(self.one, 0))
        add("same, no index", lambda: self._plan(self.one, 0, index=False))
        add("1 % changed", lambda: self._plan(self.changed, 2), tree=self.changed)
        add("cold, 50 per file", lambda: self._cold(self.fifty), tree=self.fifty)
        add("same, 50 per file", lambda: self._plan(self.fifty, 0), tree=self.fifty)
        add("git status", lambda: run(["git", "-C", self.one.folder, "status", "--porcelain"]))
        add("limits", self._limits)
        self._list_pyyaml(add)
        self._list_terraform(add)

    def _list_pyyaml(self, add):
        if not self.tools.python:
            return
        script, folder = HERE / "peer_pyyaml.py", self.one.folder
        peer = lambda state, *flags: run([self.tools.python, script, self.one.manifests, folder / state, *flags])
        for state, flags in (("peer.json", ["--save"]), ("peer-raw.json", ["--save", "--raw-hash"])):
            if not (folder / state).exists():
                say(f"{self.count:,} manifests: the state of the PyYAML script {' '.join(flags[1:])}")
                peer(state, *flags)
        most = 3 if self.count > 10_000 else None
        add("PyYAML, cold", lambda: peer("peer-none.json"), most)
        add("PyYAML, same", lambda: peer("peer.json"), most)
        add("PyYAML with raw hashes, same", lambda: peer("peer-raw.json", "--raw-hash"), most)

    def _list_terraform(self, add):
        if not self.tools.terraform or self.count > TERRAFORM_MAX:
            return
        folder = self.folder / "terraform"
        folder.mkdir(exist_ok=True)
        shutil.copyfile(HERE / "peer.tf", folder / "main.tf")
        terraform = [self.tools.terraform, f"-chdir={folder}"]
        flags = [f"-var=folder={self.one.manifests}", "-input=false", "-no-color", "-lock=false"]
        try:
            say(f"{self.count:,} manifests: terraform init, and a first plan (at most a minute)")
            run([*terraform, "init", "-input=false", "-no-color"], limit=60)
            run([*terraform, "plan", *flags], limit=60)
        except Failed as error:
            say(f"!! LEFT OUT: terraform: {error}")
            return
        add("Terraform, cold", lambda: run([*terraform, "plan", *flags], limit=300), 3)

    def _limits(self):
        said = self.folder / "limits.txt"
        whole = run([self.tools.limits, self.one.manifests], output=said)
        for line in said.read_text().splitlines():
            name, value = line.split("\t")
            if name not in ("files", "bytes"):
                self._add("limit: " + name, Run(float(value), float(value), whole.peak))
            elif name == "bytes":
                self.bytes = int(value)
        return None

    def _add(self, name, result):
        self.results.setdefault(name, Series()).add(result)

    def round(self, number):
        for name, work, most, tree in self.contenders:
            if most is None or number < most:
                tree.warm()
                result = work()
                result and self._add(name, result)


def small(tools, work, rounds, results):
    """What a plan costs that has next to nothing to do; many runs, since they are short."""
    tree = Tree(work / "ten", 10, 1, tools)
    tree.make()
    state = ["--state", "state/none.json"]
    contenders = [
        ("nothing (true)", ["true"], 0),
        ("--version", [tools.dixaform, "--version"], 0),
        ("plan of 10", [tools.dixaform, "plan", "--detailed-exitcode", "--chdir", tree.folder, *state], 2),
    ]
    for _ in range(max(10, 4 * rounds)):
        for name, arguments, code in contenders:
            results.setdefault(name, Series()).add(run(arguments, exits=(code,)))


def measured(scenes, applies, tools, work, rounds, weather):
    """All rounds; gives the results of what has no number of manifests."""
    results = {}
    for number in range(rounds):
        others = Others()
        for scene in scenes:
            say(f"round {number + 1} of {rounds}: {scene.count:,} manifests")
            scene.round(number)
        for count in applies.counts:
            if count <= APPLY_MAX or number == 0:
                say(f"round {number + 1} of {rounds}: apply of {count:,}")
                applies.round(count)
        weather.add(others.cpus())
    say("--version and a plan of 10 manifests")
    small(tools, work, rounds, results)
    return results


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    counts = lambda text: sorted({int(count) for count in text.split(",")})
    parser.add_argument("--counts", type=counts, default=[1_000, 10_000, 100_000], help="numbers of manifests")
    parser.add_argument("--runs", type=int, default=5, help="rounds")
    parser.add_argument("--out", type=Path, help="write performance.md and performance.svg into this folder")
    parser.add_argument("--work", type=Path, help="work in this folder, in place of a temporary one")
    parser.add_argument(
        "--trees", type=Path, help="write the manifests into this folder: one in memory, if the kernel gives page cache back soon"
    )
    parser.add_argument("--keep", action="store_true", help="leave the manifests in --work for the next time")
    parser.add_argument("--apply-all", action="store_true", help=f"apply more than {APPLY_MAX:,} too, once; it takes minutes")
    parser.add_argument("--no-apply", action="store_true", help="leave out applies")
    parser.add_argument("--no-build", action="store_true", help="take the programs that are there")
    chosen = parser.parse_args()
    if chosen.runs < 1 or min(chosen.counts) < 100:
        parser.error("at least one round, and at least 100 manifests")
    if chosen.keep and not chosen.work:
        parser.error("--keep needs --work")
    return chosen


def go(chosen, tools, work, trees):
    process.WORK[0] = str(work)
    weather = machine.Weather()
    if weather.load_before > machine.LOAD_MAX:
        say(f"!! the load is {weather.load_before:.1f} before the beginning: other work will be measured too")
    for what, there in (("PyYAML with libyaml", tools.python), ("terraform", tools.terraform)):
        there or say(f"!! LEFT OUT: {what} is not installed")
    rounds = chosen.runs
    scenes = [Scene(count, tools, trees, rounds) for count in chosen.counts]
    for scene in scenes:
        scene.prepare()
    apply_counts = [count for count in chosen.counts if count <= APPLY_MAX or chosen.apply_all]
    with Applies(tools, work, [] if chosen.no_apply else sorted({1_000, *apply_counts})) as applies:
        applies.prepare(scenes, say)
        small_results = measured(scenes, applies, tools, work, rounds, weather)
        data = {
            "scenes": {scene.count: scene.results for scene in scenes},
            "bytes": {scene.count: scene.bytes for scene in scenes},
            "small": small_results,
            "apply": applies.results,
            "calls": applies.calls,
        }
    held = ratios.all_of(data)
    about = machine.about(weather, rounds, tools, work, trees)
    print(page.table(data, held, about))
    if chosen.out:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "performance.md").write_text(page.page(data, held, about), encoding="utf-8")
        (chosen.out / "performance.svg").write_text(plot.plot(data), encoding="utf-8")
        say(f"wrote {chosen.out}/performance.md and {chosen.out}/performance.svg")


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    chosen = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    tools = Tools(build=not chosen.no_build)
    if chosen.work:
        chosen.work.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="dixaform-scale-", dir=chosen.work)) if not chosen.keep else chosen.work
    work = work.resolve()
    trees = Path(tempfile.mkdtemp(prefix="dixaform-trees-", dir=chosen.trees)).resolve() if chosen.trees else work
    say(f"working in {work}" + (f", manifests in {trees}" if chosen.trees else ""))
    try:
        go(chosen, tools, work, trees)
    except Failed as error:
        sys.exit(f"stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        if chosen.trees:
            shutil.rmtree(trees, ignore_errors=True)
        process.stop()
        if not chosen.keep:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
