"""Fixtures that tests in several folders share."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import FakeGates, Programs, Yard, make_yard, run_here, upload_here
from nox_ship import process, pythons
from nox_ship.conversation import Conversation
from nox_ship.release import gates

pytest_plugins = ("acting", "initializing", "registering")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Play every program but git."""
    played = Programs(process.run)
    monkeypatch.setattr(process, "run", played)
    monkeypatch.setattr(Conversation, "ask", lambda it, question, seconds: played.ask(it.script, question, seconds))
    return played


@pytest.fixture(autouse=True)
def released_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python have been released in these versions, whatever the installed uv knows."""
    monkeypatch.setattr(pythons, "stable", lambda: ("3.9", "3.10", "3.11", "3.12", "3.13"))


@pytest.fixture
def bump_my_version(programs: Programs) -> None:
    """Run bump-my-version in this process: its start takes longer than its work."""
    programs.play("-m bumpversion", reply=run_here)


@pytest.fixture
def twine(programs: Programs) -> None:
    """Run twine in this process."""
    programs.play("-m twine", reply=run_here)
    programs.play("world/upload.py", reply=upload_here)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> FakeGates:
    """Play the sessions of a release."""
    played = FakeGates()
    monkeypatch.setattr(gates, "run_sessions", played)
    return played


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """Return a project in a world of fakes."""
    return make_yard(tmp_path)
