from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.config import PublishSettings, Settings
from nox_ship.release.workflows import Upload, publishing_workflow, uploads
from nox_ship.world.forge import follow
from nox_ship.world.remote import Remote
from support import git, make_repository, write_files

JOB = "jobs:\n  publish:\n    steps:\n      - {step}\n"
OURS = JOB.format(step="run: nox -s publish-prod")
ACTION = JOB.format(step="uses: pypa/gh-action-pypi-publish@release/v1")


def found(folder: Path, text: str, **publish: str) -> str | None:
    """Return the workflow that publishes where there is one with this text."""
    write_files(folder, {".github/workflows/it.yml": text})
    return publishing_workflow(folder, Settings(publish=PublishSettings(**publish)), "pypi")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "events",
    [
        "on:\n  push:\n    tags: ['v*']\n",
        "on: push\n",
        "on: [push, pull_request]\n",
        "on:\n  push:\n",
        '"on":\n  push: {}\n',
    ],
)
@pytest.mark.parametrize("jobs", [OURS, ACTION, JOB.format(step="run: twine upload dist/*")])
def test_a_workflow_that_tags_start_and_that_uploads_publishes(tmp_path: Path, events: str, jobs: str) -> None:
    """Whatever it uploads with."""
    assert found(tmp_path, events + jobs) == "it.yml"


@pytest.mark.parametrize(
    "text",
    [
        "on:\n  push:\n    branches: [main]\n" + OURS,
        "on: pull_request\n" + OURS,
        "on: push\n" + JOB.format(step="run: nox -s tests"),
        "on: push\n" + JOB.format(step="run: nox -s republisher"),
        "on: push\njobs:\n",
        "on: push\njobs: {a: {uses: ./x.yml}}\n",
        "not: [yaml",
        "- a list\n",
        "",
    ],
)
def test_other_workflows_do_not_publish(tmp_path: Path, text: str) -> None:
    """Those that tags do not start, that upload nothing, and what is no workflow."""
    assert found(tmp_path, text) is None


TAGS = "on: {push: {tags: ['v*']}}\n"
UPLOADING = "steps: [{uses: pypa/gh-action-pypi-publish@release/v1}]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"jobs: {{p: {{{UPLOADING}}}}}", Upload("it.yml", "p", False, False, False, None)),
        (
            f"jobs: {{p: {{permissions: {{id-token: write}}, environment: pypi, {UPLOADING}}}}}",
            Upload("it.yml", "p", True, False, False, "pypi"),
        ),
        (
            f"permissions: {{id-token: write}}\njobs: {{p: {{environment: {{name: pypi}}, {UPLOADING}}}}}",
            Upload("it.yml", "p", True, True, False, "pypi"),
        ),
        (
            f"permissions: write-all\njobs: {{p: {{permissions: {{contents: read}}, {UPLOADING}}}}}",
            Upload("it.yml", "p", False, True, False, None),
        ),
        (
            "jobs: {p: {steps: [{run: twine upload dist/*, env: {TWINE_PASSWORD: '${{ secrets.TOKEN }}'}}]}}",
            Upload("it.yml", "p", False, False, True, None),
        ),
    ],
)
def test_how_a_job_may_upload_is_told(tmp_path: Path, text: str, expected: Upload) -> None:
    """By its own permissions or those at the top, by secrets, in an environment."""
    write_files(tmp_path, {".github/workflows/it.yml": f"{TAGS}{text}\n"})
    assert list(uploads(tmp_path)) == [expected]


def test_a_rehearsal_is_no_upload(tmp_path: Path) -> None:
    """Nor is a job that runs other sessions, or one that is no job."""
    steps = "steps: [{run: nox -s publish -- --dry-run}, {run: nox -s tests}]"
    write_files(tmp_path, {".github/workflows/it.yml": f"{TAGS}jobs: {{p: {{{steps}}}, q: 3}}\n"})
    assert list(uploads(tmp_path)) == []


def test_the_setting_decides(tmp_path: Path) -> None:
    """`machine` overrules a workflow, `workflow` one that is not recognised."""
    assert found(tmp_path, "on: push\n" + OURS, by="machine") is None
    assert found(tmp_path, "on: release\n" + OURS, by="workflow") == "release.yml"
    assert found(tmp_path, "on: push\n" + OURS, by="workflow") == "it.yml"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/sample.git", "https://github.com/acme/sample/actions/workflows/it.yml"),
        ("git@github.com:acme/sample.git", "https://github.com/acme/sample/actions/workflows/it.yml"),
        ("ssh://git@github.com/acme/sample.py", "https://github.com/acme/sample.py/actions/workflows/it.yml"),
        ("ssh://git@ssh.github.com:443/acme/sample.git", "https://github.com/acme/sample/actions/workflows/it.yml"),
        ("https://git.example/acme/sample", "gh run watch"),
    ],
)
def test_a_run_can_be_followed(tmp_path: Path, url: str, expected: str) -> None:
    """On GitHub its page is named."""
    repository = make_repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", url)
    assert expected in follow(Remote("origin", "origin", repository), "it.yml")


def test_a_workflow_of_ours_publishes_to_the_indexes_it_knows(tmp_path: Path) -> None:
    """What goes elsewhere is left to this machine."""
    text = "# Written by nox-ship.\non: push\njobs:\n  pypi:\n    steps:\n      - run: nox -s publish-prod\n"
    write_files(tmp_path, {".github/workflows/release.yml": text})
    assert publishing_workflow(tmp_path, Settings(), "pypi") == "release.yml"
    assert publishing_workflow(tmp_path, Settings(), "devpi") is None
