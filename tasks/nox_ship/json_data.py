"""Reading JSON: whatever a text holds, it is read, into a dataclass where one says what must be there, or refused."""

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
    """Return the value that a text of JSON holds.

    Raises:
        ValueError: It is none, is nested too deeply, or holds a number of too many digits.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read(cls: type[T], value: object) -> T:
    """Return an object of JSON as a dataclass; each value must be of the type that its field is annotated with.

    Keys that the dataclass does not know are refused, unless it is ``Open``.

    Raises:
        ValueError: A key is missing or unknown, or a value is of another type.
    """
    return typing.cast("T", _dataclass(cls, value, cls.__name__))


class Open:
    """The base of dataclasses for what others write: it may hold keys that we do not read."""


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
    """Return ``value`` as the type ``hint``, which is one that the dataclasses we store are made of."""
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
        value.encode()  # half a surrogate pair can neither be shown nor written
    if hint is float:
        return type(value) in (int, float) and abs(typing.cast("float", value)) <= sys.float_info.max  # NaN is not
    return type(value) is hint
