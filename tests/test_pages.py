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
    """Return what a link into a page can name, as GitHub and the site make it of its headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Return the links of a page to files or headings that are not there."""
    found = []
    for name, anchor in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(f"{name}#{anchor}")
    return found


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_of_pages_beside_the_site_lead_somewhere(name: str) -> None:
    """The site's own are checked when it is built."""
    assert broken(ROOT / name) == []


def test_the_reference_is_what_the_code_says() -> None:
    """After a change, `nox -s pages` writes the pages anew."""
    for name in reference_pages.TEXTS:
        assert (reference_pages.FOLDER / f"{name}.md").read_text("utf-8") == reference_pages.page(name)


def test_the_diagrams_are_drawn_from_the_code() -> None:
    """After a change, `nox -s pages` draws them anew, too."""
    for name, drawn in diagrams.DIAGRAMS.items():
        assert (diagrams.FOLDER / name).read_text("utf-8") == drawn()


def test_each_page_that_help_names_is_there() -> None:
    """As the site and the repository have it."""
    assert [entry.page for entry in SESSIONS.values() if not (ROOT / "docs" / entry.page).is_file()] == []


def test_every_page_is_in_the_navigation() -> None:
    """The site would hold it, and nobody would find it."""
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages == set(re.findall(r"[\w/-]+\.md", navigation))


def test_the_code_names_no_page_that_is_not_there() -> None:
    """Messages tell people to read some of them."""
    named = {
        page
        for module in (ROOT / "tasks").rglob("*.py")
        for page in re.findall(r"(?<![\w/.-])docs/[\w/-]+\.md", module.read_text("utf-8"))
    }
    assert [page for page in sorted(named) if not (ROOT / page).is_file()] == []
