from __future__ import annotations

from typing import Any

import pytest

from nox_ship.gates.noxfile import Sessions
from nox_ship.gates.noxfile import taken as names_taken
from nox_ship.gates.own import FURTHER, GATES, PIPELINE, USUAL, Calls, Own, by_default, decide, is_of, meant, undecided
from nox_ship.sessions import _SPECS
from support import each


def own(*names: str, default: bool = True, words: str = "") -> list[Own]:
    """Return sessions of a project."""
    return [Own(name, default, frozenset(words.split())) for name in names]


def gates(*sessions: Own, **facts: Any) -> tuple[str, ...]:
    """Return the gates that are chosen."""
    return decide(sessions, **facts).gates


def test_the_sessions_are_those_that_are_registered() -> None:
    """All registered sessions are listed, gates first, then those of the pipeline."""
    assert tuple(_SPECS) == (*GATES, *FURTHER, *PIPELINE)
    assert set(GATES) < set(USUAL)


def test_without_sessions_of_its_own_a_project_has_our_gates() -> None:
    """A project without sessions gets our gates, or the gates in its settings."""
    assert gates() == GATES
    assert gates(chosen=("lint", "mine")) == ("lint", "mine")


def test_a_session_of_our_name_is_the_gate() -> None:
    """A session with the name of a gate replaces our gate, even if nothing seems to run it."""
    made = decide(own("lint", "tests", default=False), measured=True)
    assert made.gates == GATES
    assert made.standing == {"lint": ("lint",), "tests": ("tests",)}
    assert made.replaces("lint")
    assert not made.replaces("audit")
    assert made.names == {}


@each(
    ("name", "gate"),
    [
        ("test", "tests"),
        ("unit-tests", "tests"),
        ("test:unit", "tests"),
        ("Type_Check", "typecheck"),
        ("mypy", "typecheck"),
        ("pre-commit", "lint"),
        ("format_check", "lint"),
        ("docs", "docs"),
        ("doctest", "docs"),
        ("format", None),
        ("docs-live", None),
        ("coverage", "coverage"),
        ("release", None),
        ("", None),
    ],
)
def test_a_name_tells_what_a_session_is(name: str, gate: str | None) -> None:
    """Usual names of sessions are recognized in any spelling; a session that formats code is not a check."""
    assert meant(name) == gate


@pytest.mark.parametrize("gate", ["lint", "typecheck", "tests"])
def test_sessions_that_mean_a_gate_stand_for_it(gate: str) -> None:
    """All sessions that mean the same gate replace ours, under their own names and at its position."""
    first, second, *_ = sorted(USUAL[gate] - {gate})
    made = decide(own(first, second), measured=True)
    position = GATES.index(gate)
    assert made.gates == (*GATES[:position], first, second, *GATES[position + 1 :])
    assert made.replaces(gate)


def test_what_the_project_runs_stands_for_a_gate() -> None:
    """A session replaces our gate if plain `nox` or CI runs it; otherwise ours is used."""
    idle = own("test", default=False)
    assert gates(*own("test"), measured=True)[2] == "test"
    assert gates(*idle) == GATES
    assert gates(*idle, calls=Calls(frozenset({"test-3.12"})), measured=True)[2] == "test"
    assert gates(*idle, calls=Calls(others=frozenset({"test"})), measured=True)[2] == "test"
    assert gates(*idle, calls=Calls(frozenset({"test-integration", "testing"}))) == GATES
    assert [one.name for one in decide(idle).unfit] == ["test"]


def test_what_does_not_end_is_no_gate() -> None:
    """A session that starts a server is no gate, unless CI runs it."""
    endless = own("docs", words="sphinx-autobuild docs out")
    assert "docs" not in gates(*endless)
    assert gates(*endless, calls=Calls(frozenset({"docs"})))[-1] == "docs"
    assert gates(*own("docs", words="sphinx-build docs out"))[-1] == "docs"


def test_what_sends_something_is_no_gate() -> None:
    """A session that deploys something is never a gate."""
    sending = own("docs", words="mkdocs gh-deploy")
    assert "docs" not in gates(*sending, calls=Calls(frozenset({"docs"})))


def test_documentation_that_needs_arguments_is_no_gate() -> None:
    """A documentation session that CI calls with arguments is no gate; a check called with arguments is."""
    calls = Calls(others=frozenset({"docs", "mypy"}))
    assert gates(*own("docs", "mypy", default=False), calls=calls) == ("lint", "mypy", *GATES[2:])


def test_settings_win() -> None:
    """The setting `gates` decides; our session is registered unless one of the named sessions replaces it."""
    sessions = own("test", "docs", "linting", default=False, words="serve")
    made = decide(sessions, chosen=("test", "lint", "mine"))
    assert made.gates == ("test", "lint", "mine")
    assert made.replaces("tests")
    assert not made.replaces("lint")
    both = decide(sessions, chosen=("test", "tests"))
    assert not both.replaces("tests")
    assert both.tests == ("test", "tests")
    assert decide(own("tests", default=False), chosen=("lint",)).replaces("tests")


def test_sessions_of_the_pipeline_are_not_replaced() -> None:
    """If a project's session has the name of a pipeline session, ours is renamed, and NS812 tells the new name."""
    made = decide(own("build", "release", "ship-release", "upload"))
    assert made.names == {"build": "ship-build", "release": "ship-ship-release"}
    assert made.gates == GATES
    assert [finding.id for finding in names_taken(made)] == ["NS812", "NS812"]
    assert "ship-build" in names_taken(made)[0].what
    assert decide(own("build"), ours=["release"]).names == {}


def test_coverage_needs_what_the_tests_measure() -> None:
    """Coverage is no gate if the project's tests do not measure it; the notice NS841 says how to change that."""
    made = decide(own("test"))
    assert "coverage" not in made.gates
    assert [(finding.id, finding.level) for finding in Sessions(decision=made).told()] == [("NS841", "notice")]
    assert "coverage" in gates(*own("test"), measured=True)
    assert Sessions(decision=decide(own("lint"))).told() == []
    assert Sessions(decision=decide(own("test"), ours=["tests"])).told() == []


@pytest.mark.parametrize("facts", [{"wanted": True}, {"chosen": ("tests", "coverage")}])
def test_coverage_that_was_asked_for_and_cannot_work_is_an_error(facts: dict[str, Any]) -> None:
    """If coverage is requested but cannot be measured, NS841 is an error, unless coverage or the tests are left out."""
    sessions = Sessions(decision=decide(own("tests"), **facts))
    (finding,) = sessions.told()
    assert (finding.id, finding.level) == ("NS841", "error")
    assert "COVERAGE_FILE" in finding.remedy
    assert sessions.told(["coverage"]) == sessions.told(["tests"]) == []


def test_chosen_gates_without_coverage_need_nothing_measured() -> None:
    """If the chosen gates do not include coverage, nothing needs to be measured."""
    made = decide(own("tests"), chosen=("tests",))
    assert Sessions(decision=made).told() == []
    assert not made.unmeasured


def test_a_coverage_of_the_projects_own_is_a_gate_where_it_runs_it() -> None:
    """A project's own coverage session is a gate if plain `nox` runs it, and it prevents ours in any case."""
    combine, measure = own("coverage", words="coverage combine"), own("coverage", words="pytest --cov=x")
    assert decide([*own("tests"), *combine]).gates == GATES
    assert "coverage" not in gates(*own("tests"), *own("coverage", default=False))
    assert decide(combine).apart == ("coverage",)
    assert decide(measure).apart == decide(own("coverage", words="--cov-report")).apart == ()


def test_what_comes_too_late_is_told() -> None:
    """Sessions defined after `register()` are reported with NS842."""
    (finding,) = Sessions(late=("tests", "docs")).told()
    assert (finding.id, finding.level) == ("NS842", "error")
    assert "tests, docs" in finding.what


@each(
    ("name", "signature", "same"),
    [
        ("tests", "tests", True),
        ("tests", "tests-3.12", True),
        ("tests", "tests-python3.12", True),
        ("tests", "tests-pypy3.10(x='a\nb')", True),
        ("tests", "tests-$", True),
        ("tests", "tests(x=1)", True),
        ("tests", "tests-integration", False),
        ("tests", "tests-", False),
        ("test", "tests", False),
        ("a.b", "axb", False),
    ],
)
def test_a_session_is_known_by_its_runs(name: str, signature: str, same: bool) -> None:
    """A session is recognized with a Python, with parameters, or with a workflow's variable after its name."""
    assert is_of(name, signature) == same


@each(
    ("facts", "runs"),
    [
        ({}, True),
        ({"default": False}, False),
        ({"chosen": ["lint"]}, False),
        ({"chosen": ("tests-3.12",)}, True),
        ({"chosen": "tests", "default": False}, True),
        ({"chosen": [], "tagged": ["x"], "tags": ["x"]}, False),
        ({"tagged": ["x"], "tags": ["x"], "default": False}, True),
        ({"tagged": ["x"]}, False),
    ],
)
def test_what_nox_runs_without_a_name(facts: dict[str, Any], runs: bool) -> None:
    """Plain `nox` runs the listed sessions, else those with a listed tag, else all that are default."""
    values = {"default": True, "tags": (), "chosen": None, "tagged": None, **facts}
    assert by_default("tests", **values) == runs


def test_ci_is_asked_only_where_it_decides() -> None:
    """CI is only examined for sessions that might be gates but do not run by default or seem not to end."""
    assert not undecided(own("test", "docs"))
    assert not undecided(own("tests", "lint", "upload", default=False))
    assert undecided(own("test", default=False))
    assert undecided(own("docs", words="serve"))
    assert undecided(own("coverage", default=False))
