"""Consoles with limits: encodings without some characters, no escape sequences, 80 columns."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from rich.console import Console

from nox_ship.errors import Finding
from nox_ship.report import Report, Row
from nox_ship.terminal import Voice, fitted

LONG = Finding(
    "NS000",
    "x",
    "Whether a thing is there is not known, because nobody has been asked for as long as anybody can remember.",
    "Run `nox -s release -- patch --without lint --fresh`; https://example.invalid/" + "a" * 90,
)


class Stream(io.TextIOWrapper):
    """Standard output with a given encoding, to a terminal or not."""

    def __init__(self, encoding: str, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict", write_through=True)
        self.isatty = lambda: terminal  # type: ignore[method-assign]

    @property
    def said(self) -> str:
        """All the text that was written."""
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stream]:
    """Return a function that replaces standard output by such a stream; a terminal has 80 columns."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")

    def made(encoding: str = "utf-8", *, terminal: bool = True) -> Stream:
        there = Stream(encoding, terminal=terminal)
        monkeypatch.setattr(sys, "stdout", there)
        return there

    return made


def tell_everything() -> None:
    """Print a release that uses symbols and a script that few encodings have."""
    voice = Voice()
    voice.step_started("bump", "version")
    voice.step_ended(Row("bump", "done", 0.5, "1.0 → 1.1"))
    voice.note("日本 …")
    voice.finding(Finding("NS000", "x", "main → ü", "", detail="✓ 日本"))
    voice.end()
    voice.table(Report("Title", rows=[Row("gates", "done", 2.0, "1.0 → 1.1")], pushes=["main → origin"]))
    voice.last_line("Done → ✓")


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    ("encoding", "arrow", "dots"),
    [("cp1252", "->", "…"), ("cp437", "->", "..."), ("ascii", "->", "..."), ("utf-8", "→", "…")],
)
def test_what_an_encoding_lacks_is_spelled(
    stream: Callable[..., Stream], encoding: str, arrow: str, dots: str, terminal: bool
) -> None:
    """Symbols that the output's encoding lacks are spelled in ASCII, and other characters are escaped."""
    there = stream(encoding, terminal=terminal)
    tell_everything()
    assert f"1.0 {arrow} 1.1" in there.said
    assert f"pushed  main {arrow} origin" in there.said
    assert ("日本" if encoding == "utf-8" else "\\u65e5\\u672c") + f" {dots}" in there.said


@pytest.mark.parametrize(
    ("encoding", "drawn"), [("cp1252", False), ("cp437", False), ("ascii", False), ("utf-8", True)]
)
def test_a_terminal_that_lacks_the_signs_gets_lines(stream: Callable[..., Stream], encoding: str, drawn: bool) -> None:
    """If the encoding lacks the symbols, a terminal gets one line for each event instead of the board."""
    there = stream(encoding)
    tell_everything()
    assert ("\x1b[?25l" in there.said) == drawn
    assert bool(re.search(r"done   .{0,9} bump \(0\.5 s\)", there.said)) != drawn


def test_a_console_that_obeys_no_escape_sequences_gets_lines() -> None:
    """The console of an old Windows gets no board, as it does not support escape sequences."""
    options = {"file": io.StringIO(), "force_terminal": True, "width": 80}
    assert Voice(console=Console(**options, legacy_windows=False))._board  # type: ignore[arg-type]
    assert Voice(console=Console(**options, legacy_windows=True))._board is None  # type: ignore[arg-type]


def test_no_colour_is_no_colour(stream: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch) -> None:
    """`NO_COLOR` removes the colours, but keeps the board."""
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;)")
    there = stream()
    tell_everything()
    assert colour.search(there.said)
    monkeypatch.setenv("NO_COLOR", "1")
    there = stream()
    tell_everything()
    assert not colour.search(there.said)
    assert "\x1b[?25l" in there.said


@pytest.mark.parametrize(
    "tell",
    [
        lambda voice: voice.finding(LONG),
        lambda voice: voice.warning(str(LONG)),
        lambda voice: voice.note(str(LONG)),
        lambda voice: voice.last_line(str(LONG)),
        lambda voice: voice.fact("a name", str(LONG)),
        lambda voice: voice.examined("warning", "check", str(LONG)),
        lambda voice: voice.table(Report("Title", pushes=[str(LONG)])),
    ],
)
def test_a_terminal_breaks_between_words(stream: Callable[..., Stream], tell: Callable[[Voice], object]) -> None:
    """A terminal's lines break between words, and never inside a command; other output is not broken."""
    there = stream()
    tell(Voice())
    lines = re.sub(r"\x1b\[[0-9;]*m", "", there.said).splitlines()
    words = str(LONG).split()
    assert [word for line in lines for word in line.split()][-len(words) :] == words
    assert "`nox -s release -- patch --without lint --fresh`;" in "\n".join(lines)
    assert [line.strip() for line in lines if cell_len(line) > 80] == words[-1:]
    there = stream(terminal=False)
    tell(Voice())
    assert str(LONG) in there.said


def test_wide_characters_count_twice(stream: Callable[..., Stream]) -> None:
    """A wide character counts as two columns."""
    there = stream()
    Voice().last_line(" ".join(["日本"] * 40))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", there.said).splitlines()
    assert max(map(cell_len, lines)) in range(76, 81)


def test_the_line_that_nox_ends_with_fits_a_terminal(stream: Callable[..., Stream]) -> None:
    """The message for nox's last line leaves room on its first line for the text that nox puts there."""
    stream(terminal=False)
    assert fitted(str(LONG), 30) == str(LONG)
    stream()
    first, *more = fitted(str(LONG), 30).splitlines()
    assert len(first) <= 50
    assert " ".join([first, *more]) == str(LONG)
