"""CI files that have our names but that nox-ship did not write: the project keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nox_ship.automation.tasks import Automation
from nox_ship.setup.survey import Survey
from nox_ship.setup.wheels import lacking
from nox_ship.world.forge import GITLAB_CI


def advice(name: str, *, publishes: bool) -> str:
    """Return why a file was not changed, and how to get ours.

    Args:
        name: The file's path in the repository.
        publishes: Whether our file of this name would publish.
    """
    file = Path(name).name
    told = f"{file} is yours and was not changed. To have nox-ship's"
    if name == GITLAB_CI:
        return (
            f"{told} instead: `nox-ship init --force {file}`. To keep yours, let its jobs call nox-ship's sessions:"
            " `nox-ship init --ci none` shows how."
        )
    beside = (
        'give it another name (`file = "publish.yml"` in [tool.nox-ship.workflows])' if publishes else "rename yours"
    )
    return f"{told} beside it, {beside} and run `nox-ship init` again; instead of it: `nox-ship init --force {file}`."


def warnings(survey: Survey, name: str, text: str) -> Iterator[str]:
    """Yield what is lost when ours replaces a workflow: commands of gates, options of cibuildwheel.

    Args:
        survey: The project.
        name: The file's path in the repository.
        text: Its content.
    """
    variables = sorted(set(re.findall(r"\bCIBW_[A-Z0-9_]+", text)))
    if options := lacking(variables, survey.project.tool("cibuildwheel")):
        keys = ", ".join(f"`{option.removeprefix('CIBW_').lower().replace('_', '-')}`" for option in options)
        yield (
            f"{Path(name).name} set {', '.join(options)}, but the new one does not. Add what they set to"
            f" [tool.cibuildwheel] in pyproject.toml, as {keys}."
        )
    read = [task for task in Automation(survey.project).tasks if task.ci and task.where.startswith(f"{name} ")]
    programs = ", ".join(dict.fromkeys(task.program for task in read if task.gate))
    if not programs:
        return
    yield (
        f"{Path(name).name} was yours, and the gates ran the commands in it ({programs}). They now follow the project's"
        " other files, such as tox.ini and .pre-commit-config.yaml. To have them run those commands again, restore the"
        f" file (`git checkout HEAD -- {name}`), rename it and run `nox-ship init` again."
    )
