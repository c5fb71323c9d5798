from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import PROBLEM, FakeRemote, FakeWorld, Programs, Yard, make_yard, write_dist
from nox_ship.errors import Kind, ShipError
from nox_ship.git import Repository
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from nox_ship.release.admission import admit
from nox_ship.world.real import REMOTE_MISSING
from nox_ship.world.remote import REMOTE_UNREACHABLE
from support import commit_files, git, make_project

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """Return a project whose HEAD is the release 1.2.3."""
    made = make_yard(tmp_path, {"pyproject.toml": PYPROJECT, ".gitignore": "dist/\n.nox-ship/\n"})
    made.tag("v1.2.3")
    return made


def built(yard: Yard, **facts: Any) -> Manifest:
    """Write the files of the release, and return their manifest."""
    return write_dist(yard.project, **{"commit": yard.repository.head, "version": "1.2.3", **facts})


def admitted(yard: Yard, manifest: Manifest, index: str = "pypi") -> list[str]:
    """Return the IDs of the warnings for files that an index accepts."""
    return [finding.id for finding in admit(manifest, yard.project, index, yard.world)]


def refused(yard: Yard, manifest: Manifest, index: str = "pypi") -> set[str]:
    """Return the IDs of the errors for files that must not go to an index."""
    with pytest.raises(ShipError) as caught:
        admit(manifest, yard.project, index, yard.world)
    return {finding.id for finding in caught.value.findings}


def test_a_release_is_admitted(yard: Yard) -> None:
    """A clean build of a tagged commit on the release branch is admitted to PyPI and TestPyPI."""
    assert admitted(yard, built(yard)) == []
    assert admitted(yard, built(yard), "testpypi") == []


def test_files_of_another_project_are_refused(yard: Yard) -> None:
    """Files of another project are refused (NS605)."""
    assert refused(yard, built(yard, name="other")) == {"NS605"}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_file_of_another_version_is_refused(yard: Yard, kind: str) -> None:
    """A file whose name contains another version than the manifest is refused (NS604)."""
    manifest = built(yard)

    def renamed(file: File) -> File:
        return replace(file, name=file.name.replace("1.2.3", "1.2.4")) if file.kind == kind else file

    assert refused(yard, replace(manifest, files=tuple(map(renamed, manifest.files)))) == {"NS604"}


def test_a_platform_that_an_index_takes_no_wheels_of_is_refused(yard: Yard) -> None:
    """A wheel for a platform that PyPI and TestPyPI do not accept is refused (NS549); other indexes may accept it."""
    manifest = built(yard)
    files = (replace(manifest.files[0], name="sample-1.2.3-cp312-cp312-linux_x86_64.whl"), *manifest.files[1:])
    manifest = replace(manifest, files=files)
    assert refused(yard, manifest) == refused(yard, manifest, "testpypi") == {"NS549"}
    assert admitted(yard, manifest, "company") == []


@pytest.mark.slow
def test_wheels_of_other_systems_must_have_been_collected(yard: Yard) -> None:
    """Without the wheels of all systems in the settings, every index is refused (NS581), and the systems are named."""
    manifest = built(yard)
    yard.write({"pyproject.toml": f'{PYPROJECT}[tool.nox-ship.wheels]\nsystems = ["ubuntu", "windows"]\n'})
    commit = commit_files(yard.root, {})
    yard.repository.run("tag", "--force", "v1.2.3")
    yard.world.remote.has.update({"refs/heads/main": commit, "refs/tags/v1.2.3": commit})
    manifest = built(yard)
    assert refused(yard, manifest, "testpypi") == refused(yard, manifest) == {"NS581"}
    with pytest.raises(ShipError, match=r"from windows\."):
        admit(replace(manifest, systems=("ubuntu",)), yard.project, "pypi", yard.world)
    assert admitted(yard, replace(manifest, systems=("macos", "ubuntu", "windows"))) == []


def test_files_of_another_commit_are_refused(yard: Yard) -> None:
    """Files built from another commit are refused (NS604), even for an index that accepts untagged commits."""
    assert "NS604" in refused(yard, built(yard, commit="d" * 40), "testpypi")


def test_a_tag_that_was_moved_is_refused(yard: Yard) -> None:
    """If the manifest's tag is missing or on another commit, the files are refused (NS604)."""
    manifest = built(yard)
    git(yard.root, "tag", "--delete", "v1.2.3")
    assert refused(yard, manifest) == {"NS604"}
    commit_files(yard.root, {"more.txt": ""})
    git(yard.root, "tag", "v1.2.3")
    git(yard.root, "reset", "--quiet", "--hard", "HEAD~1")
    assert refused(yard, manifest) == {"NS604"}


def test_a_tag_of_another_version_is_refused(yard: Yard) -> None:
    """If the manifest's tag is that of another version, the files are refused (NS604)."""
    yard.tag("v1.2.4")
    assert refused(yard, built(yard, tag="v1.2.4")) == {"NS604"}


def test_changes_that_no_commit_has_are_no_release(yard: Yard) -> None:
    """Files built from uncommitted changes are refused for PyPI (NS752), and cause a warning elsewhere (NS756)."""
    manifest = built(yard, dirty=True)
    assert refused(yard, manifest) == {"NS752"}
    assert admitted(yard, manifest, "testpypi") == ["NS756"]


def test_a_commit_without_a_tag_is_no_release(yard: Yard) -> None:
    """Files built from an untagged commit are refused for PyPI (NS752), but not for TestPyPI."""
    manifest = built(yard, tag=None)
    assert refused(yard, manifest) == {"NS752"}
    assert admitted(yard, manifest, "testpypi") == []


def test_where_final_versions_go_takes_releases_alone(tmp_path: Path) -> None:
    """The index of the final route accepts only releases (NS752), whatever its name, and PyPI always does."""
    text = f'{PYPROJECT}[tool.nox-ship]\nroutes.final = "testpypi"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text, ".gitignore": "dist/\n.nox-ship/\n"})
    yard.tag("v1.2.3")
    assert refused(yard, built(yard, tag=None), "testpypi") == {"NS752"}
    assert "NS752" in refused(yard, built(yard, tag=None), "pypi")


def test_a_version_goes_nowhere_but_where_its_route_leads(yard: Yard) -> None:
    """A pre-release is refused for PyPI (NS754), as its route leads to TestPyPI."""
    yard.tag("v1.2.4rc1")
    assert refused(yard, built(yard, version="1.2.4rc1")) == {"NS754"}
    assert admitted(yard, built(yard, version="1.2.4rc1"), "testpypi") == []


def off_branch(yard: Yard) -> Manifest:
    """Return the manifest of a release whose commit is only on a side branch."""
    git(yard.root, "switch", "--quiet", "--create", "side")
    commit_files(yard.root, {"more.txt": ""})
    git(yard.root, "tag", "--force", "v1.2.3")
    yard.world.remote.has["refs/tags/v1.2.3"] = yard.repository.head
    return built(yard)


def test_a_commit_off_the_release_branch_is_refused(yard: Yard) -> None:
    """A commit that is on the release branch neither here nor on the remote is refused (NS755)."""
    manifest = off_branch(yard)
    assert refused(yard, manifest) == {"NS755"}
    yard.world.remote.has["refs/heads/main"] = yard.repository.head
    assert admitted(yard, manifest) == []


def test_the_release_branch_is_that_of_the_settings(yard: Yard) -> None:
    """The release branch is the one in the settings: a commit that only other branches have is refused (NS755)."""
    yard.write({"pyproject.toml": f'{PYPROJECT}[tool.nox-ship]\nbranch = "stable"\n'})
    git(yard.root, "tag", "--force", "v1.2.3")
    yard.world.remote.has["refs/tags/v1.2.3"] = yard.repository.head
    assert refused(yard, built(yard)) == {"NS755"}
    git(yard.root, "branch", "stable")
    assert admitted(yard, built(yard)) == []


def test_a_tag_that_is_another_one_on_the_remote_is_refused(yard: Yard) -> None:
    """If the tag is on another commit on the remote, the files are refused for PyPI (NS212), but not for TestPyPI."""
    yard.world.remote.has["refs/tags/v1.2.3"] = "d" * 40
    assert refused(yard, built(yard)) == {"NS212"}
    assert admitted(yard, built(yard), "testpypi") == []


def test_a_tag_that_the_remote_lacks_is_refused(yard: Yard) -> None:
    """If the remote lacks the tag, PyPI is refused (NS225), unless a rehearsal could not ask the remote."""
    manifest = built(yard)
    del yard.world.remote.has["refs/tags/v1.2.3"]
    assert refused(yard, manifest) == {"NS225"}
    assert admitted(yard, manifest, "testpypi") == []
    yard.world.told = (PROBLEM("The remote was not asked.", level="notice"),)
    assert admitted(yard, manifest) == []


@pytest.mark.parametrize(("kind", "expected"), [(REMOTE_MISSING, set()), (REMOTE_UNREACHABLE, {"NS208"})])
def test_a_remote_that_does_not_answer_is_no_missing_one(yard: Yard, kind: Kind, expected: set[str]) -> None:
    """If a remote does not answer, the upload stops (NS208); without any remote, the tag is not compared."""

    class Silent(FakeWorld):
        def known_refs(self) -> Mapping[str, str]:
            raise ShipError(kind("No."))

    yard.world = Silent(yard.repository, yard.world.remote)
    if expected:
        assert refused(yard, built(yard)) == expected
    else:
        assert admitted(yard, built(yard)) == []


class Bare:
    """A world without a checkout, as in a job that received files and manifest from another job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.remote = FakeRemote("origin", "origin", Repository(folder))

    @property
    def checkout(self) -> Repository:
        """The repository in the folder, if there is one."""
        return Repository.at(self._folder)


def without_checkout(folder: Path, change: Callable[[Manifest], Manifest] = lambda m: m) -> set[str]:
    """Return the IDs of the errors for files that go to PyPI without a checkout."""
    project: Project = make_project(folder / "alone", PYPROJECT)
    manifest = change(write_dist(project, "c" * 40, "1.2.3"))
    world: Any = Bare(folder / "alone")
    try:
        admit(manifest, project, "pypi", world)
    except ShipError as error:
        return {finding.id for finding in error.findings}
    return set()


def test_without_a_checkout_the_manifest_tells_what_the_build_saw(tmp_path: Path) -> None:
    """Without a checkout, the manifest must name the release branch (NS755) and fit pyproject.toml (NS603)."""
    assert without_checkout(tmp_path / "a") == set()
    assert without_checkout(tmp_path / "b", lambda m: replace(m, branch=None)) == {"NS755"}
    assert without_checkout(tmp_path / "c", lambda m: replace(m, pyproject="0" * 64)) == {"NS603"}
    assert without_checkout(tmp_path / "d", lambda m: replace(m, tag=None)) == {"NS752"}


def test_a_repository_that_cannot_be_read_is_no_missing_one(yard: Yard) -> None:
    """If the checkout cannot be read, its error is raised, and the files do not count as files without a checkout."""
    manifest = built(yard)
    git(yard.root, "update-ref", "-d", "HEAD")
    world: Any = Bare(yard.root)
    with pytest.raises(ShipError, match="NS202"):
        admit(manifest, yard.project, "pypi", world)


def test_a_job_that_was_told_its_manifest_opens_no_repository(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that was given its manifest's digest runs no git, because a `.git` among the files could run anything."""
    manifest, elsewhere = built(yard), built(yard, branch=None)
    monkeypatch.setenv("NOX_SHIP_MANIFEST", "")
    programs.calls.clear()
    world: Any = object()
    assert admit(manifest, yard.project, "pypi", world) == ()
    with pytest.raises(ShipError, match="NS755"):
        admit(elsewhere, yard.project, "pypi", world)
    assert programs.calls == []


def test_changes_that_no_commit_has_are_of_no_commit(yard: Yard) -> None:
    """For files built from uncommitted changes, commit and branch are not compared, and there is only one finding."""
    manifest = built(yard, dirty=True, commit="d" * 40)
    assert admitted(yard, manifest, "testpypi") == ["NS756"]
    assert refused(yard, manifest) == {"NS752"}
