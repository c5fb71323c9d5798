"""How releasing has been going: a little of each of the last runs, kept on this machine, and what follows from it."""

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
"""How many runs are kept."""
MOST_NAMED = 5
"""How many of the slowest, and of the most frequent, are named."""


@dataclass(frozen=True)
class Spent(json_data.Open):
    """What a step or a session of a run took."""

    name: str
    """Its name."""
    seconds: float
    """How long it took."""
    within: str | None = None
    """The step that a session belongs to."""


@dataclass(frozen=True)
class Past(json_data.Open):
    """A run, as it is remembered."""

    begun: str
    """In UTC (ISO 8601)."""
    project: str
    """The project's name; empty where it did not get that far."""
    version: str
    """The version that was released; empty where it did not get that far."""
    rehearsal: bool
    """Whether it was a rehearsal."""
    verdict: str
    """``passed``, or as the step did that ended it."""
    seconds: float
    """How long it took."""
    findings: tuple[str, ...] = ()
    """What stopped it: ID and name of each error."""
    spent: tuple[Spent, ...] = ()
    """What was done or passed in this very run."""

    @classmethod
    def of(cls, report: Report) -> Past:
        """Return what is remembered of a run."""
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
    """What a step, a session or a job usually takes."""

    name: str
    """Its name."""
    seconds: float
    """The median."""
    longest: float
    """The most seconds that it took."""
    runs: int
    """How often it ran."""


@dataclass(frozen=True)
class Counted:
    """What happened in several runs."""

    name: str
    """What it was."""
    runs: int
    """How many these are."""


@dataclass(frozen=True)
class Going:
    """How releasing has been going here."""

    runs: tuple[Past, ...]
    """The last runs, the newest first."""
    releases: int
    """How many versions were released, or tried to be."""
    first_try: int
    """How many of them passed in their first run."""
    steps: tuple[Typical, ...]
    """What each step takes, in their order."""
    sessions: tuple[Typical, ...]
    """What the slowest sessions take, the slowest first."""
    findings: tuple[Counted, ...]
    """What stopped runs, and how many; the most frequent first."""

    @classmethod
    def of(cls, runs: Sequence[Past]) -> Going:
        """Return what runs, the oldest first, tell of how releasing has been going."""
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
    """Add a run to those that are remembered at ``path``; what is oldest goes."""
    runs = [*recall(path), Past.of(report)][-MOST:]
    write_whole(path, f"{json.dumps([asdict(run) for run in runs])}\n")


def recall(path: Path) -> list[Past]:
    """Return the runs that are remembered, the oldest first; none where they cannot be read."""
    try:
        read = json_data.parse(path.read_bytes())
        return [json_data.read(Past, one) for one in read] if isinstance(read, list) else []
    except (OSError, ValueError):
        return []


def typical(took: Iterable[tuple[str, float]]) -> list[Typical]:
    """Return what each name usually takes, by its seconds."""
    from statistics import median  # which a release, that only remembers, has no need of

    times: dict[str, list[float]] = {}
    for name, seconds in took:
        times.setdefault(name, []).append(seconds)
    return [Typical(name, median(them), max(them), len(them)) for name, them in times.items()]


def counted(names: Iterable[str]) -> tuple[Counted, ...]:
    """Return the most frequent of ``names``, with how often they occur."""
    return tuple(Counted(name, runs) for name, runs in Counter(names).most_common(MOST_NAMED))


def _typical(runs: Iterable[Past], *, sessions: bool) -> list[Typical]:
    spent = (one for run in runs for one in run.spent)
    return typical((one.name, one.seconds) for one in spent if (one.within is not None) == sessions)
