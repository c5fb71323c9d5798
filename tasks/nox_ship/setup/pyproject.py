"""The settings that a project needs in ``pyproject.toml``; the file's comments and order stay."""

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
    """Return ``text``, that of the project's ``pyproject.toml``, with the settings that it lacks.

    Raises:
        ShipError: The file is written so that none can be added (NS112).
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
            tool.get(name, {}).keys()  # what is no table is not replaced by one
            tool[name] = table
        return f"{tomlkit.dumps(document).rstrip()}\n"
    except (ValueError, TypeError, AttributeError, TOMLKitError, RecursionError) as error:
        names = " and ".join(f"[tool.{name}]" for name in (*lacking, *(["cibuildwheel"] if found else [])))
        what = f"pyproject.toml is written so that {names} cannot be added."
        raise ShipError(BAD_PYPROJECT(what, remedy="Write `tool` and what is in it as [tool.NAME].")) from error


def _bump_settings(survey: Survey) -> Table | None:
    """Return settings for the files that state the version beside those that a release finds by itself."""
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
    """Add options to cibuildwheel's table, by the name of the table below it; what is there stays."""
    for name, values in tables.items():
        table = tool.setdefault("cibuildwheel", tomlkit.table())
        inner = table.setdefault(name, tomlkit.table()) if name else table
        for option, value in values.items():
            inner.setdefault(option, value)


def _own_settings(survey: Survey) -> Table | None:
    """Return settings for a project whose wheels fit one platform alone."""
    if not survey.compiled or survey.project.tool("nox-ship"):
        return None
    found = survey.wheels
    systems = tomlkit.item(list(found or ["ubuntu-latest"]))
    systems.comment("a job for each builds wheels" if found else "a wheel with compiled modules fits one platform")
    table, inner = tomlkit.table(is_super_table=True), tomlkit.table()
    inner.add("systems", systems)
    inner.add(tomlkit.nl())
    table.add("wheels" if found else "workflows", inner)
    return table
