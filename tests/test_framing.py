from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest

from drafts import as_zip64
from nox_ship.package.framing import fault
from support import each

FILES = {"sample/__init__.py": b"", "sample/a.py": b"x = 1\n" * 50, "sample/größe.txt": b"1"}


def packed(*, method: int = zipfile.ZIP_DEFLATED, large: bool = False, comment: bytes = b"") -> bytes:
    """Return a valid ZIP file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.comment = comment
        archive.mkdir("sample")
        for name, content in FILES.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=large) as stream:
                stream.write(content)
    return made.getvalue()


def judged(data: bytes) -> str | None:
    """Return the fault that is found in a ZIP file that `zipfile` can read, or None."""
    with io.BytesIO(data) as stream, zipfile.ZipFile(stream) as archive:
        return fault(stream, {info.orig_filename: info for info in archive.infolist()})


def with_extra(kind: int, content: bytes, *, times: int = 1) -> bytes:
    """Return a ZIP file whose only member has an extra field."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.extra = struct.pack("<HH", kind, len(content)) + content
        info.extra *= times
        archive.writestr(info, b"12345678")
    return made.getvalue()


@each(
    "data",
    [
        packed(),
        packed(method=zipfile.ZIP_STORED),
        packed(large=True),
        packed(comment=b"A comment of the zip as a whole."),
        as_zip64(packed()),
        as_zip64(packed(large=True)),
        with_extra(0x5455, b"\0" * 5, times=2),
        with_extra(0x7075, b"\1\0\0\0\0a"),
        b"PK\x05\x06" + bytes(18),
    ],
)
def test_a_zip_as_python_and_others_write_it_passes(data: bytes) -> None:
    """Valid ZIP files pass: small, ZIP64, with folders, with extra fields, and empty."""
    assert judged(data) is None


def _again(data: bytes) -> bytes:
    """Return a ZIP file that contains a member twice."""
    made = io.BytesIO(data)
    with warnings.catch_warnings(), zipfile.ZipFile(made, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("sample/a.py", b"other")
    return made.getvalue()


def _changed(place: int, new: bytes, mark: bytes = b"PK\x03\x04") -> Callable[[bytes], bytes]:
    """Return a function that replaces some bytes after the last record with this signature."""

    def change(data: bytes) -> bytes:
        at = data.rindex(mark) + place
        return data[:at] + new + data[at + len(new) :]

    return change


def _hidden(data: bytes) -> bytes:
    """Return a ZIP file that starts with the same member twice, but lists it once."""
    second = data.index(b"PK\x03\x04", 1)
    end = data.rindex(b"PK\x05\x06") + 16
    (place,) = struct.unpack_from("<L", data, end)
    return data[:second] + data[:end] + struct.pack("<L", place + second) + data[end + 4 :]


def _parts(data: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    """Return the members of a zip with their headers, the entries of its central directory, and its end record."""
    end = data.rindex(b"PK\x05\x06")
    (place,) = struct.unpack_from("<L", data, end + 16)
    members = [b"PK\x03\x04" + part for part in data[:place].split(b"PK\x03\x04")[1:]]
    entries = [b"PK\x01\x02" + part for part in data[place:end].split(b"PK\x01\x02")[1:]]
    return members, entries, data[end:]


def _joined(members: list[bytes], entries: list[bytes], end: bytes, *, more: bytes = b"", number: int = 4) -> bytes:
    """Return a ZIP file of these parts, with ``more`` after the central directory, and ``number`` of entries."""
    before, listing = b"".join(members), b"".join(entries)
    numbers = struct.pack("<HHLL", number, number, len(listing), len(before))
    return before + listing + more + end[:8] + numbers + end[20:]


def _listed_twice(data: bytes) -> bytes:
    members, entries, end = _parts(data)
    return _joined(members, [*entries, entries[0]], end)


def _listed_too_early(data: bytes) -> bytes:
    members, entries, end = _parts(data)
    return _joined(members[:-1], entries, end, more=members[-1])


def _unlisted(data: bytes) -> bytes:
    members, entries, end = _parts(data)
    return _joined(members, entries[:-1], end, number=3)


def _unlocated(data: bytes) -> bytes:
    whole = as_zip64(data)
    place = whole.rindex(b"PK\x06\x07")
    return whole[:place] + whole[place + 20 :]


@each(
    ("change", "said"),
    [
        (lambda data: b"MZ" + data, "outside all records"),
        (lambda data: data + b"\0", "data after its end"),
        (_again, "sizes|twice"),
        (_hidden, "appears twice"),
        (lambda data: data[: data.index(b"PK\x01\x02")] + b"????" + data[data.index(b"PK\x01\x02") :], "outside"),
        (_changed(6, b"\x08\x08"), "data descriptor"),
        (_changed(18, b"\x09"), "give different sizes"),
        (_changed(22, b"\x09"), "give different sizes"),
        (_changed(30, b"sbmple"), "lacks a member"),
        (_changed(30, b"\xff"), "not UTF-8"),
        (_changed(30, b"\x01"), "control character"),
        (lambda data: as_zip64(data).replace(b"PK\x06\x07", b"PK\x06\x08"), "outside all records"),
        (lambda data: as_zip64(data).replace(b"PK\x06\x06\x2c", b"PK\x06\x06\x2d"), "extra data"),
        (lambda data: _changed(24, b"\x09", b"PK\x06\x06")(as_zip64(data)), "several parts"),
        (_changed(8, b"\x09", b"PK\x05\x06"), "several parts"),
        (_changed(12, b"\xff", b"PK\x05\x06"), "not what the end record describes"),
        (_unlisted, "not what the end record describes"),
        (_unlocated, "no locator"),
        (_listed_twice, "lists a member twice"),
        (_listed_too_early, "lists a member that does not exist"),
    ],
)  # fmt: skip
def test_a_zip_that_can_be_read_in_two_ways_is_told(change: Callable[[bytes], bytes], said: str) -> None:
    """A ZIP file that readers may interpret differently is refused with a short reason."""
    data = change(packed())
    with io.BytesIO(packed()) as good, zipfile.ZipFile(good) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    told = fault(io.BytesIO(data), listed)
    assert told
    assert any(words in told for words in said.split("|"))


@each(
    ("kind", "content", "times"),
    [
        (0x7075, b"\1\0\0\0\0\xff", 1),
        (0x7075, b"\1\0\0\0\0\x01", 1),
        (0x7075, b"\1\0\0\0\0a", 2),
        (0x0001, b"\0" * 3, 1),
        (0x0001, struct.pack("<Q", 9), 1),
        (0x0001, struct.pack("<QQ", 8, 9), 1),
    ],
)
def test_extra_fields_that_tell_something_else_are_told(kind: int, content: bytes, times: int) -> None:
    """An extra field that contradicts the header's name or sizes is refused."""
    data = with_extra(0x9999, content, times=times).replace(struct.pack("<H", 0x9999), struct.pack("<H", kind))
    with io.BytesIO(with_extra(0x9999, content, times=times)) as stream, zipfile.ZipFile(stream) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    assert fault(io.BytesIO(data), listed)


@pytest.mark.parametrize("length", [1, 4])
def test_an_extra_field_that_is_cut_off_is_told(length: int) -> None:
    """An extra field is refused if its length does not fit its bytes."""
    good = with_extra(0x9999, b"\0" * 3)
    with io.BytesIO(good) as stream, zipfile.ZipFile(stream) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    data = good.replace(struct.pack("<HH", 0x9999, 3), struct.pack("<HH", 0x9999, length), 1)
    assert fault(io.BytesIO(data), listed) == "an extra field of a member is cut off"


@pytest.mark.parametrize(
    ("content", "place", "new", "size"),
    [
        (b"", 22, b"\xff" * 4, 0xFFFFFFFF),  # the header refers to the field for the size, but the field is empty
        (struct.pack("<Q", 8), 8, b"\x08", 8),  # the field has one size for both, but the member is compressed
    ],
)
def test_large_sizes_that_are_not_told_are_a_contradiction(content: bytes, place: int, new: bytes, size: int) -> None:
    """A ZIP64 field without the sizes is refused, even if the central directory has the same values."""
    good = with_extra(0x9999, content)
    with io.BytesIO(good) as stream, zipfile.ZipFile(stream) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    listed["a"].file_size = size
    data = _changed(place, new)(good.replace(struct.pack("<H", 0x9999), struct.pack("<H", 0x0001)))
    assert fault(io.BytesIO(data), listed) == "a member's sizes contradict each other"


def test_a_member_that_is_larger_than_the_zip_is_told() -> None:
    """A member that claims to be larger than the ZIP file, or than any file, is refused."""
    good, name, size = packed(large=True), "sample/größe.txt", (1 << 64) - 1
    with io.BytesIO(good) as stream, zipfile.ZipFile(stream) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    listed[name].compress_size = size
    data = _changed(30 + len(name.encode()) + 12, struct.pack("<Q", size))(good)
    assert fault(io.BytesIO(data), listed) == "it ends in the middle of a record"


def test_a_comment_of_a_member_is_told() -> None:
    """A member with a comment is refused, as its bytes could be read as another record."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.comment = b"PK"
        archive.writestr(info, b"")
    assert judged(made.getvalue()) == "a member has a comment"


@each("place", range(0, 700, 11))
def test_whatever_is_damaged_something_is_said(place: int) -> None:
    """Damaged and truncated ZIP files cause no exception, and truncated ones are always refused."""
    data = bytearray(as_zip64(packed()))
    with io.BytesIO(packed()) as stream, zipfile.ZipFile(stream) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    assert fault(io.BytesIO(bytes(data[: place % (len(data) - 1)])), listed)
    data[place % len(data)] ^= 0xFF
    told = fault(io.BytesIO(bytes(data)), listed)
    assert told is None or told.isascii()
