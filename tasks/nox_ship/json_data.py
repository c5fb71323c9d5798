"""Reading JSON: any text is either read, optionally into a dataclass that defines its content, or refused."""

from __future__ import annotations

import functools
import json
import sys
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")

_HINTS = functools.cache(typing.get_type_hints)


def parse(text: str | bytes) -> Any:
    """Return the value in a JSON text.

    Raises:
        ValueError: It is not JSON, is nested too deeply, or contains a number with too many digits.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read(cls: type[T], value: object) -> T:
    """Return a JSON object as a dataclass; each value must have the type of its field.

    Unknown keys are refused, unless the dataclass is ``Open``.

    Raises:
        ValueError: A key is missing or unknown, or a value has another type.
    """
    return typing.cast("T", _dataclass(cls, value, cls.__name__))


class Open:
    """The base of dataclasses for data from others, which may have keys that we do not read."""


def _dataclass(cls: type, value: object, path: str) -> object:
    known = {item.name: item for item in fields(cls)}
    if not isinstance(value, dict) or (set(value) - set(known) and not issubclass(cls, Open)):
        raise ValueError(f"{path} is not an object, or has an unknown key")
    for name, item in known.items():
        if name not in value and item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{path} lacks {name}")
    hints = _HINTS(cls)
    given = {name: entry for name, entry in value.items() if name in known}
    return cls(**{name: _converted(hints[name], entry, f"{path}.{name}") for name, entry in given.items()})


def _converted(hint: Any, value: object, path: str) -> object:
    """Return ``value`` as the type ``hint``, one of those used in our stored dataclasses."""
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind is types.UnionType:  # X | None
        return None if value is None else _converted(inner[0], value, path)
    if is_dataclass(hint):
        return _dataclass(typing.cast("type", hint), value, path)
    if kind in (list, tuple) and isinstance(value, list):
        return kind(_converted(inner[0], entry, path) for entry in value)
    if kind is dict and isinstance(value, dict):
        return {_converted(str, key, path): _converted(inner[1], entry, path) for key, entry in value.items()}
    if not (value in inner if kind is typing.Literal else _is_a(hint, value)):
        raise ValueError(f"{path} has the wrong type")
    return value


def _is_a(hint: type, value: object) -> bool:
    if isinstance(value, str):
        value.encode()  # half a surrogate pair can be neither shown nor written
    if hint is float:
        return type(value) in (int, float) and abs(typing.cast("float", value)) <= sys.float_info.max  # NaN is not
    return type(value) is hint
