"""Spellings of versions, and the names of release tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.version import Version

from nox_ship.errors import Kind, ShipError

BAD_TAG_FORM = Kind("NS103", "bad-tag-form", 'Write it with the version in it, such as "v{version}".')

_PLACE = "{version}"
_LONGEST = 255
"""Characters that a file name can have, and so a version that is part of one."""


@dataclass(frozen=True)
class TagForm:
    """How a project names its release tags: a text with ``{version}`` in it."""

    form: str = "v{version}"

    def __post_init__(self) -> None:
        if self.form.count(_PLACE) != 1:
            raise ShipError(BAD_TAG_FORM(f"The form of the tags is {self.form!r}."))

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

    @classmethod
    def of(cls, tags: Iterable[str], setting: str | None) -> TagForm:
        """Return the form that ``setting`` gives, else that of the newest release among ``tags``.

        Raises:
            ShipError: The setting has no ``{version}`` in it (NS103).
        """
        if setting is not None:
            return cls(setting)
        prefixed, bare = cls(), cls(_PLACE)
        found = [
            (version, form)
            for tag in tags
            for form in (prefixed, bare)
            if (version := form.version(tag)) and (form is prefixed or tag[0].isdigit())
        ]
        return max(found, key=lambda pair: pair[0], default=(None, prefixed))[1]


def parse(text: str) -> Version | None:
    """Return the version that ``text`` spells, None where it spells none (PEP 440), or is too long for a file name."""
    try:
        return Version(text) if len(text) <= _LONGEST else None
    except ValueError:  # it is none, or has a number that is too long to be read
        return None


def release_at(tags: Mapping[str, str], commit: str, form: TagForm) -> tuple[str, Version] | None:
    """Return the release tag on ``commit`` and its version; of several the newest version.

    Args:
        tags: The commit each tag points to, by name.
        commit: The commit to look at.
        form: How release tags are named.
    """
    found = [(version, tag) for tag, at in tags.items() if at == commit and (version := form.version(tag))]
    if not found:
        return None
    version, tag = max(found)
    return tag, version


def latest(tags: Iterable[str], form: TagForm) -> Version | None:
    """Return the newest version that ``tags`` name, None where none is a release tag."""
    return max((version for tag in tags if (version := form.version(tag))), default=None)
