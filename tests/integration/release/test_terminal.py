"""Releases on a terminal: the questions to the user, and what the answers do."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from failing_index import FailingIndex
from releasing import NO_KEYRING, assert_released, laptop, serve_last
from workbench import Bench

QUESTION = "Push main and v1.2.4 to origin, then publish it to PyPI? [y/N]"
TOKEN = "API token for PyPI (empty to stop): "


def test_a_terminal_is_asked_for_a_token_and_once(bench: Bench, index: FailingIndex) -> None:
    """On a terminal, the user is asked for a missing token before any work, and once for consent before the push."""
    token = index.new_token()
    env = {**index.environment(), **NO_KEYRING}
    answers = {TOKEN: f"{token}\n".encode(), "[y/N]": b"y\n"}
    code, output = on_a_terminal(bench, env, answers, "-s", "release", "--", "patch")
    assert code == 0, output
    assert token not in output
    assert output.index(TOKEN) < output.index("clean clone of")
    assert bench.report()["credentials"] == "the terminal"
    assert_asked(output)
    assert_released(bench, index)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"n\n", marks=pytest.mark.exhaustive),
        pytest.param(b"\n", marks=pytest.mark.exhaustive),
        b"\x04",
    ],
)
def test_without_a_yes_nothing_is_changed(bench: Bench, index: FailingIndex, answer: bytes) -> None:
    """Without a yes to the question, which follows the changes since the last release, nothing is changed (NS235)."""
    before = bench.snapshot()
    serve_last(index)
    code, output = on_a_terminal(bench, laptop(index), {"[y/N]": answer}, "-s", "release", "--", "patch")
    assert code == 1, output
    assert_asked(output)
    assert output.index("changed since 1.2.3 on PyPI:") < output.index("NS562 content-gone") < output.index("[y/N]")
    assert "NS235" in output
    assert "declined" in output
    assert bench.snapshot() == before
    assert index.uploads == []


@pytest.mark.exhaustive
def test_a_terminal_is_not_asked_where_it_is_told(bench: Bench, index: FailingIndex) -> None:
    """With `--yes`, no question is asked before the push."""
    hook = bench.remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    code, output = on_a_terminal(bench, laptop(index), {}, "-s", "release", "--", "patch", "--yes")
    assert code == 1, output
    assert "NS231" in output
    assert "[y/N]" not in output


def assert_asked(output: str) -> None:
    """Check that there was one question, after the table and the commits."""
    assert output.count(QUESTION) == 1
    assert output.index("upload rehearsal") < output.index("commits new to origin:") < output.index("[y/N]")
    asked = output[: output.index("[y/N]")]
    assert "pending" in asked
    assert "failed" not in asked


def on_a_terminal(bench: Bench, env: dict[str, str], answers: Mapping[str, bytes], *args: str) -> tuple[int, str]:
    """Run nox on a terminal of its own, answer its questions, and return the exit code and output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "nox", *args],
        cwd=bench.root,
        env=bench.environment(env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as running:
        os.close(theirs)
        output, until, left = "", time.monotonic() + 90, dict(answers)
        with contextlib.suppress(OSError):  # the terminal ends with an error
            while time.monotonic() < until:
                if select.select([ours], [], [], 0.1)[0]:
                    output += os.read(ours, 65536).decode(errors="replace")
                for question in [one for one in left if one in output]:
                    os.write(ours, left.pop(question))
                if running.poll() is not None and not select.select([ours], [], [], 0)[0]:
                    break
        os.close(ours)
        return running.wait(10), output
