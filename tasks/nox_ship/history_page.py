"""How releasing has been going, as a page: the last runs as bars, and what they tell."""

from __future__ import annotations

from collections.abc import Sequence

from nox_ship.html_tags import Html, document, duration, moment, section, tag
from nox_ship.release.history import Going, Past, Typical

_SIGNS = {"passed": ("good", "✓"), "failed": ("bad", "✗")}


def page(going: Going, name: str) -> str:
    """Return a page of HTML.

    Args:
        going: How releasing has been going.
        name: What the project is called.
    """
    parts = [_head(going, name)]
    if going.steps:
        parts.append(section("What steps take", _times(going.steps), named="steps"))
    if going.sessions:
        parts.append(section("Slowest sessions", _times(going.sessions), named="sessions"))
    if going.findings:
        lines = [tag("li", tag("span", f"{runs} runs", class_="verb"), finding) for finding, runs in going.findings]
        parts.append(section("What stopped runs", tag("ul", *lines, class_="lines"), named="findings"))
    parts.append(section("Runs", _runs(going.runs), named="runs"))
    return document(f"{name}: how releasing has been going", parts)


def _head(going: Going, name: str) -> Html:
    share = "no release yet" if going.share is None else f"{going.share:.0%}"
    facts = {
        "passed at the first try": share,
        "releases": str(going.releases),
        "runs": str(len(going.runs)),
        "rehearsals": str(sum(run.rehearsal for run in going.runs)),
    }
    listed = [tag("div", tag("dt", key), tag("dd", value)) for key, value in facts.items()]
    title = tag("h1", f"{name} ", tag("span", "how releasing has been going", class_="version"))
    return tag("header", title, tag("dl", *listed, class_="facts"), class_="good")


def _runs(runs: Sequence[Past]) -> Html:
    longest = max((run.seconds for run in runs), default=0.0)
    columns = (("run", ""), ("how long", ""), ("took", "number"))
    head = tag("tr", *(tag("th", name, scope="col", role="columnheader", class_=kind) for name, kind in columns))
    rows = [_run(run, longest) for run in runs]
    caption = tag("caption", "The last runs, the newest first", class_="unseen")
    body = tag("tbody", *rows, role="rowgroup", style="--grid:25%")
    return tag("table", caption, tag("thead", head, role="rowgroup"), body, class_="timeline", role="table")


def _run(run: Past, longest: float) -> Html:
    tone, sign = _SIGNS.get(run.verdict, ("odd", "Ⅱ"))
    name = [tag("span", sign, class_="sign", aria_hidden="true"), run.version or "no version"]
    status = tag("span", run.verdict, class_="status")
    bar = tag("span", class_="bar", style=f"--x:0%;--w:{_share(run.seconds, longest):.3f}%")
    kind = "rehearsal" if run.rehearsal else "release"
    what = [kind, ", ", moment(run.begun), *(f", {finding}" for finding in run.findings)]
    return tag(
        "tr",
        tag("th", tag("span", *name, class_="name"), status, scope="row", role="rowheader"),
        tag("td", tag("span", bar, class_="track"), tag("span", *what, class_="detail"), role="cell"),
        tag("td", duration(run.seconds), class_="number", role="cell"),
        class_=tone,
        role="row",
    )


def _times(times: Sequence[Typical]) -> Html:
    longest = max(one.longest for one in times)
    columns = (("name", ""), ("median, within the longest", ""), ("median", "number"))
    head = tag("tr", *(tag("th", name, scope="col", role="columnheader", class_=kind) for name, kind in columns))
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
    body = tag("tbody", *rows, role="rowgroup", style="--grid:25%")
    return tag("table", tag("thead", head, role="rowgroup"), body, class_="timeline", role="table")


def _share(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0
