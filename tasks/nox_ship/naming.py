"""The names of our sessions in a project whose own sessions have the usual names.

Every text uses a session's usual name, as in ``nox -s release``. When a text is shown, `spoken` inserts the registered
name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

_names: dict[str, str] = {}
"""The registered names of our sessions that differ from the usual ones, by the usual ones. It is global, like nox's
registry: a process loads one noxfile."""

_CALL = re.compile(r"(?P<call>\bnox(?: --[\w-]+)* -s \"?)(?P<name>[a-z]+(?:-[a-z]+)*)(?![\w(])")


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name of a session of ours in a noxfile with the sessions ``taken``."""
    while name in taken:
        name = f"ship-{name}"
    return name


def settle(names: Mapping[str, str]) -> None:
    """Set the names of our sessions in this process's noxfile."""
    _names.clear()
    _names.update(names)


@contextmanager
def settled(names: Mapping[str, str]) -> Iterator[None]:
    """Set the names of our sessions while the block runs."""
    before = dict(_names)
    settle(names)
    try:
        yield
    finally:
        settle(before)


def registered(name: str) -> str:
    """Return the registered name of a session of ours."""
    return _names.get(name, name)


def spoken(text: str, names: Mapping[str, str] | None = None) -> str:
    """Return ``text`` with the registered names of our sessions in each ``nox -s NAME``.

    Args:
        text: A text with the usual names of our sessions.
        names: Their registered names; default: those in this process's noxfile.
    """
    known = _names if names is None else names
    if not known:
        return text
    return _CALL.sub(lambda match: f"{match['call']}{known.get(match['name'], match['name'])}", text)


def call(name: str) -> str:
    """Return the command for a session with exactly this name, which `spoken` does not change."""
    return f"nox -s '{name}'" if name in _names else f"nox -s {shlex.quote(name)}"
