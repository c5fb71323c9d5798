"""The data files that the modules of a package name, and those that they look for next to themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from nox_ship import documents

_BY_PACKAGE = {
    *("files", "get_data", "resource_filename", "resource_string", "resource_stream", "resource_listdir"),
    *("PackageLoader", "open_text", "open_binary", "read_binary", "as_file"),
}
"""Functions that look for a file in a given package: importlib.resources, pkgutil, pkg_resources, Jinja."""
_ANCHORS = {"__file__", "__path__", *_BY_PACKAGE}
"""Names that lead to the folder of a module."""
_MAKERS = ("gen", "make", "build", "update", "regen", "convert", "download", "fetch", "release")
"""Prefixes of the names of modules that generate data and are not used at run time."""
_MOST_WORDS = 200
"""How many strings a statement that looks for a file may have; one with more is a table."""


@dataclass(frozen=True)
class Namings:
    """How the modules of a package use some files.

    Attributes:
        reading: For each file, by its place, the first module that looks for it, or for its folder, next to itself.
        naming: The files that are named in any way.
    """

    reading: dict[str, str]
    naming: frozenset[str]

    @classmethod
    def of(cls, modules: Iterable[tuple[str, str]], places: Collection[str]) -> Namings:
        """Search the strings in modules for files.

        Args:
            modules: Place in site-packages and text of each module.
            places: The places of the files.
        """
        names = {PurePosixPath(place).name for place in places}
        words = {word for place in places for word in re.split(r"[/.]", place)}
        parsed = [found for place, text in modules if (found := _parsed(PurePosixPath(place), text, words)) is not None]
        shared = {name: module.folder for module in parsed for name in module.anchored if name.isupper()}
        reading: dict[str, str] = {}
        naming: set[str] = set()
        sought = [_Place.of(place) for place in places]
        for module in parsed:
            for words_in, anchored, bases in module.statements(shared):
                if not any(words & set(re.split(r"[/.]", word)) or word in names or "*" in word for word in words_in):
                    continue
                last = {word.rpartition("/")[2] for word in words_in}
                naming.update(place.whole for place in sought if place.name in last)
                if not anchored or len(words_in) > _MOST_WORDS:
                    continue
                look = _Look(words_in, bases)
                left = (place for place in sought if place.whole not in reading)
                reading.update((place.whole, str(module.path)) for place in left if look.finds(place))
        return cls(reading, frozenset(naming))

    def knows(self, place: str) -> bool:
        """Whether a file is named, or looked for, anywhere."""
        return place in self.naming or place in self.reading

    def read_by(self, place: str) -> str | None:
        """Return the module that looks for a file, or its folder, beside itself; None if none does."""
        return self.reading.get(place)


def _parsed(path: PurePosixPath, text: str, words: Collection[str]) -> _Module | None:
    """Return a parsed module if it may name one of ``words`` and does not generate data; else None."""
    if path.stem.lstrip("_").startswith(_MAKERS) or not (any(word in text for word in words) or "__file__" in text):
        return None
    try:
        return _Module(path, documents.python(text))
    except (documents.UnreadableError, RecursionError):  # nobody wrote it by hand
        return None


class _Module:
    """A module, split into statements."""

    def __init__(self, path: PurePosixPath, tree: ast.Module) -> None:
        self.path, self.folder = path, path.parent
        self._statements = [found for found in _simple(tree.body) if found.words or found.names]
        self.anchored: set[str] = set()
        for _ in range(2):  # a name may be derived from another one that is derived from the module's place
            for statement in self._statements:
                if not statement.names.isdisjoint(_ANCHORS | self.anchored):
                    self.anchored |= statement.makes

    def statements(
        self, shared: dict[str, PurePosixPath]
    ) -> Iterator[tuple[tuple[str, ...], bool, tuple[PurePosixPath, ...]]]:
        """Yield the strings of each statement, whether it leads to a module's folder, and the folders it may mean.

        Args:
            shared: Constants of other modules in the package that hold such paths, with the modules' folders.
        """
        known = _ANCHORS | self.anchored
        for statement in self._statements:
            if statement.words and statement.package in ("", self.path.parts[0].removesuffix(".py")):
                borrowed = [shared[name] for name in statement.names if name in shared]
                folders = [self.folder, *borrowed]
                dotted = (PurePosixPath(word.replace(".", "/")) for word in statement.words if word)
                bases = {base for folder in folders for base in (folder, *folder.parents)} | set(dotted)
                yield statement.words, bool(borrowed) or not statement.names.isdisjoint(known), tuple(bases)


@dataclass(frozen=True)
class _Statement:
    words: tuple[str, ...]
    names: frozenset[str]
    makes: frozenset[str]
    """The names that it assigns or defines."""
    package: str = ""
    """The top-level name of the package in which it looks for a file."""


def _simple(body: Iterable[ast.stmt]) -> Iterator[_Statement]:
    """Yield the statements in a body, nested ones too; of a compound statement, its header."""
    for node in body:
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.excepthandler))]
        own = [child for child in ast.iter_child_nodes(node) if not isinstance(child, (ast.stmt, ast.excepthandler))]
        statement = _statement(own)
        makes: set[str] = set()
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.With, ast.For)):
            makes = {name for name, stored in _named(own) if stored}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            makes = {node.name}
            within = frozenset(name for name, _ in _named(node.body))
            yield _Statement((), within, frozenset(makes))
        yield replace(statement, makes=frozenset(makes))
        if not (isinstance(node, ast.If) and "__main__" in statement.words):
            yield from _simple(child for child in inner if isinstance(child, ast.stmt))
            for child in inner:
                yield from _simple(child.body if isinstance(child, ast.ExceptHandler) else ())


def _statement(nodes: Iterable[ast.AST]) -> _Statement:
    nodes = list(nodes)
    found = (inner for node in nodes for inner in ast.walk(node))
    words = tuple(
        node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value
    )
    calls = (inner for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Call) and inner.args)
    asked = (c.args[0] for c in calls if documents.dotted(c.func).rpartition(".")[2] in _BY_PACKAGE)
    packages = [a.value for a in asked if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    package = packages[0].partition(".")[0] if packages else ""
    return _Statement(words, frozenset(name for name, _ in _named(nodes)), frozenset(), package)


def _named(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, bool]]:
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                yield inner.id, isinstance(inner.ctx, ast.Store)
            elif isinstance(inner, ast.Attribute):
                yield inner.attr, isinstance(inner.ctx, ast.Store)


@dataclass(frozen=True)
class _Place:
    """A file that is looked for, by its place in site-packages."""

    whole: str
    name: str
    folder: str
    below: frozenset[str]
    """Its parent folders, without the top-level one."""

    @classmethod
    def of(cls, place: str) -> _Place:
        """Return a file by its place."""
        path = PurePosixPath(place)
        below = frozenset(str(folder) for folder in path.parents if folder.parts[1:])
        return cls(place, path.name, str(path.parent), below)


class _Look:
    """A statement that leads to a module's folder, and what it may look for there."""

    def __init__(self, words: Iterable[str], bases: Iterable[PurePosixPath]) -> None:
        self._words = {word.strip("/") for word in words if "\0" not in word} - {""}
        self._leads = {str(base / word) for base in bases for word in self._words}
        self._folders = {*self._leads, *(word.replace(".", "/") for word in self._words)}
        self._patterns = [PurePosixPath(word).name for word in self._words if "*" in word]
        files = (word for word in self._words if "*" not in word and PurePosixPath(word).suffix)
        self._files = {word.replace(".", "/") for word in files}

    def finds(self, place: _Place) -> bool:
        """Whether it names a file, or a whole folder that holds it."""
        if place.whole in self._leads:
            return True
        if place.name in self._words:
            return place.folder in self._leads
        if not place.below.issuperset(self._files):
            return False  # it names another file
        if self._patterns and not any(fnmatchcase(place.name, pattern) for pattern in self._patterns):
            return False
        return not place.below.isdisjoint(self._folders)
