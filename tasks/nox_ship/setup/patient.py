"""What the checks of the set-up look at, and how they report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from nox_ship.errors import Finding
from nox_ship.gates.noxfile import Sessions
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.source import VersionSource
from nox_ship.setup.survey import Survey
from nox_ship.world.real import RealWorld

Told = Iterator[str | Finding]
"""The results of a check: text for what is right, a finding for what is wrong."""


@dataclass(frozen=True)
class Patient:
    """The set-up that the checks look at."""

    survey: Survey
    sessions: Sessions
    world: RealWorld
    running: str
    in_ci: bool = False

    @cached_property
    def tag(self) -> str:
        """The tag of the project's current version."""
        return self.survey.tag.replace("{version}", VersionSource.of(self.project).current or "1.0.0")

    @property
    def project(self) -> Project:
        """The project."""
        return self.survey.project

    @property
    def repository(self) -> Repository:
        """Its repository."""
        return self.survey.repository
