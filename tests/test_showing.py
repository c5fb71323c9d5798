from __future__ import annotations

import json
from pathlib import Path

import pytest

from nox_ship import actions, showing
from nox_ship.release.stage import Workshop
from reports import failed, rehearsal
from support import each


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests from writing to the CI job that runs them."""
    for name in (actions.SUMMARY, actions.OUTPUT):
        monkeypatch.delenv(name, raising=False)


@each(
    ("name", "beginning"),
    [("a.html", "<!doctype html>"), ("a.HTM", "<!doctype html>"), ("a.md", "## ✅"), ("a.json", "{"), ("a", "{")],
)
def test_a_report_has_the_form_that_its_name_asks_for(tmp_path: Path, name: str, beginning: str) -> None:
    """The file's name decides whether a report is HTML, Markdown or else JSON; its folder is created."""
    path = tmp_path / "new" / name
    showing.write(rehearsal(), path)
    assert path.read_text("utf-8").startswith(beginning)
    assert [entry.name for entry in path.parent.iterdir()] == [name]


def test_a_run_leaves_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run writes its page, the job summary, the requested file, and the tag and commit for later jobs."""
    monkeypatch.setenv(actions.SUMMARY, str(tmp_path / "summary.md"))
    monkeypatch.setenv(actions.OUTPUT, str(tmp_path / "output"))
    showing.tell(rehearsal(), Workshop(tmp_path), tmp_path / "asked.json")
    assert "<title>✓ sample Rehearsal of the release 1.1.0: passed</title>" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "summary.md").read_text().startswith("## ✅ Rehearsal of the release 1.1.0")
    assert (tmp_path / "output").read_text() == f"tag=v1.1.0\ncommit={'97e3948a88' * 4}\n"
    assert json.loads((tmp_path / "asked.json").read_text())["passed"] is True


def test_a_run_that_failed_tells_later_jobs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed run writes no output for later jobs, as it has no tag that they could use."""
    monkeypatch.setenv(actions.OUTPUT, str(tmp_path / "output"))
    showing.tell(failed(), Workshop(tmp_path))
    assert not (tmp_path / "output").exists()


def test_a_run_that_cannot_be_remembered_ends_all_the_same(tmp_path: Path) -> None:
    """If the history cannot be written, the run still writes its page and raises no error."""
    (tmp_path / "history.json").mkdir()
    showing.tell(rehearsal(), Workshop(tmp_path))
    assert (tmp_path / "report.html").is_file()
