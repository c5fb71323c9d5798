from __future__ import annotations

from pathlib import Path

from nox_ship.git import Repository
from nox_ship.world.remote import Remote
from support import commit_files, git, make_repository


def make_remote(folder: Path) -> tuple[Remote, Repository]:
    """Return a remote that holds branch main, and a clone of it."""
    origin = make_repository(folder / "origin")
    git(folder, "clone", "--quiet", str(origin.path), "clone")
    clone = Repository(folder / "clone")
    return Remote("origin", "origin", clone), origin


def test_the_remote_is_asked_for_what_is_not_known_here(tmp_path: Path) -> None:
    """A commit that came to its branch since the clone was made is found there."""
    remote, origin = make_remote(tmp_path)
    known = remote.local.head
    newer = commit_files(origin.path, {"a": ""})
    assert remote.holds(known, "main")
    assert remote.holds(newer, "main")
    assert not remote.holds(newer, "gone")


def test_a_commit_of_another_branch_is_not_held(tmp_path: Path) -> None:
    """Neither one of the clone alone, nor one of another branch of the remote."""
    remote, origin = make_remote(tmp_path)
    git(origin.path, "switch", "--quiet", "--create", "side")
    side = commit_files(origin.path, {"a": ""})
    git(remote.local.path, "config", "user.email", "x@example.invalid")
    git(remote.local.path, "config", "user.name", "X")
    mine = commit_files(remote.local.path, {"b": ""})
    assert not remote.holds(side, "main")
    assert not remote.holds(mine, "main")


def test_a_shallow_clone_is_deepened_to_tell(tmp_path: Path) -> None:
    """A CI job's clone often holds one commit alone."""
    origin = make_repository(tmp_path / "origin")
    old = origin.head
    for name in "abc":
        commit_files(origin.path, {name: ""})
    git(tmp_path, "clone", "--quiet", "--depth", "1", origin.path.as_uri(), "clone")
    clone = Repository(tmp_path / "clone")
    assert clone.known([old]) == set()
    assert Remote("origin", "origin", clone).holds(old, "main")


def test_a_push_goes_out_by_the_checkouts_own_settings(tmp_path: Path) -> None:
    """From a clone that knows no remote, the push takes the checkout's, and its tracking branch follows."""
    remote, origin = make_remote(tmp_path)
    git(origin.path, "config", "receive.denyCurrentBranch", "ignore")
    stage = remote.local.clone(tmp_path / "stage", branch="main")
    git(stage.path, "remote", "remove", "origin")
    git(stage.path, "config", "user.email", "x@example.invalid")
    git(stage.path, "config", "user.name", "X")
    commit = commit_files(stage.path, {"a": ""})
    remote.push(stage, {"refs/heads/main": commit})
    assert origin.run("rev-parse", "main") == commit
    assert remote.local.run("rev-parse", "origin/main") == commit
    assert remote.local.run("rev-parse", "main") != commit
    assert remote.local.run("fsck", "--connectivity-only") == ""


def test_a_push_that_came_through_is_no_failure(tmp_path: Path) -> None:
    """Where git fails after the server took what it was sent, the remote is asked."""
    remote, origin = make_remote(tmp_path)
    git(origin.path, "config", "receive.denyCurrentBranch", "ignore")
    git(remote.local.path, "config", "user.email", "x@example.invalid")
    git(remote.local.path, "config", "user.name", "X")
    commit = commit_files(remote.local.path, {"a": ""})
    program = tmp_path / "receive"
    program.write_text('#!/bin/sh\ngit-receive-pack "$@"\nexit 1\n', "utf-8")
    program.chmod(0o755)
    git(remote.local.path, "config", "remote.origin.receivepack", str(program))
    remote.push(remote.local, {"refs/heads/main": commit})
    assert origin.run("rev-parse", "main") == commit
