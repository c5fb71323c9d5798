"""tox's settings, from the first of its files: tox.ini, setup.cfg, tox.toml or pyproject.toml.

https://tox.wiki/en/latest/config.html describes them.
"""

from __future__ import annotations

import configparser
import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nox_ship import documents
from nox_ship.project import Project, strings

MOST = 200
"""The most environments of one list, since braces multiply."""
_MOST_NAMED = 2000
"""The most environments with settings of their own."""
_PART = re.compile(r"(?:[^\s,{}]|\{[^{}]*\}|[{}])+")
_BRACES = re.compile(r"\{([^{}]*)\}")
_DEEPEST = 20
"""How deeply references in TOML may be nested."""
_MOST_VALUES = 20_000
"""The most values that are read through references in TOML."""
_UNREADABLE = (configparser.Error, documents.UnreadableError, AttributeError)
"""The last of them is raised for lines below a name without a value."""

Table = Mapping[str, Any]


@dataclass(frozen=True)
class ToxSettings:
    """A project's settings for tox."""

    file: str
    core: Table = field(default_factory=dict)
    """Settings of tox itself, not of an environment."""
    base: Table = field(default_factory=dict)
    """Settings common to all environments."""
    named: Mapping[str, Table] = field(default_factory=dict)
    """Settings of single environments, by name."""
    default: tuple[str, ...] = ("py",)
    """The default environments."""
    sections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The sections of an INI file, which values may refer to."""

    @property
    def labels(self) -> dict[str, list[str]]:
        """The environments of each label."""
        told = self.core.get("labels")
        lines = told.splitlines() if isinstance(told, str) else ()
        pairs = [
            (name.strip(), list(expanded(value))) for name, equals, value in (x.partition("=") for x in lines) if equals
        ]
        table = told if isinstance(told, Mapping) else {}
        found = {**dict(pairs), **{str(name): strings(names) for name, names in table.items()}}
        for name, settings in self.named.items():
            own = settings.get("labels")
            for label in parts(own) if isinstance(own, str) else strings(own):
                found.setdefault(label, []).append(name)
        return found


def read(project: Project, posargs: tuple[str, ...] = ()) -> ToxSettings:
    """Return a project's settings for tox; without any, those of an empty file.

    Args:
        project: The project.
        posargs: The arguments after ``--`` on tox's command line, which TOML refers to as ``posargs``.
    """
    for name in ("tox.ini", "setup.cfg"):
        sections = _sections(project.read_text(name))
        if any(section in ("tox", "tox:tox", "testenv") or section.startswith("testenv:") for section in sections):
            return _from_ini(name, sections)
    legacy = project.tool("tox").get("legacy_tox_ini")
    if isinstance(legacy, str):
        return _from_ini("pyproject.toml", _sections(legacy))
    try:
        table: Table = documents.toml(project.read_text("tox.toml"))
    except documents.UnreadableError:
        table = {}
    file = "tox.toml" if table else "pyproject.toml"
    return _from_toml(file, table or project.tool("tox"), posargs)


def unreadable(project: Project) -> str | None:
    """Return why the settings cannot be read; None if they can, or there are none."""
    for name in ("tox.ini", "tox.toml"):
        try:
            if name.endswith(".toml"):
                documents.toml(project.read_text(name))
            else:
                _parser(project.read_text(name))
        except _UNREADABLE as error:
            return f"{name} cannot be read ({' '.join(str(error).split())}), so it is ignored"
    return None


def parts(text: str) -> list[str]:
    """Split a list at commas, spaces and line breaks, but not within braces."""
    return _PART.findall(text)


@functools.lru_cache(maxsize=1000)
def expanded(text: str) -> tuple[str, ...]:
    """Return the names in a list; ``a-{b,c}`` means ``a-b`` and ``a-c``, and ``{10-13}`` four numbers."""
    names = (name for part in parts(text) for name in itertools.islice(_unfolded(part), MOST))
    return tuple(itertools.islice(dict.fromkeys(itertools.islice(names, MOST * MOST)), MOST))


def _unfolded(text: str) -> Iterator[str]:
    pieces = _BRACES.split(text)
    choices = [_options(piece) if place % 2 else [piece] for place, piece in enumerate(pieces)]
    return map("".join, itertools.product(*choices))


def _options(inner: str) -> list[str]:
    if numbers := re.fullmatch(r"(\d{1,4})-(\d{1,4})", inner):
        return [str(number) for number in itertools.islice(range(int(numbers[1]), int(numbers[2]) + 1), MOST)]
    return [option.strip() for option in inner.split(",")]


def _from_ini(file: str, sections: dict[str, dict[str, str]]) -> ToxSettings:
    core = sections.get("tox") or sections.get("tox:tox") or {}
    named: dict[str, Table] = {}
    for section, values in sections.items():
        if section.startswith("testenv:") and len(named) < _MOST_NAMED:
            named.update(dict.fromkeys(expanded(section.removeprefix("testenv:")), values))
    default = expanded(core.get("env_list") or core.get("envlist") or "")
    return ToxSettings(file, core, sections.get("testenv", {}), named, default or ("py",), sections)


def _parser(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, comment_prefixes=("#",))
    parser.read_string(text)
    return parser


def _sections(text: str) -> dict[str, dict[str, str]]:
    if not text:
        return {}
    try:
        parser = _parser(text)
    except _UNREADABLE:
        return {}
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}


def _from_toml(file: str, table: Table, posargs: tuple[str, ...]) -> ToxSettings:
    references = _References(table, posargs)
    base, named = references.resolved(table.get("env_run_base")), references.resolved(table.get("env"))
    listed = table.get("env_list")
    # An item that is not a name is a table that generates names, usually of Pythons.
    names = [item if isinstance(item, str) else "py" for item in listed] if isinstance(listed, list) else []
    return ToxSettings(
        file,
        table,
        base if isinstance(base, Mapping) else {},
        {name: value for name, value in _items(named) if isinstance(value, Mapping)},
        tuple(dict.fromkeys(names or ["py"])),
    )


class _References:
    """Resolves references with ``replace`` (https://tox.wiki/en/latest/config.html#toml-specific)."""

    def __init__(self, table: Table, posargs: tuple[str, ...]) -> None:
        self._table = table
        self._posargs = posargs
        self._left = _MOST_VALUES

    def resolved(self, value: Any, depth: int = 0) -> Any:
        """Return a value with its references replaced."""
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return None
        if isinstance(value, Mapping):
            if "replace" in value:
                return self._target(value, depth)
            return {key: self.resolved(inner, depth + 1) for key, inner in value.items()}
        if not isinstance(value, list):
            return value
        found: list[Any] = []
        for item in value:
            inner = self.resolved(item, depth + 1)
            spread = isinstance(item, Mapping) and "replace" in item and isinstance(inner, list)
            found += inner if spread else [inner]
        return found

    def _target(self, value: Table, depth: int) -> Any:
        if value["replace"] == "posargs":
            return list(self._posargs) or strings(value.get("default"))
        if value["replace"] != "ref":
            return value.get("default")
        place = value.get("of") or ["env", value.get("env"), value.get("key")]
        keys = [str(key) for key in place] if isinstance(place, list) else []
        target: Any = self._table
        for key in keys[2:] if keys[:2] == ["tool", "tox"] else keys:
            target = target.get(key) if isinstance(target, Mapping) else None
        return self.resolved(target, depth + 1)


def _items(value: object) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []
