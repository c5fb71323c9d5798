"""A release in progress, and its steps: each checks the state of the world, and does its part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from nox_ship.errors import Finding
from nox_ship.gates.noxfile import Sessions
from nox_ship.process import Standby
from nox_ship.release.comparison import Comparison
from nox_ship.release.planning import Plan, Request
from nox_ship.release.results import Bumped, Planned, Result, Staged, Tried
from nox_ship.release.stage import Stage, Workshop
from nox_ship.report import Report
from nox_ship.terminal import Voice
from nox_ship.world.world import World

R = TypeVar("R", bound=Result)


@dataclass
class Run:
    """A release in progress: the request, the world, and the results of the steps so far."""

    root: Path
    request: Request
    sessions: Sessions
    world: World
    workshop: Workshop
    voice: Voice
    report: Report
    confirm: Callable[[Run], None] = lambda _: None
    """Called before the push; raises if the user declines."""
    results: dict[type[Result], Result] = field(default_factory=dict)
    """The results of the steps, by type."""
    background: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    trial: Future[Tried] | None = None
    """The upload rehearsal, if it began while gates were running."""
    comparison: Comparison | None = None
    """The comparison with the last release, which is fetched while gates run."""
    runner: Standby | None = None
    """A process that was started in advance to become the runner of the sessions."""
    asked: Future[Sequence[Finding]] | None = None
    """The index's answer about the project's name; None once it is reported."""

    def take(self, result: Result) -> None:
        """Keep the result of a step for the steps that follow."""
        self.results[type(result)] = result

    def find(self, kind: type[R]) -> R | None:
        """Return the result of this type; None if its step is not done."""
        found = self.results.get(kind)
        return found if isinstance(found, kind) else None

    def of(self, kind: type[R]) -> R:
        """Return the result of this type, whose step is done."""
        found = self.find(kind)
        if found is None:
            raise AssertionError  # a step only begins once those before it are done
        return found

    @property
    def plan(self) -> Plan:
        """The planned release."""
        return self.of(Planned).plan

    @property
    def stage(self) -> Stage:
        """The clean clone that it is made in."""
        return self.of(Staged).stage

    @property
    def bumped(self) -> Bumped:
        """The commit and the tag."""
        return self.of(Bumped)

    @property
    def proposes(self) -> bool:
        """Whether it goes by a pull request; a release without a commit of its own has nothing to merge."""
        bumped = self.find(Bumped)
        return self.plan.delivery.proposes and (bumped is None or bumped.objects.commit != self.plan.head)

    @property
    def announces(self) -> bool:
        """Whether this machine creates the release's page on the forge."""
        forge = self.world.forge
        return not self.plan.workflow and forge is not None and forge.api.token is not None

    def settle(self) -> None:
        """Wait for open answers and report them, before anything is written.

        Raises:
            ShipError: The index does not allow the project's name (NS727).
        """
        asked, self.asked = self.asked, None
        for finding in asked.result() if asked else ():
            self.notify(finding)

    def notify(self, finding: Finding) -> None:
        """Report something that stops nothing."""
        self.report.findings.append(finding.as_dict())
        self.voice.finding(finding)


@dataclass(frozen=True)
class State:
    """The state of a step; finding it out changes nothing."""

    status: Literal["done", "missing", "conflicting", "unknown"]
    seen: Any
    """For a done step its `Result`; otherwise what was seen, with text that says why it is not done."""

    @classmethod
    def done(cls, result: Result) -> State:
        """Return that all of it is done."""
        return cls("done", result)

    @classmethod
    def missing(cls, seen: object) -> State:
        """Return that some of it is missing."""
        return cls("missing", seen)

    @classmethod
    def conflicting(cls, seen: object) -> State:
        """Return that something else is in its place."""
        return cls("conflicting", seen)

    @classmethod
    def unknown(cls, why: object) -> State:
        """Return that it cannot be determined."""
        return cls("unknown", why)


@dataclass(frozen=True)
class Step:
    """A named step of the release."""

    name: str
    what: str
    probe: Callable[[Run], State]
    """Returns the step's state; changes nothing."""
    do: Callable[[Run, State], Result]
    """Does what is missing; it is given the state, so that nothing is asked twice."""
    always: bool = False
    """Whether it also runs if it is done, since what it proves may have changed."""
