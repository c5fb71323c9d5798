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


@pytest.mark.slow
def test_the_remote_is_asked_for_what_is_not_known_here(tmp_path: Path) -> None:
    """A commit that reached the remote's branch after the clone was made is found there."""
    remote, origin = make_remote(tmp_path)
    known = remote.local.head
    newer = commit_files(origin.path, {"a": ""})
    assert remote.holds(known, "main")
    assert remote.holds(newer, "main")
    assert not remote.holds(newer, "gone")


@pytest.mark.slow
def test_the_checkout_gets_no_tags_by_a_question(tmp_path: Path) -> None:
    """Asking the remote and fetching a commit add no tags to the checkout, even with `tagOpt = --tags`."""
    remote, origin = make_remote(tmp_path)
    git(remote.local.path, "config", "remote.origin.tagOpt", "--tags")
    newer = commit_files(origin.path, {"a": ""})
    git(origin.path, "tag", "v1")
    assert remote.holds(newer, "main")
    remote.fetch(newer)
    assert remote.local.tags() == {}


@pytest.mark.slow
def test_a_commit_of_another_branch_is_not_held(tmp_path: Path) -> None:
    """A commit that is only in the clone, or only on another branch, is not on the remote's branch."""
    remote, origin = make_remote(tmp_path)
    git(origin.path, "switch", "--quiet", "--create", "side")
    side = commit_files(origin.path, {"a": ""})
    git(remote.local.path, "config", "user.email", "x@example.invalid")
    git(remote.local.path, "config", "user.name", "X")
    mine = commit_files(remote.local.path, {"b": ""})
    assert not remote.holds(side, "main")
    assert not remote.holds(mine, "main")


def test_a_shallow_clone_is_deepened_to_tell(tmp_path: Path) -> None:
    """A shallow clone, as in a CI job, is deepened to find out whether the branch contains an older commit."""
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
    """A push from the stage, which has no remote, uses the checkout's remote and updates its tracking branch."""
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


@pytest.mark.slow
def test_a_remote_is_asked_where_it_is_pushed_to(tmp_path: Path) -> None:
    """If a remote has a `pushurl`, that address is asked, and not the one that is fetched from."""
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
    """The remote is asked at the address that results from `url.*.insteadOf` or `url.*.pushInsteadOf`."""
    there = make_repository(tmp_path / "there")
    clone = make_repository(tmp_path / "clone")
    git(clone.path, "remote", "add", "origin", "away:there")
    git(clone.path, "config", f"url.{tmp_path}/.{key}", "away:")
    remote = Remote.of(clone, None)
    assert remote is not None
    assert remote.refs() == {"refs/heads/main": there.head}


@pytest.mark.parametrize("key", ["url", "pushurl"])
def test_several_addresses_cannot_be_pushed_to_in_one(tmp_path: Path, key: str) -> None:
    """A remote with several push addresses is refused with NS215, as a push to two servers is not atomic."""
    repository = make_repository(tmp_path)
    for name in ("origin", "single"):
        git(tmp_path, "remote", "add", name, "/nowhere")
    for number in "ab":
        git(tmp_path, "config", "--add", f"remote.origin.{key}", f"/nowhere/{number}")
    with pytest.raises(ShipError, match=r"NS215.*origin has [23] push addresses"):
        Remote.of(repository, None)
    assert Remote.of(repository, "single") == Remote("single", "single", repository)


def test_a_push_takes_no_other_tags_along(tmp_path: Path) -> None:
    """A push sends no other tags, even if `push.followTags` is set."""
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
    """A GitHub repository is recognised by its host, in every form of address that git accepts."""
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
    """An address is not taken for a GitHub repository if its host or path only resembles one."""
    assert GitHub.of(url) is None


def test_a_push_that_came_through_is_no_failure(tmp_path: Path) -> None:
    """If git fails after the server accepted the push, the remote is asked, and the push counts as done."""
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
