"""How recent releases went on this machine: a short record of each of the last runs, and conclusions from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nox_ship import json_data
from nox_ship.files import write_whole
from nox_ship.report import Report

MOST = 100
"""How many runs are recorded."""
MOST_NAMED = 5
"""How many of the slowest, and of the most frequent, are listed."""


@dataclass(frozen=True)
class Spent(json_data.Open):
    """The duration of a step or session in a run."""

    name: str
    """Its name."""
    seconds: float
    """How long it took."""
    within: str | None = None
    """The step that a session belongs to."""


@dataclass(frozen=True)
class Past(json_data.Open):
    """A recorded run."""

    begun: str
    """When it began, in UTC (ISO 8601)."""
    project: str
    """The project's name; empty if the run ended before it was known."""
    version: str
    """The released version; empty if the run ended before it was known."""
    rehearsal: bool
    """Whether it was a rehearsal."""
    verdict: str
    """``passed``, or the status of the step that ended it."""
    seconds: float
    """How long it took."""
    findings: tuple[str, ...] = ()
    """The errors that stopped it: ID and name of each."""
    spent: tuple[Spent, ...] = ()
    """The steps and sessions that ran in this run."""

    @classmethod
    def of(cls, report: Report) -> Past:
        """Return the record of a run."""
        errors = (f"{one['id']} {one['name']}" for one in report.findings if one["level"] == "error")
        done = (row for row in report.rows if row.begun is not None and row.status in ("done", "passed"))
        return cls(
            report.begun,
            report.project,
            report.version,
            report.rehearsal,
            report.verdict,
            round(report.seconds, 3),
            tuple(errors),
            tuple(Spent(row.name, round(row.seconds, 3), row.within) for row in done),
        )


@dataclass(frozen=True)
class Typical:
    """The usual duration of a step, session or job."""

    name: str
    """Its name."""
    seconds: float
    """The median."""
    longest: float
    """The longest duration, in seconds."""
    runs: int
    """How many times it ran."""


@dataclass(frozen=True)
class Counted:
    """Something that happened in several runs."""

    name: str
    """What happened."""
    runs: int
    """In how many runs."""


@dataclass(frozen=True)
class Going:
    """How recent releases went on this machine."""

    runs: tuple[Past, ...]
    """The last runs, newest first."""
    releases: int
    """How many versions were released or tried."""
    first_try: int
    """How many of them passed in their first run."""
    steps: tuple[Typical, ...]
    """The durations of the steps, in order."""
    sessions: tuple[Typical, ...]
    """The durations of the slowest sessions, slowest first."""
    findings: tuple[Counted, ...]
    """What stopped runs, most frequent first."""

    @classmethod
    def of(cls, runs: Sequence[Past]) -> Going:
        """Return a summary of runs, which are given oldest first."""
        first: dict[str, Past] = {}
        for run in runs:
            if not run.rehearsal and run.version:
                first.setdefault(run.version, run)
        sessions = sorted(_typical(runs, sessions=True), key=lambda one: one.seconds, reverse=True)
        return cls(
            tuple(reversed(runs)),
            len(first),
            sum(run.verdict == "passed" for run in first.values()),
            tuple(_typical(runs, sessions=False)),
            tuple(sessions[:MOST_NAMED]),
            counted(finding for run in runs for finding in dict.fromkeys(run.findings)),
        )


def remember(path: Path, report: Report) -> None:
    """Add a run to the records at ``path``; the oldest one is dropped."""
    runs = [*recall(path), Past.of(report)][-MOST:]
    write_whole(path, f"{json.dumps([asdict(run) for run in runs])}\n")


def recall(path: Path) -> list[Past]:
    """Return the recorded runs, oldest first; none if they cannot be read."""
    try:
        read = json_data.parse(path.read_bytes())
        return [json_data.read(Past, one) for one in read] if isinstance(read, list) else []
    except (OSError, ValueError):
        return []


def typical(took: Iterable[tuple[str, float]]) -> list[Typical]:
    """Return the usual duration of each name, from its seconds."""
    from statistics import median  # not needed by a release, which only records

    times: dict[str, list[float]] = {}
    for name, seconds in took:
        times.setdefault(name, []).append(seconds)
    return [Typical(name, median(them), max(them), len(them)) for name, them in times.items()]


def counted(names: Iterable[str]) -> tuple[Counted, ...]:
    """Return the most frequent of ``names``, with their counts."""
    return tuple(Counted(name, runs) for name, runs in Counter(names).most_common(MOST_NAMED))


def _typical(runs: Iterable[Past], *, sessions: bool) -> list[Typical]:
    spent = (one for run in runs for one in run.spent)
    return typical((one.name, one.seconds) for one in spent if (one.within is not None) == sessions)
