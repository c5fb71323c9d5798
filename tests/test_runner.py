"""The runner, run as a program on a noxfile whose sessions end in every possible way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nox_ship import json_data, runner
from nox_ship.output import EVENT

NOXFILE = """\
import atexit, os, signal, subprocess, sys, time
import nox

atexit.register(lambda: print("tidied up"))
print("loading", end="")
START = time.monotonic()

def session(**options):
    return nox.session(venv_backend="none", **{"allow_parallel": True, **options})

@session()
def good(session):
    "Pass."
    print("partial", end="", flush=True)
    session.run(sys.executable, "-c", "print(' line')", external=True)
    session.log(f"parallel: {session.parallel}, input: {sys.stdin.read()!r}, group: {os.getpgrp() == os.getpid()}")

@session(requires=["good"])
def after_good(session):
    session.log("reached")

@session()
def bad(session):
    session.run(sys.executable, "-c", "import sys; print('caf\\u00e9'); sys.exit(3)", external=True)

@session(requires=["bad"])
def after_bad(session):
    raise AssertionError

@session(requires=["after_bad"])
def long_after_bad(session):
    raise AssertionError

@session()
def skipped(session):
    session.skip("not today")

@session(requires=["skipped"])
def after_skipped(session):
    pass

@session()
def raises(session):
    raise ValueError("boom")

@session()
def leaves(session):
    sys.exit(0)

@session()
def leaves_badly(session):
    sys.exit("no")

@session()
def is_killed(session):
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

@session()
def ends_early(session):
    os._exit(7)

@session()
def leaves_a_process(session):
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(20)"])
    session.log("done")

@session()
@nox.parametrize("x", [1, 2])
def par(session, x):
    print("x" * 100_000 * x)

@session(allow_parallel=False)
def alone(session):
    session.log(f"from {time.monotonic() - START}")
    time.sleep(0.1)
    session.log(f"until {time.monotonic() - START}")

@session(allow_parallel=False)
def also_alone(session):
    alone(session)
"""
PLAIN = (
    *("good", "after_good", "bad", "after_bad", "long_after_bad", "skipped", "after_skipped", "raises", "par(x=1)"),
    *("par(x=2)", "leaves_a_process"),
)
"""Sessions for which nox's own report must agree with the runner's."""


@dataclass
class Ran:
    """The outcome of a run of the runner."""

    code: int
    seconds: float
    plain: list[str] = field(default_factory=list)
    order: list[tuple[str, str]] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    needs: dict[str, list[str]] = field(default_factory=dict)


Run = Callable[..., Ran]


def run(folder: Path, *arguments: str) -> Ran:
    """Run sessions of the noxfile in a folder."""
    begun = time.monotonic()
    command = [sys.executable, "-P", runner.__file__, "--noxfile", "noxfile.py", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    ran = Ran(done.returncode, time.monotonic() - begun)
    for line in done.stdout.split("\n"):
        if not line.startswith(EVENT):
            ran.plain.append(line)
            continue
        kind, name, *rest = json_data.parse(line.removeprefix(EVENT).encode())
        if kind == "said":
            ran.said[name] = ran.said.get(name, "") + rest[0]
        else:
            ran.order.append((kind, name))
        if kind == "started":
            ran.needs[name] = rest[0]
        if kind == "ended":
            ran.entries[name] = rest[0]
    ran.plain += done.stderr.split("\n")
    return ran


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the noxfile."""
    made = tmp_path_factory.mktemp("runner")
    (made / "noxfile.py").write_text(NOXFILE, "utf-8")
    return made


@pytest.fixture(scope="module")
def ran(folder: Path) -> Ran:
    """Return the outcome of all sessions."""
    return run(folder)


@pytest.mark.slow
def test_each_session_comes_to_what_nox_says_of_it_alone(folder: Path, ran: Ran) -> None:
    """The runner reports the same result, reason and name for each session as nox does."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "nox", "--noxfile", "noxfile.py", "--report", str(report), "--sessions", *PLAIN]
    silent = subprocess.DEVNULL  # a pipe would stay open for the process that a session leaves running
    subprocess.run(command, cwd=folder, stdout=silent, stderr=silent, timeout=60, check=False)
    facts = ("name", "signatures", "result", "result_code", "reason", "args")
    told = {one["signatures"][0]: one for one in json.loads(report.read_text("utf-8"))["sessions"]}
    assert {name: {fact: ran.entries[name][fact] for fact in facts} for name in PLAIN} == {
        name: {fact: told[name][fact] for fact in facts} for name in PLAIN
    }
    assert ran.code == 1


@pytest.mark.slow
def test_all_that_a_session_writes_is_told(ran: Ran) -> None:
    """Everything that a session, its programs, and nox print is reported in full under the session's name."""
    first, second, third = ran.said["good"].splitlines()[:3]
    assert (first, third) == ("nox > Running session good", " line")
    assert second.startswith(f"partialnox > {sys.executable} -c")
    assert ran.said["good"].endswith("Session good was successful.\ntidied up\n")
    assert "caf\u00e9\n" in ran.said["bad"]
    assert "ValueError: boom" in ran.said["raises"]
    assert "x" * 200_000 in ran.said["par(x=2)"]
    assert ran.said["is_killed"].endswith("last words\n")
    assert "after_bad" not in ran.said
    assert "loading" in ran.plain


@pytest.mark.slow
def test_a_session_is_a_process_group_without_input(ran: Ran) -> None:
    """A session runs in its own process group, without input, and knows that others run in parallel."""
    assert "nox > parallel: True, input: '', group: True" in ran.said["good"]


@pytest.mark.parametrize(
    ("name", "result", "reason"),
    [
        ("leaves", "success", None),
        ("leaves_badly", "failed", None),
        ("is_killed", "failed", "its process ended early, killed by SIGKILL"),
        ("ends_early", "failed", "its process ended early, with exit code 7"),
    ],
)
def test_a_process_that_ends_early_has_not_passed(ran: Ran, name: str, result: str, reason: str | None) -> None:
    """A session whose process ends early has failed, unless it calls `sys.exit(0)`."""
    assert (ran.entries[name]["result"], ran.entries[name].get("reason")) == (result, reason)


def test_what_is_required_has_ended_before(ran: Ran) -> None:
    """A session starts after those that it requires have ended, and each starts and ends once."""
    assert (ran.needs["after_good"], ran.needs["good"]) == (["good"], [])
    assert ran.order.index(("ended", "good")) < ran.order.index(("started", "after_good"))
    assert len(ran.order) == len(set(ran.order))
    assert {name for _, name in ran.order} == set(ran.entries)


def test_a_session_that_allows_no_other_beside_it_runs_alone(ran: Ran) -> None:
    """A session that does not allow others beside it starts once all others have ended, and runs alone."""
    for name in ("alone", "also_alone"):
        at = ran.order.index(("started", name))
        before = ran.order[:at]
        assert {one for kind, one in before if kind == "started"} <= {one for kind, one in before if kind == "ended"}
        assert ran.order[at + 1] == ("ended", name)


def test_a_process_that_a_session_leaves_is_not_waited_for(ran: Ran) -> None:
    """The runner does not wait for a process that a session leaves running, even if it holds the output open."""
    assert ran.seconds < 15
    assert ran.said["leaves_a_process"].endswith("successful.\ntidied up\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [(["--sessions", "nobody"], 3, "nobody"), (["--noxfile", "gone.py"], 2, "no such file")],
)
def test_what_nox_refuses_is_refused(folder: Path, arguments: list[str], code: int, words: str) -> None:
    """The runner refuses what nox refuses, with nox's message and exit code."""
    ran = run(folder, *arguments)
    assert (ran.code, ran.entries) == (code, {})
    assert any(words in line for line in ran.plain)


@pytest.mark.slow
def test_a_noxfile_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    """If the noxfile cannot be loaded, its error is shown."""
    (tmp_path / "noxfile.py").write_text("raise ValueError('no')", "utf-8")
    ran = run(tmp_path)
    assert (ran.code, ran.entries) == (1, {})
    assert "ValueError: no" in ran.plain


@pytest.mark.slow
def test_the_sessions_end_with_whoever_waits_for_the_runner(tmp_path: Path) -> None:
    """If the process that started the runner is killed, the sessions end too."""
    text = "import time, nox\n@nox.session(venv_backend='none')\ndef waits(session):\n    open('{0}', 'w').close()\n"
    text += "    time.sleep(30)\n    open('{1}', 'w').close()\n"
    there = tmp_path / "there"
    (tmp_path / "noxfile.py").write_text(text.format(there, tmp_path / "done"), "utf-8")
    command = [sys.executable, "-P", runner.__file__, "--noxfile", "noxfile.py"]
    starter = f"import subprocess; subprocess.run({command!r}, cwd={str(tmp_path)!r})"
    with subprocess.Popen([sys.executable, "-S", "-c", starter], stdout=subprocess.DEVNULL) as waiting:
        until = time.monotonic() + 20
        while not there.exists() and time.monotonic() < until:
            time.sleep(0.02)
        waiting.kill()
    until = time.monotonic() + 5
    while (left := _running(tmp_path)) and time.monotonic() < until:
        time.sleep(0.02)
    assert left == []


def _running(folder: Path) -> list[str]:
    """Return the IDs of the processes whose working directory is a folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if (one / "cwd").readlink() == folder:
                found.append(one.name)
        except OSError:
            continue
    return found
