from __future__ import annotations

import os
from pathlib import Path

import pytest

from nox_ship.release.seal import Seal
from support import commit_files, git, make_repository, write_files


@pytest.mark.parametrize("setting", ["core.ignoreStat", "core.sparseCheckout"])
def test_a_user_who_lets_git_look_away_is_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """A changed file is found even if the user's git settings say that git need not look at it."""
    section, name = setting.split(".")
    (tmp_path / ".gitconfig").write_text(f"[{section}]\n\t{name} = true\n", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    repository = make_repository(tmp_path / "stage", {"a.txt": "1\n", "b/c.txt": "2\n"})
    (repository.path / ".git" / "info").mkdir(exist_ok=True)
    (repository.path / ".git" / "info" / "sparse-checkout").write_text("/b\n", "utf-8")
    seal = Seal.of(repository, repository.head)
    assert seal.broken() == []
    write_files(repository.path, {"a.txt": "2\n"})
    assert seal.broken() == ["a.txt"]


@pytest.mark.parametrize("name", ['gr\u00fcn "x"\n.txt', os.fsdecode(b"caf\xe9.txt"), "\N{REPLACEMENT CHARACTER}"])
def test_a_file_that_changed_is_called_as_it_is(tmp_path: Path, name: str) -> None:
    """A changed file is reported by its real name, even if git would quote it or it is not UTF-8."""
    repository = make_repository(tmp_path, {name: "1\n"})
    seal = Seal.of(repository, repository.head)
    write_files(repository.path, {name: "2\n"})
    assert seal.broken() == [name]


@pytest.mark.parametrize("name", ["sharedindex.0a1b", "index.lock", "FETCH_HEAD", "objects/info/commit-graph"])
def test_what_git_writes_every_day_breaks_no_seal(tmp_path: Path, name: str) -> None:
    """Files that git writes in daily use do not break the seal, but a file that git acts on does, such as a hook."""
    repository = make_repository(tmp_path)
    seal = Seal.of(repository, repository.head)
    write_files(repository.path / ".git", {name: "x"})
    assert seal.broken() == []
    write_files(repository.path / ".git", {"hooks/pre-push": "#!/bin/sh\n"})
    assert ".git/hooks/pre-push" in seal.broken()


def test_what_is_as_committed_is_told_by_the_refs_alone(tmp_path: Path) -> None:
    """The seal of an unchanged clone records only refs, even if a replacement ref claims other files."""
    repository = make_repository(tmp_path, {"a.txt": "1\n", "b/c.txt": "2\n"})
    git(tmp_path, "replace", commit_files(tmp_path, {".gitattributes": "* text\n"}), "HEAD^")
    contents = Seal.of(repository, repository.head).contents
    assert [name for name in contents if not name.startswith("refs/")] == []
