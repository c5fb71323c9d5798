from __future__ import annotations

from pathlib import Path

import pytest

from drafts import Draft, good_files
from nox_ship.package import wheels
from nox_ship.package.contents import Archive
from nox_ship.project import Project
from support import each, in_time, write_files


def drafted(folder: Path) -> Draft:
    """Return the parts of a good wheel."""
    return Draft.read(good_files(folder)[0])


def read(folder: Path, draft: Draft) -> Archive:
    return Archive.read(draft.write(folder / "made"))


@each(
    ("old", "new", "told"),
    [
        ("sample/__init__.py,", "sample/other.py,", ["does not list sample/__init__.py", "lists sample/other.py"]),
        ("sample/__init__.py,sha256=", "sample/__init__.py,sha256=A", ["has the wrong hash for sample/__init__.py"]),
        ("sample/__init__.py,", "\n\nsample/__init__.py,", ["cannot be read"]),
        ("sample/__init__.py,", "\xff,", ["cannot be read"]),
        ("sample/__init__.py,sha256=", "sample\\__init__.py,sha512=", []),
        ("sample/__init__.py,sha256=", "sample/__init__.py,,", []),
        ("/RECORD,,", "/RECORD", []),
    ],
)
def test_a_record_tells_what_the_wheel_holds(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    """RECORD must list the wheel's members with their hashes (NS546); missing and other kinds of hashes are allowed."""
    draft = drafted(tmp_path)
    record = f"{draft.top}RECORD"
    text = draft.members[record].decode()
    assert old in text
    draft.record, draft.members[record] = False, text.replace(old, new).encode("latin-1")
    found = list(wheels.recorded(read(tmp_path, draft)))
    assert [finding.id for finding in found] == ["NS546"] * len(told)
    assert all(words in finding.what for words, finding in zip(told, found, strict=True))


def test_a_wheel_without_a_record_is_incomplete(tmp_path: Path) -> None:
    """A wheel without RECORD is reported as NS545, without further findings about RECORD."""
    draft = drafted(tmp_path)
    draft.record = False
    del draft.members[f"{draft.top}RECORD"]
    wheel = read(tmp_path, draft)
    assert [finding.id for finding in wheels.describes_itself(wheel)] == ["NS545"]
    assert list(wheels.recorded(wheel)) == []


def test_a_wheel_with_a_member_twice_is_not_compared_with_its_record(tmp_path: Path) -> None:
    """A wheel that has a member twice is not compared with RECORD, as it is an error already."""
    draft = drafted(tmp_path)
    draft.repeated = [("sample/__init__.py", b"other")]
    wheel = read(tmp_path, draft)
    assert wheel.irregular
    assert list(wheels.recorded(wheel)) == []


def test_signatures_stand_in_no_record(tmp_path: Path) -> None:
    """RECORD.jws and RECORD.p7s need not be in RECORD, as they are made after it."""
    draft = drafted(tmp_path)
    names = [f"{draft.top}{name}" for name in ("RECORD.jws", "RECORD.p7s")]
    draft.record, draft.members = False, {**draft.members, **dict.fromkeys(names, b"")}
    assert list(wheels.recorded(read(tmp_path, draft))) == []


@each(
    ("tag", "lines", "good"),
    [
        ("py3-none-any", ["py3-none-any"], True),
        ("py2.py3-none-any", ["py2-none-any", "py3-none-any"], True),
        ("py2.py3-none-any", ["py2.py3-none-any"], True),
        ("py3-none-any", ["cp311-cp311-linux_x86_64"], False),
        ("py3-none-any", [], False),
        ("py3-none-any", ["what"], False),
        ("7b-py3-none-any", ["py3-none-any\nBuild: 7b"], True),
        ("7-py3-none-any", ["py3-none-any"], False),
        ("py3-none-any", ["py3-none-any\nBuild: 7"], False),
    ],
)
def test_a_wheel_tells_the_tags_of_its_name(tmp_path: Path, tag: str, lines: list[str], good: bool) -> None:
    """If the tags or the build number in WHEEL are not those of the file name, warning NS547 says so."""
    draft = drafted(tmp_path)
    draft.file = draft.file.replace("py3-none-any", tag)
    draft.members[f"{draft.top}WHEEL"] = "".join(
        ["Wheel-Version: 1.0\n", *(f"Tag: {line}\n" for line in lines)]
    ).encode()
    found = [(finding.id, finding.level) for finding in wheels.tags_told(read(tmp_path, draft))]
    assert found == ([] if good else [("NS547", "warning")])


def test_tags_are_not_compared_where_there_are_none(tmp_path: Path) -> None:
    """Tags are not compared if there is no WHEEL or the file name is invalid, which other checks report."""
    draft = drafted(tmp_path)
    draft.file = "sample-1.2.3-any.whl"
    assert list(wheels.tags_told(read(tmp_path, draft))) == []
    draft = drafted(tmp_path)
    del draft.members[f"{draft.top}WHEEL"]
    assert list(wheels.tags_told(read(tmp_path, draft))) == []


def test_tags_that_stand_for_millions_are_not_counted(tmp_path: Path) -> None:
    """Compressed tags that would expand to millions are reported as NS547 without expanding them."""
    draft = drafted(tmp_path)
    parts = (".".join(f"{letter}{number}" for number in range(100)) for letter in "abc")
    draft.members[f"{draft.top}WHEEL"] = f"Tag: {'-'.join(parts)}\n".encode()
    with in_time(0.5):
        (finding,) = wheels.tags_told(read(tmp_path, draft))
    assert finding.id == "NS547"
    assert finding.what.endswith("has more than 10000 tags.")


TAKEN = [
    *("any", "win32", "win_amd64", "win_arm64", "manylinux1_i686", "manylinux2010_x86_64", "manylinux2014_s390x"),
    *("manylinux_2_17_aarch64", "manylinux_2_39_riscv64", "musllinux_1_2_armv7l", "linux_armv7l", "linux_armv6l"),
    *("macosx_10_9_universal2", "macosx_10_6_intel", "macosx_11_0_arm64", "macosx_26_0_x86_64"),
    *("ios_13_0_arm64_iphoneos", "android_21_arm64_v8a", "pyemscripten_2025_0_wasm32"),
]
REFUSED = [
    *(
        "linux_x86_64",
        "linux_aarch64",
        "win_amd65",
        "any2",
        "manylinux2010_aarch64",
        "manylinux_2_17_sparc",
        "freebsd_14",
    ),
    *("musllinux_1_2_ppc64", "macosx_12_1_arm64", "macosx_27_0_arm64", "macosx_11_0_sparc", "manylinux3000_x86_64"),
    *("emscripten_4_0_9_wasm32", "android_21_mips"),
]


@each(("platform", "taken"), [*((p, True) for p in TAKEN), *((p, False) for p in REFUSED)])
def test_a_wheel_is_for_platforms_that_pypi_takes(platform: str, taken: bool) -> None:
    """A platform tag that PyPI does not accept is refused with NS549."""
    found = [finding.id for finding in wheels.platform_taken(f"sample-1.2.3-py3-none-{platform}.whl")]
    assert found == ([] if taken else ["NS549"])


@each(
    ("files", "elsewhere"),
    [
        ({"python/pyproject.toml": ""}, False),
        ({".github/workflows/ci.yml": "run: python -m build  # no wheels by cibuildwheels\n"}, False),
        ({"python/.github/workflows/ci.yml": "uses: pypa/cibuildwheel@v3\n"}, False),
        ({".github/workflows/ci.yml": "", ".github/workflows/wheels.yaml": "- uses: pypa/cibuildwheel@v3\n"}, True),
        ({".github/workflows/wheels.yml": b"\xff\n- run: auditwheel repair dist/*.whl\n"}, True),
        ({".gitlab-ci.yml": "script: [cibuildwheel]\n"}, True),
        ({".circleci/config.yml": "image: quay.io/pypa/manylinux_2_28_x86_64\n"}, True),
        ({".gitlab-ci.yml": "# manylinux\n"}, False),
        ({"python/pyproject.toml": '[tool.cibuildwheel]\nskip = "pp*"\n'}, True),
    ],
)
def test_wheels_may_be_made_elsewhere(tmp_path: Path, files: dict[str, str | bytes], elsewhere: bool) -> None:
    """If CI or a setting builds wheels, this machine's platform tag leads to a warning instead of an error."""
    write_files(tmp_path, {".git/HEAD": "", "python/pyproject.toml": "", **files})
    assert wheels.made_elsewhere(Project.read(tmp_path / "python")) is elsewhere
    (finding,) = wheels.platform_taken("sample-1.2.3-cp312-cp312-linux_x86_64.whl", elsewhere=elsewhere)
    assert finding.level == ("warning" if elsewhere else "error")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ("[x]\n" + "".join(f"a{number} = b:c\n" for number in range(5000)), True),
        ("[x]\n" + "x\n" * 200_000, False),
        ("[x]\n" + "  x\n" * 200_000, False),
        ("[x]\n" + "=\n" * 200_000, False),
        (f"[x]\na{' ' * 20_000}b\n", False),
        ("[x]\n" + f"# {'x' * 900}\n" * 2000, False),
        ("[console_scripts]\nsample = sample:main\nsample-3.x = sample:main [extra]\n", True),
        ("[pytest11]\na b/c = sample\n", True),
        ("# none\n[x]\n", True),
        ("[gui_scripts]\na b = sample:main\n", False),
        ("[console_scripts]\nsample: sample:main\n", False),
        ("[console_scripts]\na = b:c\na = b:d\n", False),
        ("a = b\n", False),
        ("[console_scripts\n", False),
        ("\xff", False),
    ],
)
def test_entry_points_can_be_read(tmp_path: Path, text: str, good: bool) -> None:
    """Entry points must be valid, with usable names for commands (NS550); huge files are read quickly."""
    draft = drafted(tmp_path)
    draft.members[f"{draft.top}entry_points.txt"] = text.encode("latin-1")
    with in_time(1):
        found = [finding.id for finding in wheels.entry_points_valid(read(tmp_path, draft))]
    assert found == ([] if good else ["NS550"])
