from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz_targets import TARGETS
from fuzzing import Ground, explore

pytestmark = pytest.mark.slow

EXAMPLES = 3
"""Inputs for each target here, fewer for what is slow; `benchmarks/fuzz.py` runs 100,000 in all."""


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """Make a folder, and a server where a target asks for one."""
    folder = tmp_path / "ground"  # alone: some inputs are paths to what is beside it
    folder.mkdir()
    with Ground(folder) as ground:
        yield ground


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_our_errors_comes_out(name: str, ground: Ground) -> None:
    """Whatever a file, an argument or an answer holds, it is read or refused with an ID."""
    target = TARGETS[name]
    explore(target, ground, math.ceil(EXAMPLES * target.share))
    assert ground.outcomes["ok"], "nothing was read: the inputs of this target are worth nothing"
