"""The commands of a shell script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

_LONGEST = 1 << 16
"""Characters of the longest script that is looked at."""
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


def program(words: Sequence[str]) -> str:
    """Return the name of the program that a command starts, without its folder; empty where there is none."""
    return PurePosixPath(words[0].replace("\\", "/")).name.removesuffix(".exe") if words else ""
