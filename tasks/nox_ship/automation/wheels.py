"""The jobs in a project's own workflows that build wheels with cibuildwheel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nox_ship.automation.github import OURS, Workflows, listing, mapping
from nox_ship.automation.rows import filled, rows
from nox_ship.documents import read_text

_TOOL = "cibuildwheel"
_VARIABLE = "CIBW_"


@dataclass(frozen=True)
class WheelJob:
    """A cibuildwheel job, or a row of its matrix."""

    runner: str
    options: dict[str, str]
    """The variables for cibuildwheel, by name; unknown expressions are left as they are."""


def wheel_jobs(top: Path) -> list[WheelJob]:
    """Return the jobs that run cibuildwheel, in the order of the workflows.

    Jobs whose runner is an unknown expression are skipped, and so are workflows that nox-ship wrote.

    Args:
        top: The top of the repository.
    """
    return [job for job in _jobs(top) if "${{" not in job.runner]


def _jobs(top: Path) -> Iterator[WheelJob]:
    house = Workflows(top)
    for name, workflow in house.all.items():
        if read_text(top / ".github/workflows" / name).startswith(OURS):
            continue
        for job in map(mapping, mapping(workflow.get("jobs")).values()):
            steps = map(mapping, listing(job.get("steps")))
            running = [step for step in steps if _TOOL in f"{step.get('uses')} {step.get('run')}"]
            if not running:
                continue
            told = {
                str(key): str(value)
                for place in (workflow, job, *running)
                for key, value in mapping(place.get("env")).items()
                if str(key).startswith(_VARIABLE)
            }
            for row in rows(mapping(job.get("strategy")).get("matrix")):
                options = {key: filled(value, row).strip() for key, value in told.items()}
                yield WheelJob(filled(str(job.get("runs-on", "")), row), options)
