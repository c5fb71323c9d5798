"""Real releases to a remote that refuses pushes to its branch, through a release branch that somebody merges."""

from __future__ import annotations

import subprocess
from pathlib import Path

from failing_index import FailingIndex
from merging import REFUSING
from releasing import release
from workbench import Bench

LOG = "# Changes\n\n## Unreleased\n\n- a\n"


def squash(bench: Bench, folder: Path) -> str:
    """Merge the release branch with a squash, as a forge does, and return the commit on ``main``."""

    def git(*args: str) -> str:
        command = ["git", "-c", "user.name=Other", "-c", "user.email=other@sample.example", *args]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    folder.mkdir()
    git("clone", "--quiet", str(bench.remote), ".")
    git("merge", "--quiet", "--squash", "origin/release/v1.2.4")
    git("commit", "--quiet", "--message", "Release 1.2.4 (#1)")
    subprocess.run(["git", "fetch", "--quiet", folder, "HEAD:main"], cwd=bench.remote, check=True)
    subprocess.run(["git", "branch", "--quiet", "-D", "release/v1.2.4"], cwd=bench.remote, check=True)
    return git("rev-parse", "HEAD")


def test_a_protected_branch_gets_its_release_by_a_merge(bench: Bench, index: FailingIndex, tmp_path: Path) -> None:
    """If the branch refuses a push, the release is proposed on a branch, and published unchanged once it is merged."""
    bench.write({"CHANGELOG.md": LOG})
    bench.commit()
    hook = bench.remote / "hooks" / "pre-receive"
    hook.write_text(REFUSING, "utf-8")
    hook.chmod(0o755)
    before = bench.snapshot()
    refused = release(bench, index)
    assert refused.has("NS231", "in a pull request instead"), refused.output
    assert bench.snapshot() == before
    proposed = release(bench, index)
    assert proposed.code == 0, proposed.output
    assert proposed.has("NS881", "release/v1.2.4 is on origin", "sample 1.2.4 is proposed", "2 reused"), proposed.output
    assert index.files() == {}
    assert bench.git("tag") == ""
    files = {file["name"]: file["sha256"] for file in bench.report()["files"]}
    commit = squash(bench, tmp_path / "other")
    bench.git("pull", "--quiet", "--ff-only", "origin", "main")
    there = bench.snapshot()
    rehearsed = bench.rehearse()
    assert rehearsed.code == 0, rehearsed.output
    assert bench.snapshot() == there
    finished = release(bench, index)
    assert finished.code == 0, finished.output
    assert index.files() == files, f"{rehearsed.output}\n{finished.output}"
    assert bench.git("rev-parse", "v1.2.4^{commit}") == bench.git("rev-parse", "HEAD") == commit
    assert bench.git("ls-remote", "origin", "refs/tags/v1.2.4^{}").split()[0] == commit
    assert release(bench, index).has("was already released, and nothing was missing")
