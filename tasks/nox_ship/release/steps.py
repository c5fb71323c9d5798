"""Which steps of a workflow upload to a package index, and to which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from nox_ship.automation.shell import loud_commands

ANY = "*"
"""Stands for an index that a step does not tell, such as one that an expression names."""

_UPLOADERS = {
    "twine": ("upload",),
    "uv": ("publish",),
    "flit": ("publish",),
    "hatch": ("publish",),
    "poetry": ("publish",),
    "pdm": ("publish",),
    "rye": ("publish",),
    "maturin": ("upload", "publish"),
}
_ACTION = re.compile(r"(?=.*pypi)(?=.*(?:publish|upload|deploy))|.*poetry-publish", re.IGNORECASE)
_RUNNERS = {"make", "tox", "just", "task", "invoke", "inv", "poe", "doit", "bash", "sh", "python", "python3"}
_RUNNERS |= {"hatch", "pdm", "poetry", "uv", "uvx", "pipx", "rye", "semantic-release"}
_HINT = re.compile(r"(?<![a-z])(?:publish|release|upload|pypi)(?![a-z])", re.IGNORECASE)

_TEST = re.compile(r"test[-._]?pypi|^test$", re.IGNORECASE)
_PUBLIC = re.compile(r"(?:https?://(?:upload\.)?)?pypi(?:\.org\b.*)?/?", re.IGNORECASE)
_TARGET = re.compile(
    r"-r|--(?:repo(?:sitory)?(?:-url)?|publish-url|index(?:-url)?|to)|repository[-_]url"
    r"|TWINE_REPOSITORY(?:_URL)?|UV_PUBLISH_(?:URL|INDEX)|FLIT_INDEX(?:_URL)?|HATCH_INDEX_REPO|PDM_PUBLISH_REPO"
    r"|MATURIN_REPOSITORY(?:_URL)?"
)
"""The options, inputs and variables that tell an uploader where to go."""


def destinations(step: Mapping[str, Any], env: Mapping[str, Any]) -> Iterator[str]:
    """Yield the index that each upload of a step goes to: ``pypi``, ``testpypi``, or ``*`` where it is not told.

    Args:
        step: The step, as it stands in the workflow.
        env: The variables of workflow, job and step.
    """
    given = step.get("with")
    inputs = dict(given) if isinstance(given, Mapping) else {}
    action = str(step.get("uses", "")).partition("@")[0]
    if _ACTION.match(action) or (_is_maturin(action) and inputs.get("command") in _UPLOADERS["maturin"]):
        options = str(inputs.get("args", "")).split()
        yield _destination([*_options(options), *inputs.items(), *env.items()])
    for words in loud_commands(str(step.get("run", ""))):
        if any(_runs(words, program, verbs) for program, verbs in _UPLOADERS.items()) or _is_old_upload(words):
            if "--dry-run" not in words:
                yield _destination([*_options(words), *env.items()])
        elif session := _session(words):
            told = {"publish-prod": "pypi", "publish-test": "testpypi"}.get(session, ANY)
            yield told if told != ANY or not _TEST.search(" ".join(words)) else "testpypi"


def may_upload(step: Mapping[str, Any]) -> bool:
    """Whether a step starts something by a name that speaks of publishing, and whose work is not seen here."""
    return any(
        (words[0] in _RUNNERS or "/" in words[0]) and any(_HINT.search(word) for word in words if word[:1] != "-")
        for words in loud_commands(str(step.get("run", "")))
        if "install" not in words
    )


def _is_maturin(action: str) -> bool:
    return action.lower() == "pyo3/maturin-action"


def _runs(words: list[str], program: str, verbs: Iterable[str]) -> bool:
    """Whether ``program`` is run with one of ``verbs`` as its first argument; an option before it may have a value."""
    for place, word in enumerate(words):
        if PurePosixPath(word.replace("\\", "/")).name.removesuffix(".exe") != program:
            continue
        option = False
        for argument in words[place + 1 :]:
            if argument in verbs:
                return True
            if not argument.startswith("-") and not option:
                break
            option = argument.startswith("-") and "=" not in argument
    return False


def _is_old_upload(words: list[str]) -> bool:
    return "upload" in words and any(PurePosixPath(word).name == "setup.py" for word in words)


def _session(words: list[str]) -> str | None:
    """Return the session of nox that publishes, where the command runs one and does not rehearse it."""
    if "nox" not in {PurePosixPath(word).name for word in words} or "--dry-run" in words:
        return None
    ours = words[: words.index("--")] if "--" in words else words
    found = (re.fullmatch(r"(?:-s|--sessions?=)?(publish(?![a-z])[\w.-]*)", word) for word in ours)
    return next((match[1] for match in found if match), None)


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, following in pairwise([*words, ""]):
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            yield name, value if equals else following


def _destination(told: Iterable[tuple[str, Any]]) -> str:
    """Return the index that the first of the given options, inputs or variables names; PyPI where none does."""
    for name, value in told:
        if _TARGET.fullmatch(name) and str(value).strip():
            if _TEST.search(str(value)):
                return "testpypi"
            return "pypi" if _PUBLIC.fullmatch(str(value).strip()) else ANY
    return "pypi"
