from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.release.changelog import cut_changelog
from support import make_project

STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
TODAY = date(2026, 3, 4)


def cut(folder: Path, text: str, version: str = "1.2.0", name: str = "CHANGELOG.md") -> str:
    """Cut a changelog and return what it then holds."""
    settings = f'[tool.nox-ship]\nchangelog = "{name}"' if name != "CHANGELOG.md" else ""
    project = make_project(folder, f"{STATIC}{settings}", {name: text})
    changed = cut_changelog(project, version, TODAY)
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
