from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.project import Project
from nox_ship.release.bumpversion import (
    BumpSettings,
    bump_settings,
    bumped_files,
    check_settings,
    has_bump_settings,
    stale_settings,
    write_version,
)
from nox_ship.release.changelog import cut_changelog
from nox_ship.release.source import Place, VersionSource
from support import make_project, write_files

DYNAMIC = '[project]\nname = "sample"\ndynamic = ["version"]\n'
STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
INIT = "src/sample/__init__.py"
META = "src/sample/meta.py"
ASSIGNED = '"""Docs."""\n\n__version__ = "1.2.3"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
ST_DYNAMIC = f"{SETUPTOOLS}{DYNAMIC}[tool.setuptools.dynamic]\n"
FLIT = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
HATCH = f'{DYNAMIC}[tool.hatch.version]\npath = "v.py"'


def assert_found(project: Project, *files: str) -> None:
    """Check that the version is 1.2.3 and that each place holds it, as bump-my-version will search it."""
    source = VersionSource.of(project)
    assert (source.kind, source.current) == ("files", "1.2.3")
    assert [place.file for place in source.places] == list(files)
    for place in source.places:
        assert f"{place.before}1.2.3{place.after}" in (project.root / place.file).read_text("utf-8")


@pytest.mark.parametrize(
    ("pyproject", "files", "place"),
    [
        (STATIC, {}, "pyproject.toml"),
        ('[tool.poetry]\nname = "sample"\nversion = "1.2.3"', {}, "pyproject.toml"),
        (f'{DYNAMIC}[tool.hatch.version]\npath = "{INIT}"', {INIT: ASSIGNED}, INIT),
        (HATCH, {"v.py": "VERSION = '1.2.3'\r\n"}, "v.py"),
        (HATCH, {"v.py": '__version__: str = "1.2.3"'}, "v.py"),
        (HATCH, {"v.py": 'version = "protocol 7"\n__version__ = "1.2.3"\n'}, "v.py"),
        (f'{DYNAMIC}[tool.pdm.version]\nsource = "file"\npath = "{INIT}"', {INIT: ASSIGNED}, INIT),
        (f'{ST_DYNAMIC}version = {{attr = "sample.__version__"}}', {INIT: ASSIGNED}, INIT),
        (
            f'{ST_DYNAMIC}version = {{attr = "sample.meta.RELEASE"}}',
            {INIT: "", META: 'RELEASE = "1.2.3"\n'},
            META,
        ),
        (
            f'{ST_DYNAMIC}version = {{attr = "sample.meta.VERSION"}}',
            {INIT: "", META: '__version__ = "0"\nVERSION = "1.2.3"\n'},
            META,
        ),
        (
            f'{ST_DYNAMIC}version = {{attr = "sample.__version__"}}',
            {INIT: 'from typing import Final\n\n__version__: Final[str] = "1.2.3"\n'},
            INIT,
        ),
        (f'{ST_DYNAMIC}version = {{file = "VERSION"}}', {"VERSION": "1.2.3\r\n"}, "VERSION"),
        (f'{ST_DYNAMIC}version = {{file = ["VERSION"]}}', {"VERSION": "1.2.3"}, "VERSION"),
        (f"{FLIT}{DYNAMIC}", {INIT: ASSIGNED}, INIT),
        (f"{FLIT}{DYNAMIC}", {"sample.py": ASSIGNED}, "sample.py"),
        (SETUPTOOLS, {"setup.cfg": "[metadata]\nname = sample\nversion = 1.2.3\n"}, "setup.cfg"),
        (SETUPTOOLS, {"setup.cfg": "[metadata]\nname=sample\nversion=1.2.3\n"}, "setup.cfg"),
        (SETUPTOOLS, {"setup.cfg": "[metadata]\nname: sample\nversion: 1.2.3\n"}, "setup.cfg"),
        (
            SETUPTOOLS,
            {"setup.cfg": "[metadata]\nname = sample\nversion = attr: sample.__version__\n", INIT: ASSIGNED},
            INIT,
        ),
        (
            SETUPTOOLS,
            {"setup.cfg": "[metadata]\nname = sample\nversion = file: VERSION\n", "VERSION": "1.2.3\n"},
            "VERSION",
        ),
        (
            f"{SETUPTOOLS}{DYNAMIC}",
            {"setup.py": "from setuptools import setup\n\nsetup(python_version='3', version = '1.2.3')\n"},
            "setup.py",
        ),
    ],
)
def test_the_version_is_found_where_the_back_end_reads_it(
    tmp_path: Path, pyproject: str, files: dict[str, str], place: str
) -> None:
    """Every place that back ends read the version from is known, in its usual spellings."""
    assert_found(make_project(tmp_path, pyproject, files), place)


@pytest.mark.parametrize(
    ("files", "copies"),
    [
        ({INIT: ASSIGNED}, [INIT]),
        ({INIT: "", "src/sample/__about__.py": ASSIGNED}, ["src/sample/__about__.py"]),
        ({INIT: ASSIGNED, "src/sample/_version.py": ASSIGNED}, [INIT, "src/sample/_version.py"]),
        ({INIT: '__version__ = "1.2.2"\n'}, []),
        ({INIT: "# __version__ = '1.2.3'\n"}, []),
        ({INIT: 'if x:\n    __version__ = "1.2.3"\n'}, []),
        ({"sample.py": ASSIGNED}, ["sample.py"]),
        ({"uv.lock": '[[package]]\nname = "sample"\nversion = "1.2.3"\n'}, ["uv.lock"]),
        ({"uv.lock": '[[package]]\nname = "my-sample"\nversion = "1.2.3"\n'}, []),
        ({"uv.lock": '[[package]]\nname = "sample"\nversion = "1.2.33"\n'}, []),
        ({"uv.lock": '[[package]]\nname = "other"\nversion = "1.2.3"\n'}, []),
    ],
)
def test_places_that_repeat_the_version_are_found(tmp_path: Path, files: dict[str, str], copies: list[str]) -> None:
    """Copies with the same version are kept in step; those that say something else are let be."""
    assert_found(make_project(tmp_path, STATIC, files), "pyproject.toml", *copies)


def test_uv_names_a_project_by_its_normal_name(tmp_path: Path) -> None:
    """uv.lock holds `my-sample` where the project is called My_Sample."""
    lock = '[[package]]\nname = "my-sample"\nversion = "1.2.3"\n'
    project = make_project(tmp_path, STATIC.replace("sample", "My_Sample"), {"uv.lock": lock})
    assert_found(project, "pyproject.toml", "uv.lock")


@pytest.mark.parametrize(
    ("pyproject", "files"),
    [
        (f'{DYNAMIC}[build-system]\nrequires = ["setuptools", "setuptools_scm[toml]>=8"]', {}),
        (f'{DYNAMIC}[build-system]\nrequires = ["setuptools-scm"]\n[tool.setuptools_scm]', {INIT: ASSIGNED}),
        (f'{DYNAMIC}[tool.hatch.version]\nsource = "vcs"', {}),
        (f'{DYNAMIC}[tool.pdm.version]\nsource = "scm"', {}),
        (f'{DYNAMIC}[build-system]\nrequires = ["hatchling", "versioningit"]', {}),
        (
            (
                '[tool.poetry]\nname = "sample"\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n'
                '[build-system]\nrequires = ["poetry-core", "poetry-dynamic-versioning"]'
            ),
            {},
        ),
        (
            '[build-system]\nrequires = ["setuptools", "setuptools_scm"]\n[tool.setuptools_scm]',
            {"setup.cfg": "[metadata]\nname = sample\n"},
        ),
        (
            (
                f'{DYNAMIC}[build-system]\nrequires = ["hatchling", "uv-dynamic-versioning"]\n'
                '[tool.hatch.version]\nsource = "uv-dynamic-versioning"'
            ),
            {},
        ),
        (f'{DYNAMIC}[build-system]\nrequires = ["flit_scm"]\nbuild-backend = "flit_scm:buildapi"', {}),
    ],
)
def test_git_tags_tell_the_version_where_a_tool_reads_them(
    tmp_path: Path, pyproject: str, files: dict[str, str]
) -> None:
    """Tools that derive the version from tags leave nothing to bump."""
    assert VersionSource.of(make_project(tmp_path, pyproject, files)) == VersionSource("tags")


def test_an_unused_scm_tool_does_not_matter(tmp_path: Path) -> None:
    """A version that is written down wins over setuptools_scm, which can serve other ends."""
    text = f'{STATIC}[build-system]\nrequires = ["setuptools", "setuptools_scm"]'
    assert_found(make_project(tmp_path, text), "pyproject.toml")


@pytest.mark.parametrize(
    ("pyproject", "files"),
    [
        ('[project]\nname = "sample"', {}),
        ('[project]\nname = "sample"\nversion = ""', {}),
        ('[project]\nname = "sample"\nversion = 1.2', {}),
        (DYNAMIC, {}),
        (HATCH, {}),
        (HATCH, {"v.py": "__version__ = compute()"}),
        (f'{ST_DYNAMIC}version = {{file = "VERSION"}}', {"VERSION": " \n"}),
        (SETUPTOOLS, {"setup.py": "setup(version=read_version())"}),
    ],
)
def test_a_project_without_a_version_is_a_finding(tmp_path: Path, pyproject: str, files: dict[str, str]) -> None:
    """Where nothing is found it is NS301."""
    with pytest.raises(ShipError, match="NS301"):
        VersionSource.of(make_project(tmp_path, pyproject, files))


def test_braces_around_a_version_are_not_read_as_fields() -> None:
    """bump-my-version formats its search texts, so braces are doubled."""
    entry = Place("a.txt", before="{v: ", after="}").as_bump_file()
    assert entry["search"].format(current_version="1") == "{v: 1}"
    assert entry["replace"].format(new_version="2") == "{v: 2}"


def test_the_version_is_changed_in_pyproject_and_nothing_else(tmp_path: Path) -> None:
    """Pins of others, comments and other keys with the same text stay, and so do CRLF line breaks."""
    text = f'{STATIC}dependencies = ["other==1.2.3"]  # 1.2.3\n[tool.x]\nversion = "1.2.3"\n'.replace("\n", "\r\n")
    project = make_project(tmp_path, text)
    write_version(project, VersionSource.of(project), "1.3.0rc1")
    expected = text.replace('version = "1.2.3"', 'version = "1.3.0rc1"', 1)
    assert (tmp_path / "pyproject.toml").read_bytes().decode() == expected


def test_every_copy_is_changed_and_nothing_beside_it(tmp_path: Path) -> None:
    """Other texts of the same version in a package and in uv.lock stay as they are."""
    lock = '[[package]]\nname = "other"\nversion = "1.2.3"\n\n[[package]]\nname = "sample"\nversion = "1.2.3"\n'
    project = make_project(tmp_path, STATIC, {INIT: f"{ASSIGNED}OTHER = '1.2.3'\n", "uv.lock": lock})
    write_version(project, VersionSource.of(project), "1.3.0rc1")
    assert VersionSource.of(Project.read(tmp_path)).current == "1.3.0rc1"
    assert (tmp_path / INIT).read_text() == '"""Docs."""\n\n__version__ = "1.3.0rc1"\nOTHER = \'1.2.3\'\n'
    changed = lock.replace('sample"\nversion = "1.2.3', 'sample"\nversion = "1.3.0rc1')
    assert (tmp_path / "uv.lock").read_text() == changed


@pytest.mark.parametrize(
    ("files", "configured"),
    [
        ({}, False),
        ({"pyproject.toml": f"{STATIC}[tool.bumpversion]\nallow_dirty = true"}, True),
        ({"pyproject.toml": f"{STATIC}[tool.bumpversion]"}, False),
        ({".bumpversion.cfg": "[bumpversion]\n"}, True),
        ({"setup.cfg": "[bumpversion]\ncurrent_version = 1\n"}, True),
        ({"setup.cfg": "[bumpversion:file:a]\n"}, False),
        ({"setup.cfg": "[metadata]\n"}, False),
        ({".bumpversion.toml": ""}, True),
    ],
)
def test_a_projects_own_settings_of_bump_my_version_are_noticed(
    tmp_path: Path, files: dict[str, str], configured: bool
) -> None:
    """They can stand in any of the files that the tool reads."""
    project = Project.read(write_files(tmp_path, {"pyproject.toml": STATIC, **files}))
    assert has_bump_settings(project) is configured


CONF = """
[tool.bumpversion]
message = "To {new_version}"

[[tool.bumpversion.files]]
filename = "docs/conf.py"
search = 'release = "{current_version}"'
replace = 'release = "{new_version}"'
"""


def test_settings_without_a_scheme_add_to_what_is_found(tmp_path: Path) -> None:
    """Their files and texts count; parts and places of the version are those of a project without settings."""
    docs = {"docs/conf.py": 'release = "1.2.3"\nother = "1.2.3"\n', INIT: ASSIGNED}
    project = make_project(tmp_path, STATIC + CONF, docs)
    own = bump_settings(project, "1.2.3", "patch")
    assert own == BumpSettings(None, None, "To {new_version}", None, ())
    assert bumped_files(project, "1.2.3") == {"docs/conf.py"}
    write_version(project, VersionSource.of(project), "1.3.0rc1")
    write_version(Project.read(tmp_path), VersionSource.of(Project.read(tmp_path)), "1.3.0")
    assert (tmp_path / "docs/conf.py").read_text("utf-8") == 'release = "1.3.0"\nother = "1.2.3"\n'
    assert '__version__ = "1.3.0"' in (tmp_path / INIT).read_text("utf-8")
    assert 'version = "1.3.0"' in (tmp_path / "pyproject.toml").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "pyproject.toml", "src"]


def test_a_file_that_settings_name_is_changed_as_they_say(tmp_path: Path) -> None:
    """It is not searched a second time for the place that is found without them."""
    named = f'{STATIC}[[tool.bumpversion.files]]\nfilename = "{INIT}"\n'
    project = make_project(tmp_path, named, {INIT: f"{ASSIGNED}OTHER = '1.2.3'\n"})
    write_version(project, VersionSource.of(project), "1.2.4")
    assert (tmp_path / INIT).read_text("utf-8").count("1.2.4") == 2


def test_development_versions_leave_further_files_alone(tmp_path: Path) -> None:
    """Documents need not know them."""
    project = make_project(tmp_path, STATIC + CONF, {"docs/conf.py": 'release = "1.2.3"\n'})
    write_version(project, VersionSource.of(project), "1.2.4.dev1", own=False)
    assert (tmp_path / "docs/conf.py").read_text("utf-8") == 'release = "1.2.3"\n'


SCHEME = """
[tool.bumpversion]
parse = "(?P<year>\\\\d+)\\\\.(?P<month>\\\\d+)"
serialize = ["{year}.{month}"]

[[tool.bumpversion.files]]
filename = "docs/conf.py"
search = 'release = "{current_version}"'
"""


@pytest.mark.parametrize(
    ("settings", "stated", "good"),
    [
        ("", "7", True),
        (CONF, "2026.3", True),
        (CONF, "2026.2", False),
        (CONF.replace("conf.py", "gone.py"), "2026.3", False),
        (SCHEME, "2026.3", True),
        (SCHEME, "2026.2", False),
        ("[tool.bumpversion]\nfiles = 3\n", "2026.3", False),
    ],
)
def test_settings_are_tried_without_writing(tmp_path: Path, settings: str, stated: str, good: bool) -> None:
    """A file that does not hold the version as they say is found before a release needs it."""
    text = STATIC.replace("1.2.3", "2026.3") + settings
    project = make_project(tmp_path, text, {"docs/conf.py": f'release = "{stated}"\n'})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    if good:
        check_settings(project, VersionSource.of(project))
    else:
        with pytest.raises(ShipError, match="NS306"):
            check_settings(project, VersionSource.of(project))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("told", "notices"), [("1.2.3", 0), ("1.2.2", 1), (None, 0)])
def test_stale_settings_are_a_notice(tmp_path: Path, told: str | None, notices: int) -> None:
    """A current_version that is not the project's is told, and stops nothing."""
    line = f'current_version = "{told}"' if told else "allow_dirty = true"
    project = make_project(tmp_path, f"{STATIC}[tool.bumpversion]\n{line}")
    found = list(stale_settings(project, "1.2.3"))
    assert [(finding.id, finding.level) for finding in found] == [("NS307", "notice")] * notices


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Bump {current_version} to {new_version}", "Bump 1 to 2"),
        ("plain", "plain"),
        ("{now}", None),
        ("{}", None),
        ("{", None),
        ("{new_version.major}", None),
        ("", None),
        (None, None),
    ],
)
def test_texts_with_versions_are_filled_in(text: str | None, filled: str | None) -> None:
    """A text with anything but versions in it is not ours to fill."""
    assert BumpSettings(None, None, None, None, ()).filled(text, "1", "2") == filled


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
