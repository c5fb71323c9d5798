from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nox_ship.cli import (
    asks_for_help,
    build_arguments,
    no_arguments,
    publish_arguments,
    release_arguments,
    tool_arguments,
    verify_install_arguments,
)
from nox_ship.errors import ShipError
from support import each

Parse = Callable[[Sequence[str]], Namespace]


def test_nothing_is_asked_by_default() -> None:
    """Without arguments, every option has its default, which is off."""
    assert vars(release_arguments([])) == {
        "wanted": None,
        "dry_run": False,
        "early": False,
        "bundle": None,
        "merged": None,
        "wait": False,
        "yes": False,
        "without": [],
        "without_check": [],
        "fresh": False,
        "verbose": False,
        "report": None,
    }
    assert vars(publish_arguments([])) == {
        "dry_run": False,
        "to": None,
        "no_install": False,
        "without_check": [],
    }
    assert vars(build_arguments([])) == {
        "fresh": False,
        "twice": False,
        "dry_run": False,
        "to": None,
        "no_install": False,
        "without_check": [],
    }


@pytest.mark.parametrize(
    "args",
    [
        ["minor-rc", "--dry-run", "--without", "audit", "--without=lint", "--report", "a/b.json"],
        ["--without", "audit", "--report=a/b.json", "--without", "lint", "--dry-run", "minor-rc"],
    ],
)
def test_arguments_of_a_release(args: list[str]) -> None:
    """Options may come in any order, and `--without` may be repeated."""
    options = release_arguments(args)
    assert (options.wanted, options.dry_run) == ("minor-rc", True)
    assert options.without == ["audit", "lint"]
    assert options.report == Path("a/b.json")


def test_one_parse_does_not_change_the_next() -> None:
    """Gates left out in one run are not left out in the next."""
    release_arguments(["--without", "audit"])
    assert release_arguments([]).without == []


@each(
    ("parse", "args", "words"),
    [
        (release_arguments, ["patch", "minor"], "minor"),
        (release_arguments, ["--dry"], "--dry"),
        (release_arguments, ["--dryrun"], "--dryrun"),
        (release_arguments, ["--dry-run=yes"], "--dry-run"),
        (release_arguments, ["--without"], "--without"),
        (release_arguments, ["patch", "--early"], "--early"),
        (publish_arguments, ["patch"], "patch"),
        (publish_arguments, ["--fresh"], "--fresh"),
        (build_arguments, ["--größe"], "--größe"),
    ],
)
def test_wrong_arguments_are_a_finding(parse: Parse, args: list[str], words: str) -> None:
    """A wrong argument raises NS108, with the argument and the usage, instead of ending the process."""
    with pytest.raises(ShipError) as caught:
        parse(args)
    (finding,) = caught.value.findings
    assert finding.id == "NS108"
    assert words in finding.what
    assert finding.what.endswith(".")
    assert "nox -s" in finding.remedy


@pytest.mark.parametrize("columns", ["20", "80", "500"])
def test_a_wrong_argument_is_told_in_one_line(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error about a wrong argument is one line, however narrow the terminal is."""
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(ShipError) as caught:
        release_arguments(["--dry"])
    assert "\n" not in str(caught.value)


@each(
    ("line", "expected"),
    [
        ("nox -s publish -- --help", True),
        ("nox -s publish -- --dry-run -h", True),
        ("nox --help", False),
        ("nox -s publish -- --to help", False),
        ("nox -h -s publish -- --dry-run", False),
        ("nox -s publish --", False),
    ],
)
def test_a_session_is_asked_for_help_after_the_dashes(line: str, expected: bool) -> None:
    """`--help` or `-h` after the dashes asks for a session's help; before them, it asks nox."""
    assert asks_for_help(line.split()) is expected


def test_each_session_shows_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` shows the help under the session's name, and a session ignores the options of other sessions."""
    no_arguments(["--dry-run", "--to", "x"], "matrix")
    assert verify_install_arguments(["--dry-run", "--to", "x"]).files == "all"
    assert verify_install_arguments(["patch", "--files", "wheels"]).files == "wheels"
    assert capsys.readouterr().out == ""
    for session in ("matrix", "publish-prod"):
        with pytest.raises(SystemExit) as caught:
            no_arguments(["--help"], session) if session == "matrix" else publish_arguments(["-h"], session)
        assert caught.value.code == 0
        assert f"usage: nox -s {session} --" in capsys.readouterr().out


def test_the_help_of_build_leaves_out_what_means_nothing_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    """`build` accepts the options of `publish`, which requires it, but its help does not list them."""
    with pytest.raises(SystemExit):
        build_arguments(["--help"])
    said = capsys.readouterr().out
    assert "--fresh" in said
    assert "--to" not in said


def test_a_gate_shows_its_own_help_and_leaves_other_arguments_to_its_tool(capsys: pytest.CaptureFixture[str]) -> None:
    """A gate shows its own help for `--help`, and leaves other arguments, even `-h`, to its tool."""
    tool_arguments(["-h", "-k", "name"], "tests")
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit):
        tool_arguments(["-q", "--help"], "tests")
    said = capsys.readouterr().out
    assert "nox -s tests-3.12 -- -k name" in said
    assert "Read more: docs/gates.md" in said
