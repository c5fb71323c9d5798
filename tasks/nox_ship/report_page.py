"""A report as a page: one file of HTML that loads nothing, runs nothing, and shows all text as text."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterable, Iterator
from importlib import resources

from nox_ship import closing
from nox_ship.printable import printable
from nox_ship.report import Report, Row
from nox_ship.timeline import Bar, bars

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
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
_CODE = re.compile(r"`([^`\n]+)`")
_MINUTE = 60


class _Html(str):
    """Text that is HTML already."""

    __slots__ = ()


_Content = str | Iterable[str]


def _tag(name: str, /, *content: str, **attributes: str) -> _Html:
    """Return an element; what is not HTML yet is escaped, here and nowhere else."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"' for key, value in attributes.items())
    return _Html(f"<{name}{told}>{''.join(map(_text, content))}</{name}>")


def _text(text: str) -> str:
    return text if isinstance(text, _Html) else html.escape(printable(text))


def _sentence(text: str) -> _Html:
    """Return a sentence of ours, in which commands and names stand between backticks."""
    parts = map(html.escape, _CODE.split(printable(text)))  # harmless as a whole: an address may hold a backtick
    return _Html("".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts)))


def page(report: Report) -> str:
    """Return a report as a page of HTML."""
    title = f"{report.title} {report.version}".strip()
    stopped = any(one["level"] == "error" for one in report.findings)
    first = [_findings(report), _timeline(report)]
    sections = [
        *(first if stopped else reversed(first)),
        _delivered(report),
        _files(report),
        _difference(report),
        _commits(report),
        _notes(report),
        _environment(report),
    ]
    body = _tag("main", _head(report), *(section for section in sections if section))
    shown = _tag("title", f"{_SIGNS[report.verdict]} {report.project} {title}: {report.verdict}")
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"{shown}<style>{_style()}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _style() -> str:
    return (resources.files("nox_ship") / "templates" / "report.css").read_text("utf-8")


def _head(report: Report) -> _Html:
    tone = _TONES.get(report.verdict, "odd")
    badge = _tag("strong", _sign(report.verdict), report.verdict, class_=f"badge {tone}")
    kind = _tag("span", report.title, class_="kind rehearsal" if report.rehearsal else "kind")
    name = _tag("h1", f"{report.project} ", _tag("span", report.version, class_="version"))
    facts = {
        "begun": _moment(report.begun),
        "took": _Html(_text(_seconds(report.seconds))),
        "tag": _code(report.tag),
        "commit": _code(report.commit[:12]),
        "branch": _code(report.branch),
        "goes to": _Html(_text(report.index)),
        "published by": _code(report.workflow),
        "credentials": _Html(_text(report.credentials)),
    }
    listed = [_tag("div", _tag("dt", name), _tag("dd", value)) for name, value in facts.items() if value]
    return _tag(
        "header",
        _tag("p", badge, kind, class_="verdict"),
        name if report.project else _tag("h1", report.title),
        _tag("p", *_ending(report), class_="ending"),
        _tag("dl", *listed, class_="facts"),
        class_=tone,
    )


def _ending(report: Report) -> list[str]:
    """Return the sentence that the run ended with; the command in it is one that can be copied."""
    before, command, after = closing.ended(report).partition(report.command or "\n")
    return [_sentence(before), _code(command.strip()), _sentence(after)]


def _code(text: str) -> _Html:
    return _tag("code", text) if text else _Html("")


def _sign(status: str) -> _Html:
    return _tag("span", _SIGNS.get(status, "·"), class_="sign", aria_hidden="true")


def _moment(begun: str) -> _Html:
    try:
        moment = dt.datetime.fromisoformat(begun).astimezone(dt.UTC)
    except ValueError:
        return _Html(_text(begun))
    return _tag("time", f"{moment:%d %B %Y, %H:%M} UTC".lstrip("0"), datetime=begun)


def _seconds(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s"


def _section(title: str, *content: str, named: str) -> _Html:
    return _tag("section", _tag("h2", title, id=named), *content, aria_labelledby=named) if content else _Html("")


def _findings(report: Report) -> _Html:
    order = list(_LEVELS)
    found = sorted(report.findings, key=lambda one: order.index(one["level"]))
    told = [_finding(one["level"], f"{one['id']} {one['name']}", one["what"], one["remedy"]) for one in found]
    told += [_finding("warning", "", line, "") for line in report.warnings]
    return _section("Findings", _tag("ul", *told, class_="findings"), named="findings") if told else _Html("")


def _finding(level: str, name: str, what: str, remedy: str) -> _Html:
    tone, sign = _LEVELS[level]
    head = _tag("p", _tag("span", sign, class_="sign", aria_hidden="true"), _tag("strong", level), f" {name}")
    more = _tag("p", _sentence(remedy), class_="remedy") if remedy else _Html("")
    return _tag("li", head, _tag("p", _sentence(what)), more, class_=tone)


def _timeline(report: Report) -> _Html:
    drawn = bars(report)
    whole = max([report.seconds, *(bar.end for bar in drawn)], default=0.0) or 1.0
    ticks = [_tag("span", f"{tick:g} s", style=f"--x:{100 * tick / whole:.3f}%") for tick in _ticks(whole)]
    head = _tag(
        "tr",
        _tag("th", "step", scope="col", role="columnheader"),
        _tag("th", _tag("span", "when", class_="unseen"), *ticks, scope="col", role="columnheader", class_="axis"),
        _tag("th", "took", scope="col", role="columnheader", class_="number"),
        role="row",
    )
    by_row = {id(bar.row): bar for bar in drawn}
    parents = {row.within for row in report.rows}
    rows = [_row(row, by_row.get(id(row)), whole, parent=row.name in parents) for row in _in_order(report.rows)]
    if not rows:
        return _Html("")
    path = [bar.row.name for bar in drawn if bar.critical]
    told = f", which a quicker run has to make quicker: {' → '.join(path)}"
    chain = _tag("p", _tag("span", "◆ Critical path", class_="critical"), told, class_="path")
    caption = _tag("caption", "Steps and sessions over time; ◆ marks the critical path.", class_="unseen")
    step = _nice(whole)
    body = _tag("tbody", *rows, role="rowgroup", style=f"--grid:{100 * step / whole:.3f}%")
    head = _tag("thead", head, role="rowgroup")
    table = _tag("table", caption, head, body, class_="timeline", role="table")
    return _section("Timeline", table, *([chain] if path else []), named="timeline")


def _in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield each step, and after it its sessions in the order in which they began."""
    rows = list(rows)
    for step in rows:
        if step.within is None:
            yield step
            within = [row for row in rows if row.within == step.name]
            yield from sorted(within, key=lambda row: float("inf") if row.begun is None else row.begun)


def _row(row: Row, bar: Bar | None, whole: float, *, parent: bool) -> _Html:
    critical = _tag("span", "◆", class_="critical", title="critical path", role="img", aria_label="critical path")
    name = [_sign(row.status), row.name, *([" ", critical] if bar and bar.critical else [])]
    status = _tag("span", row.status, class_="status")
    drawn = _Html("")
    if bar:
        place = f"--x:{100 * bar.begin / whole:.3f}%;--w:{100 * (bar.end - bar.begin) / whole:.3f}%"
        drawn = _tag("span", class_=f"bar{' critical' if bar.critical else ''}", style=place)
    detail = _tag("span", _sentence(row.detail), class_="detail") if row.detail else _Html("")
    took = _seconds(row.seconds) if bar or row.seconds else ""
    kinds = (("session", row.within), ("idle", not bar), ("whole", parent))
    kind = " ".join([_TONES.get(row.status, "odd"), *(name for name, whether in kinds if whether)])
    return _tag(
        "tr",
        _tag("th", _tag("span", *name, class_="name"), status, scope="row", role="rowheader"),
        _tag("td", _tag("span", drawn, class_="track"), detail, role="cell"),
        _tag("td", took, class_="number", role="cell"),
        class_=kind,
        role="row",
    )


def _nice(whole: float) -> float:
    """Return the distance of ticks of which three to five fit."""
    for power in range(-1, 6):
        for step in (1, 2, 5):
            if whole / (step * 10.0**power) <= 5:  # noqa: PLR2004 - ticks that a phone has room for
                return float(step * 10.0**power)
    return whole


def _ticks(whole: float) -> list[float]:
    step = _nice(whole)
    return [number * step for number in range(int(whole / step * 0.94) + 1)]


def _delivered(report: Report) -> _Html:
    lines = [_tag("li", _tag("span", verb, class_="verb"), " ", line) for verb, line in report.deliveries]
    proven = [_tag("li", _tag("span", "verified", class_="verb good"), " ", line) for line in report.verified]
    if not (lines or proven):
        return _Html("")
    title = "What a release would deliver" if report.rehearsal else "Delivered"
    return _section(title, _tag("ul", *lines, *proven, class_="lines"), named="delivered")


def _files(report: Report) -> _Html:
    rows = [
        _tag(
            "tr",
            _tag("th", file.name, scope="row"),
            _tag("td", f"{file.size:,}".replace(",", "\u202f"), class_="number"),
            _tag("td", _tag("code", file.sha256)),
        )
        for file in report.files
    ]
    columns = (("file", ""), ("bytes", "number"), ("SHA-256", ""))
    head = _tag("tr", *(_tag("th", name, scope="col", class_=kind) for name, kind in columns))
    table = _tag("table", _tag("thead", head), _tag("tbody", *rows), class_="files")
    return _section("Files", table, named="files") if rows else _Html("")


def _difference(report: Report) -> _Html:
    if not report.since:
        return _Html("")
    changes = [line.partition(": ") for line in report.changes] or [("nothing", "", "but the version")]
    rows = [_tag("tr", _tag("th", what, scope="row"), _tag("td", change)) for what, _, change in changes]
    table = _tag("table", _tag("tbody", *rows), class_="changes")
    return _section(f"Changed since {report.since}", table, named="difference")


def _commits(report: Report) -> _Html:
    lines = []
    for commit in report.commits:
        digest, _, subject = commit.partition(" ")
        lines.append(_tag("li", _tag("code", digest), " ", subject))
    if report.commit_count > len(lines) > 0:
        lines.append(_tag("li", f"and {report.commit_count - len(lines)} more"))
    title = f"Commits new to {report.remote or 'the remote'}"
    return _section(title, _tag("ul", *lines, class_="lines"), named="commits") if lines else _Html("")


def _notes(report: Report) -> _Html:
    if not report.notes.strip():
        return _Html("")
    blocks: list[_Html] = []
    items: list[_Html] = []
    for line in [*report.notes.strip().splitlines(), ""]:
        item = re.fullmatch(r"[-*+] (.*)", line)
        if item:
            items.append(_tag("li", _sentence(item[1])))
            continue
        if items and line.startswith("  ") and line.strip():
            items[-1] = _Html(f"{items[-1].removesuffix('</li>')} {_sentence(line.strip())}</li>")
            continue
        if items and line.strip():
            blocks.append(_tag("ul", *items))
            items = []
        if line.strip():
            heading = re.fullmatch(r"#{1,6} (.*)", line)
            blocks.append(_tag("h3", _sentence(heading[1])) if heading else _tag("p", _sentence(line)))
    if items:
        blocks.append(_tag("ul", *items))
    return _section(f"Notes of {report.version}", *blocks, named="notes")


def _environment(report: Report) -> _Html:
    listed = [_tag("div", _tag("dt", name), _tag("dd", version)) for name, version in report.environment.items()]
    return _section("Made with", _tag("dl", *listed, class_="facts"), named="environment") if listed else _Html("")
