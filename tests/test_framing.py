from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest

from drafts import as_zip64
from nox_ship.package.framing import fault

FILES = {"sample/__init__.py": b"", "sample/a.py": b"x = 1\n" * 50, "sample/größe.txt": b"1"}


def packed(*, method: int = zipfile.ZIP_DEFLATED, large: bool = False, comment: bytes = b"") -> bytes:
    """Return a good zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.comment = comment
        archive.mkdir("sample")
        for name, content in FILES.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=large) as stream:
                stream.write(content)
    return made.getvalue()


def judged(data: bytes) -> str | None:
    """Return what is said of a zip that `zipfile` can read."""
    with io.BytesIO(data) as stream, zipfile.ZipFile(stream) as archive:
        return fault(stream, {info.orig_filename: info for info in archive.infolist()})


def with_extra(kind: int, content: bytes, *, times: int = 1) -> bytes:
    """Return a zip whose one member has an extra field."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.extra = struct.pack("<HH", kind, len(content)) + content
        info.extra *= times
        archive.writestr(info, b"12345678")
    return made.getvalue()


@pytest.mark.parametrize(
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
    """Small or of the large kind, with folders, and with nothing in it."""
    assert judged(data) is None


def _again(data: bytes) -> bytes:
    """Return a zip with a member that is there twice."""
    made = io.BytesIO(data)
    with warnings.catch_warnings(), zipfile.ZipFile(made, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("sample/a.py", b"other")
    return made.getvalue()


def _changed(place: int, new: bytes, mark: bytes = b"PK\x03\x04") -> Callable[[bytes], bytes]:
    """Return a change of some bytes behind the last record with a mark."""

    def change(data: bytes) -> bytes:
        at = data.rindex(mark) + place
        return data[:at] + new + data[at + len(new) :]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: b"MZ" + data, "belong to no record"),
        (lambda data: data + b"\0", "data after its end"),
        (_again, "sizes|twice"),
        (lambda data: data[: data.index(b"PK\x01\x02")] + b"????" + data[data.index(b"PK\x01\x02") :], "no record"),
        (_changed(6, b"\x08\x08"), "data descriptor"),
        (_changed(18, b"\x09"), "give different sizes"),
        (_changed(22, b"\x09"), "give different sizes"),
        (_changed(30, b"sbmple"), "lacks a member"),
        (_changed(30, b"\xff"), "not UTF-8"),
        (_changed(30, b"\x01"), "control character"),
        (lambda data: as_zip64(data).replace(b"PK\x06\x07", b"PK\x06\x08"), "no record"),
        (lambda data: as_zip64(data).replace(b"PK\x06\x06\x2c", b"PK\x06\x06\x2d"), "extra data"),
    ],
)  # fmt: skip
def test_a_zip_that_can_be_read_in_two_ways_is_told(change: Callable[[bytes], bytes], said: str) -> None:
    """In a few words of what is wrong."""
    data = change(packed())
    with io.BytesIO(packed()) as good, zipfile.ZipFile(good) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    told = fault(io.BytesIO(data), listed)
    assert told
    assert any(words in told for words in said.split("|"))


@pytest.mark.parametrize(
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
    """Another name, or other sizes, than the header has."""
    data = with_extra(0x9999, content, times=times).replace(struct.pack("<H", 0x9999), struct.pack("<H", kind))
    with io.BytesIO(with_extra(0x9999, content, times=times)) as stream, zipfile.ZipFile(stream) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    assert fault(io.BytesIO(data), listed)


def test_a_comment_of_a_member_is_told() -> None:
    """It could be read as the beginning of another record."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.comment = b"PK"
        archive.writestr(info, b"")
    assert judged(made.getvalue()) == "a member has a comment"


@pytest.mark.parametrize("place", range(0, 700, 11))
def test_whatever_is_damaged_something_is_said(place: int) -> None:
    """A byte that is another, or a zip that ends too early, is no traceback."""
    data = bytearray(as_zip64(packed()))
    with io.BytesIO(packed()) as stream, zipfile.ZipFile(stream) as archive:
        listed = {info.orig_filename: info for info in archive.infolist()}
    assert fault(io.BytesIO(bytes(data[: place % (len(data) - 1)])), listed)
    data[place % len(data)] ^= 0xFF
    told = fault(io.BytesIO(bytes(data)), listed)
    assert told is None or told.isascii()
