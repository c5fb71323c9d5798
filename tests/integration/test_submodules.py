"""Submodules: a clean clone contains them, whatever addresses they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.git import Repository
from support import commit_files, git, make_repository, write_files

ALLOW = ("-c", "protocol.file.allow=always")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the bare repositories app, lib and inner; each has the next as a submodule."""
    home = write_files(tmp_path / "home", {".gitconfig": "[user]\nname = X\nemail = x@example.invalid\n"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    folder = tmp_path / "server"
    inside = None
    for name in ("inner", "lib", "app"):
        made = make_repository(tmp_path / "made" / name, {f"{name}.txt": name})
        git(tmp_path, "clone", "--quiet", "--bare", str(made.path), str(folder / f"{name}.git"))
        git(made.path, "remote", "add", "origin", str(folder / f"{name}.git"))
        if inside:
            git(made.path, *ALLOW, "submodule", "--quiet", "add", f"../{inside}.git", f"sub/{inside}")
            commit_files(made.path, {})
            git(made.path, "push", "--quiet", "origin", "main")
        inside = name
    return folder


def checkout(folder: Path, server: Path, *options: str) -> Repository:
    """Return a checkout of app."""
    git(folder, *ALLOW, "clone", "--quiet", *options, str(server / "app.git"), "checkout")
    return Repository(folder / "checkout")


DEEPEST = Path("sub", "lib", "sub", "inner", "inner.txt")


def test_submodules_that_are_here_need_no_network(tmp_path: Path, server: Path) -> None:
    """Submodules that are checked out are cloned from the checkout without a network, including nested ones."""
    repository = checkout(tmp_path, server, "--recurse-submodules")
    server.rename(tmp_path / "gone")
    clone = repository.clone(tmp_path / "clone")
    assert (clone.path / DEEPEST).read_text("utf-8") == "inner"
    assert clone.changes() == []
    assert (clone.clone(tmp_path / "again").path / DEEPEST).is_file()


def test_relative_addresses_count_from_the_remotes(
    tmp_path: Path, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative address of a submodule that is not checked out starts at the real remote, not at the checkout."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    repository = checkout(tmp_path, server)
    make_repository(tmp_path / "lib.git", {"wrong": ""})
    clone = repository.clone(tmp_path / "clone")
    assert (clone.path / DEEPEST).read_text("utf-8") == "inner"
    address = clone.run("config", "submodule.sub/lib.url")
    assert Path(address).resolve() == server / "lib.git"


def test_changes_in_a_submodule_are_carried(tmp_path: Path, server: Path) -> None:
    """A changed commit, changed files and the removal of a submodule are carried into the clone."""
    repository = checkout(tmp_path, server, "--recurse-submodules")
    clone = repository.clone(tmp_path / "clone")
    commit_files(repository.path / "sub" / "lib", {"new.txt": "new"})
    write_files(repository.path / "sub" / "lib", {"lib.txt": "changed"})
    git(repository.path, "config", "diff.ignoreSubmodules", "all")
    repository.carry_changes(clone)
    assert (clone.path / "sub" / "lib" / "new.txt").read_text("utf-8") == "new"
    assert (clone.path / "sub" / "lib" / "lib.txt").read_text("utf-8") == "changed"
    assert (clone.path / DEEPEST).is_file()
    git(repository.path, "rm", "--quiet", "--force", "sub/lib")
    repository.carry_changes(clone)
    assert not (clone.path / "sub" / "lib").exists()


def test_a_submodule_that_cannot_be_fetched_is_told(
    tmp_path: Path, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a submodule cannot be fetched, NS870 names it, its commit, its address without password, and the reason."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    repository = checkout(tmp_path, server)
    commit = git(repository.path, "rev-parse", "HEAD:sub/lib")
    git(repository.path, "config", "--file", ".gitmodules", "submodule.sub/lib.url", "https://x:s3cret@a.invalid/lib")
    commit_files(repository.path, {})
    with pytest.raises(ShipError) as caught:
        repository.clone(tmp_path / "clone")
    (finding,) = caught.value.findings
    assert finding.id == "NS870"
    assert finding.what.startswith(
        f"The submodule sub/lib cannot be checked out at {commit[:10]} from https://***@a.invalid"
    )
    assert "not allowed" in (finding.detail or "")
    assert "s3cret" not in f"{finding.what}{finding.detail}"
