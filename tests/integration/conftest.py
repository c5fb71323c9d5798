"""Real projects under real git, with a real bare remote, on which real nox is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failing_index import FailingIndex
from workbench import QUICK, Bench, make_bench

# pypiserver, which runs in this process, warns on import and when a client goes away.
SERVER_WARNINGS = ("ignore::DeprecationWarning", "ignore::ImportWarning", "ignore::ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as an integration test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.filterwarnings(*SERVER_WARNINGS))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FailingIndex]:
    """Return an index with TLS that stands where PyPI and TestPyPI are, and fails on demand."""
    with FailingIndex(tmp_path / "index") as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a small good project with a bare remote; afterwards nothing of it may run any more."""
    made = make_bench(tmp_path)
    yield made
    assert made.processes() == []


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Bench]:
    """Return the same without tests among its gates."""
    made = make_bench(tmp_path, QUICK)
    yield made
    assert made.processes() == []
