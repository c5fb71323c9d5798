"""Old or unusual repositories, made by other tools or with unusual settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.process import CommandFailedError
from support import commit_files, git, make_repository, write_files


def has_key_alone(repository: Repository, section: str, key: str) -> None:
    """Write a key without a value to the repository's settings; git reads such a key as true."""
    with (repository.path / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(f"[{section}]\n\t{key}\n")


def test_a_setting_without_a_value_is_true_in_the_clone(tmp_path: Path) -> None:
    """A key without a value, such as `gpgSign`, is true in a clone, too; an empty value stays empty."""
    repository = make_repository(tmp_path / "one")
    has_key_alone(repository, "tag", "gpgSign")
    git(repository.path, "config", "--unset", "commit.gpgsign")
    has_key_alone(repository, "commit", "gpgSign")
    git(repository.path, "config", "gpg.ssh.defaultKeyCommand", "")
    clone = repository.clone(tmp_path / "two")
    assert repository.enabled("tag.gpgSign")
    assert clone.enabled("tag.gpgSign")
    assert clone.enabled("commit.gpgSign")
    assert not clone.enabled("gpg.ssh.defaultKeyCommand")
    assert not clone.enabled("push.gpgSign")
    assert clone.run("config", "gpg.ssh.defaultKeyCommand") == ""


@pytest.mark.slow
def test_filters_of_the_checkout_work_in_the_clone(tmp_path: Path) -> None:
    """A filter that the checkout requires also applies in a clone, both to its files and to a commit there."""
    repository = make_repository(tmp_path / "one", {".gitattributes": "*.txt filter=shout\n"})
    git(repository.path, "config", "filter.shout.clean", "tr A-Z a-z")
    git(repository.path, "config", "filter.shout.smudge", "tr a-z A-Z")
    has_key_alone(repository, 'filter "shout"', "required")
    commit_files(repository.path, {"a.txt": "HELLO\n"})
    clone = repository.clone(tmp_path / "two")
    assert (clone.path / "a.txt").read_text("ascii") == "HELLO\n"
    assert clone.changes() == []
    commit_files(clone.path, {"a.txt": "AGAIN\n"})
    assert clone.run("cat-file", "blob", "HEAD:a.txt") == "again"


def attributes_of_the_repository(root: Path) -> None:
    write_files(root / ".git" / "info", {"attributes": "*.txt filter=shout\n"})


def attributes_by_a_setting(root: Path) -> None:
    write_files(root.parent, {"mine": "*.txt filter=shout\n"})
    git(root, "config", "core.attributesFile", str(root.parent / "mine"))


@pytest.mark.slow
@pytest.mark.parametrize("name_them", [attributes_of_the_repository, attributes_by_a_setting])
def test_filters_that_no_committed_file_names_work_in_the_clone(
    tmp_path: Path, name_them: Callable[[Path], None]
) -> None:
    """Attributes from `.git/info` or the user's settings apply in a clone, a clone of a work tree, and their clones."""
    repository = make_repository(tmp_path / "one")
    name_them(repository.path)
    git(repository.path, "config", "filter.shout.clean", "tr A-Z a-z")
    git(repository.path, "config", "filter.shout.smudge", "tr a-z A-Z")
    commit_files(repository.path, {"a.txt": "HELLO\n"})
    git(repository.path, "worktree", "add", "--quiet", str(tmp_path / "other"))
    for number, source in enumerate((repository, Repository(tmp_path / "other"))):
        clone = source.clone(tmp_path / f"clone{number}").clone(tmp_path / f"again{number}")
        assert (clone.path / "a.txt").read_text("ascii") == "HELLO\n"
        assert clone.changes() == []


@pytest.mark.slow
def test_a_clone_of_its_clone_has_the_filters_too(tmp_path: Path) -> None:
    """A clone of a clone gets the filters as well; a build needs that, as it clones the release's clone."""
    repository = make_repository(tmp_path / "one", {".gitattributes": "* filter=none\n", "x": "x\n"})
    git(repository.path, "config", "filter.none.smudge", "cat")
    clone = repository.clone(tmp_path / "two").clone(tmp_path / "three")
    assert clone.config("filter.none.smudge") == "cat"


def test_git_speaks_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git's messages are in English whatever the user's language, and file names stay unchanged."""
    monkeypatch.setenv("LANGUAGE", "de:fr")
    monkeypatch.setenv("LC_MESSAGES", "de_DE.UTF-8")
    repository = make_repository(tmp_path, {"grün": ""})
    (tmp_path / "grün").unlink()
    assert repository.changes() == ["grün"]
    with pytest.raises(CommandFailedError) as caught:
        repository.run("log", "nothing")
    assert "unknown revision" in caught.value.done.stderr


def test_a_tag_of_the_branchs_name_does_not_change_the_branch(tmp_path: Path) -> None:
    """If a tag or branch makes `main` or `origin/main` ambiguous, branches still have their right names."""
    origin = make_repository(tmp_path / "one")
    git(tmp_path, "clone", "--quiet", str(origin.path), "two")
    repository = Repository(tmp_path / "two")
    for name in ("main", "origin/main"):
        git(repository.path, "tag", name)
    git(repository.path, "branch", "--quiet", "origin/main", "HEAD")
    assert repository.branch == "main"
    assert repository.default_branch() == "main"
    git(repository.path, "switch", "--quiet", "origin/main")
    assert repository.branch == "origin/main"
    assert repository.clone(tmp_path / "three", branch="main").branch == "main"


def test_a_file_called_head_is_no_revision(tmp_path: Path) -> None:
    """A file named like a revision does not prevent counting commits, cloning or finding tags."""
    repository = make_repository(tmp_path / "one", {"HEAD": "x", "main": "x", "v1": "x"})
    git(repository.path, "tag", "v1")
    assert repository.count_since(None) == 1
    assert repository.merged_tags() == {"v1"}
    assert repository.clone(tmp_path / "two").head == repository.head
    assert repository.commit_time > 0


DISPLAY = {
    "color.ui": "always",
    "column.ui": "always",
    "core.quotePath": "true",
    "log.showSignature": "true",
    "log.date": "relative",
    "format.pretty": "oneline",
    "tag.sort": "-creatordate",
    "status.showUntrackedFiles": "no",
    "status.relativePaths": "true",
    "status.branch": "true",
    "status.short": "false",
    "status.showStash": "true",
    "status.submoduleSummary": "true",
    "diff.noprefix": "true",
    "diff.external": "false",
    "submodule.recurse": "true",
    "clone.defaultRemoteName": "upstream",
    "clone.rejectShallow": "true",
    "protocol.version": "0",
    "protocol.file.allow": "never",
    "core.pager": "false",
    "alias.status": "!false",
    "fetch.prune": "true",
    "transfer.fsckObjects": "true",
    "init.defaultBranch": "trunk",
    "push.default": "nothing",
}
"""Settings with which users adapt git's output and behaviour."""


@pytest.mark.slow
def test_what_the_user_likes_to_see_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's settings for display, fetching or cloning have no effect on what is read or cloned."""
    repository = make_repository(tmp_path / "one", {"ä/b": "1"})
    home = write_files(tmp_path / "home", {".gitconfig": ""})
    for key, value in DISPLAY.items():
        git(tmp_path, "config", "--file", str(home / ".gitconfig"), key, value)
    for number in range(8):
        git(repository.path, "tag", f"v0.{number}")
    write_files(repository.path, {"ä/b": "2", "ä/c": ""})
    seen = ["changes", "merged_tags", "tags", "files", "default_branch"]
    before = [getattr(repository, name)() for name in seen] + [repository.branch, repository.commit_time]
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    assert [getattr(repository, name)() for name in seen] + [repository.branch, repository.commit_time] == before
    clone = repository.clone(tmp_path / "two", branch="main")
    assert (clone.head, clone.tags()) == (repository.head, repository.tags())


@pytest.mark.slow
def test_a_shallow_checkout_is_cloned_where_the_user_rejects_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shallow checkout can be cloned even if the user sets `clone.rejectShallow`, which is meant for remotes."""
    source = make_repository(tmp_path / "one")
    commit_files(source.path, {"x": ""})
    git(tmp_path, "clone", "--quiet", "--depth=1", source.path.as_uri(), "shallow")
    home = write_files(tmp_path / "home", {".gitconfig": "[clone]\nrejectShallow = true\n"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    assert Repository(tmp_path / "shallow").clone(tmp_path / "clone").head == source.head


def test_a_checkout_of_another_user_is_cloned_where_git_is_told_to_trust_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout owned by another user is cloned if `safe.directory` names its work tree; otherwise it is NS201."""
    repository = make_repository(tmp_path / "one")
    head = repository.head
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(ShipError, match=r"NS201.*ownership.*Fix the problem that git reports"):
        Repository.at(repository.path)
    home = write_files(tmp_path / "home", {".gitconfig": f"[safe]\ndirectory = {repository.path}\n"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    clone = Repository.at(repository.path).clone(tmp_path / "two")
    monkeypatch.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
    assert clone.head == head
    assert clone.config("remote.origin.uploadpack") is None


@pytest.mark.slow
def test_commits_of_a_cut_history_are_not_counted(tmp_path: Path) -> None:
    """In a shallow clone, commits are counted back to a known commit, but not back to the beginning."""
    source = make_repository(tmp_path / "one")
    commits = [commit_files(source.path, {name: ""}) for name in "abc"]
    git(tmp_path, "clone", "--quiet", "--depth=3", source.path.as_uri(), "shallow")
    shallow = Repository(tmp_path / "shallow")
    assert shallow.count_since(commits[0]) == 2
    assert shallow.count_since(None) is None
    git(shallow.path, "worktree", "add", "--quiet", "--detach", "../linked")
    assert Repository(tmp_path / "linked").count_since(None) is None
    assert source.count_since(None) == 4


def test_a_name_that_is_not_utf8_commits_as_it_is(tmp_path: Path) -> None:
    """An author name in an old encoding is committed correctly, as the clone gets the encoding from the settings."""
    repository = make_repository(tmp_path / "one")
    with (repository.path / ".git" / "config").open("ab") as config:
        config.write(b"[user]\n\tname = J\xf6rg\n[i18n]\n\tcommitEncoding = ISO-8859-1\n")
    clone = repository.clone(tmp_path / "two")
    write_files(clone.path, {"x": ""})
    clone.run("add", "x")
    clone.run("commit", "--quiet", "--message", "x")
    assert clone.run("log", "-1", "--format=%an", "--encoding=UTF-8") == "J\u00f6rg"


ODD = os.fsdecode(b"caf\xe9 \xff.txt")


def test_names_that_are_not_utf8_are_those_of_the_files(tmp_path: Path) -> None:
    """File names that are not UTF-8 are listed as they are, and changes to such files are carried to a clone."""
    repository = make_repository(tmp_path / "one", {ODD: "1", "folder/x": ""})
    clone = repository.clone(tmp_path / "two")
    assert ODD in repository.files()
    write_files(repository.path, {ODD: "2", f"folder/{ODD}": "3"})
    assert set(repository.changes()) == {ODD, f"folder/{ODD}"}
    repository.carry_changes(clone)
    assert [(clone.path / name).read_text("ascii") for name in (ODD, f"folder/{ODD}")] == ["2", "3"]


def test_a_folder_whose_name_is_not_utf8_can_hold_the_repository(tmp_path: Path) -> None:
    """A repository may be in a folder whose name is not UTF-8."""
    repository = make_repository(tmp_path / ODD, {"a/b": ""})
    assert Repository.at(repository.path / "a") == repository
    assert repository.clone(tmp_path / "two").head == repository.head


def state(folder: Path) -> dict[str, str]:
    """Return the content of a work tree by name: the target of each symlink and the text of each file."""
    paths = (path for path in folder.rglob("*") if ".git" not in path.relative_to(folder).parts)
    told = {
        path: f"-> {path.readlink()}" if path.is_symlink() else path.is_file() and path.read_text() for path in paths
    }
    return {str(path.relative_to(folder)): str(text) for path, text in told.items()}


def test_what_became_of_files_and_folders_is_carried(tmp_path: Path) -> None:
    """Changes between files, folders and symlinks are carried to a clone, without writing through a symlink."""
    names = ["file", "folder/a", "folder/b/c", "to-link", "was/a", "plain", "gone/x"]
    repository = make_repository(tmp_path / "one", dict.fromkeys(names, "old\n"))
    (repository.path / "link").symlink_to("plain")
    (repository.path / "out").symlink_to(tmp_path / "outside")
    commit_files(repository.path, {})
    write_files(tmp_path / "outside", {"keep": "mine"})
    clone = repository.clone(tmp_path / "two")
    for name in ("file", "folder/a", "folder/b/c", "to-link", "was/a", "link", "out", "gone/x"):
        (repository.path / name).unlink()
    for name in ("folder/b", "folder", "was", "gone"):
        (repository.path / name).rmdir()
    write_files(repository.path, {"file/in/it": "new", "folder": "new", "link/x": "new", "out/keep": "new"})
    (repository.path / "to-link").symlink_to("nowhere")
    (repository.path / "was").symlink_to("link")
    repository.carry_changes(clone)
    expected = state(repository.path)
    assert {name: text for name, text in state(clone.path).items() if name != "gone"} == expected
    assert (tmp_path / "outside" / "keep").read_text("ascii") == "mine"
