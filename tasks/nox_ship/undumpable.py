"""Keeping other processes of the same user out of the memory of ours, where the system can.

Run as a script, it does so, asks for variables on its standard input, and runs a module with them: neither
``/proc/PID/environ``, which shows what a process was started with, nor its memory tells them. It imports nothing of
nox-ship, so that it can be started by its path.
"""

import contextlib
import json
import os
import runpy
import sys

READY = "nox-ship: ready\n"
"""What the script prints once the variables can be sent."""

_SET_DUMPABLE = 4  # PR_SET_DUMPABLE in <linux/prctl.h>; prctl(2) says what follows from it


def close_memory() -> None:
    """Close this process to others: on Linux, ``/proc/PID/environ`` and ``mem`` become the superuser's alone.

    What this process starts is open again. Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    close_memory()
    sys.stdout.write(READY)
    sys.stdout.flush()
    os.environ.update(json.load(sys.stdin))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
