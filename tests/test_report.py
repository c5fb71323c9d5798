from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from nox_ship.errors import Finding
from nox_ship.report import Report, Row, Voice


def make_voice(*, verbose: bool = False) -> tuple[Voice, io.StringIO]:
    """Return a voice that speaks into a text, as where there is no terminal."""
    stream = io.StringIO()
    console = Console(file=stream, highlight=False, soft_wrap=True, width=200)
    return Voice(verbose=verbose, console=console), stream


def test_a_report_is_written_as_json(tmp_path: Path) -> None:
    """It holds everything, and no partial file is left."""
    report = Report("Title", passed=True, rows=[Row("tests", "passed", 1.5, "ä", within="gates")])
    path = tmp_path / "new" / "report.json"
    report.write(path)
    written = json.loads(path.read_text("utf-8"))
    assert (written["schema"], written["title"], written["passed"]) == (1, "Title", True)
    assert written["rows"] == [{"name": "tests", "status": "passed", "seconds": 1.5, "detail": "ä", "within": "gates"}]
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def test_steps_that_were_not_reached_are_told_from_sessions() -> None:
    """Sessions within the gates are no steps."""
    rows = [Row("stage", "done"), Row("a", "not reached", within="gates"), Row("push", "not reached")]
    assert Report("x", rows=rows).steps_not_reached() == ["push"]


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[/]", "[red", "a[0]", "C:\\[x]\\", "param[1-2]", "[link=x]y"])
def test_what_looks_like_markup_is_shown_as_it_is(text: str) -> None:
    """Brackets in names and output are no commands."""
    voice, stream = make_voice(verbose=True)
    voice.echo(text)
    voice.note(text)
    voice.last_line(text)
    voice.step_ended(Row(text, "done", detail=text))
    voice.session_ended(text, "success")
    voice.finding(Finding("NS000", "x", text, text, detail=text))
    voice.table(Report(text, rows=[Row(text, "done", 0, text)], pushes=[text], uploads=[text], notes=text))
    assert stream.getvalue().count(text) == 15


@pytest.mark.parametrize("text", ["tests/a.py:x:1", "a:on:b", ":warning:", "user:key:value"])
def test_what_looks_like_an_emoji_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Output of tools is full of colons."""
    Voice().finding(Finding("NS000", "x", text, "", detail=text))
    assert capsys.readouterr().out.count(text) == 2


def test_a_finding_ends_with_the_line_that_counts() -> None:
    """The tool's output comes first."""
    voice, stream = make_voice()
    voice.finding(Finding("NS000", "x", "What.", "Remedy.", "warning", "out\nput\n"))
    assert stream.getvalue() == "out\nput\nwarning: NS000 x: What. Remedy.\n"


def test_long_lines_are_not_broken() -> None:
    """A line can be searched for, and copied."""
    voice, stream = make_voice()
    voice.note("word " * 100)
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize(("verbose", "shown"), [(True, "line\n"), (False, "")])
def test_output_of_passing_tools_is_shown_on_request(verbose: bool, shown: str) -> None:
    """`--verbose` shows it."""
    voice, stream = make_voice(verbose=verbose)
    voice.echo("line")
    assert stream.getvalue() == shown


@pytest.mark.parametrize(
    ("status", "word"), [("success", "passed"), ("aborted", "stopped"), ("failed", "failed"), ("skipped", "skipped")]
)
def test_noxs_words_are_translated(status: str, word: str) -> None:
    """A session passes or fails; one that never started can end too."""
    voice, stream = make_voice()
    voice.session_started("tests")
    voice.session_ended("tests", status)
    voice.session_ended("never started", status)
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == [word, word]


def test_a_step_tells_its_time_where_it_took_some() -> None:
    """A twentieth of a second is the least that is worth telling."""
    voice, stream = make_voice()
    voice.step_ended(Row("a", "done", 0.04))
    voice.step_ended(Row("b", "done", 1.26, "detail"))
    assert stream.getvalue() == "done    a\ndone    b (1.3 s)  detail\n"


def test_the_table_shows_steps_sessions_and_goals() -> None:
    """Sessions are indented, and what would leave the machine is listed."""
    voice, stream = make_voice()
    rows = [Row("gates", "done", 2.0, "2 passed"), Row("tests", "passed", within="gates")]
    voice.table(Report("Title", rehearsal=True, rows=rows, pushes=["main → origin"], uploads=["a.whl → PyPI"]))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert any(line.startswith("gates") and line.endswith("2 passed") for line in lines)
    assert any(line.startswith("  tests") for line in lines)
    assert {"would push  main → origin", "would upload  a.whl → PyPI"} <= set(lines)


def test_a_terminal_gets_a_spinner_that_ends() -> None:
    """Nothing is left running."""
    console = Console(file=io.StringIO(), force_terminal=True)
    voice = Voice(console=console)
    voice.step_started("gates", "what")
    voice.session_started("tests")
    voice.end()
    assert voice._status is not None
    assert not voice._status._live.is_started


def test_what_goes_out_is_shown_cut_short() -> None:
    """Commits and the changelog's text come before what is pushed; the report holds more than is shown."""
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
    stream.truncate(0)
    voice.table(Report("Title", version="1", notes="x" * 500))
    assert f"  {'x' * 160}...\n" in stream.getvalue()
    assert "commits" not in stream.getvalue()
