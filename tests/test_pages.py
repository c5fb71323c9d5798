from __future__ import annotations

import re
from pathlib import Path

import pytest

import diagrams
import reference_pages
from nox_ship.errors import KINDS
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


@pytest.mark.slow
def test_the_reference_is_what_the_code_says() -> None:
    """The reference pages match the code; after a change, run `nox -s pages`."""
    for path, text in reference_pages.pages().items():
        assert path.read_text("utf-8") == text, f"{path.name}: run `nox -s pages`"


def test_every_error_is_explained() -> None:
    """Each section in `docs/errors.md` has an explanation that somebody wrote."""
    sections = reference_pages.ERRORS.read_text("utf-8").split("\n## ")
    unexplained = [text[:5] for text in sections if reference_pages.UNEXPLAINED in text]
    assert unexplained == [], "replace the line in brackets in their sections of docs/errors.md"


def test_what_is_written_by_hand_about_an_error_stays() -> None:
    """Rewriting the page keeps the text around the remedy, and replaces an outdated name, level or remedy."""
    kind = KINDS["NS203"]
    text = "NS203 old-name\n\n*Notice, from `old.py`*\n\nWhy.\n\n**What to do:** Old.\nMore.\n\n- A list.\n\n"
    made = reference_pages.section(kind, "new.py", text)
    kept = "## NS203 dirty-tree\n\n*Error, from `new.py`*\n\nWhy.\n\n**What to do:** {}\nMore.\n\n- A list.\n"
    assert made == kept.format(kind.remedy)
    assert reference_pages.section(kind, "new.py", made.removeprefix("## ")) == made
    assert reference_pages.UNEXPLAINED in reference_pages.section(kind, "new.py", "")


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
