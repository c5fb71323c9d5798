"""Reading a project's page in an index's simple API (PEP 503, PEP 691).

A page with very many parts is read without building an object for each, and without rereading nested parts: a small
page could otherwise cost hours and gigabytes. Only the needed data about files are extracted.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urldefrag, urljoin

from nox_ship.world import web
from nox_ship.world.listing import Served

JSON = "application/vnd.pypi.simple.v1+json"
"""The content type of the simple API in JSON."""
ACCEPTED = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
"""The accepted content types, best first."""

# No group is possessive: before 3.11.5, Python does not backtrack to where a failed one began.
_INSIDE = rb"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*"""
_ELEMENT = re.compile(
    rb"<(?:(?P<meta>meta(?=[\s/>])%(in)s)>|(?P<kind>base|a)(?=[\s/>])(?P<words>%(in)s)>"
    rb"(?P<text>[^<]*+(?:<(?!/?a[\s/>])[^<]*+)*))" % {b"in": _INSIDE},
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rb"""([^\s"'<>/=]++)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'<>]++))?""")
_TAG = re.compile(rb"<[^<>]*+>?")
_STATUSES = ("active", "archived", "quarantined", "deprecated")
"""The statuses of PEP 792; others count as none."""
_LONGEST_META = 1000
"""The longest element with data about the page, in bytes; PyPI's longest has a hundred."""
_SDIST = re.compile(r"\.(?:tar(?:\.(?:gz|bz2|xz|Z|lz|lzma))?|tgz|tbz|txz|tlz|zip)$")


@dataclass(frozen=True)
class Entry:
    """A file on a page."""

    served: Served
    version: str
    """The version in its name; empty if there is none."""

    @property
    def yanked(self) -> bool:
        """Whether it is yanked (PEP 592)."""
        return self.served.yanked is not None


@dataclass(frozen=True)
class Page:
    """A project's page."""

    entries: tuple[Entry, ...]
    status: str = "active"
    """The project's status (PEP 792)."""
    reason: str = ""
    """The reason for the status, in the index's words."""


def parsed(answer: web.Answer, project: str) -> Page:
    """Read a page of the simple API, in either format.

    Raises:
        WebError: It is not such a page, or has more parts than the page of any real project.
    """
    message = Message()
    message["Content-Type"] = answer.kind or "text/html"
    kind = message.get_content_type()
    read = _reader(project, answer.url)
    try:
        if kind.endswith("json"):
            return _from_json(answer.json(), read)
        if kind.endswith("html"):
            return _from_html(answer.limited(b"<"), _charset(message), read)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise web.WebError(f"its page does not follow the simple API: {_first_line(error)}") from error
    raise web.WebError(f"its page is {answer.kind[:100]!r}")


def _charset(message: Message) -> str:
    """Return the declared encoding of a page; UTF-8 if there is no such encoding."""
    told = message.get_content_charset("utf-8")
    try:
        b"x".decode(told)
    except LookupError:
        return "utf-8"
    return told


_Read = Callable[..., Entry]


def _reader(project: str, base: str) -> _Read:
    """Return a function that makes an entry from a file's name, address and further data."""
    own = re.compile("[-_.]+".join(map(re.escape, re.split("[-_.]+", project))) + "-", re.IGNORECASE)

    def read(name: str, url: str, sha256: str | None, **further: Any) -> Entry:
        match = own.match(name)
        rest = name[match.end() :] if match else ""
        sdist = _SDIST.search(rest)
        built = rest.partition("-")[0] if rest.endswith((".whl", ".egg")) else ""
        served = Served(name, urljoin(base, url), sha256, is_sdist=sdist is not None, **further)
        return Entry(served, rest[: sdist.start()] if sdist else built)

    return read


def _from_json(page: Any, read: _Read) -> Page:
    _check_version(page["meta"]["api-version"])
    files = page["files"]
    if not isinstance(files, list):
        raise TypeError("its files are not a list")
    entries = (
        read(
            file["filename"],
            file["url"],
            _sha256(file.get("hashes")),
            yanked=_yanked(file.get("yanked")),
            requires_python=_text(file.get("requires-python")),
            metadata_sha256=_sha256(file.get("core-metadata", file.get("dist-info-metadata"))),
            provenance=_text(file.get("provenance")),
            uploaded=_time(file.get("upload-time")),
            size=_size(file.get("size")),
        )
        for file in files
        if isinstance(file, dict) and isinstance(file.get("filename"), str) and isinstance(file.get("url"), str)
    )
    told = page.get("project-status")
    return Page(tuple(entries), *(_status(told.get("status"), told.get("reason")) if isinstance(told, dict) else ()))


def _check_version(told: str) -> None:
    """Check that a page is of a supported version of the API: 1, with anything after the dot (PEP 629)."""
    if told.partition(".")[0] != "1":
        raise ValueError(f"it has version {told[:20]!r}")


def _sha256(hashes: object) -> str | None:
    return _text(hashes.get("sha256")) if isinstance(hashes, dict) else None


def _text(found: object) -> str | None:
    return found if isinstance(found, str) else None


def _status(status: object, reason: object) -> tuple[str, str]:
    if status not in _STATUSES:
        return "active", ""
    return str(status), reason if isinstance(reason, str) else ""


def _time(found: object) -> dt.datetime | None:
    """Return a time (PEP 700: ISO 8601, in UTC); None if it is not valid."""
    try:
        told = dt.datetime.fromisoformat(found) if isinstance(found, str) else None
        return told and (told if told.tzinfo else told.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _yanked(found: object) -> str | None:
    """Return the reason for yanking a file, which may be empty; None if it is not yanked."""
    return "" if found is True else _text(found)


def _size(found: object) -> int | None:
    return found if type(found) is int and found >= 0 else None


def _from_html(page: bytes, charset: str, read: _Read) -> Page:
    """Read the relevant elements of an HTML page, ignoring nesting."""

    def text(value: bytes | None) -> str:
        return html.unescape((value or b"").decode(charset, "replace")).strip()

    first, *others = page.split(b"<!--")
    shown = first + b"".join(part.partition(b"-->")[2] for part in others)
    base, links, told = "", list[tuple[str, str, dict[bytes, bytes | None]]](), dict[str, str]()
    for element in _ELEMENT.finditer(shown):
        if meta := element["meta"]:
            words = _attributes(meta) if len(meta) <= _LONGEST_META else {}
            told.setdefault(text(words.get(b"name")), text(words.get(b"content")))
            continue
        words = _attributes(element["words"])
        href = words.get(b"href")
        if href is not None and element["kind"].lower() == b"a":
            links.append((text(_TAG.sub(b"", element["text"])), text(href), words))
        elif href is not None:
            base = base or text(href)
    _check_version(told.get("pypi:repository-version", "1.0"))
    entries = []
    for name, where, words in links:
        url, fragment = urldefrag(urljoin(base, where))
        further = {key: text(words[mark]) for key, mark in _MARKS.items() if mark in words}
        metadata = further.pop("metadata_sha256", "")
        entries.append(read(name, url, _digest(fragment), metadata_sha256=_digest(metadata), **further))
    return Page(tuple(entries), *_status(told.get("pypi:project-status"), told.get("pypi:project-status-reason")))


_MARKS = {
    "yanked": b"data-yanked",
    "requires_python": b"data-requires-python",
    "metadata_sha256": b"data-core-metadata",
    "provenance": b"data-provenance",
}
"""The attributes of a link with data about its file."""


def _digest(text: str) -> str | None:
    """Return the SHA-256 after the algorithm's name in an address or attribute."""
    algorithm, _, digest = text.partition("=")
    return digest if algorithm == "sha256" and digest else None


def _attributes(words: bytes) -> dict[bytes, bytes | None]:
    """Return an element's attributes, the first of each name; the value is None for an attribute without one."""
    found = ((word[1].lower(), word[2]) for word in reversed([*_ATTRIBUTE.finditer(words)]))
    return {name: value[1:-1] if value and value[:1] in (b"'", b'"') else value for name, value in found}


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(".:")[:200] or type(error).__name__
