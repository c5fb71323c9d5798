"""Markdown that shows text as it is: names and output of a project make no link, image or heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nox_ship.printable import printable

# What means something in Markdown, HTML or a mention; a backslash takes that from it.
_MARKS = re.compile(r"([\\`*_{}\[\]<>#!|~&:@$^])")
_FENCE = re.compile(r"`{3,}|~{3,}")


def plain(text: str) -> str:
    """Return ``text`` in one line that shows it as it is."""
    shown = _MARKS.sub(r"\\\1", printable(" ".join(text.split()), lines=False))
    return re.sub(r"www\.", "www\\\\.", shown, flags=re.IGNORECASE)  # a link by itself


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = [f"| {' | '.join(map(plain, row))} |" for row in (header, *rows)]
    return [lines[0], f"|{' --- |' * len(header)}", *lines[1:]]


def fenced(text: str, language: str = "") -> list[str]:
    """Return the lines of a block that shows a text of several lines, whatever fences stand in it."""
    shown = printable(text)
    fence = "`" * (1 + max(map(len, _FENCE.findall(shown)), default=2))
    return [f"{fence}{language}", *shown.split("\n"), fence]
