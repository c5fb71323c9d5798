"""A wheel or sdist that is unpacked, and packed again with a fault in it.

This module needs only Python, because a build backend that damages what it builds has a copy of it.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

Change = Callable[["Draft"], None]
"""A change that puts a fault into a file."""
SUMMARY = "A sample"


@dataclass
class Draft:
    """A built file whose parts can be changed before it is packed."""

    file: str
    """The name of the file."""
    members: dict[str, bytes]
    """The content of the members, by full name."""
    described: str
    """The name of the member that contains the core metadata."""
    repeated: list[tuple[str, bytes]] = field(default_factory=list)
    """Members to add a second time."""
    record: bool = True
    """Whether to rewrite RECORD."""
    method: int = zipfile.ZIP_DEFLATED
    comment: bytes = b""
    """The comment of each member of a wheel."""
    sparse: str = ""
    """The member of an sdist to store as a sparse file."""
    after: list[Callable[[bytes], bytes]] = field(default_factory=list)
    """Changes to the packed file as a whole."""

    @classmethod
    def read(cls, path: Path) -> Draft:
        """Unpack a good file."""
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
            return cls(path.name, members, f"{'-'.join(path.name.split('-')[:2])}.dist-info/METADATA")
        with tarfile.open(path) as tar:
            files = [(entry.name, tar.extractfile(entry)) for entry in tar.getmembers()]
            members = {name: stream.read() for name, stream in files if stream}
        return cls(path.name, members, f"{path.name.removesuffix('.tar.gz')}/PKG-INFO")

    @property
    def is_wheel(self) -> bool:
        """Whether the file is a wheel."""
        return self.file.endswith(".whl")

    @property
    def top(self) -> str:
        """The folder of the core metadata, with a slash at the end."""
        return self.described.rpartition("/")[0] + "/"

    @property
    def code(self) -> str:
        """The folder of the package, with a slash at the end."""
        return next(name for name in self.members if name.endswith("sample/__init__.py")).removesuffix("__init__.py")

    @property
    def metadata(self) -> str:
        """The core metadata."""
        return self.members[self.described].decode()

    @metadata.setter
    def metadata(self, text: str) -> None:
        self.members[self.described] = text.encode()

    def header(self, *lines: str) -> None:
        """Replace the metadata fields that ``lines`` name; ``lines`` may contain a name several times."""
        names = {line.partition(":")[0].lower() for line in lines}
        head, gap, body = self.metadata.partition("\n\n")
        kept = [line for line in head.split("\n") if line.partition(":")[0].lower() not in names]
        self.metadata = "\n".join([*kept, *lines]) + gap + body

    def renamed(self, folder: str) -> None:
        """Rename a wheel's .dist-info, or an sdist's top folder."""
        old = self.top
        self.members = {
            (folder + name.removeprefix(old) if name.startswith(old) else name): content
            for name, content in self.members.items()
        }
        self.described = folder + self.described.removeprefix(old)

    def write(self, folder: Path) -> Path:
        """Pack the file into ``folder`` and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        data = self._wheel() if self.is_wheel else self._sdist()
        for change in self.after:
            data = change(data)
        path = folder / self.file
        path.write_bytes(data)
        return path

    def _wheel(self) -> bytes:
        name = f"{self.top}RECORD"
        if self.record:
            self.members.pop(name, None)
            self.members[name] = recorded(self.members, name).encode()
        packed = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", self.method) as archive:
            warnings.simplefilter("ignore")  # some names are there twice
            for inner, content in [*self.members.items(), *self.repeated]:
                info = zipfile.ZipInfo(inner)
                info.comment = self.comment
                archive.writestr(info, content, self.method)
        return packed.getvalue()

    def _sdist(self) -> bytes:
        packed = io.BytesIO()
        with (
            gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive,
        ):
            if self.sparse:
                stream.write(_sparse(self.sparse))
                archive.offset += tarfile.BLOCKSIZE
            for name, content in [*self.members.items(), *self.repeated]:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return packed.getvalue()


def _sparse(name: str) -> bytes:
    """Return the tar entry of a sparse file without data, as GNU tar writes it."""
    member = tarfile.TarInfo(name)
    member.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"%011o\0" % (1 << 20)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def recorded(members: dict[str, bytes], record: str) -> str:
    """Return the RECORD, named ``record``, of a wheel with these ``members``."""
    rows = [
        f"{name},sha256={urlsafe_b64encode(sha256(content).digest()).decode().rstrip('=')},{len(content)}"
        for name, content in members.items()
    ]
    return "\n".join([*rows, f"{record},,", ""])


def good_files(folder: Path, version: str = "1.2.3") -> list[Path]:
    """Write a wheel and an sdist without any fault, and return their paths."""
    lines = ["Metadata-Version: 2.4", "Name: sample", f"Version: {version}", f"Summary: {SUMMARY}"]
    lines += ["License-Expression: MIT", "License-File: LICENSE", "Requires-Python: >=3.11", ""]
    text = "\n".join([*lines, "# sample\n"]).encode()
    info, top = f"sample-{version}.dist-info/", f"sample-{version}/"
    wheel = Draft(
        f"sample-{version}-py3-none-any.whl",
        {
            "sample/__init__.py": b"",
            f"{info}licenses/LICENSE": b"MIT\n",
            f"{info}WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}METADATA": text,
        },
        f"{info}METADATA",
    )
    sdist = Draft(
        f"sample-{version}.tar.gz",
        {
            f"{top}PKG-INFO": text,
            f"{top}LICENSE": b"MIT\n",
            f"{top}pyproject.toml": b"",
            f"{top}src/sample/__init__.py": b"",
        },
        f"{top}PKG-INFO",
    )
    return [wheel.write(folder), sdist.write(folder)]


def damaged(path: Path, change: Change, folder: Path) -> Path:
    """Put a fault into a good file and write it into ``folder``; return its path."""
    draft = Draft.read(path)
    change(draft)
    return draft.write(folder)


def elf(machine: int) -> bytes:
    """Return the beginning of a compiled Linux file for a machine, given by its number in the ELF format."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + bytes(44)


def as_zip64(data: bytes) -> bytes:
    """Return a zip file with the ending of one that is larger than 4 GiB."""
    place = data.rindex(b"PK\x05\x06")
    number, size, offset = struct.unpack_from("<HLL", data, place + 10)
    end = struct.pack("<LQHHLLQQQQ", 0x06064B50, 44, 45, 45, 0, 0, number, number, size, offset)
    locator = struct.pack("<LLQL", 0x07064B50, 0, place, 1)
    last = struct.pack("<LHHHHLLH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:place] + end + locator + last
