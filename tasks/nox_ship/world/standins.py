"""Stand-ins for everything that a release changes: the world of a rehearsal.

Each one is real but elsewhere: a bare git repository, a clone of the checkout, an index on loopback.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.files import copy_whole
from nox_ship.git import Repository
from nox_ship.world.board import Board
from nox_ship.world.credentials import Credentials, Login
from nox_ship.world.index import PUBLIC_INDEXES, Index, check_known, display_name
from nox_ship.world.lookout import Lookout, StandIn
from nox_ship.world.loopback import Loopback
from nox_ship.world.pulls import PullRequest, PullRequests
from nox_ship.world.releases import Releases
from nox_ship.world.remote import Remote
from nox_ship.world.shelf import Shelf

NO_REMOTE = Kind(
    "NS209", "no-remote", "A real release needs a remote: `git remote add origin ADDRESS`.", level="notice"
)
REMOTE_NOT_ASKED = Kind(
    "NS210",
    "remote-not-asked",
    "What was last fetched stands in for it, so tags and commits made there since then are unknown.",
    level="notice",
)


class StandInIndex:
    """An index inside this process, on loopback: it ends with the process."""

    def __init__(self, packages: Path, port: int = 0) -> None:
        """Serve the folder ``packages``; ``port`` 0 uses a free one.

        Raises:
            ShipError: The port cannot be used (NS803).
        """
        self._packages = packages
        packages.mkdir(parents=True, exist_ok=True)
        self._server = Loopback(Shelf(packages), port)
        # The first request imports half of the client's libraries; here it costs no waiting.
        self._warm = threading.Thread(target=self._ask, daemon=True)
        self._warm.start()

    @property
    def index(self) -> Index:
        """The index, for the release."""
        base = self._server.url
        anyone = Credentials("the rehearsal", lambda: Login("rehearsal", "rehearsal"))
        return Index("rehearsal", f"{base}/", f"{base}/simple/", find=lambda: anyone)

    def take(self, files: Iterable[Path]) -> None:
        """Serve copies of ``files``, too."""
        for file in files:
            copy_whole(file, self._packages / file.name)

    def _ask(self) -> None:
        with suppress(ShipError):
            self.index.files("nothing", "0")

    def close(self) -> None:
        """Stop serving."""
        self._warm.join()
        self._server.close()


@dataclass(frozen=True)
class StandInReleases(Releases):
    """The releases of a forge on loopback, which accepts any token; problems with the real token are warnings.

    Attributes:
        real: The real releases.
    """

    real: Releases

    def refusals(self, tag: str) -> tuple[Finding, ...]:
        """Return why a release would not be announced."""
        return tuple(replace(finding, level="warning") for finding in self.real.refusals(tag))

    def in_the_way(self, branch: str) -> tuple[str, ...]:
        """Return the real rules that refuse a push."""
        return self.real.in_the_way(branch)

    @property
    def pulls(self) -> PullRequests:
        """The pull requests of the repository."""
        return StandInPullRequests(self.api, self.real.pulls)


@dataclass(frozen=True)
class StandInPullRequests(PullRequests):
    """The pull requests of a forge on loopback, which asks the real one what was merged.

    Attributes:
        real: The real pull requests.
    """

    real: PullRequests

    def merged(self, branch: str, base: str) -> tuple[PullRequest, ...]:
        """Return the pull requests that are really merged."""
        return self.real.merged(branch, base)


class StandIns:
    """The world of a rehearsal; slow parts are prepared in the background, and awaited when they are needed.

    Use it as a context manager: leaving it stops the index.
    """

    def __init__(  # noqa: PLR0913 - all but the first two are by name
        self,
        source: Path,
        folder: Path,
        *,
        remote: str | None = None,
        port: int = 0,
        indexes: Collection[str] = (),
        look: Callable[[str, str], Index] | None = None,
        keep: tuple[str, ...] = (),
        forge: Callable[[], Releases | None] = lambda: None,
        checks: Iterable[str] = (),
    ) -> None:
        """Stand in for the world around the checkout at ``source``.

        Args:
            source: The user's checkout; it is only read.
            folder: An empty folder for the stand-ins.
            remote: The git remote to stand in for; None for the branch's own.
            port: Loopback port of the index; 0 for a free one.
            indexes: The names of the indexes in the settings.
            look: Returns a real index by its name and the project's; it is only looked at.
            keep: Names of variables that git receives although they look like credentials.
            forge: Returns the real forge; it is asked whether the token has write access.
            checks: The names of the checks that a commit passes immediately on the stand-in forge.
        """
        self._source_path = source
        self._keep = keep
        self._folder = folder
        self._remote_name = remote
        self._port = port
        self._indexes = indexes
        self._look = look
        self._real_forge = forge
        self._checks = tuple(checks)
        self._board: Loopback | None = None
        self._lookouts: dict[tuple[str, str], Lookout] = {}
        self._notices: list[Finding] = []
        self._clone: Future[Repository] | None = None
        self._bare: Future[Remote] | None = None
        self._background = ThreadPoolExecutor(max_workers=2)

    def __enter__(self) -> Self:
        self._server = self._background.submit(StandInIndex, self._folder / "index", self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.shutdown()
        if self._board:
            self._board.close()
        if self._server.exception() is None:
            self._server.result().close()

    @cached_property
    def _source(self) -> Repository:
        return Repository.at(self._source_path, self._keep)

    def _begin_clone(self) -> Future[Repository]:
        if self._clone is None:
            self._clone = self._background.submit(self._source.clone, self._folder / "checkout")
        return self._clone

    @property
    def checkout(self) -> Repository:
        """A clone of the user's checkout."""
        return self._begin_clone().result()

    @property
    def remote(self) -> Remote:
        """A bare repository with the branches and tags of the user's remote."""
        return self._begin_remote().result()

    def _begin_remote(self) -> Future[Remote]:
        if self._bare is None:
            self._bare = self._background.submit(self._make_remote, *self._asked)
        return self._bare

    def _make_remote(self, name: str, refs: Mapping[str, str]) -> Remote:
        bare = self._folder / "remote.git"
        form = self._source.run("rev-parse", "--show-object-format")
        plain = ("--initial-branch=main", "--template=", f"--object-format={form}")  # override the user's settings
        self._source.run("init", "--quiet", "--bare", *plain, bare, env={"GIT_DEFAULT_REF_FORMAT": "files"})
        with (bare / "config").open("a", encoding="utf-8") as config:
            config.write("[receive]\n\tautogc = false\n\tcertNonceSeed = rehearsal\n")  # a push may be signed
        alternates = bare / "objects" / "info" / "alternates"
        alternates.write_bytes(os.fsencode(self._source.objects) + b"\n")
        known = self._source.known(refs.values())
        rows = sorted(f"{commit} {ref}\n" for ref, commit in refs.items() if commit in known)
        (bare / "packed-refs").write_text("".join(rows), encoding="utf-8")
        return Remote(name, str(bare), self.checkout)

    def known_refs(self) -> Mapping[str, str]:
        """Return what the user's remote has; only the request reaches it."""
        self._begin_clone()  # both are needed at the end
        self._begin_remote()
        return self._asked[1]

    @cached_property
    def _asked(self) -> tuple[str, dict[str, str]]:
        remote = Remote.of(self._source, self._remote_name)
        if remote is None:
            self._notices.append(NO_REMOTE("The repository has no remote, so an empty one stands in for it."))
            return "origin", {}
        try:
            return remote.name, remote.refs()
        except ShipError as error:
            self._notices.append(REMOTE_NOT_ASKED(error.findings[0].what))
            return remote.name, self._last_fetched(remote.name)

    def _last_fetched(self, name: str) -> dict[str, str]:
        listing = self._source.run("for-each-ref", f"refs/remotes/{name}", "--format=%(refname:lstrip=3) %(objectname)")
        pairs = (line.rsplit(" ", 1) for line in listing.splitlines())
        return {f"refs/heads/{branch}": commit for branch, commit in pairs if branch != "HEAD"}

    @property
    def rehearsal_index(self) -> Index:
        """An index on loopback."""
        return self._server.result().index

    def recall(self, files: Iterable[Path]) -> None:
        """Make the stand-in index have the files that an earlier rehearsal uploaded."""
        self._server.result().take(files)

    def index(self, name: str, project: str) -> Index:
        """Return the stand-in index, named after the real one, whose files of this version it shows.

        Raises:
            ShipError: There is no index of that name (NS753).
        """
        check_known(name, self._indexes)
        if self._look and (name, project) not in self._lookouts:
            self._lookouts[name, project] = Lookout(partial(self._look, name, project), project)
        here = {part.name: getattr(self.rehearsal_index, part.name) for part in dataclasses.fields(Index) if part.init}
        called = f"the stand-in for {display_name(name)}"
        own = {"name": called, "public": name in PUBLIC_INDEXES}
        return StandIn(**{**here, **own}, lookout=self._lookouts.get((name, project)))

    @cached_property
    def forge(self) -> Releases | None:
        """A forge on loopback without any release; it is asked without a token if the real one would be."""
        real = self._real_forge()
        if real is None:
            return None
        self._board = Loopback(Board(real.where, self._tags, self._checks))
        token = real.api.token and "rehearsal"  # the board accepts any
        return StandInReleases(replace(real.api, base=self._board.url, token=token), real)

    def _tags(self) -> Mapping[str, str]:
        prefix = "refs/tags/"
        refs = self.remote.refs().items()
        return {name.removeprefix(prefix): commit for name, commit in refs if name.startswith(prefix)}

    def notices(self) -> tuple[Finding, ...]:
        """Return what could not be found out about the real world."""
        return tuple(self._notices)
