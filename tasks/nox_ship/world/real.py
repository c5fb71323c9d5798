"""The real world: the user's checkout, its remote, and the package indexes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from nox_ship.config import IndexSettings, Settings
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.git import Repository
from nox_ship.world import attest
from nox_ship.world.credentials import Ask, Wanted, find_credentials
from nox_ship.world.forge import releases
from nox_ship.world.index import PUBLIC_INDEXES, Index, check_known, display_name
from nox_ship.world.proof import try_credentials
from nox_ship.world.releases import Releases
from nox_ship.world.remote import Remote
from nox_ship.world.standins import StandInIndex
from nox_ship.world.token import index_base

REMOTE_MISSING = Kind("NS213", "remote-missing", "Add the remote to release to: `git remote add origin ADDRESS`.")


class RealWorld:
    """The world that a release changes permanently.

    Use it as a context manager: leaving it stops the index of the upload rehearsal.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        settings: Settings,
        ask: Ask | None = None,
        *,
        quietly: bool = False,
        variables: Mapping[str, str] | None = None,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Open the world around the checkout at ``root``.

        Args:
            root: The project's folder.
            folder: An empty folder for the index of the upload rehearsal.
            settings: The project's settings.
            ask: Asks the user for credentials; None if nobody can be asked.
            quietly: Whether only to look for credentials: none are requested, and no keyring is opened.
            variables: The environment variables, which may hold credentials or give an identity; default: none.
            tell: Called with a message if something takes long.
        """
        self._root = root
        self._folder = folder
        self._settings = settings
        self._ask = ask
        self._quietly = quietly
        self._variables = variables or {}
        self._tell = tell
        self._server: StandInIndex | None = None
        self._indexes: dict[str, Index] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.close()

    @cached_property
    def checkout(self) -> Repository:
        """The user's checkout."""
        return Repository.at(self._root, self._settings.pass_env)

    @cached_property
    def remote(self) -> Remote:
        """The user's remote.

        Raises:
            ShipError: There is none (NS213), not the configured one (NS214), or none that one push reaches (NS215).
        """
        remote = Remote.of(self.checkout, self._settings.remote)
        if remote is None:
            raise ShipError(REMOTE_MISSING("The repository has no remote."))
        return remote

    def known_refs(self) -> Mapping[str, str]:
        """Ask the remote.

        Raises:
            ShipError: There is none (NS213), or it does not answer (NS208).
        """
        return self.remote.refs()

    @property
    def rehearsal_index(self) -> Index:
        """An index on loopback: the upload is rehearsed in the real world, too, before anything is written."""
        if self._server is None:
            self._server = StandInIndex(self._folder / "index", self._settings.rehearsal.port)
        return self._server.index

    def recall(self, files: Iterable[Path]) -> None:
        """Do nothing: the index that counts is the real one."""

    def index(self, name: str, project: str) -> Index:
        """Return a package index; its credentials are searched for when they are needed.

        Raises:
            ShipError: There is no index of that name (NS753).
        """
        if name not in self._indexes:
            self._indexes[name] = self._found(name, project)
        return self._indexes[name]

    def _found(self, name: str, project: str) -> Index:
        addresses = index_addresses(name, self._settings)
        public = name in PUBLIC_INDEXES
        wanted = Wanted(
            index=name,
            shown=display_name(name),
            upload_url=addresses.upload_url,
            token_variable=token_variable(name, self._settings),
            project=project,
            token_host=urlsplit(addresses.simple_url).hostname if public else None,
            signs=public and self._settings.publish.attestations and attest.can_sign(self._variables),
            ask=self._ask,
            quietly=self._quietly,
            variables=self._variables,
        )
        return Index(
            name=display_name(name),
            **dataclasses.asdict(addresses),
            find=lambda: find_credentials(wanted),
            prove=lambda found, called, version: try_credentials(
                found, display_name(name), addresses.upload_url, called, version
            ),
            seconds=self._settings.publish.timeout,
            public=public,
            variables=self._variables,
            keep=self._settings.pass_env,
        )

    @cached_property
    def forge(self) -> Releases | None:
        """The releases of the repository on GitHub; None if the remote is elsewhere."""
        try:
            remote = self.remote
        except ShipError:  # a job without a checkout
            return releases(None, self._variables, self._tell)
        address = remote.local.find("remote", "get-url", "--push", remote.name)
        return releases(address, self._variables, self._tell) if address else None

    def notices(self) -> tuple[Finding, ...]:
        """Return nothing: problems of the real world are errors."""
        return ()


def index_addresses(name: str, settings: Settings) -> IndexSettings:
    """Return the address of an index.

    The addresses of PyPI and TestPyPI are those in twine; settings can redefine them.

    Raises:
        ShipError: There is no index of that name (NS753).
    """
    if own := settings.indexes.get(name):
        read = {key: value for key, value in dataclasses.asdict(own).items() if key != "upload_url"}
        return dataclasses.replace(own, **{key: value and f"{value.rstrip('/')}/" for key, value in read.items()})
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

    check_known(name, settings.indexes)
    upload = {"pypi": DEFAULT_REPOSITORY, "testpypi": TEST_REPOSITORY}[name]
    base = index_base(upload)
    return IndexSettings(upload, f"{base}simple/", f"{base}pypi/")


def token_variable(name: str, settings: Settings) -> str:
    """Return the name of the variable that may hold an index's API token."""
    usual = {"pypi": "PYPI_API_TOKEN", "testpypi": "TEST_PYPI_API_TOKEN"}
    own = f"{name.upper().replace('-', '_').replace('.', '_')}_API_TOKEN"
    return settings.publish.tokens.get(name) or usual.get(name, own)
