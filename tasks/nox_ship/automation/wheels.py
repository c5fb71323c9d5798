"""The runners on which a project's own workflows build wheels with cibuildwheel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nox_ship.automation.github import OURS, Workflows, listing, mapping
from nox_ship.automation.rows import filled, rows
from nox_ship.documents import read_text

_TOOL = "cibuildwheel"


def wheel_runners(top: Path) -> tuple[str, ...]:
    """Return the runners of jobs that run cibuildwheel, in the order of the workflows, each once.

    Runners given by unknown expressions are skipped, and so are workflows that nox-ship wrote.

    Args:
        top: The top of the repository.
    """
    return tuple(dict.fromkeys(name for name in _runners(top) if "${{" not in name))


def _runners(top: Path) -> Iterator[str]:
    house = Workflows(top)
    for name, workflow in house.all.items():
        if read_text(top / ".github/workflows" / name).startswith(OURS):
            continue
        for job in map(mapping, mapping(workflow.get("jobs")).values()):
            steps = map(mapping, listing(job.get("steps")))
            if any(_TOOL in f"{step.get('uses')} {step.get('run')}" for step in steps):
                runner = str(job.get("runs-on", ""))
                matrix = mapping(job.get("strategy")).get("matrix")
                yield from (filled(runner, row) for row in rows(matrix))
