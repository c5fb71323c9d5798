"""Targets of a Makefile or a justfile: the commands that a project gives a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nox_ship.project import Project

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
JUSTFILES = ("justfile", "Justfile", ".justfile")

_VARIABLE = re.compile(r"^(?:export\s+)?([\w.-]+)\s*(?::{0,3}|\?)=\s*(.*)$")
_TARGET = re.compile(r"^(?P<names>[^\s:=#@][^:=#]*?)\s*:(?!=):?(?P<after>[^=#]*)")
_JUST_TARGET = re.compile(r"^@?(?P<name>[A-Za-z_][\w-]*)(?P<parameters>[^:#]*):(?!=)(?P<after>[^#]*)")
_MAKE_PLACE = re.compile(r"\$[({]([\w.-]+)[)}]")
_JUST_PLACE = re.compile(r"\{\{(.*?)\}\}")
_DEEPEST = 10
"""How often a variable may name others."""
_LONGEST = 1 << 16
"""Characters of a script with its variables filled in."""


@dataclass(frozen=True)
class Target:
    """A name for commands."""

    before: tuple[str, ...]
    """The targets that come before it."""
    script: str


@dataclass(frozen=True)
class Targets:
    """The targets of one file."""

    file: str
    by_name: Mapping[str, Target]

    def scripts(self, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Yield name and script of each target that runs for ``names``, in order; of the first one for none."""
        waiting, seen = list(names or tuple(self.by_name)[:1]), set()
        while waiting:
            name = waiting[0]
            target = self.by_name.get(name)
            first = [before for before in target.before if before not in seen] if target else []
            if name not in seen and first:
                seen.update({name, *first})
                waiting[:0] = first
                continue
            seen.add(waiting.pop(0))
            if target:
                yield name, target.script


def makefile(project: Project) -> Targets | None:
    """Return the targets of the project's Makefile, None where it has none.

    Variables are filled in; what only make itself can tell (functions, patterns, included files) is left out.
    """
    return _read(project, MAKEFILES, _make)


def justfile(project: Project) -> Targets | None:
    """Return the recipes of the project's justfile (https://just.systems/man/en), None where it has none."""
    return _read(project, JUSTFILES, _just)


def _read(project: Project, names: tuple[str, ...], parse: Callable[[str], dict[str, Target]]) -> Targets | None:
    text, name = next(((text, name) for name in names if (text := project.read_text(name))), ("", ""))
    return Targets(name, parse(text)) if text else None


def _make(text: str) -> dict[str, Target]:
    variables: dict[str, str] = {}
    found: dict[str, Target] = {}
    current: list[str] = []
    for line in re.sub(r"\\\n\s*", " ", text).split("\n"):
        if line.startswith("\t"):
            command = line.strip()
            # What make is told to go on after is no check.
            if current and not re.match(r"[@+]*-", command):
                _add(found, current, f"{command.lstrip('@+')}\n")
        elif match := _VARIABLE.match(line):
            variables.setdefault(match[1], match[2].partition(" #")[0].strip())
        elif match := _TARGET.match(line):
            before, _, script = match["after"].partition(";")
            current = match["names"].split()
            _add(found, current, f"{script.strip()}\n", tuple(before.partition("|")[0].split()))
        elif line.strip() and not line.lstrip().startswith("#"):
            current = []
    filled = {name: _filled(found[name], variables) for name in found if not name.startswith(".")}
    return {name: target for name, target in filled.items() if "%" not in name}


def _just(text: str) -> dict[str, Target]:
    variables: dict[str, str] = {}
    found: dict[str, Target] = {}
    current: list[str] = []
    for line in re.sub(r"\\\n\s*", " ", text).split("\n"):
        if line[:1] in (" ", "\t"):
            command = line.strip()
            if current and not re.match(r"@?-", command):
                _add(found, current, f"{command.lstrip('@')}\n")
        elif match := re.match(r"^(?:export\s+)?([A-Za-z_][\w-]*)\s*:=\s*(.*)$", line):
            variables[match[1]] = _evaluated(match[2], variables)
        elif match := _JUST_TARGET.match(line):
            current = [match["name"]]
            for name, default in re.findall(r"([\w-]+)=(\"[^\"]*\"|'[^']*'|\S+)", match["parameters"]):
                variables.setdefault(name, _evaluated(default, variables))
            _add(found, current, "", tuple(re.findall(r"[A-Za-z_][\w-]*", match["after"])))
        elif line.strip() and not line.startswith(("#", "[")):
            current = []
    return {
        name: Target(target.before, _JUST_PLACE.sub(lambda match: _evaluated(match[1], variables), target.script))
        for name, target in found.items()
    }


def _evaluated(expression: str, variables: Mapping[str, str]) -> str:
    """Return what texts and variables that are joined by ``+`` come to; whatever only just can tell is empty."""
    parts = map(str.strip, expression.split("+"))
    return "".join(
        part[1:-1] if part[:1] in ("'", '"') and part[-1:] == part[:1] else variables.get(part, "") for part in parts
    )


def _add(found: dict[str, Target], names: list[str], script: str, before: tuple[str, ...] = ()) -> None:
    for name in names:
        there = found.get(name, Target((), ""))
        found[name] = Target((*there.before, *before), there.script + script)


def _filled(target: Target, variables: Mapping[str, str]) -> Target:
    def fill(text: str) -> str:
        for _ in range(_DEEPEST):
            filled = _MAKE_PLACE.sub(lambda match: variables.get(match[1], ""), text)[:_LONGEST]
            if filled == text:
                break
            text = filled
        return text

    variables = {"MAKE": "make", "PYTHON": "python", **variables}
    return Target(tuple(word for text in target.before for word in fill(text).split()), fill(target.script))
