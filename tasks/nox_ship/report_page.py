"""A report as a page: one HTML file that loads nothing, runs nothing, and shows all text literally."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nox_ship import closing
from nox_ship.addresses import is_safe
from nox_ship.html_tags import Html, document, duration, moment, section, sentence, tag, text
from nox_ship.report import ELSEWHERE, Report, Row
from nox_ship.timeline import Bar, bars

_SIGNS = {
    "passed": "✓",
    "done": "✓",
    "reused": "↻",
    "skipped": "·",
    "not reached": "·",
    "pending": "…",
    "declined": "Ⅱ",
    "interrupted": "Ⅱ",
    "failed": "✗",
}
_TONES = {"passed": "good", "done": "good", "reused": "good", "failed": "bad"}
_LEVELS = {"error": ("bad", "✗"), "warning": ("odd", "!"), "notice": ("note", "i")}


def page(report: Report) -> str:
    """Return a report as an HTML page."""
    title = f"{report.title} {report.version}".strip()
    stopped = any(one["level"] == "error" for one in report.findings)
    first = [_findings(report), _timeline(report)]
    sections = [
        *(first if stopped else reversed(first)),
        _delivered(report),
        _files(report),
        _elsewhere(report),
        _difference(report),
        _commits(report),
        _notes(report),
        _environment(report),
    ]
    name = f"{_SIGNS[report.verdict]} {report.project} {title}: {report.verdict}"
    return document(name, [_head(report), *(one for one in sections if one)])


def _head(report: Report) -> Html:
    tone = _TONES.get(report.verdict, "odd")
    badge = tag("strong", _sign(report.verdict), report.verdict, class_=f"badge {tone}")
    kind = tag("span", report.title, class_="kind rehearsal" if report.rehearsal else "kind")
    name = tag("h1", f"{report.project} ", tag("span", report.version, class_="version"))
    facts = {
        "begun": moment(report.begun),
        "took": text(duration(report.seconds)),
        "tag": _code(report.tag),
        "commit": _code(report.commit[:12]),
        "branch": _code(report.branch),
        "goes to": tag("a", report.index, href=report.page) if is_safe(report.page) else text(report.index),
        "published by": tag("a", report.workflow, href=report.run) if is_safe(report.run) else _code(report.workflow),
        "credentials": text(report.credentials),
    }
    listed = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts.items() if value]
    return tag(
        "header",
        tag("p", badge, kind, class_="verdict"),
        name if report.project else tag("h1", report.title),
        tag("p", *_ending(report), class_="ending"),
        tag("dl", *listed, class_="facts"),
        class_=tone,
    )


def _ending(report: Report) -> list[str]:
    """Return the last sentence of the run, with a command that can be copied."""
    before, command, after = closing.ended(report).partition(report.command or "\n")
    return [sentence(before), _code(command.strip()), sentence(after)]


def _code(shown: str) -> Html:
    return tag("code", shown) if shown else Html("")


def _sign(status: str) -> Html:
    return tag("span", _SIGNS.get(status, "·"), class_="sign", aria_hidden="true")


def _findings(report: Report) -> Html:
    order = list(_LEVELS)
    found = sorted(report.findings, key=lambda one: order.index(one["level"]))
    told = [_finding(one["level"], f"{one['id']} {one['name']}", one["what"], one["remedy"]) for one in found]
    told += [_finding("warning", "", line, "") for line in report.warnings]
    return section("Findings", tag("ul", *told, class_="findings"), named="findings") if told else Html("")


def _finding(level: str, name: str, what: str, remedy: str) -> Html:
    tone, sign = _LEVELS[level]
    head = tag("p", tag("span", sign, class_="sign", aria_hidden="true"), tag("strong", level), f" {name}")
    more = tag("p", sentence(remedy), class_="remedy") if remedy else Html("")
    return tag("li", head, tag("p", sentence(what)), more, class_=tone)


def _timeline(report: Report) -> Html:
    drawn = bars(report)
    whole = max([report.seconds, *(bar.end for bar in drawn)], default=0.0) or 1.0
    ticks = [tag("span", f"{tick:g} s", style=f"--x:{100 * tick / whole:.3f}%") for tick in _ticks(whole)]
    head = tag(
        "tr",
        tag("th", "step", scope="col", role="columnheader"),
        tag("th", tag("span", "when", class_="unseen"), *ticks, scope="col", role="columnheader", class_="axis"),
        tag("th", "took", scope="col", role="columnheader", class_="number"),
        role="row",
    )
    by_row = {id(bar.row): bar for bar in drawn}
    parents = {row.within for row in report.rows}
    rows = [_row(row, by_row.get(id(row)), whole, parent=row.name in parents) for row in _in_order(report.rows)]
    if not rows:
        return Html("")
    path = [bar.row.name for bar in drawn if bar.critical]
    told = f", which determines the duration: {' → '.join(path)}"
    chain = tag("p", tag("span", "◆ Critical path", class_="critical"), told, class_="path")
    caption = tag("caption", "Steps and sessions over time; ◆ marks the critical path.", class_="unseen")
    step = _nice(whole)
    body = tag("tbody", *rows, role="rowgroup", style=f"--grid:{100 * step / whole:.3f}%")
    head = tag("thead", head, role="rowgroup")
    table = tag("table", caption, head, body, class_="timeline", role="table")
    return section("Timeline", table, *([chain] if path else []), named="timeline")


def _in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield each step, followed by its sessions in the order in which they began."""
    rows = list(rows)
    for step in rows:
        if step.within is None:
            yield step
            within = [row for row in rows if row.within == step.name]
            yield from sorted(within, key=lambda row: float("inf") if row.begun is None else row.begun)


def _row(row: Row, bar: Bar | None, whole: float, *, parent: bool) -> Html:
    critical = tag("span", "◆", class_="critical", title="critical path", role="img", aria_label="critical path")
    name = [_sign(row.status), row.name, *([" ", critical] if bar and bar.critical else [])]
    status = tag("span", row.status, class_="status")
    drawn = Html("")
    if bar:
        place = f"--x:{100 * bar.begin / whole:.3f}%;--w:{100 * (bar.end - bar.begin) / whole:.3f}%"
        drawn = tag("span", class_=f"bar{' critical' if bar.critical else ''}", style=place)
    detail = tag("span", sentence(row.detail), class_="detail") if row.detail else Html("")
    took = duration(row.seconds) if bar or row.seconds else ""
    kinds = (("session", row.within), ("idle", not bar), ("whole", parent))
    kind = " ".join([_TONES.get(row.status, "odd"), *(name for name, whether in kinds if whether)])
    return tag(
        "tr",
        tag("th", tag("span", *name, class_="name"), status, scope="row", role="rowheader"),
        tag("td", tag("span", drawn, class_="track"), detail, role="cell"),
        tag("td", took, class_="number", role="cell"),
        class_=kind,
        role="row",
    )


def _nice(whole: float) -> float:
    """Return an interval so that three to five ticks fit."""
    for power in range(-1, 6):
        for step in (1, 2, 5):
            if whole / (step * 10.0**power) <= 5:  # noqa: PLR2004 - ticks that a phone has room for
                return float(step * 10.0**power)
    return whole


def _ticks(whole: float) -> list[float]:
    step = _nice(whole)
    return [number * step for number in range(int(whole / step * 0.94) + 1)]


def _delivered(report: Report) -> Html:
    lines = [tag("li", tag("span", verb, class_="verb"), " ", line) for verb, line in report.deliveries]
    proven = [tag("li", tag("span", "verified", class_="verb good"), " ", line) for line in report.verified]
    if not (lines or proven):
        return Html("")
    title = "What a release would deliver" if report.rehearsal else "Delivered"
    return section(title, tag("ul", *lines, *proven, class_="lines"), named="delivered")


def _files(report: Report) -> Html:
    rows = [
        tag(
            "tr",
            tag("th", file.name, scope="row"),
            tag("td", f"{file.size:,}".replace(",", "\u202f"), class_="number"),
            tag("td", tag("code", file.sha256)),
        )
        for file in report.files
    ]
    columns = (("file", ""), ("bytes", "number"), ("SHA-256", ""))
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in columns))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="files")
    return section("Files", table, named="files") if rows else Html("")


def _elsewhere(report: Report) -> Html:
    lines = [tag("li", tag("code", what)) for what in report.elsewhere]
    return section(ELSEWHERE, tag("ul", *lines, class_="lines"), named="elsewhere") if lines else Html("")


def _difference(report: Report) -> Html:
    if not report.since:
        return Html("")
    changes = [line.partition(": ") for line in report.changes] or [("nothing", "", "but the version")]
    rows = [tag("tr", tag("th", what, scope="row"), tag("td", change)) for what, _, change in changes]
    table = tag("table", tag("tbody", *rows), class_="changes")
    return section(f"Changed since {report.since}", table, named="difference")


def _commits(report: Report) -> Html:
    lines = []
    for commit in report.commits:
        digest, _, subject = commit.partition(" ")
        lines.append(tag("li", tag("code", digest), " ", subject))
    if report.commit_count > len(lines) > 0:
        lines.append(tag("li", f"and {report.commit_count - len(lines)} more"))
    title = f"Commits new to {report.remote or 'the remote'}"
    return section(title, tag("ul", *lines, class_="lines"), named="commits") if lines else Html("")


def _notes(report: Report) -> Html:
    if not report.notes.strip():
        return Html("")
    blocks: list[Html] = []
    items: list[Html] = []
    for line in [*report.notes.strip().splitlines(), ""]:
        item = re.fullmatch(r"[-*+] (.*)", line)
        if item:
            items.append(tag("li", sentence(item[1])))
            continue
        if items and line.startswith("  ") and line.strip():
            items[-1] = Html(f"{items[-1].removesuffix('</li>')} {sentence(line.strip())}</li>")
            continue
        if items and line.strip():
            blocks.append(tag("ul", *items))
            items = []
        if line.strip():
            heading = re.fullmatch(r"#{1,6} (.*)", line)
            blocks.append(tag("h3", sentence(heading[1])) if heading else tag("p", sentence(line)))
    if items:
        blocks.append(tag("ul", *items))
    return section(f"Notes of {report.version}", *blocks, named="notes")


def _environment(report: Report) -> Html:
    listed = [tag("div", tag("dt", name), tag("dd", version)) for name, version in report.environment.items()]
    return section("Made with", tag("dl", *listed, class_="facts"), named="environment") if listed else Html("")
