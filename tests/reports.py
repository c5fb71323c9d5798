"""Reports of runs with every kind of ending, for tests that render them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from nox_ship.release.history import Past, Spent
from nox_ship.report import BuiltFile, Report, Row


def step(name: str, begun: float | None, seconds: float, detail: str = "", status: str = "done") -> Row:
    """Return the row of a step."""
    return Row(name, status, seconds, detail, begun=begun)


def session(name: str, begun: float | None, seconds: float, *needs: str, status: str = "passed") -> Row:
    """Return the row of a session among the gates."""
    return Row(name, status, seconds, within="gates", begun=begun, needs=list(needs))


def rehearsal() -> Report:
    """Return the report of a rehearsal that passed."""
    rows = [
        step("preflight", 0.0, 0.1, "sample 1.0.0 → 1.1.0 on main"),
        step("bump", 0.1, 0.5, "1.0.0 → 1.1.0, tag v1.1.0"),
        step("gates", 0.6, 6.9, "4 passed, 1 reused, 1 skipped"),
        session("build", 0.7, 2.9),
        session("verify-install-3.12", 3.7, 2.5, "build"),
        session("tests-3.12", 0.7, 5.4),
        session("coverage", 6.2, 1.2, "tests-3.12"),
        session("audit", None, 3.2, status="reused"),
        session("typecheck", 0.7, 0.1, status="skipped"),
        step("push", 7.5, 0.1, "main and v1.1.0 to the stand-in for origin, in one atomic push"),
        step("publish", 7.6, 0.4, "the stand-in for PyPI: 2 uploaded"),
    ]
    return Report(
        "Rehearsal of the release",
        rehearsal=True,
        passed=True,
        project="sample",
        version="1.1.0",
        tag="v1.1.0",
        commit="97e3948a88" * 4,
        command="nox -s release -- minor",
        rows=rows,
        changed=True,
        remote="origin",
        branch="main",
        release_branch="main",
        index="PyPI",
        commits=["97e3948 Release 1.1.0", "aafe5de Greet in Icelandic"],
        commit_count=25,
        notes="### Added\n\n- Greetings in Icelandic, with `--language is`,\n  at last.\n- More.\n\nThe end.",
        since="1.0.0 on PyPI",
        changes=["size: 3.1 kB → 3.4 kB", "files: 1 added (sample/icelandic.py)"],
        unusual=["NS562 module-gone: The module sample.old is gone. Say so."],
        pushes=["main → origin", "v1.1.0 → origin"],
        uploads=["sample-1.1.0-py3-none-any.whl → PyPI", "sample-1.1.0.tar.gz → PyPI"],
        verified=["sample-1.1.0-py3-none-any.whl, as the stand-in for PyPI serves it, works on Python 3.12"],
        files=[
            BuiltFile("sample-1.1.0-py3-none-any.whl", 3412, "9f" * 32),
            BuiltFile("sample-1.1.0.tar.gz", 8120, "60" * 32),
        ],
        elsewhere=["cp312-win_amd64", "cp312-macosx_arm64"],
        environment={"Python": "3.12.1", "nox": "2026.10.20", "git": "2.39.5"},
        findings=[
            {
                "id": "NS562",
                "name": "module-gone",
                "level": "warning",
                "what": "The module `sample.old` is gone.",
                "remedy": "Say so.",
            }
        ],
        seconds=8.0,
    )


def failed() -> Report:
    """Return the report of a release whose tests failed."""
    report = Report("Release", project="sample", version="1.1.0", command="nox -s release -- minor", seconds=72.4)
    report.rows = [
        step("preflight", 0.0, 0.1),
        step("gates", 0.1, 70.0, status="failed"),
        session("tests-3.12", 0.2, 70.0, status="failed"),
        session("coverage", None, 0.0, "tests-3.12", status="not reached"),
        step("push", None, 0.0, status="not reached"),
    ]
    what, remedy = "tests-3.12 did not pass: 1 failed.", "To run it alone: `nox -s tests-3.12`."
    report.findings = [{"id": "NS431", "name": "gate-failed", "level": "error", "what": what, "remedy": remedy}]
    return report


def interrupted() -> Report:
    """Return the report of a release that the user interrupted after its push."""
    report = rehearsal()
    report.title, report.rehearsal, report.passed, report.pushed = "Release", False, False, "yes"
    report.arrived = ["main on origin"]
    report.rows[-1].status = "interrupted"
    return report


def hostile(text: str) -> Report:
    """Return a report in which the project controls every text."""
    report = rehearsal()
    report.title = report.project = report.version = report.tag = report.commit = report.notes = report.since = text
    report.command = report.credentials = report.workflow = report.remote = report.branch = report.index = text
    report.release_branch = f"{text}x"
    report.rows = [
        Row(text, "done", 1.0, text, begun=0.0),
        Row("gates", "done", 1.0, text, begun=1.0),
        Row(text, "passed", 1.0, text, "gates", 1.0, [text]),
    ]
    lines = [text, f"a {text}", f"{text}: {text}"]
    report.commits = report.changes = report.unusual = report.warnings = report.verified = lines
    report.pushes = report.uploads = lines
    report.files = [BuiltFile(text, 1, text)]
    report.environment = {text: text}
    report.findings = [{"id": text, "name": text, "level": "error", "what": text, "remedy": text}]
    return report


def short(text: str) -> str:
    """Return the test ID for a text."""
    return ascii(text[:40])


ATTACKS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" style="background:url(https://evil.example)',
    "<!-- <b>",
    "--><b>",
    "&lt;script&gt; &#x3c; &amp;",
    "javascript:alert(1)",
    "https://evil.example/",
    "`<b>`",
    "`\"` onx='",
    "- <i>x",
    "### <i>x",
    "]]><b>",
    "\x00<b>\x1b[31m\x08\x7f\x9b",
    "\u202e<b>\u2066\u200f\ufeff",
    "\ud800<b>\u2028\x85",
    "x" * 5000,
    "<" * 500,
    "https://me:pass-`word`@host.example/x <b>",
]
"""Hostile texts that a project may use."""


EMPTY = {"meta"}
"""Elements without an end tag."""


@dataclass
class Page(HTMLParser):
    """A page as a browser parses it."""

    text: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    """Each piece of text, with the elements around it."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.feed(self.text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element, which must be the one that was entered last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Store a piece of text."""
        self.words.append((tuple(self._open), data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element with this tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, *within: str) -> str:
        """Return the text within these elements, without styles."""
        pieces = (data for where, data in self.words if set(within) <= set(where) and "style" not in where)
        return " ".join(" ".join(pieces).split())


def run(version: str, verdict: str = "passed", *, rehearsal: bool = False, **spent: float) -> Past:
    """Return a run; names in ``spent`` that begin with ``s`` are sessions."""
    took = tuple(Spent(name, seconds, "gates" if name.startswith("s") else None) for name, seconds in spent.items())
    findings = () if verdict == "passed" else ("NS431 gate-failed",)
    return Past("2026-01-01T00:00:00+00:00", "sample", version, rehearsal, verdict, sum(spent.values()), findings, took)
