from __future__ import annotations

from nox_ship import naming
from nox_ship.gates.matrix import jobs
from support import each

PYTHONS = {"tests": ["3.11", "3.12"], "lint": None, "docs": "3.10", "plain": False, "coverage": None}


@each(
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
    """Each gate becomes a job for each of its Pythons, else for ours; without any gate, `matrix` is the only job."""
    assert [(job["session"], job["python"]) for job in jobs(gates, PYTHONS, "3.13")] == expected


def test_sessions_of_the_projects_own_are_jobs_too() -> None:
    """A project's sessions become jobs, one for each parametrized run; coverage needs the tests that it measures."""
    runs = {"test(x=1, python='3.12')": "3.12", "test(x='a/b')": "pypy3.10"}
    pythons = {"test": runs, "coverage": ["python3.11"], "unit": None}
    assert [tuple(job.values())[:2] for job in jobs(["test", "coverage"], pythons, "3.13", apart=())] == [
        *runs.items(),
        ("coverage-python3.11", "3.11"),
    ]
    assert [job["session"] for job in jobs(["coverage"], pythons, "3.13", measured=("unit", "gone"))] == ["unit"]


def test_a_job_has_a_name_that_an_artifact_may_have() -> None:
    """Each job has a unique name without characters that artifact names must not have."""
    found = jobs(["a/b", "a:b", "tests"], {"a/b": None, "a:b": None, "tests": ["3.11"]}, "3.13")
    names = [job["name"] for job in found]
    assert names == ["a-b", "a-b-1", "tests-3.11"]


def test_what_stands_for_nothing_has_the_name_that_it_is_registered_under() -> None:
    """If the project has a session `matrix` of its own, the placeholder job runs the renamed session."""
    with naming.settled({"matrix": "ship-matrix"}):
        assert [job["session"] for job in jobs([], {}, "3.13")] == ["ship-matrix"]
