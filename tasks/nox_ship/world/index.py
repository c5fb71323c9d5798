"""Package indexes: what they have, and uploading files to them."""

from __future__ import annotations

import datetime as dt
import hashlib
import http
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from packaging.utils import canonicalize_name
from packaging.version import Version

from nox_ship import process
from nox_ship.conversation import Conversation
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.package.manifest import FILE_CHANGED, File
from nox_ship.versions import parse, same
from nox_ship.world import attest, names, upload, web
from nox_ship.world.credentials import Credentials, Login
from nox_ship.world.listing import Listing, Served
from nox_ship.world.pages import ACCEPTED, Page, parsed
from nox_ship.world.refusals import Answer

INDEX_UNREACHABLE = Kind("NS701", "index-unreachable", "Check the network and the index's address.")
UNKNOWN_INDEX = Kind("NS753", "unknown-index", "Write `pypi`, `testpypi`, or a name from [tool.nox-ship.indexes].")
UPLOAD_UNCLEAR = Kind("NS735", "upload-unclear", "Run the same command again: it uploads the missing files.")

PUBLIC_INDEXES = {"pypi": "PyPI", "testpypi": "TestPyPI"}
"""The public indexes, and their display names."""

# Settings of twine that are not credentials: certificates and the like.
_CERTIFICATES = {"certificates": "TWINE_CERT", "client_certificate": "TWINE_CLIENT_CERT"}
# Asks caches on the way for the index's own answer (RFC 9111, section 5.2.1.4).
_FRESH = {"Cache-Control": "no-cache"}


def display_name(index: str) -> str:
    """Return an index's display name."""
    return PUBLIC_INDEXES.get(index, index)


def check_known(index: str, own: Collection[str]) -> None:
    """Check that there is an index with this name.

    Args:
        index: Its name.
        own: The names of the indexes in the settings.

    Raises:
        ShipError: There is none (NS753).
    """
    if index not in {*PUBLIC_INDEXES, *own}:
        known = ", ".join(sorted({*PUBLIC_INDEXES, *own}))
        raise ShipError(UNKNOWN_INDEX(f"There is no index {index!r}. The indexes are {known}."))


Upload = Callable[[Path, str], None]
"""Uploads a file, given its SHA-256."""

Read = tuple[Page | None, dt.datetime]
"""A project's page, None if the index does not know the project; and the time of the answer."""


class UploadUnclearError(ShipError):
    """The upload failed without a clear answer; the index may have kept the file (NS735)."""


def _nothing() -> Credentials:
    return Credentials("none", lambda: Login("", ""))


def _untried(*_: object) -> tuple[Finding, ...]:
    return ()


@dataclass(frozen=True)
class Index:
    """A package index.

    Attributes:
        name: Its display name, such as ``PyPI``.
        upload_url: The address that twine uploads to.
        simple_url: The base address of its simple API (PEP 503, PEP 691).
        json_url: The base address of its JSON API; None if it has none.
        find: Finds the credentials for an upload.
        prove: Tests them without an upload, for a project and a version; returns notices.
        seconds: Seconds that one attempt to upload or download a short file may take.
        public: Whether it is PyPI or TestPyPI, whose rules are known.
        free: The file that records that the project's name is free there; None to always ask.
        variables: The environment variables with the job's identity and certificates.
        keep: Names of variables that an upload receives although they look like credentials.
        ahead: The result of `read_page`, if it was requested in advance; for an index that is only looked at.
    """

    name: str
    upload_url: str
    simple_url: str
    json_url: str | None = None
    find: Callable[[], Credentials] = field(default=_nothing, repr=False)
    prove: Callable[[Credentials, str, str], tuple[Finding, ...]] = field(default=_untried, repr=False)
    seconds: float = 300
    public: bool = False
    free: Path | None = field(default=None, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    keep: tuple[str, ...] = ()
    ahead: Future[Read] | None = field(default=None, repr=False, compare=False)
    _found: list[Credentials] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def credentials(self) -> Credentials:
        """The credentials for an upload; searched for on first use.

        Raises:
            ShipError: There are none, or they are for another upload.
        """
        if not self._found:
            self._found.append(self.find())
        return self._found[0]

    def admits(self, project: str, version: str) -> tuple[Finding, ...]:
        """Check that an upload would be allowed, as far as is known without one; return warnings and notices.

        Raises:
            ShipError: There are no credentials, they are for another upload, or the index refuses them.
        """
        return (*self.credentials.warnings, *self.prove(self.credentials, project, version))

    @property
    def authenticated(self) -> str:
        """The source of the credentials; empty if none were needed."""
        return self._found[0].kind if self._found else ""

    def listing(self, project: str, version: str) -> Listing:
        """Return what the index has of one version: from its simple API, plus files that only its JSON API lists.

        Raises:
            ShipError: The index does not answer (NS701).
        """
        asked = web.begun(lambda: self._from_json(project, version))
        told = self._from_simple(project, version)
        early = asked.result()
        return replace(told, files={**early, **told.files}, early=early)

    def files(self, project: str, version: str) -> dict[str, Served]:
        """Return the index's files for one version, by name, from its simple and its JSON API.

        Raises:
            ShipError: The index does not answer (NS701).
        """
        return dict(self.listing(project, version).files)

    def refuses_name(self, project: str) -> tuple[Finding, ...]:
        """Return why the index would not allow ``project`` as a new name, as far as is known."""
        return names.refused(self.name, self.simple_url, project, self.free) if self.public else ()

    def _from_simple(self, project: str, version: str) -> Listing:
        page, at = self.ahead.result() if self.ahead else self.read_page(project)
        files: dict[str, Served] = {}
        releases: dict[Version, list[Served]] = {}
        for entry in page.entries if page else ():
            if same(entry.version, version):
                files[entry.served.filename] = entry.served
            if (parsed_version := parse(entry.version)) is not None and not entry.yanked:
                releases.setdefault(parsed_version, []).append(entry.served)
        return Listing(
            index=self.name,
            project=project,
            version=version,
            files=files,
            releases={one: tuple(several) for one, several in releases.items()},
            known=page is not None,
            status=page.status if page else "active",
            reason=page.reason if page else "",
            at=at,
            public=self.public,
        )

    def read_page(self, project: str) -> Read:
        """Return the simple API's data about a project.

        Raises:
            ShipError: The index does not answer (NS701).
        """
        try:
            answer = web.get(f"{self.simple_url}{canonicalize_name(project)}/", {**_FRESH, "Accept": ACCEPTED})
            if answer.status == http.HTTPStatus.NOT_FOUND:
                return None, answer.at
            if not answer.ok:
                raise web.WebError(f"status {answer.status}")  # noqa: TRY301 - handled like the others
            return parsed(answer, project), answer.at
        except web.WebError as error:
            raise ShipError(INDEX_UNREACHABLE(f"{self.name} cannot be read: {error}.")) from error

    def _from_json(self, project: str, version: str) -> dict[str, Served]:
        """Ask the JSON API ("JSON API" in PyPI's documentation); if it does not answer, the simple API is used."""
        found = self._json(f"{project}/{version}/json")
        entries = found.get("urls")
        try:
            files = [(e["filename"], e["url"], e["digests"].get("sha256"), e.get("packagetype")) for e in entries or ()]
        except (KeyError, TypeError, AttributeError):
            return {}
        return {
            name: Served(name, url, sha256 if isinstance(sha256, str) else None, "JSON API", is_sdist=packed == "sdist")
            for name, url, sha256, packed in files
            if isinstance(name, str) and isinstance(url, str)
        }

    def _json(self, path: str) -> Mapping[str, Any]:
        if self.json_url is None:
            return {}
        try:
            answer = web.get(f"{self.json_url}{path}", _FRESH)
            found = answer.json() if answer.ok else {}
        except web.WebError:
            return {}
        return found if isinstance(found, dict) else {}

    def provenance(self, project: str, version: str, served: Served) -> bytes | None:
        """Return the provenance of a served file (PEP 740); None if the index has none.

        If the simple API does not give its address, PyPI and TestPyPI are asked at the address of their integrity API,
        which PyPI's documentation describes.

        Raises:
            ShipError: The index does not answer (NS701).
        """
        url = served.provenance
        if url is None and self.public and self.simple_url.endswith("/simple/"):
            base = self.simple_url.removesuffix("simple/")
            url = f"{base}integrity/{canonicalize_name(project)}/{version}/{served.filename}/provenance"
        if url is None:
            return None
        try:
            answer = web.get(url, {**_FRESH, "Accept": "application/vnd.pypi.integrity.v1+json"})
            if answer.ok:
                return answer.body
            if answer.status != http.HTTPStatus.NOT_FOUND:
                raise web.WebError(f"status {answer.status}")  # noqa: TRY301 - handled like the others
        except web.WebError as error:
            raise ShipError(INDEX_UNREACHABLE(f"{self.name} does not serve the provenance: {error}.")) from error
        return None

    def page(self, project: str, version: str) -> str:
        """Return the address of a version's page for people; empty if unknown."""
        base = (self.json_url or "").removesuffix("pypi/") if self.public else ""
        return f"{base}project/{canonicalize_name(project)}/{quote(version)}/" if base else ""

    def described(self, project: str) -> object:
        """Return the JSON API's data about a project; None if there are none."""
        return self._json(f"{project}/json").get("info")

    def download_sha256(self, served: Served, size: int, into: BinaryIO | None = None) -> str:
        """Download a served file, ``into`` an open file if given, and return its SHA-256.

        Args:
            served: The file.
            size: Its expected size in bytes; a longer file is only read far enough to see that it differs.
            into: Receives the content.

        Raises:
            ShipError: The index does not answer (NS701).
        """
        digest = hashlib.sha256()

        def write(block: bytes) -> None:
            digest.update(block)
            if into:
                into.write(block)

        try:
            web.download(served.url, write, _FRESH, most=size + 1, seconds=web.time_for(size, self.seconds))
        except web.WebError as error:
            raise ShipError(INDEX_UNREACHABLE(f"{self.name} does not serve {served.filename}: {error}.")) from error
        return digest.hexdigest()

    @contextmanager
    def uploading(self) -> Iterator[Upload]:
        """Yield a function that uploads one file; all uploads within the ``with`` block share one twine.

        A file is uploaded from a folder of its own. Credentials are obtained for each, and reach twine through a pipe
        that only it reads. The copy in that folder is compared with the SHA-256, because the original could change
        until it is copied.

        It raises:
            UploadUnclearError: A server error, a timeout or a broken connection (NS735).
            ShipError: The file has changed since it was checked (NS603); the index refuses it, explained by its own
                ID; it cannot be signed (NS751); or there is no upload token.
        """
        with Conversation(upload.__file__, self.keep) as twine:
            yield partial(self._upload, twine)

    def _upload(self, twine: Conversation, file: Path, sha256: str) -> None:
        credentials = self.credentials
        with tempfile.TemporaryDirectory(prefix="nox-ship-upload-") as folder:
            copy = Path(shutil.copy2(file, folder))
            if File.of(copy).sha256 != sha256:
                raise ShipError(FILE_CHANGED(f"{file} changed after it was checked; it was not uploaded."))
            attestation = os.fspath(attest.sign(copy, self.variables)) if credentials.signs else None
            login = credentials.login()
            question = {
                "url": self.upload_url,
                "user": login.user,
                "password": login.password,
                "file": os.fspath(copy),
                "attestation": attestation,
                **{name: self.variables.get(variable) for name, variable in _CERTIFICATES.items()},
            }
            seconds = web.time_for(copy.stat().st_size, self.seconds)
            try:
                told = twine.ask(question, seconds)
            except process.TimedOutError as error:
                what = f"{self.name} did not respond to the upload of {file.name} within {seconds:.0f} seconds."
                raise UploadUnclearError(UPLOAD_UNCLEAR(what)) from error
        shown = told or {"failure": "twine", "text": "it ended before the index responded"}
        answer = Answer.of({name: login.hidden(one) if isinstance(one, str) else one for name, one in shown.items()})
        if answer.unclear:
            met = f"responded to the upload of {file.name} with status {answer.status}"
            unmet = f"did not respond to the upload of {file.name}: {answer.said.rstrip('.')}"
            raise UploadUnclearError(UPLOAD_UNCLEAR(f"{self.name} {met if answer.status else unmet}."))
        if not answer.ok:
            raise ShipError(answer.explained(self.name, file.name))
