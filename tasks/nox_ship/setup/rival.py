"""A publishing workflow that the project has already: a second one would upload the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from nox_ship import documents, versions
from nox_ship.errors import ShipError, shorten
from nox_ship.release.source import VersionSource
from nox_ship.release.workflows import Upload, uploads
from nox_ship.setup.keep import is_ours
from nox_ship.setup.survey import Survey
from nox_ship.setup.workflows import FOLDER
from nox_ship.world.forge import GITLAB_CI

_INDEXES = ("pypi", "testpypi")


@dataclass(frozen=True)
class Rival:
    """A workflow of the project's own that publishes what is tagged, or each GitHub Release."""

    workflow: str
    jobs: tuple[Upload, ...]

    @classmethod
    def of(cls, survey: Survey) -> Rival | None:
        """Return the first one that the project has, None where it has none."""
        found = list(_theirs(survey))
        sure = [upload for upload in found if upload.certain and (upload.by_tag or upload.event == "release")]
        if not sure:
            return None
        name = sure[0].workflow
        return cls(name, tuple(upload for upload in sure if upload.workflow == name))

    def advice(self, ours: str) -> str:
        """Return why our workflow, in the file ``ours``, was not written, and how it takes the place of this one."""
        what = "what is tagged" if self.jobs[0].by_tag else "each GitHub Release"
        environments = ", ".join(dict.fromkeys(job.environment for job in self.jobs if job.environment))
        where = f", from the environment {environments}" if environments else ""
        told = f"{self.workflow} publishes {what}{where}. {ours} was not written: both would upload the same files."
        settings = list(self._settings(ours))
        if not settings:
            return f"{told} To replace it: `nox-ship init --force`."
        added = "\n".join(["[tool.nox-ship.workflows]", *settings])
        how = "To replace it and keep what it is trusted for" if self._trusted else "To replace it"
        return f"{told} {how}, add this to pyproject.toml and run `nox-ship init --force`:\n\n{added}"

    @property
    def _trusted(self) -> bool:
        return any(job.identity for job in self.jobs)

    def _settings(self, ours: str) -> Iterator[str]:
        if self.workflow != ours:
            yield f"file = {json.dumps(self.workflow)}"
        named = {
            index: job.environment
            for job in reversed(self.jobs)
            for index in _INDEXES
            if index in job.indexes and job.environment not in (None, index)
        }
        if named:
            entries = (f"{index} = {json.dumps(name)}" for index, name in sorted(named.items()))
            yield f"environments = {{ {', '.join(entries)} }}"
        if not self._trusted:
            yield 'credentials = "token"  # in the secret PYPI_API_TOKEN'
        if not any(job.goes_to("testpypi") for job in self.jobs):
            yield "testpypi = false"


def doubtful(survey: Survey) -> str:
    """Return the names of workflows of the project's own that may publish what is tagged; empty where none does."""
    found = (upload for upload in _theirs(survey) if not upload.certain and upload.by_tag)
    return shorten(dict.fromkeys(upload.workflow for upload in found))


def _theirs(survey: Survey) -> Iterator[Upload]:
    """Yield the jobs that upload, in workflows that nox-ship did not write."""
    try:
        current = VersionSource.of(survey.project).current or ""
    except ShipError:  # the version's line tells it
        current = ""
    version = current if versions.parse(current) else "1.0.0"
    for upload in uploads(survey.repository.path, survey.tag.replace("{version}", version))[0]:
        folder = "" if upload.workflow == GITLAB_CI else FOLDER
        path = survey.repository.path / folder / upload.workflow
        if not is_ours(documents.read_text(path)):
            yield upload
