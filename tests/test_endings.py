"""What a release prints last, and its report, whatever ends it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from nox_ship import closing, publishing, showing
from nox_ship.errors import Kind, ShipError, ShownError
from nox_ship.gates.noxfile import Sessions
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.coming import Coming
from nox_ship.release.pipeline import run_pipeline
from nox_ship.release.planning import Request
from nox_ship.release.preflight import _not_agreed
from nox_ship.release.results import Result
from nox_ship.release.run import Run, State, Step
from nox_ship.release.source import VersionSource
from nox_ship.release.stage import Workshop
from nox_ship.report import Report
from nox_ship.terminal import Voice
from nox_ship.world.remote import is_pushed
from nox_ship.world.world import World
from support import each, make_project

SOME = Kind("NS000", "test-problem", "Do something.")
PUBLIC = ("no", "yes", "unknown")


def stopped_by(folder: Path, error: BaseException, pushed: str = "no") -> Run:
    """Run a pipeline of three steps, the second of which raises ``error``."""

    def fail(run: Run, _: State) -> Result:
        run.report.pushed = pushed  # type: ignore[assignment] # one of three
        raise error

    def pass_by(*_: object) -> Result:
        return Result()

    def step(name: str, do: Callable[[Run, State], Result]) -> Step:
        return Step(name, "", lambda _: State.missing("nothing is there"), do)

    steps = (step("one", pass_by), step("two", fail), step("three", pass_by))
    voice = Voice(console=Console(file=io.StringIO()))
    run = Run(folder, Request("patch"), Sessions(), cast("World", None), Workshop(folder), voice, Report("Release"))
    with showing.stop_shown(voice, run.report, run.workshop):
        run_pipeline(run, steps)
    return run


@pytest.mark.parametrize("pushed", PUBLIC)
@pytest.mark.parametrize(
    ("error", "becomes", "found"),
    [
        (ShipError(SOME("x.")), ShownError, "NS000"),
        (OSError(28, "No space left on device", "f"), ShownError, "NS802"),
        (PermissionError(13, "Permission denied", "f"), ShownError, "NS903"),
        (KeyboardInterrupt(), KeyboardInterrupt, "NS239"),
        (MemoryError(), MemoryError, None),
    ],
)
def test_whatever_stops_a_release_is_reported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pushed: str,
    error: BaseException,
    becomes: type[BaseException],
    found: str | None,
) -> None:
    """The report has each step and the finding; the last line says that nothing was changed only before a push."""
    words = io.StringIO()
    monkeypatch.setattr(Voice, "last_line", lambda _, text: words.write(text))
    with pytest.raises(becomes):
        stopped_by(tmp_path, error, pushed)
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert [(row["name"], row["status"]) for row in report["rows"]] == [
        ("one", "done"),
        ("two", "interrupted" if found == "NS239" else "failed"),
        ("three", "not reached"),
    ]
    assert (report["passed"], report["pushed"]) == (False, pushed)
    assert [finding["id"] for finding in report["findings"]] == ([found] if found else [])
    assert ("Nothing was changed" in words.getvalue()) == (pushed == "no")
    assert ("the same command again" in words.getvalue().lower()) == (pushed != "no")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"arrived": ["main on origin", "v1 on origin"]}, "Already public: main on origin, v1 on origin. Run the same"),
        ({"arrived": ["a", "b", "c", "d", "e"]}, "Already public: a, b, c, d, e. "),
        (
            {"arrived": ["v1 on origin"], "workflow": "release.yml"},
            "v1 on origin; release.yml publishes it. Run the same",
        ),
    ],
)
def test_a_release_that_stops_after_its_push_says_what_is_public(facts: dict[str, Any], expected: str) -> None:
    """A release that stops after its push names all that is public, and says that a rerun does not bump again."""
    line = closing.stopped(Report("Release", pushed="yes", **facts))
    assert expected in line
    assert line.endswith("Run the same command again to finish the release; it does not bump again.")


@each(
    ("facts", "expected"),
    [
        ({"pushed": "no"}, "To try again: nox -s release -- minor"),
        ({"pushed": "no", "rehearsal": True}, "To rehearse again: nox -s release -- minor --dry-run"),
        ({"pushed": "yes"}, "(nox -s release -- minor) to finish the release"),
        ({"pushed": "unknown"}, "(nox -s release -- minor): it checks"),
        ({"pushed": "yes", "run": "https://x.invalid/1"}, "(nox -s release -- minor) to keep following it."),
    ],
)
def test_a_release_that_stops_names_the_command_to_type(facts: dict[str, Any], expected: str) -> None:
    """The last line of a stopped release contains the command to run next."""
    assert expected in closing.ended(Report("Release", command="nox -s release -- minor", **facts))


def test_a_push_of_unknown_outcome_is_told_by_branch_and_tag() -> None:
    """If a push was interrupted, the last line says that the branch and the tag may be public."""
    line = closing.stopped(Report("Release", pushed="unknown", branch="main", tag="v1"))
    assert line.startswith("main and v1 may be public: the push was interrupted.")


def test_a_report_that_cannot_be_written_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the report cannot be written, the error that stopped the release is still raised."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Report, "write", full)
    with pytest.raises(ShownError, match="NS000"):
        stopped_by(tmp_path, ShipError(SOME("x.")))


def coming(*, bump: bool) -> Coming:
    source = VersionSource("tags")
    return Coming(source=source, current="1.0", version="1.0", tag="v1.0", bump=bump)


@each(
    ("agreed", "bump", "refs", "found"),
    [
        (True, True, {}, []),
        (False, True, {}, ["NS237"]),
        (False, True, {"refs/heads/main": "x", "refs/tags/v1.0": "c"}, ["NS237"]),
        (False, False, {}, ["NS237"]),
        (False, False, {"refs/heads/main": "c", "refs/tags/v1.0": "d"}, ["NS237"]),
        (False, False, {"refs/tags/v1.0": "c"}, ["NS237"]),
        (False, False, {"refs/heads/main": "x", "refs/tags/v1.0": "c"}, []),
    ],
)
def test_what_is_to_be_pushed_needs_to_be_agreed_to(
    agreed: bool, bump: bool, refs: dict[str, str], found: list[str]
) -> None:
    """NS237 asks for consent before a push, unless the remote already has the release."""
    findings = list(_not_agreed(Request("patch", agreed=agreed), coming(bump=bump), "main", refs, "c"))
    assert [finding.id for finding in findings] == found
    assert all("--yes" in finding.remedy and "--dry-run" in finding.remedy for finding in findings)


def test_a_remote_without_the_commit_has_no_release() -> None:
    """A release without a commit does not count as pushed if the remote lacks its tag too."""
    assert not is_pushed({"refs/heads/main": "c"}, "main", "v1.0", None)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project with a manifest and its own cache."""
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    project = make_project(tmp_path / "project", '[project]\nname = "sample"\nversion = "1.2.3"\n')
    manifest = Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=())
    monkeypatch.setattr(Manifest, "read", lambda _: manifest)
    manifest.write(manifest_path(project))
    return project


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "becomes", "found"),
    [
        (ShipError(SOME("x."), SOME("y.")), ShipError, ["NS000", "NS000"]),
        (OSError(13, "Permission denied"), OSError, ["NS903"]),
        (KeyboardInterrupt(), KeyboardInterrupt, ["NS239"]),
    ],
)
def test_a_publish_that_failed_is_reported(
    tmp_path: Path,
    built: Project,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    becomes: type[BaseException],
    found: list[str],
) -> None:
    """The report of a failed publish says that it failed, and why."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(publishing, "admit", fail)
    with pytest.raises(becomes):
        publishing.publish(built, [], "publish-prod", "pypi")
    (path,) = (tmp_path / "cache").glob("*/report.json")
    report = json.loads(path.read_text("utf-8"))
    assert (report["passed"], report["project"], report["version"]) == (False, "sample", "1.2.3")
    assert [finding["id"] for finding in report["findings"]] == found
    ended = "interrupted" if found == ["NS239"] else "failed"
    assert [(row["name"], row["status"]) for row in report["rows"]] == [("publish-prod", ended)]


def test_publishing_ends_with_what_is_there_or_missing() -> None:
    """The last line of `publish` says what is on the index; a rehearsal names the command to publish."""
    facts: dict[str, Any] = {
        "project": "sample",
        "version": "1.2.3",
        "index": "PyPI",
        "scope": "publish",
        "command": "nox -s publish-prod",
    }
    assert closing.ended(Report("x", passed=True, **facts)) == "sample 1.2.3 is on PyPI."
    rehearsal = Report("x", passed=True, rehearsal=True, uploads=["a → PyPI"], **facts)
    assert closing.ended(rehearsal).endswith("To publish it: nox -s publish-prod")
    rehearsal.uploads.clear()
    assert "1.2.3 is on PyPI, and nothing is missing" in closing.ended(rehearsal)


def test_publishing_that_stops_says_what_is_public() -> None:
    """A stopped `publish` says which files are public; a rehearsal says that nothing left the machine."""
    stopped = Report("x", scope="publish")
    assert "no file is known to have been uploaded" in closing.ended(stopped)
    stopped.arrived = ["a.whl on PyPI"]
    assert closing.ended(stopped).startswith("Already public: a.whl on PyPI. Run the same command again")
    assert "Nothing left this machine" in closing.ended(Report("x", scope="publish", rehearsal=True))
