"""Gates that change the files of a release unnoticed: the built files must be those that are tested and published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
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
    """Change the wheel and enter it in the manifest, which is otherwise the same as before."""
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
    """Return the IDs of the findings that stop a release, which must not have pushed or uploaded anything."""
    with pytest.raises(ShipError) as caught:
        run_pipeline(run)
    assert run.world.remote.pushes == []  # type: ignore[attr-defined]
    assert run.world.indexes["pypi"].uploads == []  # type: ignore[attr-defined]
    return {finding.id for finding in caught.value.findings}


def after_the_trial(run: Run, evil: Evil) -> Callable[[Stage], None]:
    """Return a gate that waits until the trial upload has ended, and then does evil."""

    def gate(stage: Stage) -> None:
        assert run.trial is not None
        assert "installed from there" in str(run.trial.result())
        evil(stage)

    return gate


@pytest.mark.slow
@pytest.mark.parametrize("evil", EVIL)
def test_files_that_a_gate_changes_after_the_trial_are_not_pushed(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """Files that a gate changes after the trial upload stop the release (NS603 or NS601), and no proof is kept."""
    run = yard.prepare()
    run.confirm = lambda _: pytest.fail("The user was asked to confirm.")
    sessions.at_once, sessions.afterwards = True, after_the_trial(run, evil)
    assert stopped(run) == {"NS601" if evil is lose_the_manifest else "NS603"}
    assert (run.stage.record.passed, run.stage.record.built, run.stage.record.tried) == ({}, None, None)
    assert "Find the gate" in yard.told()["findings"][0]["remedy"]


@pytest.mark.slow
@WORST
def test_files_that_change_before_the_trial_ends_are_not_pushed(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """Files that a gate changes while the trial upload still runs stop the release before the push."""
    run = yard.prepare()
    sessions.at_once, sessions.afterwards = True, evil
    assert stopped(run) == {"NS603"}


def refuse(_: Run) -> None:
    raise ShipError(PROBLEM("No."))


@pytest.mark.slow
@WORST
def test_files_that_change_between_two_runs_are_not_published(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """Files that change between two runs stop the second run before any session, even if the manifest fits them."""
    run = yard.prepare()
    run.confirm, sessions.at_once = refuse, True
    assert stopped(run) == {"NS000"}
    evil(run.stage)
    ran = list(sessions.ran)
    assert stopped(yard.prepare()) == {"NS603"}
    assert sessions.ran == ran
    yard.release()
    assert yard.told()["passed"] is True


@pytest.mark.slow
@WORST
def test_files_that_change_while_a_person_is_asked_are_not_pushed(yard: Yard, sessions: FakeGates, evil: Evil) -> None:
    """Files that change while the user is asked to confirm, such as by a test's leftover process, are not pushed."""
    run = yard.prepare()
    run.confirm, sessions.at_once = lambda asking: evil(asking.stage), True
    assert stopped(run) == {"NS603"}
    assert yard.told()["pushes"] == []


@pytest.mark.slow
def test_the_build_is_held_once(yard: Yard, sessions: FakeGates) -> None:
    """A gate that imitates the end of the build session cannot make nox-ship accept the gate's own files."""
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


@pytest.mark.slow
def test_the_build_is_held_before_its_upload_is_tried(
    yard: Yard, sessions: FakeGates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built files are recorded as soon as the build session ends, before the trial upload begins."""
    held: list[str | None] = []
    monkeypatch.setattr(proving, "_try_upload", lambda _: refuse(yard.prepare()))
    sessions.at_once, sessions.afterwards = True, lambda stage: held.append(stage.record.built)
    assert stopped(yard.prepare()) == {"NS000"}
    assert None not in held


@pytest.mark.slow
@pytest.mark.parametrize("name", ["build", "verify-install-3.12"])
@pytest.mark.parametrize("fails", [False, True])
def test_files_that_were_tested_in_place_of_others_are_found_out(
    yard: Yard, sessions: FakeGates, monkeypatch: pytest.MonkeyPatch, name: str, fails: bool
) -> None:
    """If a session reports that it read another manifest than the build's, its proof is dropped and NS603 is raised."""
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
    """A line about a manifest in the output of a test session is ignored, as tests can print anything."""
    run_sessions = gates.run_sessions

    def play(stage: Stage, names: list[str], **told: Any) -> tuple[SessionResult, ...]:
        line = f"nox > {TOLD}{'e' * 64}"
        return (*run_sessions(stage, names, **told), SessionResult("tests-3.12", "passed", output=line))

    sessions.at_once = True
    monkeypatch.setattr(gates, "run_sessions", play)
    yard.release()
    assert yard.told()["passed"] is True


@pytest.mark.slow
def test_a_session_that_is_run_again_is_told_what_was_built(
    yard: Yard, sessions: FakeGates, programs: Programs
) -> None:
    """A session that runs again is given the digest of the built manifest; before the build, it is given none."""
    run = yard.prepare()
    run.confirm, sessions.at_once = refuse, True
    stopped(run)
    told = gates._environment(run.stage, [])["NOX_SHIP_MANIFEST"]
    assert told == Manifest.load(manifest_path(run.bumped.project))[1]
    run.stage.record.built = None
    assert gates._environment(run.stage, [])["NOX_SHIP_MANIFEST"] is None
    assert programs.calls


def test_what_a_gate_could_have_written_saves_no_proof(yard: Yard, programs: Programs) -> None:
    """In a release, the files are installed and tested again, whatever earlier results lie in the folder."""
    manifest, dist = write_dist(yard.project, "c" * 40, "1.0"), dist_folder(yard.project)
    verify_files(yard.project, manifest, dist, "python3.12", "3.12")
    programs.calls.clear()
    verify_files(yard.project, manifest, dist, "python3.12", "3.12", anew=True)
    assert len(programs.started("venv")) == 2


class FakeSession:
    """A session of nox that records what it logs."""

    name, python, bin, posargs = "build", "3.12", "/bin", ()
    cache_dir = Path("/none/.cache")

    def __init__(self) -> None:
        self.env: dict[str, str | None] = {}
        self.said: list[str] = []

    def log(self, text: str) -> None:
        """Record a line."""
        self.said.append(text)

    warn = log


@pytest.mark.parametrize(("told", "fresh"), [(None, True), ("right", False)])
def test_a_release_takes_over_no_files_but_its_own(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, told: str | None, fresh: bool
) -> None:
    """In a release, the build session reuses existing files only if the release told it their manifest's digest."""
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
    """The session reports which manifest it read, and in a release it tests the files again despite earlier results."""
    monkeypatch.setenv("NOX_SHIP_SBOM", "3.12" if in_release else "3.11")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.chdir(yard.root)
    monkeypatch.setattr(registration, "_in_release", in_release)
    write_dist(yard.project, yard.repository.head, "0.1.0")
    asked: list[tuple[bool, bool, bool, Path | None]] = []

    def play(*_: object, anew: bool, describe: bool, sdist: bool, place: Path | None) -> Verified:
        asked.append((anew, describe, sdist, place))
        return Verified("done", described=describe)

    monkeypatch.setattr(installing, "verify_files", play)
    session: Any = FakeSession()
    session.virtualenv = SimpleNamespace(location="/envs/verify-install")
    sessions_module.verify_install(session)
    assert asked == [(in_release, in_release, True, Path("/envs/verify-install") if in_release else None)]
    assert (tmp_path / "output").exists() == in_release
    assert f"{TOLD}{Manifest.load(manifest_path(yard.project))[1]}" in session.said


def test_a_line_that_a_test_prints_hides_none_of_a_session() -> None:
    """If a test prints a line as if its session began anew, the manifest reported before still counts."""
    started, said = '["started", "verify-install-3.12", []]', f'["said", "verify-install-3.12", "nox > {TOLD}{{}}\\n"]'
    events = gates._Events(print, print, print)
    for event in (started, said.format("e" * 64), started, said.format("f" * 64)):
        events.feed(f"{EVENT}{event}")
    output = "\n".join(events.output("verify-install-3.12"))
    assert gates.manifests([SessionResult("verify-install-3.12", "passed", output=output)]) == {"e" * 64, "f" * 64}
