"""A report as Markdown: for the job summary in GitHub Actions, or for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nox_ship import closing
from nox_ship.addresses import is_safe
from nox_ship.plain_markdown import fenced, plain, table
from nox_ship.printable import printable
from nox_ship.report import ELSEWHERE, Report
from nox_ship.timeline import Bar, bars

_SIGNS = {"passed": "✅", "declined": "⏸️", "interrupted": "⏸️"}
_MOST_COMMITS, _MOST_LINES, _LONGEST_NAME = 20, 100, 60


def summary(report: Report) -> str:
    """Return a report as Markdown, in which all text from the project is shown literally."""
    title = plain(f"{report.title} {report.version}".strip())
    sign = _SIGNS.get(report.verdict, "❌")
    parts = [
        [f"## {sign} {title}: {plain(report.verdict)}", "", plain(closing.ended(report))],
        [f"<{report.page}>"] if is_safe(report.page) else [],
        _findings(report),
        _times(report),
        _steps(report),
        _section("Files", _files(report)),
        _section(ELSEWHERE, [f"- {plain(what)}" for what in report.elsewhere]),
        _section(f"Changed since {report.since}", _changes(report)) if report.since else [],
        _section("Delivered", table(("how", "what"), report.deliveries)) if report.deliveries else [],
        _section("Verified", [f"- {plain(line)}" for line in report.verified]),
        _section("Credentials", [plain(report.credentials)] if report.credentials else []),
        _section("Commits", _commits(report)),
        _section(f"Notes of {report.version}", _notes(report)),
        _section("Made with", [plain(", ".join(f"{tool} {version}" for tool, version in report.environment.items()))])
        if report.environment
        else [],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def proposed(report: Report, merging: Iterable[str], most: int) -> str:
    """Return the text of the pull request that proposes a release, as Markdown.

    Args:
        report: The report of the release so far.
        merging: Sentences about what happens once it is merged.
        most: The most characters that it may have.
    """
    parts = [
        [plain(f"The release {report.version} of {report.project}, proposed by nox-ship.")],
        _section("When it is merged", [f"- {plain(line)}" for line in merging]),
        _section(f"Notes of {report.version}", _notes(report)),
        _section("Files", _files(report)),
        _section(f"Changed since {report.since}", _changes(report)) if report.since else [],
        _findings(report),
        _section("Commits", _commits(report)),
    ]
    text = ""
    for part in parts:  # a part that does not fit is omitted as a whole: half a table or fence would spoil the rest
        more = "\n".join(part)
        text += f"{more}\n\n" if part and len(text) + len(more) < most - 2 else ""
    return f"{text.rstrip()}\n"


def gantt(report: Report) -> str:
    """Return when steps and sessions ran as a Mermaid Gantt chart; empty if nothing ran.

    https://mermaid.js.org/syntax/gantt.html describes the format. Times are in milliseconds, so that clocks and zones
    do not matter.
    """
    drawn = bars(report)
    lines = ["gantt", "    dateFormat x", "    axisFormat %M:%S", "    todayMarker off"]
    for bar in drawn:
        if bar.row.within is None:
            lines.append(f"    section {_harmless(bar.row.name)}")
        lines.append(f"    {_task(bar)}")
    return "\n".join(lines) if drawn else ""


def _task(bar: Bar) -> str:
    status = "" if bar.row.status in ("done", "passed") else f" ({bar.row.status})"
    begin, end = round(bar.begin * 1000), round(bar.end * 1000)
    critical = "crit, " if bar.critical else ""
    return f"· {_harmless(f'{bar.row.name}{status}')} :{critical}{begin}, {max(end, begin + 1)}"


def _harmless(name: str) -> str:
    """Return a name that is safe in a chart: without special characters, and not starting with a keyword."""
    letters = re.sub(r"[^\w .()=+-]", "_", printable(name, lines=False))
    return letters[:_LONGEST_NAME].strip() or "_"


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"### {plain(title)}", "", *lines] if lines else []


def _findings(report: Report) -> list[str]:
    order = ("error", "warning", "notice")
    found = sorted(report.findings, key=lambda one: order.index(one["level"]))
    lines = [f"- **{one['level']}** {plain(_sentence(one))}" for one in found]
    return lines + [f"- **warning** {plain(line)}" for line in report.warnings]


def _sentence(finding: dict[str, str]) -> str:
    return f"{finding['id']} {finding['name']}: {finding['what']} {finding['remedy']}"


def _times(report: Report) -> list[str]:
    chart = gantt(report)
    return fenced(chart, "mermaid") if chart else []


def _steps(report: Report) -> list[str]:
    critical = {(bar.row.name, bar.row.within) for bar in bars(report) if bar.critical}
    rows = []
    for row in report.rows:
        name = f"… {row.name}" if row.within else row.name
        seconds = f"{row.seconds:.1f}" if row.seconds else ""
        rows.append((name, row.status, seconds, "◆" if (row.name, row.within) in critical else "", row.detail))
    lines = table(("step", "result", "seconds", "critical path", "what"), rows) if rows else []
    return [*lines, "", f"{report.seconds:.1f} seconds in all, from {plain(report.begun)}."] if lines else []


def _files(report: Report) -> list[str]:
    rows = [(file.name, f"{file.size:,}", file.sha256) for file in report.files]
    return table(("file", "bytes", "SHA-256"), rows) if rows else []


def _changes(report: Report) -> list[str]:
    changes = [line.partition(": ") for line in report.changes] or [("nothing", "", "but the version")]
    rows = [(what, change) for what, _, change in changes] + [("unusual", line) for line in report.unusual]
    return table(("what", "change"), rows)


def _commits(report: Report) -> list[str]:
    lines = [f"- {plain(commit)}" for commit in report.commits[:_MOST_COMMITS]]
    more = report.commit_count - len(lines)
    return [*lines, *([f"- and {more} more"] if more > 0 else [])]


def _notes(report: Report) -> list[str]:
    lines = report.notes.splitlines()
    more = [f"... and {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return fenced("\n".join([*lines[:_MOST_LINES], *more])) if lines else []
