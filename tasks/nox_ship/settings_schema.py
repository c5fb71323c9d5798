"""A JSON Schema of ``[tool.nox-ship]``, made from the dataclasses of `config.py`.

It has the form that SchemaStore asks for (draft 7, a description for each key), and ``validate-pyproject`` finds it by
the entry point ``validate_pyproject.tool_schema``: https://validate-pyproject.readthedocs.io/en/latest/dev-guide.html.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal

from nox_ship import config

_SIMPLE: Mapping[object, dict[str, Any]] = {
    bool: {"type": "boolean"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
}
_WORDS = {"type": "array", "items": {"type": "string"}}
_COMMAND = {"anyOf": [{"type": "string", "pattern": "\\S"}, {**_WORDS, "minItems": 1}]}
_COMMANDS = {"anyOf": [{"type": "string", "pattern": "\\S"}, {"type": "array", "items": _COMMAND}]}


def tool_schema(tool: str = "nox-ship") -> dict[str, Any]:
    """Return the schema of ``[tool.nox-ship]``.

    Args:
        tool: The name of the table, as ``validate-pyproject`` gives it.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"https://json.schemastore.org/partial-{tool}.json",
        "title": "Settings of nox-ship",
        "description": "How nox-ship releases this project. All of it is optional.",
        **_table(config.Settings),
    }


def _table(cls: type) -> dict[str, Any]:
    hints, told = typing.get_type_hints(cls), _descriptions(cls)
    required = [_key(item) for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            _key(item): {**_merged(_type(hints[item.name]), item), "description": told[item.name]}
            for item in fields(cls)
        },
        **({"required": required} if required else {}),
    }


def _key(item: Field[Any]) -> str:
    return item.name.replace("_", "-")


def _merged(schema: dict[str, Any], item: Field[Any]) -> dict[str, Any]:
    """Return the schema of a field's type, with the bounds of its value and, where it says something, its default."""
    merged = dict(schema)
    for keyword, bound in item.metadata.get("schema", {}).items():
        merged[keyword] = {**merged.get(keyword, {}), **bound} if isinstance(bound, dict) else bound
    if item.default is not MISSING and item.default not in (None, ()):
        merged["default"] = list(item.default) if isinstance(item.default, tuple) else item.default
    return merged


def _type(hint: Any) -> dict[str, Any]:
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind is types.UnionType:  # TOML has no null
        return _type(next(part for part in inner if part is not type(None)))
    if is_dataclass(hint):
        return _table(typing.cast("type", hint))
    if kind is Mapping:
        return {"type": "object", "additionalProperties": _type(inner[1])}
    if kind is Literal:
        return {"enum": list(inner)}
    if hint == tuple[config.Command, ...]:
        return dict(_COMMANDS)
    return dict(_WORDS) if hint == tuple[str, ...] else dict(_SIMPLE[hint])


@functools.cache
def _descriptions(cls: type) -> dict[str, str]:
    """Return the docstring of each field of a class, and of those that it inherits."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        body = ast.parse(inspect.getsource(base)).body[0]
        name = ""
        for node in body.body if isinstance(body, ast.ClassDef) else ():
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                name = node.target.id
            elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                found[name] = " ".join(str(node.value.value).replace("``", "`").split())
                name = ""
            else:
                name = ""
    return found
