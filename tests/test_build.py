from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import PROBLEM, Call, Programs, Yard, make_yard
from nox_ship.errors import ShipError
from nox_ship.package.build import Renaming, build, dist_folder, manifest_path
from nox_ship.package.manifest import built_files
from nox_ship.project import Project
from support import commit_files, git, make_repository, make_sdist, make_wheel, write_files

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\ndescription = "A sample"\nlicense = "MIT"\n'
FILES = {"src/sample/__init__.py": "", "README.md": "# sample\n", "LICENSE": "MIT\n", "pyproject.toml": PYPROJECT}
METADATA = ("Summary: A sample", "License-Expression: MIT", "License-File: LICENSE", "Requires-Python: >=3.11")


def made_by(version: str = "1.2.3", wheels: int = 1, sdists: int = 1) -> Callable[[Call], tuple[int, str]]:
    """Return a build back end that makes so many files of a version."""

    def reply(call: Call) -> tuple[int, str]:
        out = Path(call.line[call.line.index("--outdir") + 1])
        for number in range(wheels):
            inside = {"sample/__init__.py": "", f"sample-{version}.dist-info/licenses/LICENSE": "MIT\n"}
            made = make_wheel(out, inside, METADATA, version=version)
            made.rename(out / f"sample-{version}-{number or 'py3'}-none-any.whl".replace("-1-none", "-py2-none"))
        for number in range(sdists):
            inner = {name: text for name, text in FILES.items() if name != ".gitignore"}
            made = make_sdist(out, inner, METADATA, version=version)
            if number:
                make_sdist(out, inner, METADATA, name="other", version=version)
        return 0, ""

    return reply


@pytest.fixture
def yard(tmp_path: Path, programs: Programs) -> Yard:
    """Return a project whose back end works."""
    programs.play("-m build", reply=made_by())
    return make_yard(tmp_path, FILES)


def stopped(yard: Yard) -> list[str]:
    """Return the IDs of what stops a build, which leaves nothing behind."""
    with pytest.raises(ShipError) as caught:
        build(yard.project)
    assert not manifest_path(yard.project).exists()
    assert built_files(dist_folder(yard.project)) == []
    return [finding.id for finding in caught.value.findings]


def test_a_build_is_made_in_a_clean_clone_and_bound_by_the_manifest(yard: Yard, programs: Programs) -> None:
    """What lies around ignored does not get in; the manifest names commit, tag, branch and each file's hash."""
    yard.tag("v1.2.3")
    write_files(yard.root, {"dist/old-1.0.tar.gz": "", "dist/sub/x": ""})
    seen: list[str] = []
    real = made_by()

    def reply(call: Call) -> tuple[int, str]:
        folder = Path(call.line[-1])
        assert folder != yard.root
        seen.extend(sorted(path.name for path in folder.iterdir()))
        return real(call)

    programs.play("-m build", reply=reply)
    outcome = build(yard.project)
    manifest = outcome.manifest
    assert not outcome.reused
    assert "dist" not in seen
    assert "src" in seen
    assert (manifest.name, manifest.version, manifest.commit) == ("sample", "1.2.3", yard.repository.head)
    assert (manifest.tag, manifest.dirty, manifest.branch) == ("v1.2.3", False, "main")
    assert manifest.pyproject == hashlib.sha256(PYPROJECT.encode()).hexdigest()
    assert built_files(dist_folder(yard.project)) == [dist_folder(yard.project) / f.name for f in manifest.files]
    assert [file.kind for file in manifest.files] == ["wheel", "sdist"]
    manifest.check(dist_folder(yard.project))
    (call,) = programs.started("build")
    assert call.env == {"SOURCE_DATE_EPOCH": str(yard.repository.commit_time), "PYTHONDONTWRITEBYTECODE": "1"}
    assert "-P" in call.line


def test_files_that_the_manifest_covers_are_not_built_again(yard: Yard, programs: Programs) -> None:
    """Of the same commit and tag, with the same bytes; unless it is asked for."""
    build(yard.project)
    assert build(yard.project).reused
    assert len(programs.started("build")) == 1
    assert not build(yard.project, fresh=True).reused


def _commit(yard: Yard) -> None:
    commit_files(yard.root, {"more.txt": ""})


def _tag(yard: Yard) -> None:
    yard.tag("v1.2.3")


def _dirty(yard: Yard) -> None:
    write_files(yard.root, {"more.txt": ""})


def _bytes(yard: Yard) -> None:
    built_files(dist_folder(yard.project))[0].write_bytes(b"other")


def _dirty_manifest(yard: Yard) -> None:
    record = json.loads(manifest_path(yard.project).read_text("utf-8"))
    manifest_path(yard.project).write_text(json.dumps({**record, "dirty": True}), "utf-8")


def _other_name(yard: Yard) -> None:
    record = json.loads(manifest_path(yard.project).read_text("utf-8"))
    manifest_path(yard.project).write_text(json.dumps({**record, "name": "other"}), "utf-8")


@pytest.mark.parametrize("change", [_commit, _tag, _dirty, _bytes, _dirty_manifest, _other_name])
def test_anything_else_is_built_anew(yard: Yard, change: Callable[[Yard], None]) -> None:
    """Another commit, a tag, changes that no commit has, other bytes, a manifest of those or of another project."""
    build(yard.project)
    change(yard)
    outcome = build(yard.project)
    assert not outcome.reused
    assert outcome.manifest.dirty == (change is _dirty)
    assert outcome.manifest.name == "sample"


def test_changes_that_no_commit_has_are_built_and_said(yard: Yard, programs: Programs) -> None:
    """They are carried over, and build output is no change; a release is made of commits alone."""
    write_files(yard.root, {"more.txt": "", "dist/x": "", ".nox/x": ""})
    seen: list[bool] = []
    real = made_by()

    def reply(call: Call) -> tuple[int, str]:
        seen.append((Path(call.line[-1]) / "more.txt").exists())
        return real(call)

    programs.play("-m build", reply=reply)
    assert build(yard.project).manifest.dirty
    assert not build(yard.project, committed=True).manifest.dirty
    assert seen == [True, False]


def test_a_version_can_be_given(yard: Yard, programs: Programs) -> None:
    """It is set in the clone alone; files of another version are not taken for it."""
    build(yard.project)
    programs.play("-m build", reply=made_by("1.2.4.dev1"))
    renamed: list[Path] = []
    told = (PROBLEM("Hm.", level="warning"),)
    outcome = build(yard.project, renaming=Renaming("1.2.4.dev1", renamed.append, told))
    assert outcome.warnings[:1] == told
    assert (outcome.reused, outcome.manifest.version) == (False, "1.2.4.dev1")
    assert renamed[0] != yard.root
    again = build(yard.project, renaming=Renaming("1.2.4.dev1", renamed.append, told))
    assert (again.reused, again.warnings) == (True, told)
    with pytest.raises(ShipError, match=r"NS511.*1\.2\.4\.dev2"):
        build(yard.project, renaming=Renaming("1.2.4.dev2", renamed.append))


def test_a_back_end_that_fails_is_told(yard: Yard, programs: Programs) -> None:
    """NS501, and all it printed is kept."""
    programs.answer("-m build", code=1, stdout="boom")
    assert stopped(yard) == ["NS501"]
    assert "boom" in (yard.project.own_folder() / "build.log").read_text("utf-8")


@pytest.mark.parametrize(("wheels", "sdists"), [(0, 1), (1, 0), (1, 2), (0, 0)])
def test_a_release_is_one_sdist_and_wheels(yard: Yard, programs: Programs, wheels: int, sdists: int) -> None:
    """A back end that makes anything else is NS504."""
    programs.play("-m build", reply=made_by(wheels=wheels, sdists=sdists))
    assert stopped(yard) == ["NS504"]


def test_metadata_that_an_index_would_refuse_are_told(yard: Yard, programs: Programs) -> None:
    """twine has the last word, strictly: NS502, beside what else is wrong."""
    yard.tag("v9.9")
    programs.answer("twine check", code=1, stdout="README")
    assert sorted(stopped(yard)) == ["NS502", "NS511"]
    assert "--strict" in programs.started("twine", "check")[0].line


@pytest.mark.parametrize(
    ("lines", "twine", "expected"),
    [
        (("Requires-Dist: (",), "ERROR    InvalidDistribution: Invalid distribution metadata: ...", {"NS537"}),
        (("Requires-Dist: (",), "ERROR    `long_description` has syntax errors in markup", {"NS502", "NS537"}),
        ((), "ERROR    InvalidDistribution: Invalid distribution metadata: ...", {"NS502"}),
    ],
)
def test_what_a_check_tells_more_exactly_twine_does_not_tell_again(
    yard: Yard, programs: Programs, lines: tuple[str, ...], twine: str, expected: set[str]
) -> None:
    """Metadata that it cannot send, that is; a README that does not render, and what no check knows, stand."""
    real = made_by()

    def reply(call: Call) -> tuple[int, str]:
        done = real(call)
        out = Path(call.line[call.line.index("--outdir") + 1])
        make_sdist(out, FILES, (*METADATA, *lines))
        return done

    programs.play("-m build", reply=reply)
    programs.answer("twine check", code=1, stdout=twine)
    assert {number for number in stopped(yard) if number != "NS517"} == expected


def test_an_sdist_that_is_a_zip_is_told(yard: Yard, programs: Programs) -> None:
    """No index takes one any more: NS512."""

    def reply(call: Call) -> tuple[int, str]:
        made_by(sdists=0)(call)
        (Path(call.line[call.line.index("--outdir") + 1]) / "sample-1.2.3.zip").touch()
        return 0, ""

    programs.play("-m build", reply=reply)
    assert stopped(yard) == ["NS512"]


@pytest.mark.parametrize(("route", "stops"), [("pypi", True), ("testpypi", True), ("mine", False)])
def test_what_only_pypi_refuses_does_not_matter_to_another_index(
    tmp_path: Path, programs: Programs, route: str, stops: bool
) -> None:
    """The route of the version tells where it goes."""
    index = '[tool.nox-ship.indexes.mine]\nupload-url = "https://a.example/"\nsimple-url = "https://a.example/simple"\n'
    text = f'{PYPROJECT}[tool.nox-ship.routes]\nfinal = "{route}"\n{index}'
    yard = make_yard(tmp_path, {**FILES, "pyproject.toml": text})

    def reply(call: Call) -> tuple[int, str]:
        out = Path(call.line[call.line.index("--outdir") + 1])
        lines = (*METADATA, "Classifier: No Such")
        make_wheel(out, {"sample/__init__.py": "", "sample-1.2.3.dist-info/licenses/LICENSE": "MIT\n"}, lines)
        make_sdist(out, FILES, lines)
        return 0, ""

    programs.play("-m build", reply=reply)
    if stops:
        assert stopped(yard) == ["NS533"]
    else:
        assert "NS533" in [finding.id for finding in build(yard.project).warnings]


UNTYPED = "WARNING  `long_description_content_type` missing. defaulting to\n         `text/x-rst`.\n"
CHECKED = "Checking dist/sample-1.2.3.tar.gz: FAILED due to warnings\n"


def test_a_readme_of_the_usual_format_is_accepted(yard: Yard, programs: Programs) -> None:
    """Where nothing tells that format an index takes it for that: NS871, a warning."""
    programs.answer("twine check", code=1, stdout=2 * (CHECKED + UNTYPED))
    (finding,) = (finding for finding in build(yard.project).warnings if finding.id == "NS871")
    assert finding.level == "warning"


@pytest.mark.parametrize(
    "more", ["WARNING  `long_description` missing.", "ERROR    `long_description` has syntax errors in markup", ""]
)
def test_other_warnings_of_twine_stand(yard: Yard, programs: Programs, more: str) -> None:
    """Beside that one, and where it says nothing that is known."""
    programs.answer("twine check", code=1, stdout=CHECKED + (UNTYPED + more if more else ""))
    assert stopped(yard) == ["NS502"]


def test_a_finding_can_be_made_a_warning(yard: Yard) -> None:
    """By its ID, and no other."""
    text = PYPROJECT + '[tool.nox-ship]\nbuild.ignore = ["NS511"]\n'
    yard.write({"pyproject.toml": text})
    yard.tag("v9.9")
    assert [(finding.id, finding.level) for finding in build(yard.project).warnings if finding.id == "NS511"] == [
        ("NS511", "warning")
    ]


def test_a_commit_off_the_release_branch_is_told_by_the_manifest(yard: Yard) -> None:
    """It then names no branch."""
    git(yard.root, "switch", "--quiet", "--create", "side")
    commit_files(yard.root, {"more.txt": ""})
    assert build(yard.project).manifest.branch is None


@pytest.mark.parametrize("folder", ["", "packages/sample/"])
def test_what_git_tracks_is_known_where_the_files_are_built(tmp_path: Path, programs: Programs, folder: str) -> None:
    """A file that only looks secret is a warning where git has it; one that the back end adds is an error."""
    files = {**FILES, "tests/.netrc": "machine x\n", "noxfile.py": ""}
    repository = make_repository(tmp_path / "project", {f"{folder}{name}": text for name, text in files.items()})
    project = Project.read(repository.path / folder)
    added: dict[str, str] = {}

    def reply(call: Call) -> tuple[int, str]:
        out = Path(call.line[call.line.index("--outdir") + 1])
        made_by(sdists=0)(call)
        make_sdist(out, {**files, **added}, METADATA)
        return 0, ""

    programs.play("-m build", reply=reply)

    def warned() -> list[str]:
        return [finding.id for finding in build(project).warnings if finding.id != "NS513"]

    assert warned() == ["NS530"]
    added["sample/.env"] = "A=1\n"
    with pytest.raises(ShipError, match=r"NS516.*holds sample/\.env, which looks"):
        build(project, fresh=True)
    write_files(project.root, added)
    with pytest.raises(ShipError, match="NS516"):
        build(project)
    commit_files(project.root, {})
    assert warned() == ["NS530"]
