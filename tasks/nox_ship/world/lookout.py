"""A rehearsal's view of the index that it stands in for: its files, and whether it would accept the release.

It only reads, for a few seconds: nothing is sent, not even credentials, and a missing answer is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TypeVar

from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.versions import same
from nox_ship.world.credentials import EMPTY_CREDENTIALS, NO_CREDENTIALS, Credentials
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing
from nox_ship.world.trusted import in_ci
from nox_ship.world.web import begun

INDEX_NOT_ASKED = Kind(
    "NS767",
    "index-not-asked",
    "No action is needed: a release asks the index again, and stops if it does not answer.",
    level="notice",
)

SECONDS = 3.0
"""Seconds that a rehearsal waits for the index."""

T = TypeVar("T")


class Lookout:
    """A look at a project on an index, started at once and awaited when the result is needed."""

    def __init__(self, find: Callable[[], Index], project: str, seconds: float = SECONDS) -> None:
        """Look at ``project`` on an index.

        Args:
            find: Returns the index, whose data are read, and whose credentials are searched for.
            project: The project's name.
            seconds: The total time to wait for results.
        """
        self._project = project
        self._seconds = seconds
        self._found = begun(find)  # its imports take longer than an answer
        self._page = begun(lambda: self._index.read_page(project))
        self._name = begun(self._refuses_name)
        self._credentials = begun(self._find_credentials)
        self._listings: dict[str, Future[Listing]] = {}
        self._waited_for: float | None = None

    @property
    def _index(self) -> Index:
        return self._found.result()

    def _find_credentials(self) -> Credentials:
        return self._index.find()  # not `credentials`, which another thread may use at the same time

    @property
    def _seen(self) -> Index:
        return replace(self._index, ahead=self._page)

    def _listing(self, version: str) -> Future[Listing]:
        known = next((asked for other, asked in self._listings.items() if same(other, version)), None)
        if known is None:
            known = self._listings[version] = begun(lambda: self._seen.listing(self._project, version))
        return known

    def _result(self, asked: Future[T]) -> T:
        self._waited_for = self._waited_for or time.monotonic()
        return asked.result(max(self._waited_for + self._seconds - time.monotonic(), 0))

    def listing(self, version: str) -> Listing:
        """Return what the index has of a version; if it does not answer in time, nothing and the reason."""
        if why := self._silent(self._listing(version)):
            return Listing(index=self._index.name, project=self._project, version=version, files={}, silent=why)
        found = self._result(self._listing(version))
        return replace(found, files={name: replace(one, seen_in="simple API") for name, one in found.files.items()})

    def refuses_name(self) -> tuple[Finding, ...]:
        """Return why the index would not allow the project's name as a new one; nothing if it has the project."""
        return self._name.result()

    def _refuses_name(self) -> tuple[Finding, ...]:
        page, _ = self._page.result()
        return () if page else self._index.refuses_name(self._project)

    def told(self) -> tuple[Finding, ...]:
        """Return what a release would meet there: a notice if the index does not answer, or has no credentials.

        Unusable credentials are a warning: in CI there may be others that only the publishing job has.
        """
        listings = self._listings.items()
        silent = ((version, self._silent(asked)) for version, asked in listings)
        told = (not_asked(self._index.name, self._project, version, why) for version, why in silent if why)
        return (*told, *self._refused())

    def _silent(self, asked: Future[Listing]) -> str:
        try:
            self._result(asked)
        except TimeoutError:
            return f"it did not answer within {self._seconds:.0f} seconds"
        except ShipError as error:
            return error.findings[0].what.rstrip(".")
        return ""

    def _refused(self) -> tuple[Finding, ...]:
        try:
            return self._result(self._credentials).warnings
        except TimeoutError:
            return ()
        except ShipError as error:
            missing = {NO_CREDENTIALS.id, EMPTY_CREDENTIALS.id}
            if error.findings[0].id not in missing:
                return tuple(replace(finding, level="warning") for finding in error.findings)
            if in_ci(self._index.variables):
                return ()
            return tuple(replace(finding, level="notice") for finding in error.findings)


def not_asked(index: str, project: str, version: str, why: str) -> Finding:
    """Return the notice that an index did not say what it has of a version."""
    return INDEX_NOT_ASKED(f"{index} did not say whether it has {project} {version}: {why}.")


@dataclass(frozen=True)
class StandIn(Index):
    """The stand-in for an index: through the lookout it has the same files; uploads stay here.

    Attributes:
        lookout: The look at the real index; None if there is none.
    """

    lookout: Lookout | None = field(default=None, repr=False)

    def listing(self, project: str, version: str) -> Listing:
        """Return what the real index has of a version, plus trial uploads, which belong to no release.

        Raises:
            ShipError: This index does not answer (NS701).
        """
        seen = self.lookout.listing(version) if self.lookout else None
        here = replace(super().listing(project, version), releases={})
        trial = {name: replace(served, trial=True) for name, served in here.files.items()}
        return replace(seen or here, files={**trial, **(seen.files if seen else {})})

    def refuses_name(self, project: str) -> tuple[Finding, ...]:  # noqa: ARG002 - the lookout knows it
        """Return why the real index would not allow the project's name as a new one."""
        return self.lookout.refuses_name() if self.lookout else ()

    def admits(self, project: str, version: str) -> tuple[Finding, ...]:
        """Return what a release would meet at the real index, as far as that shows without sending anything."""
        return (*super().admits(project, version), *(self.lookout.told() if self.lookout else ()))
