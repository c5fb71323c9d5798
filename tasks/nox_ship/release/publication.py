"""A publication: what was built, where it goes, and what is proven of it there."""

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
    """Seconds until what was uploaded must be served."""
    attempts: int = 5
    """How often an upload is tried whose answer says nothing."""
    delay: float = 1.0
    """Seconds between the first two attempts; twice as many before each further one."""
    grace: float = 60
    """Seconds until an index must list a file that it says it has."""

    def delays(self) -> Iterable[float]:
        """Return the pauses between attempts, in seconds."""
        return [self.delay * 2**number for number in range(self.attempts - 1)]


def silent(_: object) -> None:
    """Note nothing."""


@dataclass(frozen=True)
class Publication:
    """Files on their way to an index.

    `converge` uploads what is missing, `confirm` compares what is served, and `prove` installs it.
    """

    manifest: Manifest
    """What was built."""
    folder: Path
    """Where the files are."""
    index: Index
    """Where they go."""
    project: Project
    """The project; its smoke commands are run once the files are installed."""
    patience: Patience = field(default_factory=Patience)
    """How long the index is given."""
    proven: Proven = field(default_factory=set)
    """What need not be installed again; what is installed now is added."""
    note: Note = silent
    """Told what happens to each file."""

    @classmethod
    def of(cls, manifest: Manifest, project: Project, index: Index, note: Note = silent) -> Publication:
        """Return the publication of what was built in a project's own folder, with the patience of its settings."""
        patience = Patience(wait=project.settings.publish.wait)
        return cls(manifest, dist_folder(project), index, project, patience, note=note)

    def broken(self) -> Finding:
        """Return what to do about a release whose files must not be used."""
        manifest = self.manifest
        return BROKEN_RELEASE(f"{manifest.name} {manifest.version} on {self.index.name} must not be used.")
