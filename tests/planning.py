"""Helpers to plan a release in a fake world: the plan, or the findings about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes import Yard, make_yard, noxfile
from nox_ship.errors import Finding, ShipError
from nox_ship.release.planning import Plan, Request
from nox_ship.release.preflight import preflight
from nox_ship.release.record import Record


def plan(yard: Yard, wanted: str | None = "minor", earlier: Record | None = None, **request: Any) -> Plan:
    """Return the plan of a release."""
    sessions = noxfile(yard.root, "tests", "lint")
    return preflight(yard.root, Request(wanted, **request), sessions, yard.world, lambda _: None, earlier)


def told(yard: Yard, wanted: str | None = "minor", **request: Any) -> list[str]:
    """Return the IDs of the findings that do not stop a release."""
    found: list[Finding] = []
    preflight(yard.root, Request(wanted, **request), noxfile(yard.root, "tests"), yard.world, found.append)
    return [finding.id for finding in found]


def stopped(yard: Yard, wanted: str | None = "minor", earlier: Record | None = None, **request: Any) -> set[str]:
    """Return the IDs of the findings that stop a release."""
    with pytest.raises(ShipError) as caught:
        plan(yard, wanted, earlier, **request)
    return {finding.id for finding in caught.value.findings}


def record(yard: Yard, **facts: str | None) -> Record:
    """Return the record of an earlier run that made a release from HEAD."""
    head = facts.get("head") or yard.repository.head
    commit = facts.get("commit", "e" * 40)
    return Record(head, "0.1.0", "v0.1.0", "source", 0.0, commit=commit)


@pytest.fixture
def written(tmp_path: Path) -> Yard:
    """Return a project that has its version in a file."""
    text = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\ngates = ["tests"]\n'
    return make_yard(tmp_path, {"pyproject.toml": text})
