"""A changelog as a list of sections, whatever its markup language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Heading:
    """The heading of a section."""

    first: int
    """The number of its first line, counted from 0."""
    end: int
    """The number of the line after it."""
    depth: int
    """Its level, counted from 1."""
    title: str
    """Its text, as in the source."""


@dataclass(frozen=True)
class Language:
    """How the elements of a changelog are written in a markup language.

    Attributes:
        link: A link in a heading, with the groups ``name`` and ``url``; the latter is missing if the link is defined
            elsewhere.
        definition: A line that defines a link's target, with the groups ``label`` and ``url``.
        linked: Makes a link from a name, and from an address if given.
        dated: A version and its date as a heading, used if no other heading shows how.
        heading: Makes a heading with a new text, in the style of another one's lines; without line breaks.
        aside: A line without text for readers: a comment, an anchor.
    """

    link: re.Pattern[str]
    definition: re.Pattern[str]
    linked: Callable[[str, str], str]
    dated: Callable[[str, str], str]
    heading: Callable[[Sequence[str], str], list[str]]
    aside: re.Pattern[str]


@dataclass(frozen=True)
class Document:
    """A parsed changelog."""

    language: Language
    lines: tuple[str, ...]
    headings: tuple[Heading, ...]
    definitions: Mapping[str, int]
    """The number of the line that defines a link, by the link's lower-case label."""

    @property
    def ending(self) -> str:
        """The line break."""
        return "\r\n" if any(line.endswith("\r\n") for line in self.lines) else "\n"

    def body(self, heading: Heading) -> range:
        """Return the numbers of the lines of a section, without its heading."""
        after = (other for other in self.headings if other.first > heading.first and other.depth <= heading.depth)
        following = next(after, None)
        return range(heading.end, following.first if following else len(self.lines))

    def text(self, heading: Heading) -> str:
        """Return the text of a section, without its heading and link definitions."""
        dropped = set(self.definitions.values())
        kept = (self.lines[number] for number in self.body(heading) if number not in dropped)
        return "".join(kept).replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip()

    def entries(self, heading: Heading) -> Iterator[str]:
        """Yield the lines of a section with text: no headings within it, comments or blank lines."""
        body = self.body(heading)
        titles = {number for other in self.headings if other.first in body for number in range(other.first, other.end)}
        comment = False
        for number in body:
            line = self.lines[number].strip()
            opens, closes = "<!--" in line, "-->" in line
            said = not (comment or opens or number in titles or number in self.definitions.values())
            comment = (comment or opens) and not closes
            if said and line and not self.language.aside.match(line):
                yield line


def lines_of(text: str) -> list[str]:
    """Split a text into lines with their line breaks: LF, CR or both, and nothing else."""
    return _LINE.findall(text)
