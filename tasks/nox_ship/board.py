"""Running steps and sessions with their times, redrawn on a terminal while they run, and removed at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from nox_ship.printable import printable
from nox_ship.report import Row

COLOURS = {
    "done": "green",
    "passed": "green",
    "reused": "cyan",
    "running": "bold",
    "skipped": "yellow",
    "pending": "yellow",
    "declined": "yellow",
    "interrupted": "yellow",
    "failed": "red",
}
_LINES = 8
"""How many sessions are shown at once."""


@dataclass
class _Running:
    """Something that runs: a step or a session."""

    name: str
    what: str = ""
    begun: float = field(default_factory=time.monotonic)


class Board:
    """The finished steps, the running one, and its sessions."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._done: list[Row] = []
        self._step: _Running | None = None
        self._sessions: dict[str, _Running] = {}
        self._ended: list[Row] = []

    def shown(self) -> bool:
        """Whether it is displayed."""
        return self._live is not None

    def step_started(self, name: str, what: str) -> None:
        """Show that a step runs."""
        self._step, self._sessions, self._ended = _Running(name, what), {}, []
        self.show()

    def step_ended(self, row: Row) -> None:
        """Show that a step ended."""
        self._step = None
        self._done.append(row)

    def session_started(self, name: str) -> None:
        """Show that a session runs."""
        self._sessions[name] = _Running(name)

    def session_ended(self, row: Row) -> None:
        """Show that a session ended."""
        self._sessions.pop(row.name, None)
        self._ended.append(row)

    def show(self) -> None:
        """Display it."""
        if self._live is None:
            self._live = Live(console=self._console, get_renderable=self._drawn, transient=True)
            self._live.start()

    def hide(self) -> None:
        """Remove it, along with the finished steps: a table may show them by now."""
        live, self._live = self._live, None
        self._done.clear()
        if live:
            live.stop()

    def _drawn(self) -> Group:
        lines = [self._line(row.status, row.name, row.seconds, row.detail) for row in self._done]
        return Group(*lines, *self._of_step())

    def _of_step(self) -> Iterator[Text]:
        if self._step is None:
            return
        counted = Counter(row.status for row in self._ended)
        order = ("passed", "skipped", "failed", "not reached")
        told = ", ".join(f"{counted[status]} {status}" for status in order if counted[status]) or self._step.what
        now = time.monotonic()
        yield self._line("running", self._step.name, now - self._step.begun, told)
        for row in self._ended:
            if row.status == "failed":
                yield self._line("failed", row.name, row.seconds, row.detail, indent="  ")
        running = list(self._sessions.values())
        for one in running[:_LINES]:
            yield self._line("running", one.name, now - one.begun, indent="  ")
        if len(running) > _LINES:
            yield Text(f"  and {len(running) - _LINES} more")

    def _line(self, status: str, name: str, seconds: float, what: str = "", indent: str = "") -> Text:
        """Return one line, cut so that the terminal does not wrap it."""
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{indent}{status:8}", COLOURS.get(status, "default"))
        line.append(f" {printable(name, lines=False):{24 - len(indent)}} {seconds:6.1f} s")
        line.append(f"  {printable(what, lines=False)}", "dim")
        return line
