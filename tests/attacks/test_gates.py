"""Real gates that attack the release they belong to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workbench import GOOD, make_bench

pytestmark = pytest.mark.integration

# Waits for the build, so that the files are those of the release, and moves the branch and tag to other code.
AMENDS = """\
import pathlib, subprocess, time

def git(*args):
    subprocess.run(["git", *args], check=True)

def test_main():
    while not pathlib.Path(".nox-ship/manifest.json").exists():
        time.sleep(0.1)
    pathlib.Path("src/sample/__init__.py").write_text("EVIL = 1")
    git("commit", "--quiet", "--no-verify", "--all", "--amend", "--message", "Release 1.2.4")
    git("tag", "--force", "--annotate", "--message", "Release 1.2.4", "v1.2.4")
"""


def test_a_test_that_amends_the_release_stops_it(tmp_path: Path) -> None:
    """If a test moves the branch and the tag, the release stops before its push with NS236, which names both."""
    bench = make_bench(tmp_path, {**GOOD, "tests/test_sample.py": AMENDS})
    outcome = bench.rehearse()
    assert outcome.code == 1, outcome.output
    assert outcome.has("done    gates", "NS236", "refs/heads/main", "refs/tags/v1.2.4")
    assert bench.report()["pushed"] == "no"
    assert [finding["id"] for finding in bench.report()["findings"] if finding["level"] == "error"] == ["NS236"]


@pytest.mark.parametrize("name", ["dist", pytest.param(".nox-ship", marks=pytest.mark.exhaustive)])
def test_a_folder_of_ours_that_is_a_committed_symlink_stops_a_rehearsal(tmp_path: Path, name: str) -> None:
    """If `dist` or `.nox-ship` is a committed symlink, the rehearsal stops (NS607) and does not touch its target."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "notes.txt").write_text("mine", "utf-8")
    bench = make_bench(tmp_path)
    (bench.root / name).symlink_to(outside)
    bench.commit()
    outcome = bench.rehearse()
    assert outcome.code == 1, outcome.output
    assert outcome.has("NS607")
    assert outcome.clean
    assert [path.name for path in outside.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("ci", ["", "true"])
def test_nothing_is_pushed_unasked(tmp_path: Path, ci: str) -> None:
    """Without a terminal, a release without `--yes` stops before any work, and NS237 names the options."""
    bench = make_bench(tmp_path)
    before = bench.snapshot()
    begun = time.monotonic()
    outcome = bench.nox("-s", "release", "--", "patch", env={"CI": ci, "PYPI_API_TOKEN": "x"})
    assert outcome.code == 1
    assert outcome.has("NS237", "--yes", "--dry-run", "Nothing was changed"), outcome.output
    assert time.monotonic() - begun < 30
    assert not outcome.has("clean clone of")
    assert bench.snapshot() == before
