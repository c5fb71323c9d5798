"""The bill of materials of a release: how it is made while the wheel is tested, and what is attached to the release."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fakes import HOSTILE, TOLD, Call, Programs, bundle, write_dist
from nox_ship.errors import ShipError
from nox_ship.package.install import verify_files
from nox_ship.package.manifest import BuildFacts, Manifest
from nox_ship.package.materials import completed, materials_path
from nox_ship.process import COMMAND_MISSING
from nox_ship.project import Project, newest_python
from nox_ship.release import proving
from nox_ship.release.announcement import Attachment
from nox_ship.release.beside import materials, provenance
from nox_ship.release.run import Run
from support import each, make_project

FACTS = BuildFacts("3.12.1", 1_500_000_000, 1_600_000_000)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project."""
    return make_project(tmp_path, '[project]\nname = "sample"\nversion = "1.2.3"\n')


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Write the project's built files, and return their manifest."""
    return write_dist(project, "c" * 40, "1.2.3", build=FACTS)


def describe(programs: Programs, told: object = TOLD) -> None:
    """Make cyclonedx-py write a text, or a value as JSON."""

    def write(call: Call) -> tuple[int, str]:
        text = told if isinstance(told, str) else json.dumps(told)
        Path(call.line[call.line.index("--output-file") + 1]).write_text(text, "utf-8")
        return 0, ""

    programs.play("cyclonedx-py", reply=write)


def try_out(project: Project, manifest: Manifest, *, describe: bool = True) -> tuple[list[str], bool]:
    """Test the files on a Python; return the warnings, and whether the environment was described."""
    done = verify_files(project, manifest, project.root / "dist", "python3.12", "3.12", describe=describe)
    return [str(warning) for warning in done.warnings], done.described


def made(manifest: Manifest, told: dict[str, Any] = TOLD) -> dict[str, Any]:
    """Return the bill of materials that is made of cyclonedx-py's output."""
    value: dict[str, Any] = json.loads(completed(copy.deepcopy(told), manifest, manifest.files[0], "3.12"))
    return value


def test_the_environment_of_the_wheel_is_described(project: Project, manifest: Manifest, programs: Programs) -> None:
    """The environment is described once, after installing and before running anything, by a tool outside of it."""
    describe(programs)
    assert try_out(project, manifest) == ([], True)
    (call,) = programs.started("cyclonedx-py")
    of_wheel = [one for one in programs.calls if one.options.get("cwd") == call.options["cwd"]]
    assert ["install" in one.line for one in of_wheel[: of_wheel.index(call)]] == [True]
    assert of_wheel[0].line[-1].endswith(manifest.files[0].sha256)
    environment = of_wheel[0].line[of_wheel[0].line.index("--python") + 1]
    assert call.line[-1] == environment
    assert call.line[1:9] == (
        *("tool", "run", "--quiet", "--python", sys.executable),
        *("--from", "cyclonedx-bom", "cyclonedx-py"),
    )
    assert not Path(call.line[call.line.index("--output-file") + 1]).is_relative_to(environment)
    assert {call.env[name] for name in ("PYTHONPATH", "PYTHONHOME", "SOURCE_DATE_EPOCH")} == {None}
    told = json.loads(materials_path(project).read_bytes())
    assert told["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": manifest.files[0].sha256}]


def test_nothing_is_described_that_nobody_asked_for(project: Project, manifest: Manifest, programs: Programs) -> None:
    """For a project that announces no releases, no bill of materials is made."""
    describe(programs)
    assert try_out(project, manifest, describe=False) == ([], False)
    assert programs.started("cyclonedx-py") == []
    assert not materials_path(project).exists()


def test_files_that_passed_are_tried_again_to_be_described(
    project: Project, manifest: Manifest, programs: Programs
) -> None:
    """Files that already passed are tested again if a bill of materials is needed; an outdated one is removed."""
    describe(programs)
    try_out(project, manifest, describe=False)
    assert try_out(project, manifest) == ([], True)
    programs.answer("cyclonedx-py", code=1)
    assert try_out(project, manifest)[1] is False
    assert not materials_path(project).exists()


def test_what_cannot_be_described_is_released_without(project: Project, manifest: Manifest, programs: Programs) -> None:
    """If the tool fails, NS627 is a warning with its output, shortened to one line."""
    failed = "NS627 no-bill-of-materials: cyclonedx-py did not describe what sample-1.2.3-py3-none-any.whl installs: "
    programs.answer("cyclonedx-py", code=1, stdout="InvalidRequirement: x\n    y (>dev)\n" + "more\n" * 100)
    ((warning, _),) = (text.split(" ...", 1) for text in try_out(project, manifest)[0])
    assert warning.startswith(f"{failed}InvalidRequirement: x y (>dev) more")
    assert len(warning) < len(failed) + 300
    programs.answer("cyclonedx-py", code=7)
    assert "exit code 7." in try_out(project, manifest)[0][0]


def lacking(path: str) -> dict[str, Any]:
    """Return the output of cyclonedx-py without one part."""
    told = copy.deepcopy(TOLD)
    *above, last = path.split(".")
    place = told
    for name in above:
        place = place[name]
    del place[last]
    return told


@pytest.mark.parametrize(
    "told",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"components": 1' + "0" * 5000,
        lacking("components"),
        lacking("metadata"),
        lacking("metadata.tools"),
        {**TOLD, "bomFormat": "SPDX"},
        {**TOLD, "components": [{"name": "sample", "version": "1.2.4"}]},
        {**TOLD, "components": TOLD["components"][1:]},
        {**TOLD, "components": [*TOLD["components"], {"name": "sample"}]},
        {**TOLD, "components": [{"name": 1}]},
        {**TOLD, "components": ["sample"]},
        {**TOLD, "components": None},
    ],
)
def test_what_is_no_bill_of_materials_is_not_kept(
    project: Project, manifest: Manifest, programs: Programs, told: object
) -> None:
    """Output that is not a valid bill of materials is discarded with a warning, NS627, and the release continues."""
    describe(programs, told)
    (warning,), described = try_out(project, manifest)
    assert warning.startswith("NS627")
    assert not described
    assert not materials_path(project).exists()


def test_no_more_is_read_than_anyone_needs(
    project: Project, manifest: Manifest, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool's output and the attached file have a size limit; above it, they are refused with NS627 and NS799."""
    content = bill(manifest)
    monkeypatch.setattr("nox_ship.package.materials.LARGEST", 100)
    describe(programs)
    assert try_out(project, manifest)[0][0].startswith("NS627")
    monkeypatch.setattr("nox_ship.release.beside.LARGEST", len(content))
    assert attached(project, manifest, content)
    with pytest.raises(ShipError, match="NS799"):
        attached(project, manifest, content + b" ")


def test_what_is_nested_too_deeply_to_be_written_stops_nothing(
    project: Project, manifest: Manifest, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the bill of materials is nested too deeply to be written, NS627 is a warning, and the release continues."""
    describe(programs)

    def fail(_: object) -> bytes:
        raise RecursionError

    monkeypatch.setattr("nox_ship.package.materials._written", fail)
    (warning,), described = try_out(project, manifest)
    assert (warning[:5], described) == ("NS627", False)


def test_a_tool_that_cannot_be_run_stops_nothing(project: Project, manifest: Manifest, programs: Programs) -> None:
    """If the tool cannot be run, NS627 is a warning that says why."""

    def missing(_: Call) -> tuple[int, str]:
        raise ShipError(COMMAND_MISSING("The program uv cannot be run: gone."))

    programs.play("cyclonedx-py", reply=missing)
    (warning,), _ = try_out(project, manifest)
    assert warning.startswith("NS627 ")
    assert "installs: The program uv cannot be run: gone." in warning


@pytest.mark.usefixtures("programs")
def test_a_tool_that_writes_nothing_stops_nothing(project: Project, manifest: Manifest) -> None:
    """If the tool writes no file, NS627 is a warning."""
    (warning,), _ = try_out(project, manifest)
    assert warning.startswith("NS627")


def test_it_is_bound_to_the_release(manifest: Manifest) -> None:
    """The bill of materials names the version, each file's hash, and the commit and Python that it was made from."""
    told = made(manifest)
    own = told["metadata"]["component"]
    assert (own["name"], own["version"], own["purl"]) == ("Sample", "1.2.3", "pkg:pypi/sample@1.2.3")
    distributions = [one for one in own["externalReferences"] if one["type"] == "distribution"]
    assert {one["url"]: one["hashes"][0]["content"] for one in distributions} == {
        file.name: file.sha256 for file in manifest.files
    }
    facts = {one["name"]: one["value"] for one in told["metadata"]["properties"]}
    assert (facts["nox-ship:commit"], facts["nox-ship:python"]) == ("c" * 40, "3.12")
    assert [one["name"] for one in told["metadata"]["tools"]["components"]] == ["cyclonedx-py", "nox-ship"]
    assert [one["name"] for one in told["components"]] == ["other", "plain"]
    assert told["dependencies"] == TOLD["dependencies"]


def test_it_names_no_path_of_this_machine(manifest: Manifest) -> None:
    """Paths of this machine are removed, both the wheel's and those of requirements; web addresses stay."""
    told = made(manifest)
    assert "/home/me" not in json.dumps(told)
    assert "https://sample.example" in json.dumps(told)


def test_the_same_environment_is_described_by_the_same_bytes(manifest: Manifest, project: Project) -> None:
    """The same environment gives the same bytes: the time is the build's, the serial number depends on the content."""
    told = made(manifest)
    assert told == made(manifest)
    assert told["metadata"]["timestamp"] == "2020-09-13T12:26:40Z"
    other = copy.deepcopy(TOLD)
    other["components"][1]["version"] = "3"
    assert made(manifest, other)["serialNumber"] != told["serialNumber"]
    assert "timestamp" not in made(write_dist(project, "c" * 40, "1.2.3"))["metadata"]


def test_what_others_wrote_is_only_text(manifest: Manifest) -> None:
    """The bill of materials is plain ASCII, so hostile text in it has no effect on a terminal."""
    content = completed(copy.deepcopy(TOLD), manifest, manifest.files[0], "3.12")
    assert not [byte for byte in content if byte != 10 and not 32 <= byte < 127]
    assert json.loads(content)["components"][0]["description"] == HOSTILE


@each(
    ("pythons", "expected"),
    [
        (("3.9", "3.13", "3.10"), "3.13"),
        (("3.12", "3.14t", "pypy3.11"), "3.12"),
        (("pypy3.10", "pypy3.11"), "pypy3.11"),
    ],
)
def test_one_python_is_enough(pythons: tuple[str, ...], expected: str) -> None:
    """The newest CPython is used, whatever the order; without one, the last Python in the list."""
    assert newest_python(pythons) == expected


# What is attached to the release


def bill(manifest: Manifest, **changes: Any) -> bytes:
    """Return a bill of materials with changes to its component."""
    told = made(manifest)
    told["metadata"]["component"].update(changes)
    return json.dumps(told).encode()


def attached(project: Project, manifest: Manifest, content: bytes, *, proof: bool = False) -> list[Attachment]:
    """Return the attachments made from a file in the project's own folder."""
    path = materials_path(project)
    path.write_bytes(content)
    return list((provenance if proof else materials)(path, manifest))


def test_what_is_about_the_release_is_attached(project: Project, manifest: Manifest) -> None:
    """The bill of materials and the provenance are attached with the release's name and version, if they exist."""
    (found,) = attached(project, manifest, content := bill(manifest))
    assert (found.name, found.content) == ("sample-1.2.3.cdx.json", content)
    (found,) = attached(project, manifest, content := bundle(manifest), proof=True)
    assert (found.name, found.content) == ("sample-1.2.3.sigstore.json", content)
    assert list(materials(project.root / "none", manifest)) == list(provenance(project.root, manifest)) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        {"name": "other"},
        {"name": None},
        {"version": "1.2.4"},
        {"version": 1},
        {"hashes": []},
        {"hashes": [{"alg": "SHA-256", "content": "0" * 64}]},
        {"hashes": "x"},
    ],
)
def test_a_bill_of_materials_of_something_else_is_refused(
    project: Project, manifest: Manifest, content: bytes | dict[str, Any]
) -> None:
    """A bill of materials for other files is refused with NS799, since the job that made it runs code from others."""
    with pytest.raises(ShipError, match=r"NS799.*not about the files of sample 1\.2\.3"):
        attached(project, manifest, content if isinstance(content, bytes) else bill(manifest, **content))


def test_a_text_that_only_looks_like_one_is_refused(project: Project, manifest: Manifest) -> None:
    """A JSON file in another format than CycloneDX is refused with NS799."""
    content = bill(manifest).replace(b'"CycloneDX"', b'"SPDX"')
    with pytest.raises(ShipError, match="NS799"):
        attached(project, manifest, content)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["subject"].pop(),
        lambda told: told["subject"].append({"name": "evil", "digest": {"sha256": "0" * 64}}),
        lambda told: told["subject"][0].update(name="evil"),
        lambda told: told["subject"][0]["digest"].update(sha256="0" * 64),
        lambda told: told["subject"][0].update(digest={"sha512": "0" * 128}),
        lambda told: told.update(subject=None),
    ],
)
def test_provenance_of_something_else_is_refused(
    project: Project, manifest: Manifest, change: Callable[[dict[str, Any]], object]
) -> None:
    """A provenance must cover each announced file and no other; otherwise it is refused with NS799."""
    with pytest.raises(ShipError, match="NS799"):
        attached(project, manifest, bundle(manifest, change), proof=True)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"dsseEnvelope": {"payload": "%%%"}}', b'{"dsseEnvelope": {"payload": "W10="}}']
)
def test_what_is_no_bundle_is_refused(project: Project, manifest: Manifest, content: bytes) -> None:
    """A file that is not a Sigstore bundle, or contains no statement, is refused with NS799."""
    with pytest.raises(ShipError, match="NS799"):
        attached(project, manifest, content, proof=True)


@each(
    ("announces", "described", "bump", "passed", "lacks"),
    [
        (True, None, True, (), True),
        (True, None, True, ("tests",), True),
        (True, None, False, (), True),
        (True, None, False, ("tests",), False),
        (True, "3.12", True, (), False),
        (False, None, True, (), False),
    ],
)
def test_what_is_public_is_not_described_afterwards(
    announces: bool, described: str | None, bump: bool, passed: tuple[str, ...], lacks: bool
) -> None:
    """An announced release gets one bill of materials, unless it is already tagged and its gates passed without one."""
    record = SimpleNamespace(described=described, passed=passed)
    run = SimpleNamespace(stage=SimpleNamespace(record=record), announces=announces, plan=SimpleNamespace(bump=bump))
    assert proving._lacks_materials(cast("Run", run)) is lacks
