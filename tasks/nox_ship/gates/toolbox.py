"""The commands that a gate runs, and their versions: the same as in the project's own automation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from packaging.utils import canonicalize_name

from nox_ship.automation import locks, precommit, requirements
from nox_ship.automation.checkers import CHECKERS, distribution, hooked, judging, verb
from nox_ship.automation.groups import Groups, provides
from nox_ship.automation.needs import EVERY, Needs
from nox_ship.automation.shell import program
from nox_ship.automation.task import Task
from nox_ship.automation.tasks import Automation
from nox_ship.config import Command
from nox_ship.errors import Kind, shorten
from nox_ship.project import Project, minor, strings

TOOL_NOT_INSTALLED = Kind("NS438", "tool-not-installed", "Rerun when uv can reach its package index.")

_THRESHOLD = re.compile(r"--(?:cov-)?fail-under(?:=| )(\d{1,3}(?:\.\d{1,9})?)(?= |$)")
_CHECK = re.compile(
    r"(?<![a-z])(?:check|lint|test|doctest|valid|verif|spell|doc8|rstcheck|sphinx-build|mkdocs build|tsc)|--strict"
)
_OURS = re.compile(
    r"nox\b|coverage\b|twine check|(?:python -m )?build\b|check-wheel-contents|pip-audit|git\b|gh\b|curl\b|apt"
)
"""Commands that other gates of ours replace, or that check nothing."""
_LOOKING_AROUND = ("pyright", "basedpyright", "ty", "pyrefly")
"""Type checkers that treat an import that they cannot find as an error; mypy's hook ignores those."""
_FOR_CODE = ("dev", "test", "tests", "testing", "typing", "types", "typecheck", "lint")
"""Groups and extras with the imports of the code and its tests."""
_SHOWN = 100
"""How many characters of a command are shown."""
_ASIDE = re.compile(r"doc|bench|example|integration|e2e|nightly|pypy|typing|lowest|minimum|min[-_]?vers", re.IGNORECASE)


@dataclass(frozen=True)
class RecipeStep:
    """Commands that share an environment, and what is installed in it."""

    requirements: tuple[str, ...] = ()
    project: bool = False
    """Whether to install the project itself, editable, with its dependencies."""
    commands: tuple[Command, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    """Requirements files, relative to the project's folder."""
    extras: tuple[str, ...] = ()
    """Extras of the project to install."""
    constraints: tuple[str, ...] = ()
    """Lines of a constraints file: the versions of the project's lock."""
    why: str = ""
    """The origin of commands and versions."""
    lowest: bool = False
    """Whether to lower the project's installed dependencies to the lowest versions that its metadata allows."""
    folder: str = "."
    """The working folder of the commands, relative to the project's folder."""
    installed: bool = False
    """Whether to install the project as users do, and run the commands where its sources cannot be imported."""


class Toolbox:
    """The project's own tools for checking its code."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.groups = Groups.of(project)
        self.notes: list[str] = []
        """Notes for users who wonder why a gate fails."""

    @cached_property
    def automation(self) -> Automation:
        """The project's own automation."""
        found = Automation(self.project)
        self.notes += found.unreadable
        return found

    def tasks(self, gate: str) -> list[Task]:
        """Return the checks in the project's automation that belong to a gate.

        If CI runs a tool directly, its pre-commit hook is left out; if one command checks the code in several
        environments, the largest one is used.
        """
        found: dict[tuple[Command, bool], Task] = {}
        for task in self.automation.tasks:
            command = _as_check(task)
            if command is None or task.gate != gate:
                continue
            key = (command, task.measured)
            there = found.get(key)
            if there is None or (gate != "tests" and (there.needs | task.needs) == task.needs):
                found[key] = replace(task, command=command)
            if there is not None:
                pythons = {*there.pythons, *task.pythons} if there.pythons and task.pythons else ()
                found[key] = replace(found[key], pythons=tuple(sorted(pythons, key=minor)))
        direct = {_kind(task.command) for task in found.values() if not task.hooked}
        return [task for task in found.values() if not (task.hooked and _kind(task.command) in direct)]

    @property
    def decides(self) -> bool:
        """Whether the project's CI is understood, so that what it does not run is not a gate."""
        return any(task.ci and task.gate == "tests" for task in self.automation.tasks)

    def has(self, tool: str) -> bool:
        """Whether the project's automation runs a tool, or its development requirements include it."""
        return any(task.program == tool for task in self.automation.tasks) or self.requirement(tool) != tool

    def tests(self) -> Task | None:
        """Return the task that runs the tests; if possible, not those of documentation, benchmarks or old versions.

        Of several tasks with one program, it is the one that CI measures coverage with.
        """
        tasks = self.tasks("tests")
        usual = [task for task in tasks if not _ASIDE.search(f"{task.where} {' '.join(task.command)}")] or tasks
        measured = (task for task in usual if task.measured and task.program == usual[0].program)
        return next(measured, next(iter(usual), None))

    def measured_with(self, task: Task) -> tuple[Command, ...]:
        """Return what the project's automation measures along with a task, as part of its coverage."""
        beside = [
            one for one in self.automation.tasks if one.measured and (one.where, one.needs) == (task.where, task.needs)
        ]
        return (
            tuple(dict.fromkeys(one.command for one in beside if one.command != task.command)) if task.measured else ()
        )

    def left_out(self) -> Iterator[str]:
        """Yield the checks in the project's automation that no gate runs, each with its place."""
        run = {task.command for gate in ("lint", "typecheck") for task in self.tasks(gate)}
        tests = self.tests()
        run |= set(self.measured_with(tests) if tests else ())
        told: set[tuple[str, str]] = set()
        for task in self.automation.tasks:
            if task.gate == "tests":
                left = tests is not None and task.command not in {tests.command, *run}
            elif task.gate:
                command = _as_check(task)
                left = command is not None and command not in run and not task.hooked
            else:
                left = (
                    task.command not in run
                    and _CHECK.search(" ".join(task.command)) is not None
                    and not _OURS.match(" ".join(task.command))
                )
            words = " ".join(task.command)[:_SHOWN]
            if left and (words, task.where) not in told:
                told.add((words, task.where))
                yield task.where if task.hooked else f"{task.where}: {words}"
        if others := self.automation.other_hooks:
            yield f"{precommit.FILE}: {shorten(others)}"

    def threshold(self) -> float | None:
        """Return the coverage threshold of the project's automation in percent; None if it has none."""
        texts = (" ".join(task.command) for task in self.automation.tasks if task.program in ("pytest", "coverage"))
        found = (float(match[1]) for text in texts if (match := _THRESHOLD.search(text)))
        return next((value for value in found if value <= 100), None)  # noqa: PLR2004 - percent

    def combines(self) -> bool:
        """Whether the project's CI measures in several jobs, and checks the threshold for all of them together."""
        return any(task.command[:2] == ("coverage", "combine") for task in self.automation.tasks if task.ci)

    def steps(self, tasks: Iterable[Task]) -> tuple[RecipeStep, ...]:
        """Return the steps that run tasks; tasks with the same needs share a step, in order."""
        joined: dict[tuple[Needs, tuple[tuple[str, str], ...], str], list[Task]] = {}
        for task in tasks:
            joined.setdefault((task.needs, task.env, task.folder), []).append(task)
        return _joined(self.step(same[0], [task.command for task in same]) for same in joined.values())

    def step(self, task: Task, commands: Sequence[Command]) -> RecipeStep:
        """Return a step with the needs of a task."""
        needs = task.needs | self._around(task)
        commands = [self._expanded(command) for command in commands]
        pylocks = tuple(name for name in needs.files if locks.is_pylock(name))
        files = tuple(name for name in needs.files if name not in pylocks and self._usable(name))
        lines = (*needs.requirements, *self._of_pylocks(pylocks), *self._of_groups(needs.groups))
        listed = [line for name in files for line in requirements.lines(self.project, name)]
        tools = dict.fromkeys(program(command) for command in commands)
        for tool in tools:
            if tool in CHECKERS and not provides((*lines, *listed), canonicalize_name(distribution(tool))):
                lines = (*lines, self.requirement(distribution(tool)))
        constraints, versions = self._locked(needs.locked or bool(pylocks), lines, pylocks or locks.FILES)
        return RecipeStep(
            requirements=tuple(dict.fromkeys(lines)),
            project=needs.project,
            commands=tuple(commands),
            env=dict(task.env),
            files=files,
            extras=self._extras(needs.extras),
            constraints=constraints,
            why=", ".join(filter(None, (f"as in {task.where}", versions))),
            folder=task.folder,
        )

    def _around(self, task: Task) -> Needs:
        """Return the needs of a type checker's hook that looks up imports and reports missing ones.

        Its own pre-commit environment has none of them; it is configured to use the project's.
        """
        if not (task.hooked and task.program in _LOOKING_AROUND and task.needs.requirements):
            return Needs()
        known = self.groups.requirements
        lines = tuple(line for name in _FOR_CODE for line in known.get(name, ()))
        file = None if lines else requirements.usual(self.project)
        return Needs(requirements=lines, files=(file,) if file else (), project=True, locked=True)

    def _expanded(self, command: Command) -> Command:
        """Return a command with patterns such as ``docs/*.rst`` expanded, as a shell would."""
        words: list[str] = []
        for word in command:
            plain = "*" in word and not word.startswith(("-", "/")) and ".." not in word
            found = sorted(self.project.root.glob(word)) if plain else []
            words += [path.relative_to(self.project.root).as_posix() for path in found] or [word]
        return tuple(words)

    def own(self, lines: Sequence[str]) -> tuple[tuple[str, ...], str]:
        """Return the constraints for requirements from the project's groups, and their origin."""
        return self._locked(bool(lines), lines)

    def requirement(self, default: str) -> str:
        """Return a tool's requirement from a group, a pre-commit hook or a requirements file, or else ``default``."""
        if (found := self.groups.requirement_for(default)) != default:
            return found
        name = canonicalize_name(re.split(r"[\[<>=!~ ]", default)[0])
        if version := self._pins.get(name):
            return f"{name}=={version}"
        usual = requirements.usual(self.project)
        lines = requirements.lines(self.project, usual) if usual and self._usable(usual) else ()
        return next((line for line in lines if provides((line,), name)), default)

    @cached_property
    def _pins(self) -> dict[str, str]:
        return precommit.pinned(self.project)

    def _locked(
        self, wanted: bool, lines: Sequence[str], names: Sequence[str] = locks.FILES
    ) -> tuple[tuple[str, ...], str]:
        if not wanted:
            return (), ""
        lock, why_not = locks.fitting(self.project, lines, names)
        if why_not and why_not not in self.notes:
            self.notes.append(why_not)
        return (lock.constraints, f"versions of {lock.file}") if lock else ((), "")

    def _usable(self, name: str) -> bool:
        reason = requirements.unusable(self.project, name)
        if reason and (note := f"{reason}, so it is ignored") not in self.notes:
            self.notes.append(note)
        return reason is None

    def _of_pylocks(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            lock, _ = locks.read(self.project, (name,))
            yield from lock.requirements if lock else ()

    def _of_groups(self, names: Iterable[str]) -> Iterator[str]:
        known = self.groups.requirements
        extras = {canonicalize_name(name) for name in self._declared_extras}
        for name in names:
            wanted = [one for one in known if one not in extras] if name == EVERY else [canonicalize_name(name)]
            for one in wanted:
                yield from known.get(one, ())

    def _extras(self, names: Iterable[str]) -> tuple[str, ...]:
        declared = {canonicalize_name(name): name for name in self._declared_extras}
        return tuple(declared) if EVERY in names else tuple(dict.fromkeys(names))

    @property
    def _declared_extras(self) -> list[str]:
        extras = self.project.metadata.get("optional-dependencies") or self.project.poetry.get("extras")
        return strings(list(extras)) if isinstance(extras, Mapping) else []


def _joined(steps: Iterable[RecipeStep]) -> tuple[RecipeStep, ...]:
    """Return steps, merging those with the same needs however they are written; each further step is an environment."""
    found: dict[str, RecipeStep] = {}
    for step in steps:
        needs = replace(step, requirements=tuple(sorted(step.requirements)), commands=())
        there = found.get(repr(needs))
        found[repr(needs)] = replace(there, commands=(*there.commands, *step.commands)) if there else step
    return tuple(found.values())


def _as_check(task: Task) -> Command | None:
    """Return a task's command as one that changes nothing; None if it checks nothing."""
    return hooked(task.command) if task.hooked else judging(task.command)


def _kind(command: Command) -> tuple[str, str]:
    """Return the identity of a check: the tool, and for ruff which of its two commands."""
    return program(command), verb(command)
