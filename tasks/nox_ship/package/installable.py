"""Which files of a release an interpreter can install: it is asked for the wheel tags that it supports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import packaging
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from nox_ship import process
from nox_ship.errors import ShipError
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project

_EVERYWHERE = Tag("py3", "none", "any")
_QUESTION = (
    "import sys; print('%s %d %d' % (sys.implementation.name, *sys.version_info[:2])); sys.path.append(sys.argv[1]);"
    " from packaging.tags import sys_tags; print(*sys_tags())"
)


def installable(names: Sequence[str], python: str) -> list[str]:
    """Return those files that an interpreter can install, in order: each sdist, and wheels for it.

    It is only started if there is a wheel that does not fit every Python 3.

    Args:
        names: The names of wheels and sdists.
        python: The interpreter's path. If it cannot be started, all files count: testing them shows why.
    """
    wheels = {name: parse_wheel_filename(name)[3] for name in names if name.endswith(".whl")}
    if all(_EVERYWHERE in tags for tags in wheels.values()):
        return list(names)
    taken = _taken(python)
    return [
        name for name in names if taken is None or name not in wheels or not taken.isdisjoint(map(str, wheels[name]))
    ]


def built_wheel(project: Project, commit: str, python: str) -> Path | None:
    """Return the wheel in ``dist/`` built from a commit that an interpreter can install; None if there is none.

    Args:
        project: The project.
        commit: The commit; a build with uncommitted changes does not count.
        python: The interpreter's path.
    """
    try:
        manifest = Manifest.read(manifest_path(project))
        paths = {path.name: path for path in manifest.check(dist_folder(project))}
    except ShipError:
        return None
    if manifest.dirty or manifest.commit != commit or manifest.name != project.canonical_name:
        return None
    wheels = [name for name in paths if name.endswith(".whl")]
    return next((paths[name] for name in installable(wheels, python)), None)


def _taken(python: str) -> frozenset[str] | None:
    """Return the tags that an interpreter supports; None if it does not answer."""
    beside = Path(packaging.__file__).parent.parent
    try:
        told = process.run([python, "-I", "-S", "-c", _QUESTION, beside], check=False).stdout
    except ShipError:
        return None
    first, _, tags = told.partition("\n")
    if tags.strip():
        return frozenset(tags.split())
    # Our `packaging` cannot be imported by an end-of-life Python, but CPython's tags are known.
    if not (old := re.fullmatch(r"cpython (\d+) (\d+)", first.strip())):
        return None
    version, own = (int(old[1]), int(old[2])), f"cp{old[1]}{old[2]}"
    return frozenset(map(str, (*cpython_tags(version, [own]), *compatible_tags(version, own))))
