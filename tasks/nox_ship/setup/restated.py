"""Files beside the package that state its version too, and that a release would leave as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
"""Where a version is commonly repeated, as globs: Sphinx, citations, and the manifests of neighbouring tools."""

_KEY = r"""["']?(?:version|release|sonar\.projectVersion)["']?"""


def restated(project: Project, source: VersionSource) -> tuple[Place, ...]:
    """Return the places that state the project's version, and that neither ``source`` nor bump settings know.

    Raises:
        ShipError: The project's settings for bump-my-version cannot be read (NS306).
    """
    if source.current is None:
        return ()
    others = source.places[1:] if have_a_scheme(project) else ()  # without one, a release bumps them by itself
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
        name = path.relative_to(project.root).as_posix()
        text = project.read_text(name)
        for match in line.finditer(text):
            yield Place.around(name, text, *match.span("version"))
