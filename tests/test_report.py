from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest

from nox_ship.report import Report, Row


def test_a_report_is_written_as_json(tmp_path: Path) -> None:
    """The JSON file holds the whole report, and no partial file is left beside it."""
    report = Report("Title", passed=True, rows=[Row("tests", "passed", 1.5, "ä", within="gates")])
    path = tmp_path / "new" / "report.json"
    report.write(path)
    written = json.loads(path.read_text("utf-8"))
    assert (written["schema"], written["title"], written["passed"]) == (1, "Title", True)
    row = {"name": "tests", "status": "passed", "seconds": 1.5, "detail": "ä", "within": "gates"}
    assert written["rows"] == [{**row, "begun": None, "needs": []}]
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def test_a_report_tells_when_its_run_began() -> None:
    """A report states in UTC when its run began, and counts seconds from then."""
    report = Report("Title")
    begun = dt.datetime.fromisoformat(report.begun)
    assert begun.utcoffset() == dt.timedelta(0)
    assert abs(dt.datetime.now(dt.UTC) - begun) < dt.timedelta(seconds=5)
    assert 0 <= report.after() < 5
    assert report.after(time.monotonic() + 100) == pytest.approx(100, abs=5)


def test_steps_that_were_not_reached_are_told_from_sessions() -> None:
    """Sessions within the gates are not listed as steps that were not reached."""
    rows = [Row("stage", "done"), Row("a", "not reached", within="gates"), Row("push", "not reached")]
    assert Report("x", rows=rows).steps_not_reached() == ["push"]
