from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fakes import Call, Programs
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.output import EVENT
from nox_ship.package.manifest import TOLD
from nox_ship.release.gates import (
    GatesFailedError,
    SessionResult,
    ask_for_materials,
    manifests,
    run_sessions,
    verified,
    warnings,
)
from nox_ship.release.record import Record
from nox_ship.release.stage import Stage, Workshop
from support import write_files

PASSED = {"name": "lint", "signatures": ["lint"], "result": "success", "duration": 1.5}
FAILED = {"name": "tests", "signatures": ["tests-3.12"], "result": "failed", "reason": None, "duration": 2}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return a stage; these tests do not use git."""
    write_files(tmp_path / "stage", {"noxfile.py": ""})
    record = Record("a" * 40, "1.0", "v1.0", "source", 0.0, commit="b" * 40)
    return Stage(Workshop(tmp_path), Repository(tmp_path / "stage"), tmp_path / "stage", record)


class Nox:
    """A fake runner: its sessions print ``said`` and end as ``entries`` say; then it exits with ``code``."""

    def __init__(
        self, programs: Programs, *entries: dict[str, Any], code: int = 0, output: str = "", **said: str
    ) -> None:
        self.entries, self.code, self.output, self.said = entries, code, output, said
        programs.play("--noxfile", reply=self)
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> tuple[int, str]:
        """Return the exit code and the output of a run."""
        self.calls.append(call)
        events: list[list[Any]] = []
        for entry in self.entries:
            name = (entry.get("signatures") or [entry["name"]])[0]
            said = self.said.get(name.replace("-", "_").replace(".", "_"), "")
            events += [["started", name, ["build"]], ["said", name, said], ["ended", name, entry]]
        lines = [self.output.rstrip("\n"), *(EVENT + json.dumps(event) for event in events)]
        return self.code, "\n".join(filter(None, lines))

    @property
    def selected(self) -> list[str]:
        """The sessions that the last run selected."""
        line = self.calls[-1].line
        return list(line[line.index("--sessions") + 1 :])


def run(stage: Stage, *names: str, keep: tuple[str, ...] = ()) -> tuple[SessionResult, ...]:
    """Run sessions without showing anything."""

    def quiet(*_: object) -> None:
        """Print nothing."""

    return run_sessions(stage, names, keep=keep, started=quiet, finished=quiet, echo=quiet)


def test_one_session_is_asked_for_a_bill_of_materials(stage: Stage, programs: Programs) -> None:
    """A variable asks one `verify-install` session for a bill of materials; other runs do not get it from the user."""
    nox = Nox(programs, PASSED)
    run(stage, "lint")
    stage.record.passed |= {"verify-install-3.12": 1.0, "verify-install-3.13": 1.0}
    ask_for_materials(stage, "3.13")
    run(stage, "build", "verify-install")
    assert [call.env["NOX_SHIP_SBOM"] for call in nox.calls] == [None, "3.13"]
    assert nox.selected == ["build", "verify-install-3.13"]


def test_sessions_run_in_the_clone_and_nowhere_else(stage: Stage, programs: Programs) -> None:
    """Sessions run in the clone, with its noxfile, environments kept next to it, and one runner for all."""
    nox = Nox(programs, PASSED)
    assert run(stage, "lint", "typecheck") == (SessionResult("lint", "passed", 1.5),)
    (call,) = nox.calls
    assert call.options["cwd"] == stage.root
    line = call.line
    assert line[line.index("--noxfile") + 1] == "noxfile.py"
    assert Path(line[line.index("--envdir") + 1]) == stage.workshop.environments
    assert Path(line[2]).name == "runner.py"
    assert nox.selected == ["lint", "typecheck"]
    assert line[1] == "-P"
    assert not call.options.get("secrets")


def test_what_passed_is_remembered_and_not_run_again(stage: Stage, programs: Programs) -> None:
    """A session that passed is not run again, even by another process that reads the record."""
    nox = Nox(programs, PASSED)
    run(stage, "lint")
    stage.record = Record.read(stage.workshop.record) or pytest.fail("No record was written.")
    assert run(stage, "lint") == (SessionResult("lint", "reused", 1.5),)
    assert len(nox.calls) == 1


def test_what_failed_is_run_again_alone(stage: Stage, programs: Programs) -> None:
    """If a session failed on one Python, only that one runs again."""
    other = {**PASSED, "name": "tests", "signatures": ["tests-3.11"]}
    nox = Nox(programs, other, FAILED, code=1)
    with pytest.raises(GatesFailedError, match=r"NS431.*tests-3\.12"):
        run(stage, "tests")
    nox.entries, nox.code = ({**FAILED, "result": "success"},), 0
    assert [(result.name, result.status) for result in run(stage, "tests")] == [
        ("tests-3.11", "reused"),
        ("tests-3.12", "passed"),
    ]
    assert nox.selected == ["tests-3.12"]
    assert {result.status for result in run(stage, "tests")} == {"reused"}


class Runs(Nox):
    """A fake runner that runs several times, with one result for each run."""

    def __init__(self, programs: Programs, *runs: tuple[dict[str, Any], ...]) -> None:
        super().__init__(programs)
        self.runs = list(runs)

    def __call__(self, call: Call) -> tuple[int, str]:
        """Return the exit code and the output of a run."""
        self.entries = self.runs.pop(0)
        self.code = int(any(entry["result"] == "failed" for entry in self.entries))
        self.output = f"run {len(self.calls) + 1}\n"
        return super().__call__(call)

    @property
    def all_selected(self) -> list[list[str]]:
        """The sessions that each run selected."""
        return [list(call.line[call.line.index("--sessions") + 1 :]) for call in self.calls]


def entry(name: str, result: str = "success", reason: str | None = None) -> dict[str, Any]:
    """Return what the runner reports about a session."""
    return {"name": name, "signatures": [name], "result": result, "reason": reason, "duration": 1}


WAITED = entry("coverage", "failed", "Prerequisite session tests-3.12 did not pass")


def test_what_failed_beside_other_pythons_is_tried_alone(stage: Stage, programs: Programs) -> None:
    """A session that fails in parallel with other Pythons but passes alone counts as passed, with NS860."""
    first = (entry("tests-3.11"), entry("tests-3.12", "failed"), entry("tests-3.13", "failed"), WAITED)
    nox = Runs(programs, first, (entry("tests-3.12"),), (entry("tests-3.13"),), (entry("coverage"),))
    results = run(stage, "tests", "coverage")
    assert {result.name: result.status for result in results} == dict.fromkeys(
        ("tests-3.11", "tests-3.12", "tests-3.13", "coverage"), "passed"
    )
    assert nox.all_selected == [["tests", "coverage"], ["tests-3.12"], ["tests-3.13"], ["coverage"]]
    assert ["--no-dependencies" in call.line for call in nox.calls] == [False, True, True, True]
    told = warnings(results)
    assert [line.partition(" failed in parallel")[0] for line in told] == [
        "NS860 passed-alone: tests-3.12",
        "NS860 passed-alone: tests-3.13",
    ]
    log = stage.workshop.log.read_text("utf-8").splitlines()
    assert [line for line in log if line.startswith("run")] == ["run 1", "run 2", "run 3", "run 4"]
    assert stage.record.failed == []


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ((entry("tests-3.11"), entry("tests-3.12", "failed"), entry("tests-3.13", "failed"), WAITED), ["tests-3.12"]),
        ((entry("tests-3.11", "failed"), entry("tests-3.12", "failed"), WAITED), None),
        ((entry("tests-3.11", "skipped"), entry("tests-3.12", "failed")), None),
        ((entry("verify-install-3.11"), entry("verify-install-3.12", "failed")), None),
        ((entry("lint", "failed"), entry("typecheck")), None),
    ],
)
def test_what_fails_for_good_is_tried_alone_once_at_most(
    stage: Stage, programs: Programs, first: tuple[dict[str, Any], ...], again: list[str] | None
) -> None:
    """A failed session is tried alone once, and not at all if it passed on no other Python."""
    nox = Runs(programs, first, (entry("tests-3.12", "failed"),))
    with pytest.raises(GatesFailedError):
        run(stage, "x")
    assert nox.all_selected[1:] == ([again] if again else [])


def test_a_failed_session_tells_its_output(stage: Stage, programs: Programs) -> None:
    """NS431 has the failed session's output and its last line as the reason; other results are kept."""
    words = {"tests_3_12": "E  boom\n== 1 failed ==\nnox > bye\n", "lint": "nox > NS307 stale-settings: Hm.\nfine\n"}
    Nox(programs, PASSED, FAILED, code=1, output="deprecated!", **words)
    with pytest.raises(GatesFailedError) as caught:
        run(stage, "lint", "tests")
    (finding,) = caught.value.findings
    assert (finding.id, finding.detail) == ("NS431", "E  boom\n== 1 failed ==\nnox > bye")
    assert "1 failed" in finding.what
    assert [result.status for result in caught.value.results] == ["passed", "failed"]
    assert warnings(caught.value.results) == ("NS307 stale-settings: Hm.",)
    assert stage.workshop.log.read_text("utf-8").splitlines()[:3] == [
        "deprecated!",
        "lint: success",
        "nox > NS307 stale-settings: Hm.",
    ]


def test_what_a_session_warned_of_is_told_again_where_it_is_reused(stage: Stage, programs: Programs) -> None:
    """The warnings of a session are shown again when its result is reused."""
    nox = Nox(programs, PASSED, lint="nox > NS434 lowest-failed: Hm.\nfine")
    assert warnings(run(stage, "lint")) == ("NS434 lowest-failed: Hm.",)
    (again,) = run(stage, "lint")
    assert (again.status, len(nox.calls)) == ("reused", 1)
    assert warnings([again]) == ("NS434 lowest-failed: Hm.",)


@pytest.mark.parametrize("code", [0, 1])
def test_a_runner_that_tells_of_no_session_has_not_passed(stage: Stage, programs: Programs, code: int) -> None:
    """NS432 reports a runner that ends without reporting a session, whatever its exit code."""
    Nox(programs, code=code, output="Traceback: boom")
    with pytest.raises(ShipError) as caught:
        run(stage, "lint")
    assert [finding.id for finding in caught.value.findings] == ["NS432"]
    assert caught.value.findings[0].detail == "Traceback: boom\n"
    assert stage.record.passed == {}


NO_EVENTS = (
    "",
    "{",
    "[]",
    "5",
    '["ended"]',
    '["ended", "x", {}]',
    '["ended", "x", {"result": []}]',
    '["started", 5, []]',
)
LINT_ENDED = '["ended", "lint", {"result": "success"}]'
ODD_EVENTS = ('["said", "x", 5]', '["ended", 5, {"result": "success"}]', LINT_ENDED, "9" * 5000, "[" * 20_000)


@pytest.mark.parametrize("event", [*NO_EVENTS, *ODD_EVENTS])
def test_what_no_runner_says_has_not_passed(stage: Stage, programs: Programs, event: str) -> None:
    """A malformed or repeated event, as a noxfile could print it, stops the release with NS432."""
    Nox(programs, PASSED, output=EVENT + event)
    with pytest.raises(ShipError, match="NS432"):
        run(stage, "lint")
    assert stage.record.passed == {}


def test_a_nox_that_fails_without_a_failed_session_has_not_passed(stage: Stage, programs: Programs) -> None:
    """NS432 reports a runner that fails although no session failed."""
    Nox(programs, PASSED, code=3)
    with pytest.raises(ShipError, match=r"NS432.*exit code 3"):
        run(stage, "lint")


def test_what_was_not_reached_or_is_unknown_has_not_passed(stage: Stage, programs: Programs) -> None:
    """A session whose prerequisite failed is shown as not reached, and an unknown result counts as failed."""
    waits = {"name": "coverage", "result": "failed", "reason": "Prerequisite session tests was not successful"}
    strange = {"name": "lint", "result": "exploded", "duration": "x"}
    Nox(programs, waits, strange, FAILED, code=1)
    with pytest.raises(GatesFailedError) as caught:
        run(stage, "lint", "coverage", "tests")
    assert [result.status for result in caught.value.results] == ["not reached", "failed", "failed"]
    assert set(stage.record.failed) == {"coverage", "lint", "tests-3.12"}


def test_files_that_were_tried_on_no_python_stop_the_release(stage: Stage, programs: Programs) -> None:
    """If `verify-install` was skipped on all Pythons, NS433 stops the release."""
    skipped = {"name": "verify-install", "signatures": ["verify-install-3.12"], "result": "skipped", "reason": "none"}
    Nox(programs, skipped, PASSED)
    with pytest.raises(GatesFailedError, match="NS433"):
        run(stage, "verify-install", "lint")
    Nox(programs, skipped, {**PASSED, "name": "verify-install", "signatures": ["verify-install-3.11"]})
    assert {result.status for result in run(stage, "verify-install")} == {"skipped", "passed"}


def test_a_session_whose_name_begins_like_another_is_another(stage: Stage, programs: Programs) -> None:
    """``tests`` includes ``tests-3.12``, ``tests-pypy3.10`` and ``tests(x)``, but not ``tests-slow`` or ``test``."""
    names = ["tests-3.12", "tests-pypy3.10", "tests(x)", "tests-3.13(x)", "tests-slow", "test", "tests2"]
    stage.record.passed.update(dict.fromkeys(names, 1.0))
    nox = Nox(programs, PASSED)
    assert [result.name for result in run(stage, "tests")] == names[:4]
    assert nox.calls == []
    run(stage, "test.", "c++")
    assert nox.selected == ["test.", "c++"]


def test_variables_of_the_outer_nox_do_not_reach_the_inner(
    stage: Stage, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions get neither the outer nox's selections nor GitHub's output files, but do get the variables in `keep`."""
    nox = Nox(programs, PASSED)
    monkeypatch.setenv("DEPLOY_TOKEN", "x")
    monkeypatch.setenv("OTHER_TOKEN", "y")
    run(stage, "lint", keep=("DEPLOY_TOKEN", "MISSING"))
    env = nox.calls[0].env
    gone = {name for name, value in env.items() if value is None}
    selections = {"NOXSESSION", "NOXPYTHON", "NOXEXTRAPYTHON", "NOXFORCEPYTHON", "NOX_PARALLEL", "NOX_CURRENT_SESSION"}
    assert selections | {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"} <= gone
    assert env["DEPLOY_TOKEN"] == "x"
    assert not {"OTHER_TOKEN", "MISSING"} & set(env)


def test_what_sessions_do_is_told_while_they_run(stage: Stage, programs: Programs) -> None:
    """The start, each line and the end of a session are reported while it runs."""
    Nox(programs, PASSED, lint="fine\n\nwell\n")
    told: list[str] = []
    run_sessions(
        stage,
        ["lint"],
        started=lambda name: told.append(f"{name} starts"),
        finished=lambda result: told.append(f"{result.name} ends: {result.status}"),
        echo=told.append,
    )
    assert told == ["lint starts", "lint: success", "fine", "", "well", "lint ends: passed"]


def test_a_result_tells_when_its_session_ran_and_what_it_waited_for(stage: Stage, programs: Programs) -> None:
    """A result has the start time and the prerequisites of its session, unless it is reused."""
    Nox(programs, PASSED)
    before = time.monotonic()
    (result,) = run(stage, "lint")
    assert result.begun is not None
    assert before <= result.begun <= time.monotonic()
    assert result.needs == ("build",)
    (again,) = run(stage, "lint")
    assert (again.status, again.begun, again.needs) == ("reused", None, ())


def test_the_pythons_on_which_files_were_tried() -> None:
    """Files were tested on the Pythons of the `verify-install` sessions that passed, now or in an earlier run."""
    names = {"verify-install-3.11": "passed", "verify-install-3.12": "reused", "verify-install-3.13": "skipped"}
    results = [SessionResult(name, status) for name, status in {**names, "tests-3.10": "passed"}.items()]  # type: ignore[arg-type]
    assert verified(results) == {"3.11", "3.12"}


def test_what_the_sessions_put_in_the_place_of_the_log_is_not_written_to(
    stage: Stage, programs: Programs, tmp_path: Path
) -> None:
    """If a session replaces the log with a symlink, its target is not written to."""
    precious, nox = write_files(tmp_path, {"precious": "1"}) / "precious", Nox(programs, PASSED, output="fine")

    def plant(call: Call) -> tuple[int, str]:
        stage.workshop.log.symlink_to(precious)
        return nox(call)

    programs.play("--noxfile", reply=plant)
    run(stage, "lint")
    assert precious.read_text("utf-8") == "1"
    assert "fine" in stage.workshop.log.read_text("utf-8")


def test_a_manifest_is_told_in_these_words_alone() -> None:
    """Only a line in the exact form reports the SHA-256 of a manifest."""
    said = f"nox > {TOLD.replace('.', '-')}{'a' * 64}\nnox > {TOLD}{'b' * 64}\n{TOLD}{'c' * 64}\n"
    results = (SessionResult(name, "passed", 1.0, output=said) for name in ("build", "lint"))
    assert manifests(results) == {"b" * 64}
