"""Which steps of a workflow upload to a package index, and which index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from nox_ship.automation.shell import program
from nox_ship.release.scripts import commands_in

ANY = "*"
"""Stands for an index that is unknown, for example because an expression names it."""
ROUTED = "route"
"""Stands for the index that the kind of version decides."""

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

_HINT = re.compile(r"(?<![a-z])(?:publish|(?:full|long)?release[rd]?|upload|pypi|deploy)(?![a-z])", re.IGNORECASE)
"""Words about publishing in commands and names of actions."""
_PLAIN = {"cd", "cp", "find", "ln", "ls", "mkdir", "mv", "pushd", "rm", "sed", "sleep", "tar", "tee", "test", "touch"}
_PLAIN |= {"[", "[[", "awk", "cmake", "date", "export", "gzip", "head", "tail", "unzip", "wget", "zip", "sha256sum"}
_PLAIN |= {"git", "gh", "glab", "hub", "docker", "podman", "buildah", "skopeo", "helm", "kubectl", "aws", "az"}
_PLAIN |= {"gcloud", "gsutil", "npm", "pnpm", "yarn", "cargo", "gem", "mvn", "conda", "mamba", "anaconda"}
_PLAIN |= {"apt", "apt-get", "brew", "choco", "pip", "pip3", "codecov", "codecovcli", "coveralls", "gpg", "cosign"}
"""Programs that never upload to a Python package index, whatever their arguments."""
_OTHER_ACTION = re.compile(
    r"(?:actions|github|docker|codecov|aws-actions|azure|google-github-actions)/"
    r"|.*(?:npm|docker|crate|nuget|conda|helm|chart|vscode|pages|docs|test-results?|unit-test|artifact"
    r"|gh-?release|github-?release|upload-release|release-(?:action$|asset|drafter|please|notes)|create-release)",
    re.IGNORECASE,
)
"""Actions that upload to something else."""
_SENDING = re.compile(r"-F.*|-T.*|-d|-X|--(?:form|upload-file|data|request).*")

_TEST = re.compile(r"test[-._]?pypi|^test$", re.IGNORECASE)
_PUBLIC = re.compile(r"(?:https?://(?:upload\.)?)?pypi(?:\.org\b.*)?/?", re.IGNORECASE)
_TARGET = re.compile(
    r"-r|--(?:repo(?:sitory)?(?:-url)?|publish-url|index(?:-url)?|to)|repository[-_]url"
    r"|TWINE_REPOSITORY(?:_URL)?|UV_PUBLISH_(?:URL|INDEX)|FLIT_INDEX(?:_URL)?|HATCH_INDEX_REPO|PDM_PUBLISH_REPO"
    r"|MATURIN_REPOSITORY(?:_URL)?"
)
"""The options, inputs and variables that tell an uploader where to upload."""
_TOKEN = re.compile(
    r"-p|--(?:password|token|auth)|password|pypi_token|TWINE_PASSWORD|UV_PUBLISH_(?:TOKEN|PASSWORD)|FLIT_PASSWORD"
    r"|HATCH_INDEX_AUTH|POETRY_(?:PYPI_TOKEN_\w+|HTTP_BASIC_\w+_PASSWORD)|PDM_PUBLISH_PASSWORD"
    r"|MATURIN_(?:PYPI_TOKEN|PASSWORD)"
)
"""The options, inputs and variables that give an uploader its token."""
_EXPRESSION = re.compile(r"\$\{\{[^{}]*\}\}")
"""What GitHub evaluates; without spaces, it stays one word of a command."""
_SECRET = re.compile(r"\bsecrets\.(?!GITHUB_TOKEN\b)([A-Za-z_]\w*)", re.ASCII)


@dataclass(frozen=True)
class Destination:
    """Where a step uploads to."""

    index: str
    """The index's name; ``*`` if unknown."""
    secret: str | None = None
    """The secret that holds the token, where the workflow shows it."""


def destinations(
    step: Mapping[str, Any], env: Mapping[str, Any], later: dict[str, str] | None = None
) -> Iterator[Destination | None]:
    """Yield the destination of each upload in a step; None for what may be an upload.

    The latter is a command or an action with a name about publishing whose content is not visible here.

    Args:
        step: The step, as in the workflow.
        env: The variables of workflow, job and step.
        later: Receives the variables that the step sets for later steps.
    """
    given = step.get("with")
    inputs = dict(given) if isinstance(given, Mapping) else {}
    action = str(step.get("uses", "")).removeprefix("docker://").partition("@")[0]
    if _ACTION.match(action) or (_is_maturin(action) and inputs.get("command") in _UPLOADERS["maturin"]):
        options = str(inputs.get("args", "")).split()
        yield _destination([*_options(options), *inputs.items(), *env.items()])
    elif _HINT.search(action) and not action.startswith(".") and not _OTHER_ACTION.match(action):
        yield None
    texts = {str(name): _EXPRESSION.sub(_closed_up, str(value)) for name, value in env.items()}
    for given_words, seen in commands_in(str(step.get("run", "")), texts, later, sure="if" not in step):
        words = [piece for word in given_words for piece in _parted(word)]
        if "--dry-run" in words:
            continue
        if any(_runs(words, name, verbs) for name, verbs in _UPLOADERS.items()) or _is_old_upload(words):
            yield _destination([*_options(words), *seen.items()])
        elif session := _session(words):
            yield Destination(_of_session(session, words))
        elif _may_upload(words):
            yield None


def _closed_up(expression: re.Match[str]) -> str:
    return "".join(expression[0].split())


def _parted(word: str) -> list[str]:
    """Return ``-mtwine`` split as Python reads it."""
    return ["-m", word[2:]] if re.fullmatch(r"-m[A-Za-z][\w.]*", word) else [word]


def _may_upload(words: list[str]) -> bool:
    """Whether a command has words about publishing, and may publish."""
    if program(words) in _PLAIN or "install" in words:
        return False
    if program(words) == "curl" and not any(map(_SENDING.fullmatch, words)):
        return False
    if "-c" in words and any("twine" in word for word in words):  # Python code
        return True
    return any(_HINT.search(word) for word in words if word[:1] != "-")


def _is_maturin(action: str) -> bool:
    return action.lower() == "pyo3/maturin-action"


def _runs(words: list[str], program: str, verbs: Iterable[str]) -> bool:
    """Whether ``program`` is run with one of ``verbs`` as its first argument; options before it may have values."""
    for place, word in enumerate(words):
        name = PurePosixPath(word.replace("\\", "/")).name.removesuffix(".exe")
        if re.split("==|@", name)[0] != program:
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
    """Return the nox session that publishes, if the command runs one."""
    if "nox" not in {PurePosixPath(word).name for word in words}:
        return None
    ours = words[: words.index("--")] if "--" in words else words
    found = (re.fullmatch(r"(?:-s|--sessions?=)?(publish(?![a-z])[\w.-]*)", word) for word in ours)
    return next((match[1] for match in found if match), None)


def _of_session(session: str, words: list[str]) -> str:
    """Return the index that a nox session publishes to, which nox-ship's own sessions determine."""
    told = {"publish-prod": "pypi", "publish-test": "testpypi"}.get(session)
    named = next((value for name, value in _options(words) if name == "--to"), "")
    if told or (session == "publish" and "$" not in named):
        return told or named or ROUTED
    return "testpypi" if _TEST.search(" ".join(words)) else ANY


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, following in pairwise([*words, ""]):
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            yield name, value if equals else following


def _destination(told: Sequence[tuple[str, Any]]) -> Destination:
    """Return what the given options, inputs and variables tell: the index is PyPI if none of them names one."""
    where = next((str(value).strip() for name, value in told if _TARGET.fullmatch(name) and str(value).strip()), "pypi")
    known = "pypi" if _PUBLIC.fullmatch(where) else ANY
    given = [name for option, value in told if _TOKEN.fullmatch(option) for name in secrets(value)]
    return Destination("testpypi" if _TEST.search(where) else known, given[0] if given else None)


def secrets(value: object) -> list[str]:
    """Return the names of the secrets in a text, except for GitHub's own."""
    return list(dict.fromkeys(_SECRET.findall(str(value))))
