"""The sessions of a loaded noxfile, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.gates.own import FURTHER, GATES, MEASURED, Decision

SESSION_TAKEN = Kind("NS812", "session-taken", "No action is needed: both work under their own names.", level="notice")
NOT_MEASURED = Kind(
    "NS841",
    "coverage-not-measured",
    "Let it measure into that folder (`COVERAGE_FILE=.nox-ship/coverage/data.NAME`, another NAME for each Python),"
    " or set `coverage.run` to a command that checks the threshold, or remove `coverage` from `gates` and `fail-under`"
    " from its settings.",
)
_MAY_BE_A_GATE = (
    "To make it a gate, let the tests measure there (`COVERAGE_FILE=.nox-ship/coverage/data.NAME`, another NAME for"
    " each Python); to silence this notice, set `gates`."
)
NOT_LAST = Kind(
    "NS842",
    "register-not-last",
    'Make `nox_ship.register()` the last line of noxfile.py, above `if __name__ == "__main__":`.',
)


@dataclass(frozen=True)
class Sessions:
    """The sessions of a loaded noxfile, and which of them are gates."""

    names: frozenset[str] = frozenset()
    """All of them, including those with a Python or parameters, such as ``tests-3.12``."""
    decision: Decision = field(default_factory=partial(Decision, GATES))
    late: tuple[str, ...] = ()
    """Sessions defined too late to count, below ``nox_ship.register()``."""

    def told(self, without: Collection[str] = ()) -> list[Finding]:
        """Return findings about them before anything runs; ``without`` are gates that are left out."""
        found = []
        if self.late:
            what = f"noxfile.py defines {shorten(self.late)} below `nox_ship.register()`, which does not see it."
            found.append(NOT_LAST(what))
        if self.decision.unmeasured and "coverage" not in without and not set(self.decision.tests) <= set(without):
            found.append(not_measured(self.decision))
        return found


def not_measured(decision: Decision) -> Finding:
    """Return the finding if the tests measure nothing for our coverage gate."""
    what = f"{shorten(decision.tests)} in the noxfile measures nothing into {MEASURED}"
    if "coverage" in decision.gates:
        return NOT_MEASURED(f"{what}, where the gate coverage looks for it.")
    return NOT_MEASURED(f"{what}, so coverage is not a gate.", remedy=_MAY_BE_A_GATE, level="notice")


def taken(decision: Decision) -> list[Finding]:
    """Return a notice for each session of ours with another name, because the project has one with the usual name."""
    what = "noxfile.py has its own session {0}, so that of nox-ship is called {1}."
    asked = {usual: name for usual, name in decision.names.items() if usual not in FURTHER or name in decision.gates}
    return [SESSION_TAKEN(what.format(usual, name)) for usual, name in asked.items()]
