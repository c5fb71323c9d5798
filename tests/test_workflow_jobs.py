"""Which jobs of `release.yml` run on which event, by its conditions, and for some events also by act."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluating import jobs_run, sessions_run
from nox_ship.config import Delivery, WorkflowSettings
from nox_ship.gates.matrix import jobs
from nox_ship.setup.workflows import Facts, render
from runner import Runner
from support import each, load_yaml
from workbench import make_bench

CHECKS = {"lock", "matrix", "gates", "coverage", "build", "verify-install"}
CUT = CHECKS | {"cut", "rehearse-upload", "push"}
PROVEN = {"lock", "proven"}
TRIAL = {"testpypi", "verify-testpypi"}
ANNOUNCED = {"attest", "announce"}
PUBLISHED = {"pypi", "verify-pypi"} | ANNOUNCED
TAG = {"ref": "refs/tags/v1.2.3", "ref_type": "tag"}
BRANCH = {"ref": "refs/heads/main", "ref_type": "branch"}
FINAL = {"tag": "v1.2.3", "route": "pypi"}
CANDIDATE = {"tag": "v1.3.0rc1", "route": "testpypi"}
UNTAGGED = {"tag": "", "route": "testpypi"}


def by_hand(
    where: dict[str, str], *, bump: str = "", dry_run: bool = False, target: str = "route", run: str = ""
) -> dict[str, Any]:
    """Return the event of a workflow that is started by hand, with each input as a string, like GitHub's."""
    return {**where, "inputs": {"bump": bump, "dry_run": str(dry_run).lower(), "target": target, "run": run}}


def workflow_of(*, wheels: tuple[str, ...] = (), delivery: Delivery = "push", **settings: bool) -> dict[Any, Any]:
    """Return `release.yml`, with a job that builds wheels for each system in ``wheels``."""
    facts = Facts(
        branch="main",
        tag="v{version}",
        pythons=("3.12",),
        coverage=True,
        besides=(),
        wheels=wheels,
        delivery=delivery,
        settings=WorkflowSettings(**settings),  # type: ignore[arg-type]
    )
    workflow: dict[Any, Any] = load_yaml(render(facts)[".github/workflows/release.yml"])
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads `on` as a truth value
    return workflow


def doing_nothing(build: dict[str, str], failing: str, wheels: tuple[str, ...] = (), **settings: Any) -> dict[str, Any]:
    """Return `release.yml` with one step in each job, which does nothing but set the outputs in ``build``."""
    workflow = workflow_of(wheels=wheels, **settings)
    for name, job in workflow["jobs"].items():
        values = {"commit": "HEAD", "gates": "[]", "pythons": "[]", "manifest": "0", **build}
        lines = [f"echo {name} >> $RUNNER_HOME/jobs.txt"]
        lines += [f"echo {key}={value} >> $GITHUB_OUTPUT" for key, value in values.items()]
        lines += ["exit 1"] if name == failing else []
        job["steps"] = [{"id": "step", "shell": "bash", "run": "\n".join(lines)}]
        told = job.get("outputs", {})
        job["outputs"] = {key: re.sub(r"steps\.[\w-]+\.", "steps.step.", text) for key, text in told.items()}
        if name == "merged":  # whose step runs only on pushes to a branch
            job["outputs"] = {"tag": "${{ steps.step.outputs.merged }}"}
        job.pop("strategy", None)
        job["runs-on"] = "ubuntu-latest"
    return workflow


def jobs_of(
    payload: dict[str, Any], build: dict[str, str], failing: str, wheels: tuple[str, ...] = (), **settings: Any
) -> set[str]:
    """Return the jobs of `release.yml` that run if its build outputs ``build`` and the job ``failing`` fails."""
    return jobs_run(doing_nothing(build, failing, wheels, **settings), payload, build, failing)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("payload", "build", "failing"),
    [
        (TAG, FINAL, ""),
        (by_hand(BRANCH, bump="minor"), FINAL, ""),
        pytest.param(by_hand(TAG, target="testpypi"), FINAL, "", marks=pytest.mark.exhaustive),
        (by_hand(BRANCH, bump="minor"), FINAL, "gates"),
        pytest.param(by_hand(TAG, run="7"), FINAL, "", marks=pytest.mark.exhaustive),
        pytest.param(TAG, CANDIDATE, "coverage", marks=pytest.mark.exhaustive),
        (TAG, FINAL, "testpypi"),
    ],
)
def test_act_agrees(tmp_path: Path, payload: dict[str, Any], build: dict[str, str], failing: str) -> None:
    """The jobs that act runs are those that the conditions, as evaluated here, let run."""
    workflow = doing_nothing(build, failing)
    bench = make_bench(tmp_path, {".github/workflows/release.yml": yaml.safe_dump(workflow), "pyproject.toml": ""})
    (tmp_path / "home").mkdir()
    runner = Runner.made(tmp_path / "home", bench)
    event = "workflow_dispatch" if "inputs" in payload else "push"
    code, output = runner.run("release.yml", event, payload, {"PATH": os.environ["PATH"]})
    assert (code != 0) == bool(failing), output
    assert set(runner.jobs()) == jobs_of(payload, build, failing)


@each(
    ("payload", "build", "expected"),
    [
        (TAG, FINAL, CHECKS | TRIAL | PUBLISHED),
        (TAG, CANDIDATE, CHECKS | TRIAL | ANNOUNCED),
        (TAG, {"tag": "v1.2.3", "route": "devpi"}, CHECKS),
        (by_hand(BRANCH, bump="minor"), FINAL, CUT),
        (by_hand(BRANCH, bump="minor", dry_run=True), FINAL, {"lock", "rehearse"}),
        (by_hand(TAG, dry_run=True), FINAL, {"lock", "rehearse"}),
        (by_hand(BRANCH), UNTAGGED, CHECKS | TRIAL),
        (by_hand(TAG), FINAL, CHECKS | TRIAL | PUBLISHED),
        (by_hand(TAG, target="testpypi"), FINAL, CHECKS | TRIAL),
        (by_hand(TAG, target="pypi"), FINAL, CHECKS | PUBLISHED),
        (by_hand(BRANCH, bump="patch", target="testpypi"), FINAL, CUT),
        (by_hand(TAG), CANDIDATE, CHECKS | TRIAL | ANNOUNCED),
        (by_hand(TAG, run="7"), FINAL, PROVEN | TRIAL | PUBLISHED),
        (by_hand(TAG, run="7"), CANDIDATE, PROVEN | TRIAL | ANNOUNCED),
        (by_hand(TAG, run="7", target="pypi"), FINAL, PROVEN | PUBLISHED),
        (by_hand(TAG, run="7", dry_run=True), FINAL, {"lock", "rehearse"}),
        (by_hand(BRANCH, run="7", bump="minor"), FINAL, {"lock", "cut"}),
    ],
)
def test_what_an_event_leads_to(payload: dict[str, Any], build: dict[str, str], expected: set[str]) -> None:
    """Final versions go to TestPyPI and PyPI, candidates to TestPyPI; rehearsing and cutting publish nothing."""
    assert jobs_of(payload, build, "") == expected


@each(
    ("settings", "payload", "build", "expected"),
    [
        ({"development": True}, BRANCH, UNTAGGED, CHECKS | TRIAL),
        ({"development": True}, BRANCH, FINAL, CHECKS),
        ({"development": True}, TAG, FINAL, CHECKS | TRIAL | PUBLISHED),
        ({"development": True, "testpypi": False}, BRANCH, UNTAGGED, CHECKS | TRIAL),
        ({"development": True, "testpypi": False}, TAG, FINAL, CHECKS | PUBLISHED),
        ({"testpypi": False}, TAG, FINAL, CHECKS | PUBLISHED),
    ],
)
def test_what_settings_change(
    settings: dict[str, bool], payload: dict[str, Any], build: dict[str, str], expected: set[str]
) -> None:
    """A push of branch and tag publishes once, even with development versions; TestPyPI can be left out."""
    assert jobs_of(payload, build, "", (), **settings) == expected


@pytest.mark.slow
@each(
    ("failing", "payload", "never"),
    [
        ("cut", by_hand(BRANCH, bump="minor"), CUT - {"lock", "matrix", "cut"}),
        *((job, by_hand(BRANCH, bump="minor"), {"push"}) for job in sorted(CUT - {"push"})),
        ("proven", by_hand(TAG, run="7"), TRIAL | PUBLISHED),
        ("lock", TAG, TRIAL | PUBLISHED),
        ("gates", TAG, TRIAL | PUBLISHED | {"coverage"}),
        ("coverage", TAG, TRIAL | PUBLISHED),
        ("build", TAG, TRIAL | PUBLISHED),
        ("verify-install", TAG, TRIAL | PUBLISHED),
        ("testpypi", TAG, PUBLISHED),
        ("verify-testpypi", TAG, PUBLISHED),
        ("pypi", TAG, ANNOUNCED),
        ("verify-pypi", TAG, ANNOUNCED),
        ("attest", TAG, {"announce"}),
        ("gates", by_hand(TAG, target="pypi"), TRIAL | PUBLISHED),
    ],
)
def test_what_fails_ends_there(failing: str, payload: dict[str, Any], never: set[str]) -> None:
    """After a job that failed, nothing is published, however the run was started."""
    ran = jobs_of(payload, FINAL, failing)
    assert failing in ran
    assert not ran & never
    assert "inputs" not in payload or not payload["inputs"]["bump"] or not ran & (TRIAL | PUBLISHED)


SYSTEMS = ("ubuntu-latest", "macos-latest")
BUILT = {"wheels-1", "wheels-2", "collect"}
LOOKED, MERGED = {"merged"}, {**FINAL, "merged": "v1.2.3"}
TAGGED = LOOKED | {"lock", "proven", "cut", "push"}
PROPOSED = {**MERGED, "manifest": "0"}
"""The outputs if another run proposed the merged tree."""
REFUSED = {**FINAL, "propose": "true"}
"""The outputs if the branch is protected."""


@pytest.mark.slow
@each(
    ("settings", "payload", "build", "expected"),
    [
        ({}, BRANCH, UNTAGGED, LOOKED),
        ({}, BRANCH, MERGED, CUT | TAGGED),
        ({}, BRANCH, PROPOSED, TAGGED),
        ({}, by_hand(BRANCH, bump="minor"), FINAL, CUT),
        ({}, by_hand(BRANCH, bump="minor"), REFUSED, CUT | {"propose"}),
        ({}, by_hand(BRANCH, bump="minor", dry_run=True), FINAL, {"lock", "rehearse"}),
        ({}, TAG, FINAL, CHECKS | TRIAL | PUBLISHED),
        ({}, by_hand(TAG, run="7"), FINAL, PROVEN | TRIAL | PUBLISHED),
        ({}, by_hand(TAG), FINAL, CHECKS | TRIAL | PUBLISHED),
        ({"development": True}, BRANCH, UNTAGGED, CHECKS | TRIAL | LOOKED),
        ({"development": True}, BRANCH, MERGED, CUT | TAGGED),
        ({"development": True}, BRANCH, PROPOSED, TAGGED),
        ({"wheels": SYSTEMS}, BRANCH, MERGED, CUT | BUILT | TAGGED),
        ({"wheels": SYSTEMS}, BRANCH, PROPOSED, TAGGED),
        ({"wheels": SYSTEMS}, by_hand(BRANCH, bump="minor"), REFUSED, CUT | BUILT | {"propose"}),
    ],
)
def test_a_release_is_pushed_or_proposed_and_tagged_once_it_is_merged(
    settings: dict[str, Any], payload: dict[str, Any], build: dict[str, str], expected: set[str]
) -> None:
    """A start by hand delivers a release, a merged one is tagged and proven once, and other pushes do nothing."""
    assert jobs_of(payload, build, "", delivery="auto", **settings) == expected
    by_hand_only = {"push"} if payload.get("inputs", {}).get("bump") else set()
    proposes = {"propose"} if by_hand_only & expected else set()
    always = jobs_of(payload, build, "", delivery="pull-request", **settings)
    assert always == (expected | proposes) - by_hand_only


@pytest.mark.slow
@each("failing", sorted(CUT | {"merged", "proven"}))
def test_what_fails_keeps_a_release_from_being_delivered(failing: str) -> None:
    """If any job fails, a merged release is not tagged, and no release is proposed."""
    for delivery, told in itertools.product(("auto", "pull-request"), (MERGED, PROPOSED, REFUSED)):
        merged = jobs_of(BRANCH, told, failing, delivery=delivery)
        started = jobs_of(by_hand(BRANCH, bump="minor"), told, failing, delivery=delivery)
        assert not {"propose", *TRIAL, *PUBLISHED} & merged
        for ran in (merged, started):
            assert failing not in ran or not {"push", "propose"} & ran - {failing}


@each("failing", ["", *sorted(BUILT), "verify-install"])
def test_nothing_is_published_or_pushed_without_the_whole_set(failing: str) -> None:
    """If a system's wheels are missing, incomplete, or do not work, nothing is published or pushed."""
    tagged, cut = jobs_of(TAG, FINAL, failing, SYSTEMS), jobs_of(by_hand(BRANCH, bump="minor"), FINAL, failing, SYSTEMS)
    assert (tagged, cut) == (CHECKS | BUILT | TRIAL | PUBLISHED, CUT | BUILT) or failing
    assert not failing or not (tagged | cut) & ({"push"} | TRIAL | PUBLISHED)


GATES = tuple(
    job["session"] for job in jobs(("lint", "tests", "coverage"), {"lint": "3.12", "tests": ["3.12"]}, "3.12")
)
CHECKED = {(name, "release") for name in (*GATES, "coverage", "build", "verify-install-$PYTHON")}


def test_no_session_runs_twice_on_a_commit_that_the_workflow_cuts() -> None:
    """Between cutting a release and publishing it, each gate runs on its commit, and no session runs twice."""
    workflow = workflow_of()
    cut = jobs_of(by_hand(BRANCH, bump="minor"), FINAL, "")
    published = jobs_of(by_hand(TAG, run="7"), FINAL, "")
    ran = [
        *sessions_run(workflow, cut, GATES, cut=True),
        *sessions_run(workflow, published, GATES, cut=False),
    ]
    assert [one for one, times in Counter(ran).items() if times > 1] == []
    assert set(ran) >= CHECKED
    assert {name for name, commit in ran if commit == "before"} == {
        "matrix",
        'release "$BUMP" --bundle .nox-ship/release.bundle',
    }


def test_no_session_runs_twice_on_a_pushed_tag() -> None:
    """In the run that a tag starts, every gate runs, and no session runs twice."""
    ran = list(sessions_run(workflow_of(), jobs_of(TAG, FINAL, ""), GATES, cut=False))
    assert [one for one, times in Counter(ran).items() if times > 1] == []
    assert set(ran) >= CHECKED


def test_a_rehearsal_counts_as_every_gate() -> None:
    """A rehearsal counts as running every gate, so that a second run of a gate beside it is found."""
    workflow = {"jobs": {"cut": {"steps": [{"run": 'nox -s release -- "$BUMP" --dry-run'}]}}}
    assert {gate for gate, _ in sessions_run(workflow, ["cut"], GATES, cut=True)} > set(GATES)
