"""What GitHub tells of a run of a workflow: what started it, what became of its jobs, and what they kept.

https://docs.github.com/en/rest/actions describes the answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TypeVar

from nox_ship import json_data
from nox_ship.errors import Kind, ShipError
from nox_ship.world import web
from nox_ship.world.forge import Job

RUN_NOT_TOLD = Kind(
    "NS776",
    "run-not-told",
    "Run the failed jobs again, or start the workflow by hand on the tag, with `bump` and `run` empty.",
)

T = TypeVar("T")

_PAGE = 100
"""Jobs or artifacts on a page, the most that GitHub gives."""
_MOST_PAGES = 20
_PAUSES = (2.0, 6.0)
"""Seconds before GitHub is asked again."""
_PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class _Repository(json_data.Open):
    full_name: str


@dataclass(frozen=True)
class Run(json_data.Open):
    """A run of a workflow, in the repository that was asked."""

    event: str
    path: str
    """The path of the workflow's file, perhaps with ``@`` and a ref."""
    head_branch: str | None
    """The name of the branch, or of the tag."""
    head_sha: str
    head_repository: _Repository | None
    """Where the commit is from."""
    status: str
    conclusion: str | None


@dataclass(frozen=True)
class RunJob(json_data.Open):
    """A job of the last attempt of a run."""

    name: str
    """The name that is shown, with the expressions in it evaluated, unless the job was skipped."""
    status: str
    conclusion: str | None


@dataclass(frozen=True)
class _Jobs(json_data.Open):
    jobs: tuple[RunJob, ...]


@dataclass(frozen=True)
class _Object(json_data.Open):
    sha: str


@dataclass(frozen=True)
class _Commit(json_data.Open):
    parents: tuple[_Object, ...]


@dataclass(frozen=True)
class _Origin(json_data.Open):
    id: int


@dataclass(frozen=True)
class Artifact(json_data.Open):
    """Files that a job kept."""

    expired: bool
    workflow_run: _Origin | None


@dataclass(frozen=True)
class _Named(json_data.Open):
    id: int
    expired: bool


@dataclass(frozen=True)
class _Artifacts(json_data.Open):
    artifacts: tuple[_Named, ...]


@dataclass(frozen=True)
class Runs:
    """The runs of a repository, as GitHub's API tells them to a job.

    Each method raises ShipError where GitHub does not answer, or with something else (NS776).
    """

    job: Job

    def run(self, number: str) -> Run:
        """Return the run of an ID."""
        return self._ask(Run, f"actions/runs/{number}")

    def jobs(self, number: str) -> tuple[RunJob, ...]:
        """Return the jobs of a run, each as the last attempt left it."""
        found: list[RunJob] = []
        for page in range(1, _MOST_PAGES + 1):
            more = self._ask(_Jobs, f"actions/runs/{number}/jobs?filter=latest&per_page={_PAGE}&page={page}").jobs
            found += more
            if len(more) < _PAGE:
                return tuple(found)
        raise ShipError(RUN_NOT_TOLD(f"The run {number} has more than {_PAGE * _MOST_PAGES} jobs."))

    def artifact(self, number: str) -> Artifact:
        """Return the artifact of an ID."""
        return self._ask(Artifact, f"actions/artifacts/{number}")

    def named(self, number: str, name: str) -> str:
        """Return the ID of the latest artifact of a run that has a name; empty where none has it."""
        told = self._ask(_Artifacts, f"actions/runs/{number}/artifacts?name={name}&per_page={_PAGE}").artifacts
        return str(max((one.id for one in told if not one.expired), default=""))

    def parents(self, commit: str) -> list[str]:
        """Return the parents of a commit."""
        return [parent.sha for parent in self._ask(_Commit, f"git/commits/{commit}").parents]

    def _ask(self, cls: type[T], path: str) -> T:
        url = f"{self.job.api}/repos/{self.job.slug}/{path}"
        for pause in (*_PAUSES, None):
            try:
                answer = web.get(url, self.job.headers, redirects=False)
                if answer.ok:
                    return json_data.read(cls, answer.json())
                trouble, passing = f"it answered {answer.status}", answer.status in _PASSING
            except web.WebError as error:
                trouble, passing = str(error), True
            except ValueError as error:
                trouble, passing = f"its answer is not what it documents: {error}", False
            if pause is None or not passing:
                break
            time.sleep(pause)
        raise ShipError(RUN_NOT_TOLD(f"GitHub does not tell {path.partition('?')[0]}: {trouble}."))
