from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fakes import FakeIndex, Programs, Yard, make_index, make_yard, publication
from nox_ship.errors import ShipError
from nox_ship.package.build import build, manifest_path
from nox_ship.package.joining import join, read_parts
from nox_ship.package.manifest import File, Manifest
from nox_ship.package.parts import Part, Wanted
from nox_ship.release.whole import built_elsewhere, wanted_wheels
from support import make_sdist, make_wheel
from test_build import FILES, METADATA
from test_twice import out

pytestmark = pytest.mark.slow

SETTINGS = '[tool.nox-ship.wheels]\nsystems = ["ubuntu", "windows"]\n'


@pytest.fixture
def built(tmp_path: Path, programs: Programs) -> tuple[Yard, Manifest]:
    """Return a project that has been built, and its manifest."""

    def reply(call: object) -> tuple[int, str]:
        folder = out(call)  # type: ignore[arg-type]
        make_wheel(folder, {"sample/__init__.py": "", "sample-1.2.3.dist-info/licenses/LICENSE": "MIT\n"}, METADATA)
        make_sdist(folder, FILES, METADATA)
        return 0, ""

    programs.play("-m build", reply=reply)
    yard = make_yard(tmp_path, {**FILES, "pyproject.toml": f"{FILES['pyproject.toml']}\n{SETTINGS}"})
    return yard, build(yard.project).manifest


def parted(built: tuple[Yard, Manifest], system: str, tags: str, **other: object) -> Path:
    """Write a part with one wheel, and return its folder."""
    yard, manifest = built
    folder = yard.root.parent / system
    info = "sample-1.2.3.dist-info"
    wheel_file = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tags}\n"
    inside = {"sample/__init__.py": "", f"{info}/licenses/LICENSE": "MIT\n", f"{info}/WHEEL": wheel_file}
    path = make_wheel(folder, inside, METADATA)
    wheel = path.rename(path.with_name(f"sample-1.2.3-{tags}.whl"))
    sha256 = next(file.sha256 for file in manifest.files if file.kind == "sdist")
    part = Part(system, manifest.commit, manifest.version, sha256, (File.of(wheel),), ())
    replace(part, **other).write(folder)  # type: ignore[arg-type]
    return folder


LINUX, WINDOWS = "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-win_amd64"


def test_parts_and_sdist_become_one_release(built: tuple[Yard, Manifest]) -> None:
    """`dist/` and the manifest hold the sdist and the wheels of all parts, but no longer the wheel of the build."""
    yard, before = built
    folders = [parted(built, "windows", WINDOWS), parted(built, "ubuntu", LINUX)]
    outcome = join(yard.project, read_parts(folders), Wanted(("ubuntu", "windows")))
    manifest = Manifest.read(manifest_path(yard.project))
    assert manifest == outcome.manifest
    assert manifest.systems == ("ubuntu", "windows")
    names = [f"sample-1.2.3-{LINUX}.whl", f"sample-1.2.3-{WINDOWS}.whl", "sample-1.2.3.tar.gz"]
    assert [file.name for file in manifest.files] == names
    assert [path.name for path in manifest.check(yard.root / "dist")] == names
    assert manifest == replace(before, files=manifest.files, systems=manifest.systems)


def test_a_set_that_is_not_whole_changes_nothing(built: tuple[Yard, Manifest]) -> None:
    """If the wheels of one system are missing, joining fails with NS577 and leaves the manifest and files unchanged."""
    yard, before = built
    parts = read_parts([parted(built, "ubuntu", LINUX)])
    with pytest.raises(ShipError, match=r"NS577.*windows"):
        join(yard.project, parts, Wanted(("ubuntu", "windows")))
    assert Manifest.read(manifest_path(yard.project)) == before
    assert before.check(yard.root / "dist")


def test_all_files_are_checked_together(built: tuple[Yard, Manifest]) -> None:
    """Joined files pass the checks of a build; a platform that PyPI refuses (NS549) is an error if they go there."""
    yard, _ = built
    folders = [parted(built, "ubuntu", "cp312-cp312-linux_x86_64"), parted(built, "windows", WINDOWS)]
    with pytest.raises(ShipError, match="NS549"):
        join(yard.project, read_parts(folders), Wanted(("ubuntu", "windows")))
    elsewhere = '[tool.nox-ship.routes]\nfinal = "ours"\n[tool.nox-ship.indexes.ours]\n'
    elsewhere += 'upload-url = "https://index.invalid/legacy/"\nsimple-url = "https://index.invalid/simple/"\n'
    yard.write({"pyproject.toml": f"{(yard.root / 'pyproject.toml').read_text('utf-8')}{elsewhere}"})
    assert join(yard.project, read_parts(folders), Wanted(("ubuntu", "windows"))).manifest.systems


def test_no_part_is_no_set(tmp_path: Path) -> None:
    """Without any part, NS575 names the session to run first; each folder that contains no part is reported."""
    with pytest.raises(ShipError, match=r"NS575.*nox -s wheels"):
        read_parts([])
    with pytest.raises(ShipError) as caught:
        read_parts([tmp_path / "a", tmp_path / "b"])
    assert [finding.id for finding in caught.value.findings] == ["NS575"] * 2


EARLIER = {
    f"sample-{version}-{tags}.whl": b"" for version, tags in (("1.0", LINUX), ("1.1", WINDOWS), ("1.2rc1", LINUX))
}


@pytest.mark.parametrize(
    ("version", "expect", "before"),
    [
        ("1.2", "", ("cp312-win_amd64",)),
        ("1.2rc2", "", ("cp312-manylinux_x86_64",)),
        ("1.0.5", "", ("cp312-manylinux_x86_64",)),
        ("0.9", "", ()),
        ("1.2", '["cp3*-win_amd64"]', ()),
    ],
)
def test_the_last_release_tells_what_there_must_be(
    built: tuple[Yard, Manifest], version: str, expect: str, before: tuple[str, ...]
) -> None:
    """The last release determines the wheels to expect, if the settings do not; final versions ignore pre-releases."""
    yard, manifest = built
    index: FakeIndex = make_index(earlier=EARLIER)
    if expect:
        text = (yard.root / "pyproject.toml").read_text("utf-8")
        yard.write({"pyproject.toml": f"{text}expect = {expect}\n"})
    wanted, warnings = wanted_wheels(yard.project, replace(manifest, version=version), index)
    assert (wanted.before, wanted.systems, warnings) == (before, ("ubuntu", "windows"), ())
    assert bool(wanted.expect) is bool(expect)
    assert bool(index.asked) is not bool(expect)


@pytest.mark.parametrize(
    ("systems", "expect", "index", "elsewhere"),
    [
        ('"ubuntu", "windows"', "", make_index(earlier=EARLIER), ("cp312-win_amd64",)),
        ('"ubuntu", "windows"', '["cp312-*", "cp311-win_amd64"]', make_index(), ("cp312-*", "cp311-win_amd64")),
        ('"ubuntu", "windows"', "", make_index(late=["silent"]), ("ubuntu", "windows")),
        ("", "", make_index(earlier=EARLIER), ()),
    ],
)
def test_what_a_workflow_builds_wheels_for_is_told(
    built: tuple[Yard, Manifest], systems: str, expect: str, index: FakeIndex, elsewhere: tuple[str, ...]
) -> None:
    """A workflow's wheels are named by the settings, the last release or its runners; without runners, it has none."""
    yard, manifest = built
    text = (yard.root / "pyproject.toml").read_text("utf-8").replace('"ubuntu", "windows"', systems)
    yard.write({"pyproject.toml": f"{text}expect = {expect}\n" if expect else text})
    made = publication(manifest, yard.root / "dist", index, yard.project)
    assert built_elsewhere(made) == elsewhere


def test_an_index_that_is_silent_is_a_warning(built: tuple[Yard, Manifest]) -> None:
    """If the index does not answer, NS580 warns that wheels of the last release may be missing."""
    yard, manifest = built
    wanted, warnings = wanted_wheels(yard.project, manifest, make_index(late=["silent"]))
    assert wanted.before == ()
    assert [(finding.id, finding.level) for finding in warnings] == [("NS580", "warning")]
