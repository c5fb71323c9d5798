"""What is recorded about a release between two runs of the same command."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nox_ship import json_data
from nox_ship.files import write_whole
from nox_ship.gates.own import is_of


@dataclass
class Record:
    """The record of the stage: how it was made, and what has passed in it."""

    head: str
    version: str
    tag: str
    made_by: str
    made_at: float
    """The time it was made, in seconds since the epoch."""
    branch: str = ""
    """The branch it is on."""
    proposed: str = ""
    """The version that ``auto`` proposed; empty if the user named one."""
    commit: str | None = None
    """The release's commit, once it exists."""
    passed: dict[str, float] = field(default_factory=dict)
    """Sessions that passed here, with the seconds each took."""
    warned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The warnings of those sessions, one per line."""
    failed: list[str] = field(default_factory=list)
    """Sessions that ran here and did not pass."""
    built: str | None = None
    """The SHA-256 of the manifest of the files built here."""
    tried: str | None = None
    """The SHA-256 of the manifest whose files went through the upload rehearsal."""
    works: tuple[tuple[str, str], ...] = ()
    """The files installed then, by SHA-256, and the interpreters on which they work."""
    described: str | None = None
    """The Python on which `verify-install` made a bill of materials; None if it made none."""
    seal: str | None = None
    """A digest of the stage right after the bump, before anything ran in it."""
    refused: bool = False
    """Whether the remote protects the branch and refused the push of this release."""
    proposal: str = ""
    """The tree of the release's commit, once that was pushed to a branch of its own; empty if it was not."""

    @property
    def commits(self) -> tuple[str | None, ...]:
        """The commit from which it was made, and the release's."""
        return self.head, self.commit

    def missing(self, sessions: Iterable[str]) -> list[str]:
        """Return those of ``sessions`` that did not pass here on all their Pythons."""
        return [
            name
            for name in sessions
            if any(is_of(name, one) for one in self.failed) or not any(is_of(name, one) for one in self.passed)
        ]

    def write(self, path: Path) -> None:
        """Write the record, atomically."""
        write_whole(path, json.dumps(asdict(self), indent=2))

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Read the record at ``path``; None if there is none, or it cannot be read."""
        try:
            return json_data.read(cls, json_data.parse(path.read_bytes()))
        except (OSError, ValueError):
            return None
