from __future__ import annotations

import json
from pathlib import Path

from nox_ship.release import history
from nox_ship.release.history import Counted, Going, Past, Spent
from nox_ship.report import Report
from reports import failed, interrupted, rehearsal, run
from support import each


def test_a_little_of_a_run_is_remembered() -> None:
    """The record of a run has its verdict, its findings, and the times of what was done in this run."""
    past = Past.of(rehearsal())
    assert (past.version, past.rehearsal, past.verdict, past.seconds) == ("1.1.0", True, "passed", 8.0)
    assert past.findings == ()
    assert Spent("tests-3.12", 5.4, "gates") in past.spent
    assert {"audit", "typecheck"} & {one.name for one in past.spent} == set()
    stopped = Past.of(failed())
    assert (stopped.verdict, stopped.findings) == ("failed", ("NS431 gate-failed",))
    assert [one.name for one in stopped.spent] == ["preflight"]


def test_the_last_runs_are_remembered(tmp_path: Path) -> None:
    """The last hundred runs are kept in their order, in less than 100 kB."""
    path = tmp_path / "history.json"
    report = rehearsal()
    history.remember(path, report)
    (told,) = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([{**told, "version": f"1.{number}"} for number in range(history.MOST)]), "utf-8")
    for version in ("2.0", "2.1"):
        report.version = version
        history.remember(path, report)
    runs = history.recall(path)
    assert [runs[0].version, runs[-2].version, runs[-1].version, len(runs)] == ["1.2", "2.0", "2.1", 100]
    assert path.stat().st_size < 100_000


@each("text", ["", "{", "{}", "[1]", '[{"begun": 1}]', "[" * 10_000, "\xff", None])
def test_what_cannot_be_read_is_forgotten(tmp_path: Path, text: str | None) -> None:
    """A missing or malformed history counts as empty, and the next run starts a new one."""
    path = tmp_path / "history.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    assert history.recall(path) == []
    history.remember(path, rehearsal())
    assert len(history.recall(path)) == 1


def test_a_later_version_may_remember_more(tmp_path: Path) -> None:
    """Unknown keys, as a later version may write them, are ignored."""
    path = tmp_path / "history.json"
    history.remember(path, rehearsal())
    (run,) = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([{**run, "more": 1}]), "utf-8")
    assert history.recall(path) == [Past.of(rehearsal())]


def test_the_share_of_releases_that_passed_at_the_first_try() -> None:
    """Each version counts once, by its first run, and rehearsals do not count."""
    runs = [run("1.0", "failed", rehearsal=True), run("1.0"), run("1.1", "failed"), run("1.1"), run("1.2"), run("")]
    going = Going.of(runs)
    assert (going.releases, going.first_try) == (3, 2)
    assert [one.version for one in going.runs][:2] == ["", "1.2"]


def test_what_steps_and_sessions_usually_take() -> None:
    """The median time is given for each step, and for the five slowest sessions."""
    runs = [run("1", bump=1, gates=5, s1=4), run("2", bump=3, s1=5, s2=9), run("3", bump=2, s3=0, s4=0, s5=0, s6=0)]
    going = Going.of(runs)
    assert [(one.name, one.seconds, one.longest, one.runs) for one in going.steps] == [
        ("bump", 2, 3, 3),
        ("gates", 5, 5, 1),
    ]
    assert [(one.name, one.seconds) for one in going.sessions][:2] == [("s2", 9), ("s1", 4.5)]
    assert len(going.sessions) == 5


def test_what_stops_runs_most_often() -> None:
    """The findings that stop runs are counted once for each run, also in rehearsals."""
    runs = [run("1", "failed", rehearsal=True), run("1"), run("2", "failed"), Past.of(interrupted())]
    assert Going.of(runs).findings == (Counted("NS431 gate-failed", 2),)


def test_a_run_that_knew_no_version_is_remembered(tmp_path: Path) -> None:
    """A run that stopped before it knew the version is recorded too."""
    history.remember(tmp_path / "history.json", Report("Release"))
    (past,) = history.recall(tmp_path / "history.json")
    assert (past.version, past.verdict) == ("", "failed")
