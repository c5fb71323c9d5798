"""`nox -s doctor` reports everything that is right or wrong with a project's set-up."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from failing_index import FailingIndex
from fakes import noxfile
from nox_ship import looking
from nox_ship.setup import init
from nox_ship.setup.survey import Survey
from releasing import NO_KEYRING
from workbench import GOOD, PYTHON, Bench, Here, Outcome, make_bench


@pytest.fixture
def bench(tmp_path: Path, index: FailingIndex) -> Bench:
    """Return a good project that publishes from this machine."""
    settings = f"{index.settings('pypi')}\n{index.settings('testpypi')}"
    return make_bench(tmp_path, {**GOOD, "pyproject.toml": f"{GOOD['pyproject.toml']}\n{settings}"})


def alone(bench: Bench, index: FailingIndex, **env: str) -> dict[str, str]:
    """Return the environment of a user whose only credentials are those in ``env``."""
    home = {"HOME": str(bench.root.parent / "home")}
    return bench.environment({**index.environment(), **NO_KEYRING, **home, **env})


def examine(bench: Bench, index: FailingIndex, **env: str) -> Outcome:
    """Run the session with no credentials except those in ``env``."""
    return bench.nox("-s", "doctor", env=alone(bench, index, **env))


@pytest.fixture
def examine_here(here: Here) -> Callable[..., Outcome]:
    """Return a function that does the same in this process."""

    def run(bench: Bench, index: FailingIndex, *args: str, **env: str) -> Outcome:
        sessions = noxfile(bench.root, "tests", "lint")
        return here(alone(bench, index, **env), lambda: looking.doctor(bench.root, args, sessions))

    return run


def lines(outcome: Outcome) -> dict[str, str]:
    """Return the status of each check and ID from the JSON that was printed."""
    start, end = outcome.output.index("[\n"), outcome.output.rindex("]\n")
    found = json.loads(outcome.output[start : end + 1])
    return {f"{line['check']} {line.get('id', '')}".strip(): line["status"] for line in found}


def test_a_good_set_up_is_told_line_by_line(bench: Bench, index: FailingIndex) -> None:
    """For a good set-up, `doctor` names what a release would use, reports no error, and changes nothing."""
    before = bench.snapshot()
    outcome = examine(bench, index, PYPI_API_TOKEN=index.new_token())
    assert outcome.code == 0, outcome.output
    for words in (
        "1.2.3, in pyproject.toml",
        "the name sample is free",
        "would upload with PYPI_API_TOKEN",
        "origin answers",
    ):
        assert words in outcome.output
    assert "error " not in outcome.output
    assert bench.snapshot() == before


def test_everything_that_is_wrong_is_told_at_once(
    bench: Bench, index: FailingIndex, examine_here: Callable[..., Outcome]
) -> None:
    """All errors, warnings and notices are reported in one run, also as JSON, and errors make the session fail."""
    bench.edit("pyproject.toml", 'gates = ["tests"]', 'gates = ["tests", "nothing"]\nroutes.final = "nowhere"')
    bench.edit("pyproject.toml", 'description = "A sample"\n', "")
    bench.write({"CHANGELOG.md": "# Changes\n", "CITATION.cff": "version: 1.2.3\n"})
    bench.commit()
    bench.git("switch", "--quiet", "--detach")
    bench.git("config", "gpg.format", "ssh")
    bench.git("config", "tag.gpgSign", "true")
    (index.packages / "sample-0.1.tar.gz").write_bytes(b"somebody's")
    outcome = examine(bench, index)
    assert outcome.code == 1
    assert outcome.has("NS104", "NS106", "NS204", "NS821", "NS822", "NS823", "NS824", "NS825", "NS831", "(and ")
    found = lines(examine_here(bench, index, "--json"))
    assert found["sessions NS104"] == found["git NS204"] == found["git NS825"] == "error"
    assert found["indexes NS824"] == "warning"
    assert found["changelog NS822"] == "notice"
    assert found["metadata"] == "ok"


def test_bump_settings_that_do_not_fit_are_an_error(
    bench: Bench, index: FailingIndex, examine_here: Callable[..., Outcome]
) -> None:
    """Settings for bump-my-version that do not find the version in a file are an error (NS306)."""
    settings = '[[tool.bumpversion.files]]\nfilename = "README.md"\nsearch = "sample=={current_version}"\n'
    bench.write({"pyproject.toml": (bench.root / "pyproject.toml").read_text("utf-8") + settings})
    bench.commit()
    outcome = examine_here(bench, index, PYPI_API_TOKEN=index.new_token())
    assert outcome.code == 1
    assert outcome.has("NS306", "sample==1.2.3")


def test_workflows_that_leave_something_out_are_told(bench: Bench, index: FailingIndex) -> None:
    """Two workflows for one tag, a route without a job, and a session that `register` excludes are reported."""
    bench.edit("pyproject.toml", 'gates = ["tests"]', "workflows.testpypi = false")
    bench.edit("noxfile.py", "register()", 'register(exclude=["audit"])')
    bench.git("remote", "set-url", "origin", "https://github.com/acme/sample.git")
    init.write(init.plan(Survey.of(bench.root, PYTHON), ci="github"), force=False)
    bench.git("remote", "set-url", "origin", str(bench.remote))
    job = "{environment: x, permissions: {id-token: write}, steps: [{run: twine upload dist/*}]}"
    bench.write({".github/workflows/old-release.yml": f"on: push\njobs: {{p: {job}}}\n"})
    bench.commit()
    outcome = examine(bench, index)
    assert outcome.code == 0, outcome.output
    assert outcome.has("NS834", "old-release.yml and release.yml", "NS835", "1.2.0rc1", "NS105", "audit", "NS836")


def test_missing_credentials_are_an_error_where_this_machine_publishes(
    bench: Bench, index: FailingIndex, examine_here: Callable[..., Outcome]
) -> None:
    """Missing credentials are an error, unless a workflow publishes; a workflow that has changed is reported."""
    assert examine_here(bench, index).has("NS741")
    bench.git("remote", "set-url", "origin", "https://github.com/acme/sample.git")
    init.write(init.plan(Survey.of(bench.root, PYTHON), ci="github"), force=False)
    bench.git("remote", "set-url", "origin", str(bench.remote))
    outcome = examine_here(bench, index)
    assert outcome.code == 0, outcome.output
    assert outcome.has("release.yml publishes each pushed tag", "release.yml is up to date")
    assert outcome.has("the job pypi publishes as a trusted publisher, in the environment pypi")
    assert not outcome.has("job rehearse")
    bench.edit(".github/workflows/ci.yml", "name: CI\n", "name: Mine\n")
    place = "    environment:\n      name: pypi\n      url: ${{ steps.publish.outputs.page }}\n"
    bench.edit(".github/workflows/release.yml", place, "")
    bench.edit(".github/workflows/release.yml", "      id-token: write # to be a trusted publisher\n", "      x: y\n")
    outcome = examine_here(bench, index)
    assert outcome.code == 1
    assert outcome.has("NS816", "NS832")


def test_an_index_that_does_not_answer_is_a_warning(
    bench: Bench, index: FailingIndex, examine_here: Callable[..., Outcome]
) -> None:
    """An index that does not answer is a warning (NS830), and the other checks still run."""
    text = (bench.root / "pyproject.toml").read_text("utf-8").replace(f"{index.url}/simple/", "https://127.0.0.1:9/")
    bench.write({"pyproject.toml": text})
    bench.commit()
    found = lines(examine_here(bench, index, "--json", PYPI_API_TOKEN=index.new_token()))
    assert found["indexes NS830"] == "warning"
    assert found["credentials"] == "ok"


def test_what_is_no_project_is_told(tmp_path: Path) -> None:
    """In a folder without a pyproject.toml, `doctor` reports only that (NS111)."""
    bench = make_bench(tmp_path)
    bench.write({"pyproject.toml": None})
    outcome = bench.nox("-s", "doctor")
    assert outcome.code == 1
    assert outcome.has("NS111")
    assert outcome.clean


GH = """\
#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked.txt"
case "$*" in
  "auth status") echo fine ;;
  *environments/pypi/secrets* | *actions/secrets*) echo '{"secrets": []}' ;;
  *environments*) echo '{"environments": [{"name": "pypi"}]}' ;;
  *rules/branches/main*) echo '[{"type": "pull_request"}]' ;;
  *) exit 1 ;;
esac
"""


def test_github_is_asked_where_its_command_line_is_signed_in(
    bench: Bench, index: FailingIndex, examine_here: Callable[..., Outcome]
) -> None:
    """With a signed-in `gh`, `doctor` reports missing environments and secrets, and the rules of the branch."""
    programs = bench.root.parent / "programs"
    programs.mkdir()
    (programs / "gh").write_text(GH, "utf-8")
    (programs / "gh").chmod(0o755)
    bench.edit("pyproject.toml", 'gates = ["tests"]', 'gates = ["tests"]\nworkflows.credentials = "token"')
    bench.git("remote", "set-url", "origin", "https://github.com/acme/sample.git")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    outcome = examine_here(bench, index, PATH=path, PYPI_API_TOKEN=index.new_token())
    assert outcome.code == 1
    assert outcome.has("NS827", "no environment testpypi", "NS828", "secret PYPI_API_TOKEN")
    assert outcome.has("main on GitHub has rules (changes go through a pull request)")
    assert outcome.has("NS203", "pyproject.toml")
    asked = (programs / "asked.txt").read_text("utf-8").splitlines()
    assert all(line == "auth status" or line.startswith("api repos/acme/sample/") for line in asked)
