"""GitHub's workflows in a project: who publishes once a tag is pushed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from nox_ship.config import Settings

OURS = "# Written by nox-ship."
"""How a workflow begins that `nox-ship init` wrote."""

_PUBLISHES = re.compile(r"gh-action-pypi-publish|twine upload|uv publish|flit publish|hatch publish|poetry publish")
_SESSION = re.compile(r"nox\b[^\n]*\bpublish(-prod|-test)?\b")


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
    found = next(_publishing(repository / ".github" / "workflows", index), None)
    if settings.publish.by == "workflow":
        return found or "release.yml"
    return found


def _publishing(folder: Path, index: str) -> Iterator[str]:
    for path in sorted(folder.glob("*.y*ml")):
        try:
            text = path.read_text(encoding="utf-8")
            workflow = yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if text.startswith(OURS) and index not in (workflow.get("jobs") or {}):
            continue
        if isinstance(workflow, Mapping) and _starts_on_tags(workflow) and any(map(_uploads, _steps(workflow))):
            yield path.name


def _starts_on_tags(workflow: Mapping[Any, Any]) -> bool:
    """Whether a pushed tag starts it; the key ``on`` is the truth value to YAML 1.1."""
    events = workflow.get("on", workflow.get(True))
    if isinstance(events, str | list):
        return "push" in events
    push = events.get("push", False) if isinstance(events, Mapping) else False
    if not isinstance(push, Mapping):
        return push is None
    return "tags" in push or not ({"branches", "tags-ignore", "branches-ignore"} & set(push))


def _steps(workflow: Mapping[Any, Any]) -> Iterator[str]:
    jobs = workflow.get("jobs")
    for job in jobs.values() if isinstance(jobs, Mapping) else ():
        steps = job.get("steps") if isinstance(job, Mapping) else None
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, Mapping):
                yield f"{step.get('uses', '')}\n{step.get('run', '')}"


def _uploads(step: str) -> bool:
    return bool(_PUBLISHES.search(step) or _SESSION.search(step))
