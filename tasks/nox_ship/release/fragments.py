"""News fragments: changes described in separate files until another tool turns them into a changelog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nox_ship import documents
from nox_ship.errors import ShipError
from nox_ship.project import Project

TOOLS = ("towncrier", "scriv")
"""The tools that a release runs."""

_USUAL = ("newsfragments", "changelog.d", "changes", "news")
_OTHERS = {
    "reno": (("reno.yaml", "releasenotes/config.yaml"), "releasenotes/notes"),
    "changie": ((".changie.yaml", ".changie.yml"), ".changes/unreleased"),
}
"""Files that show that a project uses a tool, and the tool's folder of fragments."""

_NO_FRAGMENTS = ("readme", "template", "scriv", "header", "todo")


@dataclass(frozen=True)
class Pending:
    """Fragments that are not released yet."""

    tool: str
    folder: str
    """The folder, relative to the project's."""
    count: int


def pending(project: Project) -> Pending | None:
    """Return the fragments in the folder of towncrier, scriv, reno or changie; None if there are none."""
    for tool, folder in _folders(project):
        inside = not Path(folder).is_absolute() and ".." not in Path(folder).parts
        place = project.root / folder
        if inside and documents.is_folder(place):
            count = sum(_is_fragment(path) for depth in ("*", "*/*") for path in place.glob(depth))
            if count:
                return Pending(tool, folder, count)
    return None


def _is_fragment(path: Path) -> bool:
    hidden = path.name.startswith((".", "_"))
    return path.is_file() and not hidden and not path.name.lower().startswith(_NO_FRAGMENTS)


def _folders(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the fragment folder of each tool that the project uses."""
    if settings := _towncrier(project):
        package = _text(settings.get("package")).replace(".", "/")
        inner = [f"{base}{package}/newsfragments" for base in ("", "src/")] if package else []
        own = _text(settings.get("directory"))
        yield from (("towncrier", name) for name in ([own] if own else [*inner, *_USUAL]))
    scriv = project.tool("scriv") or project.ini("setup.cfg").get("scriv") or project.ini("tox.ini").get("scriv")
    if scriv or (project.root / "changelog.d" / "scriv.ini").is_file():
        yield "scriv", _text((scriv or {}).get("fragment_directory")) or "changelog.d"
    for tool, (files, folder) in _OTHERS.items():
        if any((project.root / name).is_file() for name in files):
            yield tool, folder


def _towncrier(project: Project) -> Mapping[str, Any]:
    if settings := project.tool("towncrier"):
        return settings
    try:
        tool = documents.toml(documents.read_text(project.root / "towncrier.toml")).get("tool")
    except (documents.UnreadableError, ShipError):
        return {}
    found = tool.get("towncrier") if isinstance(tool, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
