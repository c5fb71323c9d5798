from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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
    """Return whether a process is running; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(*pids: int) -> bool:
    """Return whether all processes end within two seconds."""
    until = time.monotonic() + 2
    while any(map(running, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(running, pids))


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.mark.slow
@linux
def test_a_session_ends_with_the_process_that_started_it() -> None:
    """If the parent is killed by SIGKILL, a child in a session of its own ends, and so do the child's own children."""
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
    """A child that starts after its parent has ended kills itself immediately."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", CHILD, "1"], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.wait(timeout=5) == -signal.SIGKILL


GUARDED = f"""
import subprocess, sys, time
sys.path.insert(0, {SOURCES!r})
from nox_ship import lifeline
PROGRAM = "import subprocess, sys, time; line = [sys.executable, '-S', '-c', 'import time; time.sleep(30)'];"
PROGRAM += "p = subprocess.Popen(line, start_new_session=True); print(p.pid, flush=True); time.sleep(30)"
def start():
    process = subprocess.Popen([sys.executable, "-S", "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    return process.pid, int(process.stdout.readline())
with lifeline.guarded({{}}):
    told, ended, other = start(), start(), start()
    with lifeline.running(ended[0]):
        pass
    with lifeline.running(told[0]):
        print(*told, *ended, *other, flush=True)
        time.sleep(30)
"""


@linux
def test_what_a_killed_process_had_started_is_ended() -> None:
    """When our process is killed, the running program and all that it started end; other processes are left alone."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", GUARDED], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout
        program, inner, *others = map(int, parent.stdout.readline().split())
        try:
            assert all(map(running, (program, inner, *others)))
            parent.kill()
            assert ended(program, inner)
            assert all(map(running, others))
        finally:
            for pid in (program, inner, *others):
                if running(pid):
                    os.kill(pid, signal.SIGKILL)


def test_a_guard_ends_with_what_it_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard process is started once, gets only the variables passed to it, and ends after the outermost block."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(real(*args, **options))
        assert options["env"] == {"A": "b"}
        assert args[0][1:3] == ["-I", "-S"]  # otherwise, modules of the current folder could replace its own
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with lifeline.guarded({"A": "b"}), lifeline.guarded({}), lifeline.running(1 << 30):
        assert started[0].poll() is None
    with lifeline.running(1 << 30):
        assert [process.poll() for process in started] == [0]


def test_what_a_guard_is_told_is_ended_once_nothing_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its input ends, the guard kills programs that have not ended and their descendants, and no others."""
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: killed.append(pid))
    monkeypatch.setattr(lifeline, "_children", lambda: {1: [3, 4], 4: [5], 2: [6], 9: [1]})
    lifeline._stand_guard(["+1\n", "+2\n", "-2\n"])
    assert sorted(killed) == [1, 3, 4, 5]


def test_processes_are_listed_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `/proc`, as on macOS, the processes are listed by `ps`."""
    monkeypatch.setattr(Path, "exists", lambda _: False)
    started: list[list[str]] = []

    def start(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        started.append(command)
        return subprocess.CompletedProcess((), 0, stdout="    1     0\n  312     1\n  313   312\n")

    monkeypatch.setattr(subprocess, "run", start)
    assert lifeline._children() == {0: [1], 1: [312], 312: [313]}
    assert started == [["ps", "-A", "-o", "pid=,ppid="]]


def test_nothing_is_ended_where_there_are_no_process_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without process groups, no guard is started, and a process whose parent has ended keeps running."""
    monkeypatch.setattr(lifeline, "_POSIX", False)
    monkeypatch.setattr(lifeline, "_end", lambda: pytest.fail("The process was ended."))
    lifeline.end_with(0)
    with lifeline.guarded({}):
        assert lifeline._guard is None
