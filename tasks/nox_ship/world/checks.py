"""The checks of a commit on GitHub: check runs, which apps such as Actions make, and commit statuses.

https://docs.github.com/en/rest/checks/runs and https://docs.github.com/en/rest/commits/statuses describe the answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from nox_ship import json_data
from nox_ship.errors import ShipError
from nox_ship.world.github import REFUSED, GitHubApi
from nox_ship.world.runs import moment

PASSING = ("success", "skipped", "neutral")
"""The conclusions that count as passed, as for required checks of a protected branch:
https://docs.github.com/en/pull-requests/how-tos/merge-and-close-pull-requests/troubleshooting-required-status-checks"""
_ACTIONS = re.compile(r"/actions/runs/(\d+)(?:/|$)")
"""The ID of an Actions run in the address of one of its jobs."""
_NO_COMMIT = (422,)
"""GitHub's statuses for a commit that it does not have, or not yet."""
_STATES: dict[str, Literal["passed", "running"]] = {"success": "passed", "pending": "running"}


@dataclass(frozen=True)
class Check:
    """A check of a commit, in its latest attempt."""

    name: str
    state: Literal["passed", "failed", "running"]
    told: str
    """Its result, in GitHub's words."""
    url: str = ""
    run: str = ""
    """The ID of the Actions run that it is a job of; empty if it is none."""

    def __str__(self) -> str:
        return f"{self.name}: {self.told}{f' ({self.url})' if self.url else ''}"


@dataclass(frozen=True)
class _Suite(json_data.Open):
    id: int


@dataclass(frozen=True)
class _App(json_data.Open):
    slug: str | None = None


@dataclass(frozen=True)
class _Output(json_data.Open):
    title: str | None = None


@dataclass(frozen=True)
class _CheckRun(json_data.Open):
    id: int
    name: str
    status: str
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    check_suite: _Suite | None = None
    app: _App | None = None
    html_url: str | None = None
    details_url: str | None = None
    output: _Output | None = None

    @property
    def group(self) -> tuple[str, int]:
        """What its attempts have in common; each workflow has its own suite, within which it is rerun."""
        return self.name, self.check_suite.id if self.check_suite else -self.id

    def replaces(self, earlier: _CheckRun) -> bool:
        """Whether it is a later attempt of the same check: it began after the other ended.

        Two jobs of one run may also have the same name. They run in parallel, or the second is skipped because the
        first one failed; then both count.
        """
        begun, ended = moment(self.started_at), moment(earlier.completed_at)
        if self.conclusion == "skipped" or ended is None:
            return False
        return self.id > earlier.id and (begun is None or begun >= ended)

    def check(self) -> Check:
        """Return its current state."""
        title = f" ({self.output.title})" if self.output and self.output.title else ""
        of_actions = self.app is not None and self.app.slug == "github-actions"
        found = _ACTIONS.search(self.details_url or "") if of_actions else None
        url, run = self.html_url or self.details_url or "", found[1] if found else ""
        if self.status != "completed":
            return Check(self.name, "running", self.status, url, run)
        state: Literal["passed", "failed"] = "passed" if self.conclusion in PASSING else "failed"
        return Check(self.name, state, f"{self.conclusion}{title}", url, run)


@dataclass(frozen=True)
class _Status(json_data.Open):
    context: str
    state: str
    description: str | None = None
    target_url: str | None = None

    def check(self) -> Check:
        """Return its current state."""
        said = f" ({self.description})" if self.description else ""
        return Check(self.context, _STATES.get(self.state, "failed"), f"{self.state}{said}", self.target_url or "")


def checks_of(api: GitHubApi, commit: str) -> tuple[Check, ...]:
    """Return the checks of a commit, each in its latest attempt; several may have the same name.

    Args:
        api: GitHub's API.
        commit: The commit.

    Raises:
        ShipError: GitHub does not answer properly (NS780 to NS785).
    """
    try:
        told = api.pages(f"/commits/{commit}/check-runs?filter=all", "check_runs", absent=_NO_COMMIT)
        runs = [json_data.read(_CheckRun, one) for one in told]
        told = api.pages(f"/commits/{commit}/status", "statuses", absent=_NO_COMMIT)
        statuses = [json_data.read(_Status, one) for one in told]
    except ValueError as error:
        raise ShipError(REFUSED(f"GitHub's answer is not what its documentation says: {error}.", remedy="")) from error
    return (*(run.check() for run in _newest(runs)), *(status.check() for status in statuses))


def _newest(runs: Iterable[_CheckRun]) -> Iterator[_CheckRun]:
    """Yield the check runs without a later attempt; GitHub's own ``filter=latest`` only looks at names."""
    for _, group in groupby(sorted(runs, key=lambda run: (run.group, run.id)), key=lambda run: run.group):
        attempts = list(group)
        yield from (one for one in attempts if not any(other.replaces(one) for other in attempts))
