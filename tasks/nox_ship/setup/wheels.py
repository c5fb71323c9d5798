"""Whether a project compiles code, and settings that build the wheels of its own cibuildwheel jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nox_ship import documents
from nox_ship.automation.github import mapping
from nox_ship.automation.wheels import WheelJob
from nox_ship.documents import table
from nox_ship.package.trials import native
from nox_ship.project import Project

Value = str | int | list[str]

_COMPILERS = ("maturin", "scikit_build_core", "mesonpy", "setuptools_rust")
"""Build backends for compiled code."""
_HOOKS = {"cython", "mypyc", "scikit-build", "hatch-c", "hatch-cpp", "hatch-go", "hatch-rs"}
"""Build hooks for hatchling that compile, such as those of hatch-cython, hatch-mypyc and scikit-build-core."""
_IN_SETUP = re.compile(r"\b(?:ext_modules|has_ext_modules|cffi_modules|rust_extensions)\b")
_IN_HOOK = re.compile(r"\binfer_tag\b|\bpure_python\b|\[[\"']tag[\"']\]")
"""How a build hook says that its wheel is for one platform:
https://hatch.pypa.io/latest/plugins/builder/wheel/#build-data."""

_KINDS = {"manylinux": "linux", "macosx": "macos", "win": "windows"}
"""cibuildwheel's name of a system, by the prefix of its wheel tags."""
_SYSTEMS = tuple(_KINDS.values())
_OPTIONS = {
    *("audit-command", "audit-requires", "before-all", "before-build", "before-test", "build", "build-frontend"),
    *("build-verbosity", "config-settings", "container-engine", "dependency-versions", "enable", "environment"),
    *("environment-pass", "pyodide-version", "repair-wheel-command", "skip", "test-command", "test-environment"),
    *("test-extras", "test-groups", "test-requires", "test-runtime", "test-skip", "test-sources", "xbuild-files"),
    "xbuild-tools",
}
"""Options that cibuildwheel reads from pyproject.toml: https://cibuildwheel.pypa.io/en/stable/options/."""
_OTHERS = ("CIBW_ARCHS", "CIBW_CACHE_PATH", "CIBW_DEBUG", "CIBW_PLATFORM")
"""Variables that do not affect the content of a wheel; architectures become systems."""
_OWN = {"auto", "auto64", "native", ""}
"""cibuildwheel's names for the runner's own architecture."""


def compiles(project: Project) -> bool:
    """Whether a project builds extension modules or shared libraries, according to its files."""
    return (
        project.backend.startswith(_COMPILERS)
        or "ext-modules" in project.tool("setuptools")
        or any(map(project.tool, ("cibuildwheel", "setuptools-rust")))
        or _IN_SETUP.search(project.read_text("setup.py")) is not None
        or (project.backend.startswith("hatchling") and any(_hook_compiles(project, *hook) for hook in _hooks(project)))
    )


def _hooks(project: Project) -> Iterator[tuple[str, object]]:
    """Yield the name and settings of each build hook of hatchling for wheels."""
    try:
        own = documents.toml(project.read_text("hatch.toml"))
    except documents.UnreadableError:
        own = {}
    for settings in (project.tool("hatch"), own):
        yield from table(settings, "build", "hooks").items()
        yield from table(settings, "build", "targets", "wheel", "hooks").items()


def _hook_compiles(project: Project, name: str, settings: object) -> bool:
    if name != "custom":
        return name in _HOOKS
    return _IN_HOOK.search(project.read_text(str(mapping(settings).get("path", "hatch_build.py")))) is not None


def systems(jobs: Iterable[WheelJob]) -> tuple[str, ...]:
    """Return the systems for which jobs build wheels, as in `tool.nox-ship.wheels.systems`, each once."""
    return tuple(dict.fromkeys(system for job in jobs for system in _of_job(job)))


def _of_job(job: WheelJob) -> Iterator[str]:
    own = (native(job.runner) or "").partition("_")[2].lower()
    told = job.options.get(f"CIBW_ARCHS_{_kind(job).upper()}", job.options.get("CIBW_ARCHS", ""))
    for name in [""] if "${{" in told else re.split(r"[\s,]+", told):
        yield job.runner if name.lower() in {*_OWN, own} else f"{job.runner}/{name}"


def _kind(job: WheelJob) -> str:
    return _KINDS.get((native(job.runner) or "").partition("_")[0], "")


def options(jobs: Sequence[WheelJob]) -> tuple[dict[str, dict[str, Value]], tuple[str, ...]]:
    """Return the cibuildwheel options that jobs set, and the names of the variables without an option.

    The options are given by their table in `tool.cibuildwheel`, ``""`` for itself: those that all jobs agree on, and
    those that all jobs of a system agree on.
    """
    tables: dict[str, dict[str, Value]] = {}
    left: list[str] = []
    for variable in dict.fromkeys(name for job in jobs for name in job.options):
        if variable.startswith(_OTHERS):
            continue
        option, only = _named(variable)
        by_kind = {kind: {job.options.get(variable) for job in jobs if _kind(job) == kind} for kind in _SYSTEMS}
        told = {kind: values for kind, values in by_kind.items() if values and (not only or kind == only)}
        every = set().union(*told.values())
        if option is None or any(len(values) > 1 or "${{" in str(next(iter(values))) for values in told.values()):
            left.append(variable)
        elif len(every) == 1 and not only:
            tables.setdefault("", {})[option] = _value(option, str(every.pop()))
        else:
            for kind, (value,) in told.items():
                if value is not None:
                    tables.setdefault(kind, {})[option] = _value(option, value)
    return tables, tuple(left)


def lacking(variables: Iterable[str], table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the variables that have no option in pyproject.toml."""
    left = []
    for variable in variables:
        option, only = _named(variable)
        there = mapping(table.get(only)) if only else table
        if option not in there and not variable.startswith(_OTHERS):
            left.append(variable)
    return tuple(left)


def _named(variable: str) -> tuple[str | None, str]:
    """Return the option for a variable, None if there is none, and its system."""
    name = variable.removeprefix("CIBW_").lower().replace("_", "-")
    only = next((kind for kind in _SYSTEMS if name.endswith(f"-{kind}")), "")
    name = name.removesuffix(f"-{only}") if only else name
    if image := re.fullmatch(r"((?:many|musl)linux)-(pypy-)?(.+)-image", name):
        return f"{image[1]}-{'pypy_' if image[2] else ''}{image[3].replace('-', '_')}-image", only
    return (name if name in _OPTIONS else None), only


def _value(option: str, text: str) -> Value:
    if option == "build-verbosity" and re.fullmatch(r"-?\d", text):
        return int(text)
    return text.split() if option == "enable" else text
