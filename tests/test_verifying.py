from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import Call, FakeIndex, Programs, Yard, make_index, noxfile, run_release, write_dist
from nox_ship import publishing, verifying
from nox_ship.errors import ShipError, ShownError
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import BuildFacts, File, Manifest
from nox_ship.world.listing import Served
from support import commit_files, make_sdist, make_wheel

pytestmark = pytest.mark.usefixtures("programs", "home")


def published(yard: Yard) -> None:
    """Build the release at HEAD, and publish it."""
    yard.tag("v0.1.0")
    write_dist(yard.project, yard.repository.head, "0.1.0")
    publishing.publish(yard.project, [], "publish", None)


def served(yard: Yard, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None] = lambda: None) -> None:
    """Build files, let the index serve them, and verify what is published."""
    manifest = write_dist(yard.project, yard.repository.head, "0.1.0")
    shelf = yard.world.indexes["pypi"].shelf
    shelf.update({file.name: (dist_folder(yard.project) / file.name).read_bytes() for file in manifest.files})
    monkeypatch.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
    change()
    verifying.verify_published(yard.project, [])


def test_what_is_published_is_compared_and_installed(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published files with other content are reported as NS711, and ones that cannot be installed as NS611."""
    served(yard, monkeypatch)
    assert programs.started("install")
    programs.answer("pip install", code=1)
    with pytest.raises(ShipError, match="NS611"):
        served(yard, monkeypatch)
    shelf = yard.world.indexes["pypi"].shelf
    with pytest.raises(ShipError, match="NS711"):
        served(yard, monkeypatch, lambda: shelf.update({"sample-0.1.0.tar.gz": b"other"}))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"public": True, "age": 15}, "NS772"),
        ({"status": "quarantined"}, "NS771"),
        ({"public": True, "age": 13.5}, "NS712"),
        ({"age": 400}, "NS712"),
    ],
)
def test_what_can_no_longer_be_served_is_not_waited_for(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], expected: str
) -> None:
    """A file that can no longer be uploaded is reported at once; one that may still appear is waited for."""
    index = yard.world.indexes["pypi"]
    index.facts.update(facts)

    def change() -> None:
        del index.shelf["sample-0.1.0.tar.gz"]
        index.asked.clear()

    with pytest.raises(ShipError) as caught:
        served(yard, monkeypatch, change)
    assert [finding.id for finding in caught.value.findings] == [expected]
    assert (len(index.asked) == 1) is (expected != "NS712")
    served(yard, monkeypatch, lambda: index.late.append("silent"))


@pytest.fixture
def verified(yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that verifies a published release and returns the last line of output."""

    def verify(*args: str) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
            verifying.verify_published(yard.project, list(args))
        return capsys.readouterr().out.splitlines()[-1]

    return verify


@pytest.mark.slow
@pytest.mark.usefixtures("sessions")
def test_what_was_just_released_can_be_verified(yard: Yard, verified: Callable[..., str]) -> None:
    """A new release is compared with the manifest in its clone, and not with an old one in the checkout."""
    write_dist(yard.project, "d" * 40, "0.0.9")
    yard.write({".gitignore": "dist\n.nox-ship\n"})
    run_release(yard.root, ["minor", "--yes"], noxfile(yard.root, "tests"), yard.root)
    assert verified() == "PyPI serves sample 0.1.0, compared with the manifest of its release; it works."
    yard.world.indexes["pypi"].shelf["sample-0.1.0.tar.gz"] = b"other"
    with pytest.raises(ShipError, match="NS711"):
        verified()


@pytest.fixture
def left_to_a_workflow(yard: Yard, sessions: object, capsys: pytest.CaptureFixture[str]) -> FakeIndex:  # noqa: ARG001
    """Release by a workflow, and return the index, which has no files of the release yet."""
    text = (yard.root / "pyproject.toml").read_text("utf-8")
    yard.write({".gitignore": "dist\n.nox-ship\n", "pyproject.toml": f'{text}publish.by = "workflow"\n'})
    run_release(yard.root, ["minor", "--yes"], noxfile(yard.root, "tests"), yard.root)
    capsys.readouterr()
    return yard.world.indexes["pypi"]


def shelve(index: FakeIndex, folder: Path, code: str = "", *, only: str = "") -> None:
    """Let an index serve the files that a workflow built of the release."""
    wheel = make_wheel(folder, {"sample/__init__.py": code}, version="0.1.0")
    sdist = make_sdist(folder, {"src/sample/__init__.py": code}, version="0.1.0")
    index.shelf.update({path.name: path.read_bytes() for path in (wheel, sdist) if path.name.endswith(only)})


@pytest.mark.slow
def test_what_a_workflow_built_need_not_be_what_was_built_here(
    yard: Yard,
    left_to_a_workflow: FakeIndex,
    verified: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A workflow's files are compared with the index's hashes, and NS849 reports other content than was built here."""
    shelve(left_to_a_workflow, yard.root.parent / "same")
    for args in ([], ["0.1.0"]):
        assert "compared with the SHA-256 that PyPI lists; it works" in verified(*args)
    shelve(left_to_a_workflow, yard.root.parent / "other", "x = 1\n")
    monkeypatch.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
    verifying.verify_published(yard.project, ["--json"])
    found = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in found["findings"]] == ["NS849", "NS849"]
    assert (found["passed"], bool(found["installed"])) == (True, True)


@pytest.mark.slow
def test_what_a_workflow_publishes_is_waited_for(
    yard: Yard, left_to_a_workflow: FakeIndex, verified: Callable[..., str]
) -> None:
    """Verifying waits until the index has every file whose name does not depend on where it is built."""
    for there, missing in ((".whl", r"sample-0\.1\.0\.tar\.gz"), (".tar.gz", r"sample-0\.1\.0-py3-none-any\.whl")):
        left_to_a_workflow.shelf.clear()
        shelve(left_to_a_workflow, yard.root.parent / there, only=there)
        with pytest.raises(ShipError, match=rf"NS712.*{missing}"):
            verified()
    shelve(left_to_a_workflow, yard.root.parent / "both")
    left_to_a_workflow.late.extend(["hidden", "hidden"])
    assert "works" in verified()


@pytest.mark.slow
def test_what_was_built_here_is_compared_first(yard: Yard, verified: Callable[..., str]) -> None:
    """The project's own manifest is used for comparing, unless it was built with uncommitted changes."""
    published(yard)
    assert "compared with its manifest; it works" in verified()
    path = manifest_path(yard.project)
    path.write_text(path.read_text("utf-8").replace('"dirty": false', '"dirty": true'), "utf-8")
    assert "compared with the SHA-256 that PyPI lists" in verified()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "compared"),
    [
        ({}, "the SHA-256 that PyPI lists"),
        ({"hashes": False}, "nothing: PyPI lists no SHA-256"),
    ],
)
def test_a_release_that_was_built_elsewhere_can_be_verified(
    yard: Yard, verified: Callable[..., str], programs: Programs, change: dict[str, Any], compared: str
) -> None:
    """Without a manifest, the release at HEAD's tag is compared with the hashes that the index lists."""
    published(yard)
    shelf = dict(yard.world.indexes["pypi"].shelf)
    yard.world.indexes["pypi"] = make_index(shelf={**shelf, "../sample-0.1.0.tar.gz": b"", "x.exe": b""}, **change)
    manifest_path(yard.project).unlink()
    programs.calls.clear()
    assert verified() == f"PyPI serves sample 0.1.0, compared with {compared}; it works."
    assert programs.started("install")
    with pytest.raises(ShipError, match=r"NS712.*T has no files of sample 0\.1\.0.*--from"):
        verified("--from", "testpypi")


def test_a_quarantined_release_says_why_it_is_not_served(yard: Yard, verified: Callable[..., str]) -> None:
    """For a quarantined project, NS771 gives the reason why no file is served (NS712)."""
    yard.tag("v0.1.0")
    yard.world.indexes["pypi"].facts["status"] = "quarantined"
    with pytest.raises(ShipError) as caught:
        verified()
    assert [finding.id for finding in caught.value.findings] == ["NS712", "NS771"]


def test_an_index_that_serves_other_bytes_than_it_lists_is_told(yard: Yard, verified: Callable[..., str]) -> None:
    """A file that does not match the index's own hash is reported as NS711, even if nothing was built here."""
    published(yard)
    manifest_path(yard.project).unlink()
    yard.world.indexes["pypi"] = make_index(shelf=yard.world.indexes["pypi"].shelf, other_bytes=True)
    with pytest.raises(ShipError, match=r"NS711.*than it lists"):
        verified()


def test_what_is_neither_built_nor_released_cannot_be_verified(verified: Callable[..., str]) -> None:
    """Without a manifest and without a release tag at HEAD, there is nothing to verify (NS601)."""
    with pytest.raises(ShipError, match="NS601"):
        verified()


def test_a_job_that_is_told_its_manifest_asks_no_repository(
    yard: Yard, verified: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a job's variable states the manifest's digest, any other manifest is refused with NS606."""
    published(yard)
    monkeypatch.setenv("NOX_SHIP_MANIFEST", "0" * 64)
    with pytest.raises(ShipError, match="NS606"):
        verified()


def shelved(yard: Yard, version: str = "0.3.0", metadata: tuple[str, ...] = ()) -> None:
    """Let PyPI serve a version that was not built here, beside others."""
    folder = yard.root.parent / "elsewhere"
    files = [make_wheel(folder, {"sample/__init__.py": ""}, metadata, version=version)]
    files.append(make_sdist(folder, {"src/sample/__init__.py": ""}, metadata, version=version))
    shelf = {path.name: path.read_bytes() for path in files}
    others = (make_sdist(folder, {}, version=f"0.{minor}.0") for minor in range(1, 6))
    earlier = {path.name: path.read_bytes() for path in others}
    yard.world.indexes["pypi"] = make_index(shelf=shelf, earlier=earlier)


def test_any_version_can_be_verified(yard: Yard, verified: Callable[..., str], programs: Programs) -> None:
    """A version can be verified without a manifest, a built file or a tag; its smoke commands are not run."""
    shelved(yard)
    yard.write({"pyproject.toml": f"{(yard.root / 'pyproject.toml').read_text('utf-8')}verify-install.smoke = ['x']\n"})
    assert verified("0.3") == "PyPI serves sample 0.3, compared with the SHA-256 that PyPI lists; it works."
    assert programs.started("install")
    assert not programs.started("x")
    assert not (yard.root / "dist").exists()


@pytest.mark.slow
def test_the_latest_release_is_that_of_the_newest_tag(yard: Yard, verified: Callable[..., str]) -> None:
    """The word `latest` means the newest release tag, wherever HEAD is; pre-releases count if there is no other."""
    assert verified("latest") == "sample has no release yet: there is nothing to verify."
    shelved(yard)
    yard.tag("v0.3rc1")
    with pytest.raises(ShipError, match=r"PyPI states 0\.3rc1"):
        verified("latest", "--from", "pypi")
    yard.tag("v0.3")
    yard.tag("v0.2")
    yard.write({"a": ""})
    yard.tag("v0.4rc1")
    assert "PyPI serves sample 0.3," in verified("latest")


def test_that_there_is_no_release_yet_is_told_as_json(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """If there is no release yet, `--json` says so, and verifying passes."""
    verifying.verify_published(yard.project, ["latest", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["passed"], told["files"]) == ("", True, [])


@pytest.mark.slow
def test_the_files_of_a_named_version_are_compared_with_its_manifest(yard: Yard, verified: Callable[..., str]) -> None:
    """A named version is compared with its manifest if that is here, as it proves more than the index's hashes."""
    published(yard)
    assert "compared with its manifest; it works" in verified("0.1.0")
    shelf = yard.world.indexes["pypi"].shelf
    shelf["sample-0.1.0.tar.gz"] = make_sdist(yard.root.parent / "x", {"a": ""}, version="0.1.0").read_bytes()
    with pytest.raises(ShipError, match=r"NS711.*sample-0\.1\.0\.tar\.gz"):
        verified("0.1.0")
    commit_files(yard.root, {"a": ""})
    with pytest.raises(ShipError, match="NS711"):
        verified("0.1.0")


def test_a_version_that_the_index_lacks_is_told_with_those_near_it(yard: Yard, verified: Callable[..., str]) -> None:
    """If the index lacks a version, NS712 lists similar ones, or says that there is no version or no such project."""
    shelved(yard)
    index = yard.world.indexes["pypi"]
    index.shelf.clear()
    near = r"NS712.*no files of sample 0\.3\.5; similar versions there: 0\.2\.0, 0\.3\.0, 0\.4\.0, 0\.5\.0\."
    with pytest.raises(ShipError, match=near):
        verified("0.3.5")
    index.earlier.clear()
    with pytest.raises(ShipError, match=r"0\.3\.5, or of any other"):
        verified("0.3.5")
    index.facts["known"] = False
    with pytest.raises(ShipError, match="does not have the project"):
        verified("0.3.5")


@pytest.mark.parametrize("version", ["x", "1.0-y", ""])
def test_what_is_no_version_is_refused(verified: Callable[..., str], version: str) -> None:
    """An argument that is not a version is refused with NS108."""
    with pytest.raises(ShipError, match=r"NS108.*is not a version"):
        verified(version)


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ({"requires_python": ">=3.9"}, r"states Requires-Python \(none\), but PyPI states >=3\.9"),
        ({"metadata_sha256": "0" * 64}, "metadata for sample-0.3.0-py3-none-any.whl that differ"),
        ({"seen_in": "JSON API"}, None),
    ],
)
def test_what_an_index_says_of_a_file_must_be_true(
    yard: Yard, verified: Callable[..., str], each: dict[str, Any], expected: str | None
) -> None:
    """Metadata that the index lists must match the file (NS790), and its API for installers must list the file."""
    shelved(yard)
    yard.world.indexes["pypi"].each.update(each if expected else {})
    if expected:
        with pytest.raises(ShipError, match=f"NS790.*{expected}"):
            verified("0.3.0")
    else:
        yard.world.indexes["pypi"].late.append("JSON API")
        with pytest.raises(ShipError, match=r"NS713.*installers"):
            verified("0.3.0")


def test_a_file_of_another_version_is_told(yard: Yard, verified: Callable[..., str]) -> None:
    """A file whose name and metadata state different versions is refused with NS790."""
    shelved(yard)
    shelf = yard.world.indexes["pypi"].shelf
    shelf["sample-0.3.1.tar.gz"] = shelf.pop("sample-0.3.0.tar.gz")
    with pytest.raises(ShipError, match=r"NS790.*sample-0\.3\.0-py3.*states Version 0\.3\.0, but PyPI states 0\.3\.1"):
        verified("0.3.1")
    shelf["sample-0.3.1.tar.gz"] = b"not an archive"
    with pytest.raises(ShipError, match="NS503"):
        verified("0.3.1")


def test_the_two_apis_of_an_index_must_agree(yard: Yard, verified: Callable[..., str]) -> None:
    """If an index's two APIs list different hashes for a file, that is reported as NS790."""
    shelved(yard)
    name = "sample-0.3.0.tar.gz"
    yard.world.indexes["pypi"].facts["early"] = {name: Served(name, "x", "0" * 64, "JSON API")}
    with pytest.raises(ShipError, match=r"NS790.*different SHA-256 hashes for sample-0\.3\.0\.tar\.gz"):
        verified("0.3.0")


@pytest.mark.parametrize(("reason", "told"), [("", r"PyPI\."), ("broken on Windows", r"PyPI: broken on Windows\.")])
def test_a_yanked_version_is_told(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reason: str, told: str
) -> None:
    """For a yanked version, a warning shows the index's reason."""
    shelved(yard)
    yard.world.indexes["pypi"].each["yanked"] = reason
    monkeypatch.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
    verifying.verify_published(yard.project, ["0.3.0"])
    assert re.search(rf"warning: NS791 yanked: sample 0\.3\.0 is yanked on {told}", capsys.readouterr().out)


def test_the_result_is_data(yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json`, only JSON is printed, and an error still ends the session."""
    shelved(yard)
    monkeypatch.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
    verifying.verify_published(yard.project, ["0.3.0", "--json"])
    told = json.loads(capsys.readouterr().out)
    shelf = yard.world.indexes["pypi"].shelf
    assert told["passed"] is True
    assert {file["name"]: file["sha256"] for file in told["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in shelf.items()
    }
    assert told["installed"]
    shelf.clear()
    with pytest.raises(ShownError):
        verifying.verify_published(yard.project, ["0.3.0", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], [finding["id"] for finding in told["findings"]]) == (False, ["NS712"])


def test_a_version_for_other_pythons_is_not_installed(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version that supports none of the project's Pythons is not installed, with warning NS792."""
    shelved(yard, metadata=("Requires-Python: <3.3",))
    yard.world.indexes["pypi"].each["requires_python"] = "<3.3"
    monkeypatch.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
    verifying.verify_published(yard.project, ["0.3.0"])
    assert not programs.started("install")
    told = capsys.readouterr().out
    assert "warning: NS792 for-other-pythons: sample 0.3.0 supports none of the project's Pythons" in told
    assert told.splitlines()[-1].endswith("compared with the SHA-256 that PyPI lists; it was not installed.")


def tagged(yard: Yard, programs: Programs, text: str = "") -> list[Call]:
    """Let PyPI serve 0.3.0, whose tag builds a wheel with the code ``text``; return the builds as they are made."""
    shelved(yard)
    yard.tag("v0.3.0")
    commit_files(yard.root, {"later.py": ""})
    builds: list[Call] = []

    def reply(call: Call) -> tuple[int, str]:
        builds.append(call)
        out = Path(call.line[call.line.index("--outdir") + 1])
        assert not (Path(call.line[-1]) / "later.py").exists()
        make_wheel(out, {"sample/__init__.py": text}, version="0.3.0")
        make_sdist(out, {"src/sample/__init__.py": ""}, version="0.3.0")
        return 0, ""

    programs.play("-m build", reply=reply)
    return builds


@pytest.mark.slow
def test_a_release_can_be_built_again(yard: Yard, verified: Callable[..., str], programs: Programs) -> None:
    """A rebuild uses the tag, build requirements from the time of upload, and the time in the published files."""
    builds = tagged(yard, programs)
    verified("0.3.0", "--rebuild")
    (build,) = builds
    assert "UV_EXCLUDE_NEWER" not in build.env
    assert build.env["SOURCE_DATE_EPOCH"] == "315532800"  # 1980, the time of the wheel's members; the sdist's have none
    uploaded = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
    yard.world.indexes["pypi"].each["uploaded"] = uploaded
    programs.calls.clear()
    verified("0.3.0", "--rebuild")
    (build,) = programs.started("build")
    assert build.env["UV_EXCLUDE_NEWER"] == "2026-03-04T05:06:07Z"
    assert not Path(build.line[-1]).exists()


@pytest.mark.slow
def test_what_a_tag_builds_otherwise_is_shown(
    yard: Yard, verified: Callable[..., str], programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the tag builds other contents, NS794 lists the changed members with a diff."""
    tagged(yard, programs, "x = 1\n")
    with pytest.raises(ShipError) as caught:
        verified("0.3.0", "--rebuild")
    (finding,) = caught.value.findings
    assert finding.id == "NS794"
    assert "sample-0.3.0-py3-none-any.whl is not what v0.3.0 builds: 1 of its files differs" in finding.what
    assert finding.detail.splitlines() == ["changed: sample/__init__.py", "  @@ -0,0 +1 @@", "  +x = 1"]
    told = capsys.readouterr().out
    assert "ok       rebuilt      sample-0.3.0.tar.gz: identical" in told
    assert "error    rebuilt      sample-0.3.0-py3-none-any.whl" in told


def test_a_rebuild_is_data(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--json`, a rebuild gives each file's verdict and the files that only one side has."""
    tagged(yard, programs)
    shelf = yard.world.indexes["pypi"].shelf
    wheel = shelf.pop("sample-0.3.0-py3-none-any.whl")
    shelf["sample-0.3.0-cp311-cp311-linux_x86_64.whl"] = wheel
    monkeypatch.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
    verifying.verify_published(yard.project, ["0.3.0", "--rebuild", "--json"])
    told = json.loads(capsys.readouterr().out)["rebuilt"]
    assert (told["tag"], told["not_built"], told["not_served"]) == (
        "v0.3.0",
        ["sample-0.3.0-cp311-cp311-linux_x86_64.whl"],
        ["sample-0.3.0-py3-none-any.whl"],
    )
    assert [(file["name"], file["verdict"]) for file in told["files"]] == [("sample-0.3.0.tar.gz", "identical")]


def test_a_rebuild_needs_the_tag(yard: Yard, verified: Callable[..., str]) -> None:
    """A rebuild of a version without a tag is refused with NS793."""
    shelved(yard)
    with pytest.raises(ShipError, match="NS793"):
        verified("0.3.0", "--rebuild")


@pytest.mark.slow
def test_a_manifest_tells_what_a_release_was_built_with(
    yard: Yard, verified: Callable[..., str], programs: Programs, tmp_path: Path
) -> None:
    """A rebuild uses the requirements and times in the manifest; one of another commit is refused with NS604."""
    seen: list[str] = []
    builds = tagged(yard, programs)
    real = programs._replies[0][1]

    def reply(call: Call) -> tuple[int, str]:
        seen.append(Path(call.env["UV_CONSTRAINT"] or "").read_text("utf-8"))
        return real(call)

    programs.play("-m build", reply=reply)
    shelf = yard.world.indexes["pypi"].shelf
    for name, data in shelf.items():
        (tmp_path / name).write_bytes(data)
    files = tuple(File.of(tmp_path / name) for name in shelf)
    commit = yard.repository.tags()["v0.3.0"]
    facts = BuildFacts("3.9.1", 1_500_000_000, 1_600_000_000, ("hatchling==1.27.0",))
    manifest = Manifest("sample", "0.3.0", commit, "v0.3.0", dirty=False, files=files, build=facts)
    record = tmp_path / "manifest.json"
    manifest.write(record)
    assert "compared with manifest.json" in verified("0.3.0", "--rebuild", "--manifest", str(record))
    assert seen == ["hatchling==1.27.0\n"]
    assert builds[0].env["UV_EXCLUDE_NEWER"] == "2020-09-13T12:26:40Z"
    assert builds[0].env["SOURCE_DATE_EPOCH"] == "1500000000"
    replace(manifest, commit="c" * 40).write(record)
    with pytest.raises(ShipError, match="NS604"):
        verified("0.3.0", "--manifest", str(record))


def test_the_same_content_in_another_archive_is_a_warning(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a rebuild gives the same contents in a different archive, warning NS795 says so."""
    tagged(yard, programs)
    shelf = yard.world.indexes["pypi"].shelf
    name = "sample-0.3.0-py3-none-any.whl"
    packed = io.BytesIO(shelf[name])
    with zipfile.ZipFile(packed, "a") as archive:
        archive.comment = b"another"
    shelf[name] = packed.getvalue()
    monkeypatch.setattr(verifying, "RealWorld", lambda *_, **__: yard.world)
    verifying.verify_published(yard.project, ["0.3.0", "--rebuild"])
    told = capsys.readouterr().out
    assert f"NS795 rebuilt-as-another-archive: v0.3.0 builds {name} with the same content" in told


@pytest.mark.slow
def test_an_sdist_that_the_tag_does_not_build_is_told(
    yard: Yard, verified: Callable[..., str], programs: Programs
) -> None:
    """If the tag does not build the published sdist, that is reported as NS794."""
    tagged(yard, programs)
    programs.answer("-m build")
    with pytest.raises(ShipError, match=r"NS794.*v0\.3\.0 does not build sample-0\.3\.0\.tar\.gz"):
        verified("0.3.0", "--rebuild")


def test_a_file_that_the_manifest_does_not_know_is_told(yard: Yard, verified: Callable[..., str]) -> None:
    """A published file that is not in the manifest is reported as NS711."""
    published(yard)
    folder = yard.root.parent / "later"
    wheel = make_wheel(folder, {"sample/__init__.py": ""}, version="0.1.0")
    yard.world.indexes["pypi"].shelf["sample-0.1.0-cp311-cp311-linux_x86_64.whl"] = wheel.read_bytes()
    with pytest.raises(ShipError, match=r"NS711.*serves sample-0\.1\.0-cp311.*which the manifest of 0\.1\.0 does not"):
        verified("0.1.0")


def test_what_is_not_what_it_should_be_is_not_installed(
    yard: Yard, verified: Callable[..., str], programs: Programs
) -> None:
    """A file that fails its checks is not installed, as installing it could run its code."""
    shelved(yard)
    yard.world.indexes["pypi"].each["metadata_sha256"] = "0" * 64
    with pytest.raises(ShipError, match="NS790"):
        verified("0.3.0")
    assert not programs.started("install")
