"""Spellings of versions, and the names of release tags."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packaging.version import Version

from nox_ship.errors import Kind, ShipError

UNREADABLE_TAG = Kind(
    "NS310",
    "unreadable-tag",
    "Delete the tag, here and on the remote, and use a PEP 440 version, such as 1.4.0rc1.",
)
BAD_TAG_FORM = Kind("NS103", "bad-tag-form", 'Write it with a placeholder for the version, such as "v{version}".')

_PLACE = "{version}"
FIRST_YEAR = 1990
"""From here on, the first number of a version is a year."""
_ISO_DAY = re.compile(r"(?:19|20)\d\d([-_.])(?:0\d|1[0-2])\1[0-3]\d(?!\d)")
_LONGEST = 255
"""Characters that a file name can have, and so a version that is part of one."""


@dataclass(frozen=True)
class TagForm:
    """How a project names its release tags: a text with ``{version}`` in it."""

    form: str = "v{version}"
    dated: bool | None = field(default=None, compare=False)
    """Whether the project's versions are dates, such as 2024.1; None where no file tells it."""
    usual: re.Pattern[str] | None = field(default=None, compare=False, repr=False)
    """What else releases may be called: a group for what stands before the version; None where a setting tells."""

    def __post_init__(self) -> None:
        if self.form.count(_PLACE) != 1:
            raise ShipError(BAD_TAG_FORM(f"The tag format is {self.form!r}."))

    def name(self, version: str) -> str:
        """Return the tag of ``version``."""
        return self.form.replace(_PLACE, version)

    def version(self, tag: str) -> Version | None:
        """Return the version that ``tag`` names, None where it is not a release tag.

        ``v1.2.0rc1`` and ``v1.2.0-rc.1`` name the same version: PEP 440 reads SemVer's spelling too.
        """
        before, after = self.form.split(_PLACE)
        match = re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", tag)
        return parse(match[1]) if match else None

    def releases(self, tags: Iterable[str]) -> dict[str, Version]:
        """Return the versions of those of ``tags`` that name releases.

        Where releases have dots (``v1.5.0``), a tag without one is a release only where it can be the next of them
        (``v2``): neither a pointer to the newest of its series (``v1``) nor a date (``v20240101``). Where the project's
        versions are none, no date is a release; where that is not known, one that is a single number is none beside
        others: CI tags its builds so.
        """
        found = {tag: version for tag in tags if (version := self.version(tag))}
        if self.dated is False:
            found = {tag: version for tag, version in found.items() if not _is_dated(version)}
        elif self.dated is None:
            found = {tag: version for tag, version in found.items() if not _is_day(version.major)} or found
        dotted = {version.release[0] for version in found.values() if len(version.release) > 1}
        return {
            tag: version
            for tag, version in found.items()
            if not dotted
            or len(version.release) > 1
            or (version.release[0] not in dotted and version.release[0] <= max(dotted) + 1)
        }

    def unreadable(self, tags: Iterable[str]) -> list[str]:
        """Return those of ``tags`` that are named as releases are, or usually are, with a text that is no version."""
        before, after = self.form.split(_PLACE)
        named = re.compile(rf"{re.escape(before)}\d.*{re.escape(after)}", re.DOTALL)
        return sorted(
            tag for tag in tags if self.version(tag) is None and (named.fullmatch(tag) or self._means_a_release(tag))
        )

    def _means_a_release(self, tag: str) -> bool:
        """Whether a tag looks as if it named a release in another form, and names no version; a day is none."""
        match = self.usual.fullmatch(tag) if self.usual else None
        text = tag.removeprefix(match[1]) if match else ""
        worded = bool(match and match[1]) or re.match(r"\d+\.\d", text)
        return bool(worded) and parse(text) is None and not _ISO_DAY.match(text)

    @classmethod
    def of(cls, tags: Iterable[str], setting: str | None, project: str = "", current: str = "") -> TagForm:
        """Return the form that ``setting`` gives, else that of the newest release among ``tags``.

        Such a tag begins with the version, with ``v``, ``release`` or the like, or with the project's name: those of
        other packages in the repository do not count. A form in which all tags are dates, or have no dot, counts
        where there is no other; dates do not count at all where the project's version is none.

        Args:
            tags: Names of tags.
            setting: The form that a setting gives, None where none does.
            project: The project's name.
            current: The project's version, where it is written down: whether it begins with a year tells whether dates
                are releases.

        Raises:
            ShipError: The setting has no ``{version}`` in it (NS103).
        """
        version = parse(current)
        dated = _is_dated(version) if version is not None and any(version.release) else None
        if setting is not None:
            return cls(setting, dated)
        name = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", project)))
        words = re.compile(rf"((?:(?:{name or 'v'}|release|rel|version)[-_/@]?)?v?[-_/.]?)\d.*", re.IGNORECASE)
        groups: dict[str, list[str]] = {}
        for tag in tags:
            if match := words.fullmatch(tag):
                groups.setdefault(match[1], []).append(tag)
        forms = [cls(f"{before}{_PLACE}", dated) for before in groups]
        found = [(form, form.releases(group).values()) for form, group in zip(forms, groups.values(), strict=True)]
        ranked = [(form, them, max(_rank(version, dated=dated) for version in them)) for form, them in found if them]
        newest = [(rank, max(them), form == cls(), form.form) for form, them, rank in ranked]
        return cls(max(newest)[-1] if newest else cls.form, dated, words)


def _rank(version: Version, *, dated: bool | None) -> tuple[bool, bool]:
    """Return how much a version looks like a release's: more where it is no date, and where it has a dot."""
    return bool(dated) or not _begins_with_date(version), len(version.release) > 1


def _is_dated(version: Version) -> bool:
    """Whether a version begins with a year, or with a number that is no release's but may be a build's or a day's."""
    return version.major >= FIRST_YEAR


def _begins_with_date(version: Version) -> bool:
    """Whether a version begins with a calendar date: 20240101, 2024.1.1 or 2024.1 alone, whatever follows a day."""
    first, *others = version.release
    if _is_day(first):
        return True
    month, day = [*others, 1, 1][:2] if len(others) == 1 else [*others, 0, 0][:2]
    return first >= FIRST_YEAR and _is_day(int(f"{first}{month:02}{day:02}"))


def _is_day(number: int) -> bool:
    """Whether a number is a day of the calendar, such as 20240101."""
    text = str(number)
    try:
        dt.datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return len(text) == len("YYYYMMDD")


def parse(text: str) -> Version | None:
    """Return the version that ``text`` spells, None where it spells none (PEP 440), or is too long for a file name."""
    try:
        return Version(text) if len(text) <= _LONGEST else None
    except ValueError:  # it is none, or has a number that is too long to be read
        return None


def same(one: str, other: str) -> bool:
    """Whether two texts spell the same version (PEP 440); texts that spell none are the same where they are equal."""
    return one == other or (parse(one) is not None and parse(one) == parse(other))


def release_at(tags: Mapping[str, str], commit: str, form: TagForm) -> tuple[str, Version] | None:
    """Return the release tag on ``commit`` and its version; of several the newest version.

    Args:
        tags: The commit each tag points to, by name.
        commit: The commit to look at.
        form: How release tags are named.
    """
    found = [(version, tag) for tag, version in form.releases(tags).items() if tags[tag] == commit]
    if not found:
        return None
    version, tag = max(found)
    return tag, version


def latest(tags: Iterable[str], form: TagForm) -> Version | None:
    """Return the newest version that ``tags`` name, None where none is a release tag."""
    return max(form.releases(tags).values(), default=None)


def check_readable(tags: Mapping[str, str], commit: str, form: TagForm) -> None:
    """Check that no tag on ``commit``, which is no release, looks as if it named one.

    Such a tag can start the workflow that publishes, and nobody means a development version by it.

    Raises:
        ShipError: One does (NS310).
    """
    if wrong := form.unreadable(tag for tag, at in tags.items() if at == commit):
        raise ShipError(UNREADABLE_TAG(f"HEAD has the tag {wrong[0]}, which does not name a PEP 440 version."))
