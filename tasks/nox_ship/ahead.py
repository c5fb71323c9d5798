"""What a release starts before its own code is imported: the guard, and the runner of the sessions.

A second processor loads nox there while the first one loads the rest of nox-ship, so this imports little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nox_ship import lifeline, process
from nox_ship.config import Settings
from nox_ship.errors import ShipError
from nox_ship.project import Project


@dataclass(frozen=True)
class Ahead:
    """What was started."""

    variables: Mapping[str, str]
    """This process's environment, including the tokens that programs started here do not inherit."""
    runner: process.Standby | None = None
    """The process that becomes the runner of the sessions, if any have to run."""


@contextmanager
def started(root: Path) -> Iterator[Ahead]:
    """Start both for the project in ``root``, for a ``with`` block."""
    with guarded(settings_of(root)) as variables:
        runner = process.Standby("nox_ship.runner", "nox_ship.preloaded")
        try:
            runner.begin()
            yield Ahead(variables, runner)
        finally:
            runner.end()


@contextmanager
def guarded(settings: Settings) -> Iterator[Mapping[str, str]]:
    """Make programs started here end with us, and inherit no token; yield the original variables."""
    with process.without(settings.token_variables) as variables, lifeline.guarded(process.inherited()):
        yield variables


def settings_of(root: Path) -> Settings:
    """Return the settings of the project in ``root``; the defaults if it cannot be read."""
    try:
        return Project.read(root).settings
    except ShipError:  # the command reports it, along with everything else
        return Settings()
