from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fakes import Call, Programs
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.collecting import collect
from nox_ship.release.notes import MOST, release_notes
from support import commit_files, git, make_project, make_repository

PYPROJECT = '[project]\nname = "sample"\nversion = "1.3.0"\n'
TOWNCRIER = '[tool.towncrier]\ndirectory = "news"\n'


def notes(folder: Path, *messages: str, files: dict[str, str] | None = None) -> str:
    """Return the notes of 1.3.0 after commits with these messages."""
    make_repository(folder, {"pyproject.toml": PYPROJECT, **(files or {})})
    git(folder, "tag", "v1.2.0")
    for message in messages:
        commit_files(folder, {}, message)
    git(folder, "tag", "v1.3.0")
    return release_notes(Project.read(folder), Repository.at(folder), "1.3.0")


@pytest.mark.slow
def test_the_section_of_the_changelog_is_the_notes(tmp_path: Path) -> None:
    """If the changelog has a section for the version, the section is used, and not the commits."""
    text = "## Unreleased\n\n## 1.3.0 - 2026-01-01\n\n### Added\n\n- A thing.\n\n## 1.2.0\n\n- b\n"
    assert notes(tmp_path, "fix: it", files={"CHANGELOG.md": text}) == "### Added\n\n- A thing."


@pytest.mark.parametrize("text", ["", "## Unreleased\n\n## 1.2.0\n\n- b\n"])
def test_without_a_section_the_commits_are_listed(tmp_path: Path, text: str) -> None:
    """Without a section, the notes list the commits since the last release, except the release commit."""
    files = {"CHANGELOG.md": text} if text else None
    assert (
        notes(tmp_path, "Mend it", "Tell more\n\nAt length.", "Release 1.3.0", files=files) == "- Tell more\n- Mend it"
    )


@pytest.mark.slow
def test_conventional_commits_are_grouped(tmp_path: Path) -> None:
    """Conventional commits are grouped by their meaning for users, with other changes last."""
    messages = ("feat(cli): new", "fix: it", "docs: more", "feat!: other", "perf: x\n\nBREAKING CHANGE: gone", "Words")
    assert notes(tmp_path, *messages) == (
        "### Breaking changes\n\n- x\n- other\n\n### Features\n\n- **cli**: new\n\n"
        "### Fixes\n\n- it\n\n### Other changes\n\n- Words\n- more\n"
    )


def test_a_first_release_lists_every_commit(tmp_path: Path) -> None:
    """The notes of a first release list all commits."""
    make_repository(tmp_path, {"pyproject.toml": PYPROJECT})
    commit_files(tmp_path, {}, "Begin")
    assert release_notes(Project.read(tmp_path), Repository.at(tmp_path), "1.3.0").startswith("- Begin\n- ")


def test_notes_are_bounded(tmp_path: Path) -> None:
    """Long notes are cut at the size that a forge accepts."""
    text = f"## 1.3.0\n\n{'a' * 2 * MOST}\n"
    assert len(notes(tmp_path, "x", files={"CHANGELOG.md": text})) == MOST


@pytest.mark.parametrize(
    ("settings", "file", "words"),
    [
        (TOWNCRIER, "news/1.fix.md", ("towncrier", "build", "--yes", "--version", "1.3.0", "--date", "2026-03-04")),
        ("[tool.scriv]\n", "changelog.d/1.md", ("scriv", "collect", "--add", "--no-edit", "--version", "1.3.0")),
    ],
)
def test_the_tool_that_fragments_are_for_makes_the_section(
    tmp_path: Path, programs: Programs, settings: str, file: str, words: tuple[str, ...]
) -> None:
    """News fragments are collected by the project's tool, run in the clone and installed by uv."""
    project = make_project(tmp_path, f"{PYPROJECT}{settings}x = 1\n", {file: "a"})
    assert collect(project, "1.3.0", date(2026, 3, 4))
    (call,) = programs.started("tool", "run")
    assert call.line[-len(words) :] == words
    assert call.options["cwd"] == tmp_path


def test_without_fragments_of_such_a_tool_nothing_is_run(tmp_path: Path, programs: Programs) -> None:
    """If a project uses another tool for news fragments, that tool is not run."""
    project = make_project(tmp_path, PYPROJECT, {".changie.yaml": "", ".changes/unreleased/1.yaml": ""})
    assert not collect(project, "1.3.0", date(2026, 3, 4))
    assert programs.calls == []


def test_a_tool_that_fails_stops_the_release(tmp_path: Path, programs: Programs) -> None:
    """If the tool fails, NS316 shows its output."""

    def fail(_: Call) -> tuple[int, str]:
        return 1, "Unknown type."

    programs.play("towncrier", reply=fail)
    project = make_project(tmp_path, f"{PYPROJECT}{TOWNCRIER}", {"news/1.fix.md": "a"})
    with pytest.raises(ShipError, match="NS316") as caught:
        collect(project, "1.3.0", date(2026, 3, 4))
    assert "Unknown type." in caught.value.findings[0].detail
