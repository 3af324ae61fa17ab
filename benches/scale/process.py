"""Runs programs and measures them from outside: wall time, CPU and peak memory as the kernel counts them."""

import json
import os
import statistics
import subprocess
import sys
import time


class Failed(Exception):
    """A program did not do what it should; the message says which and how."""


class Run:
    """What one run took: wall and CPU in seconds, peak memory in MB (1 MB = 1,000,000 bytes)."""

    def __init__(self, wall, cpu, peak):
        self.wall, self.cpu, self.peak = wall, cpu, peak


class Series:
    """Runs of one thing, of which the median counts."""

    def __init__(self, runs=()):
        self.runs = list(runs)

    def add(self, run):
        self.runs.append(run)

    def wall(self):
        return statistics.median(run.wall for run in self.runs)

    def cpu(self):
        return statistics.median(run.cpu for run in self.runs)

    def peak(self):
        return max(run.peak for run in self.runs)

    def least(self):
        return min(run.wall for run in self.runs)

    def most(self):
        return max(run.wall for run in self.runs)


def environment(extra=()):
    """Little, and the same for everybody: no settings of a user's git, no colours, no proxies."""
    wanted = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "CHECKPOINT_DISABLE": "1",
    }
    wanted.update(extra)
    return wanted


class Spawner:
    """Starts what is measured from a process that is small itself: see spawner.py."""

    def __init__(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spawner.py")
        self.child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, task):
        self.child.stdin.write(json.dumps(task) + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            raise Failed(f"what starts programs has ended while it ran {task['arguments']}")
        return json.loads(answer)

    def stop(self):
        self.child.stdin.close()
        # It may still wait for a program, which it then kills.
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


# Started with the first run, and stopped at the end by `stop`.
SPAWNER = []


def stop():
    while SPAWNER:
        SPAWNER.pop().stop()


def run(arguments, exits=(0,), limit=900, output=os.devnull, errors=None, extra=(), folder=None):
    """One run; standard output goes to a file, or nowhere. It is killed after `limit` seconds.

    The exit code must be one of `exits`. What the program says on standard error is kept in the file `errors` and
    shown when it fails.
    """
    SPAWNER or SPAWNER.append(Spawner())
    errors = str(errors or os.path.join(WORK[0], "stderr.txt"))
    arguments = [str(argument) for argument in arguments]
    task = {"arguments": arguments, "environment": environment(extra), "limit": limit}
    task.update(output=str(output), errors=errors, folder=str(folder) if folder else None)
    answer = SPAWNER[0].run(task)
    MEASURED[0] += answer["cpu"]
    code = answer["code"]
    if code not in exits:
        why = f"was stopped after {limit} s" if answer["overdue"] else f"ended with {code}, not with one of {exits}"
        with open(errors, encoding="utf-8", errors="replace") as file:
            said = file.read()[-1500:]
        raise Failed(f"{' '.join(arguments)[:300]} {why}:\n{said}")
    return Run(answer["wall"], answer["cpu"], answer["peak"])


# Seconds of CPU of all runs so far.
MEASURED = [0.0]

# The folder for what is only passing through; set once by `run.py`.
WORK = ["."]


def busy():
    """Seconds of CPU that the whole machine has used so far; none where that can't be told."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            numbers = [int(number) for number in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return (sum(numbers) - numbers[3] - numbers[4]) / os.sysconf("SC_CLK_TCK")


class Others:
    """How many CPUs everybody else kept busy, between now and asking."""

    def __init__(self):
        self.wall, self.busy, self.mine = time.monotonic(), busy(), self._mine()

    @staticmethod
    def _mine():
        return sum(os.times()[:4]) + MEASURED[0]

    def cpus(self):
        now = busy()
        if now is None or self.busy is None:
            return None
        wall = max(time.monotonic() - self.wall, 0.01)
        return max((now - self.busy - (self._mine() - self.mine)) / wall, 0.0)
