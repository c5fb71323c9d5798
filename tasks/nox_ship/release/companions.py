"""Data that changes with the version: the date in a citation, and Sphinx's short version.

bump-my-version replaces the whole version where it finds it. These two depend on it, in files that already state the
new version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from packaging.version import Version

from nox_ship import documents, versions
from nox_ship.errors import ShipError
from nox_ship.files import real_place
from nox_ship.project import Project

_CITATION = "CITATION.cff"
_SPHINX = ("doc*/conf.py", "doc*/source/conf.py")
_VERSION = re.compile(r"""^version:[ \t]*["']?v?(?P<version>[^"'\s#]+)""", re.MULTILINE)
_DATE = re.compile(
    r"""^date-released:[ \t]*["']?(?P<date>\d{4}-\d{2}-\d{2})(?=["']?[ \t]*(?:#.*)?\r?$)""", re.MULTILINE
)
_RELEASE = re.compile(r"""^release[ \t]*=[ \t]*(["'])v?(?P<version>[^"'\n]+)\1""", re.MULTILINE)
_SHORT = re.compile(r"""^version[ \t]*=[ \t]*(["'])v?(?P<short>\d+(?:\.\d+)*)\1""", re.MULTILINE)


def follow(project: Project, before: str, version: str, today: date, top: Path) -> None:
    """Update what depends on the version, after the version itself was changed.

    ``date-released`` in ``CITATION.cff`` becomes the release's date, unless the file states another version. In
    Sphinx's ``conf.py``, a ``version`` that is the beginning of the old version becomes the same part of the new one
    if ``release`` states the new one.

    Args:
        project: The project.
        before: The previous version.
        version: The version being released.
        today: The date of the release.
        top: The top of the repository; nothing is written outside it.

    Raises:
        ShipError: A symlink leads out of the repository (NS608).
    """
    for path, text, after in _changes(project.root, Version(before), Version(version), today):
        if after != text:
            real_place(path, top).write_bytes(after.encode())


def _changes(root: Path, before: Version, version: Version, today: date) -> Iterator[tuple[Path, str, str]]:
    """Yield each file with its current and its new content."""
    text = _read(root / _CITATION)
    told = _VERSION.search(text)
    if told is None or versions.same(told["version"], str(version)):
        yield root / _CITATION, text, _replaced(text, _DATE, "date", today.isoformat())
    for path in sorted(path for pattern in _SPHINX for path in root.glob(pattern)):
        text = _read(path)
        full, short = _RELEASE.search(text), _SHORT.search(text)
        if full and short and versions.same(full["version"], str(version)):
            count = short["short"].count(".") + 1
            if short["short"] == _beginning(before, count) and count < len(version.release):
                yield path, text, _replaced(text, _SHORT, "short", _beginning(version, count))


def _beginning(version: Version, count: int) -> str:
    return ".".join(map(str, version.release[:count]))


def _replaced(text: str, pattern: re.Pattern[str], group: str, new: str) -> str:
    """Return ``text`` with a group of the first match replaced."""
    match = pattern.search(text)
    return f"{text[: match.start(group)]}{new}{text[match.end(group) :]}" if match else text


def _read(path: Path) -> str:
    """Return the text of a file; empty if there is none that can be read."""
    try:
        return (documents.read_bytes(path) or b"").decode("utf-8")
    except (ShipError, UnicodeDecodeError):
        return ""
