"""How recent releases went, compared with targets for a good release process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from nox_ship.dataclass_schema import published
from nox_ship.html_tags import duration
from nox_ship.release.delivered import OnForge
from nox_ship.release.history import Going

SCHEMA = 1
"""Version of the JSON format."""
_LEAST_PASSING = 0.99
_LONGEST_RUN = 15 * 60.0
_LONGEST_TO_INDEX = 5 * 60.0


@dataclass(frozen=True)
class Figure:
    """A figure and its target."""

    name: str
    """What it measures."""
    where: Literal["forge", "machine"]
    """Its source: the runs on the forge, or those recorded on this machine."""
    unit: Literal["share", "seconds"]
    """Its unit; seconds are a median."""
    value: float | None
    """The value; null if unknown."""
    of: int
    """The number of releases that it is based on."""
    mark: float | None
    """The target: the smallest share, or the most seconds; null if there is none."""
    within: int | None
    """How many of the releases meet the target; null if there is none."""
    met: bool | None
    """Whether the value meets the target; null if either is missing."""

    @property
    def told(self) -> str:
        """The figure and its target in words."""
        if self.value is None:
            return "unknown"
        share = self.unit == "share"
        value = f"{self.within} of {self.of} ({self.value:.0%})" if share else duration(self.value)
        told = value if share else f"{value}, the median of {self.of}"
        if self.mark is None:
            return told
        mark = f"at least {self.mark:.0%}" if share else f"at most {duration(self.mark)}"
        kept = "" if share else f", by {self.within} of {self.of}"
        return f"{told}; the target is {mark}: {'met' if self.met else 'missed'}{kept}"


@dataclass(frozen=True)
class History:
    """How recent releases went."""

    figures: tuple[Figure, ...]
    """The figures, with their targets."""
    forge: OnForge | None
    """What the forge reports; null if it was not asked or did not answer."""
    not_asked: str
    """Why the forge was not asked; empty if it was."""
    machine: Going
    """What this machine has recorded of releases and rehearsals of this checkout; only these records have findings."""
    not_told: tuple[dict[str, str], ...]
    """What could not be found out: ID, name, level, what, and remedy of each finding."""


def figures(forge: OnForge | None, machine: Going) -> tuple[Figure, ...]:
    """Return the figures from the forge and from this machine."""
    found = []
    if forge and (releases := forge.releases):
        found += [
            _share("passed at the first try", "forge", sum(one.first_try for one in releases), len(releases)),
            _times("run", "forge", (one.seconds for one in releases), _LONGEST_RUN),
            _times("from CI to index", "forge", (one.ci_to_index for one in releases), _LONGEST_TO_INDEX),
            _times("from tag to index", "forge", (one.tag_to_index for one in releases), None),
        ]
    if machine.releases:
        passed = (run.seconds for run in machine.runs if run.verdict == "passed" and not run.rehearsal)
        found += [
            _share("passed at the first try", "machine", machine.first_try, machine.releases),
            _times("run", "machine", passed, _LONGEST_RUN),
        ]
    return tuple(found)


def _share(name: str, where: Literal["forge", "machine"], good: int, of: int) -> Figure:
    value = good / of
    return Figure(name, where, "share", value, of, _LEAST_PASSING, good, value >= _LEAST_PASSING)


def _times(name: str, where: Literal["forge", "machine"], told: Iterable[float | None], mark: float | None) -> Figure:
    times = [seconds for seconds in told if seconds is not None]
    value = median(times) if times else None
    within = None if mark is None else sum(seconds <= mark for seconds in times)
    met = None if mark is None or value is None else value <= mark
    return Figure(name, where, "seconds", value, len(times), mark, within, met)


def history_schema() -> dict[str, Any]:
    """Return a JSON Schema for the output of ``status -- --history --json``."""
    return published(History, "history", SCHEMA, "History of nox-ship", "How recent releases went.")
