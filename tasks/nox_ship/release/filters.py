"""GitHub's filter patterns, which select the refs of a workflow's trigger.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_PIECE = re.compile(r"\\(?P<escaped>.)|(?P<stars>\*+)|\[(?P<listed>[^\]]+)\]|(?P<counts>[?+])|(?P<plain>.)", re.DOTALL)


@dataclass(frozen=True)
class _Atom:
    """An element of a pattern that matches characters."""

    taken: frozenset[str] | None
    """The matching characters; None for all except ``refused``."""
    refused: str = ""
    optional: bool = False
    repeats: bool = False

    def fits(self, character: str) -> bool:
        return character not in self.refused if self.taken is None else character in self.taken


def admits(patterns: Iterable[str], name: str) -> bool:
    """Whether a list of patterns matches ``name``; the last match decides, and ``!`` negates it."""
    taken = False
    for pattern in patterns:
        if matches(pattern.removeprefix("!"), name):
            taken = not pattern.startswith("!")
    return taken


def matches(pattern: str, name: str) -> bool:
    """Whether one pattern matches the whole of ``name``.

    All paths through the pattern are followed at once, so that no pattern takes long.
    """
    atoms = _atoms(pattern)
    places = _reached(atoms, {0})
    for character in name:
        fitting = {place for place in places if place < len(atoms) and atoms[place].fits(character)}
        stay = {place for place in fitting if atoms[place].repeats}
        places = _reached(atoms, stay | {place + 1 for place in fitting})
    return len(atoms) in places


def _reached(atoms: list[_Atom], places: set[int]) -> set[int]:
    """Return ``places`` and those reachable from them by skipping optional elements."""
    reached, ahead = set(places), list(places)
    while ahead:
        place = ahead.pop()
        if place < len(atoms) and atoms[place].optional and place + 1 not in reached:
            reached.add(place + 1)
            ahead.append(place + 1)
    return reached


def _atoms(pattern: str) -> list[_Atom]:
    atoms: list[_Atom] = []
    for piece in _PIECE.finditer(pattern):
        if piece["stars"]:
            atoms.append(_Atom(None, "/" if len(piece["stars"]) == 1 else "", optional=True, repeats=True))
        elif piece["listed"]:
            atoms.append(_Atom(_listed(piece["listed"])))
        elif piece["counts"] and atoms:
            optional, repeats = piece["counts"] == "?", piece["counts"] == "+"
            last = atoms[-1]
            atoms[-1] = replace(last, optional=last.optional or optional, repeats=last.repeats or repeats)
        else:
            atoms.append(_Atom(frozenset(piece["escaped"] or piece["plain"] or piece["counts"])))
    return atoms


def _listed(text: str) -> frozenset[str]:
    """Return the characters between brackets, expanding ranges."""
    found: set[str] = set()
    for piece in re.finditer(r"([0-9A-Za-z])-([0-9A-Za-z])|(.)", text, re.DOTALL):
        first, last, single = piece.groups()
        found |= {single} if single else {chr(code) for code in range(ord(first), ord(last) + 1)}
    return frozenset(found)
