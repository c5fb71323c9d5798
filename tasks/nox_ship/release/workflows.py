"""GitHub's workflows in a project: who publishes once a tag is pushed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nox_ship.config import Settings

OURS = "# Written by nox-ship."
"""How a workflow begins that `nox-ship init` wrote."""

_PUBLISHES = re.compile(r"gh-action-pypi-publish|twine upload|uv publish|flit publish|hatch publish|poetry publish")
_SECRET = re.compile(r"secrets\.(?!GITHUB_TOKEN\b)")
_SESSION = re.compile(r"nox\b[^\n]*\bpublish(-prod|-test)?\b")


@dataclass(frozen=True)
class Upload:
    """A job that uploads to an index, in a workflow that a pushed tag starts."""

    workflow: str
    """The workflow's file name."""
    job: str
    identity: bool
    """Whether it may ask for the identity of a trusted publisher (``id-token: write``)."""
    shared: bool
    """Whether every job of the workflow may, because the permission stands at its top."""
    token: bool
    """Whether it is handed a secret."""
    environment: str | None


def publishing_workflow(repository: Path, settings: Settings, index: str) -> str | None:
    """Return the file name of the workflow that publishes what is tagged; None where this machine does.

    The setting ``publish.by`` decides; where it is ``auto``, a workflow counts that a pushed tag starts and that has
    a step which uploads to an index.

    Args:
        repository: The top folder of the repository.
        settings: The project's settings.
        index: The name of the index that the version goes to; a workflow of ours has a job for each that it knows.
    """
    if settings.publish.by == "machine":
        return None
    found = next(_publishing(repository, index), None)
    if settings.publish.by == "workflow":
        return found or "release.yml"
    return found


def uploads(repository: Path) -> Iterator[Upload]:
    """Yield the jobs that upload to an index, of the workflows that a pushed tag starts.

    Args:
        repository: The top folder of the repository.
    """
    for name, _, workflow in _started_by_tags(repository):
        everywhere = _may_identify(workflow.get("permissions"))
        for job_name, job in _jobs(workflow):
            if any(map(_uploads, _steps(job))):
                own = job.get("permissions")
                environment = job.get("environment")
                yield Upload(
                    workflow=name,
                    job=job_name,
                    identity=everywhere if own is None else _may_identify(own),
                    shared=everywhere,
                    token=bool(_SECRET.search(yaml.safe_dump([workflow.get("env"), dict(job)]))),
                    environment=environment.get("name") if isinstance(environment, Mapping) else environment,
                )


def _may_identify(permissions: object) -> bool:
    """Whether ``permissions`` let a job ask for an identity; where there are none, GitHub grants no such thing."""
    if isinstance(permissions, Mapping):
        return permissions.get("id-token") == "write"
    return permissions == "write-all"


def _publishing(repository: Path, index: str) -> Iterator[str]:
    for name, text, workflow in _started_by_tags(repository):
        if text.startswith(OURS) and index not in (workflow.get("jobs") or {}):
            continue
        if any(_uploads(step) for _, job in _jobs(workflow) for step in _steps(job)):
            yield name


def _started_by_tags(repository: Path) -> Iterator[tuple[str, str, Mapping[Any, Any]]]:
    """Yield name, text and content of each workflow that a pushed tag starts."""
    for path in sorted((repository / ".github" / "workflows").glob("*.y*ml")):
        try:
            text = path.read_text(encoding="utf-8")
            workflow = yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(workflow, Mapping) and _starts_on_tags(workflow):
            yield path.name, text, workflow


def _starts_on_tags(workflow: Mapping[Any, Any]) -> bool:
    """Whether a pushed tag starts it; the key ``on`` is the truth value to YAML 1.1."""
    events = workflow.get("on", workflow.get(True))
    if isinstance(events, str | list):
        return "push" in events
    push = events.get("push", False) if isinstance(events, Mapping) else False
    if not isinstance(push, Mapping):
        return push is None
    return "tags" in push or not ({"branches", "tags-ignore", "branches-ignore"} & set(push))


def _jobs(workflow: Mapping[Any, Any]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    jobs = workflow.get("jobs")
    for name, job in jobs.items() if isinstance(jobs, Mapping) else ():
        if isinstance(job, Mapping):
            yield str(name), job


def _steps(job: Mapping[Any, Any]) -> Iterator[str]:
    steps = job.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, Mapping):
            yield f"{step.get('uses', '')}\n{step.get('run', '')}"


def _uploads(step: str) -> bool:
    return bool(_PUBLISHES.search(step) or (_SESSION.search(step) and "--dry-run" not in step))
