"""The versions in a project's lock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from nox_ship import documents
from nox_ship.errors import ShipError, shorten
from nox_ship.project import Project, strings
from nox_ship.versions import parse

FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
"""Names of locks, in order of preference; all are TOML with a table for each package."""

_PYLOCK = re.compile(r"pylock(?:\.[^.]+)?\.toml")


@dataclass(frozen=True)
class Lock:
    """A project's lock."""

    file: str
    constraints: tuple[str, ...]
    """``name==version`` lines, some with a marker, as in a constraints file."""
    versions: Mapping[str, frozenset[str]]
    """The versions of each package, by normalised name."""
    requirements: tuple[str, ...] = ()
    """All packages that it installs, as requirements with markers."""

    def misfits(self, requirements: Iterable[str]) -> tuple[str, ...]:
        """Return the requirements that no version in the lock meets, because it was made from others."""
        return tuple(line for line in requirements if self._misses(line))

    def _misses(self, line: str) -> bool:
        try:
            requirement = Requirement(line)
        except (InvalidRequirement, RecursionError):
            return False
        there = self.versions.get(canonicalize_name(requirement.name))
        if requirement.url or not there:  # a lock may omit packages for other Pythons or systems
            return False
        return not any(requirement.specifier.contains(version, prereleases=True) for version in there)


def is_pylock(name: str) -> bool:
    """Whether a file given to an installer is a lock (PEP 751), by its name."""
    return _PYLOCK.fullmatch(PurePosixPath(name).name) is not None


def read(project: Project, names: Iterable[str] = FILES) -> tuple[Lock | None, str | None]:
    """Return the first existing lock of these names, and why one cannot be used."""
    for name in names:
        try:
            text = project.read_text(name)
            table = documents.toml(text) if text else {}
        except (documents.UnreadableError, ShipError) as error:
            return None, f"{name} cannot be read: {error}"
        if text:
            packages = [*_tables(table.get("package")), *_tables(table.get("packages"))]
            lock = _lock(name, packages)
            return (lock, None) if lock.constraints else (None, f"{name} contains no versions")
    return None, None


def fitting(
    project: Project, requirements: Iterable[str], names: Iterable[str] = FILES
) -> tuple[Lock | None, str | None]:
    """Return the first lock of these names if it matches ``requirements``, else why it does not."""
    lock, why = read(project, names)
    if lock and (misfits := lock.misfits(requirements)):
        return None, f"{lock.file} is older than the requirements {shorten(misfits)}, so the newest versions are used"
    return lock, why


def _lock(file: str, packages: Iterable[Mapping[str, Any]]) -> Lock:
    found: dict[str, dict[str, list[str]]] = {}
    for package in packages:
        name, version = package.get("name"), package.get("version")
        if not isinstance(name, str) or not isinstance(version, str) or parse(version) is None or _is_local(package):
            continue
        found.setdefault(canonicalize_name(name), {}).setdefault(version, []).append(_marker(package))
    lines = [line for name, versions in sorted(found.items()) for line in _constraints(name, versions)]
    whole = [line for name, versions in sorted(found.items()) for line in _requirements(name, versions)]
    return Lock(file, tuple(lines), {name: frozenset(versions) for name, versions in found.items()}, tuple(whole))


def _constraints(name: str, versions: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield the lines for a package; several versions need markers, and are skipped if one has none."""
    if len(versions) == 1:
        yield f"{name}=={next(iter(versions))}"
        return
    if all(all(told) for told in versions.values()):
        yield from _requirements(name, versions)


def _requirements(name: str, versions: Mapping[str, list[str]]) -> Iterator[str]:
    for version, told in versions.items():
        if all(told):
            yield f"{name}=={version} ; {' or '.join(f'({marker})' for marker in told)}"
        elif len(versions) == 1:
            yield f"{name}=={version}"


def _marker(package: Mapping[str, Any]) -> str:
    told = package.get("marker", package.get("markers", ""))
    text = told if isinstance(told, str) else ""
    if forks := strings(package.get("resolution-markers")):
        text = " or ".join(f"({fork})" for fork in forks)
    try:
        return str(Marker(text)) if text else ""
    except (InvalidMarker, RecursionError):
        return ""


def _is_local(package: Mapping[str, Any]) -> bool:
    """Whether a package comes from a folder, an address or a repository instead of an index."""
    source = package.get("source")
    kinds = set(source) if isinstance(source, Mapping) else set()
    if isinstance(source, Mapping) and source.get("type") in ("directory", "file", "git", "url"):  # poetry
        return True
    elsewhere = {"editable", "virtual", "directory", "path", "git", "url"}
    return bool(kinds & elsewhere - {"url"}) or bool(
        {"vcs", "directory", "archive", "path", "git", "url"} & set(package)
    )


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
