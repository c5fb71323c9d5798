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
_MOST_NAMED = 5


@dataclass(frozen=True)
class Spent(json_data.Open):
    """What a step or a session of a run took."""

    name: str
    seconds: float
    within: str | None = None
    """The step that a session belongs to."""


@dataclass(frozen=True)
class Past(json_data.Open):
    """A run, as it is remembered."""

    begun: str
    """In UTC (ISO 8601)."""
    project: str
    version: str
    rehearsal: bool
    verdict: str
    """``passed``, or as the step did that ended it."""
    seconds: float
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
    """What a step or a session usually takes."""

    name: str
    seconds: float
    """The median."""
    longest: float
    runs: int


@dataclass(frozen=True)
class Going:
    """How releasing has been going."""

    runs: tuple[Past, ...]
    """The last runs, the newest first."""
    releases: int
    """How many versions were released, or tried to be."""
    first_try: int
    """How many of them passed in their first run."""
    steps: tuple[Typical, ...]
    """In their order."""
    sessions: tuple[Typical, ...]
    """The slowest, the slowest first."""
    findings: tuple[tuple[str, int], ...]
    """What stopped runs, and how often; the most frequent first."""

    @classmethod
    def of(cls, runs: Sequence[Past]) -> Going:
        """Return what runs, the oldest first, tell of how releasing has been going."""
        first: dict[str, Past] = {}
        for run in runs:
            if not run.rehearsal and run.version:
                first.setdefault(run.version, run)
        sessions = sorted(_typical(runs, sessions=True), key=lambda one: one.seconds, reverse=True)
        counted = Counter(finding for run in runs for finding in dict.fromkeys(run.findings))
        return cls(
            tuple(reversed(runs)),
            len(first),
            sum(run.verdict == "passed" for run in first.values()),
            tuple(_typical(runs, sessions=False)),
            tuple(sessions[:_MOST_NAMED]),
            tuple(counted.most_common(_MOST_NAMED)),
        )

    @property
    def share(self) -> float | None:
        """The share of releases that passed at the first try; None where there was no release."""
        return self.first_try / self.releases if self.releases else None

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        told: dict[str, object] = asdict(self)
        counted = [{"finding": finding, "runs": runs} for finding, runs in self.findings]
        return {**told, "findings": counted, "share": self.share}


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


def _typical(runs: Iterable[Past], *, sessions: bool) -> list[Typical]:
    from statistics import median  # which a release, that only remembers, has no need of

    times: dict[str, list[float]] = {}
    for run in runs:
        for one in run.spent:
            if (one.within is not None) == sessions:
                times.setdefault(one.name, []).append(one.seconds)
    return [Typical(name, median(took), max(took), len(took)) for name, took in times.items()]
