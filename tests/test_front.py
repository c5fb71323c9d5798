from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes import FakeGates, FakeIndex, FakeWorld, Yard, make_index, noxfile, run_release
from nox_ship import asking, front, worlds
from nox_ship.cli import release_arguments
from nox_ship.errors import Findings, ShipError, ShownError
from nox_ship.release.results import Planned
from nox_ship.release.stage import Stage, workshop
from nox_ship.terminal import Voice
from nox_ship.world.index import Index
from nox_ship.world.real import RealWorld
from planning import plan
from support import commit_files, git

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("programs", "home")]


def release(yard: Yard, *args: str) -> None:
    """Release the project."""
    run_release(yard.root, ["minor", *args], noxfile(yard.root, "tests"), yard.root)


def told(yard: Yard) -> dict[str, Any]:
    """Return the report of the last run."""
    (path,) = (yard.root.parent / "cache").glob("*/report.json")
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def test_nothing_but_yes_means_yes(
    yard: Yard, sessions: FakeGates, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The push step is shown as pending while the user is asked, and another answer than yes declines it (NS235)."""
    questions: list[str] = []

    def ask(_: Voice, question: str) -> str:
        questions.append(question)
        assert re.search(r"^pending push", shown := capsys.readouterr().out, re.MULTILINE)
        assert "failed" not in shown
        return "n"

    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", ask)
    with pytest.raises(ShownError, match="NS235"):
        release(yard)
    assert {row["name"]: row["status"] for row in told(yard)["rows"]}["push"] == "declined"
    assert "failed" not in capsys.readouterr().out
    assert sessions.ran
    assert yard.world.remote.pushes == []
    (question,) = questions
    assert "Push main and v0.1.0 to origin" in question


@pytest.mark.usefixtures("sessions")
def test_what_goes_out_is_shown_before_the_question(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the question, the commits that the remote lacks and the release notes are shown."""
    yard.write({"CHANGES.md": "## Unreleased\n\n- Faster.\n"})
    commit_files(yard.root, {"a.txt": ""}, "Make it faster")
    shown: list[str] = []

    def ask(*_: object) -> str:
        shown.append(capsys.readouterr().out)
        return "n"

    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", ask)
    with pytest.raises(ShownError, match="NS235"):
        release(yard)
    lines = shown[0].splitlines()
    first = lines.index("commits new to origin:")
    assert [line.split(" ", 3)[3] for line in lines[first + 1 : first + 3]] == ["Release 0.1.0", "Make it faster"]
    assert lines[first + 3 : first + 5] == ["notes of 0.1.0:", "  - Faster."]


@pytest.mark.usefixtures("sessions")
def test_yes_goes_on(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a yes, the release is pushed once."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", lambda *_: "y")
    release(yard)
    assert len(yard.world.remote.pushes) == 1


def test_yes_can_be_said_in_few_ways(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `y` and `yes`, in any case, agree to the push; any other answer stops with NS235."""
    run = yard.prepare()
    run.take(Planned(plan(yard)))
    told: dict[str, bool] = {}
    for answer in ("y", "Y", "yes", " Yes ", "n", "", "no", "yess", "j"):
        monkeypatch.setattr(Voice, "ask", lambda *_, answer=answer: answer)
        findings = Findings()
        findings.catch(lambda: asking.before_push(run))
        told[answer] = not findings
        assert [finding.id for finding in findings] in ([], ["NS235"])
    assert [answer for answer, agreed in told.items() if agreed] == ["y", "Y", "yes", " Yes "]


@pytest.mark.usefixtures("sessions")
def test_whoever_said_yes_before_is_not_asked(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--yes`, the user is not asked, even at a terminal."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", lambda *_: pytest.fail("nobody is to be asked"))
    release(yard, "--yes")
    assert len(yard.world.remote.pushes) == 1


def test_what_a_release_starts_ends_with_it(
    yard: Yard, sessions: FakeGates, guards: list[Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guard process, which ends what a release started, runs only during the release and gets no credentials."""
    monkeypatch.setenv("TWINE_PASSWORD", "x")
    monkeypatch.setenv("PLAIN", "y")
    seen: list[Mapping[str, str]] = []
    sessions.afterwards = lambda _: seen.extend(guards)
    release(yard, "--yes")
    assert [(env["PLAIN"], "TWINE_PASSWORD" in env) for env in seen] == [("y", False)]
    assert guards == []


@pytest.mark.usefixtures("sessions")
def test_a_rehearsal_reaches_the_stand_ins_alone(yard: Yard, rehearsed: FakeWorld) -> None:
    """A rehearsal asks no question and uploads only to the stand-ins."""
    release(yard, "--dry-run")
    assert len(rehearsed.indexes["pypi"].uploads) == 2
    assert yard.world.indexes["pypi"].uploads == []


@pytest.mark.usefixtures("sessions")
def test_what_comes_next_is_rehearsed_on_a_release(yard: Yard, rehearsed: FakeWorld) -> None:
    """On a released commit, `--dry-run --early` rehearses the next version."""
    yard.tag("v0.1.0")
    rehearsed.remote.has["refs/tags/v0.1.0"] = yard.repository.head
    release(yard, "--dry-run", "--early")
    assert (told(yard)["tag"], told(yard)["passed"]) == ("v0.2.0", True)
    assert "refs/tags/v0.2.0" in rehearsed.remote.has


def test_a_command_is_repeated_as_it_was_meant() -> None:
    """The suggested command keeps the options of the release, but not those of the rehearsal."""
    options = release_arguments(["minor", "--without", "lint", "--without-check", "Test Suite", "--wait", "--dry-run"])
    assert front._command(options) == "nox -s release -- minor --without lint --without-check 'Test Suite' --wait"


@pytest.mark.usefixtures("sessions")
def test_a_rehearsal_says_how_to_do_it(yard: Yard, rehearsed: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    """A rehearsal ends with the command for the real release, or says that nothing is missing."""
    release(yard, "--dry-run", "--without", "tests")
    said = capsys.readouterr().out
    assert "Rehearsal of the release" in said
    assert "nox -s release -- minor --without tests" in said
    run_release(yard.root, ["--dry-run"], noxfile(yard.root, "tests"), yard.root)
    assert "v0.1.0 is already released, and nothing is missing" in capsys.readouterr().out
    del rehearsed.remote.has["refs/tags/v0.1.0"]
    run_release(yard.root, ["--dry-run"], noxfile(yard.root, "tests"), yard.root)
    assert "nox -s release -- \n" in capsys.readouterr().out


def test_a_release_is_cut_without_a_gate_or_a_push(
    yard: Yard,
    sessions: FakeGates,
    rehearsed: FakeWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--bundle` writes commit and tag to a file for another job, without question, gates, push or upload."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: False)
    release(yard, "--bundle", "cut.bundle")
    said = capsys.readouterr().out
    assert "v0.1.0 is cut, but not pushed" in said
    assert "released" not in said
    held = git(yard.root, "bundle", "list-heads", "cut.bundle")
    assert "refs/cut/tags/v0.1.0" in held
    assert yard.world.remote.pushes == rehearsed.remote.pushes == []
    assert sessions.ran == []
    assert yard.world.indexes["pypi"].uploads == []


def test_a_commit_that_is_released_is_not_cut_again(tmp_path: Path) -> None:
    """`--bundle` on a released commit stops with NS222, as there is nothing to hand over."""
    run: Any = SimpleNamespace(plan=SimpleNamespace(bump=False, version="1.2.3"))
    with pytest.raises(ShipError, match=r"NS222.*release 1\.2\.3"):
        front._hand_on(run, tmp_path / "cut.bundle")


def test_an_interrupted_release_ends_as_it_was_interrupted(
    yard: Yard, sessions: FakeGates, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interrupted release says that nothing was changed, and raises the interruption again."""

    def interrupt(_: Stage) -> None:
        raise KeyboardInterrupt

    sessions.afterwards = interrupt
    with pytest.raises(KeyboardInterrupt):
        release(yard, "--yes")
    assert "Nothing was changed" in capsys.readouterr().out
    assert yard.world.remote.pushes == []


@pytest.mark.usefixtures("sessions")
def test_an_interruption_after_the_push_tells_what_is_public(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A release that is interrupted during its upload names the branch, the tag and the files that are public."""

    def upload(index: FakeIndex, file: Path, sha256: str) -> None:
        if index.name == "PyPI" and index.uploads:
            raise KeyboardInterrupt
        real(index, file, sha256)

    real = FakeIndex.upload
    monkeypatch.setattr(FakeIndex, "upload", upload)
    with pytest.raises(KeyboardInterrupt):
        release(yard, "--yes")
    last = capsys.readouterr().out.splitlines()[-1]
    assert "Already public: main on origin, v0.1.0 on origin, sample-0.1.0-py3-none-any.whl on PyPI. " in last
    assert "tar.gz" not in last
    assert {row["name"]: row["status"] for row in told(yard)["rows"]}["publish"] == "interrupted"


@pytest.mark.usefixtures("sessions", "rehearsed")
def test_a_rehearsal_from_another_branch_says_what_comes_before_the_release(
    yard: Yard, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rehearsal on another branch says that it must be merged first; a release from there is refused (NS205)."""
    git(yard.root, "switch", "--quiet", "--create", "side")
    release(yard, "--dry-run")
    said = capsys.readouterr().out
    assert "NS205" in said
    assert "side and v0.1.0 to the stand-in for origin" in said
    assert "To release: merge side into main, then nox -s release -- minor" in said
    with pytest.raises(ShownError, match="NS205"):
        release(yard, "--yes")
    with pytest.raises(ShownError, match="NS205"):
        release(yard, "--bundle", "cut.bundle")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.usefixtures("sessions")
def test_a_person_is_asked_for_credentials_only_where_somebody_is(
    yard: Yard, home: list[object], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """The user is asked for credentials only at a terminal."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: there)
    release(yard, "--yes")
    assert [ask is not None for ask in home] == [there]


@pytest.mark.usefixtures("sessions")
def test_a_release_that_nobody_can_be_asked_about_needs_consent(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal, a release stops with NS237 before anything is done, unless `--yes` is given."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: False)
    with pytest.raises(ShownError, match="NS237"):
        release(yard)
    assert yard.world.rehearsal_index.uploads == []
    release(yard, "--yes")
    assert len(yard.world.remote.pushes) == 1


@pytest.mark.parametrize(
    ("stdin", "stdout", "job", "expected"),
    [(True, True, "", True), (False, True, "", False), (True, False, "", False), (True, True, "1", False)],
)
def test_questions_are_asked_only_if_a_person_reads_and_writes(
    monkeypatch: pytest.MonkeyPatch, stdin: bool, stdout: bool, job: str, expected: bool
) -> None:
    """Questions are asked only if both input and output are terminals and this is not CI."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: stdin))
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: stdout))
    monkeypatch.setenv("CI", job)
    assert asking.on_a_terminal() is expected


@pytest.mark.usefixtures("sessions")
def test_a_release_that_stops_says_so_and_leaves_its_report(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A release that stops still writes the report that `--report` asks for."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: False)
    yard.world.rehearsal_index = make_index(other_bytes=True)
    with pytest.raises(ShownError, match="NS711"):
        release(yard, "--yes", "--report", "report.json")
    assert "Nothing was changed" in capsys.readouterr().out
    told = json.loads((yard.root / "report.json").read_text("utf-8"))
    assert (told["passed"], told["findings"][0]["id"]) == (False, "NS711")


@pytest.mark.parametrize(("args", "keeps"), [([], True), (["--fresh"], False)])
def test_a_rehearsal_looks_for_the_name_once(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, args: list[str], keeps: bool
) -> None:
    """A rehearsal reuses what an earlier one found out about the project's name, but not with `--fresh`."""
    looked: list[Index] = []

    @contextmanager
    def opened(*_: Any, **told: Any) -> Iterator[FakeWorld]:
        looked.append(told["look"]("pypi", "sample"))
        yield yard.world

    monkeypatch.setattr(worlds, "RealWorld", RealWorld)
    monkeypatch.setattr(worlds, "StandIns", opened)
    with (
        workshop(yard.root) as shop,
        worlds.opened(release_arguments(["patch", "--dry-run", *args]), yard.root, shop, Voice(), {}),
    ):
        assert [index.free for index in looked] == [shop.free_name if keeps else None]
        assert RealWorld(yard.root, shop.folder, yard.project.settings).index("pypi", "sample").free is None
