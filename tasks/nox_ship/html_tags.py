"""HTML in which all text is shown literally: everything but our own elements is escaped, here and nowhere else."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterable
from importlib import resources

from nox_ship.printable import printable

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_CODE = re.compile(r"`([^`\n]+)`")
_MINUTE = 60


class Html(str):
    """Text that already is HTML."""

    __slots__ = ()


def tag(name: str, /, *content: str, **attributes: str) -> Html:
    """Return an element; names of attributes are Python's: ``class_``, ``aria_label``."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{told}>{''.join(map(text, content))}</{name}>")


def text(shown: str) -> Html:
    """Return text as HTML, unless it already is."""
    return shown if isinstance(shown, Html) else Html(html.escape(printable(shown)))


def sentence(words: str) -> Html:
    """Return a sentence of ours, with commands and names between backticks."""
    parts = map(html.escape, _CODE.split(printable(words)))  # escaped as a whole: an address may contain a backtick
    return Html("".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts)))


def section(title: str, *content: str, named: str) -> Html:
    """Return a part of a page with its heading; ``named`` is unique on the page."""
    return tag("section", tag("h2", title, id=named), *content, aria_labelledby=named)


def duration(seconds: float) -> str:
    """Return a duration for people."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s"


def moment(when: str) -> Html:
    """Return a point in time in UTC; ``when`` is shown unchanged unless it is in ISO 8601."""
    try:
        read = dt.datetime.fromisoformat(when).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return text(when)
    return tag("time", f"{read:%d %B %Y, %H:%M} UTC".lstrip("0"), datetime=when)


def document(title: str, parts: Iterable[str]) -> str:
    """Return a page that loads nothing and runs nothing, from the parts of its body."""
    style = (resources.files("nox_ship") / "templates" / "report.css").read_text("utf-8")
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"{tag('title', title)}<style>{style}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{tag("main", *parts)}</body></html>\n'
