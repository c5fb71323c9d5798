"""Files of a CI that have the names of ours and that nox-ship did not write: the project goes on with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nox_ship.automation.tasks import Automation
from nox_ship.setup.survey import Survey
from nox_ship.world.forge import GITLAB_CI


def advice(name: str, *, publishes: bool) -> str:
    """Return why a file was left as it is, and how ours could be had.

    Args:
        name: The file's path in the repository.
        publishes: Whether ours would be the one that publishes.
    """
    file = Path(name).name
    told = f"{file} is yours, and was left as it is. To have nox-ship's"
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
    """Yield what is lost with a workflow that ours takes the place of: commands of gates, options of cibuildwheel.

    Args:
        survey: The project.
        name: The file's path in the repository.
        text: What was in it.
    """
    if options := sorted(set(re.findall(r"\bCIBW_[A-Z_]+", text))):
        keys = ", ".join(f"`{option.removeprefix('CIBW_').lower().replace('_', '-')}`" for option in options)
        yield (
            f"{Path(name).name} set {', '.join(options)}, and the new one does not. Write what they said into"
            f" [tool.cibuildwheel] of pyproject.toml, as {keys}."
        )
    read = [task for task in Automation(survey.project).tasks if task.ci and task.where.startswith(f"{name} ")]
    programs = ", ".join(dict.fromkeys(task.program for task in read if task.gate))
    if not programs:
        return
    yield (
        f"{Path(name).name} was yours, and told the gates what to run ({programs}). Now they go by the other files of"
        " the project, such as tox.ini and .pre-commit-config.yaml. If they should still run what it ran: restore it"
        f" (`git checkout HEAD -- {name}`), rename it and run `nox-ship init` again."
    )
