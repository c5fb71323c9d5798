"""Releases on a terminal: what a person is asked, and what the answers do."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time

import pytest

from failing_index import FailingIndex
from releasing import NO_KEYRING, assert_released, laptop, serve_last
from workbench import Bench


@pytest.mark.parametrize(
    ("answer", "released"),
    [
        (b"y\n", True),
        pytest.param(b"n\n", False, marks=pytest.mark.exhaustive),
        pytest.param(b"\n", False, marks=pytest.mark.exhaustive),
        (b"\x04", False),
    ],
)
def test_a_terminal_is_asked_once(bench: Bench, index: FailingIndex, answer: bytes, released: bool) -> None:
    """One question before the push shows the table; yes goes on, anything else changes nothing."""
    before = bench.snapshot()
    code, output = on_a_terminal(bench, laptop(index), answer, "-s", "release", "--", "patch")
    assert output.count("Push main and v1.2.4 to origin, then publish it to PyPI? [y/N]") == 1
    assert output.index("upload rehearsal") < output.index("commits new to origin:") < output.index("[y/N]")
    asked = output[: output.index("[y/N]")]
    assert "pending" in asked
    assert "failed" not in asked
    assert code == (0 if released else 1), output
    if released:
        assert_released(bench, index)
    else:
        assert "NS235" in output
        assert "declined" in output
        assert bench.snapshot() == before
        assert index.uploads == []


def test_what_changed_is_shown_before_the_question(bench: Bench, index: FailingIndex) -> None:
    """So that a person can say no."""
    before = bench.snapshot()
    serve_last(index)
    code, output = on_a_terminal(bench, laptop(index), b"n\n", "-s", "release", "--", "patch")
    assert code == 1
    assert output.index("changed since 1.2.3 on PyPI:") < output.index("NS562 content-gone") < output.index("[y/N]")
    assert bench.snapshot() == before


def test_a_terminal_is_not_asked_where_it_is_told(bench: Bench, index: FailingIndex) -> None:
    """`--yes` skips the question."""
    code, output = on_a_terminal(bench, laptop(index), b"", "-s", "release", "--", "patch", "--yes")
    assert code == 0, output
    assert "[y/N]" not in output
    assert_released(bench, index)


def test_a_terminal_is_asked_for_a_token(bench: Bench, index: FailingIndex) -> None:
    """Where no other place has one, before anything else is done; what is typed is not shown."""
    token = index.new_token()
    env = {**index.environment(), **NO_KEYRING}
    question = "API token of PyPI (empty to stop): "
    command = ("-s", "release", "--", "patch", "--yes")
    code, output = on_a_terminal(bench, env, f"{token}\n".encode(), *command, question=question)
    assert code == 0, output
    assert token not in output
    assert output.index(question) < output.index("clean clone of")
    assert bench.report()["credentials"] == "the terminal"
    assert_released(bench, index)


def on_a_terminal(
    bench: Bench, env: dict[str, str], answer: bytes, *args: str, question: str = "[y/N]"
) -> tuple[int, str]:
    """Run nox on a terminal of its own, answer its question, and return exit code and output."""
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
        output, until, asked = "", time.monotonic() + 90, False
        with contextlib.suppress(OSError):  # the terminal's end
            while time.monotonic() < until:
                if select.select([ours], [], [], 0.1)[0]:
                    output += os.read(ours, 65536).decode(errors="replace")
                if question in output and not asked:
                    asked = True
                    os.write(ours, answer)
                if running.poll() is not None and not select.select([ours], [], [], 0)[0]:
                    break
        os.close(ours)
        return running.wait(10), output
