"""What the gates lint, typecheck, tests and coverage install and run in a given project.

A recipe is plain data: it can be shown, tested and run by anything that has a virtual environment.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nox_ship.automation.groups import Groups, provides
from nox_ship.config import Command, GateSettings
from nox_ship.errors import Kind, ShipError
from nox_ship.files import write_whole
from nox_ship.project import Project, strings

NO_COVERAGE_DATA = Kind(
    "NS411",
    "no-coverage-data",
    "Run `nox -s tests` first, or bring the `.nox-ship/coverage` of the jobs here; where the tests are a session of"
    " your own, let it measure into `.nox-ship/coverage/data.*`, or take `coverage` out of `gates`.",
)

_TEST_GROUPS = ("test", "tests", "testing", "dev")
_TYPING_GROUPS = ("typing", "types", "typecheck", "type-check", "mypy", "dev")
# What is wrong by anyone's rules, syntax errors and undefined names, for projects that chose no rules of ruff's.
_CERTAIN = ("--select=E9,F63,F7,F82",)
_TOOLS = {"ruff", "mypy", "pytest", "coverage"}
_OTHER_LINTERS = {"flake8": (".flake8",), "pylint": (".pylintrc", "pylintrc")}


@dataclass(frozen=True)
class Recipe:
    """How to run one gate: what to install, what to run, or why there is nothing to run."""

    requirements: tuple[str, ...] = ()
    project: bool = False
    """Install the project itself, editable, with its dependencies."""
    commands: tuple[Command, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    skip: str | None = None
    """Why the project has nothing for this gate."""
    note: str | None = None
    """What a person should know who wonders why the gate fails."""


def lint(project: Project, posargs: Sequence[str] = ()) -> Recipe:
    """Return the recipe of the lint gate: ruff's checks, and its formatter where the project configures it."""
    settings = project.settings.lint
    groups = Groups.of(project)
    if settings.run:
        return _own(settings, groups, "lint", ("lint", "linting", "style", "dev"), posargs)
    if (other := _other_linter(project)) and not _has_ruff_settings(project):
        return Recipe(skip=f"the project is set up for {other}; name its command in `tool.nox-ship.lint.run`")
    # A gate judges the code, it does not change it; by hand, anything goes.
    options = posargs or ("--no-fix", *(() if _has_ruff_settings(project) else _CERTAIN))
    commands: list[Command] = [("ruff", "check", *options)]
    if not posargs and _formats_with_ruff(project):
        commands.append(("ruff", "format", "--check"))
    requirements = _chosen(settings, groups, "lint") or (groups.requirement_for("ruff"),)
    return Recipe((*_with_tool(requirements, groups, "ruff"), *settings.install), commands=tuple(commands))


def typecheck(project: Project, posargs: Sequence[str] = ()) -> Recipe:
    """Return the recipe of the typecheck gate: mypy, on what its settings name, else on the packages."""
    settings = project.settings.typecheck
    groups = Groups.of(project)
    if settings.run:
        return _own(settings, groups, "typecheck", _TYPING_GROUPS, posargs, project=True)
    options = _mypy_options(project)
    if options is None:
        return Recipe(
            skip="the project has no settings for mypy; another checker goes in `tool.nox-ship.typecheck.run`"
        )
    named = any(key in options for key in ("files", "packages", "modules"))
    targets = () if named or posargs else tuple(path.as_posix() for path in project.packages)
    chosen = _chosen(settings, groups, "typecheck") or groups.fitting(_TYPING_GROUPS, "mypy")
    requirements = (*_with_tool(chosen, groups, "mypy"), *settings.install)
    return Recipe(requirements, project=True, commands=(("mypy", *targets, *posargs),))


def tests(project: Project, python: str, posargs: Sequence[str] = ()) -> Recipe:  # noqa: PT028 - not a test
    """Return the recipe of the tests gate on one Python.

    Tests are measured for the coverage gate unless arguments were given by hand, which choose a part of them.

    Args:
        project: The project.
        python: The Python's version; it names the file with the measurement.
        posargs: Arguments for pytest.
    """
    settings = project.settings.tests
    groups = Groups.of(project)
    if settings.run:
        return _own(settings, groups, "tests", _TEST_GROUPS, posargs, project=True)
    if not project.test_paths:
        return Recipe(skip="no tests were found in tests/, test/ or pytest's testpaths")
    chosen = _chosen(settings, groups, "tests") or groups.fitting(_TEST_GROUPS, "pytest")
    requirements = (*_with_tool(chosen, groups, "pytest"), *settings.install)
    pytest = ("pytest", *(posargs or project.test_arguments))
    note = None if chosen else f"no group or extra is called {', '.join(_TEST_GROUPS)}: only the tools are installed"
    if any(word.startswith("--cov") for word in _addopts(project)):
        requirements = _with_tool(requirements, groups, "pytest-cov")
    recipe = Recipe(requirements, project=True, commands=(pytest,), note=note)
    if posargs or "coverage" not in project.settings.gates:
        return recipe
    return _measured(project, groups, recipe, python)


def coverage(project: Project, posargs: Sequence[str] = ()) -> Recipe:
    """Return the recipe of the coverage gate: combine what was measured, hold the threshold.

    Raises:
        ShipError: The project has tests, but nothing was measured (NS411).
    """
    settings = project.settings.coverage
    groups = Groups.of(project)
    if settings.run:
        return _own(settings, groups, "coverage", ("coverage", *_TEST_GROUPS), posargs)
    if not project.test_paths and not project.settings.tests.run:
        return Recipe(skip="the project has no tests to measure")
    measured = coverage_folder(project).glob("data.*")
    if project.settings.tests.run and next(measured, None) is None:
        return Recipe(skip="the project's own commands for the tests measured nothing into .nox-ship/coverage")
    data = sorted(path.as_posix() for path in coverage_folder(project).glob("data.*"))
    if not data:
        raise ShipError(NO_COVERAGE_DATA("Nothing was measured yet."))
    combined = f"--data-file={(coverage_folder(project) / 'combined').as_posix()}"
    config = _coverage_config(project)
    threshold = () if settings.fail_under is None else (f"--fail-under={settings.fail_under:g}",)
    return Recipe(
        (
            *(_chosen(settings, groups, "coverage") or (groups.requirement_for("coverage"),)),
            *settings.install,
        ),
        commands=(
            ("coverage", "combine", "--keep", "--quiet", *config, combined, *data),
            ("coverage", "report", *config, combined, *threshold, *posargs),
        ),
    )


def own_audit(project: Project, posargs: Sequence[str] = ()) -> Recipe:
    """Return the recipe of an audit whose commands the project names itself."""
    return _own(project.settings.audit, Groups.of(project), "audit", ("audit", "security"), posargs, project=True)


def coverage_folder(project: Project) -> Path:
    """Return the folder that holds one measurement per Python (or per CI job)."""
    return project.own_folder() / "coverage"


def _own(
    settings: GateSettings,
    groups: Groups,
    gate: str,
    fitting: tuple[str, ...],
    posargs: Sequence[str],
    *,
    project: bool = False,
) -> Recipe:
    """Return the recipe of a gate whose commands the project names itself."""
    requirements = (*(_chosen(settings, groups, gate) or groups.fitting(fitting)), *settings.install)
    for tool in {command[0] for command in settings.run} & _TOOLS:
        requirements = _with_tool(requirements, groups, tool)
    *before, last = settings.run
    return Recipe(requirements, project=project, commands=(*before, (*last, *posargs)))


def _chosen(settings: GateSettings, groups: Groups, gate: str) -> tuple[str, ...]:
    return groups.named(settings.groups, f"tool.nox-ship.{gate}.groups") if settings.groups else ()


def _with_tool(requirements: tuple[str, ...], groups: Groups, tool: str) -> tuple[str, ...]:
    return requirements if provides(requirements, tool) else (*requirements, groups.requirement_for(tool))


def _measured(project: Project, groups: Groups, recipe: Recipe, python: str) -> Recipe:
    """Return ``recipe`` with its pytest run under coverage, the data kept under the Python's name."""
    folder = coverage_folder(project)
    folder.mkdir(exist_ok=True)
    env = {"COVERAGE_FILE": str(folder / f"data.{python}")}
    config = _coverage_config(project)
    (pytest,) = recipe.commands
    if any(word == "--cov" or word.startswith("--cov=") for word in _addopts(project)):
        # pytest-cov measures already; a second tracer would only be in its way.
        command = (*pytest, *(f"--cov-config={word.partition('=')[2]}" for word in config))
        return dataclasses.replace(recipe, commands=(command,), env=env)
    command = ("coverage", "run", *config, "-m", *pytest)
    requirements = _with_tool(recipe.requirements, groups, "coverage")
    return dataclasses.replace(recipe, requirements=requirements, commands=(command,), env=env)


def _addopts(project: Project) -> list[str]:
    """Return the options that pytest's settings add to its command line."""
    options = project.pytest_options.get("addopts", "")
    if not isinstance(options, str):
        return strings(options)
    try:
        return shlex.split(options)
    except ValueError:  # pytest says what is wrong with them
        return []


def _coverage_config(project: Project) -> tuple[str, ...]:
    """Return the option that names coverage's settings.

    They are the project's own, with relative paths where it says nothing else: only such measurements of several
    machines can be combined (https://coverage.readthedocs.io/en/latest/config.html#run-relative-files).
    """
    if (project.root / ".coveragerc").is_file() or any(
        section.startswith("coverage:") for name in ("setup.cfg", "tox.ini") for section in project.ini(name)
    ):
        return ()
    settings: dict[str, Any] = {**project.tool("coverage")}
    run = settings.get("run")
    measured = {"relative_files": True, **(run if isinstance(run, dict) else {})}
    if not {"source", "source_pkgs", "source_dirs", "include"} & set(measured):
        measured["source"] = [path.as_posix() for path in project.packages if path.suffix != ".py"] or ["."]
    settings["run"] = measured
    import tomlkit  # costs the other gates too much

    path = coverage_folder(project).parent / "coverage.toml"
    text = tomlkit.dumps({"tool": {"coverage": settings}})
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text)
    return (f"--rcfile={path.as_posix()}",)


def _has_ruff_settings(project: Project) -> bool:
    return bool(project.tool("ruff")) or any((project.root / name).is_file() for name in ("ruff.toml", ".ruff.toml"))


def _formats_with_ruff(project: Project) -> bool:
    if "format" in project.tool("ruff"):
        return True
    names = ("ruff.toml", ".ruff.toml")
    return any("[format]" in project.read_text(name) for name in names)


def _other_linter(project: Project) -> str | None:
    for linter, files in _OTHER_LINTERS.items():
        inis = any(linter in project.ini(name) for name in ("setup.cfg", "tox.ini"))
        if inis or project.tool(linter) or any((project.root / name).is_file() for name in files):
            return linter
    return None


def _mypy_options(project: Project) -> dict[str, Any] | None:
    """Return mypy's global options from the first file it would read, None where it has none."""
    for name in ("mypy.ini", ".mypy.ini"):
        if (project.root / name).is_file():
            return dict(project.ini(name).get("mypy", {}))
    if options := project.tool("mypy"):
        return dict(options)
    return project.ini("setup.cfg").get("mypy")
