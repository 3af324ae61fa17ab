"""First applies, without a rate limit: to the sandbox in the same process, and to one that runs apart."""

import json
import os
import re
import select
import shutil
import signal
import subprocess

from process import Failed, Series, environment, run
from trees import PROJECT, Tree

TOKEN = {"DIXA_API_KEY": "any-token"}
APART = """\
  apart:
    baseUrl: {url}
    state: {state}
    rateLimit: {{requestsPerSecond: 1000000, burst: 100000}}
"""


class Server:
    """`dixaform sandbox` on a free port, empty, for one apply."""

    def __init__(self, tools):
        arguments = [str(tools.dixaform), "sandbox", "--no-rate-limit"]
        self.child = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
        )
        try:
            self.url = self._url()
        except BaseException:
            self.stop()
            raise

    def _url(self):
        if not select.select([self.child.stdout], [], [], 20)[0]:
            raise Failed("dixaform sandbox said nothing for 20 s")
        line = os.read(self.child.stdout.fileno(), 4096).decode()
        found = re.search(r"http://\S+:\d+", line)
        if not found:
            raise Failed(f"dixaform sandbox said {line!r}")
        return found.group()

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


class Applies:
    """Applies of some numbers of manifests, always from nothing."""

    def __init__(self, tools, work, counts):
        self.tools, self.counts = tools, counts
        self.folder = work / "apply"
        self.work = work
        self.server = None
        self.results, self.calls, self.trees = {}, {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server:
            self.server.stop()

    def prepare(self, scenes, say):
        """Finds manifests for each count, counts the calls, and holds `examples/applied` against a real apply."""
        for count in self.counts:
            tree = next((scene.one for scene in scenes if scene.count == count), None)
            if tree is None:
                tree = Tree(self.work / f"{count:07}" / "one", count, 1, self.tools)
                tree.make()
            self.trees[count] = tree
            self.calls[count] = self._calls(tree)
        if self.counts:
            say("an apply, to see that the states that were written without one are as one leaves them")
            self._check(self.trees[self.counts[0]])

    def _calls(self, tree):
        plan = self.work / "plan.json"
        flags = ["--chdir", tree.folder, "--state", "state/none.json", "--format", f"json={plan}"]
        run([self.tools.dixaform, "plan", *flags])
        with open(plan, encoding="utf-8") as file:
            calls = json.load(file)["price"]["calls"]
        plan.unlink()
        return calls

    def _check(self, tree):
        self._embedded(tree)
        applied = (self.folder / "sandbox.json").read_text(encoding="utf-8")
        if comparable(applied) != comparable(tree.state.read_text(encoding="utf-8")):
            raise Failed(f"examples/applied wrote another state than an apply: {tree.state}, {self.folder}/sandbox.json")
        flags = ["--detailed-exitcode", "--chdir", tree.folder, "--state", self.folder / "sandbox.json"]
        run([self.tools.dixaform, "plan", *flags], exits=(0,))

    def _fresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        # What a removed tree left to write would be written during the apply.
        os.sync()

    def _embedded(self, tree):
        self._fresh()
        flags = ["--chdir", tree.folder, "--state", self.folder / "sandbox.json", "--yes"]
        return run([self.tools.dixaform, "apply", *flags])

    def _apart(self, tree):
        self._fresh()
        self.server = Server(self.tools)
        try:
            tenant = APART.format(url=self.server.url, state=self.folder / "apart.json")
            (self.folder / "dixaform.yaml").write_text(PROJECT + tenant)
            flags = ["--chdir", self.folder, "--tenant", "apart", "--yes", tree.manifests]
            return run([self.tools.dixaform, "apply", *flags], extra=TOKEN)
        finally:
            self.server.stop()
            self.server = None

    def round(self, count):
        tree = self.trees[count]
        results = self.results.setdefault(count, {})
        results.setdefault("embedded", Series()).add(self._embedded(tree))
        results.setdefault("apart", Series()).add(self._apart(tree))


def comparable(state):
    """Without what is different each time: lineage, organization, times, and which call came first."""
    state = re.sub(r'"lineage":"[^"]*"', "", state)
    state = re.sub(r'"appliedAt":"[^"]*"', "", state)
    return re.sub(r'^(\{"address":"[^"]*",)"id":\d+,', r"\1", state, flags=re.MULTILINE)
