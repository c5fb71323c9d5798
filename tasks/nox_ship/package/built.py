"""The input of the checks of the built files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nox_ship.package.contents import Archive
from nox_ship.project import Project


@dataclass(frozen=True)
class Built:
    """The built files, with the project and the sources they were built from."""

    project: Project
    wheels: tuple[Archive, ...]
    sdist: Archive
    tag_version: str | None
    """The version in the commit's release tag; None if it has no tag."""
    sources: tuple[str, ...]
    """The files the release was built from, relative to the project's folder."""
    tracked: Mapping[str, str] = field(default_factory=dict)
    """The git object ID of each tracked file, by the same name."""
    public: bool = True
    """Whether the release goes to PyPI or TestPyPI; other indexes may accept more."""

    @property
    def archives(self) -> tuple[Archive, ...]:
        """Every file, wheels first."""
        return (*self.wheels, self.sdist)
