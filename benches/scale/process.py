"""Runs programs and measures them from outside: wall time, CPU and peak memory as the kernel counts them."""

import os
import signal
import statistics
import threading
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


def run(arguments, exits=(0,), limit=900, output=os.devnull, errors=None, extra=()):
    """One run; standard output goes to a file, or nowhere. It is killed after `limit` seconds.

    The exit code must be one of `exits`. What the program says on standard error is kept in the file `errors` and
    shown when it fails.
    """
    errors = errors or os.path.join(WORK[0], "stderr.txt")
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), write, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(errors), write, 0o600),
    ]
    arguments = [str(argument) for argument in arguments]
    overdue = threading.Event()
    began = time.perf_counter()
    pid = os.posix_spawnp(arguments[0], arguments, environment(extra), file_actions=files, setpgroup=0)

    def kill():
        overdue.set()
        os.killpg(pid, signal.SIGKILL)

    watch = threading.Timer(limit, kill)
    watch.daemon = True
    watch.start()
    try:
        _, status, used = os.wait4(pid, 0)
    except BaseException:
        os.killpg(pid, signal.SIGKILL)
        raise
    finally:
        watch.cancel()
    wall = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code not in exits:
        with open(errors, encoding="utf-8", errors="replace") as file:
            said = file.read()[-1500:]
        why = f"was stopped after {limit} s" if overdue.is_set() else f"ended with {code}, not with one of {exits}"
        raise Failed(f"{' '.join(arguments)[:300]} {why}:\n{said}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)


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
        return sum(os.times()[:4])

    def cpus(self):
        now = busy()
        if now is None or self.busy is None:
            return None
        wall = max(time.monotonic() - self.wall, 0.01)
        return max((now - self.busy - (self._mine() - self.mine)) / wall, 0.0)
