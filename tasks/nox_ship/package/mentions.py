"""Whether a wheel uses its requirements: which modules a distribution provides, and whether anything names them.

Nothing is guessed: if it is unknown what a distribution provides, or what a wheel imports, nothing is reported.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO

from packaging.utils import canonicalize_name

from nox_ship import documents
from nox_ship.documents import UnreadableError
from nox_ship.package.inventory import Inventory
from nox_ship.package.unpacking import walk

_MOST_FILE, _MOST_ALL = 1 << 20, 64 << 20
"""How many bytes of one file, and of all files, are searched."""
_MOST_DISTRIBUTIONS = 2000

_METADATA = re.compile(r"[^/]+\.dist-info/|PKG-INFO$")
_PROSE = (".md", ".rst", ".txt", ".html")
_COMMANDS = ("console_scripts", "gui_scripts")


@dataclass(frozen=True)
class Installed:
    """The distributions installed on this machine.

    Attributes:
        sites: Folders of installed packages (``site-packages``).
    """

    sites: tuple[Path, ...] = ()

    @cached_property
    def _infos(self) -> tuple[dict[str, Path], ...]:
        """The ``.dist-info`` of each distribution, by normalised name, for each folder."""
        return tuple(map(_infos, self.sites))

    def modules(self, distribution: str) -> frozenset[str]:
        """Return the top-level modules that a distribution installs.

        Args:
            distribution: Its normalised name.

        Returns:
            Nothing if that is unknown: it is not installed, has no modules, or is a plug-in that another program finds
            by its entry points.
        """
        own = next((infos[distribution] for infos in self._infos if distribution in infos), None)
        return frozenset() if own is None or _is_plug_in(own) else _top_level(own)

    def comes_along(self, distribution: str, apart: str) -> bool:
        """Whether a distribution other than ``apart`` requires it: the project may only constrain its version."""
        return any(
            distribution in _required(info)
            for infos in self._infos
            for name, info in infos.items()
            if distribution in infos and name not in (distribution, apart)
        )


def _infos(site: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    with suppress(OSError):
        for path in sorted(site.glob("*.dist-info"))[:_MOST_DISTRIBUTIONS]:
            found[canonicalize_name(path.name.removesuffix(".dist-info").partition("-")[0])] = path
    return found


def _read(path: Path) -> str:
    """Return the beginning of a file; empty if there is no such file."""
    if not documents.is_file(path):
        return ""
    try:
        with path.open("rb") as stream:
            return stream.read(_MOST_FILE).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _top_level(info: Path) -> frozenset[str]:
    found = set()
    with suppress(csv.Error):
        for row in csv.reader(_read(info / "RECORD").splitlines()):
            path = PurePosixPath(row[0] if row else "")
            if path.suffix in (".py", ".so", ".pyd"):
                found.add(path.parts[0].partition(".")[0] if len(path.parts) == 1 else path.parts[0])
    return frozenset(name for name in found if name.isidentifier())


def _is_plug_in(info: Path) -> bool:
    groups = re.findall(r"^\[([^\]\n]+)\]", _read(info / "entry_points.txt"), re.MULTILINE)
    return any(group.strip() not in _COMMANDS for group in groups)


def _required(info: Path) -> set[str]:
    """Return the names of what an installed distribution requires without extras."""
    lines = map(str, HeaderParser().parsestr(_read(info / "METADATA")).get_all("Requires-Dist", ()))
    return {
        canonicalize_name(re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0]) for line in lines if "extra" not in line
    }


def named(wheel: Inventory, words: Collection[str]) -> frozenset[str]:
    """Return those of ``words`` that a wheel's code or settings name: in an import or a string, but not a docstring.

    If that is unknown, all of them are returned: a compiled module may import anything.

    Args:
        wheel: The wheel.
        words: Names of modules, or of distributions.

    Raises:
        ShipError: It is not a readable archive (NS503).
    """
    if any(name.endswith(".so") for name in wheel.sizes) or not any(name.endswith(".py") for name in wheel.sizes):
        return frozenset(words)
    values = " ".join(wheel.entry_points.values()).encode(errors="replace")
    search = _Search({*words})
    search.look("entry points", values)
    size = 0

    def take(name: str, told: int, stream: IO[bytes]) -> None:
        nonlocal size
        if not search.left or _METADATA.match(name) or name.endswith(_PROSE):
            return
        content = stream.read(_MOST_FILE)
        size += len(content)
        if told > _MOST_FILE or size > _MOST_ALL:
            search.left.clear()
        search.look(name, content)

    walk(wheel.path, take)
    return frozenset(words) - search.left


class _Search:
    """Words that have not been found so far."""

    def __init__(self, words: set[str]) -> None:
        self.left = words

    def look(self, name: str, content: bytes) -> None:
        """Remove the words that a file names."""
        small = content.lower()
        likely = (word for word in self.left if word.lower().encode() in small)  # a hundred times faster
        there = {word for word in likely if _word(word).search(content)}
        if there:
            self.left -= _by_code(content, there) if name.endswith((".py", ".pyi")) else there


def _word(word: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?<!\w)%s(?!\w)" % re.escape(word.encode()), re.IGNORECASE)


def _by_code(content: bytes, words: set[str]) -> set[str]:
    """Return the words that code names, but not its comments and docstrings."""
    try:
        tree = documents.python(content.decode("utf-8", errors="replace"))
    except UnreadableError:
        return words
    texts = "\n".join(_texts(tree)).encode(errors="replace")
    return {word for word in words if _word(word).search(texts)}


def _texts(tree: ast.Module) -> Iterator[str]:
    """Yield the names of imports, and every string except docstrings."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
