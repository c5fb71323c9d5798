"""A branch, tag, project or environment whose name is YAML, a pattern, an expression or a command."""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest

from nox_ship.errors import ShipError
from nox_ship.setup.workflows import render
from rendering import facts, jobs
from support import each, load_yaml

NAMES = [
    "1.10",
    "on",
    "~",
    "2026-01-01",
    "a]b",
    "it's",
    '"',
    "x: y",
    "- x",
    "# x",
    "&a",
    "*",
    "!x",
    "{a}",
    "[a",
    "`id`",
]
EXPRESSIONS = ["a${{ b }}", "${{secrets.X}}", "x${{ '", "}} ${{"]


def without_names(value: Any) -> Any:
    """Return a workflow without the values that are the name of a branch."""
    if isinstance(value, dict):
        return {key: without_names(item) for key, item in value.items() if key not in ("NOX_SHIP_BRANCH", "branches")}
    return [without_names(item) for item in value] if isinstance(value, list) else value


@functools.cache
def usual() -> dict[str, Any]:
    """Return the workflows of a project whose branch is `main`."""
    texts = render(facts(branch="main", development=True))
    return {path: without_names(load_yaml(text)) for path, text in texts.items()}


@pytest.mark.parametrize("name", [*NAMES, "$(id)", "a;id", "@CHECKOUT@", "@BRANCH@", "a\tb"], ids=ascii)
def test_a_branch_changes_nothing_but_where_it_is_named(name: str) -> None:
    """Whatever the branch is called, the permissions, steps and scripts of each job are the same as for `main`."""
    for path, text in render(facts(branch=name, development=True)).items():
        workflow = load_yaml(text)
        assert without_names(workflow) == usual()[path]
        assert workflow["env"]["NOX_SHIP_BRANCH"] == name
        patterns = (workflow[True]["push"] or {}).get("branches", [])
        assert [re.sub(r"\\(.)", r"\1", pattern) for pattern in patterns] == [name] * len(patterns)


@each("name", EXPRESSIONS)
def test_an_expression_in_a_name_reaches_no_workflow(name: str) -> None:
    """An expression in the name of a branch or tag is refused (NS820), as GitHub evaluates it before any quoting."""
    for changes in ({"branch": name}, {"tag": f"{name}{{version}}"}, {"branches": (name,)}, {"besides": (name,)}):
        with pytest.raises(ShipError, match="NS820"):
            render(facts(**changes))


@pytest.mark.slow
@each("name", NAMES)
def test_an_environment_is_called_as_it_is(name: str) -> None:
    """A workflow uses an environment's name unchanged, whatever it is, so its reviewers protect the publishing job."""
    known = facts(environments={"pypi": name, "testpypi": name})
    found = jobs(render(known)[".github/workflows/release.yml"])
    assert [found[index]["environment"]["name"] for index in ("pypi", "testpypi")] == [name, name]
    assert found["pypi"]["permissions"] == {"id-token": "write"}
