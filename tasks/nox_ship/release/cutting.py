"""Turning the unreleased section of a changelog into that of a release, in the style of earlier releases."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

from nox_ship.release.sections import Document, Heading
from nox_ship.release.titles import Title, marked, marked_off

_COMPARISON = re.compile(r"(?P<place>.*/compare/)(?P<old>.+?)(?P<dots>\.{2,3})(?P<new>[^.?#][^?#]*)(?P<rest>.*)")
_ENOUGH = 3
"""How many releases are read to learn the style."""


@dataclass(frozen=True)
class Section:
    """A section of a changelog, with the parsed heading."""

    heading: Heading
    title: Title
    how: Literal["below", "renamed", "marked", "released"]
    """For an unreleased section: whether the release gets a new heading below it, replaces its heading, or replaces its
    heading and a line below that says so."""


def sections(document: Document) -> list[Section]:
    """Return the sections for versions, including the unreleased one, in order.

    If headings of several levels name versions, the most frequent level counts; the first heading of all is the title
    of the file. *Unreleased* is found at any level.
    """
    pairs = [(heading, Title.of(heading.title, document.language)) for heading in document.headings]
    depths = Counter(heading.depth for heading, title in pairs if title.kind != "other")
    first = document.headings[0].depth if document.headings else 0
    depth = max(depths, key=lambda depth: (depths[depth], depth != first, -depth), default=0)
    found = []
    for heading, title in pairs:
        if title.kind == "unreleased" or (title.kind == "next" and heading.depth == depth):
            found.append(Section(heading, title, "below"))
        elif title.kind == "coming" and heading.depth == depth:
            found.append(Section(heading, title, "renamed"))
        elif title.kind == "released" and heading.depth == depth:
            how: Literal["marked", "released"] = "marked" if _mark(document, heading) is not None else "released"
            found.append(Section(heading, title, how))
    return found


def unreleased(found: list[Section]) -> Section | None:
    """Return the unreleased section: the first one, unless a release comes before it.

    A section called *Unreleased* may be anywhere.
    """
    if found and found[0].how != "released":
        return found[0]
    return next((section for section in found if section.title.kind == "unreleased"), None)


def enough(document: Document) -> bool:
    """Whether the beginning of a changelog is enough to learn its style."""
    found = sections(document)
    released = [section for section in found if section.how == "released"]
    return len(released) >= (1 if unreleased(found) and found[-1].how == "released" else _ENOUGH)


def _first_line(document: Document, heading: Heading) -> int | None:
    """Return the number of the first line of a section's text; None if it has none."""
    said = (number for number in document.body(heading) if document.lines[number].strip())
    return next(said, None)


def _mark(document: Document, heading: Heading) -> int | None:
    """Return the number of the line below a version that says it is unreleased; None if there is none."""
    number = _first_line(document, heading)
    return number if number is not None and marked(document.lines[number]) else None


@dataclass(frozen=True)
class CutChangelog:
    """The section of a release that is about to be made."""

    document: Document
    section: Section
    earlier: tuple[Section, ...]
    """The sections of releases, newest first."""
    version: str
    tag: str
    today: date

    def made(self) -> str:
        """Return the changelog's text with the section of the release."""
        lines, heading = list(self.document.lines), self.section.heading
        self._define(lines)
        old = lines[heading.first : heading.end]
        last = old[-1]
        tail = last[len(last.rstrip("\r\n")) :]
        if self.section.how == "below":
            like = self.earlier[0].heading if self.earlier else heading
            new = [line.rstrip() for line in old]
            if links := _links(self.section.title.url, self.tag):
                new = [line.replace(self.section.title.url, links[0]) for line in new]
            shown = self.document.lines[like.first : like.end]
            new += ["", *self.document.language.heading(shown, self._new_title())]
        else:
            new = self.document.language.heading(old, self._renamed_title())
        lines[heading.first : heading.end] = [self.document.ending.join(new) + tail, *[""] * (len(old) - 1)]
        if self.section.how == "marked":
            self._mark_off(lines)
        return "".join(lines)

    @cached_property
    def _model(self) -> tuple[Title, str | None] | None:
        """The heading of a release that serves as the model for the new one, and what follows the version in it.

        The latter is None if no release shows it.
        """
        pairs = [(section.title, section.title.dated(self.today)) for section in self.earlier[:_ENOUGH]]
        return next((pair for pair in pairs if pair[1] is not None), pairs[0] if pairs else None)

    def _dated(self, title: str, after: str | None) -> str:
        return self.document.language.dated(title, self.today.isoformat()) if after is None else f"{title}{after}"

    def _new_title(self) -> str:
        linked, title = self.document.language.linked, self.section.title
        links = _links(title.url, self.tag)
        if self._model is None:
            url = links[1] if links else ""
            is_link = title.link and bool(url or not title.url)
            return self._dated(linked(self.version, url) if is_link else self.version, None)
        model, after = self._model
        earlier = _next(model.url, str(model.version), self.version, self.tag)
        url = (links[1] if links else earlier or "") if model.url else ""
        is_link = model.link and bool(url or not model.url)
        name = model.named(self.version)
        before = "" if after is None and set(model.before) & set("*`_") else model.before
        return self._dated(f"{before}{linked(name, url) if is_link else name}", after)

    def _renamed_title(self) -> str:
        title, language = self.section.title, self.document.language
        name = title.named(self.version)
        if title.link:
            links = _links(title.url, self.tag)
            name = language.linked(name, links[1] if links else title.url)
        if self.section.how == "marked":
            return f"{title.before}{name}{title.after}"
        after = self._model[1] if self._model else title.dated(self.today) or None
        return self._dated(f"{title.before}{name}", after)

    def _mark_off(self, lines: list[str]) -> None:
        number = _mark(self.document, self.section.heading)
        firsts = (_first_line(self.document, section.heading) for section in self.earlier[:1])
        like = next((self.document.lines[first].rstrip() for first in firsts if first is not None), None)
        if number is not None:
            line = lines[number]
            text = marked_off(line.rstrip("\r\n"), like, self.today)
            lines[number] = f"{text}{line[len(line.rstrip(chr(13) + chr(10))) :]}"

    def _define(self, lines: list[str]) -> None:
        """Add the version's link target to ``lines``, in the style of its neighbours."""
        label, places = self._label(), self.document.definitions
        own = self.section.title.name.lower()
        place = places.get(own, places.get("unreleased") if self.section.how == "below" else None)
        if label is None or label.lower() in places.keys() - {own}:
            return
        if place is not None and (links := _links(self._url(lines[place]), self.tag)):
            new = self._defined(lines[place], label, links[1])
            now = self._ended(self._defined(lines[place], None, links[0])) if self.section.how == "below" else ""
            lines[place] = f"{now}{new}"
            return
        for section in self.earlier:
            place = places.get(section.title.name.lower())
            if place is not None:
                url = _next(self._url(lines[place]), str(section.title.version), self.version, self.tag)
                new = self._defined(lines[place], label, url) if url else ""
                lines[place] = f"{self._ended(new)}{lines[place]}"
                return

    def _label(self) -> str | None:
        """Return the label of the version's link; None if it is not a link."""
        title = self.section.title
        if self.section.how != "below":
            return title.named(self.version) if title.link and not title.url else None
        if self._model:
            model = self._model[0]
            if model.link:
                return None if model.url else model.named(self.version)
        elif title.link and not title.url:
            return self.version
        if "unreleased" not in self.document.definitions:
            return None
        lettered = any(re.match(r"v\d", label) for label in self.document.definitions)
        return f"v{self.version}" if lettered else self.version

    def _url(self, line: str) -> str:
        match = self.document.language.definition.match(line.rstrip("\r\n"))
        return match["url"] if match else ""

    def _defined(self, line: str, label: str | None, url: str) -> str:
        """Return the line of a link definition with another address, and another label if given."""
        match = self.document.language.definition.match(line.rstrip("\r\n"))
        if match is None:
            raise AssertionError  # only matching lines are kept
        start, end = match.span("label")
        middle = line[end : match.start("url")]
        return f"{line[:start]}{label or match['label']}{middle}{url}{line[match.end('url') :]}"

    def _ended(self, line: str) -> str:
        return line if not line or line.endswith(("\r", "\n")) else f"{line}{self.document.ending}"


def _links(url: str, tag: str) -> tuple[str, str] | None:
    """Return the link targets of *Unreleased* and the release, from the old one of *Unreleased*; None if unclear."""
    match = _COMPARISON.fullmatch(url)
    if match is None:
        return None
    place, old, dots, new, rest = match.group("place", "old", "dots", "new", "rest")
    return f"{place}{tag}{dots}{new}{rest}", f"{place}{old}{dots}{tag}{rest}"


def _next(url: str, previous: str, version: str, tag: str) -> str | None:
    """Return the link target of a release, from that of the release before it; None if unclear."""
    if match := _COMPARISON.fullmatch(url):
        return f"{match['place']}{match['new']}{match['dots']}{tag}{match['rest']}"
    return url.replace(previous, version) if previous in url else None
