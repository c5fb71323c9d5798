"""Fixtures that tests in several folders share."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeGates, Programs, Yard, make_yard, run_here, upload_here
from nox_ship import process, pythons
from nox_ship.conversation import Conversation
from nox_ship.release import gates

INTEGRATION = Path(__file__).parent / "integration"

pytest_plugins = ("acting", "doors", "initializing", "planning", "registering")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files unread in which nothing runs: the integration tests, or all that hold no test with a wanted mark."""
    wanted = config.getoption("markexpr").partition(" ")[0]
    inside = INTEGRATION in (collection_path, *collection_path.parents)
    if wanted == "not":
        return inside or None
    if wanted not in ("integration", "exhaustive") or not collection_path.match("test_*.py"):
        return None
    marked = inside and wanted == "integration"
    return None if marked or f"mark.{wanted}" in collection_path.read_text("utf-8") else True


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Spare the garbage collector the thousands of tests: they stay, and it would look at them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Play every program but git."""
    played = Programs(process.run)
    monkeypatch.setattr(process, "run", played)
    monkeypatch.setattr(Conversation, "ask", lambda it, question, seconds: played.ask(it.script, question, seconds))
    return played


@pytest.fixture(autouse=True, scope="session")
def released_pythons() -> Iterator[None]:
    """Let Python have been released in these versions, whatever the installed uv knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pythons, "stable", lambda: ("3.9", "3.10", "3.11", "3.12", "3.13"))
        yield


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
