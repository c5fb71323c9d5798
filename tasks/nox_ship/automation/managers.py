"""uv, pipx, Poetry, PDM, poe and hatch: what they install, and what they run."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nox_ship.automation.hatch import DEFAULT, TEST
from nox_ship.automation.locks import is_pylock
from nox_ship.automation.needs import (
    Needs,
    arguments,
    besides,
    options,
    pdm_install,
    pip_install,
    poetry_install,
    uv_sync,
)
from nox_ship.automation.scripts import Scripts
from nox_ship.automation.task import Place, Task

if TYPE_CHECKING:
    from nox_ship.automation.runners import Runners

_NAME = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?(?:@(?P<version>.*))?")
_MINOR = re.compile(r"3\.\d{1,3}")
_CHECKING = ("lock", "check")
"""Checks of locks or settings, which none of our gates makes; kept as they are."""

Runner = Callable[["Runners", list[str], Place], Iterator[Task]]


def _verb(words: list[str]) -> tuple[str, list[str]]:
    """Return a program's subcommand, and the words after it."""
    left = arguments(words)
    return (left[0], left[1:]) if left else ("", [])


def _uv(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    verb, after = _verb(words)
    project = runners.project
    if verb == "pip" and after[:1] == ["install"]:
        place.needs |= pip_install(after[1:])
    elif verb == "pip" and after[:1] == ["sync"]:
        place.needs = Needs(files=tuple(word for word in after[1:] if word.endswith(".txt") or is_pylock(word)))
    elif verb == "sync":
        place.needs = uv_sync(project, after)
    elif verb == "run":
        command = arguments(after)
        before = after[: len(after) - len(command)]
        module = next((place for place, word in enumerate(before) if word in ("-m", "--module")), None)
        if module is not None:
            command = ["python", "-m", *after[module + 1 :]]
        # What an earlier `uv sync` installed stays, unless the environment is another one.
        kept = "--no-sync" in before and place.needs != Needs()
        needs = place.needs if kept else uv_sync(project, before) | place.needs
        inner = place.within(place.where, needs)
        told = [value for name, value in options(before) if name in ("-p", "--python")]
        inner.pythons = tuple(told[-1:]) if _MINOR.fullmatch("".join(told[-1:])) else () if told else place.pythons
        yield from runners.follow(command, inner)
    elif verb == "tool" and after[:1] == ["run"]:
        yield from _tool(runners, after[1:], place)
    elif verb in _CHECKING:
        yield place.task(("uv", *words))


def _tool(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    """Follow ``uvx`` and the like, which install the tool that they run."""
    command = arguments(words)
    if command and (match := _NAME.match(command[0])):
        before = words[: len(words) - len(command)]
        named = command[0].partition("@")[0]
        version = match["version"]
        pinned = f"{named}=={version}" if version and version != "latest" else named
        told = [value for option, value in itertools.pairwise([*before, ""]) if option in ("--from", "--spec")]
        needs = pip_install(told[:1] or [pinned]) | besides(before)
        yield from runners.follow([match["name"], *command[1:]], place.within(place.where, needs))


def _pipx(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    verb, after = _verb(words)
    if verb == "run":
        yield from _tool(runners, after, place)


def _npx(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    """Follow a tool that also exists for npm, such as pyright; it inspects the current environment."""
    inner = place.within(place.where)
    for task in _tool(runners, words, inner):
        yield place.within(place.where, place.needs | task.needs).task(task.command)


def _poetry(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    verb, after = _verb(words)
    if verb in ("install", "sync"):
        place.needs = poetry_install(runners.project, after)
    elif verb == "run":
        needs = place.needs if place.needs.project else poetry_install(runners.project, [])
        inner = place.within(place.where, needs)
        yield from runners.follow(after, inner)
        place.needs = inner.needs
    elif verb in _CHECKING:
        yield place.task(("poetry", *words))


def _pdm(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    verb, after = _verb(words)
    if verb in ("install", "sync"):
        place.needs = pdm_install(runners.project, after)
        return
    scripts = Scripts(runners.project.tool("pdm").get("scripts"), surrounded=True)
    command = arguments(after) if verb == "run" else [verb, *after]
    inner = place.within(place.where, place.needs if place.needs.project else pdm_install(runners.project, []))
    if command and command[0] in scripts:
        yield from _lines(runners, scripts, command, inner)
    elif verb == "run":
        yield from runners.follow(command, inner)
    elif verb in _CHECKING:
        yield place.task(("pdm", *words))


def _poe(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    project, needs = runners.project, place.needs
    if not needs.project and project.poetry:
        needs = poetry_install(project, [])
    elif not needs.project and (project.root / "uv.lock").is_file():
        needs = uv_sync(project, [])
    for name, *rest in filter(None, [arguments(words)]):
        inner = place.within(f"{place.where}, poe {name}", needs)
        yield from _lines(runners, Scripts(project.tool("poe").get("tasks")), [name, *rest], inner)


def _taskipy(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    scripts = Scripts(runners.project.tool("taskipy").get("tasks"), surrounded=True)
    yield from _lines(runners, scripts, words, place) if words else ()


def _lines(runners: Runners, scripts: Scripts, command: list[str], place: Place) -> Iterator[Task]:
    for line in scripts.lines(command[0], command[1:]):
        yield from runners.script(line.text, place.within(place.where, env=tuple(line.env.items())))


def _hatch(runners: Runners, words: list[str], place: Place) -> Iterator[Task]:
    env = next((value for option, value in itertools.pairwise(words) if option in ("-e", "--env")), DEFAULT)
    left = arguments(words, {"-e", "--env", "-p", "--project"})
    if left[:2] == ["env", "run"]:
        yield from _in_environment(runners, env, arguments(left[2:], {"-e", "--env", "-i", "-f"}), place)
        return
    verb, after = (left[0], left[1:]) if left else ("", [])
    if verb == "test":
        behind = after[after.index("--") + 1 :] if "--" in after else []
        yield from _in_environment(runners, TEST, ["run", *behind], place)
    elif verb == "fmt" and "--check" in after:
        inner = place.within(f"{place.where}, hatch fmt", Needs(requirements=("ruff",)))
        if not {"-f", "--formatter"} & set(after):
            yield inner.task(("ruff", "check", "."))
        if not {"-l", "--linter"} & set(after):
            yield inner.task(("ruff", "format", "--check", "."))
    elif verb == "run":
        command = [word for word in arguments(after) if not word.startswith("+")]
        named, colon, first = command[0].rpartition(":") if command else ("", "", "")
        yield from _in_environment(runners, named if colon else env, [first, *command[1:]], place)


def _in_environment(runners: Runners, env: str, command: list[str], place: Place) -> Iterator[Task]:
    """Follow a script or a command in a hatch environment, which may be selected from its matrix."""
    known = (*runners.hatch.names, DEFAULT, TEST)
    name = next((name for name in (env, env.partition(".")[0]) if name in known), None)
    if name is None or not command:
        return
    inner = place.within(f"hatch environment {name}", runners.hatch.needs(name), runners.hatch.env(name))
    script = runners.hatch.script(name, command[0], shlex.join(command[1:]))
    if script is None:
        yield from runners.follow(command, inner)
    else:
        yield from runners.script(script, inner)


MANAGERS: dict[str, Runner] = {
    "uv": _uv,
    "uvx": _tool,
    "pipx": _pipx,
    "npx": _npx,
    "poetry": _poetry,
    "pdm": _pdm,
    "poe": _poe,
    "poethepoet": _poe,
    "task": _taskipy,
    "hatch": _hatch,
}
"""The functions that follow programs, by program name."""
