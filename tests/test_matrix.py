from __future__ import annotations

import pytest

from nox_ship.gates.matrix import jobs

PYTHONS = {"tests": ["3.11", "3.12"], "lint": None, "docs": "3.10", "plain": False, "coverage": None}


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        (["tests"], [("tests-3.11", "3.11"), ("tests-3.12", "3.12")]),
        (["lint", "docs", "plain"], [("lint", "3.13"), ("docs", "3.10"), ("plain", "3.13")]),
        (["unknown", "lint", "coverage"], [("lint", "3.13"), ("tests-3.11", "3.11"), ("tests-3.12", "3.12")]),
        (["unknown"], [("matrix", "3.13")]),
        ([], [("matrix", "3.13")]),
    ],
)
def test_each_session_of_a_gate_is_a_job(gates: list[str], expected: list[tuple[str, str]]) -> None:
    """On each of its Pythons, or ours; coverage and what is left out are none, and there is always one."""
    assert [(job["session"], job["python"]) for job in jobs(gates, PYTHONS, "3.13")] == expected
