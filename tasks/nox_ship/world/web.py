"""HTTP requests: every request of ours goes through this module, which limits what comes back.

Only ``https`` is allowed, and ``http`` to this machine; redirects must obey the same rule. An answer must be complete
within a time limit, however slowly it arrives, and has a maximum size, counted after decompression.
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
"""Seconds that an answer may take."""
MOST = 16 << 20
"""The largest answer, in bytes; the longest page of PyPI has about half of that."""

PARTS = 100_000
"""The most parts of an answer that become objects when it is parsed: objects and lists in JSON, tags in HTML. A page
with 25,000 files has that many, four for each; the largest projects have less than half of that."""

_BLOCK = 1 << 16
_SLOWEST = 1 << 17
"""Bytes per second of the slowest supported connection: one megabit."""
_HOPS = 5
_GZIP = zlib.MAX_WBITS | 16


class WebError(Exception):
    """A server did not answer within the limits; the message says why and contains no password."""


@dataclass(frozen=True)
class Answer:
    """A server's answer."""

    url: str
    """The final address."""
    status: int
    kind: str
    """The content type, according to the server."""
    body: bytes
    date: str = ""
    """The time of the answer, according to the server."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The headers; names are in lower case."""

    @property
    def at(self) -> dt.datetime:
        """The time of the answer in UTC: by the server's clock, or by ours if it gives no valid date."""
        try:
            told = parsedate_to_datetime(self.date)
            return (told if told.tzinfo else told.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            return dt.datetime.now(dt.UTC)

    @property
    def ok(self) -> bool:
        """Whether the request succeeded."""
        return self.status // 100 == 2  # noqa: PLR2004 - 2xx

    def limited(self, *marks: bytes, most: int = PARTS) -> bytes:
        """Return the body if it can be parsed quickly.

        Args:
            marks: The characters with which each part begins.
            most: The most parts that it may have.

        Raises:
            WebError: There are more, so that a small answer would take much time and memory.
        """
        if sum(map(self.body.count, marks)) > most:
            raise WebError(f"the answer has more than {most:,} parts")
        return self.body

    def json(self) -> Any:
        """Return the JSON value in the body.

        Raises:
            WebError: It is not JSON, or so complex that no honest server would send it.
        """
        self.limited(b",", most=10 * PARTS)
        try:
            return json.loads(self.limited(b"{", b"["))
        except (ValueError, RecursionError) as error:
            raise WebError("the answer is not valid JSON") from error


def get(
    url: str, headers: Mapping[str, str] | None = None, *, redirects: bool = True, seconds: float = SECONDS
) -> Answer:
    """Request a page.

    Args:
        url: Its address.
        headers: The headers of the request.
        redirects: Whether to follow redirects.
        seconds: How long the whole answer may take.

    Raises:
        WebError: There is no complete answer, it is too long, or the address is not allowed.
    """
    asked = {**(headers or {}), "Accept-Encoding": "gzip"}
    return _within(seconds, lambda late: _page(_opened("GET", url, asked, seconds, redirects=redirects), late))


def send(
    method: str, url: str, value: object = None, headers: Mapping[str, str] | None = None, *, seconds: float = SECONDS
) -> Answer:
    """Send a JSON value; redirects are not followed, and no password from ``~/.netrc`` is sent.

    Raises:
        WebError: As for :func:`get`.
    """
    asked = {**(headers or {}), "Accept-Encoding": "gzip"}
    return _within(seconds, lambda late: _page(_opened(method, url, asked, seconds, json=value, redirects=False), late))


def post(url: str, value: object, headers: Mapping[str, str] | None = None, *, seconds: float = SECONDS) -> Answer:
    """Send a JSON value with ``POST``, as :func:`send` does."""
    return send("POST", url, value, headers, seconds=seconds)


def time_for(size: int, seconds: float) -> float:
    """Return how many seconds a file may take: those of a short one, and what a slow connection needs in addition.

    Args:
        size: Its size in bytes.
        seconds: The seconds for a short one.
    """
    return seconds + size / _SLOWEST


def put_file(url: str, file: Path, headers: Mapping[str, str] | None = None, *, seconds: float) -> Answer:
    """Send a file unchanged with ``POST``; redirects are not followed, and no password from ``~/.netrc`` is sent.

    Raises:
        WebError: As for :func:`get`.
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
    """Send a form (``multipart/form-data``); redirects are not followed, and no password from ``~/.netrc`` is sent.

    Raises:
        WebError: As for :func:`get`.
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
    """Download a file block by block, without decoding it.

    Args:
        url: Its address.
        take: Called with each block.
        headers: The headers of the request.
        most: How many bytes to download at most; the rest of a longer file is ignored.
        seconds: How long it may take in total.

    Raises:
        WebError: As for :func:`get`, and if the status is not a success.
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
    """Read a page block by block, if it is too long for memory.

    Args:
        url: Its address.
        take: Called with each block.
        headers: Headers of the request.
        kind: The content type that it must have.
        most: How many bytes it may have, unpacked.
        seconds: How long it may take in total.

    Raises:
        WebError: As for :func:`get`, and if it has another status or content type.
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
    """Return the result of ``work``; when its time is over it is abandoned, and told so.

    A socket timeout does not stop a server that sends one byte now and then, even in its headers.
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
    """Start something on a thread that ends with the process, whatever it is waiting for."""
    outcome = Future[T]()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


def _is_known(error: Exception) -> bool:
    """Whether an error is about the server or the connection to it."""
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
    """Send a request and return the response with its body unread; each address on the way is checked first.

    ``body`` is the content to send, as for requests: ``json``, ``files`` or ``data``.
    """
    import requests

    first = urlsplit(url).hostname
    with requests.Session() as session:
        for _ in range(_HOPS):
            host = urlsplit(url).hostname
            if not is_safe(url) or (is_loopback(host) and not is_loopback(first)):
                raise WebError(f"{without_passwords(url)} is not allowed: an address must be https, without a password")
            told = "Authorization" in headers  # requests would replace it with the host's entry in ~/.netrc
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
    """Add no authentication: without a callable here, requests would read ~/.netrc."""
    return request


def _page(response: requests.Response, late: threading.Event) -> Answer:
    with response:
        body = b"".join(_content(response, late, MOST))
        told = response.headers
        headers = {name.lower(): value for name, value in told.items()}
        kind = told.get("Content-Type", "")
        return Answer(response.url, response.status_code, kind, body, told.get("Date", ""), headers)


def _content(response: requests.Response, late: threading.Event, most: int) -> Iterator[bytes]:
    """Yield the content of an answer, decompressed, within the limits."""
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
    """Decompress gzip in small pieces: a few hundred kB can expand a thousandfold."""
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
