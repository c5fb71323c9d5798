"""Parsing versions, and the names of release tags."""

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
"""From this number on, the first number of a version is a year."""
_ISO_DAY = re.compile(r"(?:19|20)\d\d([-_.])(?:0\d|1[0-2])\1[0-3]\d(?!\d)")
_LONGEST = 255
"""The longest file name, and so the longest version, in characters."""


@dataclass(frozen=True)
class TagForm:
    """How a project names its release tags: a format with ``{version}`` in it."""

    form: str = "v{version}"
    dated: bool | None = field(default=None, compare=False)
    """Whether the project's versions are dates, such as 2024.1; None if no file shows it."""
    usual: re.Pattern[str] | None = field(default=None, compare=False, repr=False)
    """Other names of releases: a pattern with a group for the prefix; None if a setting gives the format."""

    def __post_init__(self) -> None:
        if self.form.count(_PLACE) != 1:
            raise ShipError(BAD_TAG_FORM(f"The tag format is {self.form!r}."))

    def name(self, version: str) -> str:
        """Return the tag of ``version``."""
        return self.form.replace(_PLACE, version)

    def version(self, tag: str) -> Version | None:
        """Return the version in ``tag``; None if it is not a release tag.

        ``v1.2.0rc1`` and ``v1.2.0-rc.1`` name the same version: PEP 440 also accepts SemVer's spelling.
        """
        before, after = self.form.split(_PLACE)
        match = re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", tag)
        return parse(match[1]) if match else None

    def releases(self, tags: Iterable[str]) -> dict[str, Version]:
        """Return the versions of those of ``tags`` that name releases.

        If releases have dots (``v1.5.0``), a tag without one is a release only if it can be the next one (``v2``): it
        must not be a moving tag for its series (``v1``) or a date (``v20240101``). If the project's versions are not
        dates, no date is a release; if that is unknown, a date that is a single number is not one next to others, since
        CI tags its builds like that.
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
        """Return those of ``tags`` that are named like releases but do not contain a valid version."""
        before, after = self.form.split(_PLACE)
        named = re.compile(rf"{re.escape(before)}\d.*{re.escape(after)}", re.DOTALL)
        return sorted(
            tag for tag in tags if self.version(tag) is None and (named.fullmatch(tag) or self._means_a_release(tag))
        )

    def _means_a_release(self, tag: str) -> bool:
        """Whether a tag seems to name a release in another format, but has no valid version; dates do not count."""
        match = self.usual.fullmatch(tag) if self.usual else None
        text = tag.removeprefix(match[1]) if match else ""
        worded = bool(match and match[1]) or re.match(r"\d+\.\d", text)
        return bool(worded) and parse(text) is None and not _ISO_DAY.match(text)

    @classmethod
    def of(cls, tags: Iterable[str], setting: str | None, project: str = "", current: str = "") -> TagForm:
        """Return the format in ``setting``, else that of the newest release among ``tags``.

        Such a tag begins with the version, with ``v``, ``release`` or the like, or with the project's name; tags of
        other packages in the repository do not count. A format in which all tags are dates, or have no dot, counts if
        there is no other; dates do not count at all if the project's version is not one.

        Args:
            tags: Names of tags.
            setting: The format in the settings; None if not set.
            project: The project's name.
            current: The project's version, if it is written down; whether it begins with a year decides whether dates
                are releases.

        Raises:
            ShipError: The setting contains no ``{version}`` (NS103).
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
    """Return how much a version looks like a release: more if it is not a date, and if it has a dot."""
    return bool(dated) or not _begins_with_date(version), len(version.release) > 1


def _is_dated(version: Version) -> bool:
    """Whether a version begins with a year, or with a number that is more likely a build number or a date."""
    return version.major >= FIRST_YEAR


def _begins_with_date(version: Version) -> bool:
    """Whether a version begins with a calendar date: 20240101, 2024.1.1, or 2024.1 with nothing after it."""
    first, *others = version.release
    if _is_day(first):
        return True
    month, day = [*others, 1, 1][:2] if len(others) == 1 else [*others, 0, 0][:2]
    return first >= FIRST_YEAR and _is_day(int(f"{first}{month:02}{day:02}"))


def _is_day(number: int) -> bool:
    """Whether a number is a calendar date, such as 20240101."""
    text = str(number)
    try:
        dt.datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return len(text) == len("YYYYMMDD")


def parse(text: str) -> Version | None:
    """Return the version in ``text``; None if it is not one (PEP 440), or is too long for a file name."""
    try:
        return Version(text) if len(text) <= _LONGEST else None
    except ValueError:  # not a version, or a number that is too long
        return None


def same(one: str, other: str) -> bool:
    """Whether two strings are the same version (PEP 440); strings that are not versions must be equal."""
    return one == other or (parse(one) is not None and parse(one) == parse(other))


def release_at(tags: Mapping[str, str], commit: str, form: TagForm) -> tuple[str, Version] | None:
    """Return the release tag on ``commit`` and its version; of several, the newest version.

    Args:
        tags: The commit of each tag, by name.
        commit: The commit.
        form: The format of release tags.
    """
    found = [(version, tag) for tag, version in form.releases(tags).items() if tags[tag] == commit]
    if not found:
        return None
    version, tag = max(found)
    return tag, version


def latest(tags: Iterable[str], form: TagForm) -> Version | None:
    """Return the newest version among ``tags``; None if none is a release tag."""
    return max(form.releases(tags).values(), default=None)


def check_readable(tags: Mapping[str, str], commit: str, form: TagForm) -> None:
    """Check that no tag on ``commit``, which is not a release, looks like a release tag.

    Such a tag can start the publishing workflow, but nobody means a development version by it.

    Raises:
        ShipError: One does (NS310).
    """
    if wrong := form.unreadable(tag for tag, at in tags.items() if at == commit):
        raise ShipError(UNREADABLE_TAG(f"HEAD has the tag {wrong[0]}, which does not name a PEP 440 version."))
