from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz_targets import TARGETS
from fuzzing import Ground, explore

pytestmark = pytest.mark.slow

EXAMPLES = 3
"""Inputs for each target, fewer for slow ones; `benchmarks/fuzz.py` runs 100,000 in all."""


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """Make a folder, and a server for targets that need one."""
    folder = tmp_path / "ground"  # a folder of its own, as some inputs are paths to its siblings
    folder.mkdir()
    with Ground(folder) as ground:
        yield ground


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_our_errors_comes_out(name: str, ground: Ground) -> None:
    """Random files, arguments and answers are either read or refused with an error ID."""
    target = TARGETS[name]
    explore(target, ground, math.ceil(EXAMPLES * target.share))
    assert ground.outcomes["ok"], "no input was read: this target's inputs are useless"
