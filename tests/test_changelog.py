from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from changelogs import HOST, MARKDOWN, RESTRUCTURED, before_and_after
from nox_ship import documents
from nox_ship.errors import ShipError
from nox_ship.project import Project
from nox_ship.release import restructured
from nox_ship.release.changelog import Changelog, changelog_findings, cut_changelog, find_changelog
from nox_ship.release.fragments import pending
from support import each, make_project, write_files

STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
TODAY = date(2026, 3, 4)


def cut(folder: Path, text: str, version: str = "1.2.0", name: str = "CHANGELOG.md", tag: str | None = None) -> str:
    """Cut a changelog, and return its new content."""
    settings = f'[tool.nox-ship]\nchangelog = "{name}"' if name != "CHANGELOG.md" else ""
    project = make_project(folder, f"{STATIC}{settings}", {name: text})
    changed = cut_changelog(project, version, TODAY, tag)
    after = (folder / name).read_bytes().decode()
    assert changed == (None if after == text else name)
    return after


@each(
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
            "## Unreleased\n\n## 1.2.0\n\n## 11.2.0\n\nSee 1.2.0\n",
        ),
    ],
)
def test_the_unreleased_section_becomes_the_releases(tmp_path: Path, before: str, after: str) -> None:
    """A heading for the release follows *Unreleased*, in its style, and everything else is unchanged."""
    assert cut(tmp_path, before) == after


@each(
    "text",
    [
        "",
        "# Changes\n",
        "Unreleased\n",
        "## 1.1.0 - 2026-01-01\n\n## 0.1 (unreleased)\n",
        "## 1.1.0 - 2026-01-01\n\n## Development\n",
        "# Changes\n\n## 1.1.0\n\n### Next\n",
        "## Unreleased ideas\n",
        "## Unreleased\n\n## 1.2.0 - 2026-01-01\n",
        "## [Unreleased]\n\n## [1.2.0] - 2026-01-01\n",
        "## [Unreleased]\n\n## v1.2.0\n",
    ],
)
def test_a_changelog_without_anything_to_cut_stays(tmp_path: Path, text: str) -> None:
    """A changelog without an *Unreleased* section, or with a section of the release, is not changed."""
    assert cut(tmp_path, text) == text


def test_cutting_twice_changes_nothing_more(tmp_path: Path) -> None:
    """Cutting a changelog that was already cut changes nothing."""
    once = cut(tmp_path, "## Unreleased\n- a\n")
    assert cut(tmp_path, once) == once


def test_a_changelog_of_another_name_is_cut(tmp_path: Path) -> None:
    """The changelog that the setting names is cut, and without a changelog nothing happens."""
    assert "## 1.2.0" in cut(tmp_path / "a", "## Unreleased\n", name="docs/NEWS.md")
    assert cut_changelog(make_project(tmp_path / "b", STATIC), "1.2.0", TODAY) is None


def test_a_changelog_in_another_encoding_is_not_damaged(tmp_path: Path) -> None:
    """A changelog that is not UTF-8 is left unchanged, without an error."""
    content = "## Unreleased\n\n- größer\n".encode("latin-1")
    project = make_project(tmp_path, STATIC, {"CHANGELOG.md": content})
    assert cut_changelog(project, "1.2.0", TODAY) is None
    assert (tmp_path / "CHANGELOG.md").read_bytes() == content


@each(
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
    """A heading in code, comments, quotes or lists is ignored, and the real heading after it is found."""
    assert cut(tmp_path / "a", before) == before
    section = "## 1.2.0 - 2026-03-04\n"
    assert cut(tmp_path / "b", f"{before}## Unreleased\n- a\n") == f"{before}## Unreleased\n\n{section}- a\n"


def test_a_version_in_code_is_no_section(tmp_path: Path) -> None:
    """A version in an example does not count as the release's section."""
    text = "## Unreleased\n\n```\n## 1.2.0\n```\n"
    assert cut(tmp_path, text) == "## Unreleased\n\n## 1.2.0 - 2026-03-04\n\n```\n## 1.2.0\n```\n"


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
            f"[unreleased]:\n  {HOST}/compare/v1.0.0...HEAD\n[1.0.0]:\n  {HOST}/releases/tag/v1.0.0\n",
            (
                f"[unreleased]:\n  {HOST}/compare/v1.2.0...HEAD\n[1.2.0]:\n  {HOST}/compare/v1.0.0...v1.2.0\n"
                f"[1.0.0]:\n  {HOST}/releases/tag/v1.0.0\n"
            ),
        ),
        (
            f"```\n[Unreleased]: {HOST}/compare/v1.0.0...HEAD\n```\n",
            f"```\n[Unreleased]: {HOST}/compare/v1.0.0...HEAD\n```\n",
        ),
        ("", ""),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_links_of_versions_go_on(tmp_path: Path, before: str, after: str, ending: str) -> None:
    """The new version gets a link like its neighbours, and the link of *Unreleased* starts at the new tag."""
    text, expected = (f"{head}{tail}".replace("\n", ending) for head, tail in ((HEADINGS, before), (CUT, after)))
    assert cut(tmp_path, text) == expected


def test_links_in_the_headings_go_on(tmp_path: Path) -> None:
    """Links in headings are continued with the release's tag, whatever its form."""
    before = f"## [Unreleased]({HOST}/compare/1.0.0...HEAD)\n\n## [1.0.0]({HOST}/compare/0.9...1.0.0)\n"
    after = (
        f"## [Unreleased]({HOST}/compare/1.2.0...HEAD)\n\n"
        f"## [1.2.0]({HOST}/compare/1.0.0...1.2.0)\n\n## [1.0.0]({HOST}/compare/0.9...1.0.0)\n"
    )
    assert cut(tmp_path, before, tag="1.2.0") == after


def test_a_link_that_leads_elsewhere_is_not_continued(tmp_path: Path) -> None:
    """If the link of the last version is no link to a tag or comparison, the new heading gets no link."""
    earlier = f"## [1.0.0]({HOST}/elsewhere)\n"
    assert cut(tmp_path, f"## Unreleased\n\n{earlier}") == f"## Unreleased\n\n## 1.2.0\n\n{earlier}"


def test_links_with_labels_go_on(tmp_path: Path) -> None:
    """A link whose label stands after the heading's text is continued too."""
    links = f"[unreleased]: {HOST}/compare/v1.0.0...HEAD\n"
    text = f"## [Unreleased][unreleased]\n- a\n\n## [1.0.0][1.0.0] - 2025-01-01\n\n{links}"
    assert cut(tmp_path, text) == (
        "## [Unreleased][unreleased]\n\n## [1.2.0] - 2026-03-04\n- a\n\n## [1.0.0][1.0.0] - 2025-01-01\n\n"
        f"[unreleased]: {HOST}/compare/v1.2.0...HEAD\n[1.2.0]: {HOST}/compare/v1.0.0...v1.2.0\n"
    )


@each("around", ["\ufeff", "\x0b\x0c\x1c\u2028 \x00 ", "\r", "a\rb\r\nc\n\r", "[a]: <\n", "#" * 5000])
def test_everything_else_stays_byte_for_byte(tmp_path: Path, around: str) -> None:
    """All other text is unchanged, including characters that could count as line breaks."""
    text = f"{around}\n\n## Unreleased\n\n{around}"
    assert cut(tmp_path, text).replace("\r\n", "\n") == text.replace("\r\n", "\n").replace(
        "## Unreleased\n", "## Unreleased\n\n## 1.2.0 - 2026-03-04\n"
    )


@each("manner", MARKDOWN)
def test_the_new_section_is_written_as_those_before_it(tmp_path: Path, manner: str) -> None:
    """The new section has the same form of heading, version, date and link as the earlier ones."""
    before, after = before_and_after(MARKDOWN[manner])
    assert cut(tmp_path, before) == after
    assert cut(tmp_path, after) == after


@pytest.mark.parametrize("manner", RESTRUCTURED)
@pytest.mark.parametrize(("name", "ending"), [("CHANGES.rst", "\n"), ("docs/news", "\r\n")])
def test_a_changelog_in_restructuredtext_is_cut(tmp_path: Path, manner: str, name: str, ending: str) -> None:
    """A reStructuredText changelog is cut in its own style, even if its file name has no suffix."""
    before, after = (text.replace("\n", ending) for text in before_and_after(RESTRUCTURED[manner]))
    assert cut(tmp_path, before, name=name) == after
    assert cut(tmp_path, after, name=name) == after


def test_a_long_changelog_is_read_from_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the beginning of a long changelog is given to docutils, which is slow."""
    parsed: list[int] = []
    real = restructured._parsed

    def parse(text: str) -> object:
        parsed.append(len(text))
        return real(text)

    monkeypatch.setattr(restructured, "_parsed", parse)
    monkeypatch.setattr(restructured, "_FIRST", 100)
    monkeypatch.setattr(restructured, "_MOST", 1000)
    entries = "* a\n" * 20
    old = "".join(f"1.{number}\n===\n\n{entries}\n" for number in range(9, 0, -1))
    after = cut(tmp_path, f"Unreleased\n==========\n\n{entries}\n{old}", name="CHANGES.rst")
    assert after.startswith("Unreleased\n==========\n\n1.2.0\n=====\n\n* a\n")
    assert parsed[:2] == sorted(parsed[:2])
    assert parsed[1] <= 200
    parsed.clear()
    text = f"x\n\n{entries}" * 100
    assert cut(tmp_path, text, name="CHANGES.rst") == text
    assert max(parsed) == 1000


@pytest.mark.parametrize(
    "text",
    [
        ".. csv-table:: x\n   :url: URL\n",
        ".. raw:: html\n   :url: URL\n",
        ".. raw:: html\n   :file: /etc/hostname\n",
        ".. include:: /etc/hostname\n",
        ".. figure:: URL\n   :figwidth: image\n",
    ],
)
def test_reading_a_changelog_asks_nobody_and_opens_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Directives in a changelog that would read a URL or a file are not executed."""
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("A URL was requested."))
    monkeypatch.setattr("docutils.io.FileInput", lambda *_, **__: pytest.fail("A file was opened."))
    section = "Unreleased\n==========\n\n"
    text = text.replace("URL", "http://127.0.0.1:9/x.png")
    after = cut(tmp_path, f"{section}{text}", name="CHANGES.rst")
    assert after == f"{section}1.2.0 (2026-03-04)\n==================\n\n{text}"


DEEP = "\n".join(f"{'  ' * depth}- x\n" for depth in range(700))


@pytest.mark.parametrize(
    "text",
    [
        *("> " * 3000, "Unreleased\n==\n" * 3, "\x00", ".. role:: x(y)\n\n:x:`y`\n"),
        f"Unreleased\n==========\n\n- a\n\n{DEEP}",
    ],
    ids=range(5),
)
def test_a_changelog_that_docutils_does_not_like_is_left_alone(tmp_path: Path, text: str) -> None:
    """A changelog that docutils cannot parse is left unchanged."""
    assert "1.2.0" not in cut(tmp_path, text, name="CHANGES.rst")


@pytest.mark.parametrize("leading", ["link", "setting"])
def test_no_changelog_outside_of_the_repository_is_changed(tmp_path: Path, leading: str) -> None:
    """A changelog outside the repository, named by a link or a setting, is refused (NS308) and not changed."""
    outside = write_files(tmp_path / "outside", {"it.md": "## Unreleased\n"}) / "it.md"
    settings = '[tool.nox-ship]\nchangelog = "../../outside/it.md"\n' if leading == "setting" else ""
    project = make_project(tmp_path / "repository" / "part", f"{STATIC}{settings}", {"../.git/HEAD": ""})
    if leading == "link":
        (project.root / "CHANGELOG.md").symlink_to(outside)
    with pytest.raises(ShipError, match="NS308"):
        cut_changelog(project, "1.2.0", TODAY)
    assert outside.read_text() == "## Unreleased\n"


def test_a_changelog_at_the_top_of_the_repository_is_cut(tmp_path: Path) -> None:
    """A project in a folder of its repository may use the changelog at the top of the repository."""
    files = {"../.git/HEAD": "", "../CHANGES.md": "## Unreleased\n"}
    project = make_project(tmp_path / "part", f'{STATIC}[tool.nox-ship]\nchangelog = "../CHANGES.md"\n', files)
    assert cut_changelog(project, "1.2.0", TODAY) == "../CHANGES.md"


@each(
    ("names", "chosen"),
    [
        (["README.md", "src/CHANGELOG.md"], None),
        (["CHANGELOG.md", "CHANGES.md"], "CHANGELOG.md"),
        (["changelog.MD"], "changelog.MD"),
        (["NEWS", "HISTORY.rst", "docs/CHANGELOG.md"], "HISTORY.rst"),
        (["docs/changes.rst"], "docs/changes.rst"),
        (["Release-Notes.txt"], "Release-Notes.txt"),
        (["CHANGES/1.rst", "News.md"], "News.md"),
    ],
)
def test_a_changelog_has_one_of_the_usual_names(tmp_path: Path, names: list[str], chosen: str | None) -> None:
    """A changelog is found by its usual names, first at the top of the project, then in its docs."""
    project = make_project(tmp_path, STATIC, dict.fromkeys(names, "x\n"))
    found = find_changelog(project)
    assert (found.name if found else None) == chosen


def test_of_several_the_one_with_something_to_cut_is_the_changelog(tmp_path: Path) -> None:
    """Of several possible changelogs, the one with an unreleased section is used."""
    files: dict[str, str | bytes] = {
        "CHANGELOG.md": "See NEWS.\n",
        "CHANGES.txt": b"\xff",
        "NEWS": "Unreleased\n==========\n",
    }
    project = make_project(tmp_path, STATIC, files)
    assert cut_changelog(project, "1.2.0", TODAY) == "NEWS"


def told(project: Project, version: str = "1.2.0") -> list[str]:
    """Return the IDs of the findings about the changelog of a release."""
    return [finding.id for finding in changelog_findings(project, version)]


@each(
    ("name", "text", "expected"),
    [
        ("CHANGELOG.md", "## Unreleased\n- a\n", []),
        ("CHANGELOG.md", "## Unreleased\n\n### Fixed\n\nA thing.\n", []),
        ("CHANGELOG.md", "## 1.2.0\n", []),
        ("CHANGELOG.md", "# Changes\n", ["NS313"]),
        ("CHANGELOG.md", "", ["NS313"]),
        ("CHANGELOG.md", b"## Unreleased\n- \xff\n", ["NS313"]),
        ("CHANGELOG.md", "## Unreleased\n\n### Fixed\n\n<!-- write\nhere -->\n\n## 1.1.0\n- a\n", ["NS314"]),
        ("CHANGELOG.md", "## Unreleased\n\n<!-- write\nwhat is new\nhere -->\n", ["NS314"]),
        ("CHANGELOG.md", "## Unreleased\n\n<!-- write\nhere -->\nWe mended x.\n\n## 1.1.0\n- a\n", []),
        ("CHANGELOG.md", "## Unreleased\n\n- Nothing yet.\n\n[unreleased]: https://a.invalid\n", ["NS314"]),
        ("CHANGELOG.md", "## 1.3 (unreleased)\n\n* No changes yet\n", ["NS314"]),
        ("CHANGELOG.md", "## Unreleased\n\n## 1.2.0rc1\n- a\n", []),
        ("CHANGES.rst", "Unreleased\n==========\n\n.. write here\n\n1.0\n===\n", ["NS314"]),
        ("CHANGES.rst", "1.2\n===\n\nUnreleased\n\n1.0\n===\n\n- a\n", ["NS314"]),
        ("CHANGES.rst", "1.2\n===\n\nUnreleased\n\n- a\n", []),
        ("CHANGES.rst", "Unreleased\n==========\n\n.. note:: Mind the gap.\n", []),
        ("CHANGES.adoc", "== Unreleased\n", []),
        ("NEWS", "Unreleased:\n - a\n", ["NS313"]),
    ],
)
def test_what_is_wrong_with_a_changelog_is_told(
    tmp_path: Path, name: str, text: str | bytes, expected: list[str]
) -> None:
    """A changelog that cannot be cut is reported with NS313, and a release's section without entries with NS314."""
    project = make_project(tmp_path, STATIC, {name: text})
    assert told(project) == expected


@pytest.mark.parametrize(("text", "number"), [("# Changes\n", "NS313"), ("## Unreleased\n", "NS314")])
def test_a_release_without_an_entry_is_refused_where_the_changelog_is_set(
    tmp_path: Path, text: str, number: str
) -> None:
    """NS313 and NS314 are errors if the setting names the changelog, and otherwise warnings."""
    for setting, level in (("", "warning"), ('[tool.nox-ship]\nchangelog = "CHANGELOG.md"\n', "error")):
        project = make_project(tmp_path, f"{STATIC}{setting}", {"CHANGELOG.md": text})
        assert [(finding.id, finding.level) for finding in changelog_findings(project, "1.2.0")] == [(number, level)]


@pytest.mark.parametrize("text", ["== Unreleased\n\n* a\n"])
def test_a_changelog_in_a_form_that_is_not_understood_is_told(tmp_path: Path, text: str) -> None:
    """A changelog in an unknown markup language that the setting names is reported (NS313)."""
    project = make_project(tmp_path, f'{STATIC}[tool.nox-ship]\nchangelog = "CHANGES.adoc"\n', {"CHANGES.adoc": text})
    assert told(project) == ["NS313"]
    assert cut_changelog(project, "1.2.0", TODAY) is None


def test_a_changelog_that_the_setting_names_must_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changelog that the setting names must be UTF-8 (NS308) and readable (NS312)."""
    text = f'{STATIC}[tool.nox-ship]\nchangelog = "CHANGES.md"\n'
    project = make_project(tmp_path, text, {"CHANGES.md": b"## Unreleased\n- \xff\n"})
    with pytest.raises(ShipError, match="NS308"):
        find_changelog(project)

    def fail(path: Path) -> bytes:
        raise ShipError(documents.FILE_UNREADABLE(f"{path.name} cannot be read."))

    monkeypatch.setattr(documents, "read_bytes", fail)
    with pytest.raises(ShipError, match="NS312"):
        find_changelog(project)


TOWNCRIER = '[tool.towncrier]\ndirectory = "news"\n'


@each(
    ("settings", "files", "expected"),
    [
        (TOWNCRIER, {"news/1.fix.md": "", "news/inner/2.fix.md": ""}, "2 of towncrier in news"),
        (
            '[tool.towncrier]\npackage = "a.b"\n',
            {"src/a/b/newsfragments/1.md": ""},
            "1 of towncrier in src/a/b/newsfragments",
        ),
        ("", {"towncrier.toml": TOWNCRIER, "news/1.fix.md": ""}, "1 of towncrier in news"),
        ("[tool.scriv]\nformat = 'md'\n", {"changelog.d/1.md": ""}, "1 of scriv in changelog.d"),
        ("", {"setup.cfg": "[scriv]\nfragment_directory = x\n", "x/1.md": ""}, "1 of scriv in x"),
        ("", {"releasenotes/config.yaml": "", "releasenotes/notes/a-1.yaml": ""}, "1 of reno in releasenotes/notes"),
        ("", {".changie.yaml": "", ".changes/unreleased/1.yaml": ""}, "1 of changie in .changes/unreleased"),
        (TOWNCRIER, {"news/README.md": "", "news/.gitkeep": "", "news/_template.md": ""}, ""),
        ("", {"news/1.fix.md": ""}, ""),
        ('[tool.towncrier]\ndirectory = "../.."\n', {}, ""),
        ('[tool.towncrier]\ndirectory = "a\\u0000"\n', {}, ""),
        (f'[tool.towncrier]\ndirectory = "{"a" * 300}"\n', {}, ""),
        ("[tool.towncrier]\ndirectory = 3\npackage = []\n", {}, ""),
        ("", {"towncrier.toml": "[tool\n", "news/1.fix.md": ""}, ""),
        ("", {"towncrier.toml": "tool = 3\n", "news/1.fix.md": ""}, ""),
    ],
)
def test_fragments_that_no_release_has_are_told(
    tmp_path: Path, settings: str, files: dict[str, str], expected: str
) -> None:
    """Fragments that the release does not collect are reported (NS315), instead of a changelog without a section."""
    project = make_project(tmp_path, f"{STATIC}{settings}", {"CHANGES.md": "# Changes\n", **files})
    left = pending(project)
    assert (f"{left.count} of {left.tool} in {left.folder}" if left else "") == expected
    known = ["NS315"] if left and left.tool in ("reno", "changie") else []
    assert told(project) == (known if left else ["NS313"])
    write_files(tmp_path, {"CHANGES.md": "# Changes\n\n## 1.2.0\n"})
    assert told(project) == []


@pytest.mark.parametrize("outside", [str, lambda path: f"../{path.name}"])
def test_fragments_of_others_are_not_looked_at(tmp_path: Path, outside: Callable[[Path], str]) -> None:
    """Fragments in a folder outside the project are ignored."""
    write_files(tmp_path, {"news/1.fix.md": ""})
    settings = f'{STATIC}[tool.towncrier]\ndirectory = "{outside(tmp_path / "news")}"\n'
    project = make_project(tmp_path / "project", settings, {"CHANGES.md": "# Changes\n"})
    assert told(project) == ["NS313"]


@each(
    ("name", "text", "expected"),
    [
        (
            "CHANGES.md",
            "## Unreleased\n- z\n\n## [1.2.0] - 2026\n\n- a\n\n### b\n\n- c\n\n[1.2.0]: x\n",
            "- a\n\n### b\n\n- c",
        ),
        ("CHANGES.md", "## 1.2.0\r\n- a\r\n## 1.1.0\r\n- b\r\n", "- a"),
        ("CHANGES.rst", "1.2.0\n=====\n\n- a\n\n.. _x: https://y\n\n1.1\n===\n- b\n", "- a"),
        ("CHANGES.md", "## 1.1.0\n- b\n", ""),
    ],
)
def test_the_text_of_a_release_is_that_of_its_section(tmp_path: Path, name: str, text: str, expected: str) -> None:
    """The notes of a release are its section without the heading and the link definitions, or empty."""
    found = find_changelog(make_project(tmp_path, STATIC, {name: text}))
    assert found
    assert found.notes("1.2.0") == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("## Unreleased\n", True), ("## [Unreleased]\n", True), ("# x\n", False)]
)
def test_whether_something_is_unreleased(text: str, expected: bool) -> None:
    """A changelog has unreleased changes if it has such a section."""
    assert (Changelog("CHANGELOG.md", text).unreleased is not None) is expected


def test_a_heading_is_of_a_version_where_it_spells_it(tmp_path: Path) -> None:
    """A heading like `1x2x0` is not taken for the version 1.2.0."""
    assert "## 1.2.0 - 2026-03-04" in cut(tmp_path, "## Unreleased\n\n## 1x2x0 - once\n")
