from __future__ import annotations

import itertools

import pytest

from nox_ship.report import Report, Row
from nox_ship.timeline import bars, critical_path


def step(name: str, begun: float | None, seconds: float) -> Row:
    """Return a step."""
    return Row(name, "done", seconds, begun=begun)


def session(name: str, begun: float | None, seconds: float, *needs: str) -> Row:
    """Return a session of the gates."""
    return Row(name, "passed", seconds, within="gates", begun=begun, needs=list(needs))


def path(*rows: Row) -> list[str]:
    """Return the names on the critical path."""
    return [row.name for row in critical_path(rows)]


def test_steps_follow_each_other() -> None:
    """Every step that ran is on the critical path."""
    assert path(step("stage", 0, 1), step("bump", 1, 2), step("push", None, 0)) == ["stage", "bump"]
    assert path() == []


def test_a_chain_of_sessions_stands_for_their_step() -> None:
    """Within a step, the path ends with the session that ended last and goes back through its requirements."""
    rows = [
        step("bump", 0, 1),
        step("gates", 1, 6.2),
        session("build", 1.1, 3),
        session("verify-install-3.12", 4.12, 2, "build"),
        session("tests-3.11", 1.1, 5),
        session("tests-3.12", 1.1, 4),
        session("coverage", 6.15, 1, "tests-3.11", "tests-3.12"),
        step("push", 7.2, 0.1),
    ]
    assert path(*rows) == ["bump", "tests-3.11", "coverage", "push"]


@pytest.mark.parametrize("needs", [(), ("build",)])
def test_a_session_without_room_waits_for_one_that_ends(needs: tuple[str, ...]) -> None:
    """A session that had to wait for a free place follows the session whose end made that place free."""
    rows = [
        step("gates", 0, 9),
        session("build", 0, 1),
        session("lint", 0, 2),
        session("tests", 0.1, 4.9),
        session("alone", 5.05, 3.9, *needs),
    ]
    assert path(*rows) == ["tests", "alone"]


def test_a_session_that_began_late_for_no_reason_that_is_known_begins_the_chain() -> None:
    """A session that began late follows only what it requires, and not one that merely ended long before."""
    assert path(step("gates", 0, 9), session("lint", 0, 1), session("tests", 5, 4)) == ["tests"]
    assert path(step("gates", 0, 9), session("lint", 0, 1), session("tests", 5, 4, "lint")) == ["lint", "tests"]


def test_sessions_of_an_earlier_run_took_no_time_now() -> None:
    """If all sessions passed in an earlier run, the step itself is on the path."""
    assert path(step("gates", 0, 0.1), session("tests", None, 40.0), session("lint", None, 2.0)) == ["gates"]


def test_any_rows_have_a_path_that_ends() -> None:
    """Finding the path ends even if sessions require each other or their times contradict each other."""
    for times in itertools.product((0.0, 1.0, 5.0), repeat=3):
        rows = [session("a", times[0], times[1], "b"), session("b", times[2], times[0], "a", "b")]
        names = path(step("gates", 0, times[2]), *rows)
        assert 1 <= len(names) == len(set(names)) <= 2


def test_bars_are_in_the_order_of_the_steps() -> None:
    """Bars are in the order of the steps, and sessions follow their step in the order in which they began."""
    rows = [step("bump", 0, 1), step("gates", 1, 4), step("push", 5, 1)]
    rows += [session("late", 3, 2), session("early", 1.1, 1), session("reused", None, 3)]
    drawn = bars(Report("x", rows=rows))
    assert [(bar.row.name, bar.begin, bar.end) for bar in drawn] == [
        ("bump", 0, 1),
        ("gates", 1, 5),
        ("early", 1.1, 2.1),
        ("late", 3, 5),
        ("push", 5, 6),
    ]
    assert [bar.row.name for bar in drawn if bar.critical] == ["bump", "late", "push"]
