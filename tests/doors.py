"""A yard whose world is used as the real one, and another world that is used for rehearsals."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeWorld, Yard
from nox_ship import lifeline, worlds


@pytest.fixture
def guards(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """Start no guard process; return the environments of the guards that would be running."""
    there: list[Mapping[str, str]] = []

    @contextmanager
    def guarded(env: Mapping[str, str]) -> Iterator[None]:
        there.append(env)
        yield
        there.remove(env)

    monkeypatch.setattr(lifeline, "guarded", guarded)
    return there


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yard: Yard, guards: object) -> list[object]:  # noqa: ARG001
    """Keep the files between runs next to the project, and use the yard's world as the real one.

    Returns the functions with which each world may ask the user a question.
    """
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    for name in ("CI", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "NOX_SHIP_MANIFEST"):
        monkeypatch.delenv(name, raising=False)

    @contextmanager
    def opened(*given: Any, variables: Mapping[str, str], tell: Callable[[str], object]) -> Iterator[FakeWorld]:
        assert variables == os.environ
        assert tell.__name__ == "note"
        asks.append(given[3])
        yield yard.world

    asks: list[object] = []
    monkeypatch.setattr(worlds, "RealWorld", opened)
    return asks


@pytest.fixture
def rehearsed(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """Return the world that rehearsals use."""
    world = FakeWorld(yard.repository, yard.world.remote)

    @contextmanager
    def opened(*_: Any, **__: Any) -> Iterator[FakeWorld]:
        yield world

    monkeypatch.setattr(worlds, "StandIns", opened)
    return world
