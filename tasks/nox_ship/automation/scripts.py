"""The scripts in pyproject.toml for PDM, poe or taskipy.

https://pdm-project.org/latest/usage/scripts/ and https://poethepoet.natn.io/tasks/ describe them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nox_ship.project import strings

_ARGUMENTS = re.compile(r"\{args(?::([^{}]*))?\}")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_DEEPEST = 10
"""How deeply scripts may be nested."""
_MOST = 500
"""How many scripts a script may consist of."""
_ONE = ("cmd", "shell")
_SEVERAL = ("composite", "sequence", "parallel", "chain")


@dataclass(frozen=True)
class Line:
    """A resolved script: lines of shell, and their environment variables."""

    text: str
    env: Mapping[str, str]


class Scripts:
    """A table of scripts; those of unknown kinds, such as calls of Python functions, run nothing.

    Args:
        table: The table.
        surrounded: Whether ``pre_NAME`` runs before a script and ``post_NAME`` after it.
    """

    def __init__(self, table: object, *, surrounded: bool = False) -> None:
        self._table: Mapping[str, Any] = table if isinstance(table, Mapping) else {}
        self._surrounded = surrounded
        self._left = _MOST

    def __contains__(self, name: str) -> bool:
        return name in self._table

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scripts, in order."""
        return tuple(map(str, self._table))

    def lines(self, name: str, arguments: Sequence[str] = ()) -> list[Line]:
        """Return a script with additional arguments, resolved; empty if there is no such script."""
        self._left = _MOST
        common = self._table.get("_")
        env = _env(common.get("env")) if isinstance(common, Mapping) else {}
        before, after = ((f"pre_{name}",), (f"post_{name}",)) if self._surrounded else ((), ())
        told = [*((each, "") for each in before), (name, shlex.join(arguments)), *((each, "") for each in after)]
        return [line for each, words in told for line in self._named(each, words, env, 0)]

    def _named(self, name: str, arguments: str, env: Mapping[str, str], depth: int) -> Iterator[Line]:
        value = self._table.get(name)
        if isinstance(value, list):  # poe: names of other scripts
            value = {"sequence": value}
        yield from self._of(value, arguments, env, depth)

    def _of(self, value: Any, arguments: str, env: Mapping[str, str], depth: int) -> Iterator[Line]:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return
        if isinstance(value, str):
            value = {"cmd": value}
        if not isinstance(value, Mapping):
            return
        env = {**env, **_env(value.get("env"))}
        for item in strings(value.get("deps")):
            yield from self._item(item, "", env, depth)
        if isinstance(value.get("ref"), str):
            yield from self._item(value["ref"], arguments, env, depth)
        yield from (Line(_with(text, arguments), env) for text in _own_commands(value))
        if str(value.get("ignore_fail", False)) in ("True", "return_zero"):
            return
        for key in _SEVERAL:
            items = value.get(key)
            for item in items if isinstance(items, list) else []:
                yield from self._item(item, arguments, env, depth)

    def _item(self, item: Any, arguments: str, env: Mapping[str, str], depth: int) -> Iterator[Line]:
        """Yield a part of a script: another script with its own arguments, or a command."""
        if isinstance(item, list):
            item = {"sequence": item}
        if not isinstance(item, str):
            yield from self._of(item, arguments, env, depth + 1)
            return
        name, _, own = item.partition(" ")
        if name in self._table:
            yield from self._named(name, f"{own} {arguments}".strip(), env, depth + 1)
        else:
            yield from self._of(item, arguments, env, depth + 1)


def _own_commands(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the commands in a script itself."""
    for key in _ONE:
        command = value.get(key)
        text = shlex.join(strings(command)) if isinstance(command, list) else command
        if isinstance(text, str) and key == "cmd":  # one command, on however many lines
            text = " ".join(_COMMENT.sub("", text).split("\n")).strip()
        if isinstance(text, str) and text:
            yield text


def _with(text: str, arguments: str) -> str:
    """Return a command with arguments, in their placeholder or else at its end."""
    if _ARGUMENTS.search(text):
        return _ARGUMENTS.sub(lambda match: arguments or match[1] or "", text)
    return f"{text.rstrip()} {arguments}".rstrip() if arguments else text


def _env(table: object) -> dict[str, str]:
    """Return variables; poe also has tables with a ``default``."""
    rows = table.items() if isinstance(table, Mapping) else ()
    pairs = [(str(name), value.get("default") if isinstance(value, Mapping) else value) for name, value in rows]
    return {name: value for name, value in pairs if isinstance(value, str)}
