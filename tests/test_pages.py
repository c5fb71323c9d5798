from __future__ import annotations

import re
from pathlib import Path

import pytest

import diagrams
import reference_pages
from nox_ship.manual import SESSIONS

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site generate them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Return a page's links to files or headings that do not exist."""
    found = []
    for name, anchor in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(f"{name}#{anchor}")
    return found


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_of_pages_beside_the_site_lead_somewhere(name: str) -> None:
    """Links in Markdown files outside the site are valid; building the site checks the others."""
    assert broken(ROOT / name) == []


def test_the_reference_is_what_the_code_says() -> None:
    """The reference pages match the code; after a change, run `nox -s pages`."""
    for name in reference_pages.TEXTS:
        assert (reference_pages.FOLDER / f"{name}.md").read_text("utf-8") == reference_pages.page(name)


@pytest.mark.slow
def test_the_diagrams_are_drawn_from_the_code() -> None:
    """The diagrams match the code; after a change, run `nox -s pages`."""
    for name, drawn in diagrams.DIAGRAMS.items():
        assert (diagrams.FOLDER / name).read_text("utf-8") == drawn()


def test_each_page_that_help_names_is_there() -> None:
    """Every page that a session's help names exists."""
    assert [entry.page for entry in SESSIONS.values() if not (ROOT / "docs" / entry.page).is_file()] == []


def test_every_page_is_in_the_navigation() -> None:
    """Every page of the site is in its navigation, so that readers can find it."""
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages == set(re.findall(r"[\w/-]+\.md", navigation))


def test_the_code_names_no_page_that_is_not_there() -> None:
    """Every page that the code names exists."""
    named = {
        page
        for module in (ROOT / "tasks").rglob("*.py")
        for page in re.findall(r"(?<![\w/.-])docs/[\w/-]+\.md", module.read_text("utf-8"))
    }
    assert [page for page in sorted(named) if not (ROOT / page).is_file()] == []
