"""The programs that judge code: which gate runs them, and how they judge without changing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nox_ship.automation.shell import program

Command = tuple[str, ...]


@dataclass(frozen=True)
class Checker:
    """A program that judges code."""

    gate: Literal["lint", "typecheck", "tests"] = "lint"
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
    """Files that its hook for pre-commit is given."""


_STUBS = (".py", ".pyi")

CHECKERS = {
    "ruff": Checker(changing=("--fix", "--fix-only", "--unsafe-fixes", "--exit-non-zero-on-fix"), suffixes=_STUBS),
    "black": Checker(judging="--check", also=("--diff",), changing=("-i",), suffixes=_STUBS),
    "isort": Checker(
        judging="--check-only", also=("--check", "-c", "--diff"), hook=("--filter-files",), suffixes=_STUBS
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
    "vulture": Checker(),
    "bandit": Checker(),
    "mypy": Checker("typecheck", hook=("--ignore-missing-imports", "--scripts-are-modules"), suffixes=_STUBS),
    "pyright": Checker("typecheck", suffixes=_STUBS),
    "basedpyright": Checker("typecheck", suffixes=_STUBS),
    "ty": Checker("typecheck", suffixes=_STUBS),
    "pyrefly": Checker("typecheck", suffixes=_STUBS),
    "pytest": Checker("tests"),
    "py.test": Checker("tests"),
}
"""Each by the name of its program, which is that of its project on an index as well."""


def checker(command: Sequence[str]) -> Checker | None:
    """Return what is known of the program that a command starts, None where it judges no code."""
    if program(command) == "python" and tuple(command[1:3]) == ("-m", "unittest"):
        return CHECKERS["pytest"]
    return CHECKERS.get(program(command))


def judging(command: Command) -> Command | None:
    """Return a command as one that changes nothing; None where it was never to judge.

    A formatter that is told to change files, and nobody asks afterwards what it changed, is no check.
    """
    known = checker(command)
    if known is None:
        return None
    words = tuple(word for word in command if word not in known.changing)
    if program(words) == "ruff":
        return _ruff(words)
    if known.judging and not {known.judging, *known.also} & set(words):
        return None
    return words


def hooked(command: Command) -> Command:
    """Return the command of a hook for pre-commit, which fails where a file would change, as one that changes none."""
    known = checker(command)
    words = tuple(word for word in command if known is None or word not in known.changing)
    if known and known.judging and not {known.judging, *known.also} & set(words):
        return (words[0], known.judging, *words[1:])
    if program(words) == "ruff":
        return (*words[:2], *(("--check",) if words[1:2] == ("format",) else ("--no-fix",)), *words[2:])
    return words


def _ruff(words: Command) -> Command | None:
    verb = words[1] if len(words) > 1 else ""
    if verb == "format":
        if not {"--check", "--diff", "--exit-non-zero-on-format"} & set(words):
            return None
        plain = tuple(word for word in words if word != "--exit-non-zero-on-format")
        return plain if {"--check", "--diff"} & set(plain) else (*plain[:2], "--check", *plain[2:])
    if verb != "check":
        return None
    return words if "--no-fix" in words else (*words[:2], "--no-fix", *words[2:])
