"""The user's own sections in a workflow that nox-ship wrote, which are kept when the workflow is rewritten."""

from __future__ import annotations

import re

from packaging.version import Version

from nox_ship.automation.github import OURS
from nox_ship.errors import Kind, ShipError, shorten

OWN_PART_LOST = Kind(
    "NS819",
    "own-part-lost",
    "Put the section between `# >>> own: NAME` and `# <<< own` again, as in a newly written workflow.",
)

_OWN = re.compile(r"^ *# >>> own: (?P<name>[^\n]*)\n(?P<text>.*?)^ *# <<< own *$", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"^ *# (?:>>> own:|<<< own)", re.MULTILINE)
_PIN = re.compile(r"(?<![\w.-])(?P<action>[\w.-]+/[\w./-]+)@[0-9a-f]{40} # v(?P<version>\d{1,9}(?:\.\d{1,9})*)\b")


def is_ours(text: str) -> bool:
    """Whether nox-ship wrote a workflow."""
    return text.startswith(OURS)


def keep_own(new: str, old: str) -> str:
    """Return a rendered workflow with the user's changes to the existing one.

    Those are the custom sections, and newer pins of actions, such as Dependabot's.

    Raises:
        ShipError: A section has lost a marker, or is in a place where none is kept (NS819).
    """
    return _with_parts(_with_pins(new, old), old)


def _with_parts(new: str, old: str) -> str:
    parts = {match["name"]: match["text"] for match in _OWN.finditer(old)}
    places = [match["name"] for match in _OWN.finditer(new)]
    if is_ours(old) and len(_MARK.findall(old)) != 2 * len(parts):
        raise ShipError(OWN_PART_LOST("A marker of one of your custom sections is missing, changed or duplicated."))
    if homeless := [name for name, text in parts.items() if text.strip() and name not in places]:
        what = f"This workflow has no custom section named {shorten(map(repr, homeless))}."
        raise ShipError(OWN_PART_LOST(what, remedy=f"Move its lines to one of these: {', '.join(map(repr, places))}."))

    def kept(match: re.Match[str]) -> str:
        text = parts.get(match["name"], match["text"])
        start, end = match.span("text")
        whole = match.string
        return whole[match.start() : start] + text + whole[end : match.end()]

    return _OWN.sub(kept, new)


def _with_pins(new: str, old: str) -> str:
    theirs = {match["action"]: match for match in sorted(_PIN.finditer(_OWN.sub("", old)), key=_pinned)}

    def newer(match: re.Match[str]) -> str:
        pin = theirs.get(match["action"], match)
        short = match["version"].startswith(f"{pin['version']}.")  # `# v7` is any v7, perhaps a later one
        return pin[0] if short or _pinned(pin) > _pinned(match) else match[0]

    return _PIN.sub(newer, new)


def _pinned(pin: re.Match[str]) -> Version:
    return Version(pin["version"])
