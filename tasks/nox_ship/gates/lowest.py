"""The gate lowest: the tests with the lowest versions of the dependencies that the metadata allows.

It starts from the environment of the tests, and lowers the project's own dependencies as far as the tests' requirements
allow. What only the tests need keeps its version, for which the project's lock counts. So a test that fails there fails
with dependencies that users may have.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from nox_ship.automation import requirements
from nox_ship.errors import Finding, Kind, shorten
from nox_ship.gates import recipes
from nox_ship.gates.toolbox import RecipeStep
from nox_ship.project import Project, strings

LOWEST_FAILED = Kind(
    "NS434",
    "lowest-failed",
    "Raise the lower bound of the dependency that the tests' output points to, or support the older version.",
)
LOWEST_NOT_INSTALLED = Kind(
    "NS435",
    "lowest-not-installed",
    "Raise the lower bound of the dependency named in uv's output to a version that installs on this Python.",
)

OPTIONS = ("--resolution", "lowest-direct", "--upgrade")
"""Options that make uv lower installed versions."""
_SHOWN = 30
"""How many dependencies are named with their versions."""
_LOWER = (">=", ">", "~=", "==", "===")
_FOR_DEVELOPMENT = (
    "test tests testing dev devel develop development lint linting style qa ci check checks format typing types mypy"
    " doc docs documentation cov coverage bench benchmark benchmarks release build tox nox"
)
"""Words in the names of extras that are not for users."""
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


@dataclass(frozen=True)
class Installed:
    """A distribution in an environment."""

    version: str
    requires: tuple[str, ...] = ()
    """Its requirements, as in its metadata (``Requires-Dist``)."""


Environment = Mapping[str, Installed]
"""The installed packages of an environment, by normalised name."""


@dataclass(frozen=True)
class Lowering:
    """The dependencies to lower in an environment, and what keeps the others in place.

    Attributes:
        bounds: The lower bound of each dependency to lower, by name; empty if it is not an exact version.
        unbounded: Names of dependencies without a lower bound, which keep their versions.
        pins: Requirements that keep the versions of everything else that the tests need.
    """

    bounds: Mapping[str, str]
    unbounded: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()

    @property
    def skip(self) -> str | None:
        """Why there is nothing to lower; None if there is something."""
        if self.bounds:
            return None
        if self.unbounded:
            return f"no dependency of the project has a lower bound ({shorten(self.unbounded)})"
        return "the project has no dependencies"

    def not_installed(self) -> Finding:
        """Return the finding for lowest versions that cannot be installed."""
        bounds = [f"{name} {bound}".strip() for name, bound in self.bounds.items()]
        return LOWEST_NOT_INSTALLED(f"The lowest versions of {shorten(bounds, _SHOWN)} could not be installed.")

    def failed(self, after: Environment) -> Finding:
        """Return the finding for failed tests; ``after`` is the environment in which they ran."""
        return LOWEST_FAILED(f"The tests fail with {_listed(self._versions(after))}.")

    def _versions(self, after: Environment) -> dict[str, str]:
        return {name: after[name].version for name in self.bounds if name in after}

    def told(self, after: Environment) -> Iterator[str]:
        """Yield what was lowered and what was not; ``after`` is the lowered environment."""
        there = self._versions(after)
        yield f"lowest versions: {_listed(there)}"
        higher = [f"{name} {self.bounds[name]}" for name in there if _is_higher(there[name], self.bounds[name])]
        if higher:
            yield f"allowed but not tested: {shorten(higher)}; the index lacks it, or something needs a newer version"
        if self.unbounded:
            yield f"not lowered because they have no lower bound: {shorten(self.unbounded)}"


def recipe(project: Project, posargs: Sequence[str] = ()) -> recipes.Recipe:
    """Return the recipe of the gate: that of the tests, without coverage, with the project's dependencies lowered.

    Args:
        project: The project.
        posargs: Arguments for pytest.
    """
    if project.static and not strings(project.metadata.get("dependencies")):
        return recipes.Recipe(skip="the project has no dependencies")
    made = recipes.tests(project, None, posargs)
    return dataclasses.replace(made, steps=tuple(dataclasses.replace(step, lowest=True) for step in made.steps))


def installed(folder: Path) -> Environment:
    """Return the packages installed in the virtual environment in ``folder``."""
    places = [*folder.glob("lib/python*/site-packages"), *folder.glob("Lib/site-packages")]
    found: dict[str, Installed] = {}
    for one in importlib.metadata.distributions(path=[str(place) for place in places]):
        name = str(next(iter(one.metadata.get_all("Name") or ()), ""))
        if name:  # broken metadata may have none
            found[canonicalize_name(name)] = Installed(str(one.version), tuple(one.requires or ()))
    return found


def lowering(project: Project, step: RecipeStep, before: Environment) -> Lowering:
    """Return what to lower in the environment of the tests.

    Args:
        project: The project, which is installed there.
        step: The installation.
        before: The packages in it.
    """
    own = before.get(project.canonical_name, Installed(""))
    extras = {canonicalize_name(name) for name in step.extras}
    development = set(_FOR_DEVELOPMENT.split())
    wanted = {extra for extra in extras if not set(extra.split("-")) & development}
    direct = [one for one in _read(own.requires) if canonicalize_name(one.name) in before and _counts(one, wanted)]
    bounds: dict[str, str] = {}
    for one in direct:
        if bound := _bound(one):
            bounds[canonicalize_name(one.name)] = bound[0]
    unbounded = [name for one in direct if (name := canonicalize_name(one.name)) not in bounds]
    named = {canonicalize_name(one.name) for one in _read(_lines(project, step))} | set(unbounded)
    free = _needed(before, bounds) - named
    pins = [
        f"{name}=={one.version}"
        for name, one in sorted(before.items())
        if name != project.canonical_name and name not in bounds and name not in free
    ]
    return Lowering(bounds, tuple(dict.fromkeys(unbounded)), tuple(pins))


def _listed(versions: Mapping[str, str]) -> str:
    return shorten((f"{name} {version}" for name, version in versions.items()), _SHOWN)


def _lines(project: Project, step: RecipeStep) -> Iterator[str]:
    yield from step.requirements
    for file in step.files:
        yield from requirements.lines(project, file)


def _read(lines: Iterable[str]) -> Iterator[Requirement]:
    """Yield the requirements among lines; paths, URLs and options are skipped."""
    for line in lines:
        with suppress(InvalidRequirement, RecursionError):
            yield Requirement(line)


def _counts(one: Requirement, extras: Collection[str]) -> bool:
    """Whether a requirement counts: it has versions, and applies without extras or with one of ``extras``."""
    named = {canonicalize_name(name) for name in _EXTRA.findall(str(one.marker or ""))}
    return one.url is None and (not named or bool(named & set(extras)))


def _bound(one: Requirement) -> tuple[str] | None:
    """Return the lower bound of a requirement, empty if it is not an exact version; None without one."""
    lower = [(specifier.operator, specifier.version) for specifier in one.specifier if specifier.operator in _LOWER]
    exact = [version for operator, version in lower if operator != ">" and not version.endswith(".*")]
    return (exact[0] if len(exact) == len(lower) == 1 else "",) if lower else None


def _needed(before: Environment, names: Iterable[str]) -> set[str]:
    """Return what is installed because of ``names``, directly or indirectly."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in before and name not in found:
            found.add(name)
            todo += [canonicalize_name(one.name) for one in _read(before[name].requires)]
    return found


def _is_higher(version: str, bound: str) -> bool:
    try:
        return bool(bound) and Version(version) > Version(bound)
    except InvalidVersion:
        return False
