"""Real projects under real git, with a real bare remote, in which real nox runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failing_index import FailingIndex
from workbench import QUICK, Bench, make_bench

# pypiserver, which runs in this process, warns on import and when a client disconnects.
SERVER_WARNINGS = ("ignore::DeprecationWarning", "ignore::ImportWarning", "ignore::ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in this folder as an integration test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.filterwarnings(*SERVER_WARNINGS))


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
