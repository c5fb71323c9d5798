"""Real projects under real git, with a real bare remote, in which real nox runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from failing_index import FailingIndex
from nox_ship.errors import ShipError
from workbench import QUICK, Bench, Here, Outcome, make_bench

# pypiserver, which runs in this process, warns on import and when a client disconnects.
SERVER_WARNINGS = ("ignore::DeprecationWarning", "ignore::ImportWarning", "ignore::ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in this folder as an integration test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.filterwarnings(*SERVER_WARNINGS))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Return a function that calls a front end in this process, which saves the second that nox takes to start."""

    def call(env: Mapping[str, str], front_end: Callable[[], object]) -> Outcome:
        said = ""
        with monkeypatch.context() as patch:
            for name in set(os.environ) - set(env):
                patch.delenv(name)
            for name, value in env.items():
                patch.setenv(name, value)
            try:
                front_end()
            except ShipError as error:
                said = str(error)
        return Outcome(int(bool(said)), "".join([*capsys.readouterr(), said]))

    return call


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FailingIndex]:
    """Return an index with TLS that replaces PyPI and TestPyPI, and fails on demand."""
    with FailingIndex(tmp_path / "index") as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a small good project with a bare remote; afterwards none of its processes may be running."""
    made = make_bench(tmp_path)
    yield made
    assert made.processes() == []


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Bench]:
    """Return a small good project without tests among its gates; afterwards none of its processes may be running."""
    made = make_bench(tmp_path, QUICK)
    yield made
    assert made.processes() == []
