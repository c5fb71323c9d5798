"""Asking GitHub the same question repeatedly, as often as its limits allow, for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nox_ship.errors import ShipError
from nox_ship.world.github import FORGE_UNREACHABLE, LIMITED, GitHubApi

T = TypeVar("T")

_SILENT = 600.0
"""Seconds for which there may be no answer."""
_PASSING = {FORGE_UNREACHABLE.id, LIMITED.id}
"""Errors after which an answer may still come later."""


@dataclass
class Polling:
    """Rounds of requests, with pauses in between."""

    api: GitHubApi
    longest: float
    """Seconds to wait in total."""
    requests: int
    """How many requests a round takes."""
    least: float = 10.0
    """Seconds to wait between two rounds, if GitHub's limits allow that many requests."""
    waited: float = 0.0
    silent: float = 0.0
    """Seconds without an answer."""

    def ask(self, question: Callable[[], T]) -> T | None:
        """Return the answer to a question; None if there is none, but may be later.

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
        """Wait until the next round; return False if there is no time for one."""
        if self.waited >= self.longest:
            return False
        pause = min(self.api.allowance.pause(self.requests, self.least), self.longest - self.waited)
        self.api.sleep(pause)
        self.waited += pause
        self.silent += pause
        return True
