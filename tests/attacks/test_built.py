"""No gate changes the files of a release unseen: what was built is what was tested, tried, pushed for and published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from fakes import PROBLEM, FakeGates, Programs, Yard, write_dist
from nox_ship import registration
from nox_ship import sessions as sessions_module
from nox_ship.errors import ShipError
from nox_ship.output import EVENT
from nox_ship.package import build as building
from nox_ship.package import install as installing
from nox_ship.package.build import Outcome, dist_folder, manifest_path
from nox_ship.package.install import Verified, verify_files
from nox_ship.package.manifest import TOLD, File, Manifest, built_files
from nox_ship.project import Project
from nox_ship.release import gates, proving
from nox_ship.release.gates import SessionResult
from nox_ship.release.pipeline import run_pipeline
from nox_ship.release.run import Run
from nox_ship.release.stage import Stage
from support import make_wheel

pytestmark = pytest.mark.usefixtures("programs")

Evil = Callable[[Stage], None]


def change_the_wheel(stage: Stage) -> None:
    make_wheel(dist_folder(Project.read(stage.root)), {"sample/__init__.py": "EVIL = 1"}, version="0.1.0")


def change_wheel_and_manifest(stage: Stage) -> None:
    """Let the manifest be of other files, and in every other respect as it was."""
    project = Project.read(stage.root)
    change_the_wheel(stage)
    path = manifest_path(project)
    entries = json.loads(path.read_text("utf-8"))
    entries["files"] = [asdict(File.of(file)) for file in built_files(dist_folder(project))]
    path.write_text(json.dumps(entries), "utf-8")


def add_a_wheel(stage: Stage) -> None:
    make_wheel(dist_folder(Project.read(stage.root)), {"sample/__init__.py": ""}, version="0.1.0.post1")


def lose_the_manifest(stage: Stage) -> None:
    manifest_path(Project.read(stage.root)).unlink()


EVIL: list[Evil] = [change_the_wheel, change_wheel_and_manifest, add_a_wheel, lose_the_manifest]
WORST = pytest.mark.parametrize("evil", EVIL[:2])


def stopped(run: Run) -> set[str]:
    """Return the IDs of what stops a release, which must not have pushed or uploaded anything."""
    with pytest.raises(ShipError) as caught:
        run_pipeline(run)
    assert run.world.remote.pushes == []  # type: ignore[attr-defined]
    assert run.world.indexes["pypi"].uploads == []  # type: ignore[attr-defined]
    return {finding.id for finding in caught.value.findings}


def after_the_trial(run: Run, evil: Evil) -> Callable[[Stage], None]:
    """Return a gate that waits until the upload was tried, and then does evil."""

    def gate(stage: Stage) -> None:
        assert run.trial is not None
        assert "installed from there" in str(run.trial.result())
        evil(stage)

    return gate


@pytest.mark.parametrize("evil", EVIL)
def test_files_that_a_gate_changes_after_the_trial_are_not_pushed(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """They had passed every proof by then: NS603 or NS601, and the next run builds and tests anew."""
    run = yard.prepare()
    run.confirm = lambda _: pytest.fail("Nobody need be asked.")
    sessions.at_once, sessions.afterwards = True, after_the_trial(run, evil)
    assert stopped(run) == {"NS601" if evil is lose_the_manifest else "NS603"}
    assert (run.stage.record.passed, run.stage.record.built, run.stage.record.tried) == ({}, None, None)
    assert "Find the gate" in yard.told()["findings"][0]["remedy"]


@WORST
def test_files_that_change_before_the_trial_ends_are_not_pushed(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """The gate is faster than the upload that is tried beside it."""
    run = yard.prepare()
    sessions.at_once, sessions.afterwards = True, evil
    assert stopped(run) <= {"NS601", "NS603"}


def refuse(_: Run) -> None:
    raise ShipError(PROBLEM("No."))


@pytest.mark.slow
@WORST
def test_files_that_change_between_two_runs_are_not_published(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """That a manifest fits them does not help, and no session is started before they are compared."""
    run = yard.prepare()
    run.confirm, sessions.at_once = refuse, True
    assert stopped(run) == {"NS000"}
    evil(run.stage)
    ran = list(sessions.ran)
    assert stopped(yard.prepare()) <= {"NS601", "NS603"}
    assert sessions.ran == ran
    yard.release()
    assert yard.told()["passed"] is True


@WORST
def test_files_that_change_while_a_person_is_asked_are_not_pushed(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """A process that a test left behind has minutes for it."""
    run = yard.prepare()
    run.confirm, sessions.at_once = lambda asking: evil(asking.stage), True
    assert stopped(run) <= {"NS601", "NS603"}
    assert yard.told()["pushes"] == []


def test_the_build_is_held_once(yard: Yard, sessions: FakeGates) -> None:
    """A gate that prints what the end of a build looks like does not let its own files be taken for the build's."""
    run = yard.prepare()
    run_sessions = gates.run_sessions

    def play(stage: Stage, names: list[str], **told: Any) -> tuple[SessionResult, ...]:
        results = run_sessions(stage, names, **told)
        change_wheel_and_manifest(stage)
        told["finished"](SessionResult("build", "passed"))
        return results

    sessions.at_once = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gates, "run_sessions", play)
        assert stopped(run) == {"NS603"}


def test_the_build_is_held_before_its_upload_is_tried(
    yard: Yard, sessions: FakeGates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right when its session ends; a thread may begin late."""
    held: list[str | None] = []
    monkeypatch.setattr(proving, "_try_upload", lambda _: refuse(yard.prepare()))
    sessions.at_once, sessions.afterwards = True, lambda stage: held.append(stage.record.built)
    assert stopped(yard.prepare()) == {"NS000"}
    assert None not in held


@pytest.mark.parametrize("name", ["build", "verify-install-3.12"])
@pytest.mark.parametrize("fails", [False, True])
def test_files_that_were_tested_in_place_of_others_are_found_out(
    yard: Yard, sessions: FakeGates, monkeypatch: pytest.MonkeyPatch, name: str, fails: bool
) -> None:
    """A gate puts other files there while they are tested, and the first ones back: the session tells what it read."""
    run, other = yard.prepare(), f"nox > {TOLD}{'e' * 64}"
    run_sessions = gates.run_sessions

    def play(stage: Stage, names: list[str], **told: Any) -> tuple[SessionResult, ...]:
        results = (*run_sessions(stage, names, **told), SessionResult(name, "passed", output=other))
        stage.record.passed["build"] = 1.0
        if fails:
            raise gates.GatesFailedError(results, PROBLEM("No."))
        return results

    sessions.at_once = True
    monkeypatch.setattr(gates, "run_sessions", play)
    assert stopped(run) == {"NS000" if fails else "NS603"}
    assert run.stage.record.passed == {}


@pytest.mark.slow
def test_what_a_gate_tells_is_no_proof(yard: Yard, sessions: FakeGates, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of tests may hold anything."""
    run_sessions = gates.run_sessions

    def play(stage: Stage, names: list[str], **told: Any) -> tuple[SessionResult, ...]:
        line = f"nox > {TOLD}{'e' * 64}"
        return (*run_sessions(stage, names, **told), SessionResult("tests-3.12", "passed", output=line))

    sessions.at_once = True
    monkeypatch.setattr(gates, "run_sessions", play)
    yard.release()
    assert yard.told()["passed"] is True


def test_a_session_that_is_run_again_is_told_what_was_built(
    yard: Yard, sessions: FakeGates, programs: Programs
) -> None:
    """By its digest; where nothing was built yet, a digest from outside the release does not count."""
    run = yard.prepare()
    run.confirm, sessions.at_once = refuse, True
    stopped(run)
    told = gates._environment(run.stage, [])["NOX_SHIP_MANIFEST"]
    assert told == Manifest.load(manifest_path(run.bumped.project))[1]
    run.stage.record.built = None
    assert gates._environment(run.stage, [])["NOX_SHIP_MANIFEST"] is None
    assert programs.calls


def test_what_a_gate_could_have_written_saves_no_proof(yard: Yard, programs: Programs) -> None:
    """In a release, the files are tried whatever lies there that says they were."""
    manifest, dist = write_dist(yard.project, "c" * 40, "1.0"), dist_folder(yard.project)
    verify_files(yard.project, manifest, dist, "python3.12", "3.12")
    programs.calls.clear()
    verify_files(yard.project, manifest, dist, "python3.12", "3.12", anew=True)
    assert len(programs.started("venv")) == 2


class FakeSession:
    """A session of nox that keeps what it says."""

    name, python, bin, posargs = "build", "3.12", "/bin", ()

    def __init__(self) -> None:
        self.env: dict[str, str | None] = {}
        self.said: list[str] = []

    def log(self, text: str) -> None:
        """Keep a line."""
        self.said.append(text)

    warn = log


@pytest.mark.parametrize(("told", "fresh"), [(None, True), ("right", False)])
def test_a_release_takes_over_no_files_but_its_own(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, told: str | None, fresh: bool
) -> None:
    """A gate that is faster than the build leaves files and a manifest: what the release did not tell is built anew."""
    monkeypatch.chdir(yard.root)
    monkeypatch.setattr(registration, "_in_release", True)
    manifest = write_dist(yard.project, yard.repository.head, "0.1.0")
    digest = Manifest.load(manifest_path(yard.project))[1]
    if told:
        monkeypatch.setenv("NOX_SHIP_MANIFEST", digest)
    asked: list[bool] = []

    def play(*_: object, fresh: bool, **__: object) -> Outcome:
        asked.append(fresh)
        return Outcome(manifest, digest, reused=not fresh)

    monkeypatch.setattr(building, "build", play)
    session: Any = FakeSession()
    sessions_module.build(session)
    assert asked == [fresh]
    assert f"{TOLD}{digest}" in session.said


@pytest.mark.parametrize("in_release", [True, False])
def test_an_installation_tells_what_it_tested(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, in_release: bool
) -> None:
    """The session says which manifest it read, and in a release takes nobody's word that the files passed."""
    monkeypatch.setenv("NOX_SHIP_SBOM", "3.12" if in_release else "3.11")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.chdir(yard.root)
    monkeypatch.setattr(registration, "_in_release", in_release)
    write_dist(yard.project, yard.repository.head, "0.1.0")
    asked: list[tuple[bool, bool, bool]] = []

    def play(*_: object, anew: bool, describe: bool, sdist: bool) -> Verified:
        asked.append((anew, describe, sdist))
        return Verified("done", described=describe)

    monkeypatch.setattr(installing, "verify_files", play)
    session: Any = FakeSession()
    sessions_module.verify_install(session)
    assert asked == [(in_release, in_release, True)]
    assert (tmp_path / "output").exists() == in_release
    assert f"{TOLD}{Manifest.load(manifest_path(yard.project))[1]}" in session.said


def test_a_line_that_a_test_prints_hides_none_of_a_session() -> None:
    """One that looks as if the session began anew does not take the place of what it wrote."""
    started, said = '["started", "verify-install-3.12", []]', f'["said", "verify-install-3.12", "nox > {TOLD}{{}}\\n"]'
    events = gates._Events(print, print, print)
    for event in (started, said.format("e" * 64), started, said.format("f" * 64)):
        events.feed(f"{EVENT}{event}")
    output = "\n".join(events.output("verify-install-3.12"))
    assert gates.manifests([SessionResult("verify-install-3.12", "passed", output=output)]) == {"e" * 64, "f" * 64}
