"""The settings that a project needs in ``pyproject.toml``; the file's comments and order stay."""

from __future__ import annotations

import tomlkit
from tomlkit.items import Table

from nox_ship.errors import ShipError
from nox_ship.project import BAD_PYPROJECT
from nox_ship.release.bumpversion import has_bump_settings
from nox_ship.setup.survey import Survey


def extended(text: str, survey: Survey) -> str:
    """Return ``text``, that of the project's ``pyproject.toml``, with the settings that it lacks.

    Raises:
        ShipError: The file is written so that none can be added (NS112).
    """
    try:
        document = tomlkit.parse(text)
    except (ValueError, RecursionError) as error:
        raise ShipError(BAD_PYPROJECT("pyproject.toml cannot be changed: it is nested too deeply.")) from error
    tables = {"bumpversion": _bump_settings(survey), "nox-ship": _own_settings(survey)}
    lacking = {name: table for name, table in tables.items() if table is not None}
    for name, table in lacking.items():
        tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
        try:
            tool[name] = table
        except (ValueError, TypeError) as error:
            raise ShipError(
                BAD_PYPROJECT("`tool` is no table, or an inline one.", remedy="Write it as [tool.NAME].")
            ) from error
    return f"{tomlkit.dumps(document).rstrip()}\n" if lacking else text


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


def _own_settings(survey: Survey) -> Table | None:
    """Return settings for a project whose wheel fits one platform alone."""
    if not survey.compiled or survey.project.tool("nox-ship"):
        return None
    systems = tomlkit.item(["ubuntu-latest"])
    systems.comment("a wheel with compiled modules fits one platform")
    table, inner = tomlkit.table(is_super_table=True), tomlkit.table()
    inner.add("systems", systems)
    inner.add(tomlkit.nl())
    table.add("workflows", inner)
    return table
