from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from fakes import PROBLEM, FakeGates, Yard
from nox_ship.errors import ShipError
from nox_ship.release.pipeline import run_pipeline
from nox_ship.release.stage import Stage
from nox_ship.report import BuiltFile, Report, Row
from nox_ship.report_schema import report_schema
from reports import failed, hostile, interrupted, rehearsal

pytestmark = pytest.mark.usefixtures("programs")


@pytest.fixture(scope="module")
def check() -> Callable[[dict[str, Any]], object]:
    """Return a function that raises an error if a report does not match the schema."""
    compiled: Callable[[dict[str, Any]], object] = fastjsonschema.compile(report_schema(), use_default=False)
    return compiled


@pytest.mark.parametrize("report", [rehearsal(), failed(), interrupted(), hostile("<b>"), Report("x")])
def test_every_report_keeps_to_the_schema(
    check: Callable[[dict[str, Any]], object], tmp_path: Path, report: Report
) -> None:
    """A report matches the schema, and has no key that the schema does not describe."""
    report.write(tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    check(written)
    assert set(written) == set(report_schema()["properties"])
    assert {key for row in written["rows"] for key in row} <= {item.name for item in fields(Row)}


@pytest.mark.slow
def test_reports_of_real_runs_keep_to_the_schema(
    check: Callable[[dict[str, Any]], object], yard: Yard, sessions: FakeGates
) -> None:
    """Reports of runs that passed, failed and were interrupted match the schema."""

    def end(error: BaseException) -> Callable[[Stage], None]:
        def raises(_: Stage) -> None:
            raise error

        return raises

    verdicts = []
    for error in (KeyboardInterrupt(), ShipError(PROBLEM("What.")), None):
        sessions.afterwards = end(error) if error else lambda _: None
        run = yard.prepare(fresh=True)
        with pytest.raises(type(error)) if error else nullcontext():
            run_pipeline(run)
        check(yard.told())
        verdicts.append(run.report.verdict)
    assert verdicts == ["interrupted", "failed", "passed"]
    assert [file["name"].rpartition(".")[2] for file in yard.told()["files"]] == ["whl", "gz"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("rows", 0, "seconds"), "1"),
        (("rows", 0, "begun"), "0"),
        (("findings", 0), {"id": "NS000"}),
        (("files", 0, "size"), 1.5),
        (("scope",), "other"),
        (("commits",), [1]),
        (("environment", "git"), 2),
    ],
)
def test_the_schema_refuses_what_no_report_holds(
    check: Callable[[dict[str, Any]], object], tmp_path: Path, path: tuple[Any, ...], value: object
) -> None:
    """The schema refuses values that no report has, so that readers can rely on it."""
    rehearsal().write(tmp_path / "report.json")
    written: Any = json.loads((tmp_path / "report.json").read_text("utf-8"))
    place = written
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(fastjsonschema.JsonSchemaException):
        check(written)


def test_a_report_without_a_key_is_none(check: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    """The schema requires every key, and allows unknown ones, which a later version may add."""
    rehearsal().write(tmp_path / "report.json")
    written: dict[str, Any] = json.loads((tmp_path / "report.json").read_text("utf-8"))
    check({**written, "more": 1})
    for key in written:
        with pytest.raises(fastjsonschema.JsonSchemaException):
            check({name: value for name, value in written.items() if name != key})


@pytest.mark.parametrize("cls", [Report, Row, BuiltFile])
def test_every_key_is_described(cls: type) -> None:
    """The schema describes every key in a sentence."""
    whole = report_schema()["properties"]
    schema = {
        Report: whole,
        Row: whole["rows"]["items"]["properties"],
        BuiltFile: whole["files"]["items"]["properties"],
    }
    for item in fields(cls):
        assert schema[cls][item.name]["description"].endswith(".")
