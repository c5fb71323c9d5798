"""The headings of a changelog: which is unreleased, and how releases are named and dated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from packaging.version import Version

from nox_ship import versions
from nox_ship.release.sections import Language

TitleKind = Literal["unreleased", "next", "coming", "released", "other"]
"""*Unreleased* and *next* name no version; the latter can also mean something else. *Coming* names the version that
comes next."""

_THING = r"(?: (?:changes?|version|release|updates?))?"
_PENDING = r"(?:unreleased|not (?:yet )?released(?: yet)?|to be released)"
_MARK = (
    rf"(?:{_PENDING}|(?:in|under) development|in progress|work in progress|wip|dev(?:elopment)?|tb[ad]|pending|upcoming"
    r"|no date yet|unknown|date|yyyy[-./]mm[-./]dd|(?:20)?[x?\d]{2}[-./][x?]{2}[-./][x?]{2})"
)
_UNRELEASED = re.compile(rf"{_PENDING}{_THING}(?:[ \t]*[-\u2013\u2014:,(]+[ \t]*{_MARK}\)?)?", re.IGNORECASE)
_NEXT = re.compile(
    rf"(?:the )?(?:next|upcoming|forthcoming|latest|(?:in )?development|dev|head|main|master|trunk|tb[ad]){_THING}",
    re.IGNORECASE,
)
_COMING = re.compile(rf"(?P<before>[\s\-\u2013\u2014:,(\[*_]*)(?P<mark>{_MARK})(?P<after>[)\]*_.\s]*)", re.IGNORECASE)
_DATED_LINE = re.compile(
    rf"(?P<before>[*_(:]*(?:release date|released|date)?[:\s]*)(?P<mark>{_MARK})(?P<after>[)*_.]*)", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.+-])v?(?P<version>\d[\w.!+-]*)", re.IGNORECASE)
_WORDS = re.compile(r"(?:[^\W\d][\w'\u2019.-]*[ \t:]+){0,4}")
_AROUND_A_DATE = re.compile(
    r"[\s\-\u2013\u2014:,/|()\[\]*_.`]*(?:(?:released?|on|date)[\s:]*)*[()\[\]*_.`]*",
    re.IGNORECASE,
)

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NAME = "|".join([*_MONTHS, *(month[:3] for month in _MONTHS)])
_TH = "st|nd|rd|th"
_DATES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], str]], ...] = (
    (
        re.compile(r"(?<!\d)\d{4}(?P<by>[-/])\d{2}(?P=by)\d{2}(?!\d)"),
        lambda match, day: day.isoformat().replace("-", match["by"]),
    ),
    (
        re.compile(rf"(?<!\d)(?P<day>\d{{1,2}})(?P<th>{_TH})? (?P<month>{_NAME}),? \d{{4}}(?!\d)"),
        lambda match, day: f"{_day(match, day)} {_month(match, day)} {day.year}",
    ),
    (
        re.compile(rf"(?P<month>{_NAME}) (?P<day>\d{{1,2}})(?P<th>{_TH})?, \d{{4}}(?!\d)"),
        lambda match, day: f"{_month(match, day)} {_day(match, day)}, {day.year}",
    ),
)
"""Unambiguous date formats, and how each is written."""


def _day(match: re.Match[str], day: date) -> str:
    number = f"{day.day:02}" if match["day"].startswith("0") else str(day.day)
    first = day.day % 10 if day.day // 10 != 1 else 0
    return number + ({1: "st", 2: "nd", 3: "rd"}.get(first, "th") if match["th"] else "")


def _month(match: re.Match[str], day: date) -> str:
    name = _MONTHS[day.month - 1]
    return name[:3] if len(match["month"]) == 3 and match["month"] != "May" else name  # noqa: PLR2004 - letters


@dataclass(frozen=True)
class Title:
    """A heading's text, split into parts.

    Attributes:
        kind: What it says.
        before: The text before the version, or before the version's link.
        name: The version with what belongs to it, such as ``v1.2.0``; the whole name if there is no version.
        url: The version's link target, if it is in the heading itself.
        link: Whether the version is a link.
        after: The text after it.
        version: The version; None if there is none.
    """

    kind: TitleKind
    before: str = ""
    name: str = ""
    url: str = ""
    link: bool = False
    after: str = ""
    version: Version | None = None

    @classmethod
    def of(cls, text: str, language: Language) -> Title:
        """Parse a heading's text."""
        match = language.link.search(text)
        if match and _NUMBER.search(text[: match.start()]) and not _NUMBER.search(match["name"]):
            match = None  # the version comes before it
        if match:
            before, name, after = text[: match.start()], match["name"], text[match.end() :]
            url = match["url"] or ""
        else:
            before, name, after, url = "", text, "", ""
        plain = f"{before}{name}{after}".strip(" \t*`:#")
        if _UNRELEASED.fullmatch(plain):
            return cls("unreleased", before, name, url, bool(match), after)
        if _NEXT.fullmatch(plain):
            return cls("next", before, name, url, bool(match), after)
        return _versioned(before, name, after, url, link=bool(match))

    def named(self, version: str) -> str:
        """Return the name of another version in the same style: with a ``v``, or a name before it."""
        return _NUMBER.sub(lambda match: match[0].removesuffix(match["version"]) + version, self.name, count=1)

    def dated(self, day: date) -> str | None:
        """Return the text after the version with another date, or with a date instead of a placeholder.

        None if it contains more than a date and what may surround one.
        """
        if self.kind == "coming" and (match := _COMING.fullmatch(self.after)):
            return f"{match['before']}{day.isoformat()}{match['after']}"
        found = redated(self.after, day)
        if found is None:
            return self.after if not re.search(r"\w", self.after) else None
        start, end, new = found
        rest = f"{self.after[:start]}{self.after[end:]}"
        return f"{self.after[:start]}{new}{self.after[end:]}" if _AROUND_A_DATE.fullmatch(rest) else None


def _versioned(before: str, name: str, after: str, url: str, *, link: bool) -> Title:
    """Return a title that may contain a version: in the link, if there is one, else after a few words at most."""
    match = _NUMBER.search(name)
    spelt = match["version"].rstrip(".-+_") if match else ""
    version = versions.parse(spelt)
    day = redated(name[match.start() :], date.min) if match else None
    if match is None or version is None or (day and day[0] == 0):
        return Title("other", before, name, url, link, after)
    end = match.start("version") + len(spelt)
    words = f"{before}{name[: match.start()]}".lstrip("*`[( \t")
    if not _WORDS.fullmatch(words):
        return Title("other", before, name, url, link, after)
    if not link:
        before, name, after = name[: match.start()], name[match.start() : end], f"{name[end:]}{after}"
    kind: TitleKind = "released"
    if _COMING.fullmatch(after) or (version.is_devrelease and redated(after, date.min) is None):
        kind = "coming"
    return Title(kind, before, name, url, link, after, version)


def redated(text: str, day: date) -> tuple[int, int, str] | None:
    """Return the position of the first date in a text, and ``day`` in its format; None if there is none."""
    found = [(match, form) for pattern, form in _DATES if (match := pattern.search(text))]
    if not found:
        return None
    match, form = min(found, key=lambda pair: pair[0].start())
    return (*match.span(), form(match, day))


def marked(line: str) -> bool:
    """Whether the first line of a section says, instead of a date, that it is not released yet."""
    return _DATED_LINE.fullmatch(line.strip()) is not None


def marked_off(line: str, like: str | None, day: date) -> str:
    """Return such a line for a release.

    Args:
        line: The line, without its line break.
        like: The same line of an earlier release; None if there is none.
        day: The date of the release.
    """
    found = redated(like, day) if like else None
    if like and found and len(like) < 60:  # noqa: PLR2004 - a line with a date, not a sentence with one in it
        return f"{like[: found[0]]}{found[2]}{like[found[1] :]}"
    match = _DATED_LINE.fullmatch(line.strip())
    if match is None:
        raise AssertionError  # only called for lines that have such a mark
    before = match["before"] if re.search(r"\w", match["before"]) else f"{match['before']}Released "
    return f"{before}{day.isoformat()}{match['after']}"
