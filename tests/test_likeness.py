from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nox_ship.errors import ShipError
from nox_ship.package.likeness import Likeness
from support import each, in_time, make_sdist, make_wheel

TEXT = "one\ntwo\n"


def pair(folder: Path, first: dict[str, str | bytes], second: dict[str, str | bytes]) -> Likeness:
    """Compare two sdists."""
    return Likeness.of(make_sdist(folder / "1", first), make_sdist(folder / "2", second))


def test_the_same_bytes_are_identical(tmp_path: Path) -> None:
    """Two files with the same bytes are identical, and no difference is shown."""
    found = pair(tmp_path, {"a": TEXT}, {"a": TEXT})
    assert (found.verdict, str(found), found.lines) == ("identical", "identical", [])


def test_members_that_differ_are_shown_as_a_diff(tmp_path: Path) -> None:
    """The diff of a changed member is shown, and members that only one archive has are named."""
    found = pair(tmp_path, {"a": TEXT, "gone": ""}, {"a": "one\n2\n", "new": ""})
    assert found.verdict == "content"
    assert str(found) == "3 of its files differ: a, gone, new"
    assert found.lines == ["changed: a", "  @@ -2 +2 @@", "  -two", "  +2", "missing: gone", "added: new"]


@each(
    ("first", "second", "expected"),
    [
        ("a\n", "a\r\n", ["  (only the line endings differ)"]),
        (b"\0a", b"\0b", []),
        ("a\n" * 40_000, "b\n" * 40_000, []),
        ("x" * 200, "y", ["  @@ -1 +1 @@", f"  -{'x' * 159}...", "  +y"]),
    ],
)
def test_a_diff_is_short(tmp_path: Path, first: str | bytes, second: str | bytes, expected: list[str]) -> None:
    """For binary or very long members there is no diff, and long lines are shortened."""
    assert pair(tmp_path, {"a": first}, {"a": second}).lines == ["changed: a", *expected]


def test_few_lines_of_few_members_are_shown(tmp_path: Path) -> None:
    """Diffs are shown for five members at most, 20 lines each; the rest is counted or only named."""
    names = "abcdefg"
    found = pair(tmp_path, dict.fromkeys(names, "x\n" * 30), {n: "".join(f"{i}\n" for i in range(30)) for n in names})
    shown = [member for member in found.members if member.diff]
    assert (len(found.members), len(shown), len(shown[0].diff)) == (7, 5, 21)
    assert shown[0].diff[-1] == "... and 41 more lines"


def test_of_very_many_members_some_are_named(tmp_path: Path) -> None:
    """Twenty members are named and the others counted, but the result's data contains all of them."""
    found = pair(tmp_path, {f"{n:02}": "" for n in range(30)}, {})
    assert (len(found.members), len(found.lines)) == (30, 21)
    assert found.lines[-2:] == ["missing: 19", "... and 10 more"]


@pytest.mark.slow
def test_a_diff_of_hostile_texts_takes_no_time(tmp_path: Path) -> None:
    """Two texts chosen to make diffs slow are compared within seconds."""
    first, second = ("".join(f"{(i * step) % 9973}\n" for i in range(12_000)) for step in (7, 11))
    with in_time(8):
        pair(tmp_path, {str(n): first for n in range(2)}, {str(n): second for n in range(2)})


def test_a_record_that_follows_from_other_members_is_not_named(tmp_path: Path) -> None:
    """As RECORD differs whenever another file in the wheel does, it is named only if nothing else differs."""
    wheels = [make_wheel(tmp_path / str(n), {"sample.py": text}) for n, text in enumerate(("", "x"))]
    assert [member.name for member in Likeness.of(*wheels).members] == ["sample.py"]
    record = "sample-1.2.3.dist-info/RECORD"
    for number, wheel in enumerate(wheels):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(record, str(number))
    assert [member.name for member in Likeness.of(*wheels).members] == [record]


def zipped(path: Path, *infos: zipfile.ZipInfo, kind: int = zipfile.ZIP_STORED) -> Path:
    """Write a wheel whose members all have the same content."""
    path.parent.mkdir()
    path = path.with_name("sample-1.2.3-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        for info in infos:
            archive.writestr(info, b"" if info.is_dir() else TEXT * 50, kind)
    return path


def info(name: str = "a", mode: int = 0o644, year: int = 2020) -> zipfile.ZipInfo:
    """Return the metadata of a member in a wheel."""
    made = zipfile.ZipInfo(name, (year, 2, 2, 0, 0, 0))
    made.external_attr = mode << 16
    return made


@each(
    ("others", "kind", "expected"),
    [
        ([info("a", year=2021), info("b")], zipfile.ZIP_STORED, "times"),
        ([info("b"), info("a")], zipfile.ZIP_STORED, "order"),
        ([info("a", mode=0o755), info("b")], zipfile.ZIP_STORED, "modes"),
        ([info("a"), info("b")], zipfile.ZIP_DEFLATED, "compression"),
        ([info("a"), info("b"), info("c/", 0o755)], zipfile.ZIP_STORED, "folders"),
        ([info("b", year=2021), info("a")], zipfile.ZIP_STORED, "times, order"),
    ],
)
def test_archives_of_the_same_content_differ_by_name(
    tmp_path: Path, others: list[zipfile.ZipInfo], kind: int, expected: str
) -> None:
    """If only the archives differ, the result says how: times, order, modes, compression or folders."""
    wheels = zipped(tmp_path / "1" / "x", info("a"), info("b")), zipped(tmp_path / "2" / "x", *others, kind=kind)
    found = Likeness.of(*wheels)
    assert (found.verdict, str(found)) == ("archive", f"identical but for the archive: {expected}")


def tarred(folder: Path, change: Callable[[tarfile.TarInfo], Any] = lambda _: None, level: int = 9) -> Path:
    """Write an sdist with a file and a symlink."""
    folder.mkdir()
    path = folder / "sample-1.2.3.tar.gz"
    with gzip.GzipFile(path, "wb", level, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("PKG-INFO", "link"):
            member = tarfile.TarInfo(f"sample-1.2.3/{name}")
            member.size = 10 * len(TEXT) if name != "link" else 0
            member.type, member.linkname = (tarfile.SYMTYPE, "PKG-INFO") if name == "link" else (tarfile.REGTYPE, "")
            change(member)
            archive.addfile(member, io.BytesIO(TEXT.encode() * 10))
    return path


@each(
    ("change", "verdict", "told"),
    [
        (lambda member: setattr(member, "mtime", 5), "archive", "times"),
        (lambda member: setattr(member, "mode", 0o600), "archive", "modes"),
        (lambda member: setattr(member, "uid", 5), "archive", "owners"),
        (lambda member: setattr(member, "gname", "staff"), "archive", "owners"),
        (lambda member: setattr(member, "linkname", member.linkname and "else"), "content", "link"),
    ],
)
def test_sdists_are_compared_member_by_member(
    tmp_path: Path, change: Callable[[tarfile.TarInfo], Any], verdict: str, told: str
) -> None:
    """Differing times, modes and owners count as the archive; another target of a link counts as content."""
    found = Likeness.of(tarred(tmp_path / "1"), tarred(tmp_path / "2", change))
    assert found.verdict == verdict
    assert told in str(found)
    assert Likeness.of(tarred(tmp_path / "3"), tarred(tmp_path / "4", level=1)).archive == ("compression",)


@pytest.mark.parametrize("name", ["sample-1.2.3.tar.gz", "sample-1.2.3-py3-none-any.whl"])
def test_what_is_no_archive_cannot_be_compared(tmp_path: Path, name: str) -> None:
    """Files that are not valid archives are refused with NS503."""
    paths = [tmp_path / number / name for number in "12"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(str(path))
    with pytest.raises(ShipError, match="NS503"):
        Likeness.of(*paths)
