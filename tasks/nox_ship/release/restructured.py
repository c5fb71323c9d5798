"""Changelogs in reStructuredText, read by docutils."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nox_ship.release.sections import Document, Heading, Language, lines_of

_DEFINITION = re.compile(r"\.\. _(?P<open>`?)(?P<label>[^`:]+)(?P=open):[ \t]+(?P<url>\S+)[ \t]*$")


_FIRST, _MOST = 1 << 14, 1 << 17
"""How many characters are read at first, and at most."""


class UnplacedError(ValueError):
    """A section is not where docutils says it is."""


def read_restructured(text: str, enough: Callable[[Document], bool] = lambda _: False) -> Document:
    """Parse a changelog; headings in literal blocks, comments and tables do not count.

    docutils takes a second for 50 kB, so the beginning is parsed first, and more of it until that is ``enough``.

    Raises:
        UnplacedError: The position of a heading is unclear.
    """
    lines = lines_of(text)
    plain = "".join(line.rstrip("\r\n") + "\n" for line in lines)
    found = {number: match for number, line in enumerate(lines) if (match := _DEFINITION.match(line.rstrip("\r\n")))}
    definitions = {match["label"].lower(): number for number, match in found.items()}
    size = _FIRST
    while True:
        end = len(plain) if size >= min(len(plain), _MOST) else plain.rfind("\n\n", 0, size) + 1 or size
        headings = tuple(_headings(_parsed(plain[: min(end, _MOST)]), lines))
        document = Document(RESTRUCTURED, tuple(lines), headings, definitions)
        if size >= min(len(plain), _MOST) or enough(document):
            return document
        size *= 2


def _parsed(text: str) -> Any:
    """Return docutils' tree of a text, reading no files and running nothing."""
    from docutils.frontend import get_default_settings
    from docutils.parsers.rst import Parser
    from docutils.utils import new_document

    settings = get_default_settings(Parser)
    settings.file_insertion_enabled = settings.raw_enabled = False
    settings.report_level = settings.halt_level = 5  # report nothing
    settings.warning_stream = False
    document = new_document("changelog", settings)
    try:
        Parser().parse(text, document)
    except Exception as error:  # directives and roles may raise anything
        raise UnplacedError from error
    return document


def _headings(document: Any, lines: Sequence[str]) -> Iterator[Heading]:
    from docutils.nodes import section, title

    for node in document.findall(section):
        name = node.next_node(title)
        below = (node.line or 0) - 1  # docutils gives the line under the title, counted from 1
        if not 1 <= below < len(lines) or lines[below - 1].strip() != name.rawsource.strip():
            raise UnplacedError
        under = lines[below].strip()
        over = below > 1 and lines[below - 2].strip() == under
        yield Heading(below - 2 if over else below - 1, below + 1, _depth(node), name.rawsource)


def _depth(node: Any) -> int:
    depth = 0
    while node is not None:
        depth += node.tagname == "section"
        node = node.parent
    return depth


def _linked(name: str, url: str) -> str:
    return f"`{name} <{url}>`_" if url else f"`{name}`_"


def _heading(like: Sequence[str], title: str) -> list[str]:
    """Return a heading in the style of another one, with its adornment as long as the title needs."""
    *over, text, under = (line.rstrip("\r\n") for line in like)
    adornment = under.strip()
    indent = len(text) - len(text.lstrip())
    exact = len(adornment) == _width(text.strip()) + 2 * indent
    needed = _width(title) + 2 * indent
    line = adornment[:1] * (needed if exact else max(needed, len(adornment)))
    return [*([line] if over else []), f"{' ' * indent}{title}", line]


def _width(text: str) -> int:
    """Return the width of a text in columns; docutils wants the line under a title to be as wide."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


RESTRUCTURED = Language(
    link=re.compile(r"`(?P<name>[^`<]+?)(?:\s*<(?P<url>[^>\s]+)>)?`_"),
    definition=_DEFINITION,
    linked=_linked,
    dated=lambda version, date: f"{version} ({date})",
    heading=_heading,
    aside=re.compile(r"\.\.$|\.\. (?![\w-]+::)"),
)
"""How changelogs are written in reStructuredText."""
