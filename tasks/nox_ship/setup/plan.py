"""What `nox-ship init` is about to write, and what it tells a person to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nox_ship.gates.own import Decision, decide
from nox_ship.setup.change import Change
from nox_ship.setup.noxfile import Noxfile
from nox_ship.setup.survey import Survey


@dataclass
class SetupPlan:
    """What is to be written, and what a person has to do."""

    survey: Survey
    changes: list[Change] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    files: tuple[Path, ...] = ()
    """Every file that is ours to write, whether it would change or not."""
    workflows: list[str] = field(default_factory=list)
    """The files that the CI obeys and that are ours, whether they would change or not."""
    theirs: list[str] = field(default_factory=list)
    """Those that have the names of ours and are the project's own."""
    publishing: str | None = None
    """The file by which nox-ship publishes what is tagged; None where the project has another, or none."""
    noxfile: Noxfile | None = None
    """The noxfile that is there."""

    @cached_property
    def decision(self) -> Decision:
        """Which sessions are gates."""
        project = self.survey.project
        if self.noxfile is None:
            return decide((), chosen=project.chosen_gates, further=project.further_gates)
        return self.noxfile.decided(project)
