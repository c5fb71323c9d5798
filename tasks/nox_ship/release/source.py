"""Where a project keeps its version, and changing it there with bump-my-version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from nox_ship import process
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.project import Project

NO_VERSION = Kind(
    "NS301",
    "no-version",
    'Add `version = "..."` to [project], or configure the back end to take it from a file or from git tags.',
)
BUMP_FAILED = Kind("NS306", "bump-failed", "Correct the settings of bump-my-version.")
STALE_BUMP_SETTINGS = Kind(
    "NS307",
    "stale-bump-settings",
    "The release goes by the project's version; correct the setting.",
    level="notice",
)

_SCM_TOOLS = ("setuptools_scm", "setuptools-scm", "hatch-vcs", "versioningit", "poetry-dynamic-versioning")
_ASSIGNMENT = re.compile(
    r"""^(?P<head>(?:__version__|VERSION|__VERSION__|version)\s*(?::\s*[\w.]+\s*)?=\s*)(?P<quote>["'])(?P<version>[^"'\n]+)(?P=quote)""",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Place:
    """One place that holds the version: a key of a TOML file, or a text in a file that surrounds it."""

    file: str
    """Relative to the project's folder."""
    key: str | None = None
    before: str = ""
    after: str = ""

    def as_bump_file(self, root: Path) -> dict[str, Any]:
        """Return the place as an entry of bump-my-version's ``files``."""
        filename = str(root / self.file)
        if self.key:
            return {
                "filename": filename,
                "key_path": self.key,
                "search": "{current_version}",
                "replace": "{new_version}",
            }
        braced = [text.replace("{", "{{").replace("}", "}}") for text in (self.before, self.after)]
        return {
            "filename": filename,
            "search": f"{braced[0]}{{current_version}}{braced[1]}",
            "replace": f"{braced[0]}{{new_version}}{braced[1]}",
        }


@dataclass(frozen=True)
class VersionSource:
    """Where the version comes from."""

    kind: Literal["files", "tags"]
    current: str | None = None
    """The version that the files hold; None where git tags tell it."""
    places: tuple[Place, ...] = ()

    @classmethod
    def of(cls, project: Project) -> VersionSource:
        """Find out where ``project`` keeps its version.

        Raises:
            ShipError: No version is found (NS301).
        """
        if _from_tags(project):
            return cls("tags")
        found = [(place, version) for place, version in _candidates(project) if version]
        if not found:
            raise ShipError(NO_VERSION("The project has no version."))
        current = found[0][1]
        copies = [place for place, version in _copies(project, current) if version == current]
        places = [found[0][0], *(place for place in copies if place.file != found[0][0].file)]
        return cls("files", current, tuple(dict.fromkeys(places)))


def _from_tags(project: Project) -> bool:
    if "version" not in project.metadata.get("dynamic", []) and not project.tool("poetry-dynamic-versioning"):
        return False
    version = _mapping(project.tool("hatch").get("version"))
    if version.get("source") == "vcs" or _mapping(project.tool("pdm").get("version")).get("source") == "scm":
        return True
    if version.get("path") or _mapping(project.tool("setuptools").get("dynamic")).get("version"):
        return False
    requires = " ".join(map(str, _mapping(project.pyproject.get("build-system")).get("requires", [])))
    return any(tool in requires for tool in _SCM_TOOLS)


def _candidates(project: Project) -> Iterator[tuple[Place, str | None]]:
    """Yield the places that can hold the version, the one that counts first."""
    yield Place("pyproject.toml", "project.version"), _text(project.metadata.get("version"))
    yield Place("pyproject.toml", "tool.poetry.version"), _text(project.poetry.get("version"))
    yield from _from_cfg(project)
    yield from (found for name in _configured_files(project) for found in _assignment(project.root, name))
    if "version" in project.metadata.get("dynamic", []) and project.backend.startswith("flit"):
        yield from (found for path in project.packages for found in _assignment(project.root, _init(path)))


def _from_cfg(project: Project) -> Iterator[tuple[Place, str | None]]:
    version = project.setup_cfg("metadata", "version")
    if version and not version.startswith(("attr:", "file:")):
        yield Place("setup.cfg", before="version = ", after=""), version
    if (project.root / "setup.py").is_file():
        text = (project.root / "setup.py").read_text("utf-8", errors="replace")
        if match := re.search(r"""(?P<before>\bversion\s*=\s*["'])(?P<version>[^"'\n]+)(?P<after>["'])""", text):
            yield Place("setup.py", before=match["before"], after=match["after"]), match["version"]


def _configured_files(project: Project) -> Iterator[str]:
    """Yield the files that a back end's settings name as the home of the version."""
    if path := _mapping(project.tool("hatch").get("version")).get("path"):
        yield str(path)
    pdm = _mapping(project.tool("pdm").get("version"))
    if pdm.get("source") == "file" and pdm.get("path"):
        yield str(pdm["path"])
    dynamic = _mapping(_mapping(project.tool("setuptools").get("dynamic")).get("version"))
    specs = [f"attr: {dynamic['attr']}"] if dynamic.get("attr") else []
    files = dynamic.get("file", [])
    specs += [f"file: {name}" for name in ([files] if isinstance(files, str) else files)]
    specs.append(project.setup_cfg("metadata", "version") or "")
    for spec in specs:
        kind, _, value = (part.strip() for part in spec.partition(":"))
        if kind == "file":
            yield value
        elif kind == "attr":
            yield from _files_of_attribute(project, value)


def _files_of_attribute(project: Project, dotted: str) -> Iterator[str]:
    """Yield the files that can define ``package.module.attribute``."""
    parts = dotted.split(".")[:-1]
    for package in project.packages:
        if parts and package.stem == parts[0]:
            inner = package.parent.joinpath(*parts)
            yield from (inner.with_suffix(".py").as_posix(), (inner / "__init__.py").as_posix())


def _copies(project: Project, version: str) -> Iterator[tuple[Place, str | None]]:
    """Yield the places that commonly repeat the version: ``__init__.py``, and uv's lock file."""
    for path in project.packages:
        for name in (
            _init(path),
            *((path / f"{stem}.py").as_posix() for stem in ("__about__", "_version", "version")),
        ):
            yield from _assignment(project.root, name)
    lock = project.root / "uv.lock"
    if lock.is_file():
        before = f'name = "{project.canonical_name}"\nversion = "'
        if f'{before}{version}"' in lock.read_text("utf-8"):
            yield Place("uv.lock", before=before, after='"'), version


def _init(path: Path) -> str:
    return (path if path.suffix == ".py" else path / "__init__.py").as_posix()


def _assignment(root: Path, name: str) -> Iterator[tuple[Place, str | None]]:
    path = root / name
    if not path.is_file():
        return
    text = path.read_text("utf-8", errors="replace")
    if match := _ASSIGNMENT.search(text):
        yield Place(name, before=match["head"] + match["quote"], after=match["quote"]), match["version"]
    elif path.suffix != ".py" and text.strip():
        yield Place(name), text.strip()


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


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
        except (KeyError, IndexError, ValueError):
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


def write_version(project: Project, source: VersionSource, new: str) -> None:
    """Change the version to ``new`` in the project's files, with bump-my-version.

    The project's own settings are used where it has any; else those that follow from ``source``.

    Raises:
        ShipError: The tool fails, or the project does not tell the new version afterwards (NS306).
    """
    current = source.current or ""
    command = [*process.module("bumpversion"), "bump", "--no-commit", "--no-tag", "--allow-dirty"]
    command += ["--current-version", current, "--new-version", new]
    if not has_bump_settings(project):
        command += ["--config-file", str(_derived_settings(project, source))]
    done = process.run(command, cwd=project.root, check=False)
    if done.code:
        raise ShipError(BUMP_FAILED(f"bump-my-version could not change {current} to {new}.", detail=done.output))
    after = VersionSource.of(Project.read(project.root))
    if after.current != new:
        what = f"After bump-my-version ran, the project's version is {after.current}, not {new}."
        raise ShipError(BUMP_FAILED(what, remedy="Name every file that holds it in [[tool.bumpversion.files]]."))


def _derived_settings(project: Project, source: VersionSource) -> Path:
    import tomlkit

    settings = {
        "current_version": source.current,
        "parse": "(?P<version>.+)",
        "serialize": ["{version}"],
        "files": [place.as_bump_file(project.root) for place in source.places],
    }
    path = project.own_folder() / "bumpversion.toml"
    path.write_text(tomlkit.dumps({"tool": {"bumpversion": settings}}), encoding="utf-8")
    return path


def cut_changelog(project: Project, version: str, today: date) -> str | None:
    """Make the changelog's *Unreleased* section that of ``version``, as Keep a Changelog describes.

    Returns:
        The file that changed, relative to the project's folder; None where there is nothing to cut.
    """
    name = project.settings.changelog or "CHANGELOG.md"
    path = project.root / name
    if not path.is_file():
        return None
    text = path.read_text("utf-8")
    heading = re.search(r"^##[ \t]+\[?unreleased\]?[ \t]*$", text, re.MULTILINE | re.IGNORECASE)
    if heading is None or re.search(rf"^##[ \t]+\[?v?{re.escape(version)}\]?\b", text, re.MULTILINE):
        return None
    bracketed = f"[{version}]" if "[" in heading[0] else version
    new = f"{heading[0].rstrip()}\n\n## {bracketed} - {today.isoformat()}"
    path.write_text(text[: heading.start()] + new + text[heading.end() :], "utf-8")
    return name
