from __future__ import annotations

import re

import pytest

from nox_ship.html_tags import duration
from nox_ship.printable import printable
from nox_ship.report import Report, Row
from nox_ship.report_page import _nice, _ticks, page
from reports import ATTACKS, Page, failed, hostile, interrupted, rehearsal, session, short, step
from support import each


def headings(report: Report) -> list[str]:
    """Return the headings of a report's page."""
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page(report))


def test_a_page_tells_all_that_the_report_holds() -> None:
    """The page shows everything in the report: first the verdict, then the timeline, then the results."""
    read = Page(page(rehearsal()))
    said = read.said("body")
    assert said.startswith("✓ passed Rehearsal of the release sample 1.1.0 Nothing was touched: this was a rehearsal.")
    for text in (
        *("NS562 module-gone", "The module sample.old is gone.", "8.0 s", "v1.1.0", "97e3948a8897"),
        *("1.0.0 → 1.1.0, tag v1.1.0", "tests-3.12", "reused", "skipped", "9f" * 32, "8 120"),
        *("would push main → origin", "would upload sample-1.1.0.tar.gz → PyPI", "works on Python 3.12"),
        *("3.1 kB → 3.4 kB", "Greet in Icelandic", "and 23 more", "Greetings in Icelandic", "The end.", "2026.10.20"),
        "Wheels that a workflow builds, not tested here cp312-win_amd64 cp312-macosx_arm64",
    ):
        assert text in said
    assert headings(rehearsal()) == [
        "Timeline",
        "Findings",
        "What a release would deliver",
        "Files",
        "Wheels that a workflow builds, not tested here",
        "Changed since 1.0.0 on PyPI",
        "Commits new to origin",
        "Notes of 1.1.0",
        "Made with",
    ]


def test_what_there_is_nothing_of_has_no_heading() -> None:
    """Sections without content have no heading, for example if the run ended in its first step."""
    assert headings(Report("Release")) == []
    assert "✗ failed Release Release Nothing was changed" in Page(page(Report("Release"))).said("body")
    assert headings(failed()) == ["Findings", "Timeline"]


def test_a_page_says_how_the_run_ended() -> None:
    """The page says how the run ended and what to do next, and shows errors before everything else."""
    said = Page(page(failed())).said("body")
    assert "✗ failed Release" in said
    assert "1 min 12 s" in said
    assert said.index("NS431") < said.index("Timeline")
    said = Page(page(interrupted())).said("body")
    assert "Ⅱ interrupted Release" in said
    assert "Already public: main on origin. Run the same command again" in said


def test_the_run_that_was_followed_is_linked() -> None:
    """The workflow's run is linked if its address is on GitHub; any other address is not."""
    url = "https://github.com/acme/sample/actions/runs/7"
    assert f'<a href="{url}">release.yml</a>' in page(Report("Release", workflow="release.yml", run=url))
    assert "href" not in page(Report("Release", workflow="release.yml", run="javascript:alert(1)"))


def test_commands_are_told_from_words() -> None:
    """Text between backticks and the next command are shown as code."""
    text = page(rehearsal())
    assert "To release: <code>nox -s release -- minor</code>" in text
    assert "The module <code>sample.old</code> is gone." in text


def test_the_critical_path_is_not_marked_by_colour_alone() -> None:
    """Each name on the critical path has a sign beside it, and the path is also written out."""
    read = Page(page(rehearsal()))
    marked = [one for one in read.all("span") if one.get("aria-label") == "critical path"]
    assert len(marked) == 6
    assert "preflight → bump → tests-3.12 → coverage → push → publish" in read.said("body")
    bars = [one for one in read.all("span") if (one.get("class") or "").startswith("bar")]
    assert [one["class"] for one in bars].count("bar critical") == 6
    assert {"--x:8.750%;--w:36.250%"} <= {one["style"] for one in bars}


def test_sessions_follow_their_step_in_the_order_in_which_they_began() -> None:
    """Sessions stand below their step in the order in which they began; those that did not run come last."""
    rows = [step("gates", 0, 5), step("push", 5, 1), session("b", 2, 1), session("a", None, 9), session("c", 1, 1)]
    names = re.findall(r"class=\"name\"><span[^>]*>.</span>(\w+)", page(Report("x", rows=rows)))
    assert names == ["gates", "c", "b", "a", "push"]


def test_a_page_runs_and_loads_nothing() -> None:
    """The page has no scripts, links or external resources, and its policy forbids them."""
    read = Page(page(rehearsal()))
    policy = next(one["content"] or "" for one in read.all("meta") if one.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    for kind in ("script", "link", "a", "img", "iframe", "object", "form", "base"):
        assert read.all(kind) == []
    assert not [key for _, attributes in read.elements for key in attributes if key.startswith("on")]
    assert "url(" not in page(rehearsal())
    assert "@import" not in page(rehearsal())


def test_a_page_can_be_listened_to() -> None:
    """For screen readers, the page names its language, sections and table headers, and hides its signs."""
    read = Page(page(rehearsal()))
    assert read.all("html") == [{"lang": "en"}]
    assert len(read.all("h1")) == len(read.all("main")) == 1
    named = {one["id"] for one in read.all("h2")}
    assert {one["aria-labelledby"] for one in read.all("section")} == named
    assert all(one.get("scope") in ("row", "col") for one in read.all("th"))
    assert all(one.get("aria-hidden") == "true" for one in read.all("span") if one.get("class") == "sign")


@pytest.mark.parametrize("text", ATTACKS, ids=short)
def test_all_text_is_text(text: str) -> None:
    """Text from a project adds no element or attribute to the page, and remains readable."""
    plain, odd = Page(page(hostile("harmless"))), Page(page(hostile(text)))
    kinds = {(tag, tuple(attributes)) for tag, attributes in plain.elements}
    new = {(tag, tuple(attributes)) for tag, attributes in odd.elements} - kinds
    assert new <= {("code", ()), ("h3", ()), ("ul", ()), ("li", ())}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u202a-\u202e\u2066-\u2069\ufeff]", odd.text)
    odd.text.encode()
    assert "pass-" not in odd.text
    shown = " ".join(printable(text).replace("`", "").split())
    assert shown in odd.said("body").replace("`", "")


@pytest.mark.parametrize("status", ["success", "", "<b>"])
def test_any_status_has_a_row(status: str) -> None:
    """A status that is unknown, empty, or looks like HTML has a row too."""
    assert Page(page(Report("x", rows=[Row("a", status)]))).said("tbody").startswith("· a")


@each(
    ("whole", "expected"),
    [
        (0.04, [0, 0.1][:1]),
        (8.2, [0, 2, 4, 6]),
        (1.0, [0, 0.2, 0.4, 0.6, 0.8]),
        (75, [0, 20, 40, 60]),
        (4000, [0, 1000, 2000, 3000]),
    ],
)
def test_the_axis_has_a_few_round_numbers(whole: float, expected: list[float]) -> None:
    """The axis has a few round numbers, and none at its very end, where there is no room."""
    assert _ticks(whole) == pytest.approx(expected)
    assert whole / _nice(whole) <= 5


def test_times_are_told_as_people_tell_them() -> None:
    """Durations are shown in tenths of a second, or in minutes and seconds."""
    assert [duration(number) for number in (0.04, 8.25, 59.9, 60.4, 3725.0)] == [
        "0.0 s",
        "8.2 s",
        "59.9 s",
        "1 min 0 s",
        "62 min 5 s",
    ]


def test_a_time_that_cannot_be_read_is_shown() -> None:
    """A time that cannot be parsed is shown as it is."""
    assert "soon" in Page(page(Report("x", begun="soon"))).said("header")
