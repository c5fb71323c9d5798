from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nox_ship import lifeline

SOURCES = str(Path(lifeline.__file__).parent.parent)
CHILD = f"""
import os, subprocess, sys, time
sys.path.insert(0, {SOURCES!r})
from nox_ship import lifeline
grandchild = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(30)"])
lifeline.end_with(int(sys.argv[1]) or os.getppid())
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(30)
"""
PARENT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-S", "-c", {CHILD!r}, "0"], start_new_session=True)
time.sleep(30)
"""


def running(pid: int) -> bool:
    """Whether the process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(*pids: int) -> bool:
    """Whether all processes end within two seconds."""
    until = time.monotonic() + 2
    while any(map(running, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(running, pids))


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@linux
def test_a_session_ends_with_the_process_that_started_it() -> None:
    """A child in a session of its own, and what it started, are gone after a SIGKILL of the parent."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout
        child, grandchild = map(int, parent.stdout.readline().split())
        try:
            time.sleep(0.3)
            assert running(child)
            assert running(grandchild)
            parent.kill()
            assert ended(child, grandchild)
        finally:
            for pid in (child, grandchild):
                if running(pid):
                    os.kill(pid, signal.SIGKILL)


@linux
def test_a_child_whose_parent_is_gone_ends_at_once() -> None:
    """It does not wait for a parent that it no longer has."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", CHILD, "1"], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.wait(timeout=5) == -signal.SIGKILL


def test_a_nox_of_ones_own_is_not_tied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the mark of a release nothing is changed."""
    monkeypatch.delenv(lifeline.RUN_VARIABLE, raising=False)
    monkeypatch.delenv(lifeline.PARENT_VARIABLE, raising=False)
    assert lifeline.join_release() is False
    assert lifeline.PARENT_VARIABLE not in os.environ


def test_the_nox_of_a_release_tells_its_sessions_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first nox leaves its process id for its children."""
    monkeypatch.setenv(lifeline.RUN_VARIABLE, "1")
    monkeypatch.setenv(lifeline.PARENT_VARIABLE, "x")
    monkeypatch.delenv(lifeline.PARENT_VARIABLE)
    assert lifeline.join_release() is True
    assert os.environ[lifeline.PARENT_VARIABLE] == str(os.getpid())


def test_a_session_hands_the_marks_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A nox that a test starts is not part of the release."""
    tied: list[int] = []
    monkeypatch.setattr(lifeline, "end_with", tied.append)
    monkeypatch.setenv(lifeline.RUN_VARIABLE, "1")
    monkeypatch.setenv(lifeline.PARENT_VARIABLE, "123")
    assert lifeline.join_release() is True
    assert tied == [123]
    assert lifeline.RUN_VARIABLE not in os.environ
    assert lifeline.PARENT_VARIABLE not in os.environ
