"""Where a project keeps its packages and its tests: according to its tools' settings, else in the usual places."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from nox_ship import documents
from nox_ship.backends import DEEPEST, NOT_PACKAGES, Told

_SOURCE_ROOTS = ("src", "lib")
_TEST_FOLDERS = ("tests", "test")
_TEST_FILES = ("test_*.py", "*_test.py")
_UNITTEST_FILES = "test*.py"
"""Files that ``python -m unittest`` collects, and pytest only in part."""


def packages(told: Told) -> tuple[Path, ...]:
    """Return the folders (or modules) of the import packages in the sources, relative to the root.

    For a namespace, a folder without ``__init__.py``, the packages in it are returned.
    """
    root, bases = told.root, [told.root / base for base in told.bases()]
    if named := [path.relative_to(root) for name in told.packages() for path in _opened(root / name)]:
        return tuple(named)
    usual = [root / name for name in _SOURCE_ROOTS]
    others = [path for path in documents.folders(root) if path.name not in {*NOT_PACKAGES, *_SOURCE_ROOTS}]
    for base in (*bases, *usual, root, *others):
        if found := sorted(_packages_in(base, root, told.name, told=base in bases)):
            return tuple(path.relative_to(root) for path in found)
    module = root / f"{told.name}.py"
    return (module.relative_to(root),) if documents.is_file(module) else ()


def import_name(told: Told, package: Path) -> str:
    """Return the import name of one of the ``packages``, such as ``sample`` or ``space.sample``."""
    bases = [*map(Path, told.bases()), *map(Path, _SOURCE_ROOTS)]
    if len(package.parts) > 1 and not told.name.startswith(f"{package.parts[0]}_"):
        bases.append(Path(package.parts[0]))
    base = next((base for base in bases if base.parts and base in package.parents), Path())
    return ".".join(package.relative_to(base).with_suffix("").parts)


def _opened(path: Path) -> Iterator[Path]:
    """Yield a package, or those in a folder that is only a namespace."""
    if documents.is_folder(path) and not next(documents.found(path, "*.py"), None):
        yield from _inner_packages(path, DEEPEST)
    else:
        yield path


def _packages_in(base: Path, root: Path, name: str, *, told: bool) -> Iterator[Path]:
    sources = base != root and (told or base.name in _SOURCE_ROOTS)
    for folder in documents.folders(base):
        own = folder.name == name
        others = folder.name in (NOT_PACKAGES if base == root else _TEST_FOLDERS)
        if not own and (others or (base == root and folder.name.startswith("_"))):
            continue
        if documents.is_file(folder / "__init__.py") or (own and next(documents.found(folder, "**/*.py"), None)):
            yield folder
        elif sources or name.startswith(f"{folder.name}_"):
            yield from _inner_packages(folder, DEEPEST)
    if sources:
        modules = (path for path in documents.found(base, "*.py") if path.stem.isidentifier())
        yield from (path for path in modules if path.stem != "__init__")


def _inner_packages(folder: Path, deepest: int) -> Iterator[Path]:
    """Yield the packages in a namespace; a folder with modules is one, even without ``__init__.py``."""
    for inner in documents.folders(folder):
        if next(documents.found(inner, "*.py"), None):
            yield inner
        elif deepest:
            yield from _inner_packages(inner, deepest - 1)


@dataclass(frozen=True)
class Tests:
    """Where a project's tests are.

    Attributes:
        places: Folders and files, relative to the root; none if there are no tests.
        arguments: Arguments that pytest needs to find them; empty if it finds them without.
    """

    places: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


def tests(root: Path, options: Mapping[str, Any], inside: Iterable[Path]) -> Tests:
    """Return where tests are: according to pytest's settings, else in the usual places, else in packages.

    Tests that only unittest would collect, by their file names, and doctests count if there are no others.

    Args:
        root: The project's folder.
        options: pytest's settings.
        inside: The project's packages, relative to the root.
    """
    patterns = tuple(_words(options.get("python_files"))) or _TEST_FILES
    whole = [pattern for pattern in patterns if "/" in pattern]
    configured = [path for pattern in _words(options.get("testpaths")) for path in _matching(root, pattern)]
    bases = ("", *(f"{name}/" for name in _SOURCE_ROOTS))
    usual = [f"{base}{name}" for base in bases for name in _TEST_FOLDERS]
    usual += [path for base in bases for pattern in _TEST_FILES for path in _matching(root, f"{base}{pattern}")]
    named = [path for pattern in whole for path in _matching(root, pattern)]
    within = [
        (package / found).as_posix()
        for package in inside
        for pattern in (*_TEST_FOLDERS, "_tests", "tests.py", *(p for p in patterns if p not in whole))
        for found in _matching(root / package, pattern)
    ]
    if found := _holding(root, configured, patterns):
        return Tests(found)
    others = [folder.name for folder in documents.folders(root) if "test" in folder.name]
    for places in ([*usual, "tests.py"], named, within, others):
        if found := _holding(root, places, (*patterns, "tests.py")):
            seen = all(_is_found(root, place, inside, patterns) for place in found)
            return Tests(found, () if seen else found)
    if found := tuple(_of_unittest(root)):
        return Tests(found, found)
    addopts = _words(options.get("addopts"))
    if "--doctest-modules" in addopts and (found := tuple(package.as_posix() for package in inside)):
        return Tests(found, found)
    return Tests((".",)) if any(word.startswith("--doctest-glob") for word in addopts) else Tests()


def _words(option: object) -> list[str]:
    """Return the words of a pytest option, which is a list or a string."""
    if not isinstance(option, str):
        return documents.strings(option)
    try:
        return shlex.split(option)
    except ValueError:  # pytest reports it
        return option.split()


def _holding(root: Path, places: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(place for place in dict.fromkeys(places) if _holds_tests(root, place, patterns))


def _holds_tests(root: Path, place: str, patterns: Iterable[str]) -> bool:
    path = root / place
    if documents.is_file(path):
        return path.suffix == ".py"
    return any(_fits(Path(place, file.relative_to(path)), patterns) for file in documents.found(path, "**/*.py"))


def _fits(file: Path, patterns: Iterable[str]) -> bool:
    """Whether pytest treats a file as a test file; a pattern with a slash is compared with the whole path."""
    name, path = file.name, f"/{file.as_posix()}"
    return any(fnmatchcase(path, f"*/{p}") if "/" in p else fnmatchcase(name, p) for p in patterns)


def _is_found(root: Path, place: str, inside: Iterable[Path], patterns: Iterable[str]) -> bool:
    """Whether pytest finds a place without arguments, and without searching packages."""
    if any(Path(place).is_relative_to(package) for package in inside):
        return False
    return not documents.is_file(root / place) or _fits(Path(place), patterns)


def _of_unittest(root: Path) -> Iterator[str]:
    for folder in _TEST_FOLDERS:
        for file in sorted(documents.found(root / folder, f"**/{_UNITTEST_FILES}")):
            if "unittest" in documents.read_text(file):
                yield file.relative_to(root).as_posix()


def _matching(root: Path, pattern: str) -> list[str]:
    """Return the paths below ``root`` that match a glob; a plain name is returned, an invalid glob matches none."""
    if not any(sign in pattern for sign in "*?["):
        return [pattern]
    return sorted(path.relative_to(root).as_posix() for path in documents.found(root, pattern))
