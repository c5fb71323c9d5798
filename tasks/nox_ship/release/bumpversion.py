"""bump-my-version: a project's own settings for it, and changing the version with it.

Settings with their own version scheme or a ``current_version`` are used as they are. Others are added to what we derive
from the place of the version: further files, messages, hooks.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nox_ship import json_data, process
from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.files import real_place
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.source import VersionSource

BUMP_FAILED = Kind("NS306", "bump-failed", "Correct the settings of bump-my-version.")
STALE_BUMP_SETTINGS = Kind(
    "NS307",
    "stale-bump-settings",
    "Correct the setting; the release uses the project's version.",
    level="notice",
)

_REQUIREMENT = "bump-my-version>=1.2.4"
_SCHEME = ("current_version", "parse", "serialize", "parts")
_PARSE, _SERIALIZE = "(?P<version>.+)", "{version}"


@dataclass(frozen=True)
class BumpSettings:
    """A project's own settings for bump-my-version, as the tool prints them."""

    next_version: str | None
    tag_name: str | None
    message: str | None
    tag_message: str | None
    parts: tuple[str, ...]
    """The parts of their version scheme; empty if they have none of their own."""

    def filled(self, text: str | None, current: str, new: str) -> str | None:
        """Return a template with its versions filled in; None if it has other placeholders."""
        values = {"current_version": current, "new_version": new}
        try:
            places = [place for _, *place in string.Formatter().parse(text or "") if place[0] is not None]
        except ValueError:
            return None
        plain = all(name in values and not form and not how for name, form, how in places)
        return text.format(**values) if text and plain else None


def has_bump_settings(project: Project) -> bool:
    """Whether the project configures bump-my-version, in any file that the tool reads."""
    return bool(project.tool("bumpversion")) or _has_file_of_its_own(project)


def _has_file_of_its_own(project: Project) -> bool:
    if any("bumpversion" in project.ini(name) for name in (".bumpversion.cfg", "setup.cfg")):
        return True
    return (project.root / ".bumpversion.toml").is_file()


def have_a_scheme(project: Project) -> bool:
    """Whether the project's settings are used as they are, instead of being added to ours.

    Those in a separate file (``.bumpversion.cfg``, ``.bumpversion.toml``, ``setup.cfg``) always are.
    """
    return _has_file_of_its_own(project) or any(key in project.tool("bumpversion") for key in _SCHEME)


def bumped_files(project: Project, current: str) -> set[str]:
    """Return the files named in the project's own settings, relative to its folder.

    Raises:
        ShipError: The settings cannot be read (NS306).
    """
    if not has_bump_settings(project):
        return set()
    alone = have_a_scheme(project)
    entries = _shown(project, current, None).get("files") if alone else project.tool("bumpversion").get("files", [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ShipError(BUMP_FAILED("`tool.bumpversion.files` is not a list of tables.", remedy="Write it as one."))
    names = {str(entry["filename"]) for entry in entries if entry.get("filename")}
    try:
        paths = {path for entry in entries if entry.get("glob") for path in project.root.glob(str(entry["glob"]))}
        found = {path.relative_to(project.root).as_posix() for path in paths}
    except (NotImplementedError, ValueError, OSError) as error:
        raise ShipError(BUMP_FAILED(f"A `glob` in the settings of bump-my-version is invalid: {error}.")) from error
    return {*(Path(name).as_posix() for name in names), *found}


def bump_settings(project: Project, current: str, part: str | None) -> BumpSettings | None:
    """Ask bump-my-version for the project's own settings; None if it has none, or not this part.

    Args:
        project: The project.
        current: Its version.
        part: The part to increment; None for none.

    Raises:
        ShipError: The settings cannot be read (NS306).
    """
    if not has_bump_settings(project):
        return None
    stated = project.tool("bumpversion")
    if not have_a_scheme(project):
        name, message, tag_message = (_text(stated, key) for key in ("tag_name", "message", "tag_message"))
        return BumpSettings(None, name, message, tag_message, parts=())
    shown = _shown(project, current, part)
    return BumpSettings(
        next_version=_text(shown, "new_version"),
        tag_name=_text(shown, "tag_name") if "tag_name" in stated else None,
        message=_text(shown, "message"),
        tag_message=_text(shown, "tag_message"),
        parts=tuple(map(str, shown.get("parts") or ())),
    )


def _text(settings: Mapping[str, Any], key: str) -> str | None:
    value = settings.get(key)
    return value if isinstance(value, str) else None


def _shown(project: Project, current: str, part: str | None) -> dict[str, Any]:
    """Return the settings as the tool prints them; without the next version if the tool does not know ``part``."""
    command = [*_tool(), "show", "--format", "json", "--current-version", current]
    whole = [*command, *(["--increment", part] if part else [])]
    done = process.run(whole, cwd=project.root, keep=project.settings.pass_env, check=False)
    if done.code and part:
        return _shown(project, current, None)
    try:
        shown: dict[str, Any] = dict(json_data.parse(done.stdout))
    except (ValueError, TypeError) as error:
        what = "bump-my-version cannot read its settings in this project."
        raise ShipError(BUMP_FAILED(what, detail=done.output)) from error
    return shown


def stale_settings(project: Project, current: str) -> Iterator[Finding]:
    """Yield a notice if bump-my-version's settings state another current version than the project."""
    told = project.tool("bumpversion").get("current_version")
    if told is not None and told != current:
        yield STALE_BUMP_SETTINGS(
            f"tool.bumpversion.current_version is {told}, but the project's version is {current}."
        )


def write_version(project: Project, source: VersionSource, new: str, *, own: bool = True) -> None:
    """Change the version to ``new`` in the project's files.

    bump-my-version applies the project's own settings; unless they have a version scheme, the places that it left are
    changed here. If ``own`` is false, because the settings may not accept such a version, they are ignored.

    Raises:
        ShipError: The tool fails, or the project does not state the new version afterwards (NS306).
    """
    own = own and has_bump_settings(project)
    alone = own and have_a_scheme(project)
    if own:
        _bump(project, source, new, *_own_options(project))
    for place in () if alone else source.places:
        place.change(project, source.current or "", new)
    after = VersionSource.of(Project.read(project.root))
    if after.current != new:
        what = f"After bump-my-version ran, the project's version is {after.current}, not {new}."
        raise ShipError(BUMP_FAILED(what, remedy="List every file that states it in [[tool.bumpversion.files]]."))
    kept = {place.file for place in source.places} - {place.file for place in after.places}
    if kept and not alone:
        what = f"After bump-my-version ran, {shorten(sorted(kept))} still stated {source.current}."
        raise ShipError(BUMP_FAILED(what, remedy="Add the line to [[tool.bumpversion.files]]."))


def check_places(project: Project, source: VersionSource, repository: Repository) -> None:
    """Check that every file to be changed is in the repository, by its path and through committed symlinks.

    Raises:
        ShipError: A file is not (NS608).
    """
    top, names = repository.path.resolve(), {place.file for place in source.places}
    leading_out = not all(Findings().catch(partial(real_place, link, top)) for link in repository.links())
    if leading_out or ".." in repr(project.tool("bumpversion")):  # otherwise bump-my-version need not be asked
        names |= bumped_files(project, source.current or "")
    for name in names:
        real_place(project.root / name, top)


def check_settings(project: Project, source: VersionSource) -> None:
    """Check that bump-my-version finds the version in all places that the project's own settings name.

    Nothing is written. If no part can be incremented, as in calendar versions, nothing is checked.

    Raises:
        ShipError: It does not find it, or cannot read the settings (NS306).
    """
    current = source.current or ""
    own = bump_settings(project, current, None)
    if own is None:
        return
    bumped_files(project, current)
    new: str | None = f"{current}.1"
    if own.parts:
        raised = (_shown(project, current, part).get("new_version") for part in own.parts)
        new = next((version for version in raised if version not in (None, current)), None)
    if new:
        _bump(project, source, new, "--dry-run", *_own_options(project))


def _own_options(project: Project) -> tuple[str, ...]:
    """Return the options that make settings without a scheme accept any version."""
    return () if have_a_scheme(project) else ("--parse", _PARSE, "--serialize", _SERIALIZE)


def _bump(project: Project, source: VersionSource, new: str, *options: str) -> None:
    current = source.current or ""
    command = [*_tool(), "bump", "--no-commit", "--no-tag", "--allow-dirty", *options]
    whole = [*command, "--current-version", current, "--new-version", new]
    done = process.run(whole, cwd=project.root, keep=project.settings.pass_env, check=False)
    if done.code:
        raise ShipError(BUMP_FAILED(f"bump-my-version cannot change {current} to {new}.", detail=done.output))


def _tool() -> list[process.Argument]:
    """Return the start of a command that runs bump-my-version: installed next to nox-ship, or through uv."""
    if find_spec("bumpversion"):
        return process.module("bumpversion")
    return [process.uv(), "tool", "run", "--quiet", "--from", _REQUIREMENT, "bump-my-version"]
