"""The requirements of a gate's tools: dependency groups (PEP 735), extras, or Poetry's groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dependency_groups
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from nox_ship.errors import Findings, Kind, ShipError, shorten
from nox_ship.poetry import poetry_specifier
from nox_ship.project import Project, strings

UNKNOWN_GROUP = Kind("NS401", "unknown-group", "Correct the name, or add the group to pyproject.toml.")
BAD_GROUP = Kind("NS402", "bad-group", "Correct the group in pyproject.toml.")

_UNRESOLVED = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    dependency_groups.CyclicDependencyError,
)


@dataclass(frozen=True)
class Groups:
    """The named lists of requirements that a project declares for development."""

    requirements: Mapping[str, tuple[str, ...]]
    """Requirements (PEP 508) by the group's normalised name."""

    @classmethod
    def of(cls, project: Project) -> Groups:
        """Collect the groups of ``project``; a dependency group wins over an extra of the same name.

        Raises:
            ShipError: A dependency group cannot be resolved (NS402).
        """
        found: dict[str, tuple[str, ...]] = {}
        legacy = {"dev": {"dependencies": project.poetry.get("dev-dependencies")}}
        for name, table in [*legacy.items(), *_items(project.poetry.get("group"))]:
            if listed := _poetry_requirements(dict(_items(table)).get("dependencies")):
                found[canonicalize_name(name)] = tuple(listed)
        uv, rye = project.tool("uv"), project.tool("rye")
        dev = [*strings(uv.get("dev-dependencies")), *strings(rye.get("dev-dependencies"))]
        for name, lines in [("dev", dev), *_items(project.tool("pdm").get("dev-dependencies"))]:
            if usable := tuple(line for line in strings(lines) if not line.startswith("-")):
                found[canonicalize_name(name)] = usable
        for name, extra in _items(project.metadata.get("optional-dependencies")):
            found[canonicalize_name(name)] = tuple(strings(extra))
        table = project.pyproject.get("dependency-groups", {})
        if not isinstance(table, Mapping):
            raise ShipError(BAD_GROUP("[dependency-groups] is not a table."))
        for name in table:
            try:
                found[canonicalize_name(name)] = tuple(dependency_groups.resolve(table, name))
            except _UNRESOLVED as error:
                raise ShipError(BAD_GROUP(f"The dependency group {name} cannot be resolved: {error}.")) from error
        return cls(found)

    def named(self, names: tuple[str, ...], setting: str) -> tuple[str, ...]:
        """Return the requirements of the groups ``names`` that the user chose in ``setting``.

        Raises:
            ShipError: There is no such group or extra (NS401).
        """
        wanted = [canonicalize_name(name) for name in names]
        if missing := [name for name in wanted if name not in self.requirements]:
            known = f"the project has {', '.join(sorted(self.requirements))}" if self.requirements else "it has none"
            raise ShipError(UNKNOWN_GROUP(f"`{setting}` names {shorten(missing)}; {known}."))
        return _unique(line for name in wanted for line in self.requirements[name])

    def fitting(self, names: tuple[str, ...], tool: str | None = None) -> tuple[str, ...]:
        """Return the requirements of the first group of ``names`` that exists, else of one that has ``tool``."""
        by_name = (self.requirements[name] for name in names if name in self.requirements)
        by_tool = (lines for lines in self.requirements.values() if tool and provides(lines, tool))
        return next(by_name, None) or next(by_tool, ())

    def requirement_for(self, default: str) -> str:
        """Return the first requirement of any group on the tool that ``default`` requires, else ``default``."""
        lines = (line for group in self.requirements.values() for line in group)
        return next((line for line in lines if _requires(line) == _requires(default)), default)


def check_groups(project: Project) -> None:
    """Check that each group in the settings of a gate exists.

    Raises:
        ShipError: With a finding for each that does not (NS401), or that cannot be resolved (NS402).
    """
    groups, findings, settings = Groups.of(project), Findings(), project.settings
    gates = {"lint": settings.lint, "typecheck": settings.typecheck, "tests": settings.tests}
    for name, gate in {**gates, "coverage": settings.coverage, "audit": settings.audit}.items():
        findings.catch(lambda gate=gate, name=name: groups.named(gate.groups or (), f"tool.nox-ship.{name}.groups"))  # type: ignore[misc]
    findings.raise_errors()


def provides(requirements: tuple[str, ...], tool: str) -> bool:
    """Whether ``requirements`` include ``tool`` by name."""
    return any(_requires(line) == tool for line in requirements)


def _requires(line: str) -> str | None:
    try:
        return canonicalize_name(Requirement(line).name)
    except (InvalidRequirement, RecursionError):
        return None


def _unique(lines: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


def _items(table: object) -> list[tuple[str, Any]]:
    return list(table.items()) if isinstance(table, Mapping) else []


def _poetry_requirements(table: object) -> list[str]:
    """Return Poetry's ``name = constraint`` entries as requirements; those with paths and VCS are skipped."""
    lines: list[str] = []
    for name, value in _items(table):
        entry = value if isinstance(value, Mapping) else {"version": value}
        if name == "python" or not isinstance(entry.get("version"), str):
            continue
        extras = f"[{','.join(found)}]" if (found := strings(entry.get("extras"))) else ""
        marker = f"; {entry['markers']}" if isinstance(entry.get("markers"), str) else ""
        lines.append(f"{name}{extras}{poetry_specifier(entry['version'])}{marker}")
    return lines
