from __future__ import annotations

import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from validate_pyproject import api, errors, plugins

from nox_ship.config import IndexSettings, Settings
from nox_ship.errors import ShipError
from nox_ship.settings import UNSAFE_ADDRESS, read_settings
from nox_ship.settings_schema import tool_schema
from schema_file import SCHEMAS, file, text

VALUES: tuple[object, ...] = (
    *("", " ", "x", "3.12", "pypy3.11t", "3.12\n", "publish.yml", "../publish.yml", "auto", "off", "trusted", "a b"),
    *(True, 0, 1, -1, 0.5, 100, 100.5, 65536, 10**9, float("inf")),
    *([], [""], [" "], ["x"], ["3.12"], [1], [[]], [["a", "b"]], [["a", 1]], [["a"], "b c"], [" ", "x"]),
    *({}, {"pypi": "x"}, {"pypi": " x"}, {"pypi": "x" * 256}, {"other": "x"}, {"pypi": 1}, {"pypi": {}}),
)
"""Values of many types and forms; each is valid for some setting and invalid for another."""


def settings(cls: type, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key of a table, and of one unknown key."""
    yield (*path, "no-such-key")
    for item in fields(cls):
        key, hint = (*path, item.name.replace("_", "-")), typing.get_type_hints(cls)[item.name]
        yield key
        if is_dataclass(hint):
            yield from settings(typing.cast("type", hint), key)


def table(path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return a table in which the setting at ``path`` has a value."""
    for key in reversed(path):
        value = {key: value}
    return typing.cast("dict[str, Any]", value)


@pytest.fixture(scope="module")
def validator() -> Callable[[Any], Any]:
    """Return a function that raises an error if a table does not match the schema."""
    compiled: Callable[[Any], Any] = fastjsonschema.compile(tool_schema(), use_default=False)
    return compiled


def accepted(validator: Callable[[Any], Any], tool: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether nox-ship accepts a table, and whether the schema does."""
    try:
        read_settings({"tool": {"nox-ship": tool}})
        ours = True
    except ShipError as error:
        ours = all(finding.id == UNSAFE_ADDRESS.id for finding in error.findings)  # which no schema can express
    try:
        validator(tool)
    except fastjsonschema.JsonSchemaException:
        return ours, False
    return ours, True


@pytest.mark.slow
def test_the_schema_accepts_what_we_accept(validator: Callable[[Any], Any]) -> None:
    """For each setting and each of many values, the schema accepts what nox-ship accepts, and nothing else."""
    differ, seen = [], set()
    for path in settings(Settings):
        for value in VALUES:
            ours, theirs = accepted(validator, table(path, value))
            seen.add((path, ours))
            differ += [(path, value, ours)] if ours != theirs else []
    assert differ == []
    unknown = {path for path in settings(Settings) if path[-1] == "no-such-key"}
    assert {path for path, ours in seen if ours} == set(settings(Settings)) - unknown
    assert {path for path, ours in seen if not ours} == set(settings(Settings))


@pytest.mark.parametrize("left_out", [None, *(item.name for item in fields(IndexSettings))])
def test_an_index_of_your_own_needs_its_addresses(validator: Callable[[Any], Any], left_out: str | None) -> None:
    """Nox-ship and the schema require the same keys for an index."""
    keys = {item.name.replace("_", "-"): "https://devpi.example/" for item in fields(IndexSettings)}
    index = {key: address for key, address in keys.items() if key != (left_out or "").replace("_", "-")}
    good = left_out in (None, "json_url")
    assert accepted(validator, {"indexes": {"devpi": index}}) == (good, good)


@pytest.mark.slow
def test_every_setting_is_described() -> None:
    """Every setting is described in a sentence, which editors show."""
    for path in settings(Settings):
        schema = tool_schema()
        for key in path[:-1]:
            schema = schema["properties"][key]
        if path[-1] != "no-such-key":
            assert schema["properties"][path[-1]]["description"].endswith(".")


@pytest.mark.slow
def test_validate_pyproject_knows_the_settings() -> None:
    """The tool validate-pyproject finds our schema: it accepts our settings and refuses an unknown one."""
    found = [plugin for plugin in plugins.list_from_entry_points() if plugin.tool == "nox-ship"]
    document = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    validate = api.Validator(plugins=found)
    validate(document)
    document["tool"]["nox-ship"]["brunch"] = "main"
    with pytest.raises(errors.ValidationError, match="brunch"):
        validate(document)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schemas_are_of_these_classes(name: str) -> None:
    """The published schemas match the classes; after a change, `nox -s pages` rewrites them."""
    assert file(name).read_text("utf-8") == text(name)
