"""What an index says of a project on its page of the simple API (PEP 503, PEP 691).

The parsers build something for each element that a page has, and again for each that is within another, so a small page
can cost hours and gigabytes. They are handed only what is needed: files with name, address, SHA-256, size
and whether they are yanked, one after the other.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from email.message import Message
from typing import TYPE_CHECKING, Any

from nox_ship.world import web

if TYPE_CHECKING:
    from pypi_simple import ProjectPage

# No group is possessive: before 3.11.5, Python does not go back to where one began that failed half-way.
_INSIDE = rb"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*"""
_ELEMENT = re.compile(
    rb"<(?:(?P<meta>meta(?=[\s/>])%(in)s)>|(?P<kind>base|a)(?=[\s/>])(?P<words>%(in)s)>"
    rb"(?P<text>[^<]*+(?:<(?!/?a[\s/>])[^<]*+)*))" % {b"in": _INSIDE},
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rb"""([^\s"'<>/=]++)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'<>]++))?""")
_TAG = re.compile(rb"<[^<>]*+>?")
_STATUSES = ("active", "archived", "quarantined", "deprecated")
"""The statuses of PEP 792; the parsers refuse a page with any other."""
_LONGEST_META = 1000
"""Bytes of an element with something about the page; the longest of PyPI has a hundred."""


def parsed(answer: web.Answer, project: str) -> ProjectPage:
    """Read a page of the simple API, in either form.

    Raises:
        WebError: It is none, or has more in it than a page of a real project.
    """
    from pypi_simple import ProjectPage

    message = Message()
    message["Content-Type"] = answer.kind or "text/html"
    kind = message.get_content_type()
    if not kind.endswith(("json", "html")):
        raise web.WebError(f"its page is {answer.kind[:100]!r}")
    value = answer.json() if kind.endswith("json") else None
    body = answer.limited(b"<") if kind.endswith("html") else b""
    try:
        if kind.endswith("json"):
            return ProjectPage.from_json_data(_bare(value), answer.url)
        return ProjectPage.from_html(project, b"\n".join(_flat(body)), answer.url, message.get_content_charset())
    except Exception as error:  # the parsers raise what they like
        raise web.WebError(f"its page is not one of the simple API: {_first_line(error)}") from error


def _bare(page: Any) -> Any:
    """Return a page with what is needed of each of its files; what is no file is left out."""
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        return page
    files = [file for file in page["files"] if isinstance(file, dict)]
    return {
        **{key: page[key] for key in ("meta", "name") if key in page},
        "project-status": _status(page.get("project-status")),
        "files": [
            {
                "filename": file["filename"],
                "url": file["url"],
                "hashes": _hashes(file.get("hashes")),
                "upload-time": _time(file.get("upload-time")),
                "yanked": _is_yanked(file.get("yanked")),
                "size": _size(file.get("size")),
            }
            for file in files
            if isinstance(file.get("filename"), str) and isinstance(file.get("url"), str)
        ],
    }


def _hashes(found: object) -> dict[str, str]:
    sha256 = found.get("sha256") if isinstance(found, dict) else None
    return {"sha256": sha256} if isinstance(sha256, str) else {}


def _status(found: object) -> dict[str, str]:
    """Return a project's status and its reason; nothing if PEP 792 does not define the status."""
    told = found if isinstance(found, dict) else {}
    status, reason = told.get("status"), told.get("reason")
    if not isinstance(status, str) or status not in _STATUSES:
        return {}
    return {"status": status, **({"reason": reason} if isinstance(reason, str) else {})}


def _time(found: object) -> str | None:
    """Return a time (PEP 700: ISO 8601, in UTC) in a normal form; None if it is not valid."""
    try:
        told = dt.datetime.fromisoformat(found) if isinstance(found, str) else None
        utc = told and (told if told.tzinfo else told.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return utc.isoformat() if utc else None


def _is_yanked(found: object) -> bool:
    return found is True or isinstance(found, str)  # a reason, which may be empty


def _size(found: object) -> int | None:
    return found if type(found) is int and found >= 0 else None


def _flat(page: bytes) -> Iterator[bytes]:
    """Yield the elements of an HTML page that matter, none within another, and of links just where they lead."""
    first, *others = page.split(b"<!--")
    shown = first + b"".join(part.partition(b"-->")[2] for part in others)
    for element in _ELEMENT.finditer(shown):
        if meta := element["meta"]:
            yield b"<%s>" % meta if len(meta) <= _LONGEST_META and not _odd_status(meta) else b""
            continue
        words = {word[1].lower(): word[2] for word in reversed([*_ATTRIBUTE.finditer(element["words"])])}
        href = words.get(b"href")
        if href is not None:
            text = b"%s</a>" % _TAG.sub(b"", element["text"]) if element["kind"].lower() == b"a" else b""
            quoted = href if href[:1] in (b"'", b'"') else b'"%s"' % href
            yanked = b" data-yanked" if b"data-yanked" in words else b""
            yield b"<%s href=%s%s>%s" % (element["kind"], quoted, yanked, text)


def _odd_status(meta: bytes) -> bool:
    """Whether an element gives a project status that PEP 792 does not define."""
    told = {word[1].lower(): (word[2] or b"").strip(b"\"'") for word in _ATTRIBUTE.finditer(meta)}
    known = told.get(b"content", b"").decode("latin-1") in _STATUSES
    return told.get(b"name", b"").lower() == b"pypi:project-status" and not known


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(".:")[:200] or type(error).__name__
