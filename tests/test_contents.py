from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

import nox_ship
from nox_ship.errors import ShipError
from nox_ship.package.contents import Archive
from nox_ship.package.unpacking import Found
from support import each, in_time, make_sdist, make_wheel, metadata_text


def refused(path: Path) -> bool:
    """Return whether reading the file raises NS503 only."""
    with pytest.raises(ShipError) as caught:
        Archive.read(path)
    return [finding.id for finding in caught.value.findings] == ["NS503"]


def test_a_wheel_is_read(tmp_path: Path) -> None:
    """The members and the metadata of a wheel are read."""
    archive = Archive.read(make_wheel(tmp_path, {"sample/__init__.py": ""}, ("Requires-Python: >=3.11",)))
    assert (archive.name, archive.version) == ("sample", "1.2.3")
    assert archive.metadata["Requires-Python"] == ">=3.11"
    assert "sample/__init__.py" in archive.members


def test_an_sdist_is_read_without_its_leading_folder(tmp_path: Path) -> None:
    """Members of an sdist have no leading folder, and its metadata comes from the top-level PKG-INFO."""
    other = metadata_text("other", "9")
    path = make_sdist(tmp_path, {"src/a.py": "", "src/sample.egg-info/PKG-INFO": other})
    archive = Archive.read(path)
    assert set(archive.members) == {"PKG-INFO", "src/a.py", "src/sample.egg-info/PKG-INFO"}
    assert (archive.name, archive.version) == ("sample", "1.2.3")


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_metadata_are_utf8(tmp_path: Path, make: Callable[..., Path]) -> None:
    """Metadata is decoded as UTF-8, in a wheel and in an sdist."""
    metadata = Archive.read(make(tmp_path, {}, ("Author: Jürgen", "Classifier: Private :: Übung"))).metadata
    assert metadata["Author"] == "Jürgen"
    assert metadata.get_all("Classifier") == ["Private :: Übung"]


@pytest.mark.parametrize(("make", "name"), [(make_wheel, "sample-1.2.3.dist-info/METADATA"), (make_sdist, "PKG-INFO")])
def test_metadata_that_are_not_utf8_are_read_anyway(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    """Invalid bytes in metadata are replaced, and the other fields are read."""
    text = metadata_text("sample", "1.2.3", "Author: Jürgen", "License: MIT").encode("latin-1")
    metadata = Archive.read(make(tmp_path, {name: text})).metadata
    assert (metadata["Author"], metadata["License"]) == ("J\ufffdrgen", "MIT")


def test_metadata_of_a_vendored_package_are_not_the_wheels(tmp_path: Path) -> None:
    """The `.dist-info` folder of a vendored package in a wheel does not count as the wheel's."""
    vendored = {"sample/_vendor/other-9.dist-info/METADATA": metadata_text("other", "9")}
    archive = Archive.read(make_wheel(tmp_path, vendored))
    assert (archive.name, archive.version) == ("sample", "1.2.3")


@pytest.mark.parametrize("second", ["zother-9.dist-info/METADATA", "a.dist-info/METADATA"])
def test_a_wheel_tells_of_one_release(tmp_path: Path, second: str) -> None:
    """NS503 refuses a wheel with two `.dist-info` folders, as readers may choose different ones."""
    with pytest.raises(ShipError, match=r"NS503.*twice"):
        Archive.read(make_wheel(tmp_path, {second: metadata_text("other", "9")}))


def test_an_sdist_tells_of_one_release(tmp_path: Path) -> None:
    """NS503 refuses an sdist that contains `PKG-INFO` twice."""
    path = make_sdist(tmp_path, {})
    with gzip.open(path) as packed, tarfile.open(fileobj=packed) as archive:
        (member,) = archive.getmembers()
        data = archive.extractfile(member).read()  # type: ignore[union-attr]
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(member, io.BytesIO(data))
        archive.addfile(member, io.BytesIO(data))
    with pytest.raises(ShipError, match=r"NS503.*twice"):
        Archive.read(path)


@pytest.mark.parametrize("name", ["a-1-py3-none-any.whl", "a-1.tar.gz", "a-1.zip"])
@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """NS503 refuses a file that is named like a wheel or an sdist, but is not an archive."""
    path = tmp_path / name
    path.write_bytes(content)
    assert refused(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """NS503 reports a file that does not exist."""
    assert refused(tmp_path / "a-1-py3-none-any.whl")


def test_archives_without_metadata_are_refused(tmp_path: Path) -> None:
    """NS503 refuses a wheel without METADATA and an sdist without PKG-INFO."""
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a.py", "")
    sdist = tmp_path / "a-1.tar.gz"
    with tarfile.open(sdist, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a-1/a.py"))
    assert refused(wheel)
    assert refused(sdist)


def test_a_truncated_sdist_is_refused(tmp_path: Path) -> None:
    """NS503 refuses an sdist that lacks its last bytes."""
    path = make_sdist(tmp_path, {"a.py": "".join(map(str, range(5000)))})
    path.write_bytes(path.read_bytes()[:-2000])
    assert refused(path)


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_a_damaged_archive_is_refused(tmp_path: Path, make: Callable[..., Path]) -> None:
    """NS503 refuses an archive with damaged data, without a traceback."""
    path = make(tmp_path, {"sample/data.txt": "".join(map(str, range(5000)))})
    content = bytearray(path.read_bytes())
    content[300:800] = bytes(255 - byte for byte in content[300:800])
    path.write_bytes(content)
    assert refused(path)


@each(
    ("files", "expected"),
    [
        (["sample/__init__.py", "sample/inner/__init__.py"], ["sample"]),
        (["sample.py"], ["sample"]),
        (["sample/__init__.py", "_sample_speed.cpython-312-x86_64-linux-gnu.so"], ["_sample_speed", "sample"]),
        (["_speed.abi3.so"], ["_speed"]),
        (["sample/_speed.cp312-win_amd64.pyd"], ["sample"]),
        (["company/product/__init__.py", "company/product/a.py"], ["company.product"]),
        (["company/a/__init__.py", "company/b/__init__.py"], ["company.a", "company.b"]),
        (["company/product/deep/mod.py"], ["company.product.deep"]),
        (["company/mod.py", "company/product/__init__.py"], ["company"]),
        (["größe/__init__.py"], ["größe"]),
        (["sample.libs/libgomp.so"], []),
        (["sample-1.2.3.data/scripts/run.py", "sample/__init__.py"], ["sample"]),
        (["my-scripts/run.py"], []),
        (["sample/py.typed", "sample-stubs/__init__.pyi"], []),
        (["zz_sample.pth"], []),
    ],
)
def test_top_level_names_are_what_can_be_imported(tmp_path: Path, files: list[str], expected: list[str]) -> None:
    """Top-level names are those of packages, modules and extensions, but not of data, scripts or stubs."""
    archive = Archive.read(make_wheel(tmp_path, dict.fromkeys(files, "")))
    assert list(archive.top_level) == expected


def test_the_packages_of_a_large_namespace_are_found_in_no_time() -> None:
    """The packages of a namespace with 1,500 of them are found in half a second."""
    names = tuple(f"company/part{number}/__init__.py" for number in range(1500))
    archive = Archive(Path("sample-1.2.3-py3-none-any.whl"), names, Message(), (), ())
    with in_time(0.5):
        assert len(archive.top_level) == len(names)


def test_small_files_are_searched_for_secrets(tmp_path: Path) -> None:
    """Only small files are searched for keys, but a file with a name typical of secrets is found at any size."""
    key = f"-----BEGIN {'PRIVATE'} KEY-----\n{'MIIE' * 16}\n"
    full = key + "x" * (64 * 1024 - len(key))
    files = {"key": key, "none": "x", "a.py": key, "big": f"{full}x", "fits": full, "a/.env": f"{full}x"}
    for archive in (Archive.read(make_wheel(tmp_path, files)), Archive.read(make_sdist(tmp_path, files))):
        assert {suspect.name for suspect in archive.suspects} == {"key", "fits", "a/.env"}


def test_folders_and_links_are_no_members(tmp_path: Path) -> None:
    """Folders and links in an sdist are not listed as members."""
    path = tmp_path / "sample-1.2.3.tar.gz"
    info = metadata_text("sample", "1.2.3").encode()
    with tarfile.open(path, "w:gz") as archive:
        for name, kind in (("src", tarfile.DIRTYPE), ("link", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(f"sample-1.2.3/{name}")
            member.type, member.linkname = kind, "../../etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("sample-1.2.3/PKG-INFO")
        member.size = len(info)
        (tmp_path / "PKG-INFO").write_bytes(info)
        with (tmp_path / "PKG-INFO").open("rb") as stream:
            archive.addfile(member, stream)
    assert Archive.read(path).members == ("PKG-INFO",)


@pytest.mark.slow
def test_our_own_modules_are_none_that_an_index_refuses() -> None:
    """Our own modules, which contain patterns of keys and tokens, are not taken for secrets themselves."""
    for path in sorted(Path(nox_ship.__file__).parent.rglob("*.py")):
        found, content = Found(), path.read_bytes()
        found.take(path.name, len(content), io.BytesIO(content))
        assert (found.encrypted, found.suspects) == ([], []), path
