from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fakes import Call, Programs
from nox_ship import pythons
from nox_ship.errors import ShipError
from nox_ship.package import wheelhouse
from nox_ship.package.manifest import BuildFacts, File, Manifest
from nox_ship.package.parts import FILE, Part
from nox_ship.project import Project
from support import make_project, make_sdist, pack_wheel, write_files

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n[tool.nox-ship.wheels]\nbuilder = "{}"\n'
NAME = "sample-1.2.3-cp311-cp311-manylinux_2_5_x86_64.whl"
TRUE = '{"overall_tag": "manylinux_2_5_x86_64"}'


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch, programs: Programs) -> None:
    """Simulate Linux on x86-64 with Python 3.11 and 3.12, and an auditwheel that finds no fault."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    monkeypatch.setattr(pythons, "interpreter", lambda version: f"/python{version}" if version != "3.13" else None)
    programs.answer("auditwheel show", stdout=TRUE)


def made(tmp_path: Path, builder: str, *versions: str) -> tuple[Project, Manifest]:
    """Return a project and the manifest of its sdist."""
    project = make_project(tmp_path, PYPROJECT.format(builder))
    sdist = make_sdist(tmp_path / "dist", {"sample.c": ""})
    facts = BuildFacts("3.12.1", 1_700_000_000, 1_700_000_001)
    files = (File.of(sdist),)
    manifest = Manifest("sample", "1.2.3", "c" * 40, "v1.2.3", dirty=False, files=files, pythons=versions, build=facts)
    return project, manifest


def build(project: Project, manifest: Manifest, called: str = "ubuntu") -> Part:
    """Build the wheels."""
    return wheelhouse.build_wheels(project, manifest, project.root / "dist", Path("/tools"), called)


def building(programs: Programs, tags: str = "{}-{}-linux_x86_64") -> None:
    """Answer for uv, which builds wheels with these tags, and for auditwheel, which repairs them."""

    def wheel(call: Call) -> tuple[int, str]:
        version = call.line[call.line.index("--python") + 1].removeprefix("/python").replace(".", "")
        out = Path(call.line[call.line.index("--out-dir") + 1])
        out.mkdir()
        pack_wheel(out / f"sample-1.2.3-{tags.format(f'cp{version}', f'cp{version}')}.whl", {"sample.so": ""})
        return 0, ""

    def repair(call: Call) -> tuple[int, str]:
        name = Path(call.line[-1]).name.replace("linux_x86_64", "manylinux_2_5_x86_64")
        pack_wheel(Path(call.line[call.line.index("--wheel-dir") + 1]) / name, {"sample.so": ""})
        return 0, ""

    programs.play("build --wheel", reply=wheel)
    programs.play("auditwheel repair", reply=repair)


def test_a_wheel_is_built_for_each_python_that_is_here(tmp_path: Path, programs: Programs) -> None:
    """A wheel is built for each installed Python, and expected for a missing one, so that the gap is noticed."""
    building(programs)
    project, manifest = made(tmp_path, "build", "3.11", "3.12", "3.13")
    part = build(project, manifest)
    names = [f"sample-1.2.3-cp3{minor}-cp3{minor}-manylinux_2_5_x86_64.whl" for minor in (11, 12)]
    assert [file.name for file in part.files] == names
    assert part.expected == tuple(f"cp3{minor}-manylinux_x86_64" for minor in (11, 12, 13))
    assert (part.system, part.commit, part.sdist) == ("ubuntu", "c" * 40, manifest.files[0].sha256)
    assert Part.read(wheelhouse.folder_of(project)) == part


def test_a_wheel_of_the_stable_abi_is_built_once(tmp_path: Path, programs: Programs) -> None:
    """A wheel for the stable ABI is built once and checked with abi3audit (NS574)."""
    building(programs, "{0}-abi3-linux_x86_64")
    project, manifest = made(tmp_path, "build", "3.11", "3.12")
    assert [file.name for file in build(project, manifest).files] == [
        "sample-1.2.3-cp311-abi3-manylinux_2_5_x86_64.whl"
    ]
    assert len(programs.started("--wheel")) == 1
    programs.answer("abi3audit", code=1, stdout="PyUnicode_AsUTF8")
    with pytest.raises(ShipError, match=r"NS574.*stable ABI"):
        build(project, manifest)


@pytest.mark.parametrize(
    ("shown", "passes"),
    [
        (TRUE, True),
        (TRUE.replace("_5_", "_17_"), False),
        (TRUE.replace("x86_64", "i686"), False),
        (TRUE.replace("manylinux", "musllinux"), False),
        ('{"overall_tag": "linux_x86_64"}', False),
        ("manylinux_2_5_x86_64", False),
        ("[5]", False),
    ],
)
def test_a_tag_must_be_what_auditwheel_finds(tmp_path: Path, programs: Programs, shown: str, passes: bool) -> None:
    """A tag that promises an older system than auditwheel finds is refused with NS574, and earlier wheels stay."""
    building(programs)
    project, manifest = made(tmp_path, "build", "3.11")
    folder = write_files(wheelhouse.folder_of(project), {"earlier.whl": ""})
    programs.answer("auditwheel show", stdout=shown)
    if passes:
        assert build(project, manifest).files
        assert {path.name for path in folder.iterdir()} == {NAME, FILE}
    else:
        with pytest.raises(ShipError, match=r"NS574.*newer system"):
            build(project, manifest)
        assert [path.name for path in folder.iterdir()] == ["earlier.whl"]


def test_tools_get_no_credentials(tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools get no credentials, find the session's tools first on the path, and get the time of the commit."""
    monkeypatch.setenv("PATH", "/usual")
    building(programs)
    build(*made(tmp_path, "build", "3.11"))
    (call,) = programs.started("repair")
    assert call.env == {"PATH": "/tools:/usual", "SOURCE_DATE_EPOCH": "1700000000"}
    assert call.options["keep"] == ()


@pytest.mark.parametrize(
    ("words", "kind"), [("build --wheel", "NS572"), ("auditwheel repair", "NS573"), ("auditwheel show", "NS574")]
)
def test_a_tool_that_fails_is_told_with_its_words(tmp_path: Path, programs: Programs, words: str, kind: str) -> None:
    """Each tool that fails has an error ID of its own, with the tool's output."""
    building(programs)
    programs.answer(words, code=1, stdout="no such library")
    with pytest.raises(ShipError, match=kind) as caught:
        build(*made(tmp_path, "build", "3.11"))
    assert caught.value.findings[0].detail == "no such library"


def test_a_module_that_names_no_c_library_is_repaired_for_this_machine(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If auditwheel detects no C library, it runs again for this machine's; on failure, its first message is shown."""
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    building(programs)
    tried: list[bool] = []

    def repair(call: Call) -> tuple[int, str]:
        tried.append("--plat" in call.line)
        if "manylinux_2_36_x86_64" not in call.line:
            return 1, "couldn't detect libc"
        pack_wheel(Path(call.line[call.line.index("--wheel-dir") + 1]) / NAME, {"sample.so": ""})
        return 0, ""

    programs.play("auditwheel repair", reply=repair)
    project, manifest = made(tmp_path, "build", "3.11")
    assert [file.name for file in build(project, manifest).files] == [NAME]
    assert tried == [False, True]
    programs.play("auditwheel repair", reply=lambda call: (1, "second" if "--plat" in call.line else "first"))
    with pytest.raises(ShipError, match="NS573") as caught:
        build(project, manifest)
    assert caught.value.findings[0].detail == "first"


def test_a_pure_wheel_is_nothing_for_a_system(tmp_path: Path, programs: Programs) -> None:
    """A pure Python wheel is refused with NS579 and is not repaired."""
    building(programs, "py3-none-any")
    with pytest.raises(ShipError, match=r"NS579.*py3-none-any"):
        build(*made(tmp_path, "build", "3.11"))
    assert not programs.started("repair")


def test_cibuildwheel_builds_the_sdist_by_the_projects_settings(tmp_path: Path, programs: Programs) -> None:
    """With cibuildwheel, the sdist is built, and each identifier that it lists is expected as a wheel."""

    def run(call: Call) -> tuple[int, str]:
        if "--print-build-identifiers" in call.line:
            return 0, "cp312-manylinux_x86_64\ncp312-musllinux_x86_64\n"
        out = Path(call.line[call.line.index("--output-dir") + 1])
        pack_wheel(out / "sample-1.2.3-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", {"a.so": ""})
        return 0, ""

    programs.play("cibuildwheel", reply=run)
    project, manifest = made(tmp_path, "cibuildwheel", "3.12")
    part = build(project, manifest)
    assert part.expected == ("cp312-manylinux_x86_64", "cp312-musllinux_x86_64")
    assert len(part.files) == 1
    (call,) = programs.started("--output-dir")
    assert Path(call.line[1]).name == manifest.files[0].name
    programs.answer("cibuildwheel", code=1)
    with pytest.raises(ShipError, match="NS572"):
        build(project, manifest)


def test_another_architecture_is_cibuildwheels(tmp_path: Path, programs: Programs) -> None:
    """Only cibuildwheel builds for another architecture, which it is given; `build` refuses that with NS583."""

    def run(call: Call) -> tuple[int, str]:
        if "--print-build-identifiers" in call.line:
            return 0, "cp312-manylinux_ppc64le\n"
        out = Path(call.line[call.line.index("--output-dir") + 1])
        pack_wheel(out / "sample-1.2.3-cp312-cp312-manylinux_2_17_ppc64le.whl", {"a.so": ""})
        return 0, ""

    programs.play("cibuildwheel", reply=run)
    programs.answer("auditwheel show", stdout='{"overall_tag": "manylinux_2_17_ppc64le"}')
    part = build(*made(tmp_path, "cibuildwheel", "3.12"), called="ubuntu-latest/ppc64le")
    assert (part.system, part.expected) == ("ubuntu-latest/ppc64le", ("cp312-manylinux_ppc64le",))
    asked = [call.line[call.line.index("--archs") + 1] for call in programs.started("--archs")]
    assert asked == ["ppc64le", "ppc64le"]
    with pytest.raises(ShipError, match=r"NS583.*ppc64le"):
        build(*made(tmp_path, "build", "3.12"), called="ubuntu-latest/ppc64le")


@pytest.mark.parametrize(
    ("setting", "system", "engine", "expected"),
    [
        ("auto", "linux", None, "build"),
        ("auto", "linux", 1, "build"),
        ("auto", "linux", 0, "cibuildwheel"),
        ("auto", "darwin", None, "cibuildwheel"),
        ("build", "darwin", None, "build"),
        ("cibuildwheel", "linux", None, "cibuildwheel"),
    ],
)
def test_cibuildwheel_is_taken_where_it_can_run(
    tmp_path: Path,
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    system: str,
    engine: int | None,
    expected: str,
) -> None:
    """By default, cibuildwheel is used unless Linux has no working container engine; a setting decides otherwise."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("shutil.which", lambda name: None if engine is None else f"/bin/{name}")
    programs.answer("docker info", code=engine or 0)
    programs.answer("podman info", code=engine or 0)
    project = make_project(tmp_path, PYPROJECT.format(setting))
    assert wheelhouse.builder(project) == expected
    assert (wheelhouse.requirements(project)[0] == "cibuildwheel[uv]>=3") is (expected == "cibuildwheel")
