"""Runs programs one after the other and says what each took; a line of JSON each in and out.

A process inherits the mark of peak memory of the one that started it. So what starts those that are measured has to be
small, and does nothing else.
"""

import json
import os
import signal
import sys
import threading
import time


def measured(task):
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, task["output"], write, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, task["errors"], write, 0o600),
    ]
    os.chdir(task["folder"] or "/")
    overdue = threading.Event()
    began = time.perf_counter()
    pid = os.posix_spawnp(task["arguments"][0], task["arguments"], task["environment"], file_actions=files, setpgroup=0)

    def kill():
        overdue.set()
        os.killpg(pid, signal.SIGKILL)

    watch = threading.Timer(task["limit"], kill)
    watch.daemon = True
    watch.start()
    try:
        _, status, used = os.wait4(pid, 0)
    except BaseException:
        os.killpg(pid, signal.SIGKILL)
        raise
    finally:
        watch.cancel()
    return {
        "wall": time.perf_counter() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * 1024 / 1e6,
        "code": os.waitstatus_to_exitcode(status),
        "overdue": overdue.is_set(),
    }


def main():
    for line in sys.stdin:
        try:
            answer = measured(json.loads(line))
        except OSError as error:
            answer = {"wall": 0, "cpu": 0, "peak": 0, "code": str(error), "overdue": False}
        print(json.dumps(answer), flush=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
