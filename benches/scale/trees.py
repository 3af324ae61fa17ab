"""Makes the folders that are planned: manifests, their state, a git repository around them."""

import json
import os
import re
import shutil
import time
from pathlib import Path

from process import Failed, run

PROJECT = """\
version: 1
manifests: [manifests]
defaultTenant: sandbox
tenants:
  sandbox:
    rateLimit: {requestsPerSecond: 1000000, burst: 100000}
"""

# The clock of a file system ticks; a file written just before it was read is not trusted, by dixaform and git alike.
SETTLE = 1.2

TEXT = re.compile(r'^(    2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: ")', re.MULTILINE)


def git(folder, *arguments):
    settings = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "core.compression=0"]
    run(["git", "-C", folder, *settings, *arguments])


class Tree:
    """A project of COUNT manifests in files of PER_FILE, all of them applied as the state has it."""

    def __init__(self, folder, count, per_file, tools, repository=False):
        self.folder, self.count, self.per_file = Path(folder), count, per_file
        self.tools, self.repository = tools, repository
        self.manifests = self.folder / "manifests"
        self.state = self.folder / "state" / "sandbox.json"

    def make(self):
        """Makes it, unless it is there from a run before."""
        ready = self.folder / "ready.json"
        wanted = json.dumps([self.count, self.per_file, self.repository, self.tools.written()])
        if ready.is_file() and ready.read_text() == wanted:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.state.parent.mkdir(parents=True)
        run([self.tools.generate, self.manifests, self.count, self.per_file])
        (self.folder / "dixaform.yaml").write_text(PROJECT)
        # The state notes names of files as a plan in this folder sees them.
        run([self.tools.applied, "manifests", "state/sandbox.json"], folder=self.folder)
        if self.repository:
            (self.folder / ".gitignore").write_text("/state/\n/ready.json\n/peer*.json\n")
            git(self.folder, "init", "--quiet")
            git(self.folder, "config", "gc.auto", "0")
            time.sleep(SETTLE)
            git(self.folder, "add", "--all")
            git(self.folder, "commit", "--quiet", "--message", "Manifests")
        ready.write_text(wanted)

    def files(self):
        return sorted(self.manifests.glob("*/*.yaml"))

    def change(self, original):
        """Changes one attribute value of one manifest in a hundred, and gives how many there are."""
        texts = self.files()
        changed = 0
        for first in range(0, len(texts), 100):
            for path in texts[first : first + 100]:
                text = (original.manifests / path.relative_to(self.manifests)).read_text(encoding="utf-8")
                other, count = TEXT.subn(r"\g<1>changed ", text, count=1)
                if count:
                    path.write_text(other, encoding="utf-8")
                    changed += 1
                    break
        if changed == 0:
            raise Failed("no manifest has an attribute that could be changed")
        return changed

    def warm(self):
        """Reads all files once, so that what is measured next finds them in the page cache: there are kernels that give
        back within seconds what nobody reads."""
        for folder, _, names in os.walk(self.folder):
            for name in names:
                try:
                    with open(os.path.join(folder, name), "rb", buffering=0) as file:
                        while file.read(1 << 20):
                            pass
                except FileNotFoundError:
                    pass

    def restore(self, original):
        """Brings back what `change` changed, in this run or one before."""
        for path in self.files():
            same = original.manifests / path.relative_to(self.manifests)
            if path.stat().st_size != same.stat().st_size:
                shutil.copyfile(same, path)
