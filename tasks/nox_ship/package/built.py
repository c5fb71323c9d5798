"""What was built, as the checks look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nox_ship.package.contents import Archive
from nox_ship.project import Project


@dataclass(frozen=True)
class Built:
    """What the checks look at."""

    project: Project
    wheels: tuple[Archive, ...]
    sdist: Archive
    tag_version: str | None
    """The version in the release tag of the commit, None where it has no tag."""
    sources: tuple[str, ...]
    """The files the release was built from, relative to the project's folder."""
    tracked: Mapping[str, str] = field(default_factory=dict)
    """The ID in git of each file that it tracks, by the same name."""
    public: bool = True
    """Whether the release goes to PyPI or TestPyPI; an index of one's own may take more."""

    @property
    def archives(self) -> tuple[Archive, ...]:
        """Every file, wheels first."""
        return (*self.wheels, self.sdist)
