"""GitLab's CI file, made from a template; the user's own sections are kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from nox_ship.errors import ShipError
from nox_ship.gates.matrix import MatrixJob
from nox_ship.setup.templates import filled, quoted, scalar, template
from nox_ship.setup.workflows import UNSAFE_NAME, Facts, newest
from nox_ship.world.forge import GITLAB_CI

LOCK = ".gitlab/nox-ship.txt"
"""The path of the lock in GitLab's CI."""

_UNSAFE = re.compile(r"[$'\"\\\s]|^!")
"""Characters with a special meaning in GitLab's conditions or paths."""
_VARIABLE = re.compile(r"[$]")
_PIECE = re.compile(r"(?P<any>\*{2,})|(?P<some>\*)|(?P<same>\[[^\]]+\]|[?+])|(?P<plain>.)")
_VERSION = r"[0-9].*"
_FINAL = r"([0-9]+!)?[0-9]+(\.[0-9]+)*([.-]?post[0-9]+)?"
_SESSIONS = {"pypi": "publish-prod", "testpypi": "publish-test"}


def render(facts: Facts, gates: list[MatrixJob], *, trusted: bool) -> dict[str, str]:
    """Return the text of the file, by its path in the repository.

    Args:
        facts: The facts about the project.
        gates: The jobs of the gates.
        trusted: Whether PyPI accepts identities of this GitLab; otherwise tokens are used.

    Raises:
        ShipError: The name of a branch, an environment or a folder, or the tag format, has a special meaning for GitLab
            (NS820).
    """
    names = (facts.branch, facts.tag, facts.folder, *facts.settings.branches)
    for name in (*names, *facts.settings.environments.values()):
        if (_UNSAFE if name in names else _VARIABLE).search(name):
            raise ShipError(UNSAFE_NAME(f"GitLab would interpret {name!r} as more than a name."))
    indexes = served(facts)
    stages = ["test", "verify", *(stage for index in indexes for stage in (index, f"verify-{index}"))]
    values = {
        **_common(facts),
        "BRANCHES": "\n".join(f"- if: {rule}" for rule in _branch_rules(facts)),
        "TAG": quoted(f"$CI_COMMIT_TAG =~ {_tagged(facts, _VERSION)}"),
        "STAGES": ", ".join(stages),
        "BRANCH": quoted(facts.branch),
        "GATES": "\n".join(f"- SESSION: {quoted(job['session'])}\n  PYTHON: {quoted(job['python'])}" for job in gates),
        "PYTHONS": ", ".join(map(quoted, facts.pythons)),
        "COVERAGE": template("gitlab-coverage.yml") if facts.coverage else "",
        **{f"PUBLISH_{index.upper()}": "" for index in _SESSIONS},
    }
    for index, rule in indexes.items():
        values[f"PUBLISH_{index.upper()}"] = _publish(facts, index, rule, trusted=trusted)
    return {GITLAB_CI: filled(template("gitlab-ci.yml"), values)}


def served(facts: Facts) -> dict[str, str]:
    """Return the indexes that a tag is published to, in order, each with the condition for it."""
    kinds = {"final": facts.routes.final, "prerelease": facts.routes.prerelease}
    to_pypi = [kind for kind, index in kinds.items() if index == "pypi"]
    first = [kind for kind, index in kinds.items() if index in _SESSIONS] if facts.settings.testpypi else []
    wanted = {"testpypi": first, "pypi": to_pypi}
    return {index: _rule(facts, chosen) for index, chosen in wanted.items() if chosen}


def _rule(facts: Facts, kinds: list[str]) -> str:
    final = f"$CI_COMMIT_TAG =~ {_tagged(facts, _FINAL)}"
    if kinds == ["final"]:
        return final
    every = f"$CI_COMMIT_TAG =~ {_tagged(facts, _VERSION)}"
    return every if "final" in kinds else f"{every} && {final.replace('=~', '!~')}"


def _tagged(facts: Facts, version: str) -> str:
    """Return a regular expression in GitLab's syntax for a release tag whose version looks like ``version``."""
    before, after = (re.escape(part).replace("/", r"\/") for part in facts.tag.split("{version}"))
    return f"/^{before}{version}{after}$/"


def _branch_rules(facts: Facts) -> Iterator[str]:
    yield quoted(f'$CI_COMMIT_BRANCH == "{facts.branch}"')
    for pattern in facts.settings.branches:
        yield quoted(f"$CI_COMMIT_BRANCH =~ /^{_expression(pattern)}$/")


def _expression(pattern: str) -> str:
    """Return a GitHub filter pattern as a regular expression: ``*`` stops at a slash, ``**`` does not."""

    def expression(piece: re.Match[str]) -> str:
        if piece["any"] or piece["some"]:
            return ".*" if piece["any"] else r"[^\/]*"
        return piece["same"] or re.escape(piece["plain"]).replace("/", r"\/")

    return _PIECE.sub(expression, pattern)


def _publish(facts: Facts, index: str, rule: str, *, trusted: bool) -> str:
    identity = f"id_tokens:\n  {index.upper()}_ID_TOKEN:\n    aud: {index}"
    others = [python for python in facts.pythons if python != newest(facts)]
    values = {
        **_common(facts),
        "INDEX": index,
        "RULE": quoted(rule),
        "GROUP": f"publish-{facts.name}",
        "ENVIRONMENT": scalar(facts.settings.environment(index)),
        "IDENTITY": identity if trusted and facts.settings.credentials == "trusted" else "",
        "FOLDER": f"/{facts.folder}" if facts.folder else "",
        "SESSION": _SESSIONS[index],
        "OTHER_PYTHONS": f"- uv python install {shlex.join(others)}" if others else "",
    }
    return filled(template("gitlab-publish.yml"), values)


def _common(facts: Facts) -> dict[str, str]:
    locked = f'python -m pip install --require-hashes --only-binary :all: -r "$CI_PROJECT_DIR/{LOCK}"'
    inside = [f"cd {shlex.quote(facts.folder)}"] if facts.folder else []
    besides = [f"python -m pip install {shlex.join(facts.besides)}"] if facts.besides else []
    needed = 'command -v "python$PYTHON" || command -v "$PYTHON" || uv python install "$PYTHON"'
    return {
        "IMAGE": f"python:{newest(facts)}",
        "INSIDE": f"{facts.folder}/" if facts.folder else "",
        "INSTALL": "\n".join(f"- {quoted(line)}" for line in (locked, *inside, *besides)),
        "MATRIX_PYTHON": f"- {needed}",
        "INSTALL_LOCKED": f'- cd "$(mktemp -d)"\n- {quoted(locked)}',
    }
