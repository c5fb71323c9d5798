"""The commands of a shell script."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_LONGEST = 1 << 16
"""The longest script that is analysed, in characters."""
_LONGEST_VALUE = 1000
_MOST = 500
"""The most variables of one line that are filled in."""
_HEREDOC = re.compile(r"(?<!<)<<-?[ \t]*(?:'(?P<quoted>\w+)'|\"(?P<double>\w+)\"|\\?(?P<plain>[A-Za-z_]\w*))")
_SHELL = re.compile(
    r"""\\\r?\n | [ \t\r]+ | \#[^\n]*                                            # what is between words
    | (?P<into>(?:\d\d?|&)?(?:<<<|<>|>>|>\||[<>]&?))                             # what is written elsewhere
    | (?P<end>[\n;&|()`]+)
    | (?P<word>(?:
        \$\{\{[^$]{0,999}?\}\} | '[^']*' | "(?:\\.|[^"\\])*" | \\(?!\r?\n). | [^\s;&|()`\\'"] | [\\'"](?!\r?\n)
    )+)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(
    r"""(?P<whole>\$\{\{[^$]{0,999}?\}\}) | '(?P<single>[^']*)' | "(?P<double>(?:\\.|[^"\\])*)"
    | \\(?P<plain>.) | ['"]""",
    re.VERBOSE | re.DOTALL,
)
_BEFORE = re.compile(
    r"-.*|if|then|elif|else|fi|do|done|while|until|esac|!|\{|\}|time|sudo|exec|env|command|nohup", re.DOTALL
)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_JOINING = ("&&", "||", "|", "|&")
_ASSIGNED = re.compile(
    r"[ \t]*(?P<export>export[ \t]+)?(?P<name>\w+)=(?P<value>'[^'\n]*'|\"[^\"\n]*\"|[^\s;&|]*)[ \t]*;?[ \t]*$"
)
_VARIABLE = re.compile(
    r"(?<!\\)\$(?:(?P<plain>\w+|[@*#])|\{(?P<name>\w++|[@*#])(?::?[-=](?P<default>[^{}$]*+)\}|[^{}]*+\}))"
)
_PRIVATE = re.compile(
    r"(?:PIP|UV|GITHUB|RUNNER|COVERAGE|COV|CODECOV|TWINE|POETRY|PDM|HATCH|NOX|TOX|PRE_COMMIT|CIBW)(?:_|$)"
)
_NOT_KEPT = re.compile(r"CI|PATH|HOME|.*COLOR.*|.*TOKEN.*|.*SECRET.*|.*PASSWORD.*|.*_KEY")
_SILENT = {"echo", "printf", "grep", "which", "type", "cat", "for", "case", ":"}
_CHANGING = (("cd",), ("pushd",), ("popd",))
_DEEPEST = 20
"""How deeply shells may be nested."""
_FORGIVING = (["true"], [":"], ["echo"])
"""What may come after ``||`` for a command that may fail."""


@dataclass(frozen=True)
class ShellCommand:
    """A command of a script, starting with its program."""

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """The variables set for it alone."""
    folder: str = "."
    """Its working folder, relative to the script's."""


def commands(script: str, *, redirected: bool = False) -> Iterator[list[str]]:
    """Yield the commands of a shell script as words, without comments and here-documents.

    Args:
        script: The script.
        redirected: Whether files that output is redirected to are among the words.
    """
    for words, _ in _ended(script, redirected=redirected):
        if words:
            yield words


def loud_commands(script: str) -> Iterator[list[str]]:
    """Yield the commands of a script, each starting with its program, except those that only print text."""
    for words in commands(script):
        if (command := _alone(words, ".")).words:
            yield list(command.words)


def lasting_commands(script: str) -> Iterator[ShellCommand]:
    """Yield the loud commands of a script whose failure would end it; what comes before ``|| true`` may fail.

    Variables that the script sets are filled in, unknown ones are empty; one that is set conditionally counts if it is
    not set otherwise.
    """
    waiting: list[ShellCommand] = []
    folders, before = ["."], ""
    for words, end in [*_ended(_filled(script[:_LONGEST])), ([], "")]:
        if before.endswith("||") and (words[:1] in _FORGIVING or words[:2] == ["exit", "0"]):
            waiting = []
        else:
            if not before.endswith(_JOINING):
                yield from waiting
                waiting = []
            command = _alone(words, folders[-1])
            if command.words[:1] in _CHANGING:
                folders[-1] = _entered(folders[-1], command.words)
            elif command.words:
                waiting.append(command)
        for sign in end if "(" in end or ")" in end else "":
            folders = _subshell(folders, sign)
        before = end.rstrip("\n")


def _entered(folder: str, words: Sequence[str]) -> str:
    """Return the folder that ``cd`` changes to; if it is unknown, the folder of the script."""
    target = next((word for word in words[1:] if not word.startswith("-")), "$")
    return "." if {"$", "`"} & set(target) else posixpath.normpath(posixpath.join(folder, target))


def _subshell(folders: list[str], sign: str) -> list[str]:
    """Return the folders of the nested shells after a bracket; the inner one is left at its end."""
    if sign == "(" and len(folders) < _DEEPEST:
        return [*folders, folders[-1]]
    return folders[:-1] if sign == ")" and len(folders) > 1 else folders


def _ended(script: str, *, redirected: bool = False) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each command, and the signs after it; signs before the first have no words."""
    words: list[str] = []
    end, elsewhere = "", False
    for token in _SHELL.finditer(_without_documents(script[:_LONGEST])):
        if token["word"]:
            if end:
                yield words, end
                words = []
            words += [] if elsewhere and not redirected else [_QUOTED.sub(_unquoted, token["word"])]
            end = ""
        elsewhere = bool(token["into"]) or (elsewhere and token.lastgroup is None)
        end += token["end"] or ""
    if words:
        yield words, end


def _without_documents(script: str) -> str:
    """Return a script without the text of its here-documents, if they are terminated."""
    lines = script.split("\n")
    last = {line.strip(): number for number, line in enumerate(lines)}
    kept: list[str] = []
    awaited: list[str] = []
    for number, line in enumerate(lines):
        if awaited:
            awaited = awaited[line.strip() == awaited[0] :]
            continue
        found = [match["quoted"] or match["double"] or match["plain"] for match in _HEREDOC.finditer(line)]
        awaited = [name for name in found if last.get(name, 0) > number]
        kept.append(_HEREDOC.sub("", line))
    return "\n".join(kept)


def _unquoted(match: re.Match[str]) -> str:
    if match["double"]:
        return re.sub(r'\\([$`"\\])|\\\n', r"\1", match["double"])
    return match["whole"] or match["single"] or match["plain"] or ""


def _alone(words: Sequence[str], folder: str) -> ShellCommand:
    """Return a command starting with its program, with the variables set before it; empty if it is silent."""
    env: dict[str, str] = {}
    for place, word in enumerate(words):
        if match := _ASSIGNMENT.fullmatch(word):
            env[match["name"]] = match["value"]
        elif not _BEFORE.fullmatch(word):
            return ShellCommand(() if word in _SILENT else tuple(words[place:]), env, folder)
    return ShellCommand((), env, folder)


def _filled(script: str) -> str:
    values: dict[str, str] = {"PWD": ".", "GITHUB_WORKSPACE": "."}
    deep, length, lines = 0, 0, list[str]()
    for line in re.sub(r"\\\r?\n", " ", script).splitlines():
        text = _VARIABLE.sub(
            lambda match: values.get(match["plain"] or match["name"], match["default"] or ""), line, _MOST
        )
        length += len(text)
        if length > _LONGEST:
            break
        words = line.split()
        deep = max(0, deep + (words[:1] == ["if"]) - bool({"fi", "fi;"} & set(words)))
        match = _ASSIGNED.fullmatch(text)
        if match and (not deep or match["name"] not in values):
            values[match["name"]] = match["value"].strip("'\"")[:_LONGEST_VALUE]
        if match is None or (match["export"] and not deep):
            lines.append(text)
    return "\n".join(lines)


def program(words: Sequence[str]) -> str:
    """Return the name of the program that a command starts, without its folder; empty if there is none."""
    return PurePosixPath(words[0].replace("\\", "/")).name.removesuffix(".exe") if words else ""


def steers_checks(name: str) -> bool:
    """Whether a variable in an automation may concern a check, and not an installer, a runner or a log."""
    return not (_PRIVATE.match(name) or _NOT_KEPT.fullmatch(name))
