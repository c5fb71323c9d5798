"""Reading wheels and sdists: their members and their core metadata."""

from __future__ import annotations

import gzip
import posixpath
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO

from packaging.utils import canonicalize_name

from nox_ship.errors import Kind, ShipError
from nox_ship.package import leaks
from nox_ship.package.leaks import Suspect

BAD_ARCHIVE = Kind("NS503", "bad-archive", "Run `nox -s build` again; report it to the build back end if it stays.")

_MOST_METADATA = 8 << 20
_MOST_MEMBERS = 200_000
_MOST_UNPACKED = 8 << 30
_IS_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_EXTRA = re.compile(r"""\bextra\s*==\s*["']([\w.-]+)""")
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1


@dataclass(frozen=True)
class Archive:
    """A wheel or an sdist, read once.

    Attributes:
        path: The file.
        members: Names of the files in it; an sdist's without its leading folder.
        metadata: Its core metadata: ``METADATA`` of a wheel, ``PKG-INFO`` of an sdist.
        suspects: Members that are secrets, or look like them.
        unsafe: Members that an installer would have to refuse, each with the reason.
    """

    path: Path
    members: tuple[str, ...]
    metadata: Message
    suspects: tuple[Suspect, ...]
    unsafe: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Archive:
        """Read the wheel or sdist at ``path``.

        Raises:
            ShipError: It is not a readable archive or has no metadata (NS503).
        """
        found = _Found()
        _read(path, found)
        if found.metadata is None:
            raise ShipError(BAD_ARCHIVE(f"{path.name} holds no core metadata."))
        metadata = HeaderParser().parsestr(found.metadata.decode("utf-8", errors="replace"))  # PEP 566: it is UTF-8
        return cls(path, tuple(found.members), metadata, tuple(found.suspects), tuple(found.unsafe))

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
        """The names of what each extra requires, by the extra's name; all of them normalised."""
        names = map(str, self.metadata.get_all("Provides-Extra", ()))
        found: dict[str, set[str]] = {canonicalize_name(name): set() for name in names}
        for line in map(str, self.metadata.get_all("Requires-Dist", ())):
            required = canonicalize_name(re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0])
            for extra in _EXTRA.findall(line):
                found.get(canonicalize_name(extra), set()).add(required)
        return {name: frozenset(required) for name, required in found.items()}

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


@dataclass
class _Found:
    """What was found in an archive so far."""

    members: list[str] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    metadata: bytes | None = None

    def refuse(self, name: str, why: str | None) -> None:
        """Note a member that an installer would have to refuse, where there is a reason."""
        if why:
            self.unsafe.append(f"{name.encode(errors='backslashreplace').decode()!r} {why}")

    def take(self, name: str, size: int, stream: IO[bytes], *, metadata: bool) -> None:
        """Note a file; of its content no more is read than is needed, whatever size it claims to have."""
        self.members.append(name)
        if metadata:
            if self.metadata is not None:
                raise tarfile.ReadError("it holds core metadata twice")
            self.metadata = stream.read(_MOST_METADATA + 1)
            if len(self.metadata) > _MOST_METADATA:
                raise tarfile.ReadError(f"its metadata have more than {_MOST_METADATA >> 20} MiB")
        elif leaks.is_read(name, size) and (suspect := leaks.examine(name, stream.read(leaks.MOST))):
            self.suspects.append(suspect)


@dataclass
class _Handing(_Found):
    """Hands each file on, and keeps nothing."""

    each: Callable[[str, int, IO[bytes]], object] = field(kw_only=True)

    def take(self, name: str, size: int, stream: IO[bytes], *, metadata: bool) -> None:  # noqa: ARG002
        """Hand a file on."""
        self.each(name, size, stream)


def walk(path: Path, each: Callable[[str, int, IO[bytes]], object]) -> None:
    """Go through the files in a wheel or an sdist, one by one.

    Args:
        path: The wheel or sdist.
        each: Handed the name of each, an sdist's without its leading folder; the size that the archive tells; and
            what is in it, as an open file, which must not be used later.

    Raises:
        ShipError: It is not a readable archive (NS503).
    """
    _read(path, _Handing(each=each))


def _read(path: Path, found: _Found) -> None:
    try:
        (_read_wheel if path.suffix == ".whl" else _read_sdist)(path, found)
    except Exception as error:
        raise ShipError(BAD_ARCHIVE(f"{path.name} cannot be read: {error or type(error).__name__}.")) from error


def _wrong_name(name: str) -> str | None:
    """Return why a file of this name cannot be unpacked in one place on every system."""
    path = PurePosixPath(name)
    if path.is_absolute() or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in path.parts:
        return "leads out of the archive"
    if "\\" in name or any(ord(character) < ord(" ") for character in name):
        return "has a backslash or a control character in it"
    return None if _is_unicode(name) else "is not UTF-8"


def _is_unicode(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _read_wheel(path: Path, found: _Found) -> None:
    with zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > _MOST_MEMBERS:
            raise zipfile.BadZipFile(f"it has more than {_MOST_MEMBERS} members")
        for info in archive.infolist():
            found.refuse(info.filename, _wrong_member(info))
            if info.is_dir():
                continue
            if info.flag_bits & _ENCRYPTED:
                found.members.append(info.filename)
                continue
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"{info.filename} is compressed in a way that wheels are not")
            metadata = _IS_METADATA.fullmatch(info.filename) is not None
            with archive.open(info) as stream:  # also compares the two places that tell its name
                found.take(info.filename, info.file_size, stream, metadata=metadata)


def _wrong_member(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if not info.orig_filename.isascii() and not info.flag_bits & _UTF8_NAME:
        return "is not UTF-8"
    return _wrong_name(info.orig_filename)


def _read_sdist(path: Path, found: _Found) -> None:
    """Read an sdist, which is a gzipped tar with one folder at its top (PEP 625)."""
    tops: set[str] = set()
    with _Bounded(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as archive:
        for member in _members(archive):
            top, _, name = member.name.partition("/")
            tops.add(top)
            found.refuse(member.name, _wrong_entry(member))
            if member.isfile() and name and (stream := archive.extractfile(member)):
                found.take(name, member.size, stream, metadata=name == "PKG-INFO")
    if len(tops) > 1:
        found.refuse(sorted(tops)[1], "is a second folder at the top")


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members one by one, and forget them: a tar keeps all that it has seen."""
    for _ in range(_MOST_MEMBERS):
        if (member := archive.next()) is None:
            return
        yield member
        archive.members.clear()  # type: ignore[attr-defined]
    raise tarfile.ReadError(f"it has more than {_MOST_MEMBERS} members")


def _wrong_entry(member: tarfile.TarInfo) -> str | None:
    """Return why an entry must not be unpacked (PEP 721); links within the archive may."""
    if why := _wrong_name(member.name):
        return why
    if not (member.issym() or member.islnk()):
        return None if member.isfile() or member.isdir() else "is a device"
    start = posixpath.dirname(member.name) if member.issym() else ""
    target = posixpath.normpath(posixpath.join(start, member.linkname))
    leads_out = target.startswith("/") or target.partition("/")[0] == ".."
    return "is a link that leads out of the archive" if leads_out else None


class _Bounded(gzip.GzipFile):
    """A packed file of which no header of unusual size, and no more than some GiB, is read."""

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes; whoever asks for many is misled by a header."""
        if size is None or not 0 <= size <= _MOST_METADATA * 2:
            raise tarfile.ReadError("a header in it is too large")
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, which takes time where it is far away."""
        if offset > _MOST_UNPACKED:
            raise tarfile.ReadError(f"it unpacks to more than {_MOST_UNPACKED >> 30} GiB")
        return super().seek(offset, whence)
