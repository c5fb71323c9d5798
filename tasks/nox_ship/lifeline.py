"""Ending with the process that started us: a killed release leaves nothing running."""

from __future__ import annotations

import os
import signal
import threading
import time

RUN_VARIABLE = "NOX_SHIP_RUN"
"""Set for the nox run that a release starts, and for its parallel sessions."""
PARENT_VARIABLE = "NOX_SHIP_PARENT"
"""Process id of that nox, told to its parallel sessions."""

_INTERVAL_SECONDS = 0.1


def join_release() -> bool:
    """Return whether this nox runs the sessions of a release; if so, tie the parallel ones to it.

    nox starts each parallel session as a process group of its own, which a SIGKILL of nox's group does not reach.
    So the nox of the release notes its process id for its children, and each child ends when that process does.
    The children take the marks out of their environment: a nox that a test starts is not part of the release.
    """
    if not os.environ.get(RUN_VARIABLE):
        return False
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        os.environ[PARENT_VARIABLE] = str(os.getpid())
        return True
    del os.environ[RUN_VARIABLE], os.environ[PARENT_VARIABLE]
    end_with(int(parent))
    return True


def end_with(parent: int) -> None:
    """Kill this process and its group once its parent is no longer the process ``parent``.

    Does nothing where there are no process groups.
    """
    if os.name != "posix":
        return
    if os.getppid() != parent:
        _end()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_INTERVAL_SECONDS)
    _end()


def _end() -> None:
    # Only a group of our own: the group of whoever started us by hand is not ours to kill.
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
