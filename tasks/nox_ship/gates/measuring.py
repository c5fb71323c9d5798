"""Measuring the coverage of the tests: one measurement for each Python, which the coverage gate combines."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nox_ship.automation.checkers import CHECKERS
from nox_ship.automation.groups import provides
from nox_ship.config import Command
from nox_ship.files import write_whole
from nox_ship.gates.toolbox import RecipeStep, Toolbox
from nox_ship.project import Project, strings

_COVERAGE_SECTIONS = ((".coveragerc", "report"), ("setup.cfg", "coverage:report"), ("tox.ini", "coverage:report"))


def coverage_folder(project: Project) -> Path:
    """Return the folder with one measurement per Python (or per CI job)."""
    return project.own_folder() / "coverage"


def measuring_tool(environments: Path) -> str | None:
    """Return the coverage that was used to measure, from nox's `tests` environments: it knows its own data best."""
    for name in ("bin/coverage", "Scripts/coverage.exe"):
        for tool in sorted(environments.absolute().glob(f"tests-*/{name}")):
            return str(tool)
    return None


def measured(box: Toolbox, step: RecipeStep, python: str) -> RecipeStep:
    """Return ``step`` with its tests run under coverage, with the data file named after the Python.

    What CI measures besides the tests gets separate data, which the coverage gate combines with theirs.
    """
    project, folder = box.project, coverage_folder(box.project)
    folder.mkdir(exist_ok=True)
    env = {**step.env, "COVERAGE_FILE": str(folder / f"data.{python}")}
    config = coverage_config(project)
    first, *further = step.commands
    if any(word == "--cov" or word.startswith("--cov=") for word in (*addopts(project), *first)):
        # pytest-cov already measures; a second tracer would only interfere.
        measuring = (*first, *(f"--cov-config={word.partition('=')[2]}" for word in config))
        return dataclasses.replace(step, commands=(measuring,), env=env)
    if _in_several_processes(project, first):  # pytest-cov measures all of them
        tool, settings = "pytest-cov", (f"--cov-config={word.partition('=')[2]}" for word in config)
        commands = [(*first, "--cov", "--cov-report=", "--cov-fail-under=0", *settings)]
    else:
        tool, commands = "coverage", [("coverage", "run", *config, *_started(first))]
    for number, command in enumerate(further, 2):
        data = f"--data-file={(folder / f'data.{python}.{number}').as_posix()}"
        commands.append(("coverage", "run", *config, data, *_started(command)))
    wanted = [*step.requirements]
    if not provides(step.requirements, tool):
        wanted.append(box.requirement(tool))
    if config and _reads_no_toml(python):
        wanted.append("tomli")
    env = {**(_core(project, python) if config else {}), **env}
    return dataclasses.replace(step, requirements=tuple(wanted), commands=tuple(commands), env=env)


def _in_several_processes(project: Project, command: Command) -> bool:
    """Whether pytest distributes the tests to several processes, with pytest-xdist; its last option counts."""
    if command[0] not in ("pytest", "py.test") and command[:3] != ("python", "-m", "pytest"):
        return False
    number, left = "0", iter((*addopts(project), *command))
    for word in left:
        if word in ("-n", "--numprocesses"):
            number = next(left, "0")
        elif match := _PROCESSES.fullmatch(word):
            number = match[1]
    return number != "0"


_PROCESSES = re.compile(r"(?:-n|--numprocesses=)(\d+|auto|logical)")


def _core(project: Project, python: str) -> dict[str, str]:
    """Return the variable that makes coverage use `sys.monitoring` if that gives the same result in half the time.

    Otherwise coverage would warn, which some tests treat as an error
    (https://coverage.readthedocs.io/en/latest/config.html#run-core).
    """
    version = re.fullmatch(r"3\.(\d+)", python)
    run = project.tool("coverage").get("run")
    chosen = isinstance(run, dict) and any(run.get(name) for name in _NEEDS_A_TRACER)
    return {"COVERAGE_CORE": "sysmon"} if version and int(version[1]) >= _FIRST_MONITORED and not chosen else {}


_FIRST_MONITORED = 12
_NEEDS_A_TRACER = ("branch", "concurrency", "core", "dynamic_context", "plugins", "timid")


def _reads_no_toml(python: str) -> bool:
    """Whether a Python has no TOML parser of its own, by its version, such as ``3.10`` or ``pypy3.10``."""
    version = re.search(r"(\d+)\.(\d+)", python)
    return version is not None and (int(version[1]), int(version[2])) < (3, 11)


def _started(command: Command) -> Command:
    """Return the arguments of `coverage run` for a command: a module, or a file."""
    if command[0] == "python":
        return command[1:]
    known = CHECKERS.get(command[0])
    return ("-m", (known.module if known else "") or command[0], *command[1:])


def threshold(box: Toolbox) -> tuple[str, ...]:
    """Return the option that enforces the threshold; none if coverage's own settings have one, or there is none."""
    under = box.project.settings.coverage.fail_under
    if under is None and box.combines():
        box.notes.append(
            "CI checks the threshold for several jobs together, not all of which run here: it is not checked"
        )
        under = 0
    elif under is None and not has_threshold(box.project):
        under = box.threshold()
    return () if under is None else (f"--fail-under={under:g}",)


def has_threshold(project: Project) -> bool:
    """Whether coverage's own settings have a threshold."""
    report = project.tool("coverage").get("report")
    inis = (project.ini(name).get(section, {}) for name, section in _COVERAGE_SECTIONS)
    return any("fail_under" in table for table in (report, *inis) if isinstance(table, Mapping))


def left_out(project: Project) -> tuple[str, ...]:
    """Return the option that keeps our noxfile out of a report, besides what coverage's own settings omit."""
    report = project.tool("coverage").get("report")
    tables = [report, *(project.ini(name).get(section, {}) for name, section in _COVERAGE_SECTIONS)]
    told = next((table["omit"] for table in tables if isinstance(table, Mapping) and "omit" in table), ())
    patterns = told.replace("\n", ",").split(",") if isinstance(told, str) else strings(told)
    return (f"--omit={','.join([*filter(None, map(str.strip, patterns)), 'noxfile.py'])}",)


def addopts(project: Project) -> list[str]:
    """Return the options in pytest's settings that are added to its command line."""
    options = project.pytest_options.get("addopts", "")
    if not isinstance(options, str):
        return strings(options)
    try:
        return shlex.split(options)
    except ValueError:  # pytest reports it
        return []


def _of_installed(project: Project, run: dict[str, Any], paths: object) -> dict[str, Any]:
    """Return coverage settings to measure the installed packages and report them under the paths of the sources.

    Other entries of `source`, such as the tests, are kept (https://coverage.readthedocs.io/en/latest/config.html).
    """
    places = dict(zip(project.packages, project.import_names, strict=True))
    named = [name for name in strings(run.get("source", [])) if name not in places.values()]
    beside = [name for name in named if not any(Path(name) in (p, *p.parents) for p in places)]
    further = {"source": beside, "source_pkgs": sorted({*strings(run.get("source_pkgs", [])), *places.values()})}
    mapped = {
        f"nox-ship-{name}": [path.as_posix(), f"*/site-packages/{name.replace('.', '/')}{path.suffix}"]
        for path, name in places.items()
    }
    return {"run": {**run, **further}, "paths": {**(paths if isinstance(paths, dict) else {}), **mapped}}


def coverage_config(project: Project) -> tuple[str, ...]:
    """Return the option with the path of coverage's settings.

    They are the project's own, with relative paths unless it says otherwise: only such measurements from several
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
    if project.settings.tests.installed:
        settings |= _of_installed(project, measured, settings.get("paths"))
    import tomlkit  # would slow down the other gates too much

    path = coverage_folder(project).parent / "coverage.toml"
    text = tomlkit.dumps({"tool": {"coverage": settings}})
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text)
    return (f"--rcfile={path.as_posix()}",)
