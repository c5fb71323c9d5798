"""Fixtures that tests in several folders share."""

from __future__ import annotations

import gc
import itertools
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeGates, Programs, Yard, make_yard, run_here, upload_here
from nox_ship import process, pythons
from nox_ship.conversation import Conversation
from nox_ship.package.frontend import Frontend
from nox_ship.release import gates

NUMBERS = itertools.count()

INTEGRATION = Path(__file__).parent / "integration"
_WANTED = re.compile(r"(?<!not )\b(integration|slow|exhaustive)\b")

pytest_plugins = ("acting", "doors", "initializing", "planning", "prepared", "registering")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip files without a test to run: the integration tests, or all files that contain no test with a wanted mark."""
    if "not (" in config.getoption("markexpr"):  # it may want anything
        return None
    wanted = _WANTED.findall(config.getoption("markexpr"))
    inside = INTEGRATION in (collection_path, *collection_path.parents)
    if not wanted:
        return (inside and "not integration" in config.getoption("markexpr")) or None
    if not collection_path.match("test_*.py") or (inside and "integration" in wanted):
        return None
    text = collection_path.read_text("utf-8")
    return None if any(f"mark.{mark}" in text for mark in wanted) else True


def pytest_configure(config: pytest.Config) -> None:
    """Let Python keep the bytecode it compiles, also for programs that tests start; keep temporary files in memory.

    The tests write tens of thousands of files; only the integration tests use the disk.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    memory = Path("/dev/shm")
    here = config.getoption("markexpr").startswith("not integration")
    if here and "TMPDIR" not in os.environ and os.access(memory, os.W_OK):
        room, facts = shutil.disk_usage(memory).free, os.statvfs(memory)
        if room > 1 << 30 and not facts.f_flag & os.ST_NOEXEC:
            os.environ["TMPDIR"] = tempfile.tempdir = str(memory)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Exclude the thousands of collected tests from garbage collection, and let it run less often."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return an empty folder, deleted with its test until a test fails; pytest deletes the others after the run."""
    folder = tmp_path_factory.getbasetemp() / str(next(NUMBERS))
    folder.mkdir()
    yield folder
    if not request.session.testsfailed:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True, scope="session")
def lean_git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make git ignore the user's settings, copy no sample hooks into repositories, and not wait for the disk."""
    settings = tmp_path_factory.getbasetemp() / "gitconfig"
    settings.write_text("[user]\n\tname = Tester\n\temail = tester@example.invalid\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_TEMPLATE_DIR", "")
        patch.setenv("GIT_TEST_FSYNC", "0")
        yield


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Fake every program but git."""
    played = Programs(process.run)
    monkeypatch.setattr(process, "run", played)
    monkeypatch.setattr(Frontend, "build", lambda it, source, out: played.build(source, out, it))
    monkeypatch.setattr(Conversation, "ask", lambda it, question, seconds: played.ask(it.script, question, seconds))
    return played


@pytest.fixture(autouse=True, scope="session")
def released_pythons() -> Iterator[None]:
    """Fix the list of released Pythons, whatever the installed uv knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pythons, "stable", lambda: ("3.9", "3.10", "3.11", "3.12", "3.13"))
        yield


@pytest.fixture
def bump_my_version(programs: Programs) -> None:
    """Run bump-my-version in this process, as starting it takes longer than its work."""
    programs.play("-m bumpversion", reply=run_here)


@pytest.fixture
def twine(programs: Programs) -> None:
    """Run twine in this process."""
    programs.play("-m twine", reply=run_here)
    programs.play("world/upload.py", reply=upload_here)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> FakeGates:
    """Fake the sessions of a release."""
    played = FakeGates()
    monkeypatch.setattr(gates, "run_sessions", played)
    return played


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """Return a project in a fake world."""
    return make_yard(tmp_path)
