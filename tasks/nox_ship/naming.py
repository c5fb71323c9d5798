"""What our sessions are called where a project has sessions of the usual names.

Every text names a session by its usual name, as in ``nox -s release``. Where a text is shown, `spoken` puts the name
in that the session is registered under.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

_names: dict[str, str] = {}
"""Names that ours are registered under, by the usual name, where the two differ. It is global, as nox's registry is: a
process loads one noxfile."""

_CALL = re.compile(r"(?P<call>\bnox(?: --[\w-]+)* -s \"?)(?P<name>[a-z]+(?:-[a-z]+)*)(?![\w(])")


def free_name(name: str, taken: Collection[str]) -> str:
    """Return what a session of ours is called where the noxfile has the sessions ``taken``."""
    while name in taken:
        name = f"ship-{name}"
    return name


def settle(names: Mapping[str, str]) -> None:
    """Take over what ours are called in this process's noxfile."""
    _names.clear()
    _names.update(names)


@contextmanager
def settled(names: Mapping[str, str]) -> Iterator[None]:
    """Take over what ours are called in a noxfile while the block runs."""
    before = dict(_names)
    settle(names)
    try:
        yield
    finally:
        settle(before)


def registered(name: str) -> str:
    """Return the name that a session of ours is registered under."""
    return _names.get(name, name)


def spoken(text: str, names: Mapping[str, str] | None = None) -> str:
    """Return ``text`` with the names that ours are registered under in each ``nox -s NAME``.

    Args:
        text: A text that names sessions of ours by their usual names.
        names: What they are called; default: as this process's noxfile calls them.
    """
    known = _names if names is None else names
    if not known:
        return text
    return _CALL.sub(lambda match: f"{match['call']}{known.get(match['name'], match['name'])}", text)


def call(name: str) -> str:
    """Return the command that runs a session by just the name given, which `spoken` leaves as it is."""
    return f"nox -s '{name}'" if name in _names else f"nox -s {shlex.quote(name)}"
