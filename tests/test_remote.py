from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.world.forge import GitHub
from nox_ship.world.remote import Remote
from support import commit_files, each, git, make_repository


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


def test_the_checkout_gets_no_tags_by_a_question(tmp_path: Path) -> None:
    """Whatever it fetches otherwise."""
    remote, origin = make_remote(tmp_path)
    git(remote.local.path, "config", "remote.origin.tagOpt", "--tags")
    newer = commit_files(origin.path, {"a": ""})
    git(origin.path, "tag", "v1")
    assert remote.holds(newer, "main")
    remote.fetch(newer)
    assert remote.local.tags() == {}


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


@pytest.mark.slow
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


def test_a_remote_is_asked_where_it_is_pushed_to(tmp_path: Path) -> None:
    """With a `pushurl` what is fetched from says nothing of the place that a release goes to."""
    origin = make_repository(tmp_path / "origin")
    git(tmp_path, "clone", "--quiet", str(origin.path), "clone")
    git(tmp_path, "init", "--quiet", "--bare", "there.git")
    clone = Repository(tmp_path / "clone")
    git(clone.path, "config", "remote.origin.pushurl", str(tmp_path / "there.git"))
    remote = Remote.of(clone, None)
    assert remote is not None
    assert remote.refs() == {}
    assert not remote.holds(clone.head, "main")
    remote.push(clone, {"refs/heads/main": clone.head})
    assert remote.refs() == {"refs/heads/main": clone.head}
    assert clone.run("rev-parse", "origin/main") == clone.head


@pytest.mark.parametrize("key", ["insteadOf", "pushInsteadOf"])
def test_a_remote_is_asked_where_settings_send_the_push(tmp_path: Path, key: str) -> None:
    """`url.*.insteadOf` and `url.*.pushInsteadOf` are git's to follow."""
    there = make_repository(tmp_path / "there")
    clone = make_repository(tmp_path / "clone")
    git(clone.path, "remote", "add", "origin", "away:there")
    git(clone.path, "config", f"url.{tmp_path}/.{key}", "away:")
    remote = Remote.of(clone, None)
    assert remote is not None
    assert remote.refs() == {"refs/heads/main": there.head}


@pytest.mark.parametrize("key", ["url", "pushurl"])
def test_several_addresses_cannot_be_pushed_to_in_one(tmp_path: Path, key: str) -> None:
    """NS215: nothing makes two servers take all or nothing."""
    repository = make_repository(tmp_path)
    for name in ("origin", "single"):
        git(tmp_path, "remote", "add", name, "/nowhere")
    for number in "ab":
        git(tmp_path, "config", "--add", f"remote.origin.{key}", f"/nowhere/{number}")
    with pytest.raises(ShipError, match=r"NS215.*origin has [23] push addresses"):
        Remote.of(repository, None)
    assert Remote.of(repository, "single") == Remote("single", "single", repository)


def test_a_push_takes_no_other_tags_along(tmp_path: Path) -> None:
    """Whatever `push.followTags` says."""
    remote, origin = make_remote(tmp_path)
    git(origin.path, "config", "receive.denyCurrentBranch", "ignore")
    git(remote.local.path, "config", "user.email", "x@example.invalid")
    git(remote.local.path, "config", "user.name", "X")
    git(remote.local.path, "config", "push.followTags", "true")
    commit = commit_files(remote.local.path, {"a": ""})
    git(remote.local.path, "tag", "--annotate", "--message", "mine", "mine")
    remote.push(remote.local, {"refs/heads/main": commit})
    assert remote.refs() == {"refs/heads/main": commit}


@each(
    "url",
    [
        "https://github.com/acme/sample",
        "https://github.com/acme/sample.git/",
        "HTTPS://GitHub.COM/acme/sample.git//",
        "https://me:s3cret@github.com/acme/sample.git",
        "https://www.github.com/acme/sample",
        "git@github.com:acme/sample.git",
        "github.com:acme/sample",
        "org-123@github.com:/acme/sample.git",
        "ssh://git@github.com/acme/sample.git",
        "ssh://git@github.com:22/acme/sample.git",
        "ssh://git@ssh.github.com:443/acme/sample.git",
        "git@ssh.github.com:acme/sample.git",
        "git+ssh://git@github.com/acme/sample",
        "git://github.com/acme/sample.git",
    ],
)
def test_addresses_on_github(url: str) -> None:
    """GitHub is known by its host, however the address is written."""
    assert GitHub.of(url) == GitHub("acme", "sample")


@each(
    "url",
    [
        "https://github.com.evil.example/acme/sample",
        "https://evil.example/github.com/acme/sample",
        "https://evil.example/@github.com/acme/sample",
        "https://github.com@evil.example/acme/sample",
        "https://notgithub.com/acme/sample",
        "https://githubxcom/acme/sample",
        "git@evil.example:github.com/acme/sample",
        "/srv/github.com/acme/sample.git",
        "../github.com:acme/sample",
        "C:/github.com/acme/sample",
        "https://github.com/acme",
        "https://github.com/acme/sample/tree/main",
        "https://gist.github.com/acme/sample",
        "https://github.com/acme/sample.git?x=/a/b",
        "",
    ],
)
def test_addresses_elsewhere(url: str) -> None:
    """What only mentions GitHub is not there."""
    assert GitHub.of(url) is None


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
