"""A publication: the built files, the index that they go to, and what has been verified there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nox_ship.errors import Finding, Kind
from nox_ship.package.build import dist_folder
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.world.index import Index

NOT_SERVED = Kind("NS712", "not-served", "Run the same command again; it uploads the missing files.")
BROKEN_RELEASE = Kind(
    "NS714",
    "broken-release",
    "No API can yank it: sign in to the index, open the release, choose *Options* and *Yank*, then release the next"
    " version; docs/emergencies.md describes each step.",
)

Note = Callable[[str], None]
Proven = set[tuple[str, str, str]]
"""What was installed and works: the index, the file's SHA-256, and the interpreter."""


@dataclass(frozen=True)
class Patience:
    """How long and how often an index is asked."""

    wait: float = 1800
    """Seconds within which uploaded files must be served."""
    attempts: int = 5
    """How often an upload is tried if the answer is unclear."""
    delay: float = 1.0
    """Seconds between the first two attempts; doubled before each further one."""
    grace: float = 60
    """Seconds within which an index must list a file that it says it has."""

    def delays(self) -> Iterable[float]:
        """Return the pauses between attempts, in seconds."""
        return [self.delay * 2**number for number in range(self.attempts - 1)]


def silent(_: object) -> None:
    """Ignore a note."""


@dataclass(frozen=True)
class Publication:
    """Files on their way to an index.

    `converge` uploads the missing files, `confirm` compares the served ones, and `prove` installs them.
    """

    manifest: Manifest
    """The manifest of the built files."""
    folder: Path
    """The folder of the files."""
    index: Index
    """The index that they go to."""
    project: Project
    """The project, whose smoke commands are run once the files are installed."""
    patience: Patience = field(default_factory=Patience)
    """How long to wait for the index."""
    proven: Proven = field(default_factory=set)
    """Installations already verified; new ones are added."""
    note: Note = silent
    """Called with a message for each file."""

    @classmethod
    def of(cls, manifest: Manifest, project: Project, index: Index, note: Note = silent) -> Publication:
        """Return the publication of the files built in a project's own folder, with its settings."""
        patience = Patience(wait=project.settings.publish.wait)
        return cls(manifest, dist_folder(project), index, project, patience, note=note)

    def broken(self) -> Finding:
        """Return what to do about a release whose files must not be used."""
        manifest = self.manifest
        return BROKEN_RELEASE(f"{manifest.name} {manifest.version} on {self.index.name} must not be used.")
