"""What can be compared between the wheels or sdists of two releases: files, sizes, metadata, entry points."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from nox_ship.package.contents import EXTRA
from nox_ship.package.unpacking import walk

_MOST_TEXT = 1 << 20
"""Bytes that are read of the metadata, and of the entry points."""
_MOST_LINES = 2000
"""Requirements and entry points that are read."""

# Rewritten by each build, compared in another form, or different on each machine (auditwheel, delocate, delvewheel).
_APART = re.compile(
    r"[^/]+\.dist-info/(?:RECORD(?:\.\w+)?|METADATA|WHEEL|entry_points\.txt|top_level\.txt)"
    r"|PKG-INFO|(?:[^/]+/)*[^/]+\.egg-info/.*|(?:[^/]+/)*(?:[^/]+\.libs|\.dylibs)/.*"
)
_DIST_INFO = re.compile(r"[^/]+(?=\.(?:dist-info|data)/)")
_INSTALLED_AT_TOP = re.compile(r"\.data/(?:purelib|platlib)/")
_BUILT_FOR = re.compile(r"(?:\.(?:cpython-|cp|pypy|pp|abi)\d[\w-]*|\.cpython-\w+)?\.(?:so|pyd)$")
"""The part of a compiled module's name for the Python and the platform that it was built for."""


@dataclass(frozen=True)
class Inventory:
    """The content of a wheel or an sdist, under names without the version.

    Attributes:
        path: The file.
        size: Its size in bytes.
        sizes: The size of each file in it, by its name without the version and, in an sdist, the top folder; metadata,
            and files that a tool made for one machine, are left out.
        metadata: Its core metadata.
        entry_points: The object reference of each entry point, by group and name.
    """

    path: Path
    size: int
    sizes: Mapping[str, int]
    metadata: Message = field(repr=False)
    entry_points: Mapping[tuple[str, str], str]

    @classmethod
    def read(cls, path: Path) -> Inventory:
        """Read the wheel or sdist at ``path``.

        Raises:
            ShipError: It is not a readable archive (NS503).
        """
        sizes: dict[str, int] = {}
        texts: dict[str, str] = {}

        def take(name: str, size: int, stream: IO[bytes]) -> None:
            info, _, rest = name.partition("/")
            of_wheel = info.endswith(".dist-info") and rest in ("METADATA", "entry_points.txt")
            if of_wheel or name == "PKG-INFO":
                texts[rest or "METADATA"] = stream.read(_MOST_TEXT).decode("utf-8", errors="replace")
            if not _APART.fullmatch(name):
                sizes[_common(name)] = size

        walk(path, take)
        metadata = HeaderParser().parsestr(texts.get("METADATA", ""))
        return cls(path, path.stat().st_size, sizes, metadata, _entry_points(texts.get("entry_points.txt", "")))

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel."""
        return self.path.suffix == ".whl"

    @cached_property
    def modules(self) -> frozenset[str]:
        """The dotted names of the modules that a wheel installs; none for an sdist."""
        names = (_module(name) for name in self.sizes) if self.is_wheel else ()
        return frozenset(name for name in names if name)

    @cached_property
    def requirements(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """The normalised requirements, by the distribution's normalised name and the extra.

        The extra is empty for what is always required; the key of a requirement that cannot be parsed is its text.
        """
        found: dict[tuple[str, str], set[str]] = {}
        for line in self.values("Requires-Dist")[:_MOST_LINES]:
            extra = EXTRA.search(line)
            name, text = _spelled(line)
            found.setdefault((name, canonicalize_name(extra[1]) if extra else ""), set()).add(text)
        return {key: tuple(sorted(texts)) for key, texts in found.items()}

    def values(self, key: str) -> list[str]:
        """Return the values of a field of the metadata, each on one line."""
        return [" ".join(str(value).split()) for value in self.metadata.get_all(key, ())]


def _common(name: str) -> str:
    """Return the name of a file without the version, and without the tags of a Python or platform."""
    common = _DIST_INFO.sub("", name, count=1) if _DIST_INFO.match(name) else name
    return _BUILT_FOR.sub(".so", _INSTALLED_AT_TOP.sub("", common) if common.startswith(".data/") else common)


def _module(name: str) -> str:
    """Return the dotted name of a module; empty if the file is not one."""
    path = PurePosixPath(name)
    if path.suffix not in (".py", ".so") or path.stem.endswith("__mypyc"):  # mypyc names it by a hash of the sources
        return ""
    parts = path.parts[:-1] if path.name == "__init__.py" else (*path.parts[:-1], path.stem)
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _spelled(line: str) -> tuple[str, str]:
    """Return the name of the distribution that a line requires, and the line in a normal form."""
    try:
        parsed = Requirement(line)
    except (InvalidRequirement, RecursionError):
        return line, line
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    where = f" @ {parsed.url}" if parsed.url else f"{parsed.specifier}"
    name = canonicalize_name(parsed.name)
    return name, f"{name}{extras}{where}" + (f"; {parsed.marker}" if parsed.marker else "")


def _entry_points(text: str) -> dict[tuple[str, str], str]:
    """Return the object reference of each entry point, by group and name; nothing if the file cannot be read."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return {}
    found = ((group, name, value) for group in parser.sections() for name, value in parser.items(group))
    return {(group, name): " ".join(value.split()) for group, name, value in _first(found)}


def _first(found: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [entry for entry, _ in zip(found, range(_MOST_LINES), strict=False)]
