"""hatch's environments and their scripts, as they stand in pyproject.toml or hatch.toml.

https://hatch.pypa.io/latest/config/environment/overview/ has the rules; matrices are left out, since they say on which
Pythons and variants something runs, and not what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nox_ship import documents
from nox_ship.automation.needs import Needs
from nox_ship.project import Project, strings

_TEST = {
    "extra-dependencies": ["coverage-enable-subprocess", "coverage[toml]", "pytest", "pytest-mock", "pytest-xdist"],
    "scripts": {"run": "pytest tests"},
}
"""What `hatch test` has without settings (https://hatch.pypa.io/latest/config/internal/testing/)."""
_ARGUMENTS = re.compile(r"\{args(?::([^{}]*))?\}")
_DEEPEST = 10


class Hatch:
    """A project's settings for hatch."""

    def __init__(self, project: Project) -> None:
        self._project = project
        try:
            own: Mapping[str, Any] = documents.toml(project.read_text("hatch.toml"))
        except documents.UnreadableError:
            own = {}
        table = {**project.tool("hatch"), **own}.get("envs")
        self._envs: Mapping[str, Any] = table if isinstance(table, Mapping) else {}

    @property
    def names(self) -> tuple[str, ...]:
        """The environments that are declared."""
        return tuple(name for name, table in self._envs.items() if isinstance(table, Mapping))

    def needs(self, name: str) -> Needs:
        """Return what an environment has installed."""
        table = self._table(name)
        lines = (*strings(table.get("dependencies")), *strings(table.get("extra-dependencies")))
        detached = str(table.get("skip-install", table.get("detached", False))) == "True"
        return Needs(
            requirements=tuple(line for line in lines if "{" not in line),
            extras=tuple(strings(table.get("features"))),
            groups=tuple(strings(table.get("dependency-groups"))),
            project=not detached,
        )

    def scripts(self, name: str) -> tuple[str, ...]:
        """Return the names of an environment's scripts."""
        return tuple(self._scripts(name))

    def script(self, name: str, script: str) -> str | None:
        """Return the commands of a script, one a line, with those that it refers to; None where there is no such."""
        return self._expanded(self._scripts(name), script, 0)

    def _expanded(self, scripts: Mapping[str, Any], name: str, depth: int) -> str | None:
        value = scripts.get(name)
        if value is None or depth > _DEEPEST:
            return None
        lines: list[str] = []
        for line in [value] if isinstance(value, str) else strings(value):
            if line.startswith("- "):  # its failure is ignored
                continue
            first, _, rest = line.partition(" ")
            inner = self._expanded(scripts, first, depth + 1) if first != name else None
            lines.append(f"{inner.strip()} {rest}" if inner is not None else line)
        return _ARGUMENTS.sub(lambda match: match[1] or "", "\n".join(lines)).replace("{root}", ".")

    def _scripts(self, name: str) -> Mapping[str, Any]:
        scripts = self._table(name).get("scripts")
        return scripts if isinstance(scripts, Mapping) else {}

    def _table(self, name: str, depth: int = 0) -> dict[str, Any]:
        """Return the settings of an environment, with those of its template (``default`` where it names none)."""
        own = self._envs.get(name)
        own = own if isinstance(own, Mapping) else {}
        base: dict[str, Any] = dict(_TEST) if name == "hatch-test" else {}
        template = own.get("template", "hatch-test" if name == "hatch-test" else "default")
        if isinstance(template, str) and template != name and depth < _DEEPEST and not own.get("detached"):
            base.update(self._table(template, depth + 1))
        merged = {**base, **own}
        scripts = [table.get("scripts") for table in (base, own)]
        merged["scripts"] = {key: v for table in scripts if isinstance(table, Mapping) for key, v in table.items()}
        return merged
