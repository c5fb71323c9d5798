from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fakes import Yard, make_yard, noxfile, opened
from nox_ship.errors import ShipError
from nox_ship.release.bump import bump, made
from nox_ship.release.planning import Plan
from nox_ship.release.preflight import preflight
from nox_ship.release.stage import Stage
from support import commit_files

pytestmark = pytest.mark.slow

WRITTEN = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\ngates = []\n'
CHANGES = "# Changes\n\n## Unreleased\n\n- New.\n"


def staged(folder: Path, text: str | None = WRITTEN, changelog: str = CHANGES) -> tuple[Plan, Stage, Yard]:
    """Return a release whose next step is the bump."""
    files = {"pyproject.toml": text, "CHANGELOG.md": changelog} if text else {}
    yard = make_yard(folder, files)
    run = yard.prepare("0.1.0")
    plan = preflight(yard.root, run.request, run.sessions, yard.world, print)
    return plan, opened(yard.shop, plan), yard


def hook(stage: Stage, name: str, line: str) -> None:
    """Add a hook to the checkout, whose hooks the clone runs."""
    path = Path(stage.repository.run("config", "core.hooksPath")) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)


def test_commit_and_tag_are_made_in_the_clone(tmp_path: Path) -> None:
    """The bump makes a commit and an annotated tag in the clone, and does not change the checkout."""
    plan, stage, yard = staged(tmp_path)
    before = yard.repository.head
    done, made = bump(plan, stage), stage.repository
    assert (done.commit, done.tag) == (made.head, made.run("rev-parse", "refs/tags/v0.1.0"))
    assert made.run("log", "--format=%s") == "Release 0.1.0\nchange"
    assert made.run("cat-file", "-t", "v0.1.0") == "tag"
    assert made.run("tag", "--list", "--format=%(contents:subject)") == "Release 0.1.0"
    assert made.tags() == {"v0.1.0": made.head}
    assert stage.record.commit == made.head
    assert (yard.repository.head, yard.repository.tags()) == (before, {})


def test_a_bump_is_made_once(tmp_path: Path) -> None:
    """A bump that an earlier run made is found, with the same commit and tag."""
    plan, stage, _ = staged(tmp_path)
    assert made(stage) is None
    done = bump(plan, stage)
    assert made(stage) == done
    assert stage.repository.head == done.commit


def test_a_release_that_changes_no_file_has_no_commit(tmp_path: Path) -> None:
    """If a release changes no file, its tag is put on the existing commit."""
    plan, stage, yard = staged(tmp_path, changelog="# Changes\n")
    bump(plan, stage)
    assert stage.repository.tags() == {"v0.1.0": yard.repository.head}


def test_a_release_after_one_of_the_same_commit_has_a_commit_all_the_same(tmp_path: Path) -> None:
    """If the version comes from tags, a release of an already tagged commit gets a commit of its own."""
    yard = make_yard(tmp_path, {})
    yard.tag("v0.1.0")
    request = replace(yard.prepare("patch").request, early=True)
    plan = preflight(yard.root, request, noxfile(yard.root, "tests"), yard.world, print)
    stage = opened(yard.shop, plan)
    done = bump(plan, stage)
    assert stage.repository.parents(done.commit) == [yard.repository.head]
    assert stage.repository.tags() == {"v0.1.0": yard.repository.head, "v0.1.1": done.commit}


@pytest.mark.parametrize(
    ("name", "text", "heading"),
    [
        ("CHANGELOG.md", CHANGES, "## 0.1.0 - 20"),
        ("HISTORY.rst", "0.1 (unreleased)\n================\n\n- New.\n", "0.1.0 (20"),
    ],
)
def test_a_changelog_is_cut_where_tags_tell_the_version(tmp_path: Path, name: str, text: str, heading: str) -> None:
    """If the version comes from tags, the changelog is cut in a commit with no other change, and the tag is on it."""
    yard = make_yard(tmp_path, {name: text})
    plan = preflight(yard.root, yard.prepare("0.1.0").request, noxfile(yard.root, "tests"), yard.world, print)
    assert plan.source.kind == "tags"
    stage = opened(yard.shop, plan)
    done = bump(plan, stage)
    assert done.commit != yard.repository.head
    assert stage.repository.tags() == {"v0.1.0": done.commit}
    assert stage.repository.run("diff", "--name-only", "HEAD~").splitlines() == [name]
    assert heading in (stage.root / name).read_text("utf-8")
    assert stage.repository.run("log", "-1", "--format=%s") == "Release 0.1.0"


def test_a_commit_that_a_hook_refuses_stops_the_release(tmp_path: Path) -> None:
    """A hook of the user's that refuses the commit stops the release (NS232) with its output, and no tag is made."""
    plan, stage, _ = staged(tmp_path)
    hook(stage, "pre-commit", "echo not today; exit 1")
    with pytest.raises(ShipError) as caught:
        bump(plan, stage)
    (finding,) = caught.value.findings
    assert (finding.id, finding.detail) == ("NS232", "not today")
    assert stage.repository.tags() == {}
    assert stage.record.commit is None


def test_a_commit_of_a_hook_stops_the_release(tmp_path: Path) -> None:
    """If a hook makes a further commit, the release stops (NS232), as the hook's changes would be released too."""
    plan, stage, _ = staged(tmp_path)
    again = "git commit -q --allow-empty --no-verify -m mine"
    hook(stage, "post-commit", f"[ -e ../once ] || {{ touch ../once; {again}; }}")
    with pytest.raises(ShipError, match=r"NS232.*not a direct child"):
        bump(plan, stage)
    assert stage.record.commit is None


def test_a_tag_that_git_refuses_stops_the_release(tmp_path: Path) -> None:
    """If git refuses the tag, the release stops (NS233) with git's message, and no commit is recorded."""
    plan, stage, _ = staged(tmp_path, None)
    stage.repository.run("tag", "v0.1.0")
    with pytest.raises(ShipError) as caught:
        bump(plan, stage)
    (finding,) = caught.value.findings
    assert finding.id == "NS233"
    assert "already exists" in finding.detail
    assert stage.record.commit is None


def test_a_clone_commits_as_the_user_does(tmp_path: Path) -> None:
    """The commit in the clone has the identity of the checkout."""
    plan, stage, _ = staged(tmp_path)
    bump(plan, stage)
    assert stage.repository.run("log", "-1", "--format=%an <%ae>") == "Tester <tester@example.invalid>"
    assert stage.repository.branch == "main"


def test_a_version_file_that_is_elsewhere_is_not_changed(tmp_path: Path) -> None:
    """If a symlink leads a version file out of the clone, the bump stops before anything is written (NS608)."""
    (tmp_path / "elsewhere.toml").write_text(WRITTEN, "utf-8")
    plan, stage, _ = staged(tmp_path)
    (stage.root / "pyproject.toml").unlink()
    (stage.root / "pyproject.toml").symlink_to(tmp_path / "elsewhere.toml")
    commit_files(stage.root, {})
    with pytest.raises(ShipError, match="NS608"):
        bump(plan, stage)
    assert (tmp_path / "elsewhere.toml").read_text("utf-8") == WRITTEN
    assert stage.repository.tags() == {}
