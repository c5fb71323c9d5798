"""When the steps and sessions of a run took place, and which of them determined its duration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nox_ship.report import Report, Row

_SOON = 0.25
"""Seconds within which something that waits for nothing else begins."""


@dataclass(frozen=True)
class Bar:
    """A step or session, as drawn over time."""

    row: Row
    begin: float
    """Seconds after the start of the run."""
    end: float
    critical: bool
    """Whether it is on the critical path."""


def bars(report: Report) -> list[Bar]:
    """Return what ran, in the order of the steps, each followed by its sessions in the order in which they began."""
    critical = {id(row) for row in critical_path(report.rows)}
    ran = [row for row in report.rows if row.begun is not None]
    order = {row.name: number for number, row in enumerate(ran) if row.within is None}
    ran.sort(key=lambda row: (order.get(row.within or row.name, len(ran)), row.within is not None, row.begun))
    return [Bar(row, row.begun or 0.0, _end(row), id(row) in critical) for row in ran]


def critical_path(rows: Sequence[Row]) -> list[Row]:
    """Return what must become faster for the run to become faster, in order.

    These are the steps, which run one after another. A step with parallel sessions is replaced with those that
    determined its duration: the one that ended last, the one that this waited for, and so on. A session waits for those
    that it needs and, if there is no room for it, for one that ends.
    """
    path: list[Row] = []
    for step in rows:
        if step.within is None and step.begun is not None:
            sessions = [row for row in rows if row.within == step.name and row.begun is not None]
            path += _chain(step, sessions) or [step]
    return path


def _chain(step: Row, sessions: Sequence[Row]) -> list[Row]:
    """Return the sessions that a step waited for, one after the other."""
    chain: list[Row] = []
    one = max(sessions, key=_end, default=None)
    while one is not None:
        chain.insert(0, one)
        one = _awaited(one, step, [row for row in sessions if row not in chain])
    return chain


def _awaited(one: Row, step: Row, others: Sequence[Row]) -> Row | None:
    """Return the session whose end let another begin."""
    begun = one.begun or 0.0
    needed = max((row for row in others if row.name in one.needs), key=_end, default=None)
    if needed and begun - _end(needed) <= _SOON:
        return needed
    if not needed and begun - (step.begun or 0.0) <= _SOON:
        return None
    before = max((row for row in others if _end(row) <= begun), key=_end, default=None)
    return before if before and begun - _end(before) <= _SOON else needed


def _end(row: Row) -> float:
    return (row.begun or 0.0) + row.seconds
