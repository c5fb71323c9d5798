"""The version of Python that a type checker judges code for: that of the project's CI, where ours is an older one."""

from __future__ import annotations

from dataclasses import replace

from nox_ship.automation.checkers import checker
from nox_ship.automation.shell import program
from nox_ship.automation.task import Task
from nox_ship.project import Project, minor

_OPTIONS = {"mypy": "--python-version", "pyright": "--pythonversion", "basedpyright": "--pythonversion"}
"""By checker, for those that take the version of the Python that they look at where they are told none."""
_SETTINGS = {"mypy": "python_version", "pyright": "pythonVersion", "basedpyright": "pythonVersion"}
_FILES = ("mypy.ini", ".mypy.ini", "setup.cfg", "pyrightconfig.json")


def as_in_ci(project: Project, task: Task, running: str) -> Task:
    """Return a task of a type checker with the version of Python that CI runs it on, where that is a newer one.

    An older one is not told: what is installed for the running Python may use what the older one has not.

    Args:
        project: The project.
        task: What its automation runs.
        running: The version of Python that the task runs on here, such as ``3.11``.
    """
    name = program(task.command)
    option = _OPTIONS.get(name)
    if option is None or checker(task.command) is None or not task.pythons or _chosen(project, task, name, option):
        return task
    nearest = min(task.pythons, key=minor)
    if minor(nearest) <= minor(running):
        return task
    return replace(task, command=(task.command[0], option, nearest, *task.command[1:]))


def _chosen(project: Project, task: Task, name: str, option: str) -> bool:
    """Whether the project chooses a version itself: on the command line, or in its settings."""
    key = _SETTINGS[name]
    words = (word.partition("=")[0] for word in task.command)
    return option in words or key in project.tool(name) or any(key in project.read_text(file) for file in _FILES)
