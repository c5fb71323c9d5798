"""What the gates lint, typecheck, tests and coverage install and run in a given project.

A recipe is plain data: it can be shown, tested, and run by anything with a virtual environment.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nox_ship.automation import requirements
from nox_ship.automation.checkers import CHECKERS, checker, distribution, verb
from nox_ship.automation.groups import provides
from nox_ship.automation.needs import Needs
from nox_ship.automation.ours import NOXFILE
from nox_ship.automation.task import Task
from nox_ship.config import Command, GateSettings
from nox_ship.errors import Kind, ShipError, shorten
from nox_ship.gates.dialect import as_in_ci
from nox_ship.gates.measuring import (
    addopts,
    coverage_config,
    coverage_folder,
    left_out,
    measured,
    measuring_tool,
    threshold,
)
from nox_ship.gates.noxfile import not_measured
from nox_ship.gates.own import Decision
from nox_ship.gates.toolbox import RecipeStep, Toolbox
from nox_ship.project import Project

NO_COVERAGE_DATA = Kind(
    "NS411",
    "no-coverage-data",
    "Run the tests first, without arguments, or copy the `.nox-ship/coverage` of their jobs here; your own sessions"
    " must measure into `.nox-ship/coverage/data.*`.",
)

TESTS_IN_PACKAGE = Kind(
    "NS412",
    "tests-in-package",
    'Run them from the installed package, such as `tests.run = ["pytest --pyargs NAME"]`, or move them out of it.',
)

_TEST_GROUPS = ("test", "tests", "testing", "dev")
_TYPING_GROUPS = ("typing", "types", "typecheck", "type-check", "mypy", "dev")
# Syntax errors and undefined names, which are wrong by any rules, for projects without rules for ruff.
_CERTAIN, _UNDEFINED = "--select=E9,F63,F7", ",F82"
_LINT_GROUPS = ("lint", "linting", "style", "dev")
_TYPE_CHECKERS = ("mypy", "pyright", "basedpyright", "ty", "pyrefly")
_LINTERS = {
    "flake8": (".flake8",),
    "black": (),
    "isort": (".isort.cfg",),
    "pylint": (".pylintrc", "pylintrc"),
}
"""Linters besides ruff, with the files that hold only their settings."""
_REPORTS = re.compile(r"--(?:cov-(?:report|fail-under|append)|junit-?xml|no-cov-on-fail)(?:=.*)?")
_REPORTS_TO = {"--cov-report", "--cov-fail-under", "--junitxml", "--junit-xml"}
"""Options of pytest for reports, which have a value of their own."""
_EVERY_FILE = {"--doctest-modules", "--mypy", "--ruff", "--black", "--flake8", "--isort", "--pylint"}
"""Options that make pytest collect every Python file, its own and plugins'."""


@dataclass(frozen=True)
class Recipe:
    """How to run one gate: what to install and run, in one or several environments, or why there is nothing to run."""

    steps: tuple[RecipeStep, ...] = ()
    skip: str | None = None
    """Why the project has nothing for this gate."""
    notes: tuple[str, ...] = ()
    """Notes for users who wonder why the gate fails."""


def lint(project: Project, posargs: Sequence[str] = ()) -> Recipe:
    """Return the recipe of the lint gate: what the project's automation runs, else what it has settings for."""
    settings = project.settings.lint
    box = Toolbox(project)
    if settings.run:
        return _own(box, settings, "lint", _LINT_GROUPS, posargs)
    tasks = box.tasks("lint")
    if posargs:  # a manual run may use any arguments
        task = next(iter(tasks), Task(("ruff", "check"), "your arguments"))
        return _finished(box, settings, "lint", [box.step(task, [_by_hand(task, posargs)])])
    if tasks:
        return _finished(box, settings, "lint", box.steps(tasks))
    commands = [] if box.decides else [*_ruff(project), *_other_linters(box)]
    why = "the project's settings"
    if not commands:
        targets = [path.as_posix() for path in project.packages]
        old = bool(str(project.requires_python)) and project.requires_python.contains("2.7.18")
        # Code that also supports Python 2 uses names that Python 3 lacks.
        commands = [("ruff", "check", "--no-fix", f"{_CERTAIN}{'' if old else _UNDEFINED}", *targets)]
        why = f"no linter is {'run by CI' if box.decides else 'set up'}: only definite errors are reported"
    requirements = _chosen(settings, box, "lint")
    for command in commands:
        requirements = _with_tool(requirements, box, command[0])
    constraints, versions = box.own(requirements)
    step = RecipeStep(requirements, commands=tuple(commands), constraints=constraints, why=_told(why, versions))
    return _finished(box, settings, "lint", [step])


def typecheck(project: Project, posargs: Sequence[str] = ()) -> Recipe:
    """Return the recipe of the typecheck gate: what the project's automation runs, else its type checkers."""
    settings = project.settings.typecheck
    box = Toolbox(project)
    if settings.run:
        return _own(box, settings, "typecheck", _TYPING_GROUPS, posargs, project=True)
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    tasks = [as_in_ci(project, task, running) for task in box.tasks("typecheck")]
    if tasks and posargs:
        return _finished(box, settings, "typecheck", [box.step(tasks[0], [_by_hand(tasks[0], posargs)])])
    if tasks:
        return _finished(box, settings, "typecheck", box.steps(tasks))
    if box.decides and not posargs:
        return Recipe(skip="the project's CI checks no types; set a checker in `tool.nox-ship.typecheck.run`")
    commands = _type_checks(box, posargs)
    if not commands:
        return Recipe(skip="the project has no type checker; set one in `tool.nox-ship.typecheck.run`")
    chosen = _chosen(settings, box, "typecheck") or box.groups.fitting(_TYPING_GROUPS, commands[0][0])
    for command in commands:
        chosen = _with_tool(chosen, box, command[0])
    constraints, versions = box.own(chosen)
    why = _told("the project's settings", versions)
    step = RecipeStep(chosen, project=True, commands=tuple(commands), constraints=constraints, why=why)
    return _finished(box, settings, "typecheck", [step])


def tests(project: Project, python: str | None, posargs: Sequence[str] = ()) -> Recipe:  # noqa: PT028 - not a test
    """Return the recipe of the tests gate on one Python.

    Coverage is measured for the coverage gate unless the user gave arguments, which select some of the tests.

    Args:
        project: The project.
        python: The Python's version; it names the file with the measurement. With None, nothing is measured.
        posargs: Arguments for pytest.

    Raises:
        ShipError: They should run against the installed project, but are part of its package (NS412).
    """
    settings = project.settings.tests
    box = Toolbox(project)
    if settings.run:
        own = _own(box, settings, "tests", _TEST_GROUPS, posargs, project=True)
        return dataclasses.replace(
            own, steps=tuple(dataclasses.replace(step, installed=settings.installed) for step in own.steps)
        )
    task = box.tests()
    if not project.test_paths and task is None:
        return Recipe(skip="no tests were found in tests/, test/ or pytest's testpaths")
    inside = [path for path in project.test_paths if any(Path(path).is_relative_to(one) for one in project.packages)]
    if settings.installed and inside:
        raise ShipError(TESTS_IN_PACKAGE(f"{shorten(inside)} is part of the package that is to be tested."))
    command = _without_reports(task.command) if task else ("pytest", *project.test_arguments)
    if posargs:
        command = (*_runner_of(command), *posargs)
    elif _reads_noxfile(project, command):
        command = (*command, f"--ignore={NOXFILE}")
    commands = [command, *(box.measured_with(task) if task and not posargs else ())]
    step = box.step(task, commands) if task and task.needs != Needs() else _by_name(box, commands)
    if chosen := _chosen(settings, box, "tests"):
        wanted = _with_tool(chosen, box, distribution(command[0]) if command[0] != "python" else "pytest")
        step = dataclasses.replace(step, requirements=wanted, files=(), extras=())
    if any(word.startswith("--cov") for word in (*addopts(project), *command)):
        step = dataclasses.replace(step, requirements=_with_tool(step.requirements, box, "pytest-cov"))
    if python and not posargs and "coverage" in project.settings.gates:
        step = measured(box, step, python)
    return _finished(box, settings, "tests", [dataclasses.replace(step, project=True, installed=settings.installed)])


def _runner_of(command: Command) -> Command:
    """Return the part of a test command that the user's arguments are added to: without its own arguments."""
    return command[: 1 if command[0] != "python" else 3 if command[1] == "-m" else 2]


def tests_read_noxfile(project: Project) -> bool:
    """Whether the tests, as the project's automation runs them, would import the noxfile."""
    task = Toolbox(project).tests()
    there = bool(project.test_paths or task) and not project.settings.tests.run
    return there and _reads_noxfile(project, task.command if task else ("pytest", *project.test_arguments))


def _reads_noxfile(project: Project, command: Command) -> bool:
    """Whether pytest collects the noxfile, which imports nox: for doctests, or for a linter plugin."""
    words = (*addopts(project), *command[1:])
    if command[0] not in ("pytest", "py.test") or not _EVERY_FILE & set(words):
        return False
    places = [word for word in command[1:] if not word.startswith("-") and (project.root / word).exists()]
    return "." in places or not (places or project.pytest_options.get("testpaths"))


def _by_name(box: Toolbox, commands: Sequence[Command]) -> RecipeStep:
    """Return the step for tests if no automation shows their environment: groups, extras or files with usual names."""
    command = commands[0]
    tool = "pytest" if command[0] != "python" else None
    lines = box.groups.fitting(_TEST_GROUPS, tool)
    file = None if lines else requirements.usual(box.project)
    needs = Needs(requirements=lines, files=(file,) if file else (), project=True, locked=True)
    step = box.step(Task(command, file or "its groups and extras", needs), commands)
    if not (lines or file):
        called = ", ".join(_TEST_GROUPS)
        box.notes.append(f"no group, extra or requirements file is called {called}, so only the tools are installed")
    return step


def coverage(
    project: Project,
    posargs: Sequence[str] = (),
    environments: Path | None = None,
    unmeasured: Decision | None = None,
) -> Recipe:
    """Return the recipe of the coverage gate: combine the measurements, check the threshold.

    The threshold is that of the settings, else coverage's own, else that of the project's automation. If CI measures in
    several jobs, the project's threshold is for all of them together, and is not checked here.

    Args:
        project: The project.
        posargs: Additional options of the report.
        environments: The folder of nox's environments, which may contain the coverage that was used to measure.
        unmeasured: The decision because of which the project's own tests measure nothing for this gate; None if they
            do.

    Raises:
        ShipError: The project has tests, but nothing was measured (NS411), or will be (NS841).
    """
    if unmeasured:
        raise ShipError(not_measured(unmeasured))
    settings = project.settings.coverage
    box = Toolbox(project)
    if settings.run:
        return _own(box, settings, "coverage", ("coverage", *_TEST_GROUPS), posargs)
    if not project.test_paths and not project.settings.tests.run and box.tests() is None:
        return Recipe(skip="the project has no tests to measure")
    data = sorted(path.as_posix() for path in coverage_folder(project).glob("data.*"))
    if project.settings.tests.run and not data:
        return Recipe(skip="the project's own test commands measured nothing into .nox-ship/coverage")
    if not data:
        raise ShipError(NO_COVERAGE_DATA("There is no coverage data yet."))
    combined = f"--data-file={(coverage_folder(project) / 'combined').as_posix()}"
    config = coverage_config(project)
    there = measuring_tool(environments) if environments else None
    tool = there or "coverage"
    step = RecipeStep(
        () if there else _chosen(settings, box, "coverage") or (box.requirement("coverage"),),
        commands=(
            (tool, "combine", "--keep", "--quiet", *config, combined, *data),
            (tool, "report", *config, combined, *left_out(project), *threshold(box), *posargs),
        ),
    )
    return _finished(box, settings, "coverage", [step])


def own_audit(project: Project, posargs: Sequence[str] = ()) -> Recipe:
    """Return the recipe of an audit with the project's own commands."""
    return _own(Toolbox(project), project.settings.audit, "audit", ("audit", "security"), posargs, project=True)


def _own(
    box: Toolbox,
    settings: GateSettings,
    gate: str,
    fitting: tuple[str, ...],
    posargs: Sequence[str],
    *,
    project: bool = False,
) -> Recipe:
    """Return the recipe of a gate with the project's own commands."""
    wanted = _chosen(settings, box, gate) or box.groups.fitting(fitting)
    for command in settings.run:
        if checker(command) or command[0] == "coverage":
            wanted = _with_tool(wanted, box, command[0])
    constraints, versions = box.own(wanted)
    *before, last = settings.run
    commands = (*before, (*last, *posargs))
    why = _told(f"`tool.nox-ship.{gate}.run`", versions)
    return _finished(box, settings, gate, [RecipeStep(wanted, project, commands, constraints=constraints, why=why)])


def _finished(box: Toolbox, settings: GateSettings, gate: str, steps: Iterable[RecipeStep]) -> Recipe:
    """Return a recipe of steps, with the additional installations from its gate's settings."""
    chosen = _chosen(settings, box, gate)
    further = [
        dataclasses.replace(step, requirements=tuple(dict.fromkeys((*chosen, *step.requirements, *settings.install))))
        for step in steps
    ]
    return Recipe(tuple(further), notes=tuple(box.notes))


def _chosen(settings: GateSettings, box: Toolbox, gate: str) -> tuple[str, ...]:
    return box.groups.named(settings.groups, f"tool.nox-ship.{gate}.groups") if settings.groups else ()


def _by_hand(task: Task, posargs: Sequence[str]) -> Command:
    """Return a task's program with the user's arguments instead of its own."""
    return (task.program, *filter(None, (verb(task.command),)), *posargs)


def _with_tool(wanted: tuple[str, ...], box: Toolbox, tool: str) -> tuple[str, ...]:
    return wanted if provides(wanted, tool) else (*wanted, box.requirement(tool))


def _told(why: str, versions: str) -> str:
    return f"{why}, {versions}" if versions else why


def _ruff(project: Project) -> list[Command]:
    """Return ruff's checks, and its formatter if the project configures it; none if it has no settings."""
    checks: list[Command] = [("ruff", "check", "--no-fix")] if _has_ruff_settings(project) else []
    return [*checks, ("ruff", "format", "--check")] if _formats_with_ruff(project) else checks


def _other_linters(box: Toolbox) -> Iterator[Command]:
    """Yield the commands of the linters besides ruff that the project has settings for."""
    project = box.project
    targets = tuple(dict.fromkeys((*(path.as_posix() for path in project.packages), *project.test_paths)))
    for linter, files in _LINTERS.items():
        inis = any(linter in project.ini(name) for name in ("setup.cfg", "tox.ini"))
        if inis or project.tool(linter) or any((project.root / name).is_file() for name in files):
            check = CHECKERS[linter].judging
            looked_at = targets[: len(project.packages)] if linter == "pylint" else targets
            yield (linter, *((check,) if check else ()), *looked_at)


def _type_checks(box: Toolbox, posargs: Sequence[str]) -> list[Command]:
    """Return the commands of the type checkers that the project has settings for, or in a group."""
    project = box.project
    options = _mypy_options(project)
    found: list[Command] = []
    for tool in _TYPE_CHECKERS:
        there = any(provides(lines, tool) for lines in box.groups.requirements.values())
        told = options is not None if tool == "mypy" else bool(project.tool(tool))
        if not (there or told or (tool == "pyright" and (project.root / "pyrightconfig.json").is_file())):
            continue
        named = any(key in (options or {}) for key in ("files", "packages", "modules"))
        targets = [path.as_posix() for path in project.packages] if tool == "mypy" and not named and not posargs else []
        found.append((tool, *CHECKERS[tool].verbs, *targets, *posargs))
    return found[:1] if posargs else found


def _without_reports(command: Command) -> Command:
    """Return a test command without options for reports, which we add ourselves."""
    words, left = [], iter(command)
    for word in left:
        if word in _REPORTS_TO:
            next(left, None)
        elif word and not _REPORTS.fullmatch(word):
            words.append(word)
    return tuple(words)


def _has_ruff_settings(project: Project) -> bool:
    return bool(project.tool("ruff")) or any((project.root / name).is_file() for name in ("ruff.toml", ".ruff.toml"))


def _formats_with_ruff(project: Project) -> bool:
    if "format" in project.tool("ruff"):
        return True
    names = ("ruff.toml", ".ruff.toml")
    return any("[format]" in project.read_text(name) for name in names)


def _mypy_options(project: Project) -> dict[str, Any] | None:
    """Return mypy's global options from the first file that it would read; None if there is none."""
    for name in ("mypy.ini", ".mypy.ini"):
        if (project.root / name).is_file():
            return dict(project.ini(name).get("mypy", {}))
    if options := project.tool("mypy"):
        return dict(options)
    return project.ini("setup.cfg").get("mypy")
