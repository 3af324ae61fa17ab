"""What the numbers were measured on, and what else went on there meanwhile."""

import datetime
import os
import platform
import subprocess

LOAD_MAX = 1.5
OTHERS_MAX = 0.3


class Weather:
    """How busy the machine was: before the beginning, and with others' work during each round."""

    def __init__(self):
        self.load_before = os.getloadavg()[0]
        self.loads, self.others = [], []

    def add(self, others):
        self.loads.append(os.getloadavg()[0])
        if others is not None:
            self.others.append(others)

    def warning(self):
        load, others = max([self.load_before, *self.loads]), max(self.others, default=None)
        if others is not None and others > OTHERS_MAX:
            return f"other programs kept up to {others:.1f} CPUs busy (load {load:.1f}): times are too long, and ratios uncertain"
        if self.load_before > LOAD_MAX or others is None and load > LOAD_MAX:
            return f"the load was {load:.1f}: times may be too long"
        return None

    def text(self):
        others = f"; others kept {max(self.others):.2f} CPUs busy at most" if self.others else ""
        loads = f", {min(self.loads):.1f} to {max(self.loads):.1f} during the rounds, their own work included" if self.loads else ""
        return f"load {self.load_before:.1f} before{loads}{others}"


def said(*arguments):
    try:
        result = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return (result.stdout.strip() or "unknown").splitlines()[0]


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def system():
    try:
        release = platform.freedesktop_os_release()
        return f"{release.get('PRETTY_NAME', 'Linux')}, kernel {platform.release()}"
    except (OSError, AttributeError):
        return platform.platform()


def memory():
    try:
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    except (OSError, ValueError):
        return "unknown"


def file_system(folder):
    return said("stat", "--file-system", "--format=%T", str(folder))


def about(weather, rounds, tools, work, trees):
    """Pairs of a name and what to say, for a table."""
    versions = [said(str(tools.dixaform), "--version"), said("rustc", "--version"), said("git", "--version")]
    versions.append(f"Python {platform.python_version()}")
    if tools.python:
        import yaml

        versions.append(f"PyYAML {yaml.__version__} with libyaml")
    if tools.terraform:
        versions.append(said(tools.terraform, "version"))
    return {
        "machine": f"{cpu_model()}, {os.cpu_count()} cores, {memory()}",
        "system": system(),
        "versions": ", ".join(versions),
        "files": f"manifests on {file_system(trees)}, states and journals of applies on {file_system(work)}",
        "date": datetime.date.today().isoformat(),
        "rounds": str(rounds),
        "weather": weather.text(),
        "warning": weather.warning(),
    }
