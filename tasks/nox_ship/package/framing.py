"""Whether a wheel is framed so that every reader of zips finds the same files in it.

Some read the list at a zip's end, some the header before each file. PyPI takes only zips in which both tell the same
and account for every byte (``warehouse/utils/zipfiles.py``). The format is that of PKWARE's APPNOTE.TXT, to whose
sections the comments refer.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO
from zipfile import ZipInfo

_HEADER, _ENTRY, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END64, _LOCATOR = b"PK\x06\x06", b"PK\x06\x07"
_SIGNATURE = 4
# What stands behind each signature; sections 4.3.7, 4.3.12, 4.3.16, 4.3.14, 4.3.15.
_HEADER_FIELDS = struct.Struct("<2xHH8xLLHH")
_ENTRY_FIELDS = struct.Struct("<24xHHH12x")
_END_FIELDS = struct.Struct("<4xHHLLH")
_END64_FIELDS = struct.Struct("<Q12xQQQQ")
_LOCATOR_FIELDS = struct.Struct("<4xQ4x")
_EXTRA_FIELDS = struct.Struct("<HH")
_NUMBER = struct.Struct("<Q")
_ENTRY_SIZE = 46
_END64_SIZE = 44
_STREAMED = 0x8
_SEE_EXTRA = 0xFFFFFFFF
_ZIP64, _UNICODE_NAME = 0x1, 0x7075
_ONCE = {_ZIP64, _UNICODE_NAME}
_ZIP64_SIZES = {0, 8, 16, 24, 28}
_NAME_AT = 5
"""Bytes before the name in the extra field that repeats it as Unicode."""

_UNPRINTABLE = re.compile(rb"[\x00-\x1f\x7f]")
_CUT = "it ends within a record"
_BAD_SIZES = "a member's sizes do not fit each other"


class _FaultError(Exception):
    """Why a zip is not framed as it must be, in a few words."""


def fault(stream: IO[bytes], listed: Mapping[str, ZipInfo]) -> str | None:
    """Return why another reader might find other files in a zip, in a few words; None where none would.

    Args:
        stream: The zip, which can be sought in; where it stands afterwards is open.
        listed: What `zipfile` read of the list at its end, by ``orig_filename``.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    try:
        _Walk(stream, listed, size).run()
    except _FaultError as error:
        return str(error)
    return "data follow its end" if stream.tell() != size else None


@dataclass
class _Walk:
    """A way through a zip from its first byte to its last, record by record."""

    stream: IO[bytes]
    listed: Mapping[str, ZipInfo]
    size: int
    headers: set[bytes] = field(default_factory=set)
    entries: set[bytes] = field(default_factory=set)
    list_at: int | None = None
    list_size: int = 0
    promised: tuple[int, int, int] | None = None
    """Number, size and place of the list's entries, as the end of a ZIP64 tells them."""
    end64: bool = False
    located: bool = False

    def run(self) -> None:
        """Go through it to the record that ends it.

        Raises:
            _FaultError: It is not framed as it must be.
        """
        while (signature := self._take(_SIGNATURE)) != _END:
            if signature == _HEADER:
                self._header()
            elif signature == _ENTRY:
                self._entry()
            elif signature == _END64:
                self._end64()
            elif signature == _LOCATOR:
                _LOCATOR_FIELDS.unpack(self._take(_LOCATOR_FIELDS.size))
                self.located = True
            else:
                raise _FaultError("there are bytes in it that belong to no record")
        self._end()

    def _take(self, number: int) -> bytes:
        data = self.stream.read(number)
        if len(data) != number:
            raise _FaultError(_CUT)
        return data

    def _header(self) -> None:
        flags, method, packed, size, length, extra_length = _HEADER_FIELDS.unpack(self._take(_HEADER_FIELDS.size))
        name = _printable(self._take(length))
        packed, size = _real_sizes(self._take(extra_length), stored=method == 0, packed=packed, size=size)
        if flags & _STREAMED:
            raise _FaultError("the size of a member stands behind it (a data descriptor)")
        try:
            info = self.listed[name.decode()]
        except UnicodeDecodeError:
            raise _FaultError("a member's name is not UTF-8") from None
        except KeyError:
            raise _FaultError("a member is not in the list at its end") from None
        if (info.compress_size, info.file_size) != (packed, size):
            raise _FaultError("a member and the list at its end tell different sizes")
        if name in self.headers:
            raise _FaultError("a member is there twice")
        self.headers.add(name)
        if self.stream.tell() + packed > self.size:
            raise _FaultError(_CUT)
        self.stream.seek(packed, os.SEEK_CUR)

    def _entry(self) -> None:
        if self.list_at is None:
            self.list_at = self.stream.tell() - _SIGNATURE
        length, extra_length, comment_length = _ENTRY_FIELDS.unpack(self._take(_ENTRY_FIELDS.size))
        if comment_length:
            raise _FaultError("a member has a comment")
        name = _printable(self._take(length))
        self._take(extra_length)
        self.list_size += _ENTRY_SIZE + length + extra_length
        if name in self.entries:
            raise _FaultError("the list at its end names a member twice")
        if name not in self.headers:
            raise _FaultError("the list at its end names a member that is not there")
        self.entries.add(name)

    def _end64(self) -> None:
        self.end64 = True
        length, here, number, size, place = _END64_FIELDS.unpack(self._take(_END64_FIELDS.size))
        if length != _END64_SIZE or here != number:
            raise _FaultError("it is in several parts, or its end holds more than it may")
        self.promised = number, size, place

    def _end(self) -> None:
        if self.end64 and not self.located:
            raise _FaultError("its end is of the large kind, and nothing leads there")
        if self.list_at is None:  # there is nothing in it
            self.list_at = self.stream.tell() - _SIGNATURE
        here, number, size, place, comment_length = _END_FIELDS.unpack(self._take(_END_FIELDS.size))
        if here != number:
            raise _FaultError("it is in several parts")
        self._take(comment_length)
        promised = self.promised or (number, size, place)
        if promised != (len(self.entries), self.list_size, self.list_at) or self.entries != self.headers:
            raise _FaultError("the list at its end is not the one that its last record tells of")


def _printable(name: bytes) -> bytes:
    if _UNPRINTABLE.search(name):
        raise _FaultError("a member's name holds a character that cannot be printed")
    return name


def _real_sizes(extra: bytes, *, stored: bool, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes of a member, packed and unpacked, where an extra field tells them (sections 4.5.3, 4.6.9)."""
    for kind, data in _extras(extra):
        if kind == _UNICODE_NAME:
            try:
                _printable(data[_NAME_AT:]).decode()
            except UnicodeDecodeError:
                raise _FaultError("a member's name is not UTF-8") from None
        elif kind == _ZIP64:
            packed, size = _large_sizes(data, stored=stored, packed=packed, size=size)
    return packed, size


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the extra fields of a header, each with its number."""
    seen: set[int] = set()
    while extra:
        if len(extra) < _EXTRA_FIELDS.size:
            raise _FaultError("an extra field of a member is cut off")
        kind, length = _EXTRA_FIELDS.unpack_from(extra)
        end = _EXTRA_FIELDS.size + length
        if end > len(extra):
            raise _FaultError("an extra field of a member is cut off")
        if kind in seen & _ONCE:
            raise _FaultError("a member has two extra fields that may be there once")
        seen.add(kind)
        yield kind, extra[_EXTRA_FIELDS.size : end]
        extra = extra[end:]


def _large_sizes(data: bytes, *, stored: bool, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes of a member of a ZIP64; a size that stands in its header counts before one in the field."""
    if len(data) not in _ZIP64_SIZES:
        raise _FaultError(_BAD_SIZES)
    if not data:
        if _SEE_EXTRA in (packed, size):
            raise _FaultError(_BAD_SIZES)
        return packed, size
    (first,) = _NUMBER.unpack_from(data)
    if len(data) == _NUMBER.size:
        if not stored:
            raise _FaultError(_BAD_SIZES)
        return first, first if size == _SEE_EXTRA else size
    (second,) = _NUMBER.unpack_from(data, _NUMBER.size)
    return second, first if size == _SEE_EXTRA else size
