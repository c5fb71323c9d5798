"""Interfaces of everything that a release changes: the remote, the indexes, the forge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from nox_ship.errors import Finding
from nox_ship.git import Repository
from nox_ship.world.index import Index
from nox_ship.world.releases import Releases
from nox_ship.world.remote import Remote


class World(Protocol):
    """The world that a release changes; the pipeline does not know whether it is real."""

    @property
    def checkout(self) -> Repository:
        """The checkout that is fast-forwarded to the release at the end."""

    @property
    def remote(self) -> Remote:
        """The repository that branch and tag are pushed to."""

    def known_refs(self) -> Mapping[str, str]:
        """Return the commit of each branch and tag of the user's remote, by full name, as far as known."""

    @property
    def rehearsal_index(self) -> Index:
        """An index on this machine, for the upload rehearsal."""

    def recall(self, files: Iterable[Path]) -> None:
        """Make the rehearsal index have files that an earlier rehearsal uploaded, so that they need not be again."""

    def index(self, name: str, project: str) -> Index:
        """Return the package index of that name, to upload ``project`` to.

        Raises:
            ShipError: There is no index of that name.
        """

    @property
    def forge(self) -> Releases | None:
        """The releases of the repository on its forge; None if the forge is unknown."""

    def notices(self) -> tuple[Finding, ...]:
        """Return what the user should know about this world."""
