"""Ending with the process that started us, so that a killed release leaves nothing running.

A process cannot react to SIGKILL. So each session of a release waits for the end of the process from which it was
forked; and a guard, a small process next to the release, ends the other running programs. When it is run as a script,
this file is that guard; it imports nothing of nox-ship.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_INTERVAL_SECONDS = 0.02
_POSIX = os.name == "posix"

_guard: int | None = None
"""The pipe to the guard; None if there is no guard."""


def end_with(parent: int) -> None:
    """Kill this process and its group once its parent is no longer the process ``parent``.

    Does nothing on systems without process groups.
    """
    if not _POSIX:
        return
    if os.getppid() != parent:
        _end()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux since 5.3 notifies us immediately
        waiting = select.poll()
        waiting.register(os.pidfd_open(parent), select.POLLIN)
        if os.getppid() == parent:  # and not another process that now has its number
            waiting.poll()
    while os.getppid() == parent:
        time.sleep(_INTERVAL_SECONDS)
    _end()


def _end() -> None:
    # Only a group of our own; the group of a user who started us manually must survive.
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


@contextlib.contextmanager
def guarded(env: Mapping[str, str]) -> Iterator[None]:
    """Make the guard end programs announced with :func:`running` if this process is killed.

    Args:
        env: The environment of the guard, which all the user's processes can read: without credentials.
    """
    global _guard  # noqa: PLW0603 - programs are started in a hundred places, and there is one guard
    if not _POSIX or _guard is not None:
        yield
        return
    command = [sys.executable, "-I", "-S", __file__]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd="/", env=env, stdin=subprocess.PIPE, stdout=silent, stderr=silent, start_new_session=True
    )
    _guard = process.stdin.fileno() if process.stdin else None
    try:
        yield
    finally:
        _guard = None
        if process.stdin:
            process.stdin.close()
        process.wait()  # its own `with` does not wait after Ctrl-C


@contextlib.contextmanager
def running(pid: int) -> Iterator[None]:
    """Make the guard end the process ``pid``, and all that it started, if ours is killed within the block."""
    _tell(f"+{pid}\n")
    try:
        yield
    finally:
        _tell(f"-{pid}\n")


def _tell(line: str) -> None:
    if _guard is not None:
        with contextlib.suppress(OSError):  # the guard has ended
            os.write(_guard, line.encode())


def _stand_guard(lines: Iterable[str]) -> None:
    """Read which programs are running until the sender is gone, then end those that are left."""
    left: set[int] = set()
    for line in lines:
        (left.add if line.startswith("+") else left.discard)(int(line[1:]))
    children = _children() if left else {}
    while left:
        pid = left.pop()
        left.update(children.pop(pid, ()))
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _children() -> dict[int, list[int]]:
    """Return the processes of this machine by their parent."""
    if Path("/proc/self/stat").exists():
        rows = _read_proc()
    else:
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], stdout=subprocess.PIPE, text=True, check=False)
        rows = ((int(pid), int(parent)) for pid, parent in map(str.split, listing.stdout.splitlines()))
    found: dict[int, list[int]] = {}
    for pid, parent in rows:
        found.setdefault(parent, []).append(pid)
    return found


def _read_proc() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (folder / "stat").read_text("ascii", errors="replace")
            yield int(folder.name), int(status.rpartition(")")[2].split()[1])


if __name__ == "__main__":
    _stand_guard(sys.stdin)
