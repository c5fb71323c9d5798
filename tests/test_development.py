from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from nox_ship.documents import MOST
from nox_ship.errors import ShipError
from nox_ship.project import Project
from nox_ship.release.development import _coming, development
from nox_ship.release.source import VersionSource
from support import commit_files, each, git, make_repository

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'
TAGGED = (
    '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
    '[project]\nname = "sample"\ndynamic = ["version"]\n[tool.hatch.version]\nsource = "vcs"\n'
)


@each(
    ("current", "last", "expected"),
    [
        ("1.2.3", None, "1.2.3"),
        ("1.2.3", "1.2.3", "1.2.4"),
        ("1.2.3", "1.2.2", "1.2.3"),
        ("1.2.3", "1.3.0", "1.3.1"),
        ("1.3.0rc1", "1.3.0rc1", "1.3.0rc2"),
        ("1.3.0b2", "1.3.0b2", "1.3.0b3"),
        ("1.3.0rc1", "1.2.0", "1.3.0rc1"),
        ("1.3.0.dev0", "1.2.0", "1.3.0"),
        ("1.3.0rc1.dev4", "1.2.0", "1.3.0rc1"),
        ("1.2", "1.2", "1.2.1"),
        ("1!1.2.3", "1!1.2.3", "1!1.2.4"),
        ("1.2.3.post1", "1.2.3", "1.2.3.post1"),
        ("1.2.3+local", None, "1.2.3"),
        (None, None, "0.1.0"),
        (None, "2.0.0", "2.0.1"),
        (None, "2.0.0.dev3", "2.0.0"),
    ],
)
def test_development_is_on_the_way_to_a_version(current: str | None, last: str | None, expected: str) -> None:
    """A development version is newer than the last release, and older than the version that it leads to."""
    coming = _coming(Version(current) if current else None, Version(last) if last else None)
    assert coming == expected
    version = Version(f"{coming}.dev1")
    assert version < Version(coming)
    assert last is None or version > Version(last) or Version(last).is_devrelease


def project(folder: Path, pyproject: str = PYPROJECT) -> Project:
    """Return a project in a repository with one commit."""
    make_repository(folder, {"pyproject.toml": pyproject})
    return Project.read(folder)


def hook(folder: Path, name: str, line: str) -> None:
    """Add a git hook to a repository."""
    path = folder / ".git" / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)


def test_a_tagged_commit_is_a_release(tmp_path: Path) -> None:
    """A commit with a release tag has no development version; other tags do not matter."""
    made = project(tmp_path)
    git(tmp_path, "tag", "nightly")
    assert development(made) is not None
    git(tmp_path, "tag", "v1.2.3")
    assert development(made) is None


@pytest.mark.slow
def test_commits_are_counted_from_the_last_release_in_the_history(tmp_path: Path) -> None:
    """Commits are counted from the last release tag on the same branch, or from the first commit."""
    made = project(tmp_path)
    commit_files(tmp_path, {"a": ""})
    found = development(made)
    assert found is not None
    assert found.version == "1.2.3.dev2"
    git(tmp_path, "tag", "v1.2.3")
    git(tmp_path, "switch", "--quiet", "--create", "side")
    commit_files(tmp_path, {"b": ""})
    git(tmp_path, "tag", "v9.0.0")
    git(tmp_path, "switch", "--quiet", "main")
    for name in "cde":
        commit_files(tmp_path, {name: ""})
    found = development(made)
    assert found is not None
    assert found.version == "1.2.4.dev3"


@pytest.mark.usefixtures("bump_my_version")
def test_the_version_is_set_in_the_clone_alone(tmp_path: Path) -> None:
    """The version is set in the clone's files, despite bump-my-version settings; the project is unchanged."""
    own = '[tool.bumpversion]\ncurrent_version = "0.0.1"\nparse = "(?P<major>\\\\d+)"\nserialize = ["{major}"]\n'
    made = project(tmp_path / "one", PYPROJECT + own)
    clone = tmp_path / "two"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "one"), str(clone))
    found = development(made)
    assert found is not None
    found.rename(clone)
    assert VersionSource.of(Project.read(clone)).current == found.version == "1.2.3.dev1"
    assert git(tmp_path / "one", "status", "--porcelain") == ""
    assert git(clone, "status", "--porcelain") == "M pyproject.toml"


@pytest.mark.slow
@pytest.mark.usefixtures("bump_my_version")
def test_a_version_is_committed_where_the_back_end_packs_commits(tmp_path: Path) -> None:
    """The version is committed if the build back end, as meson-python does, packs only committed files."""
    made = project(tmp_path / "one", f'{PYPROJECT}[build-system]\nrequires = []\nbuild-backend = "mesonpy"\n')
    clone = tmp_path / "two"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "one"), str(clone))
    found = development(made)
    assert found is not None
    found.rename(clone)
    assert 'version = "1.2.3.dev1"' in git(clone, "show", "HEAD:pyproject.toml")
    assert git(clone, "status", "--porcelain") == git(clone, "tag") == ""


def test_a_version_from_tags_is_set_by_a_tag(tmp_path: Path) -> None:
    """If the version comes from tags, the clone's changes are committed without hooks or signature, and tagged."""
    made = project(tmp_path / "one", TAGGED)
    git(tmp_path / "one", "tag", "v2.0.0")
    commit_files(tmp_path / "one", {"a": ""})
    clone = tmp_path / "two"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "one"), str(clone))
    (clone / "b").write_text("", "utf-8")
    hook(clone, "pre-commit", "exit 1")
    git(clone, "config", "commit.gpgsign", "true")
    git(clone, "config", "gpg.program", "false")
    found = development(made)
    assert found is not None
    found.rename(clone)
    assert git(clone, "describe", "--tags", "--dirty") == "v2.0.1.dev1"
    assert git(clone, "log", "-1", "--format=%an <%ae>") == "nox-ship <nox-ship@localhost>"
    assert git(clone, "ls-tree", "--name-only", "HEAD").splitlines() == ["a", "b", "pyproject.toml"]
    assert git(tmp_path / "one", "tag") == "v2.0.0"


def test_a_version_from_tags_is_set_where_nothing_changed(tmp_path: Path) -> None:
    """Without changes, the tag is put on a new, empty commit."""
    made = project(tmp_path / "one", TAGGED)
    git(tmp_path, "clone", "--quiet", "one", "two")
    found = development(made)
    assert found is not None
    found.rename(tmp_path / "two")
    assert git(tmp_path / "two", "log", "--format=%s") == "0.1.0.dev1\nchange"


def test_a_version_is_not_set_elsewhere(tmp_path: Path) -> None:
    """If a version file is a symlink that leads out of the clone, NS608 stops before anything is written."""
    made = project(tmp_path / "one")
    git(tmp_path, "clone", "--quiet", "one", "two")
    clone, elsewhere = tmp_path / "two", tmp_path / "elsewhere.toml"
    (clone / "pyproject.toml").rename(elsewhere)
    (clone / "pyproject.toml").symlink_to(elsewhere)
    commit_files(clone, {})
    found = development(made)
    assert found is not None
    with pytest.raises(ShipError, match="NS608"):
        found.rename(clone)
    assert elsewhere.read_text("utf-8") == PYPROJECT


def test_a_version_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    """If the file with the version is too large, NS312 refuses it, and the version is not left to the back end."""
    made = project(tmp_path, '[project]\nname = "sample"\ndynamic = ["version"]\n[tool.hatch.version]\npath = "V"\n')
    with (tmp_path / "V").open("w", encoding="utf-8") as file:
        file.truncate(MOST + 1)
    with pytest.raises(ShipError, match="NS312"):
        development(made)


def test_a_version_that_only_the_back_end_knows_is_left_to_it(tmp_path: Path) -> None:
    """If only the build back end knows the version, there is no development version to set."""
    assert development(project(tmp_path, '[project]\nname = "sample"\ndynamic = ["version"]\n')) is None


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--depth=1"], ["--depth=1", "--no-single-branch"], ["--shallow-exclude=v1.2.3"]])
def test_a_cut_history_tells_no_development_version(tmp_path: Path, options: list[str]) -> None:
    """NS309 refuses a shallow clone without the last release, and names the command to fetch the rest."""
    project(tmp_path / "one")
    git(tmp_path / "one", "tag", "v1.2.3")
    for name in "ab":
        commit_files(tmp_path / "one", {name: ""})
    git(tmp_path, "clone", "--quiet", *options, (tmp_path / "one").as_uri(), "two")
    made = Project.read(tmp_path / "two")
    with pytest.raises(ShipError, match=r"NS309.*fetch --tags --unshallow"):
        development(made)
    git(made.root, "fetch", "--quiet", "--tags", "--unshallow")
    found = development(made)
    assert found is not None
    assert found.version == "1.2.4.dev2"


@pytest.mark.slow
def test_a_history_that_is_cut_before_the_last_release_tells_enough(tmp_path: Path) -> None:
    """A shallow clone that contains the last release tag is enough to compute the development version."""
    project(tmp_path / "one")
    for name in "ab":
        commit_files(tmp_path / "one", {name: ""})
    git(tmp_path / "one", "tag", "v1.2.3")
    address = (tmp_path / "one").as_uri()
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=v1.2.3", address, "job")
    assert development(Project.read(tmp_path / "job")) is None
    commit_files(tmp_path / "one", {"c": ""})
    git(tmp_path, "clone", "--quiet", "--depth=2", address, "two")
    found = development(Project.read(tmp_path / "two"))
    assert found is not None
    assert found.version == "1.2.4.dev1"


@pytest.mark.slow
def test_a_clone_without_tags_tells_no_development_version(tmp_path: Path) -> None:
    """NS309 refuses a clone made with `--no-tags`, unless it has a release tag of its own."""
    project(tmp_path / "one")
    git(tmp_path / "one", "tag", "v1.2.3")
    commit_files(tmp_path / "one", {"a": ""})
    git(tmp_path, "clone", "--quiet", "--no-tags", (tmp_path / "one").as_uri(), "two")
    made = Project.read(tmp_path / "two")
    with pytest.raises(ShipError, match=r"NS309.*without tags"):
        development(made)
    git(made.root, "tag", "v1.2.3", "HEAD~")
    found = development(made)
    assert found is not None
    assert found.version == "1.2.4.dev1"


def test_a_tag_that_names_no_version_makes_no_development_version(tmp_path: Path) -> None:
    """A tag on HEAD that names no valid version is refused with NS310, unless a release tag is there too."""
    made = project(tmp_path)
    git(tmp_path, "tag", "v0.1.0-test.1")
    with pytest.raises(ShipError, match=r"NS310.*v0.1.0-test.1"):
        development(made)
    git(tmp_path, "tag", "v1.2.3")
    assert development(made) is None


def fetched(folder: Path) -> Project:
    """Return a clone of ``one`` as CI makes it, whose settings do not show that it has no tags."""
    made = make_repository(folder / "two")
    git(made.path, "remote", "add", "origin", (folder / "one").as_uri())
    git(made.path, "fetch", "--quiet", "--no-tags", "--depth=100", "origin", "main:refs/remotes/origin/main")
    git(made.path, "reset", "--quiet", "--hard", "origin/main")
    return Project.read(made.path)


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["v2.0.0", "2.0", "sample-2.0"])
def test_a_release_that_only_the_remote_has_is_missed(tmp_path: Path, tag: str) -> None:
    """If only the remote has the tag of a release in the history, NS309 names it, as the count would be wrong."""
    project(tmp_path / "one", TAGGED)
    git(tmp_path / "one", "tag", "--annotate", "--message", "x", tag)
    commit_files(tmp_path / "one", {"a": ""})
    made = fetched(tmp_path)
    with pytest.raises(ShipError, match=f"NS309.*{tag}.*git fetch --tags"):
        development(made)
    git(made.root, "fetch", "--quiet", "--tags")
    found = development(made)
    assert found is not None
    assert (found.version, found.warnings) == ("2.0.1.dev1", ())


@pytest.mark.slow
def test_other_tags_of_the_remote_are_not_missed(tmp_path: Path) -> None:
    """Tags of the remote on other branches, and tags that name no release, need not be fetched."""
    project(tmp_path / "one", TAGGED)
    git(tmp_path / "one", "tag", "nightly")
    git(tmp_path / "one", "switch", "--quiet", "--create", "side")
    commit_files(tmp_path / "one", {"b": ""})
    git(tmp_path / "one", "tag", "v3.0.0")
    git(tmp_path / "one", "switch", "--quiet", "main")
    made = fetched(tmp_path)
    git(made.root, "fetch", "--quiet", "--no-tags", "origin", "side")
    found = development(made)
    assert found is not None
    assert (found.version, found.warnings) == ("0.1.0.dev1", ())


def test_a_remote_that_is_silent_is_told(tmp_path: Path) -> None:
    """If the remote does not answer, NS309 warns that tags may be missing, unless the clone has a release tag."""
    made = project(tmp_path)
    git(tmp_path, "remote", "add", "origin", str(tmp_path / "gone"))
    found = development(made)
    assert found is not None
    assert found.version == "1.2.3.dev1"
    assert [(finding.id, finding.level) for finding in found.warnings] == [("NS309", "warning")]
    git(tmp_path, "tag", "v1.2.3")
    commit_files(tmp_path, {"a": ""})
    found = development(made)
    assert found is not None
    assert found.warnings == ()
