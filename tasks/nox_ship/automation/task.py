"""A command that checks code, and the place where commands are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from nox_ship.automation.checkers import checker
from nox_ship.automation.needs import Needs
from nox_ship.automation.shell import program, steers_checks
from nox_ship.config import Command

Variables = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Task:
    """A command in a project's own automation."""

    command: Command
    where: str
    """Its place: a file, and the part of it."""
    needs: Needs = field(default_factory=Needs)
    env: Variables = ()
    """Its environment variables."""
    ci: bool = False
    """Whether a workflow runs it."""
    hooked: bool = False
    """Whether it is a pre-commit hook."""
    pythons: tuple[str, ...] = ()
    """The Python versions on which CI runs it, such as ``3.12``; empty if unknown."""
    measured: bool = False
    """Whether it is run under coverage."""
    folder: str = "."
    """Its working folder, relative to the project's folder."""

    @property
    def program(self) -> str:
        """The name of its program."""
        return program(self.command)

    @property
    def gate(self) -> str | None:
        """The gate that the command belongs to; None if its program does not check code."""
        known = checker(self.command)
        return known.gate if known else None


@dataclass
class Place:
    """A place where commands are read, and what was installed there so far."""

    where: str
    needs: Needs = field(default_factory=Needs)
    env: Variables = ()
    folder: str = "."
    """The working folder of commands, relative to the top of the repository."""
    depth: int = 0
    ci: bool = False
    hooked: bool = False
    pythons: tuple[str, ...] = ()

    def task(self, command: Sequence[str]) -> Task:
        """Return a task at this place."""
        return Task(tuple(command), self.where, self.needs, self.env, self.ci, self.hooked, self.pythons)

    def within(self, where: str, needs: Needs | None = None, env: Variables = ()) -> Place:
        """Return a place that this one leads to."""
        there = self.needs if needs is None else needs
        return replace(self, where=where, needs=there, env=joined(self.env, env), depth=self.depth + 1)


def joined(env: Variables, more: Iterable[tuple[str, str]]) -> Variables:
    """Return the variables of ``env``, and those of ``more`` that may concern a check; the latter win."""
    return tuple({**dict(env), **{name: value for name, value in more if steers_checks(name)}}.items())
