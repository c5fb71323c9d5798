"""Reading the files in a wheel or an sdist within limits, and recording what an index or installer would refuse."""

from __future__ import annotations

import calendar
import gzip
import hashlib
import io
import posixpath
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from nox_ship.errors import Kind, ShipError
from nox_ship.package import framing, leaks
from nox_ship.package.leaks import Suspect

BAD_ARCHIVE = Kind(
    "NS503", "bad-archive", "Run `nox -s build` again; if it fails again, report it to the build backend."
)

_MOST_METADATA = 8 << 20
_MOST_RECORDED = 32 << 20
"""The largest RECORD that is read, in bytes; enough for the maximum number of members."""
_MOST_CODE = 5 << 20
"""The largest Python file that is searched for encrypted code, in bytes, as by PyPI."""
_HEAD = 4096
"""Bytes at the beginning of a compiled file that identify its machine."""
_CHUNK = 1 << 20
_FREELY_UNPACKED, MOST_RATIO = 64 << 20, 50
"""An archive may unpack to this many bytes, or else to this many times its size."""
_MOST_MEMBERS = 200_000
_MOST_UNPACKED = 8 << 30
_TOO_MUCH = f"it unpacks to more than {_MOST_UNPACKED >> 30} GiB"
_IS_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:")
_UNPRINTABLE = re.compile(r"[\\\x00-\x1f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff]")
_COMPILED = re.compile(r"\.(?:so|pyd|dll|dylib)\Z")
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
# The marks of code encrypted by PyArmor and SourceDefender, by PyPI's rules (warehouse/utils/scanner_rules).
_PYARMOR = re.compile(rb"__pyarmor__\(__name__, __file__,|__pyarmor_(?:enter|exit|assert|bcc)__")
_SOURCEDEFENDER = tuple(b"---%s PYE FILE---" % word for word in (b"BEGIN", b"END"))  # else this file would be one


@dataclass
class Found:
    """What was found in an archive."""

    hashes: bool = True
    """Whether the members of a wheel are read to their end."""
    members: list[str] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    metadata: bytes | None = None
    size: int = 0
    unpacked: int = 0
    others: list[str] = field(default_factory=list)
    records: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    compiled: dict[str, bytes] = field(default_factory=dict)
    encrypted: list[str] = field(default_factory=list)
    sparse: list[str] = field(default_factory=list)
    ambiguous: str | None = None

    def refuse(self, name: str, why: str | None) -> None:
        """Record a member that an installer would have to refuse, if there is a reason."""
        if why:
            self.unsafe.append(f"{name.encode(errors='backslashreplace').decode()!r} {why}")

    def take(self, name: str, size: int, stream: IO[bytes], *, record: str = "", metadata: bool = False) -> bytes:
        """Record a file, reading no more of its content than needed, whatever size it claims to have.

        Args:
            name: Its name.
            size: Its claimed size.
            stream: Its content.
            record: Its name in a wheel's ``.dist-info``, if that file is read as a whole; else empty.
            metadata: Whether it is the core metadata.

        Returns:
            What was read.
        """
        self.members.append(name)
        if metadata or record:
            return self._describe(record, stream)
        if not (name.lower().endswith((".py", ".pye")) and size <= _MOST_CODE):
            content = looked_into = leaks.read(stream, name, size)
        else:
            content = stream.read(_MOST_CODE)
            looked_into = leaks.read(io.BytesIO(content), name, size)
            if _PYARMOR.search(content) or all(mark in content for mark in _SOURCEDEFENDER):
                self.encrypted.append(name)
        if suspect := leaks.examine(name, looked_into):
            self.suspects.append(suspect)
        return content

    def _describe(self, record: str, stream: IO[bytes]) -> bytes:
        most = _MOST_RECORDED if record else _MOST_METADATA
        content = stream.read(most + 1)
        if len(content) > most:
            raise tarfile.ReadError(f"its {record or 'metadata'} have more than {most >> 20} MiB")
        if record:
            self.records[record] = content
        elif self.metadata is not None:
            raise tarfile.ReadError("it contains core metadata twice")
        else:
            self.metadata = content
        return content


@dataclass
class _Handing(Found):
    """Passes each file on and keeps nothing."""

    hashes: bool = False
    each: Callable[[str, int, IO[bytes]], object] = field(kw_only=True)

    def take(self, name: str, size: int, stream: IO[bytes], *, record: str = "", metadata: bool = False) -> bytes:  # noqa: ARG002
        """Pass a file on."""
        self.each(name, size, stream)
        return b""


@dataclass(frozen=True)
class Header:
    """An archive's data about a member apart from its content.

    Attributes:
        name: Its name, without an sdist's leading folder.
        time: When it was last changed: seconds since 1970, as UTC in a wheel, whose times have no zone.
        mode: Its permissions.
        owner: Its owner and group; empty in a wheel.
        is_folder: Whether it is a folder.
        link: Its target, if it is a link.
    """

    name: str
    time: int
    mode: int
    owner: str = ""
    is_folder: bool = False
    link: str = ""


def headers(path: Path) -> list[Header]:
    """Return a wheel's or an sdist's data about its members, in its order.

    Raises:
        ShipError: It is not a readable archive (NS503).
    """
    try:
        return list((_headers_of_wheel if path.suffix == ".whl" else _headers_of_sdist)(path))
    except Exception as error:
        raise ShipError(BAD_ARCHIVE(f"{path.name} cannot be read: {error or type(error).__name__}.")) from error


def _headers_of_wheel(path: Path) -> Iterator[Header]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist()[:_MOST_MEMBERS]:
            year, month, day, *rest = info.date_time  # a date of zeros is not valid
            at = calendar.timegm((year, min(max(month, 1), 12), max(day, 1), *rest, 0, 0, 0))
            yield Header(info.filename, at, info.external_attr >> 16, is_folder=info.is_dir())


def _headers_of_sdist(path: Path) -> Iterator[Header]:
    with (
        path.open("rb") as raw,
        _Bounded(fileobj=raw) as unpacked,
        tarfile.open(fileobj=unpacked, mode="r:") as archive,
    ):
        for member in _members(archive):
            owner = f"{member.uid}:{member.gid} {member.uname}:{member.gname}"
            link = member.linkname if member.issym() or member.islnk() else ""
            name = member.name.partition("/")[2]
            yield Header(name, int(member.mtime), member.mode, owner, is_folder=member.isdir(), link=link)


def walk(path: Path, each: Callable[[str, int, IO[bytes]], object]) -> None:
    """Go through the files in a wheel or an sdist, one by one.

    Args:
        path: The wheel or sdist.
        each: Called with the name of each file, without an sdist's leading folder; its size according to the archive;
            and its content, as an open file, which must not be used later.

    Raises:
        ShipError: It is not a readable archive (NS503).
    """
    read(path, _Handing(each=each))


def read(path: Path, found: Found) -> None:
    """Read the wheel or sdist at ``path`` into ``found``.

    Raises:
        ShipError: It is not a readable archive (NS503).
    """
    try:
        (_read_wheel if path.suffix == ".whl" else _read_sdist)(path, found)
    except Exception as error:
        raise ShipError(BAD_ARCHIVE(f"{path.name} cannot be read: {error or type(error).__name__}.")) from error


def _wrong_name(name: str) -> str | None:
    """Return why a file with this name cannot be unpacked safely on every system; None if it can."""
    if _ABSOLUTE.match(name):
        return "is an absolute path"
    if ".." in name and ".." in name.split("/"):
        return "leads out of the archive"
    if _UNPRINTABLE.search(name):
        return "has a backslash or a control character in it"
    return "is not UTF-8" if _NO_CHARACTER.search(name) else None


def dist_info(file: str) -> str:
    """Return the name of the ``.dist-info`` folder that PyPI and installers expect in a wheel called ``file``."""
    return f"{'-'.join(file.split('-')[:2])}.dist-info"


def _read_wheel(path: Path, found: Found) -> None:
    with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise zipfile.BadZipFile(f"it has more than {_MOST_MEMBERS} members")
        found.size, found.unpacked = path.stat().st_size, sum(info.file_size for info in members)
        if found.unpacked > _MOST_UNPACKED:
            raise zipfile.BadZipFile(_TOO_MUCH)
        found.ambiguous = framing.fault(raw, {info.orig_filename: info for info in members})
        for info in members:
            found.refuse(info.filename, _wrong_member(info))
            if info.is_dir():
                continue
            if info.flag_bits & _ENCRYPTED:
                found.members.append(info.filename)
                continue
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"{info.filename} uses a compression method that wheels do not use")
            with archive.open(info) as stream:  # also compares the name in its header
                _take_member(path, info, stream, found)


def _take_member(path: Path, info: zipfile.ZipInfo, stream: IO[bytes], found: Found) -> None:
    """Read a member of a wheel to its end, unless the wheel unpacks to more than a wheel would."""
    name = info.filename
    folder, _, last = name.partition("/")
    record = last if last in ("WHEEL", "RECORD", "entry_points.txt") and folder == dist_info(path.name) else ""
    metadata = _IS_METADATA.fullmatch(name) is not None
    content = found.take(name, info.file_size, stream, record=record, metadata=metadata)
    if _COMPILED.search(name):
        content += stream.read(max(_HEAD - len(content), 0))
        found.compiled[name] = content[:_HEAD]
    if not found.hashes or unpacks_to_too_much(found.size, found.unpacked):
        return
    digest = hashlib.sha256(content)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    found.digests[name] = digest.digest()


def unpacks_to_too_much(size: int, unpacked: int) -> bool:
    """Whether PyPI would treat a file as a zip bomb; small ones may compress very well."""
    return unpacked > _FREELY_UNPACKED and unpacked > MOST_RATIO * size


def _wrong_member(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if not info.orig_filename.isascii() and not info.flag_bits & _UTF8_NAME:
        return "is not UTF-8"
    return _wrong_name(info.orig_filename)


def _read_sdist(path: Path, found: Found) -> None:
    """Read an sdist, which is a gzipped tar with one folder at its top (PEP 625)."""
    tops: set[str] = set()
    with path.open("rb") as raw:
        found.size, found.ambiguous = path.stat().st_size, "it is also a ZIP" if _is_zip(raw) else None
        raw.seek(0)
        with _Bounded(fileobj=raw) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as archive:
            for member in _members(archive):
                top, _, name = member.name.partition("/")
                tops.add(top)
                found.refuse(member.name, _wrong_entry(member))
                if member.issparse():
                    found.sparse.append(name)
                if member.isfile() and name and (stream := archive.extractfile(member)):
                    found.take(name, member.size, stream, metadata=name == "PKG-INFO")
                else:
                    found.others.append(name)
    if len(tops) > 1:
        found.refuse(sorted(tops)[1], "is a second folder at the top")


def _is_zip(stream: IO[bytes]) -> bool:
    """Whether a file can be opened as a ZIP and has members; a signature alone may be chance."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return bool(archive.infolist())
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is no ZIP
        return False


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members one by one without keeping them, as `tarfile` would."""
    for _ in range(_MOST_MEMBERS):
        if (member := archive.next()) is None:
            return
        yield member
        archive.members.clear()  # type: ignore[attr-defined]
    raise tarfile.ReadError(f"it has more than {_MOST_MEMBERS} members")


def _wrong_entry(member: tarfile.TarInfo) -> str | None:
    """Return why an entry must not be unpacked (PEP 721); links within the archive may be."""
    if why := _wrong_name(member.name):
        return why
    if not (member.issym() or member.islnk()):
        return None if member.isfile() or member.isdir() else "is a device"
    start = posixpath.dirname(member.name) if member.issym() else ""
    target = posixpath.normpath(posixpath.join(start, member.linkname))
    leads_out = target.startswith("/") or target.partition("/")[0] == ".."
    return "is a link that leads out of the archive" if leads_out else None


class _Bounded(gzip.GzipFile):
    """A gzip file that refuses to read oversized headers, or more than some GiB."""

    _in_a_row = 0
    """Bytes that were read since the last seek: newer Pythons read a header in parts, with none between them."""

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes; a request for too many comes from a bad header."""
        if size is None or size < 0 or self._in_a_row + size > _MOST_METADATA * 2:
            raise tarfile.ReadError("a header in it is too large")
        self._in_a_row += size
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek within the limit: seeking unpacks everything before the target."""
        if offset > _MOST_UNPACKED:
            raise tarfile.ReadError(_TOO_MUCH)
        self._in_a_row = 0
        return super().seek(offset, whence)
