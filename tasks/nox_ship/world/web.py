"""Asking servers over HTTP: the one door for every request of ours, with a limit to all that comes back.

``https`` alone, ``http`` on this machine; no redirect leads anywhere else. An answer has a time in which it must be
there whole, however slowly it drips, and a size that it must not exceed once it is unpacked.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from nox_ship.addresses import is_loopback, is_safe, without_passwords

if TYPE_CHECKING:
    import requests

T = TypeVar("T")

SECONDS = 30
"""How long a server has for an answer."""
MOST = 16 << 20
"""Bytes of an answer; the longest page of PyPI has about half of that."""

PARTS = 100_000
"""Parts of an answer that something is made for when it is read: objects and lists of JSON, tags of HTML. A page of
25,000 files has that many, four for each; those of the largest projects have less than half of them."""

_BLOCK = 1 << 16
_SLOWEST = 1 << 17
"""Bytes per second of the slowest supported connection: one megabit."""
_HOPS = 5
_GZIP = zlib.MAX_WBITS | 16


class WebError(Exception):
    """A server did not answer, or not within the limits; the message says why and holds no password."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    url: str
    """Where it came from in the end."""
    status: int
    kind: str
    """The type of its content, as the server named it."""
    body: bytes
    date: str = ""
    """When it was answered, according to the server."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else it told; names are in small letters."""

    @property
    def at(self) -> dt.datetime:
        """When it was answered, in UTC: by the server's clock, or by ours if it gives no valid date."""
        try:
            told = parsedate_to_datetime(self.date)
            return (told if told.tzinfo else told.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            return dt.datetime.now(dt.UTC)

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status // 100 == 2  # noqa: PLR2004 - 2xx

    def limited(self, *marks: bytes, most: int = PARTS) -> bytes:
        """Return the body, which a parser can read in a moment.

        Args:
            marks: What each part of it begins with.
            most: How many parts it may have.

        Raises:
            WebError: There are more, so that a small answer would take much time and memory.
        """
        if sum(map(self.body.count, marks)) > most:
            raise WebError(f"the answer has more than {most:,} parts")
        return self.body

    def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            WebError: It is none, or one that no server of good will sends.
        """
        self.limited(b",", most=10 * PARTS)
        try:
            return json.loads(self.limited(b"{", b"["))
        except (ValueError, RecursionError) as error:
            raise WebError("the answer is not valid JSON") from error


def get(
    url: str, headers: Mapping[str, str] | None = None, *, redirects: bool = True, seconds: float = SECONDS
) -> Answer:
    """Ask for a page.

    Args:
        url: Its address.
        headers: What to ask with.
        redirects: Whether to go where the server points to.
        seconds: How long the whole answer may take.

    Raises:
        WebError: There is no whole answer, it is too long, or the address must not be asked.
    """
    asked = {**(headers or {}), "Accept-Encoding": "gzip"}
    return _within(seconds, lambda late: _page(_opened("GET", url, asked, seconds, redirects=redirects), late))


def send(
    method: str, url: str, value: object = None, headers: Mapping[str, str] | None = None, *, seconds: float = SECONDS
) -> Answer:
    """Send a JSON value; no redirect is followed, and no password from ``~/.netrc`` goes along.

    Raises:
        WebError: As in :func:`get`.
    """
    asked = {**(headers or {}), "Accept-Encoding": "gzip"}
    return _within(seconds, lambda late: _page(_opened(method, url, asked, seconds, json=value, redirects=False), late))


def post(url: str, value: object, headers: Mapping[str, str] | None = None, *, seconds: float = SECONDS) -> Answer:
    """Send a JSON value by ``POST``, as :func:`send` does."""
    return send("POST", url, value, headers, seconds=seconds)


def time_for(size: int, seconds: float) -> float:
    """Return how many seconds a file may take: those of a short one, and what a slow connection needs in addition.

    Args:
        size: Its size in bytes.
        seconds: The seconds for a short one.
    """
    return seconds + size / _SLOWEST


def put_file(url: str, file: Path, headers: Mapping[str, str] | None = None, *, seconds: float) -> Answer:
    """Send a file as it is, by ``POST``; no redirect is followed, and no password from ``~/.netrc`` goes along.

    Raises:
        WebError: As in :func:`get`.
        OSError: The file cannot be read.
    """
    asked = {**(headers or {}), "Accept-Encoding": "gzip"}

    def work(late: threading.Event) -> Answer:
        with file.open("rb") as stream:
            return _page(_opened("POST", url, asked, seconds, data=stream, redirects=False), late)

    return _within(seconds, work)


def submit(
    url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None, *, seconds: float = SECONDS
) -> Answer:
    """Send a form (``multipart/form-data``); no redirect is followed, and no password from ``~/.netrc`` goes along.

    Raises:
        WebError: As in :func:`get`.
    """
    asked = {**(headers or {}), "Accept-Encoding": "gzip"}
    parts = [(name, (None, text)) for name, text in form.items()]
    return _within(
        seconds, lambda late: _page(_opened("POST", url, asked, seconds, files=parts, redirects=False), late)
    )


def download(
    url: str,
    take: Callable[[bytes], object],
    headers: Mapping[str, str] | None = None,
    *,
    most: int,
    seconds: float,
) -> None:
    """Download a file as it is, block by block.

    Args:
        url: Its address.
        take: Handed each block.
        headers: What to ask with.
        most: How many bytes are taken at the most; of a longer file the rest is left.
        seconds: How long it may take in all.

    Raises:
        WebError: As in :func:`get`, and where the server answers with a status that is no success.
    """
    asked = {**(headers or {}), "Accept-Encoding": "identity"}

    def work(late: threading.Event) -> None:
        with _opened("GET", url, asked, seconds) as response:
            if not response.ok:
                raise WebError(f"status {response.status_code}")
            left = most
            for block in response.raw.stream(_BLOCK, decode_content=False):
                if late.is_set() or left <= 0:
                    return
                take(block[:left])
                left -= len(block)

    _within(seconds, work)


def scan(
    url: str,
    take: Callable[[bytes], object],
    headers: Mapping[str, str] | None = None,
    *,
    kind: str,
    most: int,
    seconds: float,
) -> None:
    """Read a page that is too long to keep in memory, block by block.

    Args:
        url: Its address.
        take: Called with each block.
        headers: Headers of the request.
        kind: The content type that it must have.
        most: How many bytes it may have, unpacked.
        seconds: How long it may take in total.

    Raises:
        WebError: As in :func:`get`, and if it has another status or content type.
    """
    asked = {**(headers or {}), "Accept": kind, "Accept-Encoding": "gzip"}

    def work(late: threading.Event) -> None:
        with _opened("GET", url, asked, seconds) as response:
            if not response.ok:
                raise WebError(f"status {response.status_code}")
            found = response.headers.get("Content-Type", "")
            if found.partition(";")[0].strip().lower() != kind:
                raise WebError(f"its page is {found[:100]!r}")
            for block in _content(response, late, most):
                take(block)

    _within(seconds, work)


def _within(seconds: float, work: Callable[[threading.Event], T]) -> T:
    """Return what ``work`` returns; once its time is over it is left to itself, and told so.

    No time-out of a socket ends a server that sends one byte now and then, its headers too.
    """
    late = threading.Event()

    def run() -> T:
        try:
            return work(late)
        except Exception as error:
            if not _is_known(error):
                raise
            raise WebError(without_passwords(str(error)).rstrip(".") or type(error).__name__) from error

    try:
        return begun(run).result(seconds)
    except TimeoutError as error:
        raise WebError(f"no complete answer within {seconds:.0f} seconds") from error
    finally:
        late.set()


def begun(work: Callable[[], T]) -> Future[T]:
    """Begin something on a thread that ends with the process, whatever it waits for."""
    outcome = Future[T]()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


def _is_known(error: Exception) -> bool:
    """Whether an error tells of the server or the way there."""
    import requests
    import urllib3

    known = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, zlib.error, ValueError)
    return isinstance(error, known) and not isinstance(error, WebError)


def _opened(
    method: str,
    url: str,
    headers: Mapping[str, str],
    seconds: float,
    *,
    redirects: bool = True,
    **body: Any,
) -> requests.Response:
    """Send a request and return the response, its body unread; each address on the way is looked at first.

    ``body`` is what is sent, as requests takes it: ``json``, ``files`` or ``data``.
    """
    import requests

    first = urlsplit(url).hostname
    with requests.Session() as session:
        for _ in range(_HOPS):
            host = urlsplit(url).hostname
            if not is_safe(url) or (is_loopback(host) and not is_loopback(first)):
                raise WebError(f"{without_passwords(url)} is not allowed: an address must be https, without a password")
            told = "Authorization" in headers  # requests would put what ~/.netrc holds for the host in its place
            own = host == first and method == "GET" and not told
            response = session.request(
                method,
                url,
                headers=dict(headers),
                **body,
                auth=None if own else _nobody,
                timeout=min(seconds, SECONDS),
                stream=True,
                allow_redirects=False,
            )
            target = response.headers.get("Location") if response.is_redirect else None
            if target is None or not redirects:
                return response
            response.close()
            url = urljoin(url, target)
    raise WebError(f"more than {_HOPS - 1} redirects")


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authenticate as nobody: with no callable here, requests would look into ~/.netrc."""
    return request


def _page(response: requests.Response, late: threading.Event) -> Answer:
    with response:
        body = b"".join(_content(response, late, MOST))
        told = response.headers
        headers = {name.lower(): value for name, value in told.items()}
        kind = told.get("Content-Type", "")
        return Answer(response.url, response.status_code, kind, body, told.get("Date", ""), headers)


def _content(response: requests.Response, late: threading.Event, most: int) -> Iterator[bytes]:
    """Yield the content of an answer, unpacked, within bounds."""
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise WebError(f"the answer is encoded as {packed[:40]!r}, which was not requested")
    blocks = _bounded(response.raw.stream(_BLOCK, decode_content=False), late, most)
    yield from _bounded(_unpacked(blocks), late, most) if "gzip" in packed else blocks


def _bounded(blocks: Iterator[bytes], late: threading.Event, most: int) -> Iterator[bytes]:
    taken = 0
    for block in blocks:
        taken += len(block)
        if late.is_set() or taken > most:
            raise WebError(f"the answer is longer than {most >> 20} MiB")
        yield block


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip in small pieces: a few hundred kB can hold a thousand times as much."""
    unpacker = zlib.decompressobj(_GZIP)
    for block in blocks:
        left = block
        while True:
            piece = unpacker.decompress(left, _BLOCK)
            yield piece
            left = unpacker.unconsumed_tail
            if unpacker.eof:  # another member may follow
                left, unpacker = unpacker.unused_data, zlib.decompressobj(_GZIP)
            if not left and len(piece) < _BLOCK:
                break
