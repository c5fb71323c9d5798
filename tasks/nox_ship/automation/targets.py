"""Targets of a Makefile or a justfile: the named commands of a project.

https://www.gnu.org/software/make/manual and https://just.systems/man/en describe them. Variables are filled in;
functions, included files and other values that only a run can determine are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nox_ship.project import Project

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
JUSTFILES = ("justfile", "Justfile", ".justfile")

_VARIABLE = re.compile(r"(?:override\s+)?(?:export\s+)?(?P<name>[\w.-]++)\s*(?P<sign>:{0,3}|\?|\+)=\s*(?P<value>.*)")
_RULE = re.compile(r"(?P<names>[^\s:=#@][^:=#]*):(?!=):?(?P<after>[^=#]*)")
_JUST_VARIABLE = re.compile(r"(?P<alias>alias\s+)?(?:export\s+)?(?P<name>[A-Za-z_][\w-]*+)\s*:=\s*(?P<value>.*)")
_JUST_RULE = re.compile(r"@?(?P<name>[A-Za-z_][\w-]*+)(?P<parameters>[^:#]*):(?!=)(?P<after>[^#]*)")
_PARAMETER = re.compile(r"(?<![\w-])([\w-]++)=(\"[^\"]*\"|'[^']*'|\S+)")
_MAKE_PLACE = re.compile(r"(?<!\$)\$[({]([^(){}$]*)[)}]")
_JUST_PLACE = re.compile(r"\{\{([^{}]*)\}\}")
_OTHER_LANGUAGE = re.compile(r"#!(?!.*sh\b)")
_DEEPEST = 10
"""How deeply variables may refer to others."""
_LONGEST = 1 << 16
"""The longest script with its variables filled in, in characters."""
_LONGEST_VALUE = 1000
_MOST_PLACES = 500
"""The most variables of one script that are filled in."""
_MOST_NAMES = 50
"""The most targets of one rule."""

Fill = Callable[[str, Mapping[str, str]], str]


@dataclass(frozen=True)
class Target:
    """A named list of commands."""

    before: tuple[str, ...]
    """The targets that run before it."""
    script: str


@dataclass(frozen=True)
class Targets:
    """The targets of one file."""

    file: str
    by_name: Mapping[str, Target]
    """The scripts, as in the file."""
    variables: Mapping[str, str]
    fill: Fill
    """Fills in variables."""

    def given(self, variables: Mapping[str, str]) -> Targets:
        """Return the targets with variables from a command line."""
        return replace(self, variables={**self.variables, **variables})

    def scripts(self, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Yield name and script of each target that runs for ``names``, in order; without names, for the first."""
        usual = (self.variables.get(".DEFAULT_GOAL", ""), *self.by_name)
        waiting = [(name, False) for name in reversed(names or [name for name in usual if name in self.by_name][:1])]
        begun, done = set[str](), set[str]()
        while waiting:
            name, ready = waiting.pop()
            target = self.by_name.get(name)
            if target is None or name in done or (name in begun and not ready):
                continue
            if not ready:
                begun.add(name)
                before = [word for text in target.before for word in self.fill(text, self.variables).split()]
                waiting += [(name, True), *((one, False) for one in reversed(before))]
                continue
            done.add(name)
            yield name, self.fill(target.script, self.variables)


def makefile(project: Project) -> Targets | None:
    """Return the targets of the project's Makefile; None if it has none."""
    return _read(project, MAKEFILES, _make, _fill_make)


def justfile(project: Project) -> Targets | None:
    """Return the recipes of the project's justfile; None if it has none."""
    return _read(project, JUSTFILES, _just, _fill_just)


def _read(
    project: Project,
    names: Iterable[str],
    parse: Callable[[str], tuple[dict[str, Target], dict[str, str]]],
    fill: Fill,
) -> Targets | None:
    text, name = next(((text, name) for name in names if (text := project.read_text(name))), ("", ""))
    return Targets(name, *parse(re.sub(r"\\\n[ \t]*", " ", text)), fill) if text else None


def _make(text: str) -> tuple[dict[str, Target], dict[str, str]]:
    variables = {"MAKE": "make", "PYTHON": "python", "CURDIR": "."}
    told: set[str] = set()
    found: dict[str, Target] = {}
    current: list[str] = []
    deep = 0
    for line in text.split("\n"):
        plain = line.strip()
        if line.startswith("\t"):
            # If make ignores its failure, it is not a check.
            if not re.match(r"[@+]*-", plain):
                _add(found, current, f"{plain.lstrip('@+')}\n")
        elif re.match(r"if(?:n?eq|n?def)\b|endif\b", plain):
            deep = max(0, deep + (1 if plain.startswith("if") else -1))
        elif match := _VARIABLE.match(plain):
            name, value = match["name"], match["value"].partition(" #")[0].strip()
            if match["sign"] == "+":
                value = f"{variables.get(name, '')} {value}".strip()
            elif name in told and (deep or match["sign"] == "?"):
                continue
            variables[name] = value[:_LONGEST_VALUE]
            told.add(name)
        elif match := _RULE.match(plain):
            before, _, script = match["after"].partition(";")
            current = _fill_make(match["names"], variables).split()[:_MOST_NAMES]
            _add(found, current, f"{script.strip()}\n", tuple(before.partition("|")[0].split()))
        elif plain and not plain.startswith("#"):
            current = []
    return {name: found[name] for name in found if not name.startswith(".") and "%" not in name}, variables


def _just(text: str) -> tuple[dict[str, Target], dict[str, str]]:
    variables: dict[str, str] = {}
    found: dict[str, Target] = {}
    current: list[str] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            plain = line.strip()
            if _OTHER_LANGUAGE.match(plain):
                current = []
            elif not re.match(r"@?-", plain):
                _add(found, current, f"{plain.lstrip('@')}\n")
        elif match := _JUST_VARIABLE.match(line):
            if match["alias"]:
                found[match["name"]] = Target((match["value"].strip(),), "")
            variables[match["name"]] = _evaluated(match["value"], variables)[:_LONGEST_VALUE]
        elif match := _JUST_RULE.match(line):
            current = [match["name"]]
            for name, default in _PARAMETER.findall(match["parameters"]):
                variables.setdefault(name, _evaluated(default, variables)[:_LONGEST_VALUE])
            _add(found, current, "", tuple(re.findall(r"[A-Za-z_][\w-]*", match["after"])))
        elif line.strip() and not line.startswith(("#", "[")):
            current = []
    return found, variables


def _add(found: dict[str, Target], names: list[str], script: str, before: tuple[str, ...] = ()) -> None:
    for name in names:
        there = found.get(name, Target((), ""))
        found[name] = Target((*there.before, *before), there.script + script)


def _fill_make(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with variables filled in; functions are empty, and a doubled dollar sign is left to the shell."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1].partition(":")[0].strip(), "")

    for _ in range(_DEEPEST):
        filled = _MAKE_PLACE.sub(value, text, _MOST_PLACES)[:_LONGEST]
        if filled == text:
            break
        text = filled
    return text.replace("$$", "$")


def _fill_just(text: str, variables: Mapping[str, str]) -> str:
    return _JUST_PLACE.sub(lambda match: _evaluated(match[1], variables), text, _MOST_PLACES)[:_LONGEST]


def _evaluated(expression: str, variables: Mapping[str, str]) -> str:
    """Return the value of strings and variables joined with ``+``; what only just can evaluate is empty."""
    parts = map(str.strip, expression.split("+"))
    return "".join(
        part[1:-1] if part[:1] in ("'", '"') and part[-1:] == part[:1] else variables.get(part, "") for part in parts
    )[:_LONGEST_VALUE]
