from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.git import Repository, _numbered
from nox_ship.process import CommandFailedError
from support import commit_files, each, git, make_repository, write_files


def failure(folder: Path) -> str:
    """Return the finding about the repository at ``folder``."""
    with pytest.raises(ShipError) as caught:
        Repository.at(folder)
    (finding,) = caught.value.findings
    return str(finding)


def test_a_repository_is_found_from_a_folder_in_it(tmp_path: Path) -> None:
    """A repository is found from a subfolder, even if its path has special characters."""
    repository = make_repository(tmp_path / "grün & ä b", {"deep/er/x": ""})
    assert Repository.at(repository.path / "deep" / "er") == repository


def test_no_repository_and_no_commit_are_told_apart(tmp_path: Path) -> None:
    """NS201 refuses a folder outside any repository, and NS202 a repository without commits."""
    assert failure(tmp_path).startswith("NS201")
    git(tmp_path, "init", "--quiet")
    assert failure(tmp_path).startswith("NS202")


def test_a_bare_repository_is_none_to_release_from(tmp_path: Path) -> None:
    """A bare repository is refused with NS201 and git's message."""
    git(tmp_path, "init", "--quiet", "--bare")
    assert failure(tmp_path).startswith("NS201")
    assert "work tree" in failure(tmp_path)


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"])
def test_a_hook_of_another_repository_does_not_mislead_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Variables that git sets for its hooks, such as GIT_DIR, are not inherited."""
    repository = make_repository(tmp_path / "one")
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert Repository.at(repository.path) == repository
    assert repository.changes() == []


def test_head_branch_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEAD, its branch and its commit time are read from git; a detached HEAD has no branch."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1700000000 +0200")
    repository = make_repository(tmp_path)
    commit_files(tmp_path, {"a.txt": ""})
    assert repository.head == git(tmp_path, "rev-parse", "HEAD")
    assert repository.branch == "main"
    assert repository.commit_time == 1700000000
    git(tmp_path, "switch", "--quiet", "--create", "feature/ä")
    assert repository.branch == "feature/ä"
    git(tmp_path, "switch", "--quiet", "--detach")
    assert repository.branch is None


def test_changes_are_every_path_that_differs(tmp_path: Path) -> None:
    """Changed, staged, removed, renamed and untracked files count as changes, but ignored ones do not."""
    names = ["changed", "staged", "removed", "old name", "same"]
    repository = make_repository(tmp_path, {".gitignore": "*.log\n", **dict.fromkeys(names, "x\n")})
    assert repository.changes() == []
    write_files(tmp_path, {"changed": "y", "staged": "y", "ünträcked": "", "a.log": "", "folder/in": ""})
    git(tmp_path, "add", "staged")
    git(tmp_path, "rm", "--quiet", "removed")
    git(tmp_path, "mv", "old name", "new -> name ")
    expected = {"changed", "staged", "removed", "old name", "new -> name ", "ünträcked", "folder/in"}
    assert set(repository.changes()) == expected


def test_changes_in_folders_of_build_output_do_not_count(tmp_path: Path) -> None:
    """Changes in an ignored folder do not count, but those in folders with similar names do."""
    repository = make_repository(tmp_path)
    write_files(tmp_path, {"dist/a.whl": "", "distant/b": "", "c/dist.txt": ""})
    assert set(repository.changes(ignore=["dist"])) == {"distant/b", "c/dist.txt"}


def test_user_settings_for_status_do_not_hide_changes(tmp_path: Path) -> None:
    """Untracked files are found even if the user's settings for `git status` hide them."""
    repository = make_repository(tmp_path)
    git(tmp_path, "config", "status.showUntrackedFiles", "no")
    git(tmp_path, "config", "status.relativePaths", "true")
    write_files(tmp_path, {"new": ""})
    assert repository.changes() == ["new"]


def test_tags_tell_their_commit(tmp_path: Path) -> None:
    """Both annotated and lightweight tags are resolved to their commit."""
    repository = make_repository(tmp_path)
    first = repository.head
    git(tmp_path, "tag", "light")
    git(tmp_path, "tag", "--annotate", "--message", "one\n\ntwo", "grouped/noted-ä")
    second = commit_files(tmp_path, {"x": ""})
    git(tmp_path, "tag", "v2")
    assert repository.tags() == {"light": first, "grouped/noted-ä": first, "v2": second}


def test_a_tag_of_a_tag_tells_its_commit(tmp_path: Path) -> None:
    """A tag of another tag, as `git tag -a v1.0 v1.0rc1` makes it, is resolved to the commit."""
    repository = make_repository(tmp_path)
    git(tmp_path, "tag", "--annotate", "--message", "candidate", "v1.0rc1")
    git(tmp_path, "tag", "--annotate", "--message", "final", "v1.0", "v1.0rc1")
    assert repository.tags() == {"v1.0rc1": repository.head, "v1.0": repository.head}


def test_a_repository_without_tags(tmp_path: Path) -> None:
    """A repository without tags has an empty mapping of tags."""
    assert make_repository(tmp_path).tags() == {}


def test_known_commits_are_told_from_unknown_ones(tmp_path: Path) -> None:
    """Objects that are missing, or are not commits, do not count as known commits."""
    repository = make_repository(tmp_path)
    tree = git(tmp_path, "rev-parse", "HEAD^{tree}")
    assert repository.known([repository.head, "0" * 40, "1" * 40, tree]) == {repository.head}
    assert repository.known([]) == set()


def test_ancestors(tmp_path: Path) -> None:
    """A commit is an ancestor of itself and of its descendants; an unknown one is not."""
    repository = make_repository(tmp_path)
    first = repository.head
    second = commit_files(tmp_path, {"x": ""})
    assert repository.is_ancestor(first, second)
    assert repository.is_ancestor(first, first)
    assert not repository.is_ancestor(second, first)
    assert not repository.is_ancestor("0" * 40, first)


def test_settings_and_failures(tmp_path: Path) -> None:
    """A missing setting is None, and a command that fails raises an error."""
    repository = make_repository(tmp_path)
    assert repository.config("user.name") == "Tester"
    assert repository.config("no.such") is None
    assert repository.find("rev-parse", "--verify", "--quiet", "nothing") is None
    with pytest.raises(CommandFailedError):
        repository.run("rev-parse", "--verify", "nothing")


def test_hooks_are_where_the_settings_say(tmp_path: Path) -> None:
    """Hooks are in `.git/hooks`, or in the folder that `core.hooksPath` names."""
    repository = make_repository(tmp_path / "one")
    assert repository.hooks == repository.path / ".git" / "hooks"
    git(repository.path, "config", "core.hooksPath", ".husky")
    assert Repository(repository.path).hooks == repository.path / ".husky"


def test_a_linked_work_tree_shares_hooks_and_objects(tmp_path: Path) -> None:
    """A linked work tree uses the hooks and objects of its main repository."""
    repository = make_repository(tmp_path / "one")
    git(repository.path, "worktree", "add", "--quiet", "-b", "side", "../two")
    linked = Repository.at(tmp_path / "two")
    assert linked.hooks == repository.hooks
    assert linked.objects == repository.objects
    assert linked.clone(tmp_path / "clone").head == repository.head


@pytest.mark.slow
def test_a_clone_is_clean_and_as_committed(tmp_path: Path) -> None:
    """A clone has the committed files, tags and branch, but no uncommitted changes."""
    repository = make_repository(tmp_path / "one", {"a": "1\n"})
    git(repository.path, "tag", "v1")
    git(repository.path, "branch", "other")
    write_files(repository.path, {"a": "2\n", "b": ""})
    clone = repository.clone(tmp_path / "two", branch="main")
    assert (clone.path / "a").read_text() == "1\n"
    assert not (clone.path / "b").exists()
    assert (clone.head, clone.branch) == (repository.head, "main")
    assert clone.tags() == {"v1": repository.head}
    assert repository.clone(tmp_path / "three", branch="other").branch == "other"


def test_a_shallow_checkout_can_be_cloned(tmp_path: Path) -> None:
    """A shallow checkout, as CI services make it, can be cloned."""
    source = make_repository(tmp_path / "one")
    commit_files(source.path, {"x": ""})
    git(tmp_path, "clone", "--quiet", "--depth=1", source.path.as_uri(), "shallow")
    clone = Repository.at(tmp_path / "shallow").clone(tmp_path / "clone")
    assert clone.head == source.head
    assert clone.run("log", "-1", "--format=%an") == "Tester"


def test_a_clone_commits_as_its_source_would(tmp_path: Path) -> None:
    """A clone uses the identity and the hooks of its source."""
    repository = make_repository(tmp_path / "one")
    git(repository.path, "config", "user.name", "Änne = [x]")
    hook = repository.path / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\necho hooked >> "$1"\n')
    hook.chmod(0o755)
    clone = repository.clone(tmp_path / "two")
    write_files(clone.path, {"x": ""})
    clone.run("add", "x")
    clone.run("commit", "--quiet", "--message", "more")
    assert clone.run("log", "-1", "--format=%an %B").split() == ["Änne", "=", "[x]", "more", "hooked"]


def test_a_clone_commits_as_its_source_would_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone keeps an identity that the user's settings give by folder (`includeIf gitdir:`), wherever it is."""
    home = {
        ".gitconfig": f'[user]\nname = Me\nemail = me@home\n[includeIf "gitdir:{tmp_path}/job/"]\npath = job\n',
        "job": "[user]\nemail = me@work\n",
    }
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(write_files(tmp_path / "home", home) / ".gitconfig"))
    repository = make_repository(tmp_path / "job" / "one")
    git(repository.path, "config", "--unset", "user.email")
    assert repository.config("user.email") == "me@work"
    assert repository.clone(tmp_path / "cache" / "two").config("user.email") == "me@work"


@pytest.mark.slow
def test_a_checkout_is_fast_forwarded(tmp_path: Path) -> None:
    """A fast-forward brings the branch, its files and the tags to the checkout, and keeps untracked files."""
    repository = make_repository(tmp_path / "one")
    clone = repository.clone(tmp_path / "two")
    write_files(repository.path, {"mine": ""})
    commit = commit_files(clone.path, {"released": ""})
    git(clone.path, "tag", "--annotate", "--message", "x", "v1")
    tag = git(clone.path, "rev-parse", "v1")
    repository.fast_forward(clone, "main", commit, {"v1": tag})
    assert (repository.head, repository.branch) == (commit, "main")
    assert repository.tags() == {"v1": commit}
    assert sorted(path.name for path in repository.path.iterdir()) == [".git", "README.md", "mine", "released"]


@pytest.mark.slow
def test_a_diverged_checkout_is_not_merged(tmp_path: Path) -> None:
    """A checkout that has diverged is not changed, as only a fast-forward is allowed."""
    repository = make_repository(tmp_path / "one")
    clone = repository.clone(tmp_path / "two")
    theirs = commit_files(clone.path, {"theirs": ""})
    mine = commit_files(repository.path, {"mine": ""})
    with pytest.raises(CommandFailedError):
        repository.fast_forward(clone, "main", theirs, {})
    assert repository.head == mine


def test_a_branch_that_is_not_checked_out_any_more_is_brought_along(tmp_path: Path) -> None:
    """If another branch is checked out, the release branch is still updated, and the checkout is left alone."""
    repository = make_repository(tmp_path / "one")
    clone = repository.clone(tmp_path / "two", branch="main")
    commit = commit_files(clone.path, {"new.txt": ""})
    git(repository.path, "switch", "--quiet", "--create", "other")
    repository.fast_forward(clone, "main", commit, {})
    assert repository.run("rev-parse", "main") == commit
    assert repository.branch == "other"
    assert not (repository.path / "new.txt").exists()


def test_objects_can_be_borrowed(tmp_path: Path) -> None:
    """Borrowed objects can be used, but no ref points to them."""
    repository = make_repository(tmp_path / "one")
    clone = repository.clone(tmp_path / "two", branch="main")
    commit = commit_files(clone.path, {"new.txt": ""})
    git(clone.path, "tag", "--annotate", "--message", "x", "v1")
    before = git(repository.path, "for-each-ref")
    repository.borrow(clone, [commit, git(clone.path, "rev-parse", "v1")])
    assert repository.known([commit]) == {commit}
    assert git(repository.path, "for-each-ref") == before
    assert not (repository.path / ".git" / "FETCH_HEAD").exists()


def test_objects_can_be_borrowed_under_any_settings(tmp_path: Path) -> None:
    """A commit without a ref can be borrowed, even if the user's settings choose an old protocol."""
    repository = make_repository(tmp_path / "one")
    git(repository.path, "config", "protocol.version", "0")
    clone = repository.clone(tmp_path / "two", branch="main")
    commit = commit_files(clone.path, {"new.txt": ""})
    git(clone.path, "reset", "--quiet", "--hard", "HEAD^")
    repository.borrow(clone, [commit])
    assert repository.known([commit]) == {commit}


@pytest.mark.slow
def test_a_submodule_that_is_gone_is_not_asked_for(tmp_path: Path) -> None:
    """A submodule that only `.gitmodules` still names does not prevent a clone."""
    modules = '[submodule "x"]\n\tpath = x\n\turl = https://example.invalid/x\n'
    repository = make_repository(tmp_path / "one", {".gitmodules": modules})
    assert repository.clone(tmp_path / "two").head == repository.head


def test_an_empty_repository_has_no_work_tree(tmp_path: Path) -> None:
    """A new empty repository is bare, so that nothing fetched into it is checked out."""
    assert Repository.empty(tmp_path).run("rev-parse", "--is-bare-repository") == "true"


def test_commits_are_counted(tmp_path: Path) -> None:
    """Commits are counted since a given commit, or all of them."""
    repository = make_repository(tmp_path)
    first = repository.head
    commit_files(tmp_path, {"a": ""})
    assert (repository.count_since(first), repository.count_since(None)) == (1, 2)


def test_new_commits_are_listed(tmp_path: Path) -> None:
    """New commits are listed from the newest on, up to a limit; the count includes all of them."""
    repository = make_repository(tmp_path)
    first = repository.head
    git(tmp_path, "config", "color.ui", "always")
    git(tmp_path, "config", "i18n.logOutputEncoding", "ISO-8859-1")
    made = [commit_files(tmp_path, {"a.txt": str(number)}, f"Größe {number}") for number in range(4)]
    listed, count = repository.new_commits(made[3], [first, "d" * 40], 10)
    assert [line.partition(" ")[2] for line in listed] == ["Größe 3", "Größe 2", "Größe 1", "Größe 0"]
    assert (made[3].startswith(listed[0].partition(" ")[0]), count) == (True, 4)
    assert (len(repository.new_commits(made[3], [first], 2)[0]), repository.new_commits(made[3], [], 2)[1]) == (2, 5)
    assert repository.new_commits(made[1], [made[2]], 10) == ([], 0)


def test_a_release_goes_to_the_remote_of_its_branch(tmp_path: Path) -> None:
    """A release goes to the remote of the checked-out branch, or to origin if HEAD is detached."""
    repository = make_repository(tmp_path)
    for name in ("acme", "fork", "origin"):
        git(tmp_path, "remote", "add", name, f"https://git.invalid/{name}")
    git(tmp_path, "config", "branch.None.remote", "acme")
    git(tmp_path, "config", "branch.main.remote", "fork")
    assert repository.release_remote() == "fork"
    git(tmp_path, "checkout", "--quiet", "--detach")
    assert repository.release_remote() == "origin"


def test_the_default_branch_is_the_remotes(tmp_path: Path) -> None:
    """The default branch is the remote's, as last fetched; without a remote, it is an existing main or master."""
    repository = make_repository(tmp_path / "one")
    assert repository.default_branch() == "main"
    git(repository.path, "branch", "--move", "trunk")
    assert repository.default_branch() is None
    git(tmp_path, "clone", "--quiet", str(repository.path), "two")
    assert Repository(tmp_path / "two").default_branch() == "trunk"


@pytest.mark.slow
def test_the_release_branch_is_known_in_the_clone_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a CI clone without branches, the release branch is the remote's main, or comes from NOX_SHIP_BRANCH."""
    origin = make_repository(tmp_path / "origin")
    job = tmp_path / "job"
    job.mkdir()
    git(job, "init", "--quiet")
    git(job, "remote", "add", "origin", str(origin.path))
    git(job, "fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*")
    git(job, "checkout", "--quiet", "--detach", origin.head)
    assert Repository(job).release_branch(origin.head, None) == "main"
    git(origin.path, "branch", "--move", "trunk")
    git(job, "fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/remotes/origin/*")
    assert Repository(job).release_branch(origin.head, None) is None
    monkeypatch.setenv("NOX_SHIP_BRANCH", "trunk")
    assert Repository(job).release_branch(origin.head, None) == "trunk"


def test_what_git_tracks_is_listed_with_its_object(tmp_path: Path) -> None:
    """All tracked files of the repository are listed relative to the given folder, with their object IDs."""
    names = {"a/b": "1", "a/grün \n x": "2", "top": "1", ".gitignore": "ignored"}
    repository = make_repository(tmp_path / "r", names)
    write_files(repository.path, {"ignored": "", "new": "", "a/b": "changed"})
    at_top, below = repository.tracked(), Repository(repository.path / "a").tracked()
    assert set(at_top) == set(names)
    assert at_top["a/b"] == at_top["top"] == git(repository.path, "rev-parse", "HEAD:top")
    assert set(below) == {"b", "grün \n x", "../top", "../.gitignore"}
    assert below["../top"] == at_top["top"]


@pytest.mark.slow
def test_what_a_submodule_tracks_is_listed_too(tmp_path: Path) -> None:
    """Files of checked-out submodules are listed too, and a clone takes the submodules from the checkout."""
    inner = make_repository(tmp_path / "inner", {"data/.netrc": ""})
    repository = make_repository(tmp_path / "r", {"x": ""})
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "vendored/inner")
    git(repository.path, *add)
    git(repository.path, "commit", "--quiet", "--message", "add")
    assert set(repository.tracked()) == {"x", ".gitmodules", "vendored/inner/data/.netrc"}
    inner.path.rename(tmp_path / "gone")
    assert set(repository.clone(tmp_path / "clone").tracked()) == set(repository.tracked())
    git(repository.path, "submodule", "--quiet", "deinit", "--force", "--all")
    assert set(repository.tracked()) == {"x", ".gitmodules"}


@each(("count", "first"), [("2", 2), ("", 0), ("x", 0), ("\N{SUPERSCRIPT TWO}", 0), ("9" * 5000, 0)])
def test_settings_are_told_beside_those_of_the_environment(count: str, first: int) -> None:
    """Our git settings are added to those in the environment, and an invalid GIT_CONFIG_COUNT counts as zero."""
    assert _numbered([("a.b", "c")], {"GIT_CONFIG_COUNT": count}) == {
        f"GIT_CONFIG_KEY_{first}": "a.b",
        f"GIT_CONFIG_VALUE_{first}": "c",
        "GIT_CONFIG_COUNT": str(first + 1),
    }
