"""How similar two builds of the same file are: identical, identical but for the archive, or which members differ."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from nox_ship.errors import shorten
from nox_ship.package.manifest import File
from nox_ship.package.unpacking import Header, headers, walk

_BLOCK = 1 << 20
_MOST_TEXT = 64 << 10
"""The largest member that is shown as a diff, in bytes."""
_MOST_NAMED = 20
"""How many members are named."""
_MOST_SHOWN = 5
"""How many members are shown as a diff."""
_MOST_LINES, _MOST_COLUMNS = 20, 160
"""How many lines of a diff are shown."""

Verdict = Literal["identical", "archive", "content"]


@dataclass(frozen=True)
class MemberDifference:
    """A member that differs.

    Attributes:
        name: Its name, without an sdist's leading folder.
        what: ``changed``, ``missing`` in the second file, or ``added`` there.
        diff: Lines of a diff between texts; empty otherwise.
    """

    name: str
    what: Literal["changed", "missing", "added"]
    diff: tuple[str, ...] = ()


@dataclass(frozen=True)
class Likeness:
    """How similar two builds of a file are.

    Attributes:
        name: The file's name.
        archive: What differs about the archives: times, order, modes, owners, folders, compression.
        members: The members that differ.
    """

    name: str
    archive: tuple[str, ...] = ()
    members: tuple[MemberDifference, ...] = ()

    @classmethod
    def of(cls, first: Path, second: Path) -> Likeness:
        """Compare two wheels, or two sdists.

        Raises:
            ShipError: One is not a readable archive (NS503).
        """
        if File.of(first).sha256 == File.of(second).sha256:
            return cls(first.name)
        before, after = _members(first), _members(second)
        differing = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
        told = [name for name in differing if not name.endswith(".dist-info/RECORD")] or differing  # RECORD follows
        shown = [name for name in told if name in before and name in after][:_MOST_SHOWN]
        texts = [_texts(path, shown) for path in (first, second)]
        members = tuple(_difference(name, before, after, texts) for name in told)
        return cls(first.name, tuple(_of_archives(headers(first), headers(second))), members)

    @property
    def verdict(self) -> Verdict:
        """The overall result."""
        if self.members:
            return "content"
        return "archive" if self.archive else "identical"

    def __str__(self) -> str:
        if self.members:
            verb = "differs" if len(self.members) == 1 else "differ"
            return f"{len(self.members)} of its files {verb}: {shorten(member.name for member in self.members)}"
        return f"identical but for the archive: {', '.join(self.archive)}" if self.archive else "identical"

    @property
    def lines(self) -> list[str]:
        """The differing members with their diffs; only the first ones if there are many."""
        found = []
        for member in self.members[:_MOST_NAMED]:
            found += [f"{member.what}: {member.name}", *(f"  {line}" for line in member.diff)]
        more = len(self.members) - _MOST_NAMED
        return [*found, *([f"... and {more} more"] if more > 0 else [])]


def _members(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each file and the target of each link in an archive, by name."""
    found: dict[str, str] = {}

    def take(name: str, _: int, stream: IO[bytes]) -> None:
        digest = hashlib.sha256()
        while block := stream.read(_BLOCK):
            digest.update(block)
        found[name] = digest.hexdigest()

    walk(path, take)
    found.update({header.name: f"link to {header.link}" for header in headers(path) if header.link})
    return found


def _texts(path: Path, names: Collection[str]) -> dict[str, list[str]]:
    """Return the lines of some files in an archive; those that are not text, or too long, are omitted."""
    found: dict[str, list[str]] = {}

    def take(name: str, size: int, stream: IO[bytes]) -> None:
        if name in names and size <= _MOST_TEXT:
            content = stream.read(_MOST_TEXT)
            if b"\0" not in content:
                found[name] = content.decode(errors="backslashreplace").splitlines()

    walk(path, take)
    return found


def _difference(
    name: str, before: Mapping[str, str], after: Mapping[str, str], texts: list[dict[str, list[str]]]
) -> MemberDifference:
    if name not in after:
        return MemberDifference(name, "missing")
    if name not in before:
        return MemberDifference(name, "added")
    if not all(name in side for side in texts):
        return MemberDifference(name, "changed")
    first, second = (side[name] for side in texts)
    lines = list(difflib.unified_diff(first, second, lineterm="", n=0))[2:]
    if not lines:
        return MemberDifference(name, "changed", ("(only the line endings differ)",))
    cut = [line if len(line) <= _MOST_COLUMNS else f"{line[:_MOST_COLUMNS]}..." for line in lines[:_MOST_LINES]]
    more = len(lines) - len(cut)
    return MemberDifference(name, "changed", (*cut, *([f"... and {more} more lines"] if more else [])))


def _of_archives(first: list[Header], second: list[Header]) -> Iterator[str]:
    """Yield how two archives differ apart from the content of their files."""
    before, after = ({header.name: header for header in side} for side in (first, second))
    common = [name for name in before if name in after]
    folders = ({header.name for header in side if header.is_folder} for side in (first, second))
    same = {
        "times": all(before[name].time == after[name].time for name in common),
        "order": common == [name for name in after if name in before],
        "modes": all(before[name].mode == after[name].mode for name in common),
        "owners": all(before[name].owner == after[name].owner for name in common),
        "folders": len(set(map(frozenset, folders))) == 1,
    }
    differing = [what for what, agrees in same.items() if not agrees]
    yield from differing or ["compression"]
