from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nox_ship.setup.rival import rivals
from nox_ship.setup.survey import Survey
from support import each, make_repository, write_files

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'
TAGS = 'on: {push: {tags: ["v[0-9]+.[0-9]+.[0-9]+"]}}\n'
UPLOAD = "steps: [{uses: pypa/gh-action-pypi-publish@release/v1}]"
TRUSTED = (
    f"{TAGS}jobs:\n  publish:\n    environment: {{name: release}}\n    permissions: {{id-token: write}}\n    {UPLOAD}\n"
)
TOKEN = f"{TAGS}jobs:\n  go:\n    env: {{X: '${{{{ secrets.X }}}}'}}\n    steps: [{{run: twine upload dist/*}}]\n"


def survey(root: Path, workflows: dict[str, str]) -> Survey:
    """Return the survey of a project with these workflows."""
    make_repository(root, {"pyproject.toml": PYPROJECT})
    write_files(root / ".github" / "workflows", workflows)
    return Survey.of(root, "3.12")


def settings(advice: str) -> dict[str, object]:
    """Return the settings that the advice proposes."""
    table: dict[str, object] = tomllib.loads(advice.partition("\n\n")[2])["tool"]["nox-ship"]["workflows"]
    return table


def test_a_workflow_that_publishes_is_named(tmp_path: Path) -> None:
    """The advice names the publishing workflow, its environment, and settings that keep its trusted publisher valid."""
    rival = rivals(survey(tmp_path, {"publish.yml": TRUSTED, "test.yml": "on: push\njobs: {}\n"}))[0]
    assert rival is not None
    told = rival.advice("release.yml")
    assert told.startswith("publish.yml publishes pushed tags, from the environment release. release.yml was not")
    assert settings(told) == {"file": "publish.yml", "environments": {"pypi": "release"}, "testpypi": False}


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (TRUSTED.replace("{name: release}", "pypi"), {"file": "publish.yml", "testpypi": False}),
        (TRUSTED.replace("    environment: {name: release}\n", ""), {"file": "publish.yml", "testpypi": False}),
        (TOKEN, {"file": "publish.yml", "credentials": "token", "testpypi": False}),
        (
            TRUSTED
            + TRUSTED.partition("jobs:\n")[2]
            .replace("publish:", "test:")
            .replace("release/v1}", "v1, with: {repository-url: https://test.pypi.example/legacy/}}")
            .replace("name: release", 'name: "a \\"b\\""'),
            {"file": "publish.yml", "environments": {"pypi": "release", "testpypi": 'a "b"'}},
        ),
        (
            TRUSTED.replace(TAGS, "on: release\n"),
            {"file": "publish.yml", "environments": {"pypi": "release"}, "testpypi": False},
        ),
    ],
)
def test_the_settings_are_those_of_the_workflow(tmp_path: Path, workflow: str, expected: dict[str, object]) -> None:
    """The settings keep the workflow's environments, its token if it has no identity, and TestPyPI if it is used."""
    rival = rivals(survey(tmp_path, {"publish.yml": workflow}))[0]
    assert rival is not None
    assert settings(rival.advice("release.yml")) == expected


@pytest.mark.slow
@each(
    ("workflow", "expected"),
    [
        (TOKEN.replace("X: '", "TWINE_PASSWORD: '"), {"pypi": "X"}),
        (TOKEN.replace("secrets.X", "secrets.PYPI_API_TOKEN"), None),
        (
            TOKEN.replace(
                "twine upload dist/*", '"twine upload -p ${{ secrets.A }} x; twine upload -r testpypi -p $X y"'
            ),
            {"pypi": "A", "testpypi": "X"},
        ),
        (TRUSTED.replace("[{uses", "[{with: {password: '${{ secrets.X }}'}, uses"), None),
    ],
)
def test_the_names_of_secrets_stay(tmp_path: Path, workflow: str, expected: dict[str, str] | None) -> None:
    """So that a replaced workflow finds its token; a trusted publisher needs none."""
    rival = rivals(survey(tmp_path, {"publish.yml": workflow}))[0]
    assert rival is not None
    told = tomllib.loads(rival.advice("release.yml").partition("\n\n")[2])["tool"]["nox-ship"]
    assert told.get("publish", {}).get("tokens") == expected


def test_one_of_our_name_needs_no_setting_for_it(tmp_path: Path) -> None:
    """The setting `file` is not proposed if the workflow already has the file name of ours."""
    rival = rivals(survey(tmp_path, {"release.yml": TRUSTED}))[0]
    assert rival is not None
    assert "file" not in settings(rival.advice("release.yml"))


@pytest.mark.parametrize(
    "workflow",
    [
        f"# Written by nox-ship.\n{TRUSTED}",
        TRUSTED.replace(TAGS, "on: workflow_dispatch\n"),
        TRUSTED.replace("v[0-9]", "w[0-9]"),
        TRUSTED.replace(UPLOAD, "steps: [{run: make docs}]"),
        "on: [",
    ],
)
def test_other_workflows_are_no_rivals(tmp_path: Path, workflow: str) -> None:
    """A workflow is no rival if nox-ship wrote it, no release tag starts it, it uploads nothing, or it is invalid."""
    assert rivals(survey(tmp_path, {"publish.yml": workflow}))[0] is None


def test_a_workflow_that_may_publish_is_told(tmp_path: Path) -> None:
    """A workflow that runs a script on release tags, or GitLab's file, is reported as one that may publish."""
    known = survey(tmp_path, {"x.yml": TRUSTED.replace(UPLOAD, "steps: [{run: ./publish.sh}]")})
    assert rivals(known)[1] == "x.yml"
    write_files(tmp_path, {".gitlab-ci.yml": "go: {script: [twine upload dist/*]}\n"})
    assert rivals(known)[1] == "x.yml, .gitlab-ci.yml"
    assert rivals(known)[0] is None


def test_a_rival_of_the_name_of_ours_is_left(tmp_path: Path) -> None:
    """A publishing workflow with the file name of ours stays, and the advice does not warn of two uploads."""
    rival = rivals(survey(tmp_path, {"release.yml": TRUSTED}))[0]
    assert rival is not None
    told = rival.advice("release.yml")
    assert "It was not changed." in told
    assert "both would upload" not in told
    assert "file" not in settings(told)
