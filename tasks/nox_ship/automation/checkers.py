"""The programs that check code: which gate runs them, and how they check without changing anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nox_ship.automation.shell import program
from nox_ship.config import Command


@dataclass(frozen=True)
class Checker:
    """A program that checks code."""

    gate: Literal["lint", "typecheck", "tests"] = "lint"
    verbs: tuple[str, ...] = ()
    """Those of its subcommands that check, if it has others."""
    judging: str = ""
    """The option that makes it check, if it changes files by default."""
    also: tuple[str, ...] = ()
    """Other options that make it change nothing."""
    changing: tuple[str, ...] = ()
    """Options that make it change files."""
    hook: tuple[str, ...] = ()
    """The default arguments of its pre-commit hook."""
    whole: tuple[str, ...] = ()
    """The paths that it checks if none are given and it has no settings for that."""
    suffixes: tuple[str, ...] = (".py",)
    """The file name endings for which its pre-commit hook runs; none if the hook receives no files."""
    module: str = ""
    """The module to run with `python -m` instead, if it has another name."""
    project: str = ""
    """The distribution that contains it, if it has another name."""


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
"""The checkers by program name, which is also that of the distribution unless stated otherwise."""
MODULES = {known.module: name for name, known in CHECKERS.items() if known.module not in ("", *CHECKERS)}
"""The programs that `python -m` runs under other names."""
_TEST_SCRIPT = re.compile(r"(?:.*/)?run[-_]?tests?\.py")


_SHOWING = {"--version", "-V", "--help", "-h", "--collect-only", "--co", "--fixtures", "--markers"}
"""Options with which a checker only prints information."""


def checker(command: Sequence[str]) -> Checker | None:
    """Return the checker that a command starts; None if it does not check code."""
    if _SHOWING & set(command):
        return None
    if program(command) == "python" and _runs_tests(command[1:]):
        return CHECKERS["pytest"]
    return CHECKERS.get(program(command))


def _runs_tests(words: Sequence[str]) -> bool:
    """Whether Python runs tests: with the standard library, with Django, or with a script named accordingly."""
    django = ("manage.py", "test")
    return tuple(words[:2]) in (("-m", "unittest"), django) or bool(words and _TEST_SCRIPT.fullmatch(words[0]))


def judging(command: Command) -> Command | None:
    """Return a command as one that changes nothing; None if it checks nothing.

    A formatter that changes files is not a check if nobody looks at its changes afterwards.
    """
    known = checker(command)
    if known is None or (known.verbs and not verb(command)):
        return None
    failing = "--exit-non-zero-on-format"  # it changes files, and fails if it did
    if verb(command) == "format" and not {"--check", "--diff", failing} & set(command):
        return None
    if known.judging and not {known.judging, *known.also} & set(command):
        return None
    return _unchanging(command, known)


def hooked(command: Command) -> Command:
    """Return the command of a pre-commit hook, which fails if a file would change, as one that changes nothing."""
    known = checker(command)
    return _unchanging(command, known) if known else command


def distribution(name: str) -> str:
    """Return the distribution that contains the program of this name."""
    return (CHECKERS[name].project if name in CHECKERS else "") or name


def verb(command: Sequence[str]) -> str:
    """Return a command's subcommand that checks, such as ruff's ``check``; empty if it has none."""
    known = checker(command)
    return next((word for word in command[1:] if known and word in known.verbs), "")


def _unchanging(command: Command, known: Checker) -> Command:
    words = tuple(word for word in command if word not in known.changing)
    said, place, also = known.judging, 1, known.also
    if program(words) == "ruff" and (part := verb(words)):
        said, place = "--no-fix" if part == "check" else "--check", words.index(part) + 1
        also = ("--diff",) if part == "format" else ()
    return words if not said or {said, *also} & set(words) else (*words[:place], said, *words[place:])
