"""File names that some systems cannot create, or treat as the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.contents import Archive

NOT_PORTABLE = Kind(
    "NS522", "not-portable", "Rename it, unless nobody installs the package on Windows or macOS.", level="warning"
)

_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(1, 10))}
_SIGNS = set('<>:"|?*')


def check(wheels: Iterable[Archive]) -> Iterator[Finding]:
    """Yield the files of wheels that Windows cannot create, and those that Windows and macOS treat as one.

    The rules: https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file.
    """
    for wheel in wheels:
        if bad := [name for name in wheel.members if any(map(_is_refused, PurePosixPath(name).parts))]:
            yield NOT_PORTABLE(f"{wheel.path.name} contains file names that Windows cannot create: {shorten(bad)}.")
        spelt: dict[str, set[str]] = {}
        for name in wheel.members:
            spelt.setdefault(name.casefold(), set()).add(name)
        if one := [" and ".join(sorted(names)) for names in spelt.values() if len(names) > 1]:
            yield NOT_PORTABLE(f"{wheel.path.name} contains names that clash on Windows and macOS: {shorten(one)}.")


def _is_refused(part: str) -> bool:
    return part.partition(".")[0].lower() in _DEVICES or part.endswith((".", " ")) or not _SIGNS.isdisjoint(part)
