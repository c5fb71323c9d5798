"""Projects with automation of their own, and what is found in it."""

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
    """Return a workflow of one job whose one step runs ``lines``, with further keys of the job."""
    steps = [{"run": "\n".join(lines)}]
    return json.dumps({"on": on, "jobs": {"check": {"runs-on": "ubuntu-latest", "steps": steps, **job}}})


def ci(*lines: str, **job: object) -> dict[str, str]:
    """Return the file of a workflow that runs ``lines`` on every push."""
    return {".github/workflows/ci.yml": workflow(*lines, **job)}


def sample(folder: Path, text: str = "", files: Mapping[str, str | bytes] | None = None) -> Project:
    """Return a project whose pyproject.toml has the tables of ``text``."""
    return make_project(folder, NAMED + text, files)


def followed(project: Project, command: str, place: Place | None = None) -> list[Task]:
    """Return what a line of a shell in the project's folder comes to."""
    runners = Runners(project, project.root)
    return list(runners.script(command, place or runners.place("here")))


def lines(tasks: list[Task]) -> list[str]:
    """Return the commands of tasks, each as one line."""
    return [" ".join(task.command) for task in tasks]


def needs(task: Task) -> dict[str, Any]:
    """Return the needs of a task, without empty ones."""
    told = {name: list(value) for name, value in task.needs.listed.items() if value}
    flags = {name: True for name in ("project", "locked") if getattr(task.needs, name)}
    return {**told, **flags}
