"""Helpers for projects with automation of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nox_ship.automation.runners import Runners
from nox_ship.automation.task import Place, Task
from nox_ship.project import Project
from support import make_project

NAMED = '[project]\nname = "sample"\nversion = "1"\n'


def workflow(*lines: str, on: object = "push", **job: object) -> str:
    """Return a workflow with one job, whose only step runs ``lines``; ``job`` adds keys to the job."""
    steps = [{"run": "\n".join(lines)}]
    return json.dumps({"on": on, "jobs": {"check": {"runs-on": "ubuntu-latest", "steps": steps, **job}}})


def ci(*lines: str, **job: object) -> dict[str, str]:
    """Return the file of a workflow that runs ``lines`` on every push."""
    return {".github/workflows/ci.yml": workflow(*lines, **job)}


def sample(folder: Path, text: str = "", files: Mapping[str, str | bytes] | None = None) -> Project:
    """Return a project whose pyproject.toml also contains ``text``."""
    return make_project(folder, NAMED + text, files)


def followed(project: Project, command: str, place: Place | None = None) -> list[Task]:
    """Return the tasks that a shell command in the project's folder leads to."""
    runners = Runners(project, project.root)
    return list(runners.script(command, place or runners.place("here")))


def lines(tasks: list[Task]) -> list[str]:
    """Return the commands of tasks, one line for each."""
    return [" ".join(task.command) for task in tasks]


def needs(task: Task) -> dict[str, Any]:
    """Return the needs of a task, leaving out empty ones."""
    told = {name: list(value) for name, value in task.needs.listed.items() if value}
    flags = {name: True for name in ("project", "locked") if getattr(task.needs, name)}
    return {**told, **flags}
