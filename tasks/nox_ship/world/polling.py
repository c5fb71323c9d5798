"""Asking GitHub the same thing again and again, as often as it admits and no longer than wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nox_ship.errors import ShipError
from nox_ship.world.github import FORGE_UNREACHABLE, LIMITED, GitHubApi

T = TypeVar("T")

_SILENT = 600.0
"""Seconds for which it may give no answer."""
_PASSING = {FORGE_UNREACHABLE.id, LIMITED.id}
"""What is wrong with an answer that may come all the same, later."""


@dataclass
class Polling:
    """The rounds of questions, and the time between them."""

    api: GitHubApi
    longest: float
    """Seconds that may be waited in all."""
    requests: int
    """How many requests a round takes."""
    least: float = 10.0
    """Seconds to wait between two rounds, where GitHub takes as many requests as that makes."""
    waited: float = 0.0
    silent: float = 0.0
    """How much of that there was no answer."""

    def ask(self, question: Callable[[], T]) -> T | None:
        """Return the answer to a question; None where there is none, and there may be one later.

        Raises:
            ShipError: It is refused (NS781 to NS785), or there was no answer for a long time (NS780, NS783).
        """
        try:
            answer = question()
        except ShipError as error:
            if error.findings[0].id not in _PASSING or self.silent >= _SILENT:
                raise
            return None
        self.silent = 0.0
        return answer

    def rest(self) -> bool:
        """Wait until the next round; return False where there is no time for one."""
        if self.waited >= self.longest:
            return False
        pause = min(self.api.allowance.pause(self.requests, self.least), self.longest - self.waited)
        self.api.sleep(pause)
        self.waited += pause
        self.silent += pause
        return True
