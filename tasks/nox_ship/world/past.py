"""GitHub's data about past runs of a workflow and their jobs.

https://docs.github.com/en/rest/actions/workflow-runs and https://docs.github.com/en/rest/actions/workflow-jobs describe
the answers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from urllib.parse import quote

from nox_ship import json_data
from nox_ship.errors import ShipError
from nox_ship.world.github import REFUSED, GitHubApi, parsed

T = TypeVar("T")

MOST = 500
"""How many runs of a workflow are read; on a busy branch, most of them only looked whether a release was merged."""
_JOBS = 100
"""How many jobs of a run are read: one page of GitHub's."""


@dataclass(frozen=True)
class PastRun(json_data.Open):
    """A run of a workflow."""

    id: int
    event: str
    head_branch: str | None
    """The name of the branch or tag."""
    status: str
    conclusion: str | None
    created_at: str
    html_url: str
    run_attempt: int = 1
    """How often it was run, counting partial reruns."""

    def __post_init__(self) -> None:
        _ = self.begun

    @property
    def begun(self) -> dt.datetime:
        """When it was triggered."""
        return _moment(self.created_at)


@dataclass(frozen=True)
class PastJob(json_data.Open):
    """A job in one attempt of a run."""

    name: str
    conclusion: str | None
    started_at: str | None
    completed_at: str | None
    run_attempt: int = 1

    def __post_init__(self) -> None:
        _ = self.times

    @property
    def times(self) -> tuple[dt.datetime, dt.datetime] | None:
        """When it began and when it ended; None if it did not run."""
        if self.started_at is None or self.completed_at is None:
            return None
        return _moment(self.started_at), _moment(self.completed_at)


@dataclass(frozen=True)
class _Jobs(json_data.Open):
    jobs: tuple[PastJob, ...]


def runs(api: GitHubApi, workflow: str) -> tuple[PastRun, ...]:
    """Return the last runs of a workflow, newest first.

    Raises:
        ShipError: The API does not answer properly (NS780 to NS785).
    """
    listed = api.pages(f"/actions/workflows/{quote(workflow, safe='')}/runs", "workflow_runs")
    return tuple(_read(PastRun, run) for run in islice(listed, MOST))


def jobs(api: GitHubApi, run: PastRun) -> tuple[PastJob, ...]:
    """Return the jobs of all attempts of a run.

    Raises:
        ShipError: The API does not answer properly (NS780 to NS785).
    """
    path = f"/actions/runs/{run.id}/jobs?filter=all&per_page={_JOBS}"
    return _read(_Jobs, parsed(api.ask("GET", path), dict)).jobs


def _read(cls: type[T], value: object) -> T:
    try:
        return json_data.read(cls, value)
    except ValueError as error:
        raise ShipError(REFUSED("GitHub's runs are not what its documentation says.", remedy="")) from error


def _moment(text: str) -> dt.datetime:
    """Return a text as a point in time.

    Raises:
        ValueError: It is not one.
    """
    try:
        found = dt.datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError(text) from error
