"""The commands of a shell script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import PurePosixPath

_LONGEST = 1 << 16
"""Characters of the longest script that is looked at."""
_LONGEST_VALUE = 1000
_HEREDOC = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1[^\n]*\n.*?^[ \t]*\2[ \t]*$", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(
    r"""\\\r?\n | [ \t\r]+ | \#[^\n]*                                            # what is between words
    | (?P<end>[\n;&|()`]+)
    | (?P<word>(?:
        \$\{\{.{0,999}?\}\} | '[^']*' | "(?:\\.|[^"\\])*" | \\(?!\r?\n). | [^\s;&|()`\\'"] | [\\'"](?!\r?\n)
    )+)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(
    r"""'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|\\(?P<escaped>.)|['"]""",
    re.DOTALL,
)
_BEFORE = re.compile(r"\w+=.*|if|then|elif|else|do|while|until|!|\{|time|sudo|exec|env|command|nohup", re.DOTALL)
_FORGIVEN = re.compile(r"[^\n;&|]*\|\|[ \t]*(?:true|:|exit 0|echo\b)[^\n]*")
_ASSIGNED = re.compile(
    r"[ \t]*(?:export[ \t]+)?(?P<name>\w+)=(?P<value>'[^'\n]*'|\"[^\"\n]*\"|[^\s;&|]*)[ \t]*;?[ \t]*$"
)
_VARIABLE = re.compile(
    r"(?<!\\)\$(?:(?P<plain>\w+|[@*#])|\{(?P<name>\w+|[@*#])(?::?[-=](?P<default>[^{}$]*)|[^{}]*)\})"
)
_PRIVATE = re.compile(
    r"(?:PIP|UV|GITHUB|RUNNER|COVERAGE|COV|CODECOV|TWINE|POETRY|PDM|HATCH|NOX|TOX|PRE_COMMIT|CIBW)(?:_|$)"
)
_NOT_KEPT = re.compile(r"CI|PATH|HOME|.*COLOR.*|.*TOKEN.*|.*SECRET.*|.*PASSWORD.*|.*_KEY")
_SILENT = {"echo", "printf", "grep", "which", "type", "cat", ":"}
_SETTING = re.compile(r"(\w+)=(.*)", re.DOTALL)
_OF_ENV = re.compile(r"\$\{\{\s*env\.(?P<name>\w+)\s*\}\}")
_POWERSHELL = re.compile(r"\$env:(\w+)", re.IGNORECASE)
_SETTERS = {"export", "declare", "typeset", "readonly", "local", "set"}
_SHELLS = {"bash", "sh", "dash", "zsh", "ksh"}
_SHELL_OPTIONS = {"pipefail", "errexit", "nounset", "xtrace"}
_OPENING, _CLOSING = {"if", "case", "for", "while", "until", "select"}, {"fi", "esac", "done"}
_DEEPEST = 5
"""Shells that are given scripts by shells."""


def commands(script: str) -> Iterator[list[str]]:
    """Yield the commands of a shell script as words; comments and the text of here-documents are none."""
    words: list[str] = []
    for token in _SHELL.finditer(_HEREDOC.sub("", script[:_LONGEST])):
        if token["word"]:
            words.append(_QUOTED.sub(_unquoted, token["word"]))
        elif token["end"] and words:
            yield words
            words = []
    if words:
        yield words


def _unquoted(match: re.Match[str]) -> str:
    """Return what a quoted text means; one kind of quotes stays as it is within the other."""
    if match["double"] is not None:
        return re.sub(r"\\(.)", r"\1", match["double"], flags=re.DOTALL)
    return match["single"] or match["escaped"] or ""


def loud_commands(script: str) -> Iterator[list[str]]:
    """Yield the commands of a script, each from its program on, but for those that show text alone."""
    for words in commands(script):
        start = next((place for place, word in enumerate(words) if not _BEFORE.fullmatch(word)), len(words))
        if words[start:] and words[start] not in _SILENT:
            yield words[start:]


def lasting_commands(script: str) -> Iterator[list[str]]:
    """Yield the loud commands of a script whose failure would end it; what stands before ``|| true`` may fail.

    Variables that the script sets are filled in, those that nobody knows are empty; what it sets on a condition counts
    where it sets nothing else.
    """
    yield from loud_commands(_FORGIVEN.sub("", _filled(script[:_LONGEST])))


def commands_in(
    script: str, env: Mapping[str, str], later: dict[str, str] | None = None, *, sure: bool = True, depth: int = 0
) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Yield the loud commands of a script, each with the variables that it sees; scripts that it hands to a shell too.

    Variables are filled in where the script or ``env`` tells them; others stay as they are written.

    Args:
        script: The script.
        env: The variables that are set before it.
        later: Takes the variables that it sets for later steps of a job, by the file ``GITHUB_ENV``.
        sure: Whether it is known to run; else what it sets is not told.
        depth: How many shells it was handed through.
    """
    values, deep, after = dict(env), int(not sure), {} if later is None else later
    for written in commands(script):
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
    """Return the variables that words like ``NAME=value`` set."""
    return {match[1]: match[2][:_LONGEST_VALUE] for word in words if (match := _SETTING.fullmatch(word))}


def _set_by(own: dict[str, str], rest: Sequence[str]) -> dict[str, str]:
    """Return the variables that a command sets for those after it: by ``own`` alone, by ``export``, in PowerShell."""
    if not rest:
        return own
    if rest[0] in _SETTERS:
        return _settings(rest[1:])
    match = _POWERSHELL.fullmatch(rest[0])
    return {match[1]: rest[2]} if match and rest[1:2] == ["="] and rest[2:] else {}


def _expanded(word: str, values: Mapping[str, str]) -> list[str]:
    """Return a word with the variables in it filled in; one that is nothing but a variable may become several."""

    def value(match: re.Match[str]) -> str:
        found = match.groupdict()
        name = found.get("plain") or found["name"]
        return values.get(name, found.get("default") or match[0])

    filled = _VARIABLE.sub(value, _OF_ENV.sub(value, word))[:_LONGEST]
    return filled.split() if filled != word and _VARIABLE.fullmatch(word) else [filled]


def _inner(words: Sequence[str]) -> str | None:
    """Return the script that a command hands to a shell as a text, None where it does not."""
    if words[:1] == ["eval"]:
        return " ".join(words[1:])
    shell = next((place for place, word in enumerate(words) if program([word]) in _SHELLS), len(words))
    options = list(takewhile(lambda word: word[:1] in "-+" or word in _SHELL_OPTIONS, words[shell + 1 :]))
    asked = any(re.fullmatch(r"-[a-zA-Z]*c", option) for option in options)
    return next(iter(words[shell + 1 + len(options) :]), None) if asked else None


def _filled(script: str) -> str:
    values: dict[str, str] = {"PWD": ".", "GITHUB_WORKSPACE": "."}
    deep, lines = 0, []
    for line in re.sub(r"\\\r?\n", " ", script).splitlines():
        text = _VARIABLE.sub(lambda match: values.get(match["plain"] or match["name"], match["default"] or ""), line)
        first = line.split(maxsplit=1)[:1]
        deep += (first == ["if"]) - (first == ["fi"])
        if match := _ASSIGNED.fullmatch(text):
            if not deep or match["name"] not in values:
                values[match["name"]] = match["value"].strip("'\"")[:_LONGEST_VALUE]
            continue
        lines.append(text)
    return "\n".join(lines)[:_LONGEST]


def program(words: Sequence[str]) -> str:
    """Return the name of the program that a command starts, without its folder; empty where there is none."""
    return PurePosixPath(words[0].replace("\\", "/")).name.removesuffix(".exe") if words else ""


def steers_checks(name: str) -> bool:
    """Whether a variable that automation sets may concern a check, and not an installer, a runner or a log."""
    return not (_PRIVATE.match(name) or _NOT_KEPT.fullmatch(name))
