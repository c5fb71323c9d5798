"""How recent releases went, as a page: figures with their targets, releases and runs as bars."""

from __future__ import annotations

from collections.abc import Sequence

from nox_ship.html_tags import Html, document, duration, moment, section, tag
from nox_ship.release.delivered import Delivered, OnForge
from nox_ship.release.history import Counted, Going, Past, Typical
from nox_ship.release.marks import Figure, History

_SIGNS = {"passed": ("good", "✓"), "failed": ("bad", "✗")}
_ODD, _OVER = ("odd", "Ⅱ"), ("odd", "!")
_MET = {True: ("good", "✓"), False: ("bad", "✗"), None: ("odd", "·")}


def page(history: History, name: str) -> str:
    """Return a page of HTML.

    Args:
        history: How recent releases went.
        name: The project's name.
    """
    parts = [_head(history, name)]
    if history.figures:
        parts.append(section("Targets", _figures(history.figures), named="marks"))
    if history.forge:
        parts += _of_forge(history.forge, history.figures)
    parts += _of_machine(history.machine)
    return document(f"{name}: how recent releases went", parts)


def _head(history: History, name: str) -> Html:
    machine, forge = history.machine, history.forge
    on_forge = {f"releases on {forge.where}": str(len(forge.releases))} if forge else {}
    facts = {
        **on_forge,
        "releases here": str(machine.releases),
        "runs here": str(len(machine.runs)),
        "rehearsals": str(sum(run.rehearsal for run in machine.runs)),
    }
    listed = [tag("div", tag("dt", key), tag("dd", value)) for key, value in facts.items()]
    title = tag("h1", f"{name} ", tag("span", "how recent releases went", class_="version"))
    why = [f"GitHub was not asked: {history.not_asked}."] if history.not_asked else []
    silent = [tag("p", line) for line in (*why, *(finding["what"] for finding in history.not_told))]
    missed = any(figure.met is False for figure in history.figures)
    return tag("header", title, tag("dl", *listed, class_="facts"), *silent, class_="odd" if missed else "good")


def _figures(figures: Sequence[Figure]) -> Html:
    rows = []
    for figure in figures:
        tone, sign = _MET[figure.met]
        where = "on GitHub" if figure.where == "forge" else "on this machine"
        name = [tag("span", f"{sign} ", class_="sign", aria_hidden="true"), f"{figure.name}, {where}"]
        rows.append(tag("tr", tag("th", *name, scope="row"), tag("td", figure.told), class_=tone))
    return tag("table", tag("tbody", *rows))


def _of_forge(forge: OnForge, figures: Sequence[Figure]) -> list[Html]:
    marks = {figure.name: figure.mark for figure in figures if figure.where == "forge"}
    plots = {"run": "seconds", "from CI to index": "ci_to_index", "from tag to index": "tag_to_index"}
    parts = []
    for name, field in plots.items():
        if any(getattr(one, field) is not None for one in forge.releases):
            plot = _plot(forge.releases, field, marks.get(name))
            parts.append(section(f"Releases on {forge.where}: {name}", plot, named=field))
    if forge.jobs:
        parts.append(section(f"Slowest jobs of {forge.workflow}", _times(forge.jobs), named="jobs"))
    if forge.failures:
        parts.append(section(f"Jobs of {forge.workflow} that failed", _counted(forge.failures), named="failures"))
    return parts


def _of_machine(going: Going) -> list[Html]:
    parts = []
    if going.steps:
        parts.append(section("What steps take here", _times(going.steps), named="steps"))
    if going.sessions:
        parts.append(section("Slowest sessions here", _times(going.sessions), named="sessions"))
    if going.findings:
        parts.append(section("What stopped runs here", _counted(going.findings), named="findings"))
    if going.runs:
        parts.append(section("Runs here", _runs(going.runs), named="runs"))
    return parts


def _counted(many: Sequence[Counted]) -> Html:
    lines = [tag("li", tag("span", f"{one.runs} runs", class_="verb"), one.name) for one in many]
    return tag("ul", *lines, class_="lines")


def _plot(releases: Sequence[Delivered], field: str, mark: float | None) -> Html:
    """Return the duration of each release as bars, with a line at the target."""
    longest = max(mark or 0.0, *(getattr(one, field) or 0.0 for one in releases))
    limit = [] if mark is None else [tag("span", class_="limit", style=f"--x:{_share(mark, longest):.3f}%")]
    rows = []
    for one in releases:
        took: float | None = getattr(one, field)
        keeps = took is not None and (mark is None or took <= mark)
        tone, sign = _SIGNS["passed"] if keeps else _OVER if took is not None else ("idle", "·")
        bar = [] if took is None else [tag("span", class_="bar", style=f"--x:0%;--w:{_share(took, longest):.3f}%")]
        tries = "passed at the first try" if one.first_try else f"{one.attempts} attempts in {one.runs} runs"
        ended = "" if one.passed else ", and failed"
        shown = duration(took) if took is not None else "unknown"
        rows.append(_row(tone, sign, one.version, "", [*bar, *limit], [f"{tries}{ended}, ", moment(one.begun)], shown))
    told = "The last releases, newest first" + ("" if mark is None else f"; the line is at {duration(mark)}")
    return _timeline(("release", "how long", "took"), rows, tag("caption", told))


def _runs(runs: Sequence[Past]) -> Html:
    longest = max((run.seconds for run in runs), default=0.0)
    rows = []
    for run in runs:
        tone, sign = _SIGNS.get(run.verdict, _ODD)
        bar = tag("span", class_="bar", style=f"--x:0%;--w:{_share(run.seconds, longest):.3f}%")
        kind = "rehearsal" if run.rehearsal else "release"
        what = [kind, ", ", moment(run.begun), *(f", {finding}" for finding in run.findings)]
        name = run.version or "no version"
        rows.append(_row(tone, sign, name, run.verdict, [bar], what, duration(run.seconds)))
    caption = tag("caption", "The last runs, newest first", class_="unseen")
    return _timeline(("run", "how long", "took"), rows, caption)


def _row(tone: str, sign: str, name: str, status: str, bars: Sequence[Html], detail: Sequence[str], took: str) -> Html:
    shown = [tag("span", tag("span", sign, class_="sign", aria_hidden="true"), name, class_="name")]
    shown += [tag("span", status, class_="status")] if status else []
    return tag(
        "tr",
        tag("th", *shown, scope="row", role="rowheader"),
        tag("td", tag("span", *bars, class_="track"), tag("span", *detail, class_="detail"), role="cell"),
        tag("td", took, class_="number", role="cell"),
        class_=tone,
        role="row",
    )


def _times(times: Sequence[Typical]) -> Html:
    longest = max(one.longest for one in times)
    rows = []
    for one in times:
        whole = tag("span", class_="bar longest", style=f"--x:0%;--w:{_share(one.longest, longest):.3f}%")
        bar = tag("span", class_="bar", style=f"--x:0%;--w:{_share(one.seconds, longest):.3f}%")
        told = tag("span", f"{one.runs} runs, at most {duration(one.longest)}", class_="detail")
        rows.append(
            tag(
                "tr",
                tag("th", tag("span", one.name, class_="name plain"), scope="row", role="rowheader"),
                tag("td", tag("span", whole, bar, class_="track"), told, role="cell"),
                tag("td", duration(one.seconds), class_="number", role="cell"),
                role="row",
            )
        )
    return _timeline(("name", "median, within the longest", "median"), rows)


def _timeline(columns: tuple[str, str, str], rows: Sequence[Html], *captions: Html) -> Html:
    """Return a table with bars in its middle column."""
    heads = [(name, "number" if name == columns[-1] else "") for name in columns]
    head = tag("tr", *(tag("th", name, scope="col", role="columnheader", class_=kind) for name, kind in heads))
    body = tag("tbody", *rows, role="rowgroup", style="--grid:25%")
    return tag("table", *captions, tag("thead", head, role="rowgroup"), body, class_="timeline", role="table")


def _share(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0
