"""A project that is released for real, to an index on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failing_index import FailingIndex
from releasing import with_index
from workbench import Bench, make_bench


@pytest.fixture
def bench(tmp_path: Path, index: FailingIndex) -> Iterator[Bench]:
    """Return a small good project that publishes to the index; afterwards none of its processes may be running."""
    made = make_bench(tmp_path, with_index(index))
    yield made
    assert made.processes() == []
