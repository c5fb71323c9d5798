from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.git import Repository
from nox_ship.release.gates import SessionResult, _finding, _findings, _missing, _remember, _result
from nox_ship.release.record import Record
from nox_ship.release.stage import Stage, Workshop
from support import each


def make_stage(folder: Path, *, passed: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> Stage:
    """Return a stage in which these sessions passed or failed before."""
    record = Record("h", "1.0", "v1.0", "me", 0.0, passed=dict.fromkeys(passed, 1.0), failed=list(failed))
    return Stage(Workshop(folder), Repository(folder), folder, record)


@each(
    ("entry", "expected"),
    [
        (
            {"result": "success", "reason": None, "duration": 2},
            SessionResult("a", "passed", 2.0, "", "out"),
        ),
        (
            {"result": "failed", "reason": "x\n y", "duration": 0.5},
            SessionResult("a", "failed", 0.5, "x y", "out"),
        ),
        ({"result": "skipped"}, SessionResult("a", "skipped", 0.0, "", "out")),
        ({"result": "aborted", "reason": "no"}, SessionResult("a", "failed", 0.0, "no", "out")),
        (
            {"result": "aborted", "reason": "Prerequisite session b was not successful"},
            SessionResult("a", "not reached", 0.0, "Prerequisite session b was not successful", "out"),
        ),
        ({"result": "new status", "duration": "x"}, SessionResult("a", "failed", 0.0, "", "out")),
    ],
)
def test_what_nox_says_of_a_result_is_one_of_ours(entry: dict[str, object], expected: SessionResult) -> None:
    """A result that nox reports counts as failed unless it is success, skipped, or an unmet prerequisite."""
    result = _result("a", entry, ["out"])
    assert result == expected
    assert result.output == expected.output


def test_what_is_still_missing(tmp_path: Path) -> None:
    """A session that never ran is missing; of one that ran, only the failed runs are missing."""
    stage = make_stage(tmp_path, passed=("lint", "tests-3.11", "par(x=1)"), failed=("tests-3.12", "par(x=2)"))
    assert _missing(stage, "audit") == ["audit"]
    assert _missing(stage, "lint") == []
    assert _missing(stage, "tests") == ["tests-3.12"]
    assert _missing(stage, "par") == ["par(x=2)"]


@pytest.mark.parametrize("other", ["tests-integration", "tests-slow-3.12", "tests-docs(x=1)"])
def test_a_session_whose_name_begins_alike_is_another(tmp_path: Path, other: str) -> None:
    """A session such as `tests-integration`, whose name only begins like `tests`, does not count as `tests`."""
    assert _missing(make_stage(tmp_path, passed=(other,)), "tests") == ["tests"]
    assert _missing(make_stage(tmp_path, passed=("tests-3.12",), failed=(other,)), "tests") == []


@each("signature", ["tests", "tests-3.12", "tests-3.14t", "tests-pypy3.11", "tests-3.12(x=1)"])
def test_a_session_is_known_by_its_pythons_and_parameters(tmp_path: Path, signature: str) -> None:
    """A run on any Python and with any parameter counts as a run of its session."""
    assert _missing(make_stage(tmp_path, passed=(signature,)), "tests") == []


def test_a_session_that_passes_later_is_no_longer_failed(tmp_path: Path) -> None:
    """A session that passes after a failure is recorded as passed only; a skipped one is not recorded as passed."""
    stage = make_stage(tmp_path, failed=("a", "b"))
    _remember(stage, SessionResult("a", "passed", 2.0))
    _remember(stage, SessionResult("b", "failed"))
    _remember(stage, SessionResult("c", "skipped"))
    assert stage.record.passed == {"a": 2.0}
    assert stage.record.failed == ["b", "c"]


def test_a_failed_gate_tells_how_to_see_it_alone() -> None:
    """The finding names the session, the reason, and the command to run it alone, and includes the output."""
    finding = _finding(SessionResult("tests-3.12", "failed", reason="It broke.", output="a\nb"))
    assert finding.id == "NS431"
    assert finding.what == "tests-3.12 did not pass: It broke."
    assert finding.remedy == "To run it alone: `nox -s tests-3.12`."
    assert finding.detail == "a\nb"
    assert _finding(SessionResult("a", "failed")).what == "a did not pass."
    assert _finding(SessionResult("a(x='1')", "failed")).remedy == """To run it alone: `nox -s 'a(x='"'"'1'"'"')'`."""


def test_what_several_sessions_say_word_for_word_is_said_once() -> None:
    """Sessions that fail with the same message share one finding; those with no message, or another one, do not."""
    paragraph = "NS614 entry-point-broken: It is. Correct it."
    failed = [
        *(SessionResult(f"verify-install-{python}", "failed", reason=paragraph) for python in ("3.11", "3.12")),
        *(SessionResult(name, "failed", reason="") for name in ("a", "b")),
        SessionResult("c", "failed", reason="1 failed"),
    ]
    said = [finding.what for finding in _findings(failed)]
    assert said == [
        f"verify-install-3.11, verify-install-3.12 did not pass: {paragraph}",
        "a did not pass.",
        "b did not pass.",
        "c did not pass: 1 failed.",
    ]
