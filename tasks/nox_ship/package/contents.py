"""The content of a wheel or an sdist: its members and its core metadata."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from nox_ship.errors import ShipError
from nox_ship.package import unpacking
from nox_ship.package.leaks import Suspect
from nox_ship.package.unpacking import BAD_ARCHIVE, Found, dist_info

EXTRA = re.compile(r"""\bextra\s*==\s*["']([\w.-]+)""")
"""The extra that a line of `Requires-Dist` is for; the line may be invalid."""


@dataclass(frozen=True)
class Archive:
    """A wheel or an sdist, read once.

    Attributes:
        path: The file.
        members: Names of the files in it; an sdist's without its leading folder.
        metadata: Its core metadata: ``METADATA`` of a wheel, ``PKG-INFO`` of an sdist.
        suspects: Members that are secrets, or look like them.
        unsafe: Members that an installer would have to refuse, each with the reason.
        described: The text of its core metadata.
        size: Its size in bytes.
        unpacked: The total size of a wheel's members, in bytes, according to the wheel.
        others: The names of an sdist's folders and links, without its leading folder.
        records: The content of a wheel's ``WHEEL``, ``RECORD`` and ``entry_points.txt``, by these names.
        digests: The SHA-256 of each member of a wheel; empty if it unpacks to too much.
        compiled: The beginning of each compiled file in a wheel, by its name.
        encrypted: Python files with code encrypted by PyArmor or SourceDefender.
        sparse: Members of an sdist that are stored as sparse files.
        ambiguous: Why another program might find other files in it; None if none would.
    """

    path: Path
    members: tuple[str, ...]
    metadata: Message
    suspects: tuple[Suspect, ...]
    unsafe: tuple[str, ...]
    described: bytes = b""
    size: int = 0
    unpacked: int = 0
    others: tuple[str, ...] = ()
    records: Mapping[str, bytes] = field(default_factory=dict)
    digests: Mapping[str, bytes] = field(default_factory=dict)
    compiled: Mapping[str, bytes] = field(default_factory=dict)
    encrypted: tuple[str, ...] = ()
    sparse: tuple[str, ...] = ()
    ambiguous: str | None = None

    @classmethod
    def read(cls, path: Path) -> Archive:
        """Read the wheel or sdist at ``path``.

        Raises:
            ShipError: It is not a readable archive or has no metadata (NS503).
        """
        found = Found()
        unpacking.read(path, found)
        if found.metadata is None:
            raise ShipError(BAD_ARCHIVE(f"{path.name} contains no core metadata."))
        metadata = HeaderParser().parsestr(found.metadata.decode("utf-8", errors="replace"))  # PEP 566: it is UTF-8
        return cls(
            path,
            tuple(found.members),
            metadata,
            tuple(found.suspects),
            tuple(found.unsafe),
            described=found.metadata,
            size=found.size,
            unpacked=found.unpacked,
            others=tuple(found.others),
            records=found.records,
            digests=found.digests,
            compiled=found.compiled,
            encrypted=tuple(found.encrypted),
            sparse=tuple(found.sparse),
            ambiguous=found.ambiguous,
        )

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel, by its name."""
        return self.path.suffix == ".whl"

    @property
    def irregular(self) -> bool:
        """Whether members have unsafe or duplicate names, which other checks report."""
        return bool(self.unsafe) or len(set(self.members)) < len(self.members)

    @property
    def dist_info(self) -> str:
        """The name of the ``.dist-info`` folder that a wheel with this file name should have."""
        return dist_info(self.path.name)

    @property
    def name(self) -> str:
        """The distribution's name in the metadata."""
        return str(self.metadata["Name"])

    @property
    def version(self) -> str:
        """The version in the metadata."""
        return str(self.metadata["Version"])

    @cached_property
    def extras(self) -> dict[str, frozenset[str]]:
        """The names of each extra's requirements, by the extra's name; all normalised."""
        names = map(str, self.metadata.get_all("Provides-Extra", ()))
        found: dict[str, set[str]] = {canonicalize_name(name): set() for name in names}
        for line in map(str, self.metadata.get_all("Requires-Dist", ())):
            required = canonicalize_name(re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0])
            for extra in EXTRA.findall(line):
                found.get(canonicalize_name(extra), set()).add(required)
        return {name: frozenset(required) for name, required in found.items()}

    @cached_property
    def top_level(self) -> tuple[str, ...]:
        """A wheel's importable top-level names; of a namespace without code, the packages below it."""
        code = [PurePosixPath(name) for name in self.importable]
        packages = {path.parent for path in code}
        found = {_importable_name(path, packages) for path in code}
        return tuple(sorted(name for name in found if name))

    @cached_property
    def importable(self) -> tuple[str, ...]:
        """A wheel's modules: Python files and compiled extensions, at their place in site-packages."""
        suffixes = (".py", ".so", ".pyd")
        return tuple(
            name
            for name in self.members
            if name.endswith(suffixes) and not PurePosixPath(name).parts[0].endswith((".data", ".dist-info"))
        )


def _importable_name(path: PurePosixPath, packages: Collection[PurePosixPath]) -> str | None:
    if len(path.parts) == 1:
        name = path.name.split(".")[0]
        return name if name.isidentifier() else None
    for depth in range(1, len(path.parts)):
        package = PurePosixPath(*path.parts[:depth])
        if package in packages:
            return ".".join(package.parts) if all(part.isidentifier() for part in package.parts) else None
    return None
