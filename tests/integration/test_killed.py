"""Rehearsals that are killed: nothing is changed, and no process keeps running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import Bench

SLOW_TEST = """\
import time
from pathlib import Path


def test_slow():
    Path({mark!r}).touch()
    time.sleep(30)
"""


def wait_for(mark: Path, running: subprocess.Popen[bytes]) -> None:
    """Wait until the slow test is running."""
    until = time.monotonic() + 60
    while not mark.exists():
        assert running.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")
@pytest.mark.parametrize(
    "moment", [*(pytest.param(moment, marks=pytest.mark.exhaustive) for moment in (0.25, 0.6, 1.6)), 1.0, None]
)
def test_killed_rehearsal_leaves_nothing(bench: Bench, moment: float | None) -> None:
    """After SIGKILL of a rehearsal's process group at any moment, nothing is changed and no process keeps running."""
    mark = bench.root.parent / "mark"
    bench.write({"tests/test_slow.py": SLOW_TEST.format(mark=str(mark))})
    bench.commit()
    before = bench.snapshot()
    running = bench.start("-s", "release", "--", "patch", "--dry-run")
    wait_for(mark, running) if moment is None else time.sleep(moment)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait(timeout=10)
    assert bench.processes() == []
    assert bench.snapshot() == before
    if moment is None:
        bench.write({"tests/test_slow.py": None})
        bench.commit()
        assert bench.rehearse().code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")
def test_a_nox_that_is_killed_alone_takes_everything_along(bench: Bench) -> None:
    """If only the process of nox is killed, its sessions and what they run end within a second."""
    mark = bench.root.parent / "mark"
    bench.write({"tests/test_slow.py": SLOW_TEST.format(mark=str(mark))})
    bench.commit()
    running = bench.start("-s", "release", "--", "patch", "--dry-run")
    wait_for(mark, running)
    running.kill()
    running.wait(timeout=10)
    assert bench.processes(seconds=1) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")
def test_killed_parallel_nox_leaves_nothing(bench: Bench) -> None:
    """A rehearsal that nox runs as a parallel session ends when that nox is killed."""
    mark = bench.root.parent / "mark"
    bench.write({"tests/test_slow.py": SLOW_TEST.format(mark=str(mark))})
    bench.commit()
    running = bench.start("-j", "2", "-s", "release", "--", "patch", "--dry-run")
    wait_for(mark, running)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait(timeout=10)
    assert bench.processes() == []
