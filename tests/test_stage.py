from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import opened
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.planning import Plan
from nox_ship.release.record import Record
from nox_ship.release.source import VersionSource
from nox_ship.release.stage import REUSE_SECONDS, Stage, Workshop, _reusable, last_release, sealed, workshop
from prepared import Prepared
from support import commit_files, git, make_repository, write_files

Released = tuple[Workshop, Plan, Stage]
PYPROJECT = '[project]\nname = "sample"\nversion = "1.0"\n'


def make_plan(folder: Path, **changes: Any) -> Plan:
    """Return a plan to release 1.1 of a project in a repository of its own."""
    repository = make_repository(folder / "checkout", {"pyproject.toml": PYPROJECT, "a.txt": "1\n"})
    facts: dict[str, Any] = {
        "project": Project.read(repository.path),
        "repository": repository,
        "branch": "main",
        "release_branch": "main",
        "head": repository.head,
        "source": VersionSource("files", "1.0"),
        "current": "1.0",
        "version": "1.1",
        "tag": "v1.1",
        "bump": True,
        "message": "Release 1.1",
        "tag_message": "Release 1.1",
        "gates": (),
        "index": "pypi",
    }
    return Plan(**{**facts, **changes})


def make_shop(folder: Path) -> Workshop:
    """Return a workshop in a new folder."""
    (folder / "shop").mkdir()
    return Workshop(folder / "shop")


def release(stage: Stage, plan: Plan) -> None:
    """Make the release's commit and tag in the stage, as the bump does."""
    stage.record.commit = commit_files(stage.root, {"a.txt": "2\n"})
    git(stage.root, "tag", "--annotate", "--message", "x", stage.record.tag)
    stage.record.passed["lint"] = 1.5
    stage.record.seal = sealed(stage.workshop, plan, stage.record.commit).digest
    stage.save()


def _released(folder: Path) -> Released:
    plan, shop = make_plan(folder), make_shop(folder)
    stage = opened(shop, plan)
    release(stage, plan)
    return shop, plan, stage


@pytest.fixture
def released(prepared: Prepared) -> Released:
    """Return a workshop with a stage that has the release's commit and tag, and the plan."""
    return prepared(_released)


def is_reusable(released: Released, changes: dict[str, Any] | str) -> bool:
    """Whether the stage is reused if its record is changed like this, or replaced by this text."""
    shop, plan, _ = released
    record = shop.folder / "stage.json"
    before = record.read_text()
    record.write_text(changes if isinstance(changes, str) else json.dumps({**json.loads(before), **changes}))
    found = _reusable(shop, plan)
    record.write_text(before)
    return found is not None


def test_a_new_stage_is_a_clean_clone(tmp_path: Path) -> None:
    """A new stage is a clone at the plan's commit, and nothing is recorded as passed in it."""
    plan = make_plan(tmp_path)
    stage = opened(make_shop(tmp_path), plan)
    assert stage.repository.head == plan.head
    assert not stage.reused
    assert (stage.record.commit, stage.record.passed, stage.record.failed) == (None, {}, [])
    assert Record.read(stage.workshop.record) == stage.record


def test_a_release_that_is_made_already_needs_no_commit(tmp_path: Path) -> None:
    """If HEAD is already the release, the release's commit is HEAD."""
    plan = make_plan(tmp_path, bump=False)
    assert opened(make_shop(tmp_path), plan).record.commit == plan.head


@pytest.mark.slow
def test_a_stage_is_used_again(released: Released) -> None:
    """A stage is reused for the same release, with the record of what passed in it."""
    shop, plan, _ = released
    again = opened(shop, plan)
    assert again.reused
    assert again.record.passed == {"lint": 1.5}


@pytest.mark.slow
def test_a_stage_that_is_used_again_is_cleaned(released: Released) -> None:
    """Files that tests left are removed from a reused stage; built files and our own stay."""
    shop, plan, stage = released
    write_files(stage.root, {"left.txt": "", "left/over.txt": "", "dist/a.whl": "", ".nox-ship/manifest.json": ""})
    assert opened(shop, plan).reused
    assert {path.name for path in stage.root.iterdir()} == {".git", ".nox-ship", "a.txt", "dist", "pyproject.toml"}
    assert (stage.root / "dist" / "a.whl").is_file()
    assert (stage.root / ".nox-ship" / "manifest.json").is_file()


def test_a_stage_can_be_made_anew(released: Released) -> None:
    """With `--fresh`, neither the stage nor the environments are reused."""
    shop, plan, _ = released
    write_files(shop.environments, {"tests/pyvenv.cfg": ""})
    stage = opened(shop, plan, fresh=True)
    assert not stage.reused
    assert stage.record.passed == {}
    assert stage.repository.head == plan.head
    assert not shop.environments.exists()


@pytest.mark.slow
def test_a_stage_of_something_else_is_not_used_again(released: Released) -> None:
    """A stage is not reused for another release, commit, branch or version of nox-ship, or after a day."""
    others: list[dict[str, Any]] = [
        {"version": "1.2"},
        {"tag": "1.1"},
        {"head": "0" * 40},
        {"branch": "side"},
        {"branch": ""},
        {"made_by": "0.0.0"},
        {"made_at": time.time() - REUSE_SECONDS - 1},
        {"commit": None},
        {"commit": "0" * 40},
        {"unknown": 1},
    ]
    assert is_reusable(released, {})
    assert not [changes for changes in others if is_reusable(released, changes)]


def test_the_stage_of_a_pushed_release_is_used_however_old_it_is(released: Released) -> None:
    """The stage of a pushed release is reused whatever its age and seal, as some of its files may be published."""
    shop, plan, stage = released
    pushed = replace(plan, bump=False, head=stage.record.commit or "")
    old = {"made_at": time.time() - 2 * REUSE_SECONDS, "made_by": "0.0.0", "seal": "0" * 64}
    assert is_reusable((shop, pushed, stage), old)
    assert not is_reusable((shop, replace(pushed, head="0" * 40), stage), old)
    assert not is_reusable((shop, plan, stage), {"seal": "0" * 64})


def test_a_broken_record_is_as_none(released: Released) -> None:
    """A stage without a readable record is not reused."""
    broken = ["", "{", "[]", "null", "{}", '"x"']
    assert not [content for content in broken if is_reusable(released, content)]


@pytest.mark.parametrize(
    "command",
    [
        ["commit", "--quiet", "--allow-empty", "--message", "more"],
        ["tag", "--delete", "v1.1"],
        ["tag", "--force", "v1.1", "HEAD~1"],
        ["rm", "--quiet", "a.txt"],
    ],
)
def test_a_stage_that_was_changed_is_not_used_again(released: Released, command: list[str]) -> None:
    """A stage with another commit, another tag, or a changed file is not reused."""
    shop, plan, stage = released
    git(stage.root, *command)
    assert not opened(shop, plan).reused


def test_a_workshop_is_for_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run in the same checkout is refused with NS805; a run in another one is not."""
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    with workshop(tmp_path / "one") as shop:
        assert shop.folder.parent == tmp_path / "cache"
        with pytest.raises(ShipError, match="NS805"), workshop(tmp_path / "one"):
            pass
        with workshop(tmp_path / "two") as other:
            assert other.folder != shop.folder
    with workshop(tmp_path / "one" / ".." / "one") as again:
        assert again.folder == shop.folder


def test_a_relative_cache_lies_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative cache folder is relative to the project, even if the working directory changes later."""
    monkeypatch.setenv("NOX_SHIP_CACHE", "../cache")
    monkeypatch.chdir(make_repository(tmp_path / "project").path)
    with workshop(Path()) as shop:
        assert shop.folder.parent.resolve() == tmp_path / "cache"
        monkeypatch.chdir("/")
        assert shop.folder.is_dir()


def test_a_cache_in_the_project_makes_nothing_dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git ignores a cache in the project, but not the project's own files beside it."""
    repository = make_repository(tmp_path)
    for place in (".cache/ship", ".", str(tmp_path / "deep" / "er")):
        monkeypatch.setenv("NOX_SHIP_CACHE", place)
        with workshop(tmp_path) as shop:
            write_files(shop.folder, {"report.json": "", "stage/a": ""})
            if place != ".":
                write_files(shop.folder.parent, {"pythons.json": "", "tidied": ""})
            git(shop.stage, "init", "--quiet")
            assert repository.changes() == []
    write_files(tmp_path, {".cache/mine.txt": ""})
    assert repository.changes() == [".cache/mine.txt"]
    assert not (tmp_path / ".gitignore").exists()


@pytest.mark.parametrize(
    ("named", "place"), [("~/ship", "home/ship"), ("~nobody-of-this-name/x", "one/~nobody-of-this-name/x")]
)
def test_the_cache_may_lie_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, place: str) -> None:
    """A tilde is expanded as in a shell; one before an unknown user is part of the name."""
    write_files(tmp_path, {"home/x": "", "one/x": ""})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NOX_SHIP_CACHE", named)
    with workshop(tmp_path / "one") as shop:
        assert shop.folder.parent == tmp_path / place


def test_the_world_is_emptied(tmp_path: Path) -> None:
    """Stand-ins of an earlier run are removed."""
    shop = Workshop(tmp_path)
    write_files(shop.world(), {"index/a.whl": ""})
    assert list(shop.world().iterdir()) == []


@pytest.mark.slow
def test_a_stage_is_for_its_branch(tmp_path: Path) -> None:
    """Another branch at the same commit gets a new stage on that branch, and so does the first one afterwards."""
    plan, shop = make_plan(tmp_path), make_shop(tmp_path)
    git(plan.repository.path, "branch", "side")
    for branch in ("main", "side", "main"):
        there = dataclasses.replace(plan, branch=branch)
        stage = opened(shop, there)
        assert (stage.reused, stage.repository.branch, stage.record.branch) == (False, branch, branch)
        release(stage, there)
        assert opened(shop, there).reused


def test_a_pushed_release_keeps_its_stage_on_any_branch(released: Released) -> None:
    """The stage of a pushed release is reused on any branch, as its built files are nowhere else."""
    shop, plan, _ = released
    assert open_stage_would_reuse(shop, dataclasses.replace(finishing(plan, plan.head), branch="side"))


def finishing(plan: Plan, head: str) -> Plan:
    """Return the plan to finish a pushed release from a checkout at ``head``."""
    return dataclasses.replace(plan, bump=False, head=head)


def test_a_pushed_release_is_finished_from_its_stage(released: Released) -> None:
    """However old its stage is, a pushed release is finished there if HEAD is the release or the commit before it."""
    shop, plan, stage = released
    stage.record.made_at -= 2 * REUSE_SECONDS
    stage.record.made_by = "another"
    stage.save()
    commit = stage.record.commit or ""
    assert not open_stage_would_reuse(shop, plan)
    assert open_stage_would_reuse(shop, finishing(plan, plan.head))
    assert open_stage_would_reuse(shop, finishing(plan, commit))
    assert not open_stage_would_reuse(shop, finishing(plan, "e" * 40))


def open_stage_would_reuse(shop: Workshop, plan: Plan) -> bool:
    """Return whether the stage would be reused for a plan."""
    return _reusable(shop, plan) is not None


def test_what_is_pushed_and_nowhere_else_is_not_thrown_away(released: Released) -> None:
    """Even with `--fresh`, the stage of a pushed release stays if the checkout does not have the release."""
    shop, plan, stage = released
    again = opened(shop, finishing(plan, plan.head), fresh=True)
    assert again.reused
    assert again.record.commit == stage.record.commit
    git(plan.repository.path, "fetch", "--quiet", str(shop.stage), "tag", "v1.1")
    assert not opened(shop, finishing(plan, plan.head), fresh=True).reused


def test_the_last_release_is_remembered_while_its_clone_is_whole(tmp_path: Path) -> None:
    """The last release is known while its stage has the release's commit and is unchanged."""
    plan, shop = make_plan(tmp_path), make_shop(tmp_path)
    assert last_release(shop) is None
    stage = opened(shop, plan)
    assert last_release(shop) is None
    git(stage.root, "checkout", "--quiet", "--orphan", "none")
    assert last_release(shop) is None
    git(stage.root, "checkout", "--quiet", "main")
    release(stage, plan)
    assert last_release(shop) == stage.record
    git(stage.root, "tag", "--delete", "v1.1")
    assert last_release(shop) is None


def test_a_stage_that_cannot_be_made_is_not_remembered(released: Released, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of an old stage is removed before its files, so that a failure leaves no wrong record."""
    shop, plan, _ = released

    def fail(*_: object, **__: object) -> None:
        assert not shop.record.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(Repository, "clone", fail)
    with pytest.raises(KeyboardInterrupt):
        opened(shop, plan, fresh=True)
    assert last_release(shop) is None


def test_a_stage_that_is_a_symlink_holds_no_release(tmp_path: Path, released: Released) -> None:
    """A stage that is a symlink, or whose repository is elsewhere, holds no release."""
    shop, _, _ = released
    for path in (shop.stage / ".git", shop.stage):
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        assert last_release(shop) is None
        path.unlink()
        (tmp_path / "elsewhere").rename(path)
        assert last_release(shop) is not None
    (shop.stage / ".git").rename(tmp_path / "elsewhere")
    (shop.stage / ".git").write_text(f"gitdir: {tmp_path / 'elsewhere'}\n", "utf-8")
    assert last_release(shop) is None


def test_a_stage_with_another_tag_is_not_used_again(released: Released) -> None:
    """A stage is not reused if the same version now has another tag."""
    shop, plan, _ = released
    assert open_stage_would_reuse(shop, plan)
    assert not open_stage_would_reuse(shop, dataclasses.replace(plan, tag="1.1"))


@pytest.mark.slow
def test_a_stage_with_two_commits_holds_no_release(tmp_path: Path) -> None:
    """A stage with two new commits holds no release, which is always one commit."""
    plan, shop = make_plan(tmp_path), make_shop(tmp_path)
    stage = opened(shop, plan)
    commit_files(stage.root, {"b.txt": ""})
    release(stage, plan)
    assert last_release(shop) is None


def test_a_stage_with_a_changed_file_holds_no_release(released: Released) -> None:
    """A stage with a changed file holds no release, as its commit is not what would be built."""
    shop, _, stage = released
    write_files(stage.root, {"a.txt": "3\n"})
    assert last_release(shop) is None


def test_a_stage_with_a_commit_on_top_holds_no_release(released: Released) -> None:
    """A stage with a commit after the release holds no release, even if that commit changes no file."""
    shop, _, stage = released
    git(stage.root, "commit", "--quiet", "--allow-empty", "--message", "more")
    assert last_release(shop) is None
