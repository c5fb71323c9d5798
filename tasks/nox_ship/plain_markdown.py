"""Markdown that shows text literally: names and output of a project cannot make a link, image or heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nox_ship.printable import printable

# Characters with a meaning in Markdown, HTML or a mention, which a backslash removes.
_MARKS = re.compile(r"([\\`*_{}\[\]<>#!|~&:@$^])")
_FENCE = re.compile(r"`{3,}|~{3,}")


def plain(text: str) -> str:
    """Return ``text`` in one line that shows it literally."""
    shown = _MARKS.sub(r"\\\1", printable(" ".join(text.split()), lines=False))
    return re.sub(r"www\.", "www\\\\.", shown, flags=re.IGNORECASE)  # becomes a link on its own


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = [f"| {' | '.join(map(plain, row))} |" for row in (header, *rows)]
    return [lines[0], f"|{' --- |' * len(header)}", *lines[1:]]


def fenced(text: str, language: str = "") -> list[str]:
    """Return the lines of a block that shows a multi-line text, whatever fences it contains."""
    shown = printable(text)
    fence = "`" * (1 + max(map(len, _FENCE.findall(shown)), default=2))
    return [f"{fence}{language}", *shown.split("\n"), fence]
