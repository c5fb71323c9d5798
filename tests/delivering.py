"""Runs of a publishing workflow as GitHub reports them, and an index that knows when files were uploaded."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from packaging.version import Version

from failing_forge import FailingForge
from nox_ship.errors import ShipError
from nox_ship.world.index import INDEX_UNREACHABLE
from nox_ship.world.listing import Listing, Served

DAY = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)


def at(minutes: float) -> str:
    """Return a time in GitHub's format."""
    return f"{DAY + dt.timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Job:
    """A job, with the minutes at which it started and ended."""

    name: str
    begun: float
    ended: float
    conclusion: str = "success"
    attempt: int = 1

    def told(self) -> dict[str, Any]:
        """Return the job in GitHub's format."""
        return {
            "id": 1,
            "name": self.name,
            "status": "completed",
            "conclusion": self.conclusion,
            "run_attempt": self.attempt,
            "started_at": at(self.begun),
            "completed_at": at(self.ended),
            "steps": [],
        }


@dataclass
class Clock:
    """An index that knows when it received the files of each version."""

    name: str = "PyPI"
    arrived: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Minutes, by version; None if the index does not tell the time of a file."""
    asked: int = 0
    silent: bool = False

    def listing(self, project: str, version: str) -> Listing:
        """Return the files of all versions."""
        self.asked += 1
        if self.silent:
            raise ShipError(INDEX_UNREACHABLE(f"{self.name} does not answer."))
        releases = {
            Version(one): tuple(
                Served(f"{one}-{number}", "", None, uploaded=None if when is None else DAY + dt.timedelta(minutes=when))
                for number, when in enumerate(times)
            )
            for one, times in self.arrived.items()
        }
        return Listing(index=self.name, project=project, version=version, files={}, releases=releases)


def ran(
    forge: FailingForge,
    branch: str,
    begun: float,
    *jobs: Job,
    event: str = "push",
    conclusion: str | None = "success",
    **facts: Any,
) -> dict[str, Any]:
    """Add a run of a workflow with these jobs; the newest run comes first, as in GitHub's API."""
    run = {
        "id": len(forge.runs) + 1,
        "name": "Release",
        "path": ".github/workflows/release.yml",
        "event": event,
        "head_branch": branch,
        "head_sha": "d" * 40,
        "status": "completed",
        "conclusion": conclusion,
        "run_attempt": max((job.attempt for job in jobs), default=1),
        "created_at": at(begun),
        "updated_at": at(10_000),
        "html_url": f"https://github.com/acme/sample/actions/runs/{len(forge.runs) + 1}",
        **facts,
    }
    forge.runs.insert(0, run)
    forge.jobs += [{**job.told(), "run_id": run["id"]} for job in jobs]
    return run


def by_a_tag(start: float) -> list[Job]:
    """Return the jobs of our workflow for a pushed tag, which take eight minutes: five for tests, three to publish."""
    return [
        Job("Lock", start, start + 0.2),
        Job("Cut the release", start, start, "skipped"),
        Job("Rehearse", start, start, "skipped"),
        Job("Gate tests-3.12", start + 0.5, start + 5),
        Job("Build", start + 0.5, start + 1.5),
        Job("Publish to TestPyPI", start + 5.5, start + 6),
        Job("Install from TestPyPI", start + 6, start + 6.5),
        Job("Publish to PyPI", start + 6.5, start + 7),
        Job("Install from PyPI", start + 7, start + 8),
    ]


def by_hand(start: float, conclusion: str = "success") -> list[Job]:
    """Return the jobs of our workflow for a release that it cuts itself, which take six minutes."""
    return [
        Job("Lock", start, start + 0.2),
        Job("Cut the release", start + 0.2, start + 1),
        Job("Rehearse", start, start, "skipped"),
        Job("Gate tests-3.12", start + 1, start + 5.5, conclusion),
        Job("Push files 1, manifest 2", start + 5.5, start + 6, "success" if conclusion == "success" else "skipped"),
    ]


def proven(start: float) -> list[Job]:
    """Return the jobs of the run on a tag that such a run pushed, which take four minutes."""
    return [
        Job("Lock", start, start + 0.2),
        Job("Cut the release", start, start, "skipped"),
        Job("Gate ${{ matrix.session }}", start, start, "skipped"),
        Job("Take what another run proved", start + 0.2, start + 1),
        Job("Publish to TestPyPI", start + 1, start + 1.5),
        Job("Install from TestPyPI", start + 1.5, start + 2),
        Job("Publish to PyPI", start + 2, start + 2.5),
        Job("Install from PyPI", start + 2.5, start + 4),
    ]
