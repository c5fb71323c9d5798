"""Real projects under real git, with a real bare remote, on which real nox is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import Bench, make_bench


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as an integration test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a small good project with a bare remote; afterwards nothing of it may run any more."""
    made = make_bench(tmp_path)
    yield made
    assert made.processes() == []
