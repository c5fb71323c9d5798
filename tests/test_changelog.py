from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.release.changelog import cut_changelog, has_unreleased
from support import make_project, write_files

STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
TODAY = date(2026, 3, 4)


def cut(folder: Path, text: str, version: str = "1.2.0", name: str = "CHANGELOG.md", tag: str | None = None) -> str:
    """Cut a changelog and return what it then holds."""
    settings = f'[tool.nox-ship]\nchangelog = "{name}"' if name != "CHANGELOG.md" else ""
    project = make_project(folder, f"{STATIC}{settings}", {name: text})
    changed = cut_changelog(project, version, TODAY, tag)
    after = (folder / name).read_bytes().decode()
    assert changed == (None if after == text else name)
    return after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## Unreleased\n\n- a\n", "## Unreleased\n\n## 1.2.0 - 2026-03-04\n\n- a\n"),
        ("# C\n\n## [Unreleased]\n- a\n", "# C\n\n## [Unreleased]\n\n## [1.2.0] - 2026-03-04\n- a\n"),
        ("##  [unreleased]  \n- a", "##  [unreleased]\n\n## [1.2.0] - 2026-03-04\n- a"),
        ("## [Unreleased]\r\n\r\n- ä\r\n", "## [Unreleased]\r\n\r\n## [1.2.0] - 2026-03-04\r\n\r\n- ä\r\n"),
        (
            "## [Unreleased]\n\n## [1.2.0-rc.1] - 2026-01-01\n",
            "## [Unreleased]\n\n## [1.2.0] - 2026-03-04\n\n## [1.2.0-rc.1] - 2026-01-01\n",
        ),
        (
            "## Unreleased\n\n## 1.2.0.1 - 2026-01-01\n",
            "## Unreleased\n\n## 1.2.0 - 2026-03-04\n\n## 1.2.0.1 - 2026-01-01\n",
        ),
        (
            "## Unreleased\n\n## 11.2.0\n\nSee 1.2.0\n",
            "## Unreleased\n\n## 1.2.0 - 2026-03-04\n\n## 11.2.0\n\nSee 1.2.0\n",
        ),
    ],
)
def test_the_unreleased_section_becomes_the_releases(tmp_path: Path, before: str, after: str) -> None:
    """A new heading follows *Unreleased*, in its style, and everything else stays, line breaks too."""
    assert cut(tmp_path, before) == after


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Changes\n",
        "### Unreleased\n",
        "Unreleased\n",
        "## Unreleased ideas\n",
        "## Unreleased\n\n## 1.2.0 - 2026-01-01\n",
        "## [Unreleased]\n\n## [1.2.0] - 2026-01-01\n",
        "## [Unreleased]\n\n## v1.2.0\n",
    ],
)
def test_a_changelog_without_anything_to_cut_stays(tmp_path: Path, text: str) -> None:
    """Without an *Unreleased* section, or with one of the release already, nothing changes."""
    assert cut(tmp_path, text) == text


def test_cutting_twice_changes_nothing_more(tmp_path: Path) -> None:
    """A release that is finished later finds its section."""
    once = cut(tmp_path, "## Unreleased\n- a\n")
    assert cut(tmp_path, once) == once


def test_a_changelog_of_another_name_is_cut(tmp_path: Path) -> None:
    """The setting names the file; where there is none, there is nothing to cut."""
    assert "## 1.2.0" in cut(tmp_path / "a", "## Unreleased\n", name="docs/NEWS.md")
    assert cut_changelog(make_project(tmp_path / "b", STATIC), "1.2.0", TODAY) is None


def test_a_changelog_in_another_encoding_is_not_damaged(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are left as they are, without a traceback."""
    content = "## Unreleased\n\n- größer\n".encode("latin-1")
    project = make_project(tmp_path, STATIC, {"CHANGELOG.md": content})
    with suppress(ShipError):
        cut_changelog(project, "1.2.0", TODAY)
    assert (tmp_path / "CHANGELOG.md").read_bytes() == content


@pytest.mark.parametrize(
    "before",
    [
        "# C\n\n```\n## [Unreleased]\n```\n\n",
        "# C\n\n```markdown\n## [Unreleased]\n\n~~~\n````\n",
        "~~~\n## Unreleased\n```\n~~~\n\n",
        "Say:\n\n    ## Unreleased\n\n",
        "<!--\n## Unreleased\n\n## [Unreleased]\n-->\n\n",
        "> ## Unreleased\n\n",
        "- ## Unreleased\n\n",
        "<pre>\n## Unreleased\n</pre>\n\n",
        "\\## Unreleased\n\n",
    ],
)
def test_only_a_heading_is_cut(tmp_path: Path, before: str) -> None:
    """What stands in code, comments, quotes or lists is left alone, and the heading after it is found."""
    assert cut(tmp_path / "a", before) == before
    section = "## 1.2.0 - 2026-03-04\n"
    assert cut(tmp_path / "b", f"{before}## Unreleased\n- a\n") == f"{before}## Unreleased\n\n{section}- a\n"


def test_a_version_in_code_is_no_section(tmp_path: Path) -> None:
    """The section of the release is made although an example shows one."""
    text = "## Unreleased\n\n```\n## 1.2.0\n```\n"
    assert cut(tmp_path, text) == "## Unreleased\n\n## 1.2.0 - 2026-03-04\n\n```\n## 1.2.0\n```\n"


HOST = "https://git.invalid/o/r"
HEADINGS = "## [Unreleased]\n- a\n\n## [1.0.0] - 2025-01-01\n\n"
CUT = "## [Unreleased]\n\n## [1.2.0] - 2026-03-04\n- a\n\n## [1.0.0] - 2025-01-01\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f"[Unreleased]: {HOST}/compare/v1.0.0...HEAD\n[1.0.0]: {HOST}/releases/tag/v1.0.0\n",
            (
                f"[Unreleased]: {HOST}/compare/v1.2.0...HEAD\n[1.2.0]: {HOST}/compare/v1.0.0...v1.2.0\n"
                f"[1.0.0]: {HOST}/releases/tag/v1.0.0\n"
            ),
        ),
        (
            f"[unreleased]: <{HOST}/-/compare/v1.0.0...main>",
            f"[unreleased]: <{HOST}/-/compare/v1.2.0...main>\n[1.2.0]: <{HOST}/-/compare/v1.0.0...v1.2.0>",
        ),
        (
            f"  [Unreleased]:   {HOST}/compare/v1.0.0..HEAD?w=1\n",
            f"  [Unreleased]:   {HOST}/compare/v1.2.0..HEAD?w=1\n  [1.2.0]:   {HOST}/compare/v1.0.0..v1.2.0?w=1\n",
        ),
        (
            f"[Unreleased]: {HOST}/commits/main\n[1.0.0]: {HOST}/releases/tag/v1.0.0\n",
            (
                f"[Unreleased]: {HOST}/commits/main\n[1.2.0]: {HOST}/releases/tag/v1.2.0\n"
                f"[1.0.0]: {HOST}/releases/tag/v1.0.0\n"
            ),
        ),
        (
            f"[1.0.0]: {HOST}/compare/v0.9.0...v1.0.0\n",
            f"[1.2.0]: {HOST}/compare/v1.0.0...v1.2.0\n[1.0.0]: {HOST}/compare/v0.9.0...v1.0.0\n",
        ),
        (
            f"[1.2.0]: {HOST}/ready\n[Unreleased]: {HOST}/compare/v1.0.0...HEAD\n",
            f"[1.2.0]: {HOST}/ready\n[Unreleased]: {HOST}/compare/v1.0.0...HEAD\n",
        ),
        (f"[1.0.0]: {HOST}/elsewhere\n", f"[1.0.0]: {HOST}/elsewhere\n"),
        (
            f"```\n[Unreleased]: {HOST}/compare/v1.0.0...HEAD\n```\n",
            f"```\n[Unreleased]: {HOST}/compare/v1.0.0...HEAD\n```\n",
        ),
        ("", ""),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_links_of_versions_go_on(tmp_path: Path, before: str, after: str, ending: str) -> None:
    """The new version's is told as those of its neighbours are; that of *Unreleased* begins at the new tag."""
    text, expected = (f"{head}{tail}".replace("\n", ending) for head, tail in ((HEADINGS, before), (CUT, after)))
    assert cut(tmp_path, text) == expected


def test_links_in_the_headings_go_on(tmp_path: Path) -> None:
    """The tag is the release's, whatever its form."""
    before = f"## [Unreleased]({HOST}/compare/1.0.0...HEAD)\n\n## [1.0.0]({HOST}/compare/0.9...1.0.0)\n"
    after = (
        f"## [Unreleased]({HOST}/compare/1.2.0...HEAD)\n\n"
        f"## [1.2.0]({HOST}/compare/1.0.0...1.2.0) - 2026-03-04\n\n## [1.0.0]({HOST}/compare/0.9...1.0.0)\n"
    )
    assert cut(tmp_path, before, tag="1.2.0") == after


@pytest.mark.parametrize(
    "around", ["\ufeff", "\x0b\x0c\x1c\u2028 \x00 ", "\r", "a\rb\r\nc\n\r", "[a]: <\n", "#" * 5000]
)
def test_everything_else_stays_byte_for_byte(tmp_path: Path, around: str) -> None:
    """Whatever breaks lines elsewhere breaks none here."""
    text = f"{around}\n\n## Unreleased\n\n{around}"
    assert cut(tmp_path, text).replace("\r\n", "\n") == text.replace("\r\n", "\n").replace(
        "## Unreleased\n", "## Unreleased\n\n## 1.2.0 - 2026-03-04\n"
    )


def test_a_changelog_of_another_language_is_left_alone(tmp_path: Path) -> None:
    """The headings of reStructuredText are none of Markdown's."""
    text = "Changes\n=======\n\nVersion 1.3\n-----------\n\nUnreleased\n\n-   a\n\n.. code::\n\n    ## Unreleased\n"
    assert cut(tmp_path, text, name="CHANGES.rst") == text


@pytest.mark.parametrize("leading", ["link", "setting"])
def test_no_changelog_outside_of_the_repository_is_changed(tmp_path: Path, leading: str) -> None:
    """A link or a setting that leads out of it is NS308, and what is there stays."""
    outside = write_files(tmp_path / "outside", {"it.md": "## Unreleased\n"}) / "it.md"
    settings = '[tool.nox-ship]\nchangelog = "../../outside/it.md"\n' if leading == "setting" else ""
    project = make_project(tmp_path / "repository" / "part", f"{STATIC}{settings}", {"../.git/HEAD": ""})
    if leading == "link":
        (project.root / "CHANGELOG.md").symlink_to(outside)
    with pytest.raises(ShipError, match="NS308"):
        cut_changelog(project, "1.2.0", TODAY)
    assert outside.read_text() == "## Unreleased\n"


def test_a_changelog_at_the_top_of_the_repository_is_cut(tmp_path: Path) -> None:
    """A project in a folder of its repository may share it."""
    files = {"../.git/HEAD": "", "../CHANGES.md": "## Unreleased\n"}
    project = make_project(tmp_path / "part", f'{STATIC}[tool.nox-ship]\nchangelog = "../CHANGES.md"\n', files)
    assert cut_changelog(project, "1.2.0", TODAY) == "../CHANGES.md"


@pytest.mark.parametrize(
    ("text", "expected"), [("## Unreleased\n", True), ("## [Unreleased]\n", True), ("# x\n", False)]
)
def test_whether_something_is_unreleased(text: str, expected: bool) -> None:
    """A changelog tells it by its section."""
    assert has_unreleased(text) is expected


def test_a_heading_is_of_a_version_where_it_spells_it(tmp_path: Path) -> None:
    """Its dots are dots."""
    assert "## 1.2.0 - 2026-03-04" in cut(tmp_path, "## Unreleased\n\n## 1x2x0 - once\n")
