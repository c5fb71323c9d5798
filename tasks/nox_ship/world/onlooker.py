"""The real world, only looked at: remote and indexes are asked once, for a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from nox_ship.errors import Finding, ShipError
from nox_ship.git import Repository
from nox_ship.world.index import INDEX_UNREACHABLE, Index
from nox_ship.world.listing import Listing, Served
from nox_ship.world.lookout import SECONDS
from nox_ship.world.releases import Releases
from nox_ship.world.remote import Remote
from nox_ship.world.web import begun
from nox_ship.world.world import World


@dataclass(frozen=True)
class _SeenRemote(Remote):
    """A remote that reports what was seen there."""

    seen: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)

    def refs(self) -> dict[str, str]:
        """Return what was seen.

        Raises:
            ShipError: It did not answer (NS208).
        """
        return dict(self.seen())


@dataclass(frozen=True, kw_only=True)
class _SeenIndex(Index):
    """An index that is asked about each version once."""

    index: Index
    asked: dict[str, Future[Listing]] = field(default_factory=dict, repr=False)

    def listing(self, project: str, version: str) -> Listing:
        """Return what the index has of one version.

        Raises:
            ShipError: It does not answer in time (NS701).
        """
        if version not in self.asked:
            self.asked[version] = begun(lambda: self.index.listing(project, version))
        try:
            return self.asked[version].result(SECONDS)
        except TimeoutError as error:
            what = f"{self.name} did not answer within {SECONDS:.0f} seconds."
            raise ShipError(INDEX_UNREACHABLE(what)) from error

    def download_sha256(self, served: Served, size: int, into: BinaryIO | None = None) -> str:
        """Download what the index serves, within the time limit, and return its SHA-256."""
        return self.index.download_sha256(served, size, into)


class Onlooker:
    """A world that is only looked at: nothing is pushed or uploaded, and no credentials are searched for."""

    def __init__(self, world: World) -> None:
        """Look at ``world``; its remote is asked immediately."""
        self._world = world
        self._refs = begun(lambda: replace(world.remote, seconds=SECONDS).refs())
        self._indexes: dict[str, Index] = {}

    @property
    def checkout(self) -> Repository:
        """The checkout."""
        return self._world.checkout

    @cached_property
    def remote(self) -> Remote:
        """The remote; it is asked once.

        Raises:
            ShipError: There is none (NS213), or the choice is unclear (NS214, NS215).
        """
        remote = self._world.remote
        told = {part.name: getattr(remote, part.name) for part in fields(Remote)}
        return _SeenRemote(**told, seen=self.known_refs)

    def known_refs(self) -> Mapping[str, str]:
        """Return what the remote has.

        Raises:
            ShipError: There is none (NS213), or it does not answer in time (NS208).
        """
        return self._refs.result()

    @property
    def rehearsal_index(self) -> Index:
        """Nothing is uploaded here."""
        raise AssertionError

    def recall(self, files: Iterable[Path]) -> None:
        """Do nothing: nothing is uploaded here."""

    def index(self, name: str, project: str) -> Index:
        """Return an index; it is asked about each version once.

        Raises:
            ShipError: There is no index of that name (NS753).
        """
        if name not in self._indexes:
            index = replace(self._world.index(name, project), seconds=SECONDS)
            told = {part.name: getattr(index, part.name) for part in fields(Index) if part.init}
            self._indexes[name] = _SeenIndex(**told, index=index)
        return self._indexes[name]

    @property
    def forge(self) -> Releases | None:
        """The forge; it has a few seconds to answer."""
        forge = self._world.forge
        return Releases(replace(forge.api, timeout=SECONDS, patience=0, pauses=())) if forge else None

    def notices(self) -> tuple[Finding, ...]:
        """Return findings about this world."""
        return self._world.notices()
