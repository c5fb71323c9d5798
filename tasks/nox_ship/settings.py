"""Reading ``[tool.nox-ship]``: all mistakes are reported together."""

from __future__ import annotations

import difflib
import functools
import operator
import re
import shlex
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Literal

from nox_ship.addresses import holds_password, is_safe
from nox_ship.config import ROOT, Command, Settings
from nox_ship.errors import Finding, Findings, Kind

UNKNOWN_SETTING = Kind("NS101", "unknown-setting", "Correct or remove the key.")
WRONG_TYPE = Kind("NS102", "wrong-setting-type", "Correct the value.")
UNSAFE_ADDRESS = Kind(
    "NS703",
    "unsafe-address",
    "Write an `https` address without user name and password; docs/publishing.md says where to keep those.",
)

_HINTS = functools.cache(typing.get_type_hints)


def read_settings(pyproject: Mapping[str, typing.Any]) -> Settings:
    """Return the settings in a parsed ``pyproject.toml``.

    Raises:
        ShipError: With one finding for each unknown key (NS101), each value of a wrong type (NS102) and each address of
            an index that would expose what is sent there (NS703).
    """
    findings = Findings()
    tool = pyproject.get("tool", {})
    table = tool.get("nox-ship", {}) if isinstance(tool, Mapping) else {}
    settings = typing.cast("Settings", _read(Settings, table, ROOT, findings))
    findings.raise_errors()
    findings.extend((*_out_of_bounds(settings), *_unsafe(settings)))
    findings.raise_errors()
    return settings


_KEYWORDS: Mapping[str, Callable[[typing.Any, typing.Any], bool]] = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
    "maximum": operator.le,
    "minItems": lambda value, least: len(value) >= least,
    "uniqueItems": lambda value, _: len(set(value)) == len(value),
    "pattern": lambda value, pattern: bool(re.fullmatch(pattern[1:-1], value)),  # each begins with ^ and ends with $
    "enum": lambda value, choices: value in choices,
    "items": lambda value, schema: all(_keeps(entry, schema) for entry in value),
    "propertyNames": lambda value, schema: all(_keeps(name, schema) for name in value),
    "additionalProperties": lambda value, schema: all(_keeps(entry, schema) for entry in value.values()),
}
"""The keywords of JSON Schema that restrict a value, and how to check each."""


def _keeps(value: object, schema: Mapping[str, typing.Any]) -> bool:
    return all(_KEYWORDS[keyword](value, bound) for keyword, bound in schema.items())


def _out_of_bounds(settings: object, path: str = ROOT) -> Iterator[Finding]:
    """Yield a finding for each value that no project can mean."""
    for item in fields(typing.cast("typing.Any", settings)):
        value, key = getattr(settings, item.name), f"{path}.{item.name.replace('_', '-')}"
        if is_dataclass(value):
            yield from _out_of_bounds(value, key)
        elif value is not None and not _keeps(value, item.metadata.get("schema", {})):
            yield WRONG_TYPE(f"`{key}` must {item.metadata['words']}.")


def _unsafe(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each address that would expose what is sent there."""
    for name, index in settings.indexes.items():
        for key, address in asdict(index).items():
            if address is not None and not is_safe(address):
                path = f"`{ROOT}.indexes.{name}.{key.replace('_', '-')}`"
                yield UNSAFE_ADDRESS(f"{path} is not an `https` address, or contains a user name or password.")
    if holds_password(settings.remote or ""):
        yield UNSAFE_ADDRESS(f"`{ROOT}.remote` contains a password.", remedy="Use the name of a git remote.")


class _WrongTypeError(Exception):
    """A value has the wrong type; the message names the right one."""


def _read(cls: type, table: object, path: str, findings: list[Finding]) -> object:
    if not isinstance(table, Mapping):
        findings.append(WRONG_TYPE(f"`{path}` must be a table, not {_shown(table)}."))
        return None
    hints = _HINTS(cls)
    known = {item.name.replace("_", "-"): item for item in fields(cls)}
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in known:
            findings.append(_unknown(f"{path}.{key}", key, list(known)))
            continue
        try:
            values[known[key].name] = _convert(hints[known[key].name], value, f"{path}.{key}", findings)
        except _WrongTypeError as error:
            findings.append(WRONG_TYPE(f"`{path}.{key}` must be {error}, not {_shown(value)}."))
    missing = [
        key
        for key, item in known.items()
        if item.default is MISSING and item.default_factory is MISSING and key not in table
    ]
    findings.extend(WRONG_TYPE(f"`{path}` lacks the key `{key}`.", remedy="Add it.") for key in missing)
    return None if findings else cls(**values)


def _unknown(path: str, key: str, known: list[str]) -> Finding:
    close = difflib.get_close_matches(key.replace("_", "-"), known, n=1)
    remedy = f"Did you mean `{close[0]}`? Correct the key." if close else f"Known keys: {', '.join(known)}."
    return UNKNOWN_SETTING(f"pyproject.toml has no setting `{path}`.", remedy=remedy)


def _shown(value: object) -> str:
    return f"`{value!r}`" if not isinstance(value, Mapping) else "a table"


def _convert(hint: typing.Any, value: object, path: str, findings: list[Finding]) -> object:
    if isinstance(hint, types.UnionType):  # X | None: TOML has no null, so the value is an X
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if is_dataclass(hint):
        return _read(typing.cast("type", hint), value, path, findings)
    if typing.get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise _WrongTypeError("a table")
        item = typing.get_args(hint)[1]
        return {name: _convert(item, entry, f"{path}.{name}", findings) for name, entry in value.items()}
    if hint == tuple[Command, ...]:
        return _commands(value)
    if hint == tuple[str, ...]:
        return _strings(value)
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise _WrongTypeError(f"one of {', '.join(map(repr, choices))}")
        return value
    accepted: dict[type, tuple[tuple[type, ...], str]] = {
        bool: ((bool,), "true or false"),
        str: ((str,), "a string"),
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
    }
    allowed, words = accepted[hint]
    if not isinstance(value, allowed) or (isinstance(value, bool) and hint is not bool):
        raise _WrongTypeError(words)
    return value


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _WrongTypeError("a list of strings")
    return tuple(value)


def _commands(value: object) -> tuple[Command, ...]:
    words = "a command or a list of commands, each a string or a list of strings"
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise _WrongTypeError(words)
    commands: list[Command] = []
    for entry in entries:
        if isinstance(entry, str):
            try:
                parts: tuple[str, ...] = tuple(shlex.split(entry))
            except ValueError as error:
                raise _WrongTypeError(words) from error
        elif isinstance(entry, list) and all(isinstance(part, str) for part in entry):
            parts = tuple(entry)
        else:
            raise _WrongTypeError(words)
        if not parts:
            raise _WrongTypeError(words)
        commands.append(parts)
    return tuple(commands)
