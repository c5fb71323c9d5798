from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from nox_ship.config import IndexSettings, RoutesSettings, Settings, WorkflowSettings
from nox_ship.project import Project
from nox_ship.setup.advice import next_steps, no_forge, other_ci, served, unserved
from nox_ship.setup.plan import SetupPlan
from nox_ship.setup.survey import Survey
from nox_ship.setup.workflows import Facts, render
from support import each, make_repository, write_files

PYPROJECT = '[project]\nname = "Sample"\nversion = "1.2.3"\n'
GITHUB, GITLAB, OTHER = (
    "git@github.com:acme/sample.git",
    "https://gitlab.com/acme/tools/sample.git",
    "https://x.example/a",
)
OWN = IndexSettings("https://a.example/", "https://b.example/")


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    """Return the survey of an everyday project on GitHub."""
    repository = make_repository(tmp_path, {"pyproject.toml": PYPROJECT})
    project = Project.read(tmp_path)
    return Survey(project, repository, ("3.12",), "main", "v{version}", GITHUB)


def told(survey: Survey, publishing: str | None = "release.yml", **settings: object) -> str:
    """Return the next steps for the project with other settings."""
    project = dataclasses.replace(survey.project, settings=Settings(**settings))  # type: ignore[arg-type]
    return "\n".join(next_steps(SetupPlan(dataclasses.replace(survey, project=project), publishing=publishing)))


def test_publishers_are_told_in_one_block(survey: Survey) -> None:
    """The fields of a trusted publisher are shown in one block, with the differences between the indexes."""
    text = told(survey)
    assert text.endswith(
        "Before the first release, add this GitHub publisher on PyPI and TestPyPI, under *Publishing* in the"
        " project's settings, or in your account if the project is new there:\n"
        "  PyPI project name  sample\n"
        "  Owner              acme\n"
        "  Repository name    sample\n"
        "  Workflow name      release.yml\n"
        "  Environment name   pypi on PyPI, testpypi on TestPyPI"
    )


def ruleset_of(survey: Survey) -> dict[str, Any]:
    """Return the rules that the printed command creates."""
    (line,) = (line for line in told(survey).splitlines() if "rulesets" in line)
    echo, value, pipe, *command = shlex.split(line)
    assert (echo, pipe, command[:2]) == ("echo", "|", ["gh", "api"])
    return dict(json.loads(value))


def required(ruleset: dict[str, Any]) -> list[str]:
    """Return the names of the checks that a ruleset requires."""
    (checks,) = (rule["parameters"] for rule in ruleset["rules"] if rule["type"] == "required_status_checks")
    return [check["context"] for check in checks["required_status_checks"]]


def test_how_to_protect_the_branch_is_told_as_commands(survey: Survey) -> None:
    """The command to protect the branch requires the check of the one CI job that waits for all others."""
    ruleset = ruleset_of(survey)
    assert ruleset["name"] == "main"
    assert ruleset["conditions"]["ref_name"]["include"] == ["refs/heads/main"]
    assert required(ruleset) == ["Everything passed"]
    known = Facts("main", "v{version}", ("3.12",), False, (), WorkflowSettings())
    assert "\n    name: Everything passed\n" in render(known)[".github/workflows/ci.yml"]
    assert "rulesets" not in told(dataclasses.replace(survey, remote=GITLAB))


def test_each_project_in_a_subfolder_has_a_required_check_of_its_own(tmp_path: Path) -> None:
    """In a repository with several projects, the checks and the rules that require them have different names."""
    repository = make_repository(tmp_path, {"in/pyproject.toml": PYPROJECT})
    ruleset = ruleset_of(Survey(Project.read(tmp_path / "in"), repository, ("3.12",), "main", "v{version}", GITHUB))
    assert (ruleset["name"], required(ruleset)) == ("main (sample)", ["Everything passed (sample)"])
    known = Facts("main", "v{version}", ("3.12",), False, (), WorkflowSettings(), name="sample", folder="in")
    assert "\n    name: Everything passed (sample)\n" in render(known)[".github/workflows/sample-ci.yml"]


def test_publishers_have_the_names_that_the_project_uses(survey: Survey) -> None:
    """The publisher's workflow and environments have the project's names, and one shared environment is shown once."""
    named = WorkflowSettings(environments={"pypi": "release", "testpypi": "release"})
    text = told(survey, "publish.yml", workflows=named)
    assert "  Workflow name      publish.yml\n  Environment name   release" in text
    assert "release on" not in text


def test_publishers_on_gitlab(survey: Survey) -> None:
    """On gitlab.com, the publisher's fields are those of GitLab; on another GitLab host, tokens are advised instead."""
    text = told(dataclasses.replace(survey, remote=GITLAB), ".gitlab-ci.yml")
    for name, value in (
        ("Namespace", "acme/tools"),
        ("Project name", "sample"),
        ("Top-level pipeline file path", ".gitlab-ci.yml"),
    ):
        assert f"  {name:28}  {value}\n" in text
    text = told(dataclasses.replace(survey, remote=GITLAB.replace("gitlab", "gitlab.acme")), ".gitlab-ci.yml")
    assert "Namespace" not in text
    assert "CI/CD variable (protected, masked) of its environment:\n  PYPI_API_TOKEN  pypi\n" in text


def test_tokens_have_the_names_that_the_project_uses(survey: Survey) -> None:
    """If the workflow uses tokens, the advice names their secrets and no trusted publisher."""
    settings = Settings()
    publish = dataclasses.replace(settings.publish, tokens={"pypi": "MINE"})
    text = told(survey, workflows=WorkflowSettings(credentials="token", testpypi=False), publish=publish)
    assert text.endswith("add each API token as a secret of its environment:\n  MINE  pypi")


@pytest.mark.parametrize("remote", [None, OTHER])
def test_a_publisher_needs_a_repository(survey: Survey, remote: str | None) -> None:
    """Without a known GitHub repository, the advice names the option that sets it."""
    known = dataclasses.replace(survey, remote=remote)
    assert "Run `nox-ship init --repository OWNER/NAME`" in told(known)
    assert "Owner              me\n" in told(dataclasses.replace(known, named="me/mine"))


def test_nothing_is_told_of_publishing_where_no_workflow_of_ours_does(survey: Survey) -> None:
    """If no workflow of ours publishes, the advice does not mention publishers."""
    assert "publisher" not in told(survey, None)


def test_an_index_of_ones_own_has_no_publisher(survey: Survey) -> None:
    """If versions go to an index of the project's own, no publisher is advised, but publishing from a machine."""
    routes = RoutesSettings(final="devpi", prerelease="devpi")
    text = told(survey, routes=routes, indexes={"devpi": OWN})
    assert "publisher" not in text
    assert text.endswith("Versions such as 1.2.0 go to devpi: publish them from the machine that releases them.")
    assert "publisher" not in told(survey, indexes={"pypi": OWN, "testpypi": OWN})


@each(
    ("routes", "workflows", "expected", "left"),
    [
        ({}, {}, ("pypi", "testpypi"), {}),
        ({}, {"testpypi": False}, ("pypi",), {"testpypi": "1.2.0rc1"}),
        ({}, {"testpypi": False, "development": True}, ("pypi", "testpypi"), {}),
        ({"final": "own"}, {}, ("testpypi",), {"own": "1.2.0"}),
        ({"final": "own", "prerelease": "own"}, {}, (), {"own": "1.2.0"}),
        ({"final": "own", "prerelease": "own"}, {"development": True}, ("testpypi",), {"own": "1.2.0"}),
        ({"development": "own"}, {}, ("pypi", "testpypi"), {}),
        (
            {"development": "own"},
            {"development": True, "testpypi": False},
            ("pypi",),
            {"own": "1.2.0.dev3", "testpypi": "1.2.0rc1"},
        ),
        ({"development": "own"}, {"development": True}, ("pypi", "testpypi"), {"own": "1.2.0.dev3"}),
    ],
)
def test_where_the_routes_lead(
    routes: dict[str, str], workflows: dict[str, bool], expected: tuple[str, ...], left: dict[str, str]
) -> None:
    """Routes and settings decide which public indexes the workflows serve, and which indexes are left to the user."""
    settings = Settings(routes=RoutesSettings(**routes), workflows=WorkflowSettings(**workflows))  # type: ignore[arg-type]
    assert served(settings) == expected
    assert unserved(settings) == left


def test_what_is_to_be_committed_is_all_of_ours(survey: Survey) -> None:
    """The advised `git add` names all our files that are not committed, quoted for the shell, and no others."""
    root = survey.project.root
    write_files(root, {"noxfile.py": "", "a b.txt": "", "other.txt": ""})
    plan = SetupPlan(survey, files=(root / "noxfile.py", root / "a b.txt", root / "pyproject.toml"))
    (step,) = next_steps(plan)
    assert step.splitlines()[1] == "  git add noxfile.py 'a b.txt' && git commit -m 'Release with nox-ship'"
    assert "git" not in next(next_steps(dataclasses.replace(plan, files=(root / "pyproject.toml",))))


def test_another_ci_is_told_the_sessions(survey: Survey) -> None:
    """For another CI, the advice lists the sessions to run: each gate on its Pythons, the build, and what follows."""
    write_files(survey.project.root, {"noxfile.py": 'import nox_ship\nnox_ship.register(exclude=["audit"])\n'})
    text = other_ci(dataclasses.replace(survey, pythons=("3.11", "3.12")))
    calls = [line.partition("#")[0].split() for line in text.splitlines()[1:]]
    sessions = ["matrix", "lint", "typecheck", "tests-3.11", "tests-3.12", "coverage", "build"]
    assert [words[-1] for words in calls] == [*sessions, "verify-install-3.11", "verify-install-3.12", "publish"]
    assert all((words[1] == "--no-dependencies") == (words[-1] not in ("matrix", "build")) for words in calls)


@pytest.mark.parametrize(
    ("remote", "words"), [(None, "There is no remote"), ("https://me:secret@x.example/a", "x.example")]
)
def test_why_no_workflow_is_written(survey: Survey, remote: str | None, words: str) -> None:
    """If no workflow is written, the reason is the missing remote, or names the remote without its password."""
    text = no_forge(dataclasses.replace(survey, remote=remote))
    assert words in text
    assert "secret" not in text
