"""Releases that a workflow publishes are followed by real nox and git, with a forge and an index on this machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from actions_board import Environ, Reply
from failing_forge import TOKEN, FailingForge
from failing_index import FailingIndex
from releasing import SDIST, WHEEL, laptop, with_index
from workbench import Bench, make_bench

SSH = """\
#!/bin/sh
for word in "$@"; do last=$word; done
eval "$(echo "$last" | sed "s#'[^']*'#'{remote}'#")"
"""
"""Stands for ssh, and uses the remote on this machine instead of the repository on GitHub."""


class Following(FailingForge):
    """A forge that starts a run for a pushed tag; the run publishes the files built on this machine, or fails."""

    def __init__(self, bench: Bench, index: FailingIndex) -> None:
        super().__init__()
        self._bench, self._index = bench, index
        self.fails = self.hangs = False

    def reply(self, environ: Environ) -> Reply:
        """Answer a request: the first one for runs starts a run, which ends after two requests for its jobs."""
        path, query = environ["PATH_INFO"], parse_qs(environ.get("QUERY_STRING", ""))
        if path.endswith("/runs") and not self.runs:
            self.job(self.start(query["head_sha"][0], "v1.2.4"), "Publish to PyPI")
        asked = [one for one in self.asked if one.endswith("/jobs")]
        if len(asked) > 1 and not self.hangs and self.runs[0]["status"] != "completed":
            if self.fails:
                self.logs[self.jobs[0]["id"]] = b"2026-01-01T00:00:00.1Z ##[error]The upload was refused.\n"
            else:
                self.publish()
            self.end(self.runs[0], "failure" if self.fails else "success")
        return super().reply(environ)

    def publish(self) -> None:
        """Copy the built files into the index."""
        for name in (WHEEL, SDIST):
            (built,) = self._bench.cache.glob(f"*/stage/dist/{name}")
            shutil.copyfile(built, self._index.packages / name)


@pytest.fixture
def bench(tmp_path: Path, index: FailingIndex) -> Bench:
    """Return a project that a workflow publishes, and whose remote looks like a repository on GitHub."""
    made = make_bench(tmp_path, with_index(index, 'by = "workflow"\n'))
    script = tmp_path / "ssh"
    script.write_text(SSH.format(remote=made.remote), "utf-8")
    script.chmod(0o755)
    made.git("config", "core.sshCommand", str(script))
    made.git("remote", "set-url", "origin", "git@github.com:acme/sample.git")
    return made


@pytest.fixture
def forge(bench: Bench, index: FailingIndex) -> Iterator[Following]:
    """Return the running forge."""
    with Following(bench, index) as running:
        yield running


def follow(bench: Bench, index: FailingIndex, forge: Following) -> Any:
    """Release with `--wait`, and return the outcome."""
    env = {**laptop(index), "GITHUB_API_URL": forge.url, "GH_TOKEN": TOKEN}
    return bench.nox("-s", "release", "--", "patch", "--yes", "--wait", env=env)


def test_a_release_is_followed_and_proven(bench: Bench, index: FailingIndex, forge: Following) -> None:
    """A release with `--wait` follows the workflow that publishes it, then compares and installs the files served."""
    outcome = follow(bench, index, forge)
    assert outcome.code == 0, outcome.output
    assert outcome.has(
        f"following release.yml: {forge.runs[0]['html_url']}",
        "passed  Publish to PyPI",
        f"{SDIST}, compared with the one built here: identical",
        "works on Python",
        "sample 1.2.4 is released: release.yml has published it to PyPI.",
    ), outcome.output
    assert index.uploads == []
    assert bench.report()["run"] == forge.runs[0]["html_url"]
    assert not [one for one in forge.asked if not one.startswith("GET ")]


def test_a_run_that_fails_ends_the_command(bench: Bench, index: FailingIndex, forge: Following) -> None:
    """If the workflow's run fails, `--wait` stops with its last lines (NS858); the same command follows its rerun."""
    forge.fails = True
    outcome = follow(bench, index, forge)
    assert outcome.code == 1
    assert outcome.has("  The upload was refused.", "NS858 run-failed", "the job 'Publish to PyPI' ended as failure")
    assert outcome.has("PyPI now has nothing of 1.2.4", "Already public: main on origin, v1.2.4 on origin")
    forge.publish()
    forge.end(forge.runs[0])
    again = follow(bench, index, forge)
    assert again.code == 0, again.output
    assert bench.git("tag") == "v1.2.4"


def test_ctrl_c_leaves_the_release_as_it_is(bench: Bench, index: FailingIndex, forge: Following) -> None:
    """Ctrl-C while following a run leaves the release as it is, and the message says how to go on."""
    forge.hangs = True
    env = bench.environment({**laptop(index), "GITHUB_API_URL": forge.url, "GH_TOKEN": TOKEN})
    command = [sys.executable, "-m", "nox", "-s", "release", "--", "patch", "--yes", "--wait"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)  # in a shell's background it is ignored
    started = subprocess.Popen(command, cwd=bench.root, env=env, text=True, start_new_session=True, **pipes)  # type: ignore[call-overload]
    signal.signal(signal.SIGINT, heeded)
    until = time.monotonic() + 100
    while not forge.runs and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)
    started.send_signal(signal.SIGINT)
    output, _ = started.communicate(timeout=60)
    assert started.returncode != 0
    assert f"whether or not it is followed ({forge.runs[0]['html_url']}). Run the same command again" in output, output
    assert bench.git("ls-remote", str(bench.remote), "refs/tags/v1.2.4")
