from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.package.manifest import File, Manifest
from nox_ship.package.parts import FILE, Part, Wanted, problems, table
from support import pack_wheel

COMMIT, SDIST = "c" * 40, "5" * 64
LINUX = "sample-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"
WINDOWS = "sample-1.0-cp312-cp312-win_amd64.whl"
MAC = "sample-1.0-cp312-cp312-macosx_11_0_arm64.whl"
MANIFEST = Manifest("sample", "1.0", COMMIT, "v1.0", dirty=False, files=(File("sample-1.0.tar.gz", "sdist", 3, SDIST),))


def part(system: str, *names: str, expected: tuple[str, ...] = ()) -> Part:
    """Return a part with wheels of these names."""
    files = tuple(File(name, "wheel", 3, "a" * 64) for name in names)
    return Part(system, COMMIT, "1.0", SDIST, files, expected)


GOOD = (
    part("ubuntu", LINUX, expected=("cp312-manylinux_x86_64",)),
    part("windows", WINDOWS, expected=("cp312-win_amd64",)),
)


def told(parts: tuple[Part, ...], wanted: Wanted | None = None) -> list[tuple[str, str]]:
    """Return the IDs and sentences of the problems with parts."""
    return [(finding.id, finding.what) for finding in problems(MANIFEST, parts, wanted or Wanted())]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(systems=("windows", "ubuntu")),
        Wanted(expect=("*-manylinux_*", "cp312-win_amd64")),
        Wanted(before=("cp312-win_amd64",)),
    ],
)
def test_a_whole_set_has_no_problem(wanted: Wanted) -> None:
    """A complete set is accepted, whichever source names the wheels that it must have."""
    assert told(GOOD, wanted) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"commit": "d" * 40}, "windows built dddddddddd, not cccccccccc."),
        ({"sdist": "6" * 64}, "windows built from another sdist: its SHA-256 differs."),
        ({"version": "1.1"}, "windows built 1.1, not 1.0."),
        ({"files": part("x", WINDOWS.replace("1.0", "1.1")).files}, "which is not a file of sample 1.0."),
        ({"files": part("x", WINDOWS.replace("sample", "other")).files}, "which is not a file of sample 1.0."),
    ],
)
def test_a_part_of_another_build_is_refused(change: dict[str, object], expected: str) -> None:
    """A part of another commit, sdist, version or project is refused with NS576, and its wheels are ignored."""
    found = told((GOOD[0], replace(GOOD[1], **change)), Wanted(expect=("cp399-nowhere",)))  # type: ignore[arg-type]
    assert [kind for kind, _ in found] == ["NS576"]
    assert expected in found[0][1]


@pytest.mark.parametrize(
    ("parts", "wanted", "kind", "expected"),
    [
        (GOOD[:1], Wanted(("ubuntu", "windows")), "NS577", "There are no wheels from windows."),
        (
            (part("ubuntu", expected=("cp312-manylinux_x86_64",)),),
            Wanted(),
            "NS577",
            "ubuntu built no wheel for cp312-",
        ),
        (GOOD, Wanted(before=("cp311-win_amd64",)), "NS577", "for cp311-win_amd64, which the last release has"),
        (
            GOOD,
            Wanted(expect=("*-win*", "*-macosx_*", "cp3*-manylinux*")),
            "NS577",
            "for *-macosx_*, which the",
        ),
        (
            GOOD,
            Wanted(expect=("*-win*",), before=("cp311-win32",)),
            "NS578",
            f"ubuntu built {LINUX}, which",
        ),
        ((GOOD[0], replace(GOOD[0], system="twin")), Wanted(), "NS578", f"{LINUX} was built by ubuntu and by twin."),
        (
            (GOOD[0], part("twin", LINUX.replace("1.0-", "1.0-1-"))),
            Wanted(),
            "NS578",
            f"{LINUX}, built by ubuntu, and {LINUX.replace('1.0-', '1.0-1-')}, built by twin, have the same tags.",
        ),
        ((GOOD[0], part("twin", f"{LINUX[:-4]}.manylinux2014_x86_64.whl")), Wanted(), "NS578", "have the same tags."),
        ((*GOOD, part("mac", MAC)), Wanted(("ubuntu", "windows")), "NS578", "mac is not in `tool.nox-ship.wheels."),
        ((*GOOD, part("ubuntu", MAC)), Wanted(("ubuntu", "windows")), "NS578", "ubuntu is collected twice."),
        ((GOOD[0], part("windows")), Wanted(("ubuntu", "windows")), "NS577", "windows built no wheel."),
        (
            (part("ubuntu", LINUX, MAC, expected=("cp312-manylinux_x86_64",)),),
            Wanted(),
            "NS578",
            f"ubuntu built {MAC}, which is not one of its wheels.",
        ),
        (
            (GOOD[0], part("windows", "sample-1.0-py3-none-any.whl")),
            Wanted(),
            "NS578",
            "py3-none-any.whl, which is not one of its wheels.",
        ),
    ],
)
def test_a_set_that_is_not_whole_is_refused(parts: tuple[Part, ...], wanted: Wanted, kind: str, expected: str) -> None:
    """A missing wheel is NS577 and an additional one NS578; each names the job."""
    found = told(parts, wanted)
    assert [one for one, _ in found] == [kind]
    assert expected in found[0][1]


def test_the_table_tells_each_target() -> None:
    """The table shows for each target the wheel, or `missing`, and the job that builds it."""
    parts = (*GOOD[:1], replace(GOOD[1], files=()))
    assert table(parts, Wanted(before=("cp311-macosx_arm64",))) == [
        ("cp312-manylinux_x86_64", LINUX, "ubuntu"),
        ("cp312-win_amd64", "missing", "windows"),
        ("cp311-macosx_arm64", "missing", ""),
    ]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return a folder with a part."""
    wheel = pack_wheel(tmp_path / LINUX, {"sample.py": ""})
    replace(GOOD[0], files=(File.of(wheel),)).write(tmp_path)
    return tmp_path


def test_a_part_is_read_as_it_was_written(made: Path) -> None:
    """Reading a part returns what was written, with its wheels."""
    read = Part.read(made)
    assert (read.system, read.expected) == ("ubuntu", ("cp312-manylinux_x86_64",))
    assert [file.name for file in read.files] == [LINUX]


def _edit(**changes: object) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        record = json.loads((folder / FILE).read_text("utf-8"))
        (folder / FILE).write_text(json.dumps({**record, **changes}), "utf-8")

    return edit


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / FILE).unlink(), "is not a file"),
        (lambda folder: (folder / FILE).write_text("[", "utf-8"), "cannot be read"),
        (lambda folder: (folder / FILE).write_text("[]", "utf-8"), "is not a part record of schema 1"),
        (lambda folder: (folder / LINUX).unlink(), "does not hold exactly"),
        (lambda folder: (folder / LINUX).write_bytes(b"other"), "is not the file that was recorded"),
        (lambda folder: (folder / WINDOWS).write_bytes(b"more"), "does not hold exactly"),
        (lambda folder: (folder / "sample-1.0.tar.gz").write_bytes(b"more"), "does not hold exactly"),
        (_edit(schema=2), "is not a part record of schema 1"),
        (_edit(files=5), "cannot be read"),
        (_edit(more=1), "cannot be read"),
        (_edit(files=[]), "does not hold exactly"),
        (_edit(files=[{"name": "../x.whl", "kind": "wheel", "size": 1, "sha256": "a" * 64}]), "cannot be read"),
    ],
)
def test_a_part_that_is_damaged_is_refused(made: Path, damage: Callable[[Path], object], words: str) -> None:
    """If the record is invalid, or a wheel is missing, changed or not recorded, the part is refused with NS575."""
    damage(made)
    with pytest.raises(ShipError, match=f"NS575.*{words}"):
        Part.read(made)
