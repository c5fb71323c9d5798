"""hatch's environments and their scripts, in pyproject.toml or hatch.toml.

https://hatch.pypa.io/latest/config/environment/overview/ has the rules. Matrices are ignored, since they only decide
on which Pythons and variants something runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nox_ship import documents
from nox_ship.automation.needs import Needs
from nox_ship.project import Project, strings

DEFAULT, TEST = "default", "hatch-test"
"""Environments that exist without settings: hatch's own one for the tests, and the base of all others."""
_TEST = {
    "dependencies": ["coverage-enable-subprocess", "coverage[toml]", "pytest", "pytest-mock", "pytest-xdist"],
    "scripts": {"run": "pytest {args:tests}"},
}
"""The defaults of `hatch test` (https://hatch.pypa.io/latest/config/internal/testing/)."""
_PLACE = re.compile(r"\{(?P<name>\w+)(?::(?P<value>[^{}]*))?\}")
_DEEPEST = 10
"""How many times references between environments or scripts are followed."""
_MOST = 500
"""How many scripts a script may consist of."""


class Hatch:
    """A project's settings for hatch."""

    def __init__(self, project: Project) -> None:
        self._left = _MOST
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
        """Return what is installed in an environment."""
        table = self._table(name)
        lines = (*strings(table.get("dependencies")), *strings(table.get("extra-dependencies")))
        return Needs(
            requirements=tuple(line for line in lines if "{" not in line),
            extras=tuple(strings(table.get("features"))),
            groups=tuple(strings(table.get("dependency-groups"))),
            project=table.get("skip-install", table.get("detached")) is not True,
        )

    def env(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the environment variables of an environment."""
        table = self._table(name).get("env-vars")
        rows = table.items() if isinstance(table, Mapping) else ()
        return tuple((key, _filled(value, "")) for key, value in rows if isinstance(value, str))

    def scripts(self, name: str) -> tuple[str, ...]:
        """Return the names of an environment's scripts."""
        return tuple(self._scripts(name))

    def script(self, name: str, script: str, arguments: str = "") -> str | None:
        """Return the commands of a script, one per line, with scripts that it refers to; None if there is none.

        Args:
            name: The environment.
            script: The script's name.
            arguments: The arguments that replace its ``{args}``.
        """
        self._left = _MOST
        scripts = self._scripts(name)
        if script not in scripts:
            return None
        return "\n".join(_filled(line, arguments) for line in self._lines(scripts, script, 0))

    def _lines(self, scripts: Mapping[str, Any], name: str, depth: int) -> Iterator[str]:
        value = scripts.get(name)
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return
        for line in [value] if isinstance(value, str) else strings(value):
            if line.startswith("- "):  # its failure is ignored
                continue
            first, _, rest = line.partition(" ")
            if first in scripts and first != name:
                yield from (f"{inner} {rest}".rstrip() for inner in self._lines(scripts, first, depth + 1))
            else:
                yield line

    def _scripts(self, name: str) -> Mapping[str, Any]:
        scripts = self._table(name).get("scripts")
        return scripts if isinstance(scripts, Mapping) else {}

    def _table(self, name: str, depth: int = 0) -> dict[str, Any]:
        """Return the settings of an environment, merged with its template's (``default`` unless it names one)."""
        own = self._envs.get(name)
        own = own if isinstance(own, Mapping) else {}
        base: dict[str, Any] = dict(_TEST) if name == TEST else {}
        template = own.get("template", TEST if name == TEST else DEFAULT)
        if isinstance(template, str) and template != name and depth < _DEEPEST and not own.get("detached"):
            base.update(self._table(template, depth + 1))
        merged = {**base, **own}
        for key in ("scripts", "env-vars"):
            tables = [table.get(key) for table in (base, own)]
            merged[key] = {name: v for table in tables if isinstance(table, Mapping) for name, v in table.items()}
        return merged


def _filled(text: str, arguments: str) -> str:
    """Return a text with its placeholders filled in; unknown values are empty."""

    def fill(match: re.Match[str]) -> str:
        value = match["value"] or ""
        if match["name"] == "args":
            return arguments or value
        if match["name"] == "env":
            return value.partition(":")[2]
        return "." if match["name"] == "root" else ""

    return _PLACE.sub(fill, text)
