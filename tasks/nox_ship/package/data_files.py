"""Data files that a package has in the sources but in no wheel, and which of them will certainly be missed."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from nox_ship import documents
from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.package.contents import Archive
from nox_ship.package.named_data import Namings
from nox_ship.package.places import expected_files, is_imported, is_test
from nox_ship.project import Project
from nox_ship.setup_script import setup_expression

DATA_MISSING = Kind(
    "NS521",
    "data-missing",
    "Include it in the build backend's settings (setuptools: `package-data`, or MANIFEST.in).",
)

_SOURCES = {
    *(".py", ".pyc", ".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx"),
    *(".cu", ".cuh", ".rs", ".f", ".f77", ".f90", ".f95", ".for", ".go", ".zig", ".swift", ".m", ".mm"),
    *(".s", ".asm", ".i", ".def", ".build", ".cmake", ".in", ".template", ".proto", ".thrift", ".fbs"),
    *(".capnp", ".idl", ".asdl", ".y", ".l", ".g4", ".qrc", ".ts", ".tsx", ".jsx", ".scss", ".sass"),
    *(".less", ".styl", ".coffee", ".vue", ".svelte", ".map", ".psd", ".xcf", ".ai", ".ipynb", ".puml"),
    *(".drawio", ".graffle", ".rst", ".md", ".pot", ".orig", ".bak", ".diff", ".patch", ".log"),
}
"""Suffixes of sources, templates, documentation and leftovers."""
_DATA = {
    *(".json", ".yaml", ".yml", ".toml", ".html", ".htm", ".jinja", ".jinja2", ".j2", ".tmpl", ".tpl"),
    *(".css", ".js", ".sql", ".csv", ".tsv", ".txt", ".xml", ".xsd", ".xsl", ".png", ".svg", ".ico"),
    *(".gif", ".jpg", ".ttf", ".woff", ".woff2", ".dat", ".db", ".graphql", ".pyi", ".lark", ".mo", ".po"),
}
"""Suffixes of files that packages usually read at run time."""
_NOT_DATA = (
    *("readme*", "change*", "history*", "news*", "notes*", "todo*", "license*", "licence*", "copying*", "authors*"),
    *("notice*", "contributing*", "makefile", "gnumakefile", "cmakelists.txt", "dockerfile*", "build", "buck"),
    *("sconscript", "setup.cfg", "tox.ini", "package.json", "package-lock.json", "yarn.lock", "tsconfig*.json"),
    *("*.config.js", "cargo.*", "go.mod", "go.sum", "requirements*.txt", "pyproject.toml", "vendor*.txt"),
    *("manifest.in", "*.sh", "*.bat", "*.ps1", ".*"),
)
_ASIDE = {
    *("testdata", "test_data", "fixtures", "benchmark", "benchmarks", "node_modules", "csrc", "doc"),
    *("docs", "example", "examples", "notebooks", "scripts", "tools", "ci", "vendored_licenses", "licenses"),
}
_SIBLINGS = 2
"""A missing file counts as forgotten if the wheel has at least this many files of its type, and all the others."""

_LEAVING = ("exclude", "recursive-exclude", "global-exclude", "prune")
"""The commands of MANIFEST.in that exclude files."""
_MOST = 500
"""How many missing files are checked."""


@dataclass(frozen=True)
class _Sources:
    """The sources of the packages that wheels install, and the content of the wheels."""

    project: Project
    files: Mapping[str, PurePosixPath]
    """Each file, by its place in site-packages."""
    held: frozenset[str]
    """The files that the wheels install, by their place there."""

    @classmethod
    def of(cls, project: Project, wheels: Iterable[Archive], sources: Collection[str]) -> _Sources:
        """Compare the sources with the content of the wheels."""
        files = {place: path for wheel in wheels for place, path in expected_files(project, sources, wheel)}
        held = {name for wheel in wheels for member in wheel.members for name in _places(member)}
        return cls(project, files, frozenset(held))

    def data(self) -> list[str]:
        """Return the places of possible data files."""
        frontends = {str(PurePosixPath(place).parent) for place in self.files if place.endswith("/package.json")}
        return [place for place in self.files if _is_data(PurePosixPath(place), frontends)]

    def lacks(self, folder: PurePosixPath) -> bool:
        """Whether the wheels have no data in a folder; otherwise missing files may have been left out on purpose."""
        return not any(PurePosixPath(name).parent == folder for name in self.held if not name.endswith(".py"))

    def moved(self) -> set[str]:
        """Return the names of files that are in another place in the wheels than in the sources."""
        return {PurePosixPath(name).name for name in self.held if name not in self.files}

    def modules(self) -> Iterator[tuple[str, str]]:
        """Yield place and text of each module that the wheels install and that users may import."""
        for place, path in self.files.items():
            if path.suffix == ".py" and place in self.held and is_imported(PurePosixPath(place)):
                try:
                    yield place, self.project.read_text(str(path))
                except ShipError:  # not written by hand
                    continue


def missing(
    project: Project, wheels: Collection[Archive], sources: Collection[str], tracked: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield a finding for data that no wheel installs: an error if it will certainly be missed.

    That is the case if a module looks for it next to itself, or for its folder, of which the wheels have nothing; if it
    is the only file of its type that was left out; and if it is ``py.typed`` and the package claims to be typed.

    Args:
        project: The project.
        wheels: All built wheels.
        sources: The files from which they were built, relative to the project's folder.
        tracked: Those that git tracks; others may be anything.
    """
    known = _Sources.of(project, wheels, [name for name in sources if name in tracked])
    data = known.data()
    moved = known.moved()
    absent = [place for place in data if place not in known.held and PurePosixPath(place).name not in moved]
    if not absent:
        return
    leaving = _left_out(project)
    absent = [place for place in absent if not _is_excluded(PurePosixPath(place), leaving)][:_MOST]
    namings = Namings.of(known.modules(), absent)
    kinds: dict[tuple[str, str], set[str]] = {}
    for place in data:
        kinds.setdefault(_kind(place), set()).add(place)
    certain: dict[str, list[str]] = {}
    likely: list[str] = []
    for place in sorted(absent):
        if why := _certain(place, kinds[_kind(place)] - {place}, known, wheels, namings):
            certain.setdefault(why, []).append(place)
        elif namings.knows(place) or PurePosixPath(place).suffix in _DATA or place.endswith("/py.typed"):
            likely.append(place)
    called = shorten(wheel.path.name for wheel in wheels)
    for why, places in certain.items():
        yield DATA_MISSING(f"{called} lacks {shorten(places)}, {why}.")
    if likely:
        yield DATA_MISSING(f"{called} lacks {shorten(likely)}, which git has next to the modules.", level="warning")


def _certain(
    place: str, like: Collection[str], known: _Sources, wheels: Iterable[Archive], namings: Namings
) -> str | None:
    """Return why a file will certainly be missed, or None; ``like`` are the files of its type next to it."""
    path = PurePosixPath(place)
    if path.name == "py.typed":
        typed = any("Typing :: Typed" in (wheel.metadata.get_all("Classifier") or ()) for wheel in wheels)
        stubs = any(name.endswith(".pyi") for name in known.held)
        return "although the package claims to be typed" if typed or stubs else None
    by = namings.read_by(place)
    if by is not None and (place in namings.naming or known.lacks(path.parent)):
        return f"which {by} reads"
    if len(like) >= _SIBLINGS and path.suffix in _DATA and known.held.issuperset(like):
        return "although it has every other file of that type there"
    return None


def _kind(place: str) -> tuple[str, str]:
    """Return the folder and the ending of a file, which define its type."""
    path = PurePosixPath(place)
    return str(path.parent), path.suffix


def _is_data(path: PurePosixPath, frontends: Collection[str]) -> bool:
    name = path.name.lower()
    if path.suffix.lower() in _SOURCES or any(fnmatchcase(name, pattern) for pattern in _NOT_DATA):
        return False
    inner = path.parts[1:-1]
    aside = is_test(path) or any(part.lower() in _ASIDE or part.startswith(".") for part in inner)
    return not aside and not any(str(parent) in frontends for parent in path.parents)


def _places(member: str) -> Iterator[str]:
    """Yield where a member of a wheel is installed: under its name, or where its ``.data`` folder puts it."""
    yield member
    top, _, rest = member.partition("/")
    if top.endswith(".data"):
        yield rest.partition("/")[2]


def _is_excluded(path: PurePosixPath, leaving: Collection[str]) -> bool:
    """Whether the project's settings seem to exclude a file on purpose; the build may make .mo files from .po files."""
    return path.suffix == ".po" or any(fnmatchcase(part, pattern) for pattern in leaving for part in path.parts[1:])


def _left_out(project: Project) -> set[str]:
    """Return the names and patterns of files and folders that the build backend's settings, or git's, exclude."""
    lines = [line.split() for line in project.read_text("MANIFEST.in").splitlines()]
    found = [word for words in lines if words and words[0] in _LEAVING for word in words[1:]]
    with suppress(documents.UnreadableError):  # the build has already read it
        found += _excluded(documents.toml(project.read_text("pyproject.toml")))
    found += _excluded(project.ini("setup.cfg"))
    given = setup_expression(project.read_text("setup.py"), "exclude_package_data")
    found += [
        node.value
        for node in ast.walk(given or ast.Dict([], []))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    attributes = (line.split() for line in project.read_text(".gitattributes").splitlines())
    found += [words[0] for words in attributes if "export-ignore" in words]  # archives made by git omit it
    return {part for word in found for part in re.split(r"[/\s,]+", word)} - {"*", "**", ""}


def _excluded(settings: object, *, excludes: bool = False) -> Iterator[str]:
    """Yield the strings in settings below a key with ``exclude`` in its name."""
    if isinstance(settings, str) and excludes:
        yield settings
    elif isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from _excluded(value, excludes=excludes or "exclude" in str(key))
    elif isinstance(settings, list):
        for value in settings:
            yield from _excluded(value, excludes=excludes)
