"""The programs that judge code: which gate runs them, and how they judge without changing anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nox_ship.automation.shell import program
from nox_ship.config import Command


@dataclass(frozen=True)
class Checker:
    """A program that judges code."""

    gate: Literal["lint", "typecheck", "tests"] = "lint"
    verbs: tuple[str, ...] = ()
    """Those of its commands that judge, where it has others."""
    judging: str = ""
    """The option with which it judges, where it changes files otherwise."""
    also: tuple[str, ...] = ()
    """Other options with which it changes nothing."""
    changing: tuple[str, ...] = ()
    """Options with which it changes files."""
    hook: tuple[str, ...] = ()
    """Arguments that its hook for pre-commit has where the project gives none."""
    whole: tuple[str, ...] = ()
    """What it is told to look at where nothing is named and it has no settings of that."""
    suffixes: tuple[str, ...] = (".py",)
    """The ends of the names of files that its hook for pre-commit is given; none where it is given no files."""
    module: str = ""
    """The module that `python -m` runs in its place, where that has another name."""
    project: str = ""
    """The project that has it, where that has another name."""


_STUBS = (".py", ".pyi")

CHECKERS = {
    "ruff": Checker(
        verbs=("check", "format"),
        changing=("--fix", "--fix-only", "--unsafe-fixes", "--exit-non-zero-on-fix", "--exit-non-zero-on-format"),
        suffixes=_STUBS,
    ),
    "black": Checker(judging="--check", also=("--diff",), changing=("-i",), suffixes=_STUBS),
    "isort": Checker(
        judging="--check-only",
        also=("--check", "-c", "--diff"),
        hook=("--filter-files",),
        suffixes=(*_STUBS, ".pyx", ".pxd", ".pxi"),
    ),
    "flake8": Checker(),
    "pylint": Checker(),
    "pycodestyle": Checker(),
    "pydocstyle": Checker(),
    "pyflakes": Checker(),
    "docformatter": Checker(judging="--check", also=("-c",), changing=("--in-place", "-i")),
    "autoflake": Checker(judging="--check", also=("-c", "--check-diff"), changing=("--in-place", "-i")),
    "yapf": Checker(judging="--diff", also=("-d",), changing=("--in-place", "-i")),
    "codespell": Checker(changing=("--write-changes", "-w"), suffixes=("",)),
    "interrogate": Checker(),
    "vulture": Checker(suffixes=()),
    "bandit": Checker(),
    "mypy": Checker("typecheck", hook=("--ignore-missing-imports", "--scripts-are-modules"), suffixes=_STUBS),
    "pyright": Checker("typecheck", suffixes=_STUBS),
    "basedpyright": Checker("typecheck", suffixes=_STUBS),
    "ty": Checker("typecheck", ("check",), suffixes=_STUBS),
    "pyrefly": Checker("typecheck", ("check",), suffixes=_STUBS),
    "pytest": Checker("tests"),
    "py.test": Checker("tests", module="pytest", project="pytest"),
    "zope-testrunner": Checker("tests", module="zope.testrunner"),
    "nose2": Checker("tests"),
    "ward": Checker("tests"),
    "trial": Checker("tests", module="twisted.trial", project="twisted"),
}
"""Each by the name of its program, which is that of its project on an index as well where nothing else is said."""
MODULES = {known.module: name for name, known in CHECKERS.items() if known.module not in ("", *CHECKERS)}
"""The programs that `python -m` runs under other names."""
_TEST_SCRIPT = re.compile(r"(?:.*/)?run[-_]?tests?\.py")


_SHOWING = {"--version", "-V", "--help", "-h", "--collect-only", "--co", "--fixtures", "--markers"}
"""Options with which a checker tells something and judges nothing."""


def checker(command: Sequence[str]) -> Checker | None:
    """Return what is known of the program that a command starts, None where it judges no code."""
    if _SHOWING & set(command):
        return None
    if program(command) == "python" and _runs_tests(command[1:]):
        return CHECKERS["pytest"]
    return CHECKERS.get(program(command))


def _runs_tests(words: Sequence[str]) -> bool:
    """Whether Python runs tests by the standard library, by Django, or by a script that is called after that."""
    django = ("manage.py", "test")
    return tuple(words[:2]) in (("-m", "unittest"), django) or bool(words and _TEST_SCRIPT.fullmatch(words[0]))


def judging(command: Command) -> Command | None:
    """Return a command as one that changes nothing; None where it was never to judge.

    A formatter that is told to change files, and nobody asks afterwards what it changed, is no check.
    """
    known = checker(command)
    if known is None or (known.verbs and not verb(command)):
        return None
    failing = "--exit-non-zero-on-format"  # it changes files, and fails where it did
    if verb(command) == "format" and not {"--check", "--diff", failing} & set(command):
        return None
    if known.judging and not {known.judging, *known.also} & set(command):
        return None
    return _unchanging(command, known)


def hooked(command: Command) -> Command:
    """Return the command of a hook for pre-commit, which fails where a file would change, as one that changes none."""
    known = checker(command)
    return _unchanging(command, known) if known else command


def distribution(name: str) -> str:
    """Return the project that has a program of this name."""
    return (CHECKERS[name].project if name in CHECKERS else "") or name


def verb(command: Sequence[str]) -> str:
    """Return which of a checker's verbs that judge a command is, such as ruff's ``check``; empty where it is none."""
    known = checker(command)
    return next((word for word in command[1:] if known and word in known.verbs), "")


def _unchanging(command: Command, known: Checker) -> Command:
    words = tuple(word for word in command if word not in known.changing)
    said, place, also = known.judging, 1, known.also
    if program(words) == "ruff" and (part := verb(words)):
        said, place = "--no-fix" if part == "check" else "--check", words.index(part) + 1
        also = ("--diff",) if part == "format" else ()
    return words if not said or {said, *also} & set(words) else (*words[:place], said, *words[place:])
