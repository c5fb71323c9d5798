"""A publishing workflow that the project already has: a second one would upload the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nox_ship import documents, versions
from nox_ship.automation.github import FOLDER
from nox_ship.config import Settings
from nox_ship.errors import ShipError, shorten
from nox_ship.release.source import VersionSource
from nox_ship.release.workflows import Upload, uploads
from nox_ship.setup.keep import is_ours
from nox_ship.setup.survey import Survey
from nox_ship.world.forge import GITLAB_CI
from nox_ship.world.index import PUBLIC_INDEXES
from nox_ship.world.real import token_variable


@dataclass(frozen=True)
class Rival:
    """A workflow of the project's own that publishes tags or GitHub Releases."""

    workflow: str
    jobs: tuple[Upload, ...]

    def advice(self, ours: str) -> str:
        """Return why our workflow, the file ``ours``, was not written, and how it can replace this one."""
        what = "pushed tags" if self.jobs[0].by_tag else "each GitHub Release"
        environments = ", ".join(dict.fromkeys(job.environment for job in self.jobs if job.environment))
        where = f", from the environment {environments}" if environments else ""
        left = f"{ours} was not written: both would upload the same files."
        told = f"{self.workflow} publishes {what}{where}. {'It was not changed.' if self.workflow == ours else left}"
        settings = list(self._settings(ours))
        if not settings:
            return f"{told} To replace it: `nox-ship init --force {ours}`."
        tables = ["[tool.nox-ship.workflows]", *settings]
        if tokens := self._tokens():
            tables += ["", "[tool.nox-ship.publish]", f"tokens = {_inline(tokens)}"]
        added = "\n".join(tables)
        how = "To replace it but keep its trusted publisher" if self._trusted else "To replace it"
        return f"{told} {how}, add this to pyproject.toml and run `nox-ship init --force {self.workflow}`:\n\n{added}"

    def warning(self, ours: str) -> str:
        """Return what to do about this one if ours was written anyway."""
        return f"{self.workflow} publishes pushed tags, as {ours} does: delete it, or remove its tag trigger."

    @property
    def _trusted(self) -> bool:
        return any(job.identity for job in self.jobs)

    def _settings(self, ours: str) -> Iterator[str]:
        if self.workflow != ours:
            yield f"file = {json.dumps(self.workflow)}"
        named = {
            index: job.environment
            for job in reversed(self.jobs)
            for index in PUBLIC_INDEXES
            if index in job.indexes and job.environment not in (None, index)
        }
        if named:
            yield f"environments = {_inline(named)}"
        if not self._trusted:
            yield 'credentials = "token"'
        if not any(job.goes_to("testpypi") for job in self.jobs):
            yield "testpypi = false"

    def _tokens(self) -> dict[str, str]:
        """Return the names of its secrets that differ from ours, by index."""
        found = {index: name for job in reversed(self.jobs) for index, name in job.secrets.items()}
        ours = {index: token_variable(index, Settings()) for index in PUBLIC_INDEXES}
        differing = (index for index in ours if found.get(index, ours[index]) != ours[index])
        return {} if self._trusted else {index: found[index] for index in differing}


def _inline(table: Mapping[str, str]) -> str:
    """Return strings as an inline table in TOML."""
    return f"{{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in sorted(table.items()))} }}"


def rivals(survey: Survey) -> tuple[Rival | None, str]:
    """Return the project's first workflow that publishes, and the names of those that may; empty if none."""
    found = list(_theirs(survey))
    sure = [upload for upload in found if upload.certain and (upload.by_tag or upload.event == "release")]
    name = sure[0].workflow if sure else ""
    rival = Rival(name, tuple(upload for upload in sure if upload.workflow == name)) if sure else None
    doubtful = dict.fromkeys(upload.workflow for upload in found if not upload.certain and upload.by_tag)
    return rival, shorten(doubtful)


def _theirs(survey: Survey) -> Iterator[Upload]:
    """Yield the uploading jobs of workflows that nox-ship did not write."""
    top = survey.repository.path
    places = {path.name: path for path in (*(top / FOLDER).glob("*.y*ml"), top / GITLAB_CI)}
    texts = {name: documents.read_text(path) for name, path in places.items() if documents.is_file(path)}
    theirs = {name for name, text in texts.items() if not is_ours(text)}
    if not theirs:
        return  # nothing needs to be parsed
    found, _ = uploads(top, _example(survey))
    yield from (upload for upload in found if upload.workflow in theirs)


def neighbours(survey: Survey, ours: str) -> str:
    """Return the names of our workflows for other projects in the repository that the same tags start.

    Args:
        survey: The project.
        ours: The file name of its own workflow.
    """
    found = publishing_jobs(survey)
    others = dict.fromkeys(upload.workflow for upload in found if upload.by_tag and upload.workflow != ours)
    folder = survey.repository.path / FOLDER
    return shorten(name for name in others if is_ours(documents.read_text(folder / name)))


def publishing_jobs(survey: Survey) -> tuple[Upload, ...]:
    """Return the jobs in the repository that upload a release of the project, or may."""
    return uploads(survey.repository.path, _example(survey))[0]


def _example(survey: Survey) -> str:
    """Return an example of a release tag of the project."""
    try:
        current = VersionSource.of(survey.project).current or ""
    except ShipError:  # the line for the version reports it
        current = ""
    return survey.tag.replace("{version}", current if versions.parse(current) else "1.0.0")
