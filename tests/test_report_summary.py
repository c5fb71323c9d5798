from __future__ import annotations

import re

import pytest

from nox_ship.report import Report, Row
from nox_ship.report_summary import gantt, summary
from reports import ATTACKS, failed, hostile, interrupted, rehearsal, short, step

TASK = re.compile(r"    · (?P<name>[^:;#%{}\"\n]+) :(?P<critical>crit, )?(?P<begin>\d+), (?P<end>\d+)")
SECTION = re.compile(r"    section [^:;#%{}\"\n]+")


def test_a_summary_tells_all_that_the_report_holds() -> None:
    """The summary contains everything in the report and begins with the verdict."""
    text = summary(rehearsal())
    assert text.startswith(
        "## ✅ Rehearsal of the release 1.1.0: passed\n\nNothing was touched\\: this was a rehearsal."
    )
    for line in (
        "- **warning** NS562 module-gone\\: The module \\`sample.old\\` is gone. Say so.",
        "| … tests-3.12 | passed | 5.4 | ◆ |  |",
        "| … audit | reused | 3.2 |  |  |",
        f"| sample-1.1.0.tar.gz | 8,120 | {'60' * 32} |",
        "### Wheels that a workflow builds, not tested here",
        "- cp312-win\\_amd64",
        "| files | 1 added (sample/icelandic.py) |",
        "| would push | main → origin |",
        "- sample-1.1.0-py3-none-any.whl, as the stand-in for PyPI serves it, works on Python 3.12",
        "- and 23 more",
        "- Greetings in Icelandic, with `--language is`,",
        "Python 3.12.1, nox 2026.10.20, git 2.39.5",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("report", "title"),
    [(failed(), "## ❌ Release 1.1.0: failed"), (interrupted(), "## ⏸️ Release 1.1.0: interrupted")],
)
def test_a_summary_says_how_the_run_ended(report: Report, title: str) -> None:
    """The title says how the run ended, with a sign that stands out among the summaries of other jobs."""
    assert summary(report).splitlines()[0] == title


def test_the_chart_shows_when_things_ran() -> None:
    """The chart shows in milliseconds what ran when, with the critical path; reused sessions are left out."""
    lines = gantt(rehearsal()).splitlines()
    assert lines[0] == "gantt"
    tasks = {match["name"]: match for line in lines if (match := TASK.fullmatch(line))}
    assert list(tasks)[:4] == ["preflight", "bump", "gates", "build"]
    assert (tasks["tests-3.12"]["begin"], tasks["tests-3.12"]["end"]) == ("700", "6100")
    assert tasks["coverage"]["critical"]
    assert not tasks["build"]["critical"]
    assert "typecheck (skipped)" in tasks
    assert "audit" not in tasks
    assert gantt(Report("x")) == ""
    assert "mermaid" not in summary(Report("x"))


MARKS = ["a | b", "[a](https://x.example)", "@everyone", "# x", "```\nb"]
WORDS = [
    "",
    " ",
    ":",
    "a:b, 5",
    "section x",
    "gantt",
    "gantts",
    "title x",
    "click x call y()",
    "dateFormat x",
    "excludes monday",
    "%%{init: {}}%%",
    "a; b",
    "a#b",
]


@pytest.mark.parametrize("text", [*ATTACKS, *MARKS, *WORDS], ids=short)
def test_no_name_means_anything_to_mermaid(text: str) -> None:
    """Whatever a name contains, each line of the chart remains a task or section: no name is read as Mermaid syntax."""
    rows = [step(text, 0, 1), Row(text, text, 1.0, text, text, 0.0)]
    for line in gantt(Report("x", rows=rows)).splitlines()[4:]:
        assert TASK.fullmatch(line) or SECTION.fullmatch(line)


@pytest.mark.parametrize("text", [*ATTACKS, *MARKS], ids=short)
def test_no_text_means_anything_in_markdown(text: str) -> None:
    """Special characters of Markdown are escaped outside code blocks, and no text in a block can end it."""
    page = summary(hostile(text))
    assert "pass-" not in page
    page.encode()
    outside = re.sub(r"^(?P<fence>`{3,})\w*\n.*?\n(?P=fence)$", "", page, flags=re.MULTILINE | re.DOTALL)
    bare = re.sub(r"\\[\W_]", "", outside)
    assert not re.search(r"[`{}\[\]<>!~&@$^\x00-\x09\x0b-\x1f\u2028\u202e]|www\.|https?:", bare)
    assert set(re.findall(r"^#+ ", bare, re.MULTILINE)) <= {"## ", "### "}
    rows = [line for line in bare.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} <= {3, 4, 6}


def test_a_changelog_with_fences_stays_in_its_own() -> None:
    """The fence around the changelog is longer than any fence in it."""
    report = rehearsal()
    report.notes = "a\n````\nb\n```\n# c"
    assert "\n`````\na\n````\nb\n```\n# c\n`````\n" in summary(report)


def test_a_long_changelog_is_cut() -> None:
    """Long release notes are cut, because the summary of a job is limited to 1 MiB."""
    report = rehearsal()
    report.notes = "\n".join(f"- {number}" for number in range(150))
    assert "- 99\n... and 50 more lines\n" in summary(report)
    assert "- 100\n" not in summary(report)
