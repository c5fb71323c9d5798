"""The settings that a project needs in ``pyproject.toml``; comments and order are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from nox_ship.errors import ShipError
from nox_ship.project import BAD_PYPROJECT
from nox_ship.release.bumpversion import has_bump_settings
from nox_ship.setup.survey import Survey
from nox_ship.setup.wheels import Value, options


def extended(text: str, survey: Survey) -> str:
    """Return ``text``, the project's ``pyproject.toml``, with the missing settings added.

    Raises:
        ShipError: The way it is written does not allow adding any (NS112).
    """
    tables = {"bumpversion": _bump_settings(survey), "nox-ship": _own_settings(survey)}
    lacking = {name: table for name, table in tables.items() if table is not None}
    found, _ = options(survey.wheel_jobs)
    if not lacking and not found:
        return text
    try:
        document = tomlkit.parse(text)
        tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
        _add_options(tool, found)
        for name, table in lacking.items():
            tool.get(name, {}).keys()  # fails if it is not a table, which must not be replaced
            tool[name] = table
        return f"{tomlkit.dumps(document).rstrip()}\n"
    except (ValueError, TypeError, AttributeError, TOMLKitError, RecursionError) as error:
        names = " and ".join(f"[tool.{name}]" for name in (*lacking, *(["cibuildwheel"] if found else [])))
        what = f"{names} cannot be added to pyproject.toml because of the way it is written."
        raise ShipError(BAD_PYPROJECT(what, remedy="Write `tool` and its content as [tool.NAME] tables.")) from error


def _bump_settings(survey: Survey) -> Table | None:
    """Return settings for files that state the version, besides those that a release finds on its own."""
    if not survey.restated or has_bump_settings(survey.project):
        return None
    files, table = tomlkit.aot(), tomlkit.table(is_super_table=True)
    for place in survey.restated:
        entry = tomlkit.table()
        for key, value in place.as_bump_file().items():
            entry.add(key, tomlkit.string(value, literal='"' in value and not {"'", "\n"} & set(value)))
        files.append(entry)
    entry.add(tomlkit.nl())
    table.add("files", files)
    return table


def _add_options(tool: Any, tables: Mapping[str, Mapping[str, Value]]) -> None:
    """Add options to cibuildwheel's table, by the name of the table below it; existing ones are kept."""
    for name, values in tables.items():
        table = tool.setdefault("cibuildwheel", tomlkit.table())
        inner = table.setdefault(name, tomlkit.table()) if name else table
        for option, value in values.items():
            inner.setdefault(option, value)


def _own_settings(survey: Survey) -> Table | None:
    """Return settings for a project whose wheels fit one platform only."""
    if not survey.compiled or survey.project.tool("nox-ship"):
        return None
    found = survey.wheels
    systems = tomlkit.item(list(found or ["ubuntu-latest"]))
    systems.comment("one job each builds wheels" if found else "a wheel with compiled modules fits one platform")
    table, inner = tomlkit.table(is_super_table=True), tomlkit.table()
    inner.add("systems", systems)
    inner.add(tomlkit.nl())
    table.add("wheels" if found else "workflows", inner)
    return table
