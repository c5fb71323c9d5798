"""Requirements files (https://pip.pypa.io/en/stable/reference/requirements-file-format/)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from nox_ship import documents
from nox_ship.errors import ShipError
from nox_ship.project import Project

_INCLUDED = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:[\s=]+|(?=[^\s=]))(.+)")
_USUAL = (r"tests?|testing", r"dev|develop|development", r"ci|all")
_MOST = 50
"""How many files may include one another."""


def unusable(project: Project, name: str) -> str | None:
    """Return why installers cannot read a requirements file, in words; None if they can."""
    waiting, seen = [PurePosixPath(name)], set[str]()
    while waiting and len(seen) < _MOST:
        file = waiting.pop()
        if str(file) in seen:
            continue
        seen.add(str(file))
        try:
            content = documents.read_bytes(project.root / file)
        except (ShipError, ValueError):
            return f"{file} cannot be read"
        if content is None:
            of = f", which {name} names," if str(file) != name else ""
            return f"{file}{of} does not exist"
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return f"{file} is not UTF-8"
        found = (match[1].strip() for line in text.splitlines() if (match := _INCLUDED.fullmatch(_plain(line))))
        waiting += [file.parent / inner for inner in found if "://" not in inner and "$" not in inner]
    return None


def lines(project: Project, name: str) -> Iterator[str]:
    """Yield the requirements in a file, without those that it includes."""
    for line in project.read_text(name).splitlines():
        if (text := _plain(line)) and not text.startswith("-"):
            yield text.partition(" --hash")[0].rstrip("\\ ")


def usual(project: Project) -> str | None:
    """Return the requirements file for the tests, by its name, else for development; None without one."""
    folders = [project.root, project.root / "requirements", project.root / "tests"]
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.txt"))]
    names = [path.relative_to(project.root).as_posix() for path in files if path.is_file()]
    names = [name for name in names if "requirement" in name]
    for pattern in _USUAL:
        for name in names:
            if re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", name.lower()):
                return name
    return None


def _plain(line: str) -> str:
    return re.sub(r"(?:^|\s)#.*$", "", line).strip()
