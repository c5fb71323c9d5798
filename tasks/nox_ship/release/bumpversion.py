"""bump-my-version: what a project's own settings for it say, and changing a version with it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nox_ship import process
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.project import Project
from nox_ship.release.source import VersionSource

BUMP_FAILED = Kind("NS306", "bump-failed", "Correct the settings of bump-my-version.")
STALE_BUMP_SETTINGS = Kind(
    "NS307",
    "stale-bump-settings",
    "The release goes by the project's version; correct the setting.",
    level="notice",
)


@dataclass(frozen=True)
class BumpSettings:
    """A project's own settings for bump-my-version, as the tool shows them."""

    next_version: str | None
    tag_name: str | None
    message: str | None
    tag_message: str | None
    parts: tuple[str, ...]

    def filled(self, text: str | None, current: str, new: str) -> str | None:
        """Return one of the texts with its versions filled in, None where it holds anything else."""
        try:
            return text.format(current_version=current, new_version=new) if text else None
        except (KeyError, IndexError, ValueError, AttributeError):
            return None


def has_bump_settings(project: Project) -> bool:
    """Whether the project configures bump-my-version itself, in any file that the tool reads."""
    own = ((".bumpversion.cfg", "bumpversion"), ("setup.cfg", "bumpversion"))
    if project.tool("bumpversion") or any(section in project.ini(name) for name, section in own):
        return True
    return (project.root / ".bumpversion.toml").is_file()


def bump_settings(project: Project, current: str, part: str | None) -> BumpSettings | None:
    """Ask bump-my-version what the project's own settings say; None where it has none, or not this part.

    Args:
        project: The project.
        current: Its version.
        part: The part to increment, None for none.

    Raises:
        ShipError: The settings cannot be read (NS306).
    """
    if not has_bump_settings(project):
        return None
    command = [*process.module("bumpversion"), "show", "--format", "json", "--current-version", current]
    done = process.run([*command, *(["--increment", part] if part else [])], cwd=project.root, check=False)
    if done.code and part:
        return bump_settings(project, current, None)
    try:
        shown = json.loads(done.stdout)
    except ValueError as error:
        what = "bump-my-version cannot read the project's settings for it."
        raise ShipError(BUMP_FAILED(what, detail=done.output)) from error
    stated = project.tool("bumpversion")
    return BumpSettings(
        next_version=shown.get("new_version"),
        tag_name=shown.get("tag_name") if "tag_name" in stated else None,
        message=shown.get("message"),
        tag_message=shown.get("tag_message"),
        parts=tuple(shown.get("parts") or ()),
    )


def stale_settings(project: Project, current: str) -> Iterator[Finding]:
    """Yield a notice where bump-my-version's settings tell another current version than the project does."""
    told = project.tool("bumpversion").get("current_version")
    if told is not None and told != current:
        yield STALE_BUMP_SETTINGS(f"tool.bumpversion.current_version is {told}, the project's version {current}.")


def write_version(project: Project, source: VersionSource, new: str, *, own: bool = True) -> None:
    """Change the version to ``new`` in the project's files, with bump-my-version.

    The project's own settings are used where it has any; else, and where ``own`` is false because they need not know
    such a version, those that follow from ``source``.

    Raises:
        ShipError: The tool fails, or the project does not tell the new version afterwards (NS306).
    """
    current = source.current or ""
    command = [*process.module("bumpversion"), "bump", "--no-commit", "--no-tag", "--allow-dirty"]
    command += ["--current-version", current, "--new-version", new]
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        if not own or not has_bump_settings(project):
            command += ["--config-file", str(_derived_settings(project, source, Path(folder)))]
        done = process.run(command, cwd=project.root, check=False)
    if done.code:
        raise ShipError(BUMP_FAILED(f"bump-my-version could not change {current} to {new}.", detail=done.output))
    after = VersionSource.of(Project.read(project.root))
    if after.current != new:
        what = f"After bump-my-version ran, the project's version is {after.current}, not {new}."
        raise ShipError(BUMP_FAILED(what, remedy="Name every file that holds it in [[tool.bumpversion.files]]."))


def _derived_settings(project: Project, source: VersionSource, folder: Path) -> Path:
    import tomlkit

    settings = {
        "current_version": source.current,
        "parse": "(?P<version>.+)",
        "serialize": ["{version}"],
        "files": [place.as_bump_file(project.root) for place in source.places],
    }
    path = folder / "bumpversion.toml"
    path.write_text(tomlkit.dumps({"tool": {"bumpversion": settings}}), encoding="utf-8")
    return path
