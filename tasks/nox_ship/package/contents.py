"""Reading wheels and sdists: their members and their core metadata."""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from functools import cached_property
from pathlib import Path, PurePosixPath

from nox_ship.errors import Kind, ShipError

BAD_ARCHIVE = Kind("NS503", "bad-archive", "Run `nox -s build` again; report it to the build back end if it stays.")

_SECRET_SIZE_LIMIT = 64 * 1024
_IS_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_DAMAGED = (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


@dataclass(frozen=True)
class Archive:
    """A wheel or an sdist, read once.

    Attributes:
        path: The file.
        members: Names of the files in it; an sdist's without its leading folder.
        metadata: Its core metadata: ``METADATA`` of a wheel, ``PKG-INFO`` of an sdist.
        small: Contents of the members that could be a key or a password file, by name.
    """

    path: Path
    members: tuple[str, ...]
    metadata: Message
    small: dict[str, bytes]

    @classmethod
    def read(cls, path: Path) -> Archive:
        """Read the wheel or sdist at ``path``.

        Raises:
            ShipError: It is not a readable archive or has no metadata (NS503).
        """
        try:
            contents = _wheel(path) if path.suffix == ".whl" else _sdist(path)
        except _DAMAGED as error:
            raise ShipError(BAD_ARCHIVE(f"{path.name} cannot be read: {error}.")) from error
        members, metadata, small = contents
        if metadata is None:
            raise ShipError(BAD_ARCHIVE(f"{path.name} holds no core metadata."))
        return cls(path, tuple(members), BytesParser().parsebytes(metadata), small)

    @property
    def name(self) -> str:
        """The distribution's name in the metadata."""
        return str(self.metadata["Name"])

    @property
    def version(self) -> str:
        """The version in the metadata."""
        return str(self.metadata["Version"])

    @cached_property
    def top_level(self) -> tuple[str, ...]:
        """A wheel's importable top-level names; of a namespace without code, the packages below it."""
        code = [PurePosixPath(name) for name in self.importable]
        found = {_importable_name(path, code) for path in code}
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


def _importable_name(path: PurePosixPath, code: list[PurePosixPath]) -> str | None:
    if len(path.parts) == 1:
        name = path.name.split(".")[0]
        return name if name.isidentifier() else None
    for depth in range(1, len(path.parts)):
        package = PurePosixPath(*path.parts[:depth])
        if any(other.parent == package for other in code):
            return ".".join(package.parts) if all(part.isidentifier() for part in package.parts) else None
    return None


def _worth_reading(name: str, size: int) -> bool:
    return size <= _SECRET_SIZE_LIMIT and not name.endswith((".py", ".pyi", ".md", ".rst"))


def _wheel(path: Path) -> tuple[list[str], bytes | None, dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        metadata = next((i for i in infos if _IS_METADATA.fullmatch(i.filename)), None)
        small = {i.filename: archive.read(i) for i in infos if _worth_reading(i.filename, i.file_size)}
        return [i.filename for i in infos], archive.read(metadata) if metadata else None, small


def _sdist(path: Path) -> tuple[list[str], bytes | None, dict[str, bytes]]:
    names: list[str] = []
    small: dict[str, bytes] = {}
    metadata = None
    with tarfile.open(path) as archive:
        for member in archive:
            _, _, name = member.name.partition("/")
            if not member.isfile() or not name:
                continue
            names.append(name)
            stream = archive.extractfile(member)
            if stream is None:
                continue
            if name == "PKG-INFO":
                metadata = stream.read()
            elif _worth_reading(name, member.size):
                small[name] = stream.read()
    return names, metadata, small
