"""What a user reads on a terminal: progress while a release runs, and a table at its end."""

from __future__ import annotations

import codecs
import getpass
import io
import os
import re
import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from nox_ship.board import COLOURS, Board
from nox_ship.errors import Finding
from nox_ship.printable import printable
from nox_ship.report import ELSEWHERE, Report, Row

_WORTH_TELLING_SECONDS = 0.05
_WIDTH_WITHOUT_TERMINAL = 120
_MOST_COMMITS, _MOST_LINES, _MOST_CHANGES, _MOST_COLUMNS = 20, 40, 10, 160
"""How much is shown of commits, changelog and changes."""
_SIGNS = "→…━┃│┼"
"""The characters that boards and tables are drawn with."""
_SPELLED = {"→": "->", "…": "..."}
_SPELLING = "nox-ship"
"""The name of the error handler for characters that an encoding lacks."""
_WORD = re.compile(r"(?:[^\s`]|`[^`\n]*`|`)+")
"""A word; a command between backticks counts as one, so that it can be copied whole."""
_LEVELS = {"error": "red", "warning": "yellow", "notice": "cyan"}


def _shown(text: str) -> str:
    """Return ``text`` for the console, escaped so that it is neither markup nor commands."""
    return escape(printable(text))


def _folded(text: str) -> str:
    """Return ``text`` for places where the console wraps lines: any line may look like the start of a command."""
    return re.sub(":(?=:)", ": ", _shown(text))


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Return a replacement for characters that an encoding lacks, and where to continue."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = (_SPELLED.get(char, char) for char in error.object[error.start : error.end])
    return "".join(lacking).encode("ascii", "backslashreplace").decode(), error.end


def _broken(text: str, width: int, first: int = 0, indent: int = 0) -> str:
    """Break a text between words into lines that fit, as far as its words allow.

    Args:
        text: The text.
        width: The width of a line, in terminal cells.
        first: How much of the first line is already used.
        indent: The indentation of further lines.
    """
    if first + cell_len(text) <= width:
        return text
    lines, start, end, taken = [], 0, 0, first
    for word in _WORD.finditer(text):
        if end and taken + cell_len(text[start : word.end()]) > width:
            lines.append(text[start:end])
            start, taken = word.start(), indent
        end = word.end()
    return f"\n{' ' * indent}".join([*lines, text[start:]])


def fitted(text: str, first: int) -> str:
    """Return a text for another program to print, broken between words if standard output is a terminal.

    Args:
        text: The text.
        first: How much of the first line that program uses.
    """
    return _broken(text, _console().width, first) if sys.stdout.isatty() else text


def _draws(console: Console) -> bool:
    """Whether a board can be drawn: the terminal must support escape sequences and the characters."""
    if not console.is_terminal or console.is_dumb_terminal or console.legacy_windows:
        return False
    try:
        return bool(_SIGNS.encode(console.encoding))
    except (UnicodeEncodeError, LookupError):
        return False


def _console() -> Console:
    """Return a console on standard output, wide enough for the table if the width is unknown.

    Characters that its encoding lacks, as in a Windows code page, are spelled out instead of causing an error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        codecs.register_error(_SPELLING, _spelled)
        sys.stdout.reconfigure(errors=_SPELLING)
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return Console(file=sys.stdout, highlight=False, emoji=False, soft_wrap=True, width=width)


class Voice:
    """Tells the user what is going on: on a terminal with a board of what runs, elsewhere with a line for each event.

    Nothing is shown twice: on a terminal a table shows how steps and sessions ended, elsewhere their lines have already
    done so.
    """

    def __init__(self, *, verbose: bool = False, console: Console | None = None) -> None:
        self.console = console or _console()
        self.verbose = verbose
        self._board = Board(self.console) if _draws(self.console) else None
        self._told: set[tuple[str | None, ...]] = set()

    def step_started(self, name: str, what: str) -> None:
        """Show that a step begins."""
        if self._board:
            self._board.step_started(name, what)

    def step_ended(self, row: Row) -> None:
        """Show how a step ended."""
        if self._board:
            self._board.step_ended(row)
        else:
            self._line(row)

    def session_started(self, name: str) -> None:
        """Show that a session begins."""
        if self._board:
            self._board.session_started(name)

    def session_ended(self, row: Row) -> None:
        """Show how a session ended."""
        if self._board:
            self._board.session_ended(row)
        else:
            self._line(row)

    def echo(self, line: str) -> None:
        """Show a line of a tool's output, if the user asked for it."""
        if self.verbose:
            self.console.print(_shown(line))

    def note(self, text: str) -> None:
        """Show a detail of the running step."""
        self._tell("  ", text, indent=2, style="dim")

    def fact(self, name: str, value: str, colour: str = "cyan") -> None:
        """Show a name and its value."""
        self._tell(f"{name:16} ", value, colour, indent=17)

    def examined(self, status: str, check: str, text: str) -> None:
        """Show the result of a check."""
        colour = _LEVELS.get(status, "green")
        self._tell(f"{status:8} ", f"{check:12} {text}", colour, indent=22)

    def text(self, text: str) -> None:
        """Show text unchanged."""
        self.console.print(_shown(text), soft_wrap=True)

    def finding(self, finding: Finding) -> None:
        """Show a finding: the tool's output first, then the finding itself in one line."""
        colour = _LEVELS[finding.level]
        if finding.detail:
            self.console.print(_shown(finding.detail.rstrip()))
        self._tell(finding.level, f": {finding}", colour)

    def warning(self, line: str) -> None:
        """Show a session's finding that stopped nothing."""
        self._tell("warning", f": {line}", _LEVELS["warning"])

    def ask(self, question: str, secret: bool = False) -> str:
        """Ask the user, and return the answer, which may be empty. Secrets are not echoed."""
        hidden = self._board if self._board and self._board.shown() else None
        self.end()
        try:
            return getpass.getpass(printable(question)) if secret else input(printable(question))
        except (EOFError, KeyboardInterrupt):
            return ""
        finally:
            if hidden:
                hidden.show()

    def end(self) -> None:
        """Remove everything that is still shown as running."""
        if self._board:
            self._board.hide()

    def _line(self, row: Row) -> None:
        colour = COLOURS.get(row.status, "white")
        seconds = f" ({row.seconds:.1f} s)" if row.seconds >= _WORTH_TELLING_SECONDS else ""
        detail = f"  {_shown(row.detail)}" if row.detail else ""
        indent = "  " if row.within else ""
        self.console.print(f"{indent}[{colour}]{row.status:7}[/{colour}] {_shown(row.name)}{seconds}{detail}")
        self._is_news(row.within, row.name, row.status)

    def _is_news(self, *what: str | None) -> bool:
        """Whether something was not shown yet; from now on it was."""
        news = what not in self._told
        self._told.add(what)
        return news

    def table(self, report: Report) -> None:
        """Show what was not shown yet about a run: its steps and sessions, and what goes where."""
        rows = [row for row in report.rows if self._is_news(row.within, row.name, row.status)]
        self.console.print()
        if self._board:
            self._rows(report.title, rows)
        else:
            self._lines(report.title, rows)
        if report.credentials and not report.rehearsal and self._is_news("credentials"):
            self._tell("credentials  ", report.credentials)
        if report.commits and self._is_news("commits", *report.commits):
            self._contents(f"commits new to {report.remote}", report.commits, report.commit_count, _MOST_COMMITS)
        if report.notes and self._is_news("notes", report.notes):
            lines = report.notes.splitlines()
            self._contents(f"notes of {report.version}", lines, len(lines), _MOST_LINES)
        if report.elsewhere and self._is_news("elsewhere", *report.elsewhere):
            self._contents(ELSEWHERE, report.elsewhere, len(report.elsewhere), _MOST_LINES)
        if self._is_news("changes", report.since):
            self.changes(report)
        for verb, line in report.deliveries:
            if self._is_news(verb, line):
                self._tell(f"{verb}  ", line)
        self.console.print()

    def _lines(self, title: str, rows: Sequence[Row]) -> None:
        self.console.print(f"[bold]{_shown(title)}[/bold]")
        left = [row for row in rows if row.status == "not reached" and not row.within]
        for row in rows:
            if row not in left:
                self._line(row)
        if left:
            self.console.print(f"not reached: {_shown(', '.join(row.name for row in left))}")

    def _rows(self, title: str, rows: Sequence[Row]) -> None:
        table = Table(title=_folded(title), title_justify="left", show_edge=False, pad_edge=False)
        for column in ("step", "result", "seconds", "what"):
            table.add_column(column, justify="right" if column == "seconds" else "left", overflow="fold")
        for row in rows:
            colour = COLOURS.get(row.status, "white")
            name = f"  {row.name}" if row.within else row.name
            seconds = f"{row.seconds:.1f}" if row.seconds else ""
            table.add_row(_folded(name), f"[{colour}]{row.status}[/{colour}]", seconds, _shown(row.detail))
        self.console.print(table)

    def changes(self, report: Report) -> None:
        """Show what changed since the last release, and what is unusual about it."""
        if report.since:
            lines = report.changes or ["nothing but the version"]
            self._contents(f"changed since {report.since}", lines, len(lines), _MOST_CHANGES)
        for line in report.unusual:
            self.warning(line)

    def _contents(self, name: str, lines: Sequence[str], count: int, most: int) -> None:
        """Show what goes out, shortened."""
        self.console.print(f"{_shown(name)}:")
        for line in lines[:most]:
            cut = line if len(line) <= _MOST_COLUMNS else f"{line[:_MOST_COLUMNS]}..."
            self.console.print(f"  {_shown(cut)}".rstrip())
        if count > most:
            self.console.print(f"  ... and {count - most} more")

    def last_line(self, text: str) -> None:
        """Show the last sentence of the run."""
        self._tell("", text, style="bold", indent=0)

    def _tell(self, head: str, text: str, colour: str = "", *, indent: int = 2, style: str = "") -> None:
        """Show a line: on a terminal broken between words to fit it, elsewhere whole, so that it can be searched.

        Args:
            head: Its beginning, in a colour.
            text: The rest.
            colour: The colour.
            indent: The indentation of further lines.
            style: The style of the rest.
        """
        head, text = printable(head), printable(text)
        if self.console.is_terminal:
            text = _broken(text, self.console.width, cell_len(head), indent)
        self.console.print(Text.assemble((head, colour), (text, style)))
