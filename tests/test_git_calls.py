from __future__ import annotations

from pathlib import Path

import pytest

from fakes import Programs
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from support import commit_files, git, make_repository, write_files


def test_no_git_of_ours_asks_tidies_up_or_shows_what_the_user_likes(tmp_path: Path, programs: Programs) -> None:
    """Every git command runs without prompts and housekeeping, and independent of the user's display settings."""
    repository = Repository.at(make_repository(tmp_path).path)
    repository.find("status")
    repository.known([repository.head])
    repository.files()
    Repository.empty(tmp_path / "empty")
    assert len(programs.calls) == 6
    for call in programs.calls:
        settings = {call.line[place + 1] for place, word in enumerate(call.line) if word == "-c"}
        assert {"gc.auto=0", "maintenance.auto=false", "core.fsmonitor=false", "advice.detachedHead=false"} <= settings
        assert {"log.showSignature=false", "diff.ignoreSubmodules=none"} <= settings
        assert call.env["GIT_TERMINAL_PROMPT"] == call.env["GIT_OPTIONAL_LOCKS"] == "0"
        assert call.env["LC_ALL"] == "C.UTF-8"


def test_what_a_git_is_given_is_what_was_asked_for(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git command gets credentials, a time limit and a process group of its own only if requested."""
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    repository = make_repository(tmp_path)
    repository.run("status")
    repository.run("status", secrets=True, apart=True, env={"TWINE_PASSWORD": None}, seconds=9)
    plain, trusted = programs.calls
    assert list(plain.options["keep"]) == []
    assert not plain.options["apart"]
    assert (plain.options["seconds"], trusted.options["seconds"]) == (None, 9)
    assert "GITHUB_TOKEN" in trusted.options["keep"]
    assert trusted.options["apart"]
    assert "TWINE_PASSWORD" in trusted.env
    assert trusted.env["GIT_TERMINAL_PROMPT"] == "0"


def test_what_the_project_lets_pass_reaches_git_from_the_first_question_on(tmp_path: Path, programs: Programs) -> None:
    """Variables that the project passes on reach every git command, also the one that finds the repository."""
    Repository.at(make_repository(tmp_path).path, ("SAMPLE",)).run("status")
    assert all("SAMPLE" in call.options["keep"] for call in programs.calls)


@pytest.mark.slow
def test_what_writes_to_the_checkout_cannot_be_cut_in_two(tmp_path: Path, programs: Programs) -> None:
    """The commands of a fast-forward run in a process group of their own, and start no housekeeping."""
    checkout = make_repository(tmp_path / "checkout")
    stage = checkout.clone(tmp_path / "stage", branch="main")
    commit_files(stage.path, {"a.txt": ""})
    checkout.fast_forward(stage, "main", stage.head, {})
    git(checkout.path, "switch", "--quiet", "--create", "side")
    commit_files(stage.path, {"b.txt": ""})
    checkout.fast_forward(stage, "main", stage.head, {})
    writing = [call for call in programs.calls if "fetch" in call.line or "merge" in call.line]
    assert [call.options["apart"] for call in writing] == [True, True, True]
    assert all("--no-auto-maintenance" in call.line for call in writing if "fetch" in call.line)


def test_a_clone_borrows_the_objects(tmp_path: Path) -> None:
    """A clone refers to the objects of its source instead of copying them."""
    source = make_repository(tmp_path / "source")
    clone = source.clone(tmp_path / "clone")
    assert (clone.path / ".git/objects/info/alternates").read_text("utf-8").strip() == str(source.objects)


def test_changes_of_tracked_files_count_wherever_they_are(tmp_path: Path) -> None:
    """In folders of build output, changed files that git tracks count, and only untracked ones are ignored."""
    repository = make_repository(tmp_path, {"dist/kept.txt": "1", "a": ""})
    write_files(tmp_path, {"dist/kept.txt": "2", "dist/new.txt": "", "größe.txt": ""})
    assert repository.changes(("dist",)) == ["dist/kept.txt", "größe.txt"]


def test_files_are_those_that_git_has_or_would_take(tmp_path: Path) -> None:
    """The listed files are tracked or new, but not ignored, whatever their names contain."""
    repository = make_repository(tmp_path, {".gitignore": "*.log\n", "größe.txt": ""})
    write_files(tmp_path, {"new file.txt": "", "x.log": ""})
    assert sorted(repository.files()) == [".gitignore", "größe.txt", "new file.txt"]


def test_changes_are_carried_to_a_clone(tmp_path: Path) -> None:
    """New, changed and removed files are carried over, and symlinks stay symlinks."""
    repository = make_repository(tmp_path / "a", {"kept": "1", "gone": "", "linked": "", "was-link": ""})
    clone = repository.clone(tmp_path / "b")
    (repository.path / "gone").unlink()
    (repository.path / "linked").unlink()
    (repository.path / "linked").symlink_to("nowhere")
    (clone.path / "was-link").unlink()
    (clone.path / "was-link").symlink_to("kept")
    write_files(repository.path, {"kept": "2", "new/file": "3", "was-link": "4", "dist/x": ""})
    repository.carry_changes(clone, ("dist",))
    assert (clone.path / "kept").read_text() == "2"
    assert (clone.path / "new/file").read_text() == "3"
    assert not (clone.path / "gone").exists()
    assert (clone.path / "linked").is_symlink()
    assert not (clone.path / "was-link").is_symlink()
    assert (clone.path / "was-link").read_text() == "4"
    assert not (clone.path / "dist").exists()


def test_the_release_branch_holds_a_commit_or_is_none(tmp_path: Path) -> None:
    """The release branch of a commit is None if that branch is unknown or does not contain the commit."""
    repository = make_repository(tmp_path)
    released = repository.head
    git(tmp_path, "switch", "--quiet", "--create", "side")
    other = commit_files(tmp_path, {"a": ""})
    assert repository.release_branch(released, None) == "main"
    assert repository.release_branch(other, None) is None
    assert repository.release_branch(other, "side") == "side"
    git(tmp_path, "branch", "--quiet", "--delete", "--force", "main")
    assert repository.release_branch(released, None) is None


@pytest.mark.slow
def test_submodules_are_fetched_with_what_git_may_need(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All submodules are fetched, with the credentials for git but without those for an index."""
    monkeypatch.setenv("TWINE_PASSWORD", "x")
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    programs.answer("submodule --quiet")
    modules = '[submodule "x"]\n\tpath = x\n\turl = https://example.invalid/x\n'
    source = make_repository(tmp_path / "a", {".gitmodules": modules})
    git(source.path, "update-index", "--add", "--cacheinfo", f"160000,{source.head},x")
    git(source.path, "commit", "--quiet", "--message", "x")
    source.clone(tmp_path / "b")
    (call,) = programs.started("submodule", "init")
    assert (call.env["GIT_CONFIG_KEY_0"], call.env["GIT_CONFIG_VALUE_0"]) == ("remote.origin.url", str(source.path))
    (call,) = programs.started("submodule", "update")
    assert {"--init", "--recursive"} <= set(call.line)
    assert call.options["keep"] == {"GITHUB_TOKEN"}
    (source.path / "x").mkdir()  # as git leaves a submodule that is not checked out
    source.clone(tmp_path / "c")
    make_repository(source.path / "x", {"other.txt": ""})  # and a submodule without that commit
    source.clone(tmp_path / "d")
    assert ["--init" in call.line for call in programs.started("submodule", "update")] == [True] * 3


def test_a_clone_is_as_we_know_it_whatever_the_user_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remote of a clone is ``origin``, even if the user's settings name it differently."""
    (tmp_path / ".gitconfig").write_text("[clone]\n\tdefaultRemoteName = mine\n", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    clone = make_repository(tmp_path / "a").clone(tmp_path / "b")
    assert git(clone.path, "remote") == "origin"


def test_the_parents_of_a_commit_are_those_it_was_made_with(tmp_path: Path) -> None:
    """The parents of a commit are its original ones, even if `git replace --graft` hides them."""
    repository = make_repository(tmp_path)
    first = repository.head
    second = commit_files(tmp_path, {"a": ""})
    git(tmp_path, "replace", "--graft", second)
    assert git(tmp_path, "log", "--format=%P", "-1", second) == ""
    assert repository.parents(second) == [first]


def test_committed_links_are_known_whatever_their_names(tmp_path: Path) -> None:
    """Committed symlinks are listed even if git would quote their names."""
    repository = make_repository(tmp_path)
    (tmp_path / "größe").symlink_to("README.md")
    commit_files(tmp_path, {"a": ""})
    assert repository.links() == [repository.path / "größe"]


def test_a_repository_that_cannot_be_used_is_told_with_gits_reason(tmp_path: Path) -> None:
    """NS201 contains git's message, except for a folder that is in no repository."""
    with pytest.raises(ShipError, match="NS201") as caught:
        Repository.at(tmp_path)
    assert "Git says" not in str(caught.value)
    (tmp_path / ".git").write_text("nonsense", "utf-8")
    with pytest.raises(ShipError, match=r"NS201.*Git says: .*gitfile"):
        Repository.at(tmp_path)


def test_a_clone_is_filled_only_once_its_keys_are_there(tmp_path: Path, programs: Programs) -> None:
    """The keys of git-crypt are copied before the clone's files are checked out."""
    source = make_repository(tmp_path / "a", {"a.txt": "1"})
    write_files(source.path, {".git/git-crypt/keys/default": "key"})
    clone = source.clone(tmp_path / "b")
    assert (clone.path / "a.txt").read_text("utf-8") == "1"
    assert (clone.path / ".git/git-crypt/keys/default").read_text("utf-8") == "key"
    assert "--no-checkout" in programs.started("clone")[0].line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("{up}/app.git", "{up}/lib.git"),
        ("https://example.invalid/acme/app", "https://example.invalid/acme/lib.git"),
        ("../up/app.git", "{up}/lib.git"),
        ("./app.git", "{here}/lib.git"),
        (None, "{top}/lib.git"),
    ],
)
def test_a_relative_address_of_a_submodule_counts_from_the_remotes(
    tmp_path: Path, programs: Programs, remote: str | None, expected: str
) -> None:
    """A submodule's relative URL is resolved against the remote's URL, or else against the checkout."""
    programs.answer("submodule --quiet update")
    repository = make_repository(
        tmp_path / "here", {".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n'}
    )
    places = {"up": tmp_path / "up", "here": repository.path, "top": tmp_path}
    if remote:
        git(repository.path, "remote", "add", "origin", remote.format(**places))
    git(repository.path, "update-index", "--add", "--cacheinfo", f"160000,{repository.head},lib")
    git(repository.path, "commit", "--quiet", "--message", "lib")
    clone = repository.clone(tmp_path / "clone")
    address = clone.config("submodule.lib.url") or ""
    assert address.replace("/here/../", "/").replace("/./", "/") == expected.format(**places)
