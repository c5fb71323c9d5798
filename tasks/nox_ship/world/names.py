"""Names that PyPI does not allow for a new project, as far as is known without an upload.

The rules are those of ``check_project_name`` in PyPI's ``packaging/services.py``, and of its database function
``ultranormalize_name``. The names that its administrators prohibit are not public.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path

from packaging.utils import canonicalize_name

from nox_ship import json_data
from nox_ship.errors import Finding, Kind
from nox_ship.files import write_whole
from nox_ship.world import pages, web
from nox_ship.world.refusals import NAME_FORBIDDEN

NAMES_NOT_COMPARED = Kind(
    "NS775",
    "names-not-compared",
    "To be sure, search the index for projects whose names differ only in `.`, `-`, `_`, in 1, l and i, or in 0 and o;"
    " otherwise no action is needed.",
    level="notice",
)

SECONDS = 15
"""Seconds that downloading the list of all projects may take."""
MOST = 256 << 20
"""The largest such list, in bytes; PyPI's has about 40 million."""

_FREE_SECONDS, _UNKNOWN_SECONDS = 24 * 60 * 60, 60 * 60
_LONGEST = 1000
"""The longest entry that is found across two blocks, in bytes."""
_ALIKE = {**dict.fromkeys("1li", "[1li]"), **dict.fromkeys("0o", "[0o]")}


@dataclass(frozen=True)
class _Asked:
    """The result of a search for names that are too similar: none, or unknown."""

    simple_url: str
    project: str
    at: float
    unknown: str = ""
    """Why the result is unknown; empty if the name is free."""


def refused(index: str, simple_url: str, project: str, kept: Path | None = None) -> tuple[Finding, ...]:
    """Return why an index with PyPI's rules would not allow ``project`` as a new name.

    Args:
        index: The index's display name.
        simple_url: The base of its simple API.
        project: The name of a project that it does not have.
        kept: The file that records for a day that the name is free, or for an hour that this is unknown; None to
            always ask.
    """
    if canonicalize_name(project) in _standard_library():
        what = f"{index} does not allow the name {project}: a module of the standard library has that name."
        return (NAME_FORBIDDEN(what),)
    asked = kept and _kept(kept, simple_url, project)
    if not asked:
        asked, other = _Asked(simple_url, project, time.time()), None
        try:
            other = similar(simple_url, project)
        except web.WebError as error:
            asked = replace(asked, unknown=str(error))
        if other:
            what = f"{index} does not allow the name {project}: it is too similar to the project {other}."
            return (NAME_FORBIDDEN(what),)
        if kept:
            with suppress(OSError):  # then ask again next time
                write_whole(kept, json.dumps(asdict(asked)))
    if not asked.unknown:
        return ()
    what = f"Unknown whether {project} is too similar to another project's name on {index}: {asked.unknown}."
    return (NAMES_NOT_COMPARED(what),)


def _kept(file: Path, simple_url: str, project: str) -> _Asked | None:
    try:
        found = json_data.read(_Asked, json_data.parse(file.read_bytes()))
    except (OSError, ValueError):
        return None
    young = 0 <= time.time() - found.at <= (_UNKNOWN_SECONDS if found.unknown else _FREE_SECONDS)
    return found if young and (found.simple_url, found.project) == (simple_url, project) else None


def similar(simple_url: str, project: str) -> str | None:
    """Return the name of a project that is too similar to ``project`` for PyPI; None if there is none.

    Names are too similar if they differ only in case, in separators, in ``1``, ``l`` and ``i``, or in ``0`` and ``o``.
    The list of all projects (PEP 691) is read block by block.

    Raises:
        WebError: The list is not available, not in this format, or not in time.
    """
    own, pattern = canonicalize_name(project), _pattern(project)
    found: str | None = None
    rest = b""

    def take(block: bytes) -> None:
        nonlocal rest, found
        text = rest + block
        alike = (match[1].decode("ascii") for match in pattern.finditer(text))
        found = found or next((name for name in alike if canonicalize_name(name) != own), None)
        rest = text[-_LONGEST:]

    web.scan(simple_url, take, kind=pages.JSON, most=MOST, seconds=SECONDS)
    return found


def _pattern(project: str) -> re.Pattern[bytes]:
    """Return a pattern for the names in a list of projects that are too similar to ``project``."""
    plain = re.sub(r"[._-]", "", project.lower())
    letters = "[._-]*".join(_ALIKE.get(letter) or re.escape(letter) for letter in plain)
    return re.compile(rf'"name"\s*:\s*"([._-]*{letters}[._-]*)"'.encode(), re.IGNORECASE)


@cache
def _standard_library() -> frozenset[str]:
    """Return the names of all modules, and their parents, in the standard library of any Python."""
    import stdlib_list

    modules = {module for version in stdlib_list.short_versions for module in stdlib_list.stdlib_list(version)}
    dotted = {name for module in modules for name in accumulate(module.split("."), "{}.{}".format)}
    return frozenset(canonicalize_name(name.strip("-_.")) for name in dotted)
