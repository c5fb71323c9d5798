"""The changelog of a release, in the form of Keep a Changelog."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from nox_ship.errors import Kind, ShipError
from nox_ship.files import real_place, write_whole
from nox_ship.project import Project

CHANGELOG_UNREADABLE = Kind("NS308", "changelog-unreadable", "Save the changelog in UTF-8, or name another file.")

_UNRELEASED = re.compile(
    r"^##[ \t]+(?P<open>\[?)unreleased\]?(?:\([^)\n]*\))?[ \t]*(?=\r?$)", re.MULTILINE | re.IGNORECASE
)


def read_changelog(project: Project) -> tuple[str, str]:
    """Return name and text of the changelog, empty where none is kept; line breaks are as in the file.

    Raises:
        ShipError: The file that the setting names does not exist, or a changelog is not UTF-8 (NS308).
    """
    name = project.settings.changelog or "CHANGELOG.md"
    path = project.root / name
    if not path.is_file():
        if project.settings.changelog:
            what = f"`tool.nox-ship.changelog` names {name}, which does not exist."
            raise ShipError(CHANGELOG_UNREADABLE(what, remedy="Correct the setting."))
        return name, ""
    try:
        return name, path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ShipError(CHANGELOG_UNREADABLE(f"{name} is not UTF-8: byte {error.start} cannot be read.")) from error


def cut_changelog(project: Project, version: str, today: date, top: Path | None = None) -> str | None:
    """Make the changelog's *Unreleased* section that of ``version``, as https://keepachangelog.com describes.

    Args:
        project: The project.
        version: The version.
        today: The day of its release.
        top: The folder that the file must be in, the repository's; None for the project's.

    Returns:
        The file that changed, relative to the project's folder; None where there is nothing to cut.

    Raises:
        ShipError: The file that the setting names does not exist, or a changelog is not UTF-8 (NS308); a symlink leads
            out of the repository (NS608).
    """
    name, text = read_changelog(project)
    heading = _UNRELEASED.search(text)
    if heading is None or re.search(rf"^##[ \t]+\[?v?{re.escape(version)}(?![\w.+-])", text, re.MULTILINE):
        return None
    ending = "\r\n" if "\r\n" in text else "\n"
    released = f"[{version}]" if heading["open"] else version
    new = f"{heading[0].rstrip()}{ending}{ending}## {released} - {today.isoformat()}"
    place = real_place(project.root / name, top or project.root)
    write_whole(place, f"{text[: heading.start()]}{new}{text[heading.end() :]}")
    return name
