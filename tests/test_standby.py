from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nox_ship import process, standby
from nox_ship.process import Standby

TELL = """
import json, os, sys

print("an error", file=sys.stderr)
known = {name: os.environ.get(name) for name in ("OF_THE_START", "OF_THE_ORDER")}
facts = {"pid": os.getpid(), "cwd": os.getcwd(), "argv": sys.argv[1:], "env": known, "input": os.read(0, 1).decode()}
print(json.dumps({**facts, "colorsys": "colorsys" in sys.modules, "name": __name__}))
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a script that prints what it finds."""
    path = tmp_path_factory.mktemp("standby") / "tell.py"
    path.write_text(TELL, "utf-8")
    return path


@pytest.fixture
def ahead() -> Iterator[Standby]:
    """Return a Python process that is not started yet."""
    made = Standby("colorsys")
    yield made
    made.end()


def pid(ahead: Standby) -> int | None:
    """Return the process ID of the waiting Python."""
    return ahead._program.pid if ahead._program else None


def test_a_python_that_waits_becomes_the_program(
    ahead: Standby, script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiting Python, which has imported a module in advance, runs a program in its folder with its variables."""
    monkeypatch.setenv("OF_THE_START", "x")
    ahead.begin()
    monkeypatch.delenv("OF_THE_START")
    begun, lines = pid(ahead), list[str]()
    options = {"OF_THE_ORDER": "y\udcff"}
    done = process.run(
        [*process.script(str(script)), "--one", "two"], cwd=tmp_path, env=options, on_line=lines.append, ahead=ahead
    )
    assert (done.code, lines[0]) == (0, "an error")
    assert json.loads(lines[1]) == {
        "pid": begun,
        "cwd": str(tmp_path),
        "argv": ["--one", "two"],
        "env": {"OF_THE_START": None, "OF_THE_ORDER": "y\udcff"},
        "input": "",
        "colorsys": True,
        "name": "__main__",
    }


@pytest.mark.slow
def test_it_serves_once(ahead: Standby, script: Path) -> None:
    """A waiting Python runs one program; the next one is started in a new process."""
    ahead.begin()
    begun = pid(ahead)
    told = [json.loads(process.run(process.script(str(script)), ahead=ahead).stdout) for _ in range(2)]
    assert [one["pid"] == begun for one in told] == [True, False]
    assert [one["colorsys"] for one in told] == [True, False]


def test_one_that_ended_is_not_waited_for(script: Path) -> None:
    """If the waiting Python has ended, for example after a failed import, the program gets a new process."""
    broken = Standby("nox_ship.nowhere")
    broken.begin()
    assert broken._program
    assert broken._program.wait(20) == 1
    done = process.run(process.script(str(script)), ahead=broken)
    broken.end()
    assert json.loads(done.stdout)["colorsys"] is False


def test_a_module_is_run_as_by_its_name(ahead: Standby) -> None:
    """A module is run as by `python -m`, with its own exit code and separate standard error."""
    ahead.begin()
    done = process.run([*process.module("json.tool"), "--nonsense"], check=False, ahead=ahead)
    assert (done.code, done.stdout) == (2, "")
    assert "json.tool" in done.stderr or "usage: " in done.stderr


def test_one_that_is_not_needed_ends(ahead: Standby) -> None:
    """A waiting Python ends when told to, and by itself when its standard input closes."""
    ahead.begin()
    ahead.end()
    assert pid(ahead) is None
    waiting = subprocess.Popen([sys.executable, "-P", standby.__file__], stdin=subprocess.PIPE)
    waiting.communicate(timeout=20)
    assert waiting.returncode == 0
