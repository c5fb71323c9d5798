from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import PROBLEM, Call, Programs, Yard, make_yard
from nox_ship.errors import ShipError
from nox_ship.package.build import Renaming, build, dist_folder, is_public, manifest_path, read_notes
from nox_ship.package.manifest import NOTES, built_files
from nox_ship.project import Project
from support import commit_files, each, git, make_project, make_repository, make_sdist, make_wheel, write_files

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\ndescription = "A sample"\nlicense = "MIT"\n'
FILES = {"src/sample/__init__.py": "", "README.md": "# sample\n", "LICENSE": "MIT\n", "pyproject.toml": PYPROJECT}
METADATA = (
    *("Summary: A sample", "License-Expression: MIT", "License-File: LICENSE", "Requires-Python: >=3.11"),
    "Description-Content-Type: text/markdown",
)


def made_by(version: str = "1.2.3", wheels: int = 1, sdists: int = 1) -> Callable[[Call], tuple[int, str]]:
    """Return a fake build backend that makes this many files of a version."""

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
    """Return a project whose build backend works."""
    programs.play("-m build", reply=made_by())
    return make_yard(tmp_path, FILES)


def stopped(yard: Yard) -> list[str]:
    """Return the IDs of the errors that stop a build, which must leave no files."""
    with pytest.raises(ShipError) as caught:
        build(yard.project)
    assert not manifest_path(yard.project).exists()
    assert built_files(dist_folder(yard.project)) == []
    return [finding.id for finding in caught.value.findings]


@each(("version", "public"), [("1.0", True), ("1.0rc1", True), ("1.0.dev1", False), ("of today", True)])
def test_what_goes_to_a_public_index_is_held_to_its_rules(tmp_path: Path, version: str, public: bool) -> None:
    """A version is checked by PyPI's rules if its route leads to a public index, or if the version is invalid."""
    text = f'{PYPROJECT}[tool.nox-ship]\nroutes.development = "mine"\nindexes.mine.upload-url = "https://x.invalid/"\n'
    project = make_project(tmp_path, f'{text}indexes.mine.simple-url = "https://x.invalid/simple/"\n')
    assert is_public(project, version) is public


@pytest.mark.slow
def test_a_build_is_made_in_a_clean_clone_and_bound_by_the_manifest(yard: Yard, programs: Programs) -> None:
    """A build runs in a clean clone, and its manifest names the commit, the tag, the branch and the files' hashes."""
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


@pytest.mark.slow
def test_files_that_the_manifest_covers_are_not_built_again(yard: Yard, programs: Programs) -> None:
    """Files that fit the manifest, commit and tag are not built again, unless a new build is requested."""
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


@pytest.mark.slow
@pytest.mark.parametrize("change", [_commit, _tag, _dirty, _bytes, _dirty_manifest, _other_name])
def test_anything_else_is_built_anew(yard: Yard, change: Callable[[Yard], None]) -> None:
    """A new commit or tag, uncommitted changes, other bytes or a wrong manifest cause a new build."""
    build(yard.project)
    change(yard)
    outcome = build(yard.project)
    assert not outcome.reused
    assert outcome.manifest.dirty == (change is _dirty)
    assert outcome.manifest.name == "sample"


@pytest.mark.slow
def test_changes_that_no_commit_has_are_built_and_said(yard: Yard, programs: Programs) -> None:
    """Uncommitted changes are built and recorded in the manifest, but a release contains only commits."""
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


@pytest.mark.slow
def test_a_version_can_be_given(yard: Yard, programs: Programs) -> None:
    """A given version is set only in the clone, and must be that of the built files (NS511)."""
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
    """A build backend that fails is reported (NS501), and all its output is kept in a log."""
    programs.answer("-m build", code=1, stdout="boom")
    assert stopped(yard) == ["NS501"]
    assert "boom" in (yard.project.own_folder() / "build.log").read_text("utf-8")


def test_what_a_back_end_puts_in_the_place_of_the_log_is_not_written_to(
    yard: Yard, programs: Programs, tmp_path: Path
) -> None:
    """If the backend puts a symlink in place of the log, the symlink is replaced and its target is not changed."""
    write_files(tmp_path, {"precious": "1"})
    log = yard.root / ".nox-ship" / "build.log"

    def plant(_: Call) -> tuple[int, str]:
        log.symlink_to(tmp_path / "precious")
        return 1, "boom"

    programs.play("-m build", reply=plant)
    assert stopped(yard) == ["NS501"]
    assert (tmp_path / "precious").read_text("utf-8") == "1"
    assert "boom" in log.read_text("utf-8")


@pytest.mark.parametrize(("wheels", "sdists"), [(0, 1), (1, 0), (1, 2), (0, 0)])
def test_a_release_is_one_sdist_and_wheels(yard: Yard, programs: Programs, wheels: int, sdists: int) -> None:
    """A build that makes anything but one sdist and at least one wheel is refused (NS504)."""
    programs.play("-m build", reply=made_by(wheels=wheels, sdists=sdists))
    assert stopped(yard) == ["NS504"]


def made_with(*lines: str) -> Callable[[Call], tuple[int, str]]:
    """Return a fake build backend whose sdist has these metadata lines, and no other content type."""

    def reply(call: Call) -> tuple[int, str]:
        done = made_by()(call)
        make_sdist(Path(call.line[call.line.index("--outdir") + 1]), FILES, (*METADATA[:-1], *lines))
        return done

    return reply


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("Description-Content-Type: text/x-rst",), {"NS502", "NS511"}),
        (("Description-Content-Type: text/x-rst", "Requires-Dist: ("), {"NS502", "NS511", "NS537"}),
        (("Description-Content-Type: text/plain", "Requires-Dist: ("), {"NS511", "NS537"}),
    ],
)
def test_a_readme_that_an_index_would_refuse_is_told(
    yard: Yard, programs: Programs, lines: tuple[str, ...], expected: set[str]
) -> None:
    """A README that an index could not render is reported (NS502), together with other findings."""
    yard.tag("v9.9")
    programs.play("-m build", reply=made_with(*lines))
    assert {number for number in stopped(yard) if number != "NS517"} == expected


@pytest.mark.slow
def test_twine_has_the_last_word(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """If twine would not send a file, NS502 is raised, but twine is only asked if the checks find nothing."""
    from twine.exceptions import InvalidDistribution
    from twine.package import PackageFile

    asked: list[str] = []

    def refuse(filename: str, _: None) -> None:
        asked.append(filename)
        raise InvalidDistribution("No.")

    monkeypatch.setattr(PackageFile, "from_filename", refuse)
    assert stopped(yard) == ["NS502", "NS502"]
    yard.tag("v9.9")
    assert stopped(yard) == ["NS511"]
    assert len(asked) == 2


def test_an_sdist_that_is_a_zip_is_told(yard: Yard, programs: Programs) -> None:
    """An sdist in zip format is refused (NS512), as no index accepts it any more."""

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
    """A fault that only PyPI refuses stops the build only if the version's route leads to PyPI or TestPyPI."""
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


@pytest.mark.slow
def test_a_readme_of_the_usual_format_is_accepted(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A README without a content type is accepted as reStructuredText, with a warning (NS871)."""
    monkeypatch.setattr("readme_renderer.rst.render", lambda *_, **__: "<p></p>")
    programs.play("-m build", reply=made_with())
    (finding,) = (finding for finding in build(yard.project).warnings if finding.id == "NS871")
    assert finding.level == "warning"


def test_a_finding_can_be_made_a_warning(yard: Yard) -> None:
    """The setting `build.ignore` turns a finding into a warning by its ID."""
    text = PYPROJECT + '[tool.nox-ship]\nbuild.ignore = ["NS511"]\n'
    yard.write({"pyproject.toml": text})
    yard.tag("v9.9")
    assert [(finding.id, finding.level) for finding in build(yard.project).warnings if finding.id == "NS511"] == [
        ("NS511", "warning")
    ]


@pytest.mark.slow
def test_the_tree_that_was_built_is_told_where_any_commit_with_it_would_do(yard: Yard) -> None:
    """The manifest names the tree, unless the version comes from a tag or the build changed something."""
    tree = git(yard.root, "rev-parse", "HEAD^{tree}")
    assert build(yard.project).manifest.tree == tree
    assert build(yard.project, fresh=True, from_tag=True).manifest.tree is None
    assert build(yard.project, fresh=True, renaming=Renaming("1.2.3", lambda _: None)).manifest.tree is None
    write_files(yard.root, {"README.md": "# other\n"})
    assert build(yard.project, fresh=True).manifest.tree is None
    assert build(yard.project, fresh=True, committed=True).manifest.tree == tree


@pytest.mark.slow
def test_a_commit_off_the_release_branch_is_told_by_the_manifest(yard: Yard) -> None:
    """For a commit that is not on the release branch, the manifest names no branch."""
    git(yard.root, "switch", "--quiet", "--create", "side")
    commit_files(yard.root, {"more.txt": ""})
    assert build(yard.project).manifest.branch is None


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["", "packages/sample/"])
def test_what_git_tracks_is_known_where_the_files_are_built(tmp_path: Path, programs: Programs, folder: str) -> None:
    """A file that looks secret is a warning if git tracks it, and an error if the build backend adds it (NS516)."""
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
    with pytest.raises(ShipError, match=r"NS516.*contains sample/\.env, which looks"):
        build(project, fresh=True)
    write_files(project.root, added)
    with pytest.raises(ShipError, match="NS516"):
        build(project)
    commit_files(project.root, {})
    assert warned() == ["NS530"]


@pytest.mark.slow
def test_the_notes_of_a_release_lie_beside_the_manifest(yard: Yard) -> None:
    """The release notes are stored next to the manifest, and files that were built without them are built again."""
    yard.tag("v1.2.3")

    def made() -> bool:
        return not build(yard.project, notes=lambda version: f"- All of {version}.").reused

    assert [made(), made()] == [True, False]
    manifest = build(yard.project).manifest
    assert read_notes(yard.project, manifest) == "- All of 1.2.3."
    path = manifest_path(yard.project).with_name(NOTES)
    for change in (lambda: path.write_text("Evil.", "utf-8"), path.unlink):
        change()
        with pytest.raises(ShipError, match="NS603"):
            read_notes(yard.project, manifest)
        assert made()


@pytest.mark.slow
def test_what_is_no_release_has_no_notes(yard: Yard) -> None:
    """A build that is not a release has no release notes."""
    manifest = build(yard.project, notes=lambda _: "x").manifest
    assert (manifest.notes, read_notes(yard.project, manifest)) == (None, "")
