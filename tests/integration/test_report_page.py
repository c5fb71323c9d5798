"""The page of a report in a real browser: on a phone and a desktop, light and dark, printed, and under attack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from browser import Browser
from delivering import at
from nox_ship import history_page
from nox_ship.release.delivered import Delivered, OnForge
from nox_ship.release.history import Counted, Going, Past, Typical
from nox_ship.release.marks import History, figures
from nox_ship.report import Report
from nox_ship.report_page import page
from reports import ATTACKS, failed, hostile, interrupted, rehearsal, short

REPORTS = {"passed": rehearsal(), "failed": failed(), "interrupted": interrupted()}

CONTRASTS = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, below) => {
    canvas.fillStyle = `rgb(${below})`; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (parts) => {
    const [r, g, b] = parts.map(p => p / 255).map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const chain = [];
    for (let one = element; one; one = one.parentElement) chain.unshift(getComputedStyle(one).backgroundColor);
    return chain.reduce((below, colour) => rgb(colour, below), [255, 255, 255]);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim()) continue;
    const below = behind(element);
    const [one, other] = [light(rgb(getComputedStyle(element).color, below)), light(below)].sort((a, b) => b - a);
    found.push([texts.currentNode.data.slice(0, 40), (one + 0.05) / (other + 0.05)]);
  }
  return found;
})()
"""
"""Each text on the page, with the contrast of its colour to its background as WCAG 2 defines it."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a running browser."""
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


def written(folder: Path, report: Report) -> Path:
    """Write a report's page into a file, and return its path."""
    path = folder / "report.html"
    path.write_text(page(report), "utf-8")
    return path


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", REPORTS)
def test_a_page_reads_well_everywhere(browser: Browser, tmp_path: Path, name: str, width: int, dark: bool) -> None:
    """On any screen, nothing is wider than the screen, all texts have enough contrast, and dark mode is dark."""
    browser.open(written(tmp_path, REPORTS[name]), width=width, dark=dark)
    assert browser.ask("document.documentElement.scrollWidth") == width
    contrasts = browser.ask(CONTRASTS)
    assert len(contrasts) > 20
    assert [text for text, contrast in contrasts if contrast < 4.5] == []
    picture = browser.picture()
    assert picture.width == width
    assert len(picture.colours(left=0, right=4)) == len(picture.colours(left=width - 4, right=width)) == 1
    assert (max(picture.at(0, 0)) < 64) is dark
    assert (min(picture.at(0, 0)) > 192) is not dark
    assert len(picture.colours(left=0, right=width)) > 20


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_of_many_runs_reads_well(browser: Browser, tmp_path: Path, dark: bool) -> None:
    """The page about many runs fits on a phone, and its texts have enough contrast, in light and dark."""
    path = tmp_path / "history.html"
    runs = [Past.of(report) for report in (failed(), interrupted(), rehearsal(), hostile("x" * 500))]
    going = Going.of(runs)
    release = Delivered("1." * 40, "v1", at(0), 2, 3, True, False, None, 400.0, 500.0, "")
    releases = (release, replace(release, first_try=True, seconds=100.0, ci_to_index=10.0))
    forge = OnForge(
        "acme/sample", "release.yml", releases, (Typical("Gate" + "x" * 99, 9.0, 99.0, 2),), (Counted("y", 2),)
    )
    history = History(figures(forge, going), forge, "", going, ())
    path.write_text(history_page.page(history, "sample"), "utf-8")
    browser.open(path, width=320, dark=dark)
    assert browser.ask("document.documentElement.scrollWidth") == 320
    assert [text for text, contrast in browser.ask(CONTRASTS) if contrast < 4.5] == []


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_can_be_printed(browser: Browser, tmp_path: Path, name: str) -> None:
    """A printed page has a white background, and texts with enough contrast."""
    browser.open(written(tmp_path, REPORTS[name]), width=700, media="print")
    assert browser.ask("document.documentElement.scrollWidth") == 700
    assert [text for text, contrast in browser.ask(CONTRASTS) if contrast < 4.5] == []
    assert browser.picture().at(0, 0) == (255, 255, 255)
    assert browser.tell("Page.printToPDF", printBackground=False)["data"]


def test_a_reader_of_screens_meets_a_table(browser: Browser, tmp_path: Path) -> None:
    """A screen reader finds tables with row and column headers, and headings in order, even on a narrow screen."""
    browser.open(written(tmp_path, rehearsal()), width=320)
    nodes = browser.tell("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert {"main", "heading", "table", "row", "rowheader", "columnheader", "cell", "time"} <= set(roles)
    names = {node.get("name", {}).get("value") for node in nodes if node["role"]["value"] == "table"}
    assert "Steps and sessions over time; ◆ marks the critical path." in names
    headings = browser.ask("[...document.querySelectorAll('h1, h2, h3')].map(one => one.tagName).join()")
    assert headings.startswith("H1,H2")


@pytest.mark.parametrize("text", ATTACKS, ids=short)
def test_a_hostile_project_changes_nothing(browser: Browser, tmp_path: Path, text: str) -> None:
    """Hostile texts in a report run no script, load nothing, and do not make the page wider than a phone."""
    path = written(tmp_path, hostile(text))
    browser.open(path, width=320)
    assert browser.loaded() == [path.as_uri()]
    assert browser.ask("document.scripts.length") == 0
    assert browser.ask("document.documentElement.scrollWidth") == 320
    complaints = {"Log.entryAdded", "Page.javascriptDialogOpening"}
    assert [event for event in browser.events if event.get("method") in complaints] == []


def test_what_slips_through_does_not_run(browser: Browser, tmp_path: Path) -> None:
    """If a script ever got into the page, the page's policy would keep it from running or loading anything."""
    path = tmp_path / "report.html"
    evil = "<script>document.title = 'evil'</script><img src='x.png' onerror=\"document.title = 'evil'\"></body>"
    path.write_text(page(rehearsal()).replace("</body>", evil), "utf-8")
    browser.open(path, width=320)
    assert browser.ask("document.title").startswith("✓ sample")
    assert browser.loaded() == [path.as_uri()]
    assert browser.ask("document.scripts.length") == 1
