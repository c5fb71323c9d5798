"""The commands that a step's script runs, with the variables that each sees, following shells that it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from nox_ship.automation.shell import commands, program

_LONGEST = 1 << 16
"""The longest script that is analysed, in characters."""
_LONGEST_VALUE = 1000
_BEFORE = re.compile(r"\w+=.*|if|then|elif|else|do|while|until|!|\{|time|sudo|exec|env|command|nohup", re.DOTALL)
_VARIABLE = re.compile(
    r"(?<!\\)\$(?:(?P<plain>\w+|[@*#])|\{(?P<name>\w+|[@*#])(?::?[-=](?P<default>[^{}$]*)|[^{}]*)\})"
)
_SILENT = {"echo", "printf", "grep", "which", "type", "cat", ":"}
_SETTING = re.compile(r"(\w+)=(.*)", re.DOTALL)
_OF_ENV = re.compile(r"\$\{\{\s*env\.(?P<name>\w+)\s*\}\}")
_POWERSHELL = re.compile(r"\$env:(\w+)", re.IGNORECASE)
_SETTERS = {"export", "declare", "typeset", "readonly", "local", "set"}
_SHELLS = {"bash", "sh", "dash", "zsh", "ksh"}
_SHELL_OPTIONS = {"pipefail", "errexit", "nounset", "xtrace"}
_OPENING, _CLOSING = {"if", "case", "for", "while", "until", "select"}, {"fi", "esac", "done"}
_DEEPEST = 5
"""Shells to which shells pass scripts."""


def commands_in(
    script: str, env: Mapping[str, str], later: dict[str, str] | None = None, *, sure: bool = True, depth: int = 0
) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Yield the loud commands of a script with the variables that each sees, including scripts passed to shells.

    Variables are filled in if the script or ``env`` sets them; others are left as written.

    Args:
        script: The script.
        env: The variables set before it.
        later: Receives the variables that it sets for later steps of a job through the file ``GITHUB_ENV``.
        sure: Whether it is known to run; otherwise the variables that it sets are ignored.
        depth: The number of shells around it.
    """
    values, deep, after = dict(env), int(not sure), {} if later is None else later
    for written in commands(script, redirected=True):
        deep = max(0, deep + (written[0] in _OPENING) - (written[0] in _CLOSING))
        words = [piece for word in written for piece in _expanded(word, values)]
        start = next((place for place, word in enumerate(words) if not _BEFORE.fullmatch(word)), len(words))
        own, rest = _settings(words[:start]), words[start:]
        if set_here := _set_by(own, rest):
            values.update({name: f"${name}" if deep else value for name, value in set_here.items()})
        elif rest[:1] in (["echo"], ["printf"]) and any("GITHUB_ENV" in word for word in rest):
            after.update({name: f"${name}" if deep else value for name, value in _settings(rest).items()})
        elif (inner := _inner(rest)) is not None and depth < _DEEPEST:
            yield from commands_in(inner, {**values, **own}, later, sure=not deep, depth=depth + 1)
        elif rest and rest[0] not in _SILENT:
            yield rest, own | {name: value for name, value in values.items() if name not in own}


def _settings(words: Sequence[str]) -> dict[str, str]:
    """Return the variables set by words such as ``NAME=value``."""
    return {match[1]: match[2][:_LONGEST_VALUE] for word in words if (match := _SETTING.fullmatch(word))}


def _set_by(own: dict[str, str], rest: Sequence[str]) -> dict[str, str]:
    """Return the variables that a command sets for later ones: with ``own`` alone, with ``export``, in PowerShell."""
    if not rest:
        return own
    if rest[0] in _SETTERS:
        return _settings(rest[1:])
    match = _POWERSHELL.fullmatch(rest[0])
    return {match[1]: rest[2]} if match and rest[1:2] == ["="] and rest[2:] else {}


def _expanded(word: str, values: Mapping[str, str]) -> list[str]:
    """Return a word with its variables filled in; a word that is only a variable may become several."""

    def value(match: re.Match[str]) -> str:
        found = match.groupdict()
        name = found.get("plain") or found["name"]
        return values.get(name, found.get("default") or match[0])

    filled = _VARIABLE.sub(value, _OF_ENV.sub(value, word))[:_LONGEST]
    return filled.split() if _VARIABLE.fullmatch(word) else [filled]


def _inner(words: Sequence[str]) -> str | None:
    """Return the script that a command passes to a shell as a string; None if it passes none."""
    if words[:1] == ["eval"]:
        return " ".join(words[1:])
    shell = next((place for place, word in enumerate(words) if program([word]) in _SHELLS), len(words))
    options = list(takewhile(lambda word: word[:1] in "-+" or word in _SHELL_OPTIONS, words[shell + 1 :]))
    asked = any(re.fullmatch(r"-[a-zA-Z]*c", option) for option in options)
    return next(iter(words[shell + 1 + len(options) :]), None) if asked else None
