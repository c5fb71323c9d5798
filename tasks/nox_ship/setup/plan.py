"""What `nox-ship init` will write, and what it tells the user to do."""

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
    """The files to write, and what the user has to do."""

    survey: Survey
    changes: list[Change] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    files: tuple[Path, ...] = ()
    """Every file that is ours to write, changed or not."""
    workflows: list[str] = field(default_factory=list)
    """Our CI files, changed or not."""
    theirs: list[str] = field(default_factory=list)
    """Files with our names that are the project's own."""
    publishing: str | None = None
    """Our file that publishes tags; None if the project has one of its own, or none."""
    noxfile: Noxfile | None = None
    """The existing noxfile."""

    @cached_property
    def decision(self) -> Decision:
        """Which sessions are gates."""
        project = self.survey.project
        if self.noxfile is None:
            return decide((), chosen=project.chosen_gates, further=project.further_gates)
        return self.noxfile.decided(project)
