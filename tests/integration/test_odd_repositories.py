"""Rehearsals in unusual repositories; each has several oddities that do not affect each other."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from failing_index import FailingIndex
from releasing import SDIST, WHEEL, release, with_index
from support import git, write_files
from workbench import QUICK, Bench, hatched, make_bench

TAGGED = hatched(QUICK, '"hatchling", "hatch-vcs"')
TAGGED["pyproject.toml"] = (
    TAGGED["pyproject.toml"]
    .replace('version = "1.2.3"', 'dynamic = ["version"]')
    .replace("[tool.nox-ship]", '[tool.hatch.version]\nsource = "vcs"\n\n[tool.nox-ship]')
)
LIKED = """\
[color]
ui = always
[column]
ui = always
[log]
showSignature = true
[status]
showUntrackedFiles = no
relativePaths = true
[clone]
defaultRemoteName = upstream
rejectShallow = true
[submodule]
recurse = true
[protocol]
version = 0
[push]
default = nothing
followTags = true
[fetch]
prune = true
pruneTags = true
fsckObjects = true
[transfer]
fsckObjects = true
[diff]
external = false
[init]
defaultBranch = trunk
[core]
quotePath = true
autocrlf = input
[alias]
status = !false
commit = !false
"""
"""Settings that users make so that git's output and behaviour suit them."""


def run(folder: Path, *args: str) -> None:
    """Run git with file addresses allowed."""
    git(folder, "-c", "protocol.file.allow=always", *args)


def cloned(bench: Bench, *options: str) -> Bench:
    """Return a bench whose project is another clone of the remote."""
    git(bench.remote, "config", "uploadpack.allowFilter", "true")
    git(bench.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    folder = bench.root.parent / "clone"
    run(bench.root.parent, "clone", "--quiet", *options, bench.remote.as_uri(), str(folder))
    for key in ("user.name", "user.email"):
        git(folder, "config", key, "tester@example.invalid")
    return dataclasses.replace(bench, root=folder)


def sha256(folder: Path) -> Bench:
    """Make a repository with SHA-256 objects, a file named HEAD, a tag named like the branch, and a filter."""
    bench = Bench(folder / "project", folder / "remote.git", folder / "cache")
    for place, more in ((bench.root, []), (bench.remote, ["--bare"])):
        subprocess.run(
            ["git", "init", "--quiet", "--object-format=sha256", "--initial-branch=main", *more, place], check=True
        )
    bench.git("config", "user.name", "Tester")
    bench.git("config", "user.email", "tester@example.invalid")
    bench.git("config", "filter.same.clean", "cat")
    bench.git("config", "filter.same.smudge", "cat")
    bench.git("config", "filter.same.required", "true")
    bench.git("remote", "add", "origin", str(bench.remote))
    bench.write({**QUICK, "HEAD": "x", ".gitattributes": "*.md filter=same\n"})
    bench.commit()
    bench.git("tag", "main")
    return bench


def linked(folder: Path) -> Bench:
    """Make a work tree of a bare repository, with a slash in its branch and a fork that sorts before the remote."""
    bench = make_bench(folder, QUICK)
    bench.git("push", "--quiet", "origin", "main:release/1.x")
    git(bench.remote, "symbolic-ref", "HEAD", "refs/heads/release/1.x")
    git(folder, "clone", "--quiet", "--bare", str(bench.remote), "bare.git")
    git(folder / "bare.git", "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    git(folder / "bare.git", "fetch", "--quiet")
    git(folder / "bare.git", "remote", "set-head", "origin", "--auto")
    git(folder / "bare.git", "remote", "add", "fork", str(folder / "nowhere"))
    git(folder / "bare.git", "update-ref", "refs/remotes/fork/develop", "HEAD")
    git(folder / "bare.git", "symbolic-ref", "refs/remotes/fork/HEAD", "refs/remotes/fork/develop")
    git(folder / "bare.git", "config", "user.name", "Tester")
    git(folder / "bare.git", "config", "user.email", "tester@example.invalid")
    git(folder / "bare.git", "worktree", "add", "--quiet", "../linked", "release/1.x")
    return dataclasses.replace(bench, root=folder / "linked")


def partial(folder: Path) -> Bench:
    """Make a sparse clone without blobs."""
    bench = make_bench(folder, {**QUICK, "docs/only/there.md": "x\n"})
    bench.edit("README.md", "sample", "another sample")
    bench.commit()
    bench = cloned(bench, "--filter=blob:none", "--sparse")
    bench.git("sparse-checkout", "set", "src", "tests")
    return bench


def treeless(folder: Path) -> Bench:
    """Make a clone without trees."""
    bench = make_bench(folder, QUICK)
    bench.edit("README.md", "sample", "another sample")
    bench.commit()
    return cloned(bench, "--filter=tree:0")


def with_submodule(folder: Path) -> Bench:
    """Make a project whose submodule has a relative address, and a clone without the submodule."""
    bench = make_bench(folder, QUICK)
    git(folder, "clone", "--quiet", "--bare", str(bench.root), "lib.git")
    run(bench.root, "submodule", "--quiet", "add", "../lib.git", "vendor/lib")
    bench.commit()
    return cloned(bench)


@pytest.mark.parametrize(
    "make", [sha256, linked, partial, pytest.param(treeless, marks=pytest.mark.exhaustive), with_submodule]
)
def test_odd_repositories_are_rehearsed(tmp_path: Path, make: Callable[[Path], Bench]) -> None:
    """A rehearsal in an unusual repository succeeds and changes nothing, whatever the user's git settings."""
    bench = make(tmp_path)
    (tmp_path / "liked").write_text(LIKED, "utf-8")
    env = {"GIT_CONFIG_GLOBAL": str(tmp_path / "liked"), "LANGUAGE": "de", "GIT_ALLOW_PROTOCOL": "file"}
    before = bench.snapshot()
    outcome = bench.rehearse(env=env)
    assert outcome.code == 0, outcome.output
    assert bench.snapshot() == before
    assert bench.report()["tag"] == "v1.2.4"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--depth=1"], marks=pytest.mark.exhaustive),
        pytest.param(["--no-tags"], marks=pytest.mark.exhaustive),
        ["--single-branch", "--no-tags", "--depth=2"],
    ],
    ids=" ".join,
)
def test_the_remotes_tags_count(tmp_path: Path, options: list[str]) -> None:
    """A clone without tags continues from the last release on the remote, in the form of its tags."""
    bench = make_bench(tmp_path, TAGGED)
    bench.git("tag", "v2.0.0")
    for number in "ab":
        bench.write({"new.txt": number})
        bench.commit()
    bench.git("tag", "20240101")
    bench.git("push", "--quiet", "origin", "--tags")
    clone = cloned(bench, *options)
    clone.git("tag", "--delete", *clone.git("tag").split()) if clone.git("tag") else None
    outcome = clone.rehearse()
    assert outcome.code == 0, outcome.output
    assert outcome.has("2.0.0 → 2.0.1")
    report = clone.report()
    assert report["commit"] == clone.git("rev-parse", "HEAD")  # tags hold the version
    assert report["uploads"] == ["sample-2.0.1-py3-none-any.whl → PyPI", "sample-2.0.1.tar.gz → PyPI"]
    outcome = clone.nox("-s", "build")
    assert outcome.code == 1
    assert outcome.has("NS309"), outcome.output


def moved_tag(bench: Bench) -> None:
    bench.git("tag", "v1.2.3")
    bench.git("push", "--quiet", "origin", "v1.2.3")
    bench.git("commit", "--quiet", "--allow-empty", "--message", "more")
    bench.git("push", "--quiet", "origin", "main")
    bench.git("tag", "--force", "v1.2.3")


def tag_not_here(bench: Bench) -> None:
    bench.git("tag", "--annotate", "--message", "x", "v1.2.3")
    bench.git("push", "--quiet", "origin", "v1.2.3")
    bench.git("tag", "--delete", "v1.2.3")


def several_addresses(bench: Bench) -> None:
    for number in "ab":
        bench.git("config", "--add", "remote.origin.pushurl", f"{bench.remote}{number}")


def missing_remote(bench: Bench) -> None:
    bench.edit("pyproject.toml", "gates = []", 'gates = []\nremote = "upstream"')
    bench.commit()


def unreadable_tag(bench: Bench) -> None:
    bench.git("tag", "v0.1.0-test.1")


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (moved_tag, "NS212"),
        pytest.param(missing_remote, "NS214", marks=pytest.mark.exhaustive),
        pytest.param(several_addresses, "NS215", marks=pytest.mark.exhaustive),
        (tag_not_here, "NS216"),
        pytest.param(unreadable_tag, "NS310", marks=pytest.mark.exhaustive),
    ],
)
def test_what_a_release_would_get_wrong_is_refused(
    tmp_path: Path, prepare: Callable[[Bench], None], expected: str
) -> None:
    """Tags, remotes and addresses that would lead a release astray stop a rehearsal and a release before any work."""
    bench = make_bench(tmp_path, QUICK)
    prepare(bench)
    for outcome in (bench.rehearse(), bench.nox("-s", "release", "--", "patch", "--yes")):
        assert outcome.code == 1
        assert outcome.clean
        assert outcome.has(expected), outcome.output


def test_a_dirty_build_takes_what_became_of_files_along(tmp_path: Path) -> None:
    """A build of uncommitted changes contains a file that became a folder; NS203 shows names that are not UTF-8."""
    odd = os.fsdecode(b"docs/caf\xe9.txt")
    bench = make_bench(tmp_path, {**QUICK, "src/sample/data": "old", "docs/a.txt": ""})
    (bench.root / "src" / "sample" / "data").unlink()
    bench.write({"src/sample/data/new.txt": "new", odd: "x"})
    outcome = bench.rehearse()
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS203", r"docs/caf\udce9.txt"), outcome.output
    outcome = bench.nox("-s", "build")
    assert outcome.code == 0, outcome.output
    with zipfile.ZipFile(next((bench.root / "dist").glob("*.whl"))) as wheel:
        assert wheel.read("sample/data/new.txt") == b"new"
        assert "sample/data" not in wheel.namelist()


def test_a_release_goes_to_the_address_of_its_pushes(tmp_path: Path, index: FailingIndex) -> None:
    """A release uses the address for pushes, whatever the address for fetches has, and pushes only branch and tag."""
    files = with_index(index)
    bench = make_bench(tmp_path, files)
    elsewhere = make_bench(write_files(tmp_path / "elsewhere", {}), QUICK)
    elsewhere.git("tag", "v1.2.4")
    elsewhere.git("push", "--quiet", "origin", "v1.2.4")
    bench.git("config", "remote.origin.pushurl", str(bench.remote))
    bench.git("config", "remote.origin.url", str(elsewhere.remote))
    bench.git("config", "push.followTags", "true")
    bench.git("tag", "--annotate", "--message", "x", "mine")
    outcome = release(bench, index, "--yes")
    assert outcome.code == 0, outcome.output
    assert sorted(index.files()) == [WHEEL, SDIST]
    refs = git(bench.remote, "for-each-ref", "--format=%(refname)").splitlines()
    assert refs == ["refs/heads/main", "refs/tags/v1.2.4"]
