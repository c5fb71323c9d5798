"""Where the packages that a wheel installs are in the sources; the two are compared, as build backends move them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from nox_ship.package.contents import Archive
from nox_ship.project import Project

_TEST_FOLDERS = {"tests", "test"}
_ASIDE = {"doc", "docs", "example", "examples"}


def expected_files(project: Project, sources: Iterable[str], wheel: Archive) -> Iterator[tuple[str, PurePosixPath]]:
    """Yield each source file of the packages that a wheel installs: its place in site-packages, and the file.

    The sources of a package are in the folder that has the most of its modules.
    """
    names, members = sorted(sources), set(wheel.members)
    for top in _tops(project, wheel):
        found: dict[str, dict[str, str]] = {}
        folder = re.compile(rf"(?:^|(?<=/)){re.escape(top)}/")
        for name in (name for name in names if f"{top}/" in name):
            for match in folder.finditer(name):
                found.setdefault(name[: match.start()], {})[name[match.start() :]] = name
        packages = (inner for inner in found.values() if any(place.endswith(".py") for place in inner))
        best = max(packages, key=lambda inner: len(inner.keys() & members), default={})
        yield from ((place, PurePosixPath(name)) for place, name in best.items())


def _tops(project: Project, wheel: Archive) -> list[str]:
    """Return the top-level packages that a wheel has, or should have according to the project."""
    parts = [name.split("/") for name in wheel.importable if "/" in name]
    own = project.canonical_name.replace("-", "_")
    ours = {
        path.name for path in project.packages if path.suffix != ".py" and (path.name == own or len(path.parts) > 1)
    }
    inner = {part for names in parts for part in names[1:-1]}
    return sorted({names[0] for names in parts} | (ours - inner))  # a package in a namespace is part of the namespace


def is_imported(place: PurePosixPath) -> bool:
    """Whether users may import a module: it is not a test, documentation or an example."""
    parts = (*place.parts[:-1], place.stem)
    return all(part.isidentifier() and part not in _ASIDE for part in parts[1:]) and not is_test(place)


def is_test(path: PurePosixPath) -> bool:
    """Whether a file is a test or belongs to tests."""
    in_tests = any(part in _TEST_FOLDERS for part in path.parts[:-1])
    return in_tests or path.name == "conftest.py" or path.name.startswith("test_")
