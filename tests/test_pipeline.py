from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nox.sessions import _normalize_path
from packaging.version import Version

from fakes import INSTALLED, PROBLEM, Call, FakeGates, Programs, Yard, make_index, make_yard
from nox_ship import naming
from nox_ship.errors import ShipError
from nox_ship.package.build import dist_folder
from nox_ship.package.manifest import built_files
from nox_ship.project import Project
from nox_ship.release import gates, proving
from nox_ship.release.gates import GatesFailedError, SessionResult
from nox_ship.release.pipeline import CUT, STEPS, run_pipeline
from nox_ship.release.record import Record
from nox_ship.release.route import route
from nox_ship.release.run import Run
from nox_ship.release.stage import Stage
from support import commit_files, git

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("programs")]

WHEEL, SDIST = "sample-0.1.0-py3-none-any.whl", "sample-0.1.0.tar.gz"
BROKEN = 'nox-ship:[["entry point", "x"]]'
WRITTEN = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\ngates = ["tests"]\npublish.wait = 0.05\n'
"""A project whose files already state the version; the release commits only its changelog."""


def change(stage: Stage) -> None:
    """Change the bytes of the wheel."""
    built_files(dist_folder(Project.read(stage.root)))[0].write_bytes(b"other")


def stopped(yard: Yard, wanted: str | None = "minor") -> set[str]:
    """Return the IDs of the errors that stop a release, and check that nothing was pushed or uploaded."""
    with pytest.raises(ShipError) as caught:
        yard.release(wanted)
    assert yard.world.remote.pushes == []
    assert yard.world.indexes["pypi"].uploads == []
    return {finding.id for finding in caught.value.findings}


def test_a_release_goes_through_every_step(yard: Yard, sessions: FakeGates) -> None:
    """Branch and tag are pushed together, the checkout follows, and the files are uploaded."""
    run = yard.release()
    assert sessions.ran == ["build", "verify-install", "tests"]
    stage = run.stage.repository
    assert yard.world.remote.pushes == [
        {"refs/heads/main": stage.head, "refs/tags/v0.1.0": stage.run("rev-parse", "v0.1.0")}
    ]
    assert yard.repository.tags() == {"v0.1.0": stage.head}
    assert yard.world.rehearsal_index.uploads == yard.world.indexes["pypi"].uploads == [WHEEL, SDIST]
    assert yard.world.indexes["testpypi"].uploads == []
    told = yard.told()
    assert (told["passed"], told["changed"], told["commit"]) == (True, True, stage.head)
    assert [row["name"] for row in told["rows"] if row["within"] is None] == [step.name for step in STEPS]
    assert told["pushes"] == ["main → origin", "v0.1.0 → origin"]
    assert told["uploads"] == [f"{WHEEL} → PyPI", f"{SDIST} → PyPI"]


@pytest.mark.usefixtures("sessions")
def test_a_name_that_the_index_does_not_allow_stops_before_the_push(yard: Yard) -> None:
    """A name that the index does not allow stops the release before the push, even in a run that only cuts it."""
    index = yard.world.indexes["pypi"]
    taken = replace(index, facts={**index.facts, "known": False}, names=(PROBLEM("Taken."),))
    yard.world.indexes["pypi"] = taken
    assert stopped(yard) == {"NS000"}
    run = yard.prepare()
    with pytest.raises(ShipError, match=r"Taken\."):
        run_pipeline(run, CUT)
    yard.world.indexes["pypi"] = replace(taken, names=(PROBLEM("Similar.", level="warning"),))
    run = yard.release()
    assert [finding["what"] for finding in run.report.findings] == ["Similar."]


@pytest.mark.parametrize("facts", [{"commit": "d" * 40}, {"dirty": True}, {"version": "0.2.0"}])
def test_files_of_another_origin_are_not_released(yard: Yard, sessions: FakeGates, facts: dict[str, object]) -> None:
    """Files built from another commit, a dirty checkout or another version are refused with NS604."""
    sessions.facts = facts
    assert stopped(yard) == {"NS604"}


def test_files_that_changed_since_the_build_are_not_pushed(yard: Yard, sessions: FakeGates) -> None:
    """If a session changes a built file, NS603 stops the release."""
    sessions.afterwards = change
    assert stopped(yard) == {"NS603"}
    assert yard.world.rehearsal_index.uploads == []


@pytest.mark.usefixtures("sessions")
def test_an_upload_that_fails_in_the_rehearsal_stops_the_release(yard: Yard) -> None:
    """If the upload rehearsal fails, nothing is pushed."""
    yard.world.rehearsal_index = make_index(refusals=[ShipError(PROBLEM("No."))])
    assert stopped(yard) == {"NS000"}


@pytest.mark.usefixtures("sessions")
def test_an_installation_that_fails_in_the_rehearsal_stops_the_release(yard: Yard, programs: Programs) -> None:
    """If the files cannot be installed from the rehearsal's index, NS611 stops the release before the push."""
    programs.answer("pip install", code=1)
    assert stopped(yard) == {"NS611"}


def test_the_upload_is_tried_while_gates_run(yard: Yard, sessions: FakeGates) -> None:
    """The upload rehearsal runs once, while gates are running."""
    sessions.at_once = True
    yard.release()
    assert yard.world.rehearsal_index.uploads == [WHEEL, SDIST]


def test_sessions_of_the_pipeline_may_have_other_names(yard: Yard, sessions: FakeGates) -> None:
    """If the project has a session `build`, our renamed session is run, and the upload rehearsal waits for it."""
    sessions.at_once = True
    with naming.settled({"build": "ship-build"}):
        yard.release()
    assert sessions.ran == ["ship-build", "verify-install", "tests"]
    assert yard.world.rehearsal_index.uploads == [WHEEL, SDIST]


def test_an_upload_that_fails_while_gates_run_stops_the_release(yard: Yard, sessions: FakeGates) -> None:
    """An error of an upload rehearsal that runs in the background stops the release."""
    sessions.at_once = True
    yard.world.rehearsal_index = make_index(refusals=[ShipError(PROBLEM("No."))])
    assert stopped(yard) == {"NS000"}


@pytest.mark.usefixtures("sessions")
def test_nothing_is_pushed_without_consent(yard: Yard) -> None:
    """If the user does not confirm, nothing is pushed or tagged."""

    def refuse(_: Run) -> None:
        raise ShipError(PROBLEM("No."))

    run = yard.prepare()
    run.confirm = refuse
    with pytest.raises(ShipError, match="NS000"):
        run_pipeline(run)
    assert yard.world.remote.pushes == []
    assert yard.repository.tags() == {}


@pytest.mark.usefixtures("sessions")
def test_a_refused_push_leaves_everything_as_it_was(yard: Yard) -> None:
    """If the push is refused with NS231, nothing is uploaded and the checkout stays unchanged."""
    yard.world.remote = replace(yard.world.remote, refuses=True)
    assert stopped(yard) == {"NS231"}
    assert yard.repository.tags() == {}
    told = yard.told()
    assert (told["passed"], told["findings"][0]["id"]) == (False, "NS231")
    assert [row["name"] for row in told["rows"] if row["status"] == "not reached"] == [
        "checkout",
        "publish",
        "announce",
    ]


@pytest.mark.usefixtures("sessions")
def test_a_second_run_finishes_the_first(unpublished: Yard) -> None:
    """A second run does not push, ask or rehearse again, and uploads only the file that is missing."""
    yard = unpublished
    assert len(yard.world.remote.pushes) == 1
    yard.world.indexes["pypi"].shelf[WHEEL] = yard.world.rehearsal_index.shelf[WHEEL]
    run = yard.prepare()
    run.confirm = lambda _: pytest.fail("The user was asked again.")
    run_pipeline(run)
    assert len(yard.world.remote.pushes) == 1
    assert yard.world.rehearsal_index.uploads == [WHEEL, SDIST]
    assert set(yard.world.indexes["pypi"].shelf) == {WHEEL, SDIST}
    assert yard.repository.tags() == {"v0.1.0": run.stage.repository.head}
    assert yard.world.recalled == [WHEEL, SDIST]
    details = {row["name"]: row["detail"] for row in yard.told()["rows"]}
    assert details["push"] == "origin has main and v0.1.0 already"
    assert details["upload rehearsal"] == "these files have already passed it"
    assert details["checkout"].endswith("already")


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("rehearses", [True, False])
def test_what_a_rehearsal_has_installed_is_not_installed_again(yard: Yard, programs: Programs, rehearses: bool) -> None:
    """The next run does not install again what was installed from the rehearsal's index, but installs from another."""
    if rehearses:
        place = yard.world.rehearsal_index.simple_url
        yard.world.indexes["pypi"] = replace(yard.world.indexes["pypi"], simple_url=place)
    yard.release()
    first = len(programs.started("install"))
    yard.release()
    assert first == (1 if rehearses else 2)
    assert len(programs.started("install")) == first + (0 if rehearses else 1)


@pytest.mark.usefixtures("sessions")
def test_the_environment_of_the_upload_rehearsal_is_no_session_s(yard: Yard, programs: Programs) -> None:
    """The rehearsed upload is installed in a place that nox gives to no session, such as one called ``index``."""
    yard.release()
    made, *_ = (Path(call.line[-1]) for call in programs.started("--clear"))
    assert made.parent == yard.shop.environments
    assert _normalize_path("", made.name) != made.name


def test_files_that_changed_between_two_runs_are_found(unpublished: Yard, sessions: FakeGates) -> None:
    """If a file changes after the release was pushed, NS603 stops the next run before it uploads more."""
    uploads = list(unpublished.world.indexes["pypi"].uploads)
    sessions.afterwards = change
    with pytest.raises(ShipError, match="NS603"):
        unpublished.release()
    assert unpublished.world.indexes["pypi"].uploads == uploads == [WHEEL]


@pytest.mark.usefixtures("sessions")
def test_other_bytes_on_the_index_are_not_taken_for_ours(unpublished: Yard) -> None:
    """If the index has other bytes under a file's name, NS711 stops the run that finishes the release."""
    unpublished.world.indexes["pypi"].shelf[WHEEL] = b"other"
    with pytest.raises(ShipError, match="NS711"):
        unpublished.release()
    assert unpublished.told()["passed"] is False


@pytest.mark.usefixtures("sessions")
def test_a_release_that_does_not_install_from_the_index_is_told_broken(yard: Yard, programs: Programs) -> None:
    """If the release does not install from the index, NS614 gives the reason and NS714 the remedy."""

    def play(_: Call) -> tuple[int, str]:
        return 0, BROKEN if yard.world.indexes["pypi"].uploads else INSTALLED

    programs.play("installed.py", reply=play)
    with pytest.raises(ShipError) as caught:
        yard.release()
    assert [finding.id for finding in caught.value.findings] == ["NS614", "NS714"]
    assert yard.told()["pushes"]


def test_a_checkout_that_went_on_is_left_as_it_is(tmp_path: Path, sessions: FakeGates) -> None:
    """If the checkout has new commits, it is left alone; the release is published, and NS234 says what to do."""
    yard = make_yard(tmp_path, {"pyproject.toml": WRITTEN, "CHANGELOG.md": "## Unreleased\n- a\n"})
    newer: list[str] = []
    sessions.afterwards = lambda _: newer.append(commit_files(yard.root, {"x.txt": ""}))
    run = yard.release("0.1.0")
    assert yard.repository.head == newer[0]
    assert yard.world.remote.has["refs/heads/main"] == run.stage.repository.head
    assert [finding["id"] for finding in yard.told()["findings"]] == ["NS234"]
    assert yard.told()["passed"] is True


def test_a_checkout_follows_the_release(tmp_path: Path, sessions: FakeGates) -> None:
    """The checkout's branch is fast-forwarded to the pushed release commit, and it gets the tag."""
    yard = make_yard(tmp_path, {"pyproject.toml": WRITTEN, "CHANGELOG.md": "## Unreleased\n- a\n"})
    before = yard.repository.head
    run = yard.release("0.1.0")
    commit = run.stage.repository.head
    assert sessions.ran
    assert before != commit == yard.repository.head == yard.repository.tags()["v0.1.0"]
    told = yard.told()
    assert told["commits"] == [f"{commit[:7]} Release 0.1.0"]
    assert (told["commit_count"], told["remote"], told["notes"]) == (1, "origin", "- a")
    assert "## 0.1.0 - " in (yard.root / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.usefixtures("sessions")
def test_a_wheel_that_the_index_does_not_take_is_never_pushed(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel for a platform that the index refuses stops the release, unless a workflow publishes its own wheels."""
    monkeypatch.setattr(proving, "refused_platforms", lambda *_: iter([PROBLEM("Not for Linux.")]))
    with pytest.raises(ShipError, match="Not for Linux"):
        yard.release()
    assert yard.world.remote.pushes == []
    yard.write({"pyproject.toml": f'{(yard.root / "pyproject.toml").read_text()}publish.by = "workflow"\n'})
    yard.release()
    assert len(yard.world.remote.pushes) == 1


@pytest.mark.usefixtures("sessions")
def test_a_workflow_that_publishes_is_left_to_it(yard: Yard) -> None:
    """If a workflow publishes, nothing is uploaded from this machine, and the report names the workflow."""
    yard.write({"pyproject.toml": f'{(yard.root / "pyproject.toml").read_text()}publish.by = "workflow"\n'})
    yard.release()
    told = yard.told()
    assert (told["workflow"], told["passed"], told["elsewhere"]) == ("release.yml", True, [])
    assert yard.world.indexes["pypi"].uploads == []
    assert told["uploads"] == [f"{WHEEL} → PyPI, by release.yml", f"{SDIST} → PyPI, by release.yml"]


@pytest.mark.usefixtures("sessions")
def test_wheels_that_a_workflow_builds_are_none_of_this_machine(yard: Yard) -> None:
    """If a workflow builds wheels, the report names their systems; of the local files, only the sdist is published."""
    settings = 'publish.by = "workflow"\nwheels.systems = ["windows-latest"]\n'
    yard.write({"pyproject.toml": f"{(yard.root / 'pyproject.toml').read_text()}{settings}"})
    yard.release()
    told = yard.told()
    assert told["elsewhere"] == ["windows-latest"]
    assert told["uploads"] == [f"{name} → PyPI, by release.yml" for name in (SDIST, "the wheels from windows-latest")]
    assert [file["name"] for file in told["files"]] == [WHEEL, SDIST]


@pytest.mark.usefixtures("sessions")
def test_a_prerelease_goes_to_its_own_index(yard: Yard) -> None:
    """A pre-release goes to the index that its route names."""
    yard.release("rc")
    assert route(yard.project.settings, Version("0.0.1rc1")) == "testpypi"
    assert len(yard.world.indexes["testpypi"].uploads) == 2
    assert yard.world.indexes["pypi"].uploads == []


@pytest.mark.usefixtures("sessions")
def test_a_release_that_can_no_longer_be_finished_stops_at_once(released: Yard) -> None:
    """If the index accepts no more files for the release, NS772 stops the next run before any gate."""
    yard = released
    index = yard.world.indexes["pypi"]
    index.facts.update(public=True, age=15)
    yard.release()
    index.shelf["sample-0.1.0-cp312-cp312-win_amd64.whl"] = index.shelf.pop(WHEEL)
    with pytest.raises(ShipError, match=f"NS772.*it lacks {WHEEL}"):
        yard.release()
    assert [row["name"] for row in yard.told()["rows"] if row["status"] == "failed"] == ["preflight"]
    assert index.uploads == [WHEEL, SDIST]


@pytest.mark.usefixtures("sessions")
def test_a_released_version_changes_nothing(released: Yard) -> None:
    """If the release is complete, a second run changes nothing and reports that."""
    released.release()
    told = released.told()
    assert (told["passed"], told["changed"]) == (True, False)
    assert len(released.world.remote.pushes) == 1
    assert git(released.root, "tag") == "v0.1.0"


def test_files_that_changed_before_the_push_are_not_pushed_by_the_next_run(unpushed: Yard, sessions: FakeGates) -> None:
    """If a built file changes after a run that did not push, NS603 stops the next run before its push."""
    sessions.afterwards = change
    assert stopped(unpushed) == {"NS603"}


@pytest.mark.parametrize(("fresh", "how"), [(False, "the clone of an earlier run"), (True, "clean clone")])
@pytest.mark.usefixtures("sessions")
def test_a_stage_is_used_again_unless_a_fresh_one_is_wanted(unpushed: Yard, fresh: bool, how: str) -> None:
    """A release that was not pushed uses the clone of the earlier run, unless a fresh one is requested."""
    unpushed.release(fresh=fresh)
    assert next(row["detail"] for row in unpushed.told()["rows"] if row["name"] == "stage").startswith(how)


def test_sessions_see_what_the_settings_pass_on(yard: Yard, sessions: FakeGates) -> None:
    """The variables that the setting `pass-env` names are passed on to sessions, even if they look like credentials."""
    text = (yard.root / "pyproject.toml").read_text("utf-8")
    yard.write({"pyproject.toml": f'{text}pass-env = ["SAMPLE_TOKEN"]\n'.replace("publish.wait", "publish.timeout")})
    yard.release()
    assert sessions.kept == {"SAMPLE_TOKEN"}


@pytest.mark.usefixtures("sessions")
def test_a_release_that_only_pushes_or_only_uploads_changes_something(released: Yard) -> None:
    """A run that only pushes, or only uploads, is reported as having changed something."""
    shelf = dict(released.world.indexes["pypi"].shelf)
    del released.world.remote.has["refs/tags/v0.1.0"]
    released.release()
    assert released.told()["changed"] is True
    released.world.indexes["pypi"].shelf.clear()
    released.release()
    assert released.told()["changed"] is True
    assert released.world.indexes["pypi"].shelf == shelf


def test_a_gate_that_fails_stops_the_release(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report shows the result of each session; the next run uses the commit that was already made."""
    commits = set()
    results = (SessionResult("lint", "passed", 1.0), SessionResult("tests", "failed", 2.0, "boom"))

    def fail(stage: Stage, *_: object, **__: object) -> tuple[SessionResult, ...]:
        commits.add((Record.read(stage.workshop.record) or pytest.fail("There is no record.")).commit)
        raise GatesFailedError(results, PROBLEM("No."))

    monkeypatch.setattr(gates, "run_sessions", fail)
    for _ in range(2):
        assert stopped(yard) == {"NS000"}
    assert len(commits - {None}) == 1
    rows = [(row["name"], row["status"], row["detail"]) for row in yard.told()["rows"] if row["within"] == "gates"]
    assert rows == [("lint", "passed", ""), ("tests", "failed", "boom")]


def test_what_sessions_warn_of_is_in_the_report(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings of sessions are in the report, even if all sessions passed."""
    played = FakeGates()

    def warn(stage: Stage, names: list[str], **told: Any) -> tuple[SessionResult, ...]:
        played(stage, names, **told)
        return (
            SessionResult("lint", "passed", warnings=("NS307 stale-settings: Hm.",)),
            SessionResult("x", "skipped"),
        )

    monkeypatch.setattr(gates, "run_sessions", warn)
    yard.release()
    assert yard.told()["warnings"] == ["NS307 stale-settings: Hm."]
    assert {row["name"]: row["detail"] for row in yard.told()["rows"]}["gates"] == "1 passed, 1 skipped"
