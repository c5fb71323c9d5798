"""Wheels and sdists that are made to harm the program or the person that reads or unpacks them."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.package.built import Built
from nox_ship.package.checks import members_safe
from nox_ship.package.contents import Archive
from nox_ship.package.unpacking import _Bounded
from support import each, make_project, make_sdist, make_wheel, metadata_text

INFO = metadata_text("sample", "1.2.3")
DIST = "sample-1.2.3.dist-info/METADATA"
MIB = 1 << 20

Change = Callable[[tarfile.TarInfo], object]


def wheel_of(folder: Path, *members: zipfile.ZipInfo | str, content: bytes = b"x", method: int = 8) -> Path:
    """Write a wheel with these members beside its metadata."""
    path = folder / "sample-1.2.3-py3-none-any.whl"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # some names are there twice
        archive.writestr(DIST, INFO)
        for member in members:
            archive.writestr(member, content)
    return path


def sdist_of(folder: Path, *changes: Change, top: str = "sample-1.2.3") -> Path:
    """Write an sdist with a member for each of these changes beside its metadata."""
    path = folder / "sample-1.2.3.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, change in [("PKG-INFO", None), *((f"m{n}", change) for n, change in enumerate(changes))]:
            member = tarfile.TarInfo(f"{top}/{name}")
            data = INFO.encode() if change is None else b""
            member.size = len(data)
            if change:
                change(member)
            archive.addfile(member, io.BytesIO(data))
    return path


def found(folder: Path, path: Path) -> list[str]:
    """Return what the check of the members finds in a file, next to a good file of the other kind."""
    good = folder / "good"
    wheel, sdist = make_wheel(good, {}), make_sdist(good, {})
    project = make_project(good, '[project]\nname = "sample"\n')
    first, second = (path, sdist) if path.suffix == ".whl" else (wheel, path)
    built = Built(project, (Archive.read(first),), Archive.read(second), None, ())
    return [f"{finding.id} {finding.level} {finding.what}" for finding in members_safe(built)]


def refused(path: Path, most: int = 48 * MIB) -> str:
    """Return the message about a file that cannot be read; reading it may take ``most`` bytes of memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ShipError) as caught:
            Archive.read(path)
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    (finding,) = caught.value.findings
    assert finding.id == "NS503"
    return finding.what


@each("name", ["/etc/passwd", "../a", "a/../../b", "C:/a", "a\\b", "a\nb", "a\x1b[2Jb", ".."])
def test_a_member_that_leads_elsewhere_is_an_error(tmp_path: Path, name: str) -> None:
    """A member with an absolute path, with `..`, or with a name that some systems take for a path is an error."""
    for path in (wheel_of(tmp_path, name), sdist_of(tmp_path, lambda m: setattr(m, "name", f"sample-1.2.3/{name}"))):
        if not (path.suffix != ".whl" and name in ("/etc/passwd", "C:/a")):  # an sdist's folder stands before these two
            (line,) = found(tmp_path, path)
            assert line.startswith("NS505 error")
            assert "\x1b" not in line
    (line,) = found(tmp_path, sdist_of(tmp_path, lambda m: setattr(m, "name", "/etc/passwd")))
    assert "is an absolute path" in line


@each(
    ("kind", "target", "safe"),
    [
        (tarfile.SYMTYPE, "../../etc/passwd", False),
        (tarfile.SYMTYPE, "/etc/passwd", False),
        (tarfile.SYMTYPE, "PKG-INFO", True),
        (tarfile.LNKTYPE, "/etc/passwd", False),
        (tarfile.LNKTYPE, "sample-1.2.3/../../a", False),
        (tarfile.LNKTYPE, "sample-1.2.3/PKG-INFO", True),
        (tarfile.CHRTYPE, "", False),
        (tarfile.BLKTYPE, "", False),
        (tarfile.FIFOTYPE, "", False),
        (tarfile.DIRTYPE, "", True),
    ],
)
def test_links_that_lead_out_and_devices_are_an_error(tmp_path: Path, kind: bytes, target: str, safe: bool) -> None:
    """A device, or a link that leads out of the sdist, is an error; other links are allowed, as in PEP 721."""

    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, target

    assert (found(tmp_path, sdist_of(tmp_path, change)) == []) is safe


def test_a_second_folder_at_the_top_is_an_error(tmp_path: Path) -> None:
    """A second folder at the top of an sdist is an error, and a second PKG-INFO makes the sdist unreadable (NS503)."""
    (second,) = found(tmp_path, sdist_of(tmp_path, lambda m: setattr(m, "name", "another/file")))
    assert "is a second folder at the top" in second
    with pytest.raises(ShipError, match=r"NS503.*twice"):
        Archive.read(sdist_of(tmp_path, lambda m: setattr(m, "name", "another/PKG-INFO")))


@pytest.mark.parametrize("attributes", [0o120777, 0o060600, 0o010600])
def test_a_link_or_device_in_a_wheel_is_an_error(tmp_path: Path, attributes: int) -> None:
    """A member of a wheel that is marked as a link or a device is an error."""
    info = zipfile.ZipInfo("sample/link")
    info.external_attr = attributes << 16
    assert "is a link or a device" in found(tmp_path, wheel_of(tmp_path, info))[0]


def test_members_of_one_name_are_an_error(tmp_path: Path) -> None:
    """Two members with the same name are an error, because installers disagree on which of them counts."""
    for path in (
        wheel_of(tmp_path, "sample/a.py", "sample/a.py"),
        sdist_of(tmp_path, *[lambda m: setattr(m, "name", "sample-1.2.3/a.py")] * 2),
    ):
        assert found(tmp_path, path) == [f"NS506 error {path.name} contains {found_name(path)!r} more than once."]


def found_name(path: Path) -> str:
    return "sample/a.py" if path.suffix == ".whl" else "a.py"


def test_names_that_are_not_utf8_are_an_error(tmp_path: Path) -> None:
    """A member name that is not UTF-8 is an error, in a wheel and in an sdist."""
    path = wheel_of(tmp_path, "größe.txt")
    assert found(tmp_path, path) == []
    plain = wheel_of(tmp_path, "groesse.txt")
    plain.write_bytes(plain.read_bytes().replace(b"groesse", b"gr\x94\xe1esse"[:7]))
    assert "is not UTF-8" in found(tmp_path, plain)[0]
    (line,) = found(tmp_path, sdist_of(tmp_path, lambda m: setattr(m, "name", "sample-1.2.3/\udcff")))
    assert "is not UTF-8" in line
    line.encode()


def test_encrypted_members_are_an_error(tmp_path: Path) -> None:
    """An encrypted member of a wheel is an error, because nobody could install it."""
    path = wheel_of(tmp_path, "sample/secret.bin")
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(mark) + offset] |= 1
    path.write_bytes(data)
    assert "is encrypted" in found(tmp_path, path)[0]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_wheel_is_compressed_as_wheels_are(tmp_path: Path, method: int) -> None:
    """A wheel compressed with bzip2 or LZMA is refused, as not every installer can unpack it."""
    assert "a compression method that wheels do not use" in refused(
        wheel_of(tmp_path, "a", content=bytes(MIB), method=method)
    )


@pytest.mark.slow
def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    """A member that unpacks to much more than the size it states is refused, and is not unpacked."""
    path = wheel_of(tmp_path, "bomb", content=bytes(24 * MIB))
    data = path.read_bytes()
    path.write_bytes(data.replace((24 * MIB).to_bytes(4, "little"), (9).to_bytes(4, "little")))
    refused(path, 20 * MIB)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_metadata_without_an_end_are_refused(tmp_path: Path, kind: str) -> None:
    """Metadata of more than the allowed size is refused, and the rest of it is not read."""
    if kind == "wheel":
        path = tmp_path / "sample-1.2.3-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(DIST, INFO.encode() + bytes(12 * MIB))
    else:
        path = make_sdist(tmp_path, {"PKG-INFO": INFO.encode() + bytes(12 * MIB)})
    assert "its metadata have more" in refused(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_without_an_end_is_refused(tmp_path: Path, kind: bytes) -> None:
    """A tar header of many megabytes is refused before it is read as a whole."""
    member = tarfile.TarInfo("sample-1.2.3/x")
    member.type, member.size = kind, 24 * MIB
    path = tmp_path / "sample-1.2.3.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(member.tobuf() + bytes(24 * MIB + 1024))
    assert "a header in it is too large" in refused(path, 20 * MIB)


def test_a_wheel_that_unpacks_to_any_size_is_refused(tmp_path: Path) -> None:
    """A wheel whose members claim to be huge is refused, and none of them is read."""
    path = make_wheel(tmp_path, {f"sample/{number}.txt": "a" * 77 for number in range(3)})
    claimed = path.read_bytes().replace(struct.pack("<L", 77), struct.pack("<L", 0xFFFFFFF0))
    path.write_bytes(claimed)
    assert "it unpacks to more than" in refused(path)


def test_a_tar_that_unpacks_to_any_size_is_refused(tmp_path: Path) -> None:
    """A tar member that claims terabytes is refused, instead of being skipped by unpacking it."""
    member = tarfile.TarInfo("sample-1.2.3/x.py")
    member.size = 1 << 42
    path = tmp_path / "sample-1.2.3.tar.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "it unpacks to more than" in refused(path)


def test_a_tar_that_leads_back_to_its_beginning_comes_to_an_end(tmp_path: Path) -> None:
    """A tar member with a negative size, which would make the next member an earlier one, causes no endless loop."""
    member = tarfile.TarInfo("sample-1.2.3/x")
    member.type = b"?"
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (-1024).to_bytes(12, "big", signed=True)
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    path = tmp_path / "sample-1.2.3.tar.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(bytes(block) * 2 + bytes(1024))
    refused(path)


@each(
    "headers",
    [
        "Content-Type: multipart/mixed; boundary=a\n\n" + "--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 2000,
        "Version: " + "9" * 5000 + "\n\n",
        "Name: \udcff\n\n",
        "\x00\n\n",
        ":" * 5000,
        "X:" + "\n " * 50000,
    ],
)
def test_metadata_that_are_none_are_no_traceback(tmp_path: Path, headers: str) -> None:
    """Malformed metadata, such as deeply nested parts or endless numbers, causes no traceback."""
    text = (INFO.rstrip("\n") + "\n" + headers).encode("utf-8", "surrogateescape")
    archive = Archive.read(make_sdist(tmp_path, {"PKG-INFO": text}))
    assert isinstance(archive.name, str)
    assert isinstance(archive.version, str)


@pytest.mark.slow
@each("place", range(0, 400, 7))
def test_whatever_is_damaged_only_our_error_comes_of_it(tmp_path: Path, place: int) -> None:
    """Whichever byte of a wheel, a tar or a compressed tar is damaged, reading it raises only our own error."""
    files = {"sample/__init__.py": "x = 1\n", "größe.txt": "x" * 300}
    wheel, sdist = make_wheel(tmp_path, files), make_sdist(tmp_path, files)
    tar = bytearray(gzip.decompress(sdist.read_bytes()))
    tar[place % len(tar)] ^= 0xFF
    inner = tmp_path / "inner-1.0.tar.gz"
    inner.write_bytes(gzip.compress(bytes(tar), 1))
    for path in (wheel, sdist):
        data = bytearray(path.read_bytes())
        data[-(place % len(data)) - 1] ^= 0xFF
        path.write_bytes(data)
    for path in (wheel, sdist, inner):
        with suppress(ShipError):
            Archive.read(path)


@pytest.mark.parametrize("size", [None, -1])
def test_an_archive_is_not_read_to_its_end_at_once(size: int | None) -> None:
    """The stream of an archive refuses to be read as a whole at once."""
    with _Bounded(fileobj=io.BytesIO(gzip.compress(b"x"))) as stream, pytest.raises(tarfile.ReadError):
        stream.read(size)
