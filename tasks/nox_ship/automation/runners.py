"""Programs that start other programs, followed to those that do the work."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from nox_ship.automation import precommit, tox
from nox_ship.automation.hatch import Hatch
from nox_ship.automation.needs import Needs, arguments, pdm_install, pip_install, poetry_install, uv_sync
from nox_ship.automation.shell import lasting_commands, program
from nox_ship.automation.targets import Targets, justfile, makefile
from nox_ship.automation.task import Place, Task, joined
from nox_ship.project import Project

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*|py")
_MODULES = {"coverage.__main__": "coverage", "pre_commit": "pre-commit"}
"""Modules whose programs have other names."""
_DEEPEST = 12
"""Programs that start programs."""
_MOST = 500
"""Commands of one project."""
_COVERAGE_VALUES = {"--source", "--rcfile", "--omit", "--include", "--context", "--data-file", "--concurrency"}

_Runner = Callable[[list[str], Place], Iterable[Task]]


class Runners:
    """What the commands of a project come to. Nothing is run to find that out.

    Args:
        project: The project.
        top: The top folder of its repository.
    """

    def __init__(self, project: Project, top: Path) -> None:
        self._project = project
        self._top = top
        self._count = 0

    @cached_property
    def hooks(self) -> tuple[list[precommit.Hook], list[str]]:
        """The hooks of pre-commit that judge code, and the names of all others."""
        return precommit.hooks(self._project)

    @cached_property
    def hatch(self) -> Hatch:
        """The project's environments for hatch."""
        return Hatch(self._project)

    @cached_property
    def targets(self) -> dict[str, Targets]:
        """The targets of the project's Makefile and justfile, by the program that runs them."""
        found = {"make": makefile(self._project), "just": justfile(self._project)}
        return {runner: targets for runner, targets in found.items() if targets}

    def is_root(self, folder: str) -> bool:
        """Whether a folder, relative to the top of the repository, is the project's."""
        try:
            return (self._top / folder).resolve() == self._project.root.resolve()
        except (OSError, ValueError):
            return False

    def script(self, script: str, place: Place) -> Iterator[Task]:
        """Yield what the commands of a shell script come to; what they install is put down at the place."""
        for env, words in lasting_commands(script):
            if words[0] in ("cd", "pushd"):
                place.inside = len(words) == 1 or self.is_root(words[1])
            elif words[0] == "export":
                told = (word.partition("=") for word in words[1:] if "=" in word)
                place.env = joined(place.env, [(name, value) for name, _, value in told])
            elif place.inside:
                there, place.env = place.env, joined(place.env, env.items())
                yield from self.follow(words, place)
                place.env = there

    def follow(self, words: Sequence[str], place: Place) -> Iterator[Task]:
        """Yield what a command comes to; what it installs is put down at its place."""
        self._count += 1
        if not words or place.depth > _DEEPEST or self._count > _MOST:
            return
        name, rest = program(words), list(words[1:])
        if name == "pip3" or (name == "pip" and rest[:1] == ["install"]):
            place.needs |= pip_install(rest[1:])
        elif _PYTHON.fullmatch(name):
            yield from self._python(words, place)
        elif run := self._runner(name):
            yield from run(rest, place)
        elif script := self._file(words[0]):
            yield from self._inner(script, words[0], place)
        else:
            yield place.task((name, *rest))

    def _runner(self, name: str) -> _Runner | None:
        """Return what follows a program that starts others, None where it is no such program."""
        runners: dict[str, _Runner] = {
            "uv": self._uv,
            "uvx": self._tool,
            "pipx": self._tool,
            "poetry": self._poetry,
            "pdm": self._pdm,
            "poe": self._poe,
            "hatch": self._run_hatch,
            "tox": self._run_tox,
            "make": self._make,
            "gmake": self._make,
            "just": self._just,
            "pre-commit": self._pre_commit,
            "prek": self._prek,
            "coverage": self._coverage,
            "bash": self._shell,
            "sh": self._shell,
        }
        return runners.get(name)

    def _python(self, words: Sequence[str], place: Place) -> Iterator[Task]:
        rest = list(words[1:])
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest = rest[2 if rest[0] in ("-W", "-X") else 1 :]
        if rest[:1] == ["-m"] and rest[1:]:
            if rest[1] in ("unittest", "doctest"):
                yield place.task(("python", *rest))
            else:
                yield from self.follow([_MODULES.get(rest[1], rest[1]), *rest[2:]], place)
        elif rest:
            yield place.task((words[0], *rest))

    def _file(self, word: str) -> str | None:
        """Return the text of a shell script in the project's folder, None where the word names none."""
        path = PurePosixPath(word)
        if path.is_absolute() or ".." in path.parts or len(word) > 200 or "/" not in word:  # noqa: PLR2004
            return None
        text = self._project.read_text(word)
        first = text.partition("\n")[0]
        return text if re.match(r"#!.*\b(?:ba|da|z|k)?sh\b", first) or (text and word.endswith(".sh")) else None

    def _shell(self, rest: list[str], place: Place) -> Iterator[Task]:
        if "-c" in rest and rest[-1] != "-c":
            yield from self.script(rest[rest.index("-c") + 1], place)
            return
        file = next((word for word in rest if not word.startswith("-")), None)
        script = file and (self._file(file) or self._file(f"./{file}"))
        if file and script:
            yield from self._inner(script, file, place)

    def _inner(self, script: str, where: str, place: Place) -> Iterator[Task]:
        """Follow commands that have a name of their own; what they install stays installed."""
        inner = place.within(where)
        yield from self.script(script, inner)
        place.needs = inner.needs

    def _coverage(self, rest: list[str], place: Place) -> Iterator[Task]:
        if rest[:1] == ["run"]:
            if "-m" in rest and rest[-1] != "-m":
                yield from self._python(["python", *rest[rest.index("-m") :]], place)
            else:
                inner = arguments(rest[1:], _COVERAGE_VALUES)
                yield from self._python(["python", *inner], place) if inner else ()
        else:
            yield place.task(("coverage", *rest))

    def _uv(self, rest: list[str], place: Place) -> Iterator[Task]:
        verb, after = (rest[0], rest[1:]) if rest else ("", [])
        if verb == "pip" and after[:1] == ["install"]:
            place.needs |= pip_install(after[1:])
        elif verb == "sync":
            place.needs = uv_sync(self._project, after)
        elif verb == "run":
            command = arguments(after)
            before = after[: len(after) - len(command)]
            if "-m" in before or "--module" in before:
                command = [
                    "python",
                    "-m",
                    *after[next(i for i, w in enumerate(after) if w in ("-m", "--module")) + 1 :],
                ]
            needs = uv_sync(self._project, before)
            # What `uv sync` installed before stays, unless the environment is another one.
            yield from self.follow(command, place.within(place.where, needs | place.needs))
        elif verb == "tool" and after[:1] == ["run"]:
            yield from self._tool(after[1:], place)

    def _tool(self, rest: list[str], place: Place) -> Iterator[Task]:
        """Follow ``uvx``, ``pipx run`` and the like, which install the tool that they run."""
        rest = rest[1:] if rest[:1] == ["run"] else rest
        command = arguments(rest)
        if not command or command[0] == "install":
            return
        before = rest[: len(rest) - len(command)]
        name, _, version = command[0].partition("@")
        name, pinned, exact = name.partition("==")
        version = exact if pinned else version
        told = [value for option, value in itertools.pairwise([*before, ""]) if option in ("--from", "--spec")]
        tool = told[0] if told else f"{name}=={version}" if version and version != "latest" else name
        extra = [value for option, value in itertools.pairwise([*before, ""]) if option in ("--with", "-w")]
        yield from self.follow([name, *command[1:]], place.within(place.where, Needs(requirements=(tool, *extra))))

    def _poetry(self, rest: list[str], place: Place) -> Iterator[Task]:
        verb, after = (rest[0], rest[1:]) if rest else ("", [])
        if verb in ("install", "sync"):
            place.needs = poetry_install(self._project, after)
        elif verb == "run":
            needs = place.needs if place.needs.project else poetry_install(self._project, [])
            yield from self.follow(after, place.within(place.where, needs))

    def _pdm(self, rest: list[str], place: Place) -> Iterator[Task]:
        verb, after = (rest[0], rest[1:]) if rest else ("", [])
        scripts = self._project.tool("pdm").get("scripts")
        if verb in ("install", "sync"):
            place.needs = pdm_install(self._project, after)
            return
        command = arguments(after) if verb == "run" else rest
        needs = place.needs if place.needs.project else pdm_install(self._project, [])
        inner = place.within(place.where, needs)
        if isinstance(scripts, Mapping) and command and command[0] in scripts:
            for line in _pdm_script(scripts, command[0], 0):
                yield from self.script(f"{line} {' '.join(command[1:])}", inner)
        elif verb == "run":
            yield from self.follow(command, inner)

    def _poe(self, rest: list[str], place: Place) -> Iterator[Task]:
        tasks = self._project.tool("poe").get("tasks")
        for name in arguments(rest)[:1]:
            for line in _pdm_script(tasks if isinstance(tasks, Mapping) else {}, name, 0):
                yield from self.script(line, place.within(f"{place.where}, poe {name}"))

    def _run_hatch(self, rest: list[str], place: Place) -> Iterator[Task]:
        env = next((value for option, value in itertools.pairwise(rest) if option in ("-e", "--env")), "default")
        words = arguments(rest, {"-e", "--env"})
        verb, after = (words[0], words[1:]) if words else ("", [])
        if verb == "test":
            yield from self._of_hatch("hatch-test", ["run"], place)
        elif verb == "fmt" and {"--check", "-l", "--linter", "-f", "--formatter"} & set(after):
            inner = place.within(f"{place.where}, hatch fmt", Needs(requirements=("ruff",)))
            yield from map(inner.task, (["ruff", "check", "."], ["ruff", "format", "--check", "."]))
        elif verb == "run":
            command = arguments(after)
            if command:
                named, colon, script = command[0].rpartition(":")
                yield from self._of_hatch(named.rpartition(".")[2] if colon else env, [script, *command[1:]], place)

    def _of_hatch(self, env: str, command: list[str], place: Place) -> Iterator[Task]:
        name = next((name for name in (env, env.rpartition(".")[0]) if name in self.hatch.names), env)
        if name not in self.hatch.names and name != "hatch-test":
            return
        inner = place.within(f"hatch environment {name}", self.hatch.needs(name))
        script = self.hatch.script(name, command[0])
        if script is not None:
            yield from self.script("\n".join(f"{line} {' '.join(command[1:])}" for line in script.split("\n")), inner)
        else:
            yield from self.follow(command, inner)

    def _run_tox(self, rest: list[str], place: Place) -> Iterator[Task]:
        for environment in tox.chosen(self._project, rest, dict(place.env).get("TOXENV", "")):
            inner = place.within(environment.where, environment.needs, tuple(environment.env.items()))
            for command in environment.commands:
                yield from self.follow(command, inner)

    def _make(self, rest: list[str], place: Place) -> Iterator[Task]:
        names = () if "-C" in rest else tuple(word for word in arguments(rest) if "=" not in word)
        yield from self._of_targets("make", names, place)

    def _just(self, rest: list[str], place: Place) -> Iterator[Task]:
        yield from self._of_targets("just", tuple(arguments(rest)[:1]), place)

    def _of_targets(self, runner: str, names: tuple[str, ...], place: Place) -> Iterator[Task]:
        if targets := self.targets.get(runner):
            for name, script in targets.scripts(names):
                yield from self._inner(script, f"{targets.file} ({name})", place)

    def _prek(self, rest: list[str], place: Place) -> Iterator[Task]:
        """Follow prek, a pre-commit that runs the hooks where it is told nothing else."""
        yield from self._pre_commit(rest if arguments(rest) else ["run", *rest], place)

    def _pre_commit(self, rest: list[str], place: Place) -> Iterator[Task]:
        if arguments(rest)[:1] != ["run"]:
            return
        manual = any(word.rpartition("=")[2] == "manual" for word in rest)
        skipped = re.split(r"[\s,]+", dict(place.env).get("SKIP", ""))
        hooks = [hook for hook in self.hooks[0] if (manual or not hook.manual) and hook.name not in skipped]
        named = {hook.name for hook in self.hooks[0]} & set(rest)
        for hook in hooks:
            if not named or hook.name in named:
                where = f"{precommit.FILE} ({hook.name})"
                needs = place.needs if hook.requirements is None else Needs(requirements=hook.requirements)
                inner = replace(place.within(where, needs), env=(), hooked=True)
                for command in hook.commands():
                    yield from self.follow(command, inner)


def _pdm_script(scripts: Mapping[str, Any], name: str, depth: int) -> Iterator[str]:
    """Yield the lines of a script of pdm's or poe's; one may consist of others."""
    value = scripts.get(name)
    if depth > _DEEPEST or value is None:
        return
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("cmd", "shell", "composite", "sequence", "ref") if key in value), None)
    for line in value if isinstance(value, list) else [value]:
        if isinstance(line, Mapping):
            line = next((line[key] for key in ("cmd", "shell", "ref") if key in line), None)  # noqa: PLW2901
        if isinstance(line, str):
            first, _, rest = line.partition(" ")
            if first in scripts and first != name:
                yield from (f"{inner} {rest}" for inner in _pdm_script(scripts, first, depth + 1))
            else:
                yield line
