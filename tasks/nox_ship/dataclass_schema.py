"""A JSON Schema of a dataclass: its fields, their types, and the docstring below each."""

from __future__ import annotations

import ast
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, Literal

_SIMPLE: Mapping[object, dict[str, Any]] = {
    bool: {"type": "boolean"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Any: {},
}


@dataclass(frozen=True)
class Form:
    """How dataclasses are represented in documents."""

    complete: bool = False
    """Whether documents have every field, with null for missing values, and may have more in later versions. Otherwise
    fields with defaults may be omitted, there is no null, and unknown keys are not allowed."""
    key: Callable[[str], str] = str
    """Returns the key of a field."""
    types: Mapping[object, dict[str, Any]] = field(default_factory=dict)
    """The schemas of unusual types."""

    def schema(self, cls: type) -> dict[str, Any]:
        """Return the schema of an object with the fields of a dataclass.

        The metadata of a field may restrict its value with ``schema``: keywords of JSON Schema.
        """
        hints, told = typing.get_type_hints(cls), _descriptions(cls)
        every = [item for item in fields(cls) if self.complete or _has_no_default(item)]
        return {
            "type": "object",
            **({} if self.complete else {"additionalProperties": False}),
            "properties": {
                self.key(item.name): {**self._merged(hints[item.name], item), "description": told[item.name]}
                for item in fields(cls)
            },
            **({"required": [self.key(item.name) for item in every]} if every else {}),
        }

    def _merged(self, hint: Any, item: Field[Any]) -> dict[str, Any]:
        """Return the schema of a field's type, with its metadata and, if it is meaningful, its default."""
        merged = self._type(hint)
        for keyword, bound in item.metadata.get("schema", {}).items():
            merged[keyword] = {**merged.get(keyword, {}), **bound} if isinstance(bound, dict) else bound
        if not self.complete and item.default is not MISSING and item.default not in (None, ()):
            merged["default"] = list(item.default) if isinstance(item.default, tuple) else item.default
        return merged

    def _type(self, hint: Any) -> dict[str, Any]:
        kind, inner = typing.get_origin(hint), typing.get_args(hint)
        if hint in self.types:
            return dict(self.types[hint])
        if kind is types.UnionType:
            found = self._type(next(part for part in inner if part is not type(None)))
            return {**found, "type": [found["type"], "null"]} if self.complete else found
        if is_dataclass(hint):
            return self.schema(typing.cast("type", hint))
        if kind in (Mapping, dict):
            values = self._type(inner[1])
            return {"type": "object", **({"additionalProperties": values} if values else {})}
        if kind in (tuple, list):
            return {"type": "array", "items": self._type(inner[0])}
        return {"enum": list(inner)} if kind is Literal else dict(_SIMPLE[hint])


def published(cls: type, name: str, version: int, title: str, description: str) -> dict[str, Any]:
    """Return the schema of complete documents, which state the version of their format; later ones may have more.

    Args:
        cls: The dataclass.
        name: The name in the schema's ID.
        version: The version of the format, which each document has under ``schema``.
        title: The title of the schema.
        description: What such a document contains.
    """
    made = Form(complete=True).schema(cls)
    told = {"const": version, "description": f"Version of the {name}'s form."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:nox-ship:{name}:{version}",
        "title": title,
        "description": description,
        **made,
        "properties": {"schema": told, **made["properties"]},
        "required": ["schema", *made["required"]],
    }


def _has_no_default(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


@functools.cache
def _descriptions(cls: type) -> dict[str, str]:
    """Return the docstring of each field of a class, including inherited ones."""
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
