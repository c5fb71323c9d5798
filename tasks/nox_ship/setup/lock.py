"""The lock: what the workflows' jobs install, each file by its SHA-256.

The lines for its dependencies are shipped with it, resolved for every Python and system (`nox -s lock`). The line
for nox-ship itself is added from what the index serves, since a package cannot contain its own hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import Version

from nox_ship import versions
from nox_ship.setup.templates import template

FILE = ".github/nox-ship.txt"
"""The path of the lock in the repository; it is for pip's ``--require-hashes``, and has no addresses."""

Hashes = Callable[[str], tuple[str, ...]]
"""Returns the SHA-256 of each wheel of a nox-ship version on the index; empty if it has none."""

_OWN = "nox-ship"
_HEADER = """\
# Written by nox-ship. It lists what the jobs of its workflows install, with hashes, for every system and Python.
# `nox-ship init` updates it; Dependabot updates only nox-ship.
"""
_ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)(?P<marker>[ \t]*;[^\\\n]*)?"
    r"(?P<hashes>(?:[ \t]*\\\n[ \t]+--hash=sha256:[0-9a-f]{64})+)[ \t]*$",
    re.MULTILINE,
)
_MISSING = "# nox-ship=={version} is not on the index yet: run `nox-ship init` again when it is."


@dataclass(frozen=True)
class Entry:
    """One locked package."""

    name: str
    version: Version
    marker: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """The identity of the package: a name can occur once for each marker."""
        return self.name, self.marker


def entries(text: str) -> Iterator[Entry]:
    """Yield the packages in a lock; other lines are skipped."""
    for match in _ENTRY.finditer(text.replace("\r\n", "\n")):
        if version := versions.parse(match["version"]):
            marker = " ".join((match["marker"] or "").split())
            yield Entry(canonicalize_name(match["name"]), version, marker, match[0])


def rendered(version: str, hashes: Hashes, old: str = "", *, pinned: bool = False) -> str:
    """Return the lock for workflows that install a version of nox-ship.

    Newer entries of the existing lock, such as Dependabot's, are kept.

    Args:
        version: The version of nox-ship.
        hashes: Called if the existing lock does not have this version or a newer one.
        old: The existing lock.
        pinned: Whether it must be this version and no newer one.
    """
    theirs = {entry.key: entry for entry in entries(old)}
    own = theirs.pop((_OWN, ""), None)
    wanted = Version(version)
    if own is not None and (own.version == wanted or (own.version > wanted and not pinned)):
        first = own.text
    elif found := hashes(version):
        first = " \\\n    ".join([f"{_OWN}=={version}", *(f"--hash=sha256:{sha256}" for sha256 in sorted(found))])
    elif own is not None:
        first = own.text
    else:
        first = _MISSING.format(version=version)
    newest = [max(entry, theirs.get(entry.key, entry), key=lambda each: each.version) for entry in entries(_shipped())]
    return "\n".join([_HEADER + first, *(entry.text for entry in newest), ""])


def locked_version(text: str) -> Version | None:
    """Return the version of nox-ship in a lock; None if it has none, so that jobs could not install it."""
    return next((entry.version for entry in entries(text) if entry.name == _OWN), None)


def _shipped() -> str:
    return template("lock.txt")
