"""Whether every ZIP reader finds the same files in a wheel.

Some read the central directory at the end, some the header before each file. PyPI accepts only ZIPs in which both
agree and account for every byte (``warehouse/utils/zipfiles.py``). The comments refer to sections of PKWARE's
APPNOTE.TXT, which defines the format.
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
# The fields after each signature; sections 4.3.7, 4.3.12, 4.3.16, 4.3.14, 4.3.15.
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
_CUT = "it ends in the middle of a record"
_BAD_SIZES = "a member's sizes contradict each other"


class _FaultError(Exception):
    """Something is wrong with the structure of a ZIP; the message says what, in a few words."""


def fault(stream: IO[bytes], listed: Mapping[str, ZipInfo]) -> str | None:
    """Return why another reader might find other files in a ZIP; None if none would.

    Args:
        stream: The ZIP, seekable; its position afterwards is undefined.
        listed: The entries of the central directory, as `zipfile` read them, by ``orig_filename``.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    try:
        _Walk(stream, listed, size).run()
    except _FaultError as error:
        return str(error)
    return "there is data after its end" if stream.tell() != size else None


@dataclass
class _Walk:
    """A walk through a ZIP from its first byte to its last, record by record."""

    stream: IO[bytes]
    listed: Mapping[str, ZipInfo]
    size: int
    headers: set[bytes] = field(default_factory=set)
    entries: set[bytes] = field(default_factory=set)
    list_at: int | None = None
    list_size: int = 0
    promised: tuple[int, int, int] | None = None
    """Count, size and offset of the central directory's entries, as the ZIP64 end record has them."""
    end64: bool = False
    located: bool = False

    def run(self) -> None:
        """Walk to the end record.

        Raises:
            _FaultError: Something is wrong with the structure.
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
                raise _FaultError("it has bytes outside all records")
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
            raise _FaultError("a member's size follows its data (a data descriptor)")
        try:
            info = self.listed[name.decode()]
        except UnicodeDecodeError:
            raise _FaultError("a member's name is not UTF-8") from None
        except KeyError:
            raise _FaultError("the central directory lacks a member") from None
        if (info.compress_size, info.file_size) != (packed, size):
            raise _FaultError("a member's header and the central directory give different sizes")
        if name in self.headers:
            raise _FaultError("a member appears twice")
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
            raise _FaultError("the central directory lists a member twice")
        if name not in self.headers:
            raise _FaultError("the central directory lists a member that does not exist")
        self.entries.add(name)

    def _end64(self) -> None:
        self.end64 = True
        length, here, number, size, place = _END64_FIELDS.unpack(self._take(_END64_FIELDS.size))
        if length != _END64_SIZE or here != number:
            raise _FaultError("it is split into several parts, or its ZIP64 end record holds extra data")
        self.promised = number, size, place

    def _end(self) -> None:
        if self.end64 and not self.located:
            raise _FaultError("its ZIP64 end record has no locator")
        if self.list_at is None:  # there is nothing in it
            self.list_at = self.stream.tell() - _SIGNATURE
        here, number, size, place, comment_length = _END_FIELDS.unpack(self._take(_END_FIELDS.size))
        if here != number:
            raise _FaultError("it is split into several parts")
        self._take(comment_length)
        promised = self.promised or (number, size, place)
        if promised != (len(self.entries), self.list_size, self.list_at) or self.entries != self.headers:
            raise _FaultError("the central directory is not what the end record describes")


def _printable(name: bytes) -> bytes:
    if _UNPRINTABLE.search(name):
        raise _FaultError("a member's name contains a control character")
    return name


def _real_sizes(extra: bytes, *, stored: bool, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes of a member, packed and unpacked, with those in extra fields (sections 4.5.3, 4.6.9)."""
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
    """Yield the number and the data of each extra field of a header."""
    seen: set[int] = set()
    while extra:
        if len(extra) < _EXTRA_FIELDS.size:
            raise _FaultError("an extra field of a member is cut off")
        kind, length = _EXTRA_FIELDS.unpack_from(extra)
        end = _EXTRA_FIELDS.size + length
        if end > len(extra):
            raise _FaultError("an extra field of a member is cut off")
        if kind in seen & _ONCE:
            raise _FaultError("a member repeats an extra field that must be unique")
        seen.add(kind)
        yield kind, extra[_EXTRA_FIELDS.size : end]
        extra = extra[end:]


def _large_sizes(data: bytes, *, stored: bool, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes of a ZIP64 member; a size in its header takes precedence over one in the field."""
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
