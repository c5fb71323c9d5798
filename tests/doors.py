"""A yard whose world is handed out as the real one, and another as that of a rehearsal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeWorld, Yard
from nox_ship import worlds


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yard: Yard) -> list[object]:
    """Keep what is kept between runs beside the project, and hand out the yard's world as the real one.

    Returns what each of them was given to ask a person by.
    """
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    for name in ("CI", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "NOX_SHIP_MANIFEST"):
        monkeypatch.delenv(name, raising=False)

    @contextmanager
    def opened(*given: Any, variables: Mapping[str, str]) -> Iterator[FakeWorld]:
        assert variables == os.environ
        asks.append(given[3])
        yield yard.world

    asks: list[object] = []
    monkeypatch.setattr(worlds, "RealWorld", opened)
    return asks


@pytest.fixture
def rehearsed(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """Return the world that is handed out for a rehearsal."""
    world = FakeWorld(yard.repository, yard.world.remote)

    @contextmanager
    def opened(*_: Any, **__: Any) -> Iterator[FakeWorld]:
        yield world

    monkeypatch.setattr(worlds, "StandIns", opened)
    return world
