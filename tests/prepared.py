"""Slow fixtures that many tests use: made once for each process, and restored in place for each test.

They are restored in place because git and our own records store absolute paths.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fakes import PROBLEM, FakeGates, Programs, Yard, make_yard
from nox_ship import process
from nox_ship.conversation import Conversation
from nox_ship.errors import ShipError
from nox_ship.release import gates
from nox_ship.release.pipeline import STEPS, run_pipeline
from nox_ship.release.publication import Note, silent
from nox_ship.release.results import Result, Tried
from nox_ship.release.run import Run, Step
from nox_ship.report import Report
from support import lay_out, taken

T = TypeVar("T")
Make = Callable[[Path], T]

_RUN, _ASK = process.run, Conversation.ask


class Prepared:
    """Makes things, each in its own folder, and restores them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Make[Any], tuple[Path, Any, Any]] = {}

    def __call__(self, make: Make[T]) -> T:
        """Return the result of ``make`` in a folder, with the folder's content as it was right after that."""
        if make not in self._made:
            place = self._folder / str(len(self._made))
            place.mkdir()
            self._made[make] = place, make(place), taken(place)
        place, value, contents = self._made[make]
        shutil.rmtree(place)
        lay_out(place, contents)
        made: T = copy.deepcopy(value)
        return made


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return an object that prepares things for the tests of this process."""
    return Prepared(tmp_path_factory.mktemp("prepared").resolve())


@contextmanager
def played() -> Iterator[FakeGates]:
    """Fake programs and sessions, apart from the fakes of the test that runs."""
    programs, sessions = Programs(_RUN), FakeGates()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "run", programs)
        patch.setattr(Conversation, "ask", lambda it, question, seconds: programs.ask(it.script, question, seconds))
        patch.setattr(gates, "run_sessions", sessions)
        yield sessions


def playing(make: Make[T]) -> Make[T]:
    """Fake programs and sessions while something is made."""

    def play(folder: Path) -> T:
        with played():
            return make(folder)

    return play


@dataclass
class Halfway(Yard):
    """A yard whose release has performed some steps, including the trial upload of its files."""

    results: dict[type[Result], Result]
    """The results of these steps; empty once the release continues."""
    report: Report
    """The report of these steps."""
    left: tuple[Step, ...]

    @classmethod
    def of(cls, yard: Yard, run: Run, steps: Sequence[Step], left: str) -> Halfway:
        """Perform a release up to the step ``left``; the forge must be set again."""
        done = [step.name for step in steps].index(left)
        run_pipeline(run, steps[:done])
        run.report.passed, yard.world.forge = False, None
        _note(run, silent)
        return cls(yard.repository, yard.world, yard.shop, run.results, run.report, tuple(steps[done:]))

    def finish(self, run: Run, steps: Sequence[Step] = STEPS) -> Run:
        """Perform the remaining steps in the first run, and all steps in each later one."""
        if self.results:
            run.results, self.results, run.report, steps = self.results, {}, self.report, self.left
            _note(run, run.voice.note)
        return super().finish(run, steps)


def _note(run: Run, note: Note) -> None:
    run.take(Tried(replace(run.of(Tried).publication, note=note), run.of(Tried).installed))


def _refuse(_: Run) -> None:
    raise ShipError(PROBLEM("No."))


def _stopped(yard: Yard, **hooks: Any) -> Yard:
    run = yard.prepare()
    for name, hook in hooks.items():
        setattr(run, name, hook)
    with pytest.raises(ShipError, match="NS000"):
        run_pipeline(run)
    return yard


@playing
def _unpushed(folder: Path) -> Yard:
    return _stopped(make_yard(folder), confirm=_refuse)


@playing
def _unpublished(folder: Path) -> Yard:
    yard = make_yard(folder)
    yard.world.indexes["pypi"].refusals.append(ShipError(PROBLEM("No.")))
    return _stopped(yard)


@playing
def _released(folder: Path) -> Yard:
    yard = make_yard(folder)
    yard.release()
    return yard


@pytest.fixture
def unpushed(prepared: Prepared) -> Yard:
    """Return a yard whose release 0.1.0 was stopped at the question before the push."""
    return prepared(_unpushed)


@pytest.fixture
def unpublished(prepared: Prepared) -> Yard:
    """Return a yard whose release 0.1.0 is pushed, but whose first file the index refused."""
    return prepared(_unpublished)


@pytest.fixture
def released(prepared: Prepared) -> Yard:
    """Return a yard whose release 0.1.0 is complete."""
    return prepared(_released)
