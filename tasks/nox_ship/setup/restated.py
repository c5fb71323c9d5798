"""Files outside the package that also state its version, including tests, and that a release would not update."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from nox_ship import documents
from nox_ship.project import Project
from nox_ship.release.bumpversion import bumped_files, have_a_scheme
from nox_ship.release.source import Place, VersionSource

_FILES = (
    "doc*/conf.py",
    "doc*/source/conf.py",
    "CITATION.cff",
    "codemeta.json",
    ".zenodo.json",
    "package.json",
    "meson.build",
    "sonar-project.properties",
)
"""Files that commonly repeat the version, as globs: Sphinx, citations, manifests of related tools."""
_MOST_TESTS = 500
"""How many test files are read."""

_KEY = r"""["']?(?:version|release|sonar\.projectVersion)["']?"""


def restated(project: Project, source: VersionSource) -> tuple[Place, ...]:
    """Return the places that state the project's version but that neither ``source`` nor the bump settings cover.

    Raises:
        ShipError: The project's settings for bump-my-version cannot be read (NS306).
    """
    if source.current is None:
        return ()
    others = source.places[1:] if have_a_scheme(project) else ()  # without a scheme, a release bumps them on its own
    places = [*others, *_places(project, source.current)]
    if not places:
        return ()
    known = bumped_files(project, source.current)
    if not have_a_scheme(project):
        known |= {place.file for place in source.places}
    return tuple(place for place in places if place.file not in known)


def _places(project: Project, version: str) -> Iterator[Place]:
    line = re.compile(
        rf"""^[ \t]*(?:\w+[ \t]*=[ \t]*)*{_KEY}[ \t]*[:=][ \t]*["']?v?(?P<version>{re.escape(version)})["']?"""
        r"[ \t]*,?[ \t]*(?:#[^\n]*)?$",
        re.MULTILINE,
    )
    for path in sorted(path for pattern in _FILES for path in project.root.glob(pattern) if path.is_file()):
        yield from _matching(project, path, line)
    asserted = _asserted(project, version)
    for path in _tests(project):
        yield from _matching(project, path, asserted)


def _matching(project: Project, path: Path, line: re.Pattern[str]) -> Iterator[Place]:
    name = path.relative_to(project.root).as_posix()
    text = project.read_text(name)
    for match in line.finditer(text):
        yield Place.around(name, text, *match.span("version"))


def _asserted(project: Project, version: str) -> re.Pattern[str]:
    """Return the pattern of a line in a test that states the project's version.

    Poetry used to write such a test into new projects, and the examples of build backends have one.
    """
    words = re.split(r"[-_.]+", canonicalize_name(project.name))
    name = "[-_.]+".join(map(re.escape, words))
    told = rf"""(?:__version__|\bversion\([ ]?["']{name}["'][ ]?\))"""
    return re.compile(
        rf"""^[ \t]*(?:assert\b|self\.assertEquals?\()(?:[^\n\#]{{0,200}}?{told}[ ]?(?:==|,)[ ]?["']|
        [ ]?["'](?={re.escape(version)}["'][ ]?(?:==|,)[^\n\#]{{0,200}}{told}))
        (?P<version>{re.escape(version)})["']""",
        re.MULTILINE | re.VERBOSE | re.IGNORECASE,
    )


def _tests(project: Project) -> list[Path]:
    """Return the test files, up to the limit."""
    places = [project.root / name for name in project.test_paths]
    files = (path for place in places for path in ([place] if place.is_file() else documents.found(place, "**/*.py")))
    named = (path for path in files if re.fullmatch(r"test.*|.*_tests?|conftest", path.stem) and path.is_file())
    return sorted(named)[:_MOST_TESTS]
