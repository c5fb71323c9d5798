"""A release on its way, and what each of its steps is: something to ask the world, and something to do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from nox_ship.errors import Finding
from nox_ship.gates.noxfile import Sessions
from nox_ship.process import Standby
from nox_ship.release.comparison import Comparison
from nox_ship.release.gates import RUNNER_MODULES
from nox_ship.release.planning import Plan, Request
from nox_ship.release.results import Bumped, Planned, Result, Staged, Tried
from nox_ship.release.stage import Stage, Workshop
from nox_ship.report import Report
from nox_ship.terminal import Voice
from nox_ship.world.world import World

R = TypeVar("R", bound=Result)


@dataclass
class Run:
    """One release on its way: what it was asked, where it happens, and what its steps came to so far."""

    root: Path
    request: Request
    sessions: Sessions
    world: World
    workshop: Workshop
    voice: Voice
    report: Report
    confirm: Callable[[Run], None] = lambda _: None
    """Asked before the push; raises where it is not to be."""
    results: dict[type[Result], Result] = field(default_factory=dict)
    """What each step came to, by its kind."""
    background: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    trial: Future[Tried] | None = None
    """The upload rehearsal, where it was begun while gates still ran."""
    comparison: Comparison | None = None
    """The comparison with the last release, which is fetched while gates still run."""
    runner: Standby = field(default_factory=lambda: Standby(*RUNNER_MODULES))
    """What becomes the runner of the sessions, begun while the release is still being checked."""

    def take(self, result: Result) -> None:
        """Take what a step came to, for the steps that follow."""
        self.results[type(result)] = result

    def find(self, kind: type[R]) -> R | None:
        """Return what the step with such results came to; None where it is not done."""
        found = self.results.get(kind)
        return found if isinstance(found, kind) else None

    def of(self, kind: type[R]) -> R:
        """Return what the step with such results came to, which is done."""
        found = self.find(kind)
        if found is None:
            raise AssertionError  # a step is begun once those before it are done
        return found

    @property
    def plan(self) -> Plan:
        """What is to be released."""
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
        """Whether it goes by a pull request; one that needs no commit of its own has nothing that could be merged."""
        bumped = self.find(Bumped)
        return self.plan.delivery.proposes and (bumped is None or bumped.objects.commit != self.plan.head)

    @property
    def announces(self) -> bool:
        """Whether the release gets its page on the forge from here."""
        forge = self.world.forge
        return not self.plan.workflow and forge is not None and forge.api.token is not None

    def notify(self, finding: Finding) -> None:
        """Tell of something that stops nothing."""
        self.report.findings.append(finding.as_dict())
        self.voice.finding(finding)


@dataclass(frozen=True)
class State:
    """What the world has of a step: what was asked changes nothing there."""

    status: Literal["done", "missing", "conflicting", "unknown"]
    seen: Any
    """Of what is done the `Result`; else what was seen instead, whose text says why."""

    @classmethod
    def done(cls, result: Result) -> State:
        """Return that all of it is there."""
        return cls("done", result)

    @classmethod
    def missing(cls, seen: object) -> State:
        """Return that some of it is not there."""
        return cls("missing", seen)

    @classmethod
    def conflicting(cls, seen: object) -> State:
        """Return that something else is there."""
        return cls("conflicting", seen)

    @classmethod
    def unknown(cls, why: object) -> State:
        """Return that it cannot be told."""
        return cls("unknown", why)


@dataclass(frozen=True)
class Step:
    """A named part of the release."""

    name: str
    what: str
    probe: Callable[[Run], State]
    """Asks what of it is done; changes nothing."""
    do: Callable[[Run, State], Result]
    """Does what is missing, told what was seen, so that nothing is asked twice."""
    always: bool = False
    """Whether it is also done where its work is there: what it proves may have changed since."""
