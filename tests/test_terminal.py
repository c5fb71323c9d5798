from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from nox_ship.board import Board
from nox_ship.errors import Finding
from nox_ship.report import Report, Row
from nox_ship.terminal import Voice
from support import each


def make_voice(*, verbose: bool = False, terminal: bool = False, width: int = 200) -> tuple[Voice, io.StringIO]:
    """Return a voice that writes to a text without colours; with ``terminal``, as if to a terminal."""
    stream = io.StringIO()
    console = Console(
        file=stream, highlight=False, soft_wrap=True, width=width, force_terminal=terminal, color_system=None
    )
    return Voice(verbose=verbose, console=console), stream


@each("text", ["[bold]x[/bold]", "[/]", "[red", "a[0]", "C:\\[x]\\", "param[1-2]", "[link=x]y"])
def test_what_looks_like_markup_is_shown_as_it_is(text: str) -> None:
    """Brackets in names and output are shown, and not read as Rich's markup."""
    voice, stream = make_voice(verbose=True)
    voice.echo(text)
    voice.note(text)
    voice.last_line(text)
    voice.step_ended(Row(text, "done", detail=text))
    voice.session_ended(Row(text, "passed", within="gates"))
    voice.finding(Finding("NS000", "x", text, text, detail=text))
    voice.table(Report(text, rows=[Row(text, "done", 0, text)], pushes=[text], uploads=[text], notes=text))
    assert stream.getvalue().count(text) == 13


@pytest.mark.parametrize("text", ["tests/a.py:x:1", "a:on:b", ":warning:", "user:key:value"])
def test_what_looks_like_an_emoji_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Text between colons is shown as it is, and not replaced by an emoji."""
    Voice().finding(Finding("NS000", "x", text, "", detail=text))
    assert capsys.readouterr().out.count(text) == 2


def test_a_finding_ends_with_the_line_that_counts() -> None:
    """A finding shows the tool's output first and its message last."""
    voice, stream = make_voice()
    voice.finding(Finding("NS000", "x", "What.", "Remedy.", "warning", "out\nput\n"))
    assert stream.getvalue() == "out\nput\nwarning: NS000 x: What. Remedy.\n"


def test_long_lines_are_not_broken() -> None:
    """Long lines are not wrapped, so that they can be searched and copied."""
    voice, stream = make_voice()
    voice.note("word " * 100)
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize(("verbose", "shown"), [(True, "line\n"), (False, "")])
def test_output_of_passing_tools_is_shown_on_request(verbose: bool, shown: str) -> None:
    """The output of a tool that passes is shown only with `--verbose`."""
    voice, stream = make_voice(verbose=verbose)
    voice.echo("line")
    assert stream.getvalue() == shown


def test_a_session_tells_how_it_ended() -> None:
    """A session's line shows its result, time and reason, even if it never started."""
    voice, stream = make_voice()
    voice.session_started("tests")
    voice.session_ended(Row("tests", "passed", 2.0, within="gates"))
    voice.session_ended(Row("never started", "skipped", detail="no tests", within="gates"))
    assert stream.getvalue() == "  passed  tests (2.0 s)\n  skipped never started  no tests\n"


def test_a_step_tells_its_time_where_it_took_some() -> None:
    """A step's line shows its time only if that is at least 0.05 seconds."""
    voice, stream = make_voice()
    voice.step_ended(Row("a", "done", 0.04))
    voice.step_ended(Row("b", "done", 1.26, "detail"))
    assert stream.getvalue() == "done    a\ndone    b (1.3 s)  detail\n"


def test_the_table_shows_steps_sessions_and_goals() -> None:
    """The table shows steps, sessions indented below them, and a list of what would leave the machine."""
    voice, stream = make_voice(terminal=True)
    rows = [Row("gates", "done", 2.0, "2 passed"), Row("tests", "passed", within="gates")]
    goals = {"pushes": ["main → origin"], "uploads": ["a.whl → PyPI"], "elsewhere": ["cp312-win_amd64"]}
    voice.table(Report("Title", rehearsal=True, rows=rows, **goals))  # type: ignore[arg-type]
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert any(line.startswith("gates") and line.endswith("2 passed") for line in lines)
    assert any(line.startswith("  tests") for line in lines)
    assert {"would push  main → origin", "would upload  a.whl → PyPI"} <= set(lines)
    assert lines[lines.index("Wheels that a workflow builds, not tested here:") + 1] == "  cp312-win_amd64"


def test_what_lines_have_told_is_not_told_again() -> None:
    """Without a terminal, the summary adds only what no line has shown, such as reused sessions and missed steps."""
    voice, stream = make_voice()
    rows = [Row("gates", "done", 2.0), Row("tests", "passed", 1.0, within="gates"), Row("push", "not reached")]
    rows.append(Row("audit", "reused", 3.0, within="gates"))
    voice.session_ended(rows[1])
    voice.step_ended(rows[0])
    stream.truncate(0)
    stream.seek(0)
    voice.table(Report("Title", rows=rows))
    assert stream.getvalue() == "\nTitle\n  reused  audit (3.0 s)\nnot reached: push\n\n"


def test_a_second_table_tells_what_is_new() -> None:
    """A second table, as after a question, shows only what is new since the first one."""
    voice, stream = make_voice(terminal=True)
    report = Report("Title", version="1", rows=[Row("bump", "done"), Row("push", "pending")], notes="- Faster.")
    voice.table(report)
    assert "- Faster." in stream.getvalue()
    stream.truncate(0)
    stream.seek(0)
    report.rows[1].status, report.pushes = "done", ["main → origin"]
    voice.table(report)
    said = stream.getvalue()
    assert "push " in said
    assert "pushed  main → origin" in said
    assert "bump" not in said
    assert "Faster" not in said


def test_a_terminal_gets_a_board_that_goes_away() -> None:
    """In a terminal, a board shows running and ended steps, and leaves no line behind."""
    voice, stream = make_voice(terminal=True, width=80)
    voice.step_started("bump", "version")
    voice.step_ended(Row("bump", "done", 0.5, "1.0 → 1.1"))
    voice.step_started("gates", "in parallel")
    voice.session_started("tests")
    voice.session_started("lint")
    voice.session_ended(Row("lint", "failed", 0.4, "E501", within="gates"))
    assert voice._board is not None
    assert voice._board.shown()
    drawn = io.StringIO()
    Console(file=drawn, width=80).print(voice._board._drawn())
    lines = [re.sub(r"\d+\.\d s", "N s", line).rstrip() for line in drawn.getvalue().splitlines()]
    assert lines == [
        "done     bump                        N s  1.0 → 1.1",
        "running  gates                       N s  1 failed",
        "  failed   lint                      N s  E501",
        "  running  tests                     N s",
    ]
    voice.end()
    assert not voice._board.shown()
    stream.truncate(0)
    stream.seek(0)
    voice.end()
    assert stream.getvalue() == ""


def test_a_board_fits_the_terminal() -> None:
    """The board cuts long lines, shows only some of many sessions, and removes escape sequences."""
    board = Board(Console(file=io.StringIO(), width=80))
    board.step_started("gates", "what")
    for number in range(20):
        board.session_started(f"tests-{number}\x1b[2J" + "x" * 100)
    board.hide()
    drawn = io.StringIO()
    Console(file=drawn, width=80).print(board._drawn())
    lines = drawn.getvalue().splitlines()
    assert len(lines) == 10
    assert max(map(len, lines)) == 80
    assert lines[-1] == "  and 12 more"
    assert "\x1b" not in drawn.getvalue()


def test_the_board_comes_back_after_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """The board is hidden while the user answers a question, and shown again if it was shown before."""
    voice, _ = make_voice(terminal=True)
    board = voice._board
    assert board is not None

    def answer(_: str) -> str:
        assert not board.shown()
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    assert voice.ask("Go on?") == "y"
    assert not board.shown()
    voice.step_started("push", "what")
    assert voice.ask("Go on?") == "y"
    assert board.shown()
    voice.end()


@pytest.mark.parametrize("dumb", [True, False])
def test_what_cannot_draw_gets_lines(monkeypatch: pytest.MonkeyPatch, dumb: bool) -> None:
    """A dumb terminal or a file gets plain lines without escape sequences."""
    monkeypatch.setenv("TERM", "dumb" if dumb else "xterm")
    voice, stream = make_voice(terminal=dumb)
    voice.step_started("bump", "what")
    voice.step_ended(Row("bump", "done", 1.0))
    voice.end()
    assert stream.getvalue() == "done    bump (1.0 s)\n"


def test_what_goes_out_is_shown_cut_short() -> None:
    """Commits and release notes are shown before what is pushed, and long ones are shortened."""
    voice, stream = make_voice()
    commits = [f"{number:07} Change {number}" for number in range(30)]
    notes = "\n".join(["### Fixed", "", *(f"- {number}" for number in range(50)), "x" * 500])
    facts = {"remote": "origin", "version": "1.2.4", "commits": commits, "commit_count": 250, "notes": notes}
    voice.table(Report("Title", pushes=["main → origin"], **facts))  # type: ignore[arg-type] # each has its own
    lines = stream.getvalue().splitlines()
    first = lines.index("commits new to origin:")
    assert lines[first + 1 : first + 3] == ["  0000000 Change 0", "  0000001 Change 1"]
    assert lines[first + 21 : first + 23] == ["  ... and 230 more", "notes of 1.2.4:"]
    assert lines[first + 23 : first + 26] == ["  ### Fixed", "", "  - 0"]
    assert lines[first + 63 : first + 65] == ["  ... and 13 more", "pushed  main → origin"]
    voice, stream = make_voice()
    voice.table(Report("Title", version="1", notes="x" * 500))
    assert f"  {'x' * 160}...\n" in stream.getvalue()
    assert "commits" not in stream.getvalue()
