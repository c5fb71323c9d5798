"""GitHub's data about a workflow's runs: what started them, the results of their jobs, and their artifacts.

https://docs.github.com/en/rest/actions describes the answers.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from nox_ship import json_data
from nox_ship.addresses import uncoloured
from nox_ship.errors import ShipError
from nox_ship.world.github import REFUSED, GitHubApi, parsed

T = TypeVar("T")

_GONE = 404
_LOG = 256 << 10
"""How many bytes at the end of a log are read."""
_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ?")
"""The prefix of each line in GitHub's logs."""
_ERROR = "##[error]"
"""The prefix of the runner's line that says why a step failed."""


@dataclass(frozen=True)
class _Repository(json_data.Open):
    full_name: str


@dataclass(frozen=True)
class Run(json_data.Open):
    """A run of a workflow in the repository."""

    event: str
    path: str
    """The path of the workflow's file, perhaps with ``@`` and a ref."""
    head_branch: str | None
    """The name of the branch or tag."""
    head_sha: str
    head_repository: _Repository | None
    """The repository of the commit."""
    status: str
    conclusion: str | None
    id: int = 0
    html_url: str = ""
    """The address of its page."""


@dataclass(frozen=True)
class _Step(json_data.Open):
    name: str
    conclusion: str | None


@dataclass(frozen=True)
class RunJob(json_data.Open):
    """A job of the last attempt of a run."""

    name: str
    """The displayed name, with its expressions evaluated unless the job was skipped."""
    status: str
    conclusion: str | None
    id: int = 0
    html_url: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    steps: tuple[_Step, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took; 0 if GitHub does not say."""
        begun, ended = moment(self.started_at), moment(self.completed_at)
        return max((ended - begun).total_seconds(), 0.0) if begun and ended else 0.0

    @property
    def failed_step(self) -> str:
        """The name of the step that failed; empty if none did."""
        return next((step.name for step in self.steps if step.conclusion == "failure"), "")


@dataclass(frozen=True)
class Workflow(json_data.Open):
    """A workflow on GitHub."""

    state: str
    """``active``, or why it does not run, such as ``disabled_inactivity``."""


@dataclass(frozen=True)
class _Environment(json_data.Open):
    name: str


@dataclass(frozen=True)
class _Pending(json_data.Open):
    environment: _Environment


@dataclass(frozen=True)
class _Object(json_data.Open):
    sha: str


@dataclass(frozen=True)
class _Commit(json_data.Open):
    parents: tuple[_Object, ...]
    tree: _Object


@dataclass(frozen=True)
class Commit:
    """A commit, by the hashes of what it consists of."""

    tree: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class _Origin(json_data.Open):
    id: int


@dataclass(frozen=True)
class Artifact(json_data.Open):
    """An artifact: files that a job uploaded."""

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
    """The runs of a repository, through GitHub's API.

    Each method raises ShipError if GitHub does not answer, refuses, or answers other than documented (NS780 to NS785).
    """

    api: GitHubApi

    def run(self, number: str) -> Run:
        """Return the run with an ID."""
        return self._ask(Run, f"/actions/runs/{number}")

    def jobs(self, number: str) -> tuple[RunJob, ...]:
        """Return the jobs of a run, each in its last attempt."""
        return _read(RunJob, self.api.pages(f"/actions/runs/{number}/jobs?filter=latest", "jobs"))

    def of(self, workflow: str, commit: str) -> tuple[Run, ...]:
        """Return the runs of a workflow's file on a commit, newest first; none if GitHub does not know it."""
        path = f"/actions/workflows/{quote(workflow, safe='')}/runs?head_sha={commit}&per_page=100"
        answer = self.api.ask("GET", path, allowed=(_GONE,))
        found = parsed(answer, dict).get("workflow_runs") if answer.ok else []
        runs = _read(Run, found if isinstance(found, list) else [found])
        return tuple(sorted(runs, key=lambda run: -run.id))

    def workflow(self, file: str) -> Workflow | None:
        """Return a workflow by its file name; None if GitHub does not know it."""
        answer = self.api.ask("GET", f"/actions/workflows/{quote(file, safe='')}", allowed=(_GONE,))
        return _read(Workflow, [parsed(answer, dict)])[0] if answer.ok else None

    def is_told(self) -> bool:
        """Whether the repository is visible with this token; a private one may not be."""
        return self.api.ask("GET", "", allowed=(_GONE,)).ok

    def awaited(self, number: str) -> tuple[str, ...]:
        """Return the environments whose protection rules a run waits for, such as an approval."""
        answer = self.api.ask("GET", f"/actions/runs/{number}/pending_deployments")
        return tuple(one.environment.name for one in _read(_Pending, parsed(answer, list)))

    def last_lines(self, job: RunJob, most: int) -> list[str]:
        """Return the end of a job's log, up to the last error that the runner reported: clean-up comes after it."""
        log = self.api.tail(f"/actions/jobs/{job.id}/logs", _LOG)
        whole = log if len(log) < _LOG else log.partition(b"\n")[2]  # its first line is cut
        text = uncoloured(whole.decode("utf-8", "replace")).rstrip()
        lines = [_STAMP.sub("", line) for line in re.split(r"\r\n|\r|\n", text)]
        errors = [number for number, line in enumerate(lines) if line.startswith(_ERROR)]
        told = lines[: errors[-1] + 1] if errors else lines
        return [line.removeprefix(_ERROR) for line in told[-most:]]

    def artifact(self, number: str) -> Artifact:
        """Return the artifact with an ID."""
        return self._ask(Artifact, f"/actions/artifacts/{number}")

    def named(self, number: str, name: str) -> str:
        """Return the ID of a run's latest artifact with a name; empty if there is none."""
        told = self._ask(_Artifacts, f"/actions/runs/{number}/artifacts?name={name}&per_page=100").artifacts
        return str(max((one.id for one in told if not one.expired), default=""))

    def commit(self, commit: str) -> Commit:
        """Return the tree and the parents of a commit."""
        told = self._ask(_Commit, f"/git/commits/{commit}")
        return Commit(told.tree.sha, tuple(parent.sha for parent in told.parents))

    def _ask(self, cls: type[T], path: str) -> T:
        return _read(cls, [parsed(self.api.ask("GET", path), dict)])[0]


def _read(cls: type[T], values: Iterable[object]) -> tuple[T, ...]:
    """Return JSON values as a dataclass.

    Raises:
        ShipError: One of them is not what GitHub documents (NS785).
    """
    try:
        return tuple(json_data.read(cls, value) for value in values)
    except ValueError as error:
        raise ShipError(REFUSED(f"GitHub's answer is not what its documentation says: {error}.", remedy="")) from error


def moment(text: str | None) -> dt.datetime | None:
    """Return a time in the API's format; None if it is not one."""
    try:
        found = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
