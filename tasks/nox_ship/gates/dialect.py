"""The Python version for which a type checker checks the code: that of the project's CI, if ours is older."""

from __future__ import annotations

from dataclasses import replace

from nox_ship.automation.checkers import checker
from nox_ship.automation.shell import program
from nox_ship.automation.task import Task
from nox_ship.project import Project, minor

_OPTIONS = {"mypy": "--python-version", "pyright": "--pythonversion", "basedpyright": "--pythonversion"}
"""The option of each checker that otherwise uses the version of the Python that it inspects."""
_SETTINGS = {"mypy": "python_version", "pyright": "pythonVersion", "basedpyright": "pythonVersion"}
_FILES = ("mypy.ini", ".mypy.ini", "setup.cfg", "pyrightconfig.json")


def as_in_ci(project: Project, task: Task, running: str) -> Task:
    """Return a type checker's task with the Python version for which CI runs it, if that is newer.

    An older version is not passed on: packages installed for the running Python may use newer features.

    Args:
        project: The project.
        task: The task in its automation.
        running: The version of the Python that the task runs on here, such as ``3.11``.
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
    """Whether the project sets a version itself: on the command line, or in its settings."""
    key = _SETTINGS[name]
    words = (word.partition("=")[0] for word in task.command)
    return option in words or key in project.tool(name) or any(key in project.read_text(file) for file in _FILES)
