"""The commands of a shell script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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


def commands(script: str) -> Iterator[list[str]]:
    """Yield the commands of a shell script as words; comments and the text of here-documents are none."""
    words: list[str] = []
    for token in _SHELL.finditer(_HEREDOC.sub("", script[:_LONGEST])):
        if token["word"]:
            words.append(re.sub(r"\\(.)|['\"]", r"\1", token["word"], flags=re.DOTALL))
        elif token["end"] and words:
            yield words
            words = []
    if words:
        yield words


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
