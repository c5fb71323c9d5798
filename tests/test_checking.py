"""Waiting for the checks that publishing requires."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failing_forge import FailingForge
from fakes import Yard, make_yard, noxfile, run_release, write_dist
from nox_ship import publishing
from nox_ship.errors import Finding, ShipError
from nox_ship.release import checking
from nox_ship.release.checking import Required, wait
from nox_ship.release.pipeline import release_steps, run_pipeline
from nox_ship.release.run import Run
from nox_ship.release.status import look
from nox_ship.world import polling
from nox_ship.world.checks import Check, checks_of
from nox_ship.world.onlooker import Onlooker
from nox_ship.world.standins import StandIns
from planning import plan, stopped, told
from support import each, git

COMMIT = "a" * 40
TESTS, AUDIT = "Test Suite", "Security Audit"
BOTH = Required((TESTS, AUDIT))


@pytest.fixture
def forge() -> Iterator[FailingForge]:
    """Run a forge whose commits have no checks."""
    with FailingForge() as running:
        yield running


def waited(forge: FailingForge, required: Required = BOTH, **client: Any) -> tuple[Check, ...]:
    """Return the checks after waiting for them."""
    return wait(required, forge.client(**client), COMMIT)


def refused(forge: FailingForge, required: Required = BOTH) -> tuple[Finding, ...]:
    """Return the findings that ended the waiting."""
    with pytest.raises(ShipError) as caught:
        waited(forge, required)
    return caught.value.findings


def state(forge: FailingForge, name: str = TESTS) -> list[str]:
    """Return the state of each check with this name."""
    return [check.state for check in checks_of(forge.client().api, COMMIT) if check.name == name]


# What GitHub reports

CONCLUSIONS = {
    "success": "passed",
    "skipped": "passed",
    "neutral": "passed",
    "failure": "failed",
    "cancelled": "failed",
    "timed_out": "failed",
    "action_required": "failed",
    "stale": "failed",
    "startup_failure": "failed",
    "something new": "failed",
}


@pytest.mark.slow
def test_a_conclusion_counts_as_it_does_for_a_protected_branch(forge: FailingForge) -> None:
    """Skipped and neutral checks count as passed, like for protected branches, and other conclusions as failed."""
    for conclusion, expected in CONCLUSIONS.items():
        forge.check_list.clear()
        forge.check(TESTS, conclusion)
        assert (conclusion, state(forge)) == (conclusion, [expected])
    for status in ("queued", "in_progress", "waiting", "requested", "pending"):
        forge.check_list.clear()
        forge.check(TESTS, None, status=status)
        assert state(forge) == ["running"]


def test_a_commit_status_is_a_check_too(forge: FailingForge) -> None:
    """A commit status counts as a check, in addition to a check run with the same name."""
    for told_by_it, expected in {
        "success": "passed",
        "pending": "running",
        "failure": "failed",
        "error": "failed",
    }.items():
        forge.status_list.clear()
        forge.status(TESTS, told_by_it, description="All fine", target_url="https://ci.example/1")
        assert state(forge) == [expected]
    assert str(checks_of(forge.client().api, COMMIT)[0]) == f"{TESTS}: error (All fine) (https://ci.example/1)"
    forge.check(TESTS)
    assert state(forge) == ["passed", "failed"]


def test_the_newest_attempt_counts(forge: FailingForge) -> None:
    """A later attempt in the same suite replaces an earlier one, whether that passed or failed."""
    first = forge.check(TESTS, "failure")
    second = forge.check(TESTS, None, started_at=first["completed_at"])
    assert state(forge) == ["running"]
    second.update(status="completed", conclusion="success", completed_at="2026-01-01T22:00:00Z")
    assert state(forge) == ["passed"]
    forge.check(TESTS, "failure", started_at="2026-01-01T22:00:01Z")
    assert state(forge) == ["failed"]
    forge.check(TESTS, None, status="queued", started_at=None)
    assert state(forge) == ["running"]


@each(
    "later",
    [
        {"suite": 2},
        {"started_at": "2026-01-01T01:10:00Z"},
        {"conclusion": "skipped"},
        {"check_suite": None},
        {"started_at": "2026-01-01T01:10:00Z", "conclusion": None},
    ],
)
def test_what_is_no_later_attempt_replaces_nothing(later: dict[str, Any]) -> None:
    """A check from another suite, a check at the same time, and a skipped one do not replace a failed check."""
    with FailingForge() as forge:
        forge.check(TESTS, "failure")
        forge.check(TESTS, **later)
        found = state(forge)
        assert ("failed" in found, len(found)) == (True, 2)


def test_what_an_app_leaves_out_is_not_missed(forge: FailingForge) -> None:
    """Check runs of other apps may lack some fields, but an undocumented answer is refused (NS785)."""
    less: dict[str, Any] = {"output": None, "app": None, "details_url": None, "html_url": None, "check_suite": None}
    forge.check(TESTS, **less)
    assert checks_of(forge.client().api, COMMIT) == (Check(TESTS, "passed", "success"),)
    forge.check(TESTS, id="x")
    with pytest.raises(ShipError, match="NS785"):
        state(forge)
    for answer in ({"check_runs": 5}, {}):
        forge.faults.answers = [(200, {}, answer)]
        with pytest.raises(ShipError, match="NS785"):
            state(forge)


def test_an_end_that_is_not_told_is_none(forge: FailingForge) -> None:
    """A check without an end time is not replaced by a later one."""
    forge.check(TESTS, "failure", completed_at=None)
    forge.check(TESTS)
    assert state(forge) == ["failed", "passed"]


@pytest.mark.slow
def test_every_page_is_read(forge: FailingForge) -> None:
    """All pages of check runs and of statuses are read."""
    for number in range(250):
        forge.check(f"Check {number}", suite=number)
        forge.status(f"Status {number}")
    forge.check(TESTS, "failure", suite=1000)
    forge.status(AUDIT, "failure")
    assert (state(forge), state(forge, AUDIT)) == (["failed"], ["failed"])


# Waiting


def test_checks_are_waited_for_until_they_have_passed(forge: FailingForge) -> None:
    """Publishing waits until all required checks have passed, even late ones, and each change is shown once."""
    tests = forge.check(TESTS, None, suite=1)
    forge.later += [
        lambda: None,
        lambda: tests.update(status="completed", conclusion="success"),
        lambda: forge.check("Another", None, suite=2),
        lambda: forge.status(AUDIT),
    ]
    said: list[str] = []
    found = wait(BOTH, forge.client(), COMMIT, said.append)
    assert [check.name for check in found] == [TESTS, AUDIT]
    assert said == [
        f"checks of aaaaaaaaaa running: {TESTS}; not there: {AUDIT}",
        f"checks of aaaaaaaaaa passed: {TESTS}; not there: {AUDIT}",
    ]


def test_one_that_fails_stops_it(forge: FailingForge) -> None:
    """A failed check stops the waiting at once (NS851), with its address and title."""
    forge.check(AUDIT, None)
    failed = forge.check(TESTS, "failure", output={"title": "3 tests failed"})
    (found,) = refused(forge)
    address = failed["html_url"]
    assert (found.id, found.what) == (
        "NS851",
        f"A check of aaaaaaaaaa did not pass: {TESTS}: failure (3 tests failed) ({address}).",
    )
    assert forge.waits == []


def test_of_one_name_in_two_workflows_both_must_pass(forge: FailingForge) -> None:
    """If two workflows have a check with the same name, both must pass."""
    forge.check(TESTS, "failure", suite=1)
    forge.check(TESTS, "success", suite=2)
    assert [found.id for found in refused(forge, Required((TESTS,)))] == ["NS851"]
    forge.check_list[0].update(status="queued", conclusion=None)
    forge.later += [lambda: forge.check_list[0].update(status="completed", conclusion="success")]
    assert len(waited(forge, Required((TESTS,)))) == 2


@pytest.mark.slow
def test_one_that_never_appears_is_named(forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a check has not appeared ten minutes after the last running one ended, NS852 names it and the others."""
    assert checking._GRACE == 600
    monkeypatch.setattr(checking, "_GRACE", 60.0)
    forge.check(AUDIT)
    other = forge.check("Test suite", None)
    forge.later += [*[lambda: None] * 5, lambda: other.update(status="completed", conclusion="success")]
    (found,) = refused(forge)
    assert found.id == "NS852"
    assert found.what == (
        f"No check '{TESTS}' appeared on aaaaaaaaaa, and no running check is left to wait for;"
        f" the commit has {AUDIT}, Test suite."
    )
    assert 110 <= sum(forge.waits) < 140
    forge.check_list.clear()
    assert [found.what.rpartition("; ")[2] for found in refused(forge)] == ["the commit has no checks at all."] * 2


def test_one_without_an_end_is_left(forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """After two hours, the waiting ends with NS853, both for running and for missing checks."""
    assert checking.LONGEST == 2 * 3600
    monkeypatch.setattr(checking, "LONGEST", 60.0)
    forge.check(TESTS, None)
    assert [(found.id, "after 0.017 hours" in found.what) for found in refused(forge)] == [("NS853", True)] * 2
    assert sum(forge.waits) == 60


def test_a_job_does_not_wait_for_itself(forge: FailingForge) -> None:
    """A required check that is the waiting job itself is refused (NS854), but other jobs of its run are waited for."""
    ours = Required((TESTS, "Docs"), run="7")
    forge.check("Docs", None, suite=7)
    forge.check(TESTS, None, suite=7)
    forge.later += [lambda: forge.check_list[0].update(status="completed", conclusion="success")]
    (found,) = refused(forge, ours)
    assert (found.id, TESTS in found.what, len(forge.waits)) == ("NS854", True, 1)
    forge.check_list[1].update(status="completed", conclusion="success")
    assert len(waited(forge, ours)) == 2


@pytest.mark.slow
def test_what_runs_in_the_same_run_is_no_reason_to_wait(forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of the own run do not extend the waiting for a missing check (NS852); other runs and other apps do."""
    monkeypatch.setattr(checking, "_GRACE", 60.0)
    wanted = Required(("Announce",), run="7")
    forge.check("Publish", None, suite=7)
    assert [found.id for found in refused(forge, wanted)] == ["NS852"]
    for other in ({"suite": 8}, {"suite": 7, "app": {"slug": "another"}}):
        forge.check_list.clear()
        forge.check("Publish", None, **other)
        forge.later += [*[lambda: None] * 10, lambda: forge.check("Announce")]
        assert [check.name for check in waited(forge, wanted)] == ["Announce"]


@pytest.mark.slow
def test_a_job_beside_this_one_is_not_given_up(forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A required job of the own run may take longer than the limit for missing checks."""
    monkeypatch.setattr(checking, "_GRACE", 60.0)
    docs = forge.check("Docs", None, suite=7)
    forge.check("Publish", None, suite=7)
    forge.later += [*[lambda: None] * 10, lambda: docs.update(status="completed", conclusion="success")]
    assert waited(forge, Required(("Docs",), run="7"))


def test_a_job_of_this_run_hides_none_of_another_workflow(forge: FailingForge) -> None:
    """A job of the own run does not hide a check with the same name in another workflow."""
    forge.check(TESTS, suite=7)
    other = forge.check("Lint", None, suite=8)
    forge.later += [
        lambda: None,
        lambda: other.update(status="completed", conclusion="success"),
        lambda: None,
        lambda: forge.check(TESTS, "failure", suite=8),
    ]
    assert [found.id for found in refused(forge, Required((TESTS,), run="7"))] == ["NS851"]
    forge.check_list.pop()
    forge.waits.clear()
    assert waited(forge, Required((TESTS,), run="7"))
    assert sum(forge.waits) == 30


def test_what_was_left_out_is_not_waited_for(forge: FailingForge) -> None:
    """A check that the user left out is not waited for, and NS855 says who left it out."""
    required = Required((TESTS, AUDIT), (AUDIT,), "octocat")
    forge.check(TESTS)
    assert [check.name for check in waited(forge, required)] == [TESTS]
    assert [(found.id, found.level, found.what) for found in required.left_out(COMMIT)] == [
        ("NS855", "warning", f"octocat left out the check '{AUDIT}' of aaaaaaaaaa.")
    ]
    forge.asked.clear()
    assert waited(forge, Required((TESTS,), (TESTS,), "octocat")) == ()
    assert forge.asked == []


def test_a_forge_that_does_not_tell_is_explained(forge: FailingForge) -> None:
    """If GitHub does not show the checks, or the forge is not GitHub, NS850 explains why."""
    assert [found.id for found in refused_by(None)] == ["NS850"]
    forge.faults.private = True
    (found,) = refused_by(forge.client(None))
    assert (found.id, "GitHub answered 404" in found.what, "checks: read" in found.remedy) == ("NS850", True, True)
    forge.faults.answers = [(403, {}, {"message": "Resource not accessible by integration"})]
    (found,) = refused_by(forge.client())
    assert (found.id, "Resource not accessible by integration" in found.what) == ("NS850", True)


def refused_by(client: Any) -> tuple[Finding, ...]:
    """Return the findings that end the waiting for a forge."""
    with pytest.raises(ShipError) as caught:
        wait(BOTH, client, COMMIT)
    return caught.value.findings


def test_a_commit_that_was_just_pushed_may_not_be_there_yet(forge: FailingForge) -> None:
    """If GitHub does not know the commit yet, the commit counts as having no checks, and the waiting goes on."""
    forge.check(TESTS)
    forge.check(AUDIT)
    forge.faults.answers = [(422, {}, {"message": f"No commit found for SHA: {COMMIT}"})] * 2
    assert len(waited(forge)) == 2
    assert len(forge.waits) == 1


def test_limits_and_outages_are_waited_for(forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate limits are waited out, and so are outages for some minutes (NS780)."""
    forge.check(TESTS)
    forge.check(AUDIT)
    limited = {"message": "You have exceeded a secondary rate limit."}
    forge.faults.answers = [(403, {"retry-after": "30"}, limited), (403, {}, limited), (502, {}, {})]
    waited(forge)
    assert forge.waits[:3] == [30, 60, 1]
    forge.faults.left = 0
    forge.later += [lambda: setattr(forge.faults, "left", 100)]
    waited(forge)
    assert max(forge.waits) > 1790
    monkeypatch.setattr(polling, "_SILENT", 30.0)
    forge.faults.left, forge.faults.dead_after = None, 0
    assert [found.id for found in refused(forge)] == ["NS780"]


# In a release


def required_by(yard: Yard, forge: FailingForge, *names: str, by: str = "machine") -> Yard:
    """Make a project's publishing require checks on the forge."""
    text = (yard.root / "pyproject.toml").read_text("utf-8")
    listed = ", ".join(f'"{name}"' for name in names)
    yard.write({"pyproject.toml": f'{text}publish.require-checks = [{listed}]\npublish.by = "{by}"\n'})
    yard.world.forge, prefix = forge.client(), "refs/tags/"
    forge.commits = lambda: {name.removeprefix(prefix): commit for name, commit in yard.world.remote.has.items()}
    return yard


@pytest.fixture
def requiring(yard: Yard, forge: FailingForge, programs: object, sessions: object) -> Yard:  # noqa: ARG001
    """Return a project whose publishing requires a check."""
    return required_by(yard, forge, TESTS)


def prepare(yard: Yard, *without: str) -> Run:
    """Return a release that has not started."""
    run = yard.prepare()
    checks = Required(yard.project.settings.publish.require_checks, without, "Jane")
    run.request = type(run.request)("minor", agreed=True, checks=checks)
    return run


def release(yard: Yard, *without: str) -> None:
    """Release the project."""
    run_pipeline(prepare(yard, *without), release_steps(yard.project.settings))


def row(yard: Yard) -> tuple[str, str]:
    """Return the status and detail of the step `checks` in the report."""
    found = next(row for row in yard.told()["rows"] if row["name"] == "checks")
    return found["status"], found["detail"]


@pytest.mark.slow
def test_a_release_uploads_once_the_checks_have_passed(requiring: Yard, forge: FailingForge) -> None:
    """A release uploads only after its push and the passed checks, which the report lists."""
    index = requiring.world.indexes["pypi"]
    seen: list[object] = []
    forge.later += [
        lambda: seen.extend([requiring.world.remote.has.get("refs/tags/v0.1.0"), *index.uploads]),
        lambda: forge.check(TESTS),
    ]
    release(requiring)
    assert seen == [requiring.repository.head]
    assert len(index.uploads) == 2
    assert row(requiring) == ("done", f"{TESTS}: success")
    assert requiring.told()["verified"][0].startswith(f"check passed: {TESTS}: success (https://")


@pytest.mark.slow
def test_a_check_that_fails_keeps_the_index_as_it_is(requiring: Yard, forge: FailingForge) -> None:
    """A failed check prevents the upload (NS851), and the same command continues once it has passed."""
    failed = forge.check(TESTS, "failure")
    with pytest.raises(ShipError, match="NS851"):
        release(requiring)
    assert requiring.world.indexes["pypi"].uploads == []
    assert requiring.told()["arrived"] == ["main on origin", "v0.1.0 on origin"]
    standing = look(requiring.root, noxfile(requiring.root, "tests"), Onlooker(requiring.world), requiring.shop)
    assert standing.progress
    assert str(standing.progress.steps["checks"].seen).startswith("checks of ")
    failed["conclusion"] = "success"
    release(requiring)
    assert len(requiring.world.indexes["pypi"].uploads) == 2
    failed["conclusion"] = "failure"
    release(requiring)
    assert row(requiring) == ("done", "already published")


@pytest.mark.slow
def test_a_person_may_leave_one_out(requiring: Yard) -> None:
    """If the user leaves a check out, the report names the user and the check (NS855)."""
    release(requiring, TESTS)
    assert row(requiring) == ("done", f"without {TESTS}")
    assert [one["what"].split(" of ")[0] for one in requiring.told()["findings"] if one["id"] == "NS855"] == [
        f"Jane left out the check '{TESTS}'"
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("programs", "sessions")
def test_a_workflow_that_publishes_waits_itself(yard: Yard, forge: FailingForge) -> None:
    """If a workflow publishes, the release does not wait for checks on this machine."""
    required_by(yard, forge, TESTS, by="workflow")
    release(yard)
    assert row(yard) == ("done", "left to release.yml")
    assert not [asked for asked in forge.asked if "check-runs" in asked]


WORKFLOW = """\
on: {push: {tags: ["v*"]}}
jobs:
  tests: {name: Tests, steps: [{run: pytest}]}
  upload:
    name: Upload it
    needs: tests
    permissions: {id-token: write}
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
  page: {needs: [upload], steps: [{run: make}]}
  after: {name: After all, needs: page, steps: [{run: make}]}
"""


@pytest.mark.slow
@pytest.mark.usefixtures("programs")
def test_what_would_wait_for_itself_is_told_before_the_push(yard: Yard, forge: FailingForge) -> None:
    """Required checks that come from the publishing job or later ones are refused before the push (NS854)."""
    required_by(yard, forge, "Tests", "Upload it", "page", "After all", by="auto")
    yard.write({".github/workflows/release.yml": WORKFLOW})
    checks = Required(yard.project.settings.publish.require_checks)
    with pytest.raises(ShipError) as caught:
        plan(yard, checks=checks)
    assert [found.what.partition(" names ")[2] for found in caught.value.findings if found.id == "NS854"] == [
        "'Upload it', a job of release.yml that publishes.",
        "'page', a job of release.yml that runs after it has published.",
        "'After all', a job of release.yml that runs after it has published.",
    ]
    assert told(yard, checks=Required(("Tests",))) == []
    assert told(yard, checks=Required(("Tests",)), cut=True) == ["NS852"]
    yard.world.forge = None
    assert stopped(yard, checks=Required(("Tests",))) == {"NS850"}


def test_a_rehearsal_waits_for_nothing(tmp_path: Path, forge: FailingForge) -> None:
    """In a rehearsal, the checks of the stand-in forge have passed, and the report says that nothing ran."""
    yard = make_yard(tmp_path)
    with StandIns(yard.root, tmp_path / "world", forge=lambda: forge.client(None), checks=(TESTS,)) as world:
        (found,) = wait(Required((TESTS,)), world.forge, yard.repository.head)
        assert str(found) == f"{TESTS}: success (a stand-in, which runs nothing)"
    assert forge.asked == []


# The session and its arguments


@pytest.fixture
def built(requiring: Yard, home: object) -> Yard:  # noqa: ARG001
    """Return a project whose HEAD is a release that was built."""
    requiring.tag("v0.1.0")
    write_dist(requiring.project, requiring.repository.head, "0.1.0")
    git(requiring.root, "update-index", "-q", "--refresh")
    return requiring


@pytest.mark.slow
def test_publishing_waits_for_the_checks(built: Yard, forge: FailingForge, capsys: pytest.CaptureFixture[str]) -> None:
    """The session `publish` waits for the checks, but not if the index already has all files."""
    forge.later += [lambda: forge.check(TESTS)]
    publishing.publish(built.project, ["--without-check="], "publish", None)
    assert len(built.world.indexes["pypi"].uploads) == 2
    assert f"not there: {TESTS}" in capsys.readouterr().out
    forge.asked.clear()
    publishing.publish(built.project, [], "publish", None)
    assert forge.asked == []


@pytest.mark.slow
def test_a_check_that_failed_is_not_published(built: Yard, forge: FailingForge) -> None:
    """A failed check prevents publishing (NS851), before anything is uploaded."""
    forge.check(TESTS, "failure")
    with pytest.raises(ShipError, match="NS851"):
        publishing.publish(built.project, [], "publish", None)
    assert built.world.indexes["pypi"].uploads == []


@pytest.mark.parametrize(
    ("variables", "who"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "octocat"}, "octocat"),
        ({"GITHUB_ACTIONS": "", "GITHUB_ACTOR": "octocat"}, "Tester <tester@example.invalid>"),
    ],
)
def test_who_leaves_a_check_out_is_told(
    built: Yard,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    who: str,
) -> None:
    """NS855 names the user who left a check out, by the account in Actions or the identity in git."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    publishing.publish(built.project, ["--without-check", TESTS], "publish", None)
    assert f"NS855 check-left-out: {who} left out the check '{TESTS}'" in capsys.readouterr().out
    assert len(built.world.indexes["pypi"].uploads) == 2


def test_a_job_knows_its_own_run(built: Yard, forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that would wait for its own run stops with NS854."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    forge.check(TESTS, None, suite=7)
    with pytest.raises(ShipError, match="NS854"):
        publishing.publish(built.project, [], "publish", None)


def test_only_a_required_check_can_be_left_out(built: Yard) -> None:
    """Only a required check can be left out; for another one, NS108 names the required checks."""
    with pytest.raises(ShipError, match=rf"NS108.*`--without-check {AUDIT}` is not a required check.*{TESTS}"):
        publishing.publish(built.project, ["--without-check", AUDIT], "publish", None)
    with pytest.raises(ShipError, match="NS108"):
        run_release(built.root, ["minor", "--without-check", "x"], noxfile(built.root, "tests"), built.root)


@pytest.mark.usefixtures("rehearsed")
def test_a_rehearsal_of_publishing_names_the_command(built: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """A rehearsal of publishing ends with the command to publish, including `--without-check`."""
    publishing.publish(built.project, ["--dry-run", "--without-check", TESTS], "publish", None)
    assert capsys.readouterr().out.rstrip().endswith(f"nox -s publish -- --without-check '{TESTS}'")


@pytest.mark.usefixtures("programs", "home")
def test_where_nobody_requires_checks_nothing_is_told_of_them(yard: Yard) -> None:
    """Without required checks, neither a release nor publishing has a step for them."""
    assert "checks" not in [step.name for step in release_steps(yard.project.settings)]
    yard.tag("v0.1.0")
    write_dist(yard.project, yard.repository.head, "0.1.0")
    publishing.publish(yard.project, [], "publish", None)
    (report,) = Path(os.environ["NOX_SHIP_CACHE"]).glob("*/report.json")
    assert "checks" not in [row["name"] for row in json.loads(report.read_text("utf-8"))["rows"]]
