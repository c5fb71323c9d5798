"""What a person and a machine read afterwards: progress while it runs, one table at the end, and JSON."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nox_ship import naming
from nox_ship.addresses import uncoloured, without_passwords
from nox_ship.errors import Finding
from nox_ship.files import write_whole
from nox_ship.printable import printable

SCHEMA = 1
"""Version of the JSON report's form."""

_COLOURS = {
    "done": "green",
    "passed": "green",
    "reused": "cyan",
    "skipped": "yellow",
    "pending": "yellow",
    "declined": "yellow",
    "interrupted": "yellow",
    "stopped": "red",
    "failed": "red",
}
_WORTH_TELLING_SECONDS = 0.05
_WIDTH_WITHOUT_TERMINAL = 120
_MOST_COMMITS, _MOST_LINES, _MOST_CHANGES, _MOST_COLUMNS = 20, 40, 10, 160
"""How much is shown of the commits, the changelog and what changed."""
_LEVELS = {"error": "red", "warning": "yellow", "notice": "cyan"}


@dataclass
class Row:
    """One line of the table: a step, or a session within the gates."""

    name: str
    status: str
    """Of a step ``done``, ``pending`` while it runs or waits for an answer, ``declined`` where that was no,
    ``interrupted``, ``failed`` or ``not reached``."""
    seconds: float = 0.0
    detail: str = ""
    within: str | None = None
    """The step that a session belongs to."""


@dataclass
class Report:
    """Everything that is to be said about one run."""

    title: str
    rehearsal: bool = False
    """Whether it happened in a world of stand-ins."""
    passed: bool = False
    project: str = ""
    version: str = ""
    tag: str = ""
    commit: str = ""
    rows: list[Row] = field(default_factory=list)
    credentials: str = ""
    """Where the credentials of the upload come from; never a value."""
    workflow: str = ""
    """The workflow that publishes; empty where this machine does."""
    waits: bool = False
    """Whether it waits until somebody publishes a GitHub Release."""
    pushed: Literal["no", "yes", "unknown"] = "no"
    """Whether the remote has branch and tag."""
    changed: bool = False
    """Whether anything was missing, and done."""
    remote: str = ""
    """What the remote is called."""
    branch: str = ""
    """The branch that is released."""
    release_branch: str = ""
    """The branch that releases are made from; a rehearsal may be on another one."""
    arrived: list[str] = field(default_factory=list)
    """What is there by now, from this run or an earlier one: branch and tag on the remote, files on the index."""
    commits: list[str] = field(default_factory=list)
    """What the remote does not have of the release before the push, the newest first: short hash and subject."""
    commit_count: int = 0
    """How many there are; the list may be cut short."""
    notes: str = ""
    """The notes of the release: its section of the changelog, else the commits since the last one."""
    since: str = ""
    """The last release, and the index that has it; empty if there was no comparison."""
    changes: list[str] = field(default_factory=list)
    """What changed since then, one line per subject."""
    unusual: list[str] = field(default_factory=list)
    """What is unusual about it, one line each."""
    difference: dict[str, Any] = field(default_factory=dict)
    """The details of what changed."""
    pushes: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    announces: list[str] = field(default_factory=list)
    """The page on the forge: title, tag, kind and files."""
    findings: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What sessions warned of, one line each."""
    seconds: float = 0.0

    def steps_not_reached(self) -> list[str]:
        """Return the names of the steps that were not tried."""
        return [row.name for row in self.rows if row.within is None and row.status == "not reached"]

    def write(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{json.dumps({'schema': SCHEMA, **_blotted(asdict(self))}, indent=2)}\n")


def _blotted(value: Any) -> Any:
    """Return a JSON value with no password in any address that it holds."""
    if isinstance(value, str):
        return naming.spoken(without_passwords(uncoloured(value)))
    if isinstance(value, list):
        return [_blotted(item) for item in value]
    return {key: _blotted(item) for key, item in value.items()} if isinstance(value, dict) else value


# What a runner obeys where a line begins with it (`::add-mask::x`), or has it anywhere (`##[group]`, `##vso[...]`).
def _shown(text: str) -> str:
    """Return ``text`` for the console, which takes it for neither markup nor commands."""
    return escape(printable(text))


def _folded(text: str) -> str:
    """Return ``text`` for where the console breaks lines: each of them may become the beginning of a command."""
    return re.sub(":(?=:)", ": ", _shown(text))


def _console() -> Console:
    """Return a console on standard output; wide enough for the table where no terminal says how wide."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return Console(file=sys.stdout, highlight=False, emoji=False, soft_wrap=True, width=width)


class Voice:
    """Tells a person what is going on; on a terminal with a spinner, elsewhere with a line for each event."""

    def __init__(self, *, verbose: bool = False, console: Console | None = None) -> None:
        self.console = console or _console()
        self.verbose = verbose
        self._status = self.console.status("") if self.console.is_terminal else None
        self._running: list[str] = []

    def step_started(self, name: str, what: str) -> None:
        """Tell that a step begins."""
        if self._status:
            self._status.update(f"[bold]{_shown(name)}[/bold]: {_shown(what)}")
            self._status.start()

    def step_ended(self, row: Row) -> None:
        """Tell how a step ended."""
        if self._status:
            self._status.stop()
        self._line(row, indent="")

    def session_started(self, name: str) -> None:
        """Tell that a session begins."""
        self._running.append(name)
        self._show_running()

    def session_ended(self, name: str, status: str) -> None:
        """Tell how a session ended."""
        if name in self._running:
            self._running.remove(name)
        words = {"success": "passed", "aborted": "stopped"}.get(status, status)
        self._line(Row(name, words), indent="  ")
        self._show_running()

    def echo(self, line: str) -> None:
        """Show a line of a tool's output, if the user asked for it."""
        if self.verbose:
            self.console.print(_shown(line))

    def note(self, text: str) -> None:
        """Tell a detail of the step that runs."""
        self.console.print(f"  [dim]{_shown(text)}[/dim]")

    def fact(self, name: str, value: str, colour: str = "cyan") -> None:
        """Tell one thing by name and value."""
        self.console.print(f"[{colour}]{_shown(name):16}[/{colour}] {_shown(value)}")

    def examined(self, status: str, check: str, text: str) -> None:
        """Tell what an examination found."""
        colour = _LEVELS.get(status, "green")
        self.console.print(f"[{colour}]{status:8}[/{colour}] {_shown(check):12} {_shown(text)}")

    def text(self, text: str) -> None:
        """Show text as it is."""
        self.console.print(_shown(text), soft_wrap=True)

    def finding(self, finding: Finding) -> None:
        """Show a finding: the output of the tool first, then the one line that counts."""
        colour = _LEVELS[finding.level]
        if finding.detail:
            self.console.print(_shown(finding.detail.rstrip()))
        self.console.print(f"[{colour}]{finding.level}[/{colour}]: {_shown(str(finding))}")

    def warning(self, line: str) -> None:
        """Show a finding that a session told of and that stopped nothing."""
        self.console.print(f"[{_LEVELS['warning']}]warning[/{_LEVELS['warning']}]: {_shown(line)}")

    def ask(self, question: str, secret: bool = False) -> str:
        """Ask a person, and return the answer; no answer is an empty one. What is secret is not shown."""
        self.end()
        try:
            return getpass.getpass(printable(question)) if secret else input(printable(question))
        except (EOFError, KeyboardInterrupt):
            return ""

    def end(self) -> None:
        """Stop whatever is still shown as running."""
        if self._status:
            self._status.stop()

    def _show_running(self) -> None:
        if self._status and self._running:
            self._status.update(f"[bold]gates[/bold]: {_shown(', '.join(self._running))}")

    def _line(self, row: Row, indent: str) -> None:
        colour = _COLOURS.get(row.status, "white")
        seconds = f" ({row.seconds:.1f} s)" if row.seconds >= _WORTH_TELLING_SECONDS else ""
        detail = f"  {_shown(row.detail)}" if row.detail else ""
        self.console.print(f"{indent}[{colour}]{row.status:7}[/{colour}] {_shown(row.name)}{seconds}{detail}")

    def table(self, report: Report) -> None:
        """Show the table of a run: its steps, their times, and what goes where."""
        table = Table(title=_folded(report.title), title_justify="left", show_edge=False, pad_edge=False)
        for column in ("step", "result", "seconds", "what"):
            table.add_column(column, justify="right" if column == "seconds" else "left", overflow="fold")
        for row in report.rows:
            colour = _COLOURS.get(row.status, "white")
            name = f"  {row.name}" if row.within else row.name
            seconds = f"{row.seconds:.1f}" if row.seconds else ""
            table.add_row(_folded(name), f"[{colour}]{row.status}[/{colour}]", seconds, _shown(row.detail))
        self.console.print()
        self.console.print(table)
        if report.credentials and not report.rehearsal:
            self.console.print(f"credentials  {_shown(report.credentials)}")
        if report.commits:
            self._contents(f"commits new to {report.remote}", report.commits, report.commit_count, _MOST_COMMITS)
        if report.notes:
            lines = report.notes.splitlines()
            self._contents(f"notes of {report.version}", lines, len(lines), _MOST_LINES)
        self.changes(report)
        self._list("would push" if report.rehearsal else "pushed", report.pushes)
        published = "to be published" if report.workflow else "published"
        self._list("would upload" if report.rehearsal else published, report.uploads)
        self._list("would announce" if report.rehearsal else "announced", report.announces)
        self.console.print()

    def changes(self, report: Report) -> None:
        """Show what changed since the last release, and what is unusual about it."""
        if report.since:
            lines = report.changes or ["nothing but the version"]
            self._contents(f"changed since {report.since}", lines, len(lines), _MOST_CHANGES)
        for line in report.unusual:
            self.warning(line)

    def _contents(self, name: str, lines: Sequence[str], count: int, most: int) -> None:
        """Show what goes out, cut short."""
        self.console.print(f"{_shown(name)}:")
        for line in lines[:most]:
            cut = line if len(line) <= _MOST_COLUMNS else f"{line[:_MOST_COLUMNS]}..."
            self.console.print(f"  {_shown(cut)}".rstrip())
        if count > most:
            self.console.print(f"  ... and {count - most} more")

    def _list(self, verb: str, items: Iterable[str]) -> None:
        for item in items:
            self.console.print(f"{verb}  {_shown(item)}")

    def last_line(self, text: str) -> None:
        """Say the sentence that the run ends with."""
        self.console.print(f"[bold]{_shown(text)}[/bold]")
