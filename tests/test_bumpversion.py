from __future__ import annotations

from pathlib import Path

import pytest

from fakes import Call, Programs
from nox_ship.errors import ShipError
from nox_ship.project import Project
from nox_ship.release import bumpversion
from nox_ship.release.bumpversion import (
    BumpSettings,
    bump_settings,
    bumped_files,
    check_settings,
    has_bump_settings,
    stale_settings,
    write_version,
)
from nox_ship.release.source import VersionSource
from support import each, git, make_project, make_repository, write_files

pytestmark = pytest.mark.usefixtures("bump_my_version")

STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
INIT = "src/sample/__init__.py"
ASSIGNED = '"""Docs."""\n\n__version__ = "1.2.3"\n'


def test_the_version_is_changed_in_pyproject_and_nothing_else(tmp_path: Path) -> None:
    """Only the version in pyproject.toml is changed: other text with the same version and line endings are kept."""
    text = f'{STATIC}dependencies = ["other==1.2.3"]  # 1.2.3\n[tool.x]\nversion = "1.2.3"\n'.replace("\n", "\r\n")
    project = make_project(tmp_path, text)
    write_version(project, VersionSource.of(project), "1.3.0rc1")
    expected = text.replace('version = "1.2.3"', 'version = "1.3.0rc1"', 1)
    assert (tmp_path / "pyproject.toml").read_bytes().decode() == expected


def test_every_copy_is_changed_and_nothing_beside_it(tmp_path: Path) -> None:
    """The version is changed in the package and in uv.lock, but the same text elsewhere in these files is kept."""
    lock = '[[package]]\nname = "other"\nversion = "1.2.3"\n\n[[package]]\nname = "sample"\nversion = "1.2.3"\n'
    project = make_project(tmp_path, STATIC, {INIT: f"{ASSIGNED}OTHER = '1.2.3'\n", "uv.lock": lock})
    write_version(project, VersionSource.of(project), "1.3.0rc1")
    assert VersionSource.of(Project.read(tmp_path)).current == "1.3.0rc1"
    assert (tmp_path / INIT).read_text() == '"""Docs."""\n\n__version__ = "1.3.0rc1"\nOTHER = \'1.2.3\'\n'
    changed = lock.replace('sample"\nversion = "1.2.3', 'sample"\nversion = "1.3.0rc1')
    assert (tmp_path / "uv.lock").read_text() == changed


@each(
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
    """A project's own settings for bump-my-version are found in every file that the tool reads."""
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


@pytest.mark.slow
def test_bump_my_version_gets_what_the_settings_hand_on(tmp_path: Path, programs: Programs) -> None:
    """bump-my-version sees the variables in `pass-env`, and no others that look like credentials."""
    text = f'{STATIC}[tool.nox-ship]\npass-env = ["INDEX_PASSWORD"]\n{CONF}'
    project = make_project(tmp_path, text, {"docs/conf.py": 'release = "1.2.3"\n'})
    write_version(project, VersionSource.of(project), "1.3.0")
    assert {call.options["keep"] for call in programs.started("bumpversion")} == {("INDEX_PASSWORD",)}


@pytest.mark.slow
def test_settings_without_a_scheme_add_to_what_is_found(tmp_path: Path) -> None:
    """Settings without a version scheme add files to change, and the parts of the version are the default ones."""
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
    """If the settings name a file, it is changed only as they say, and not searched again for the version."""
    named = f'{STATIC}[[tool.bumpversion.files]]\nfilename = "{INIT}"\n'
    project = make_project(tmp_path, named, {INIT: f"{ASSIGNED}OTHER = '1.2.3'\n"})
    write_version(project, VersionSource.of(project), "1.2.4")
    assert (tmp_path / INIT).read_text("utf-8").count("1.2.4") == 2


DYNAMIC = '[project]\nname = "sample"\ndynamic = ["version"]\n'


@pytest.mark.parametrize(
    ("pyproject", "files", "tag"),
    [
        (f'{DYNAMIC}[tool.hatch.version]\npath = "{INIT}"\n', {INIT: ASSIGNED}, None),
        (f'{DYNAMIC}[tool.hatch.version]\npath = "{INIT}"\n', {INIT: ASSIGNED}, "1.2.3"),
        ('[tool.poetry]\nname = "sample"\nversion = "1.2.3"\n', {}, None),
        ("", {"setup.cfg": "[metadata]\nname = sample\nversion = 1.2.3\n"}, "v1.0"),
    ],
)
def test_settings_without_a_scheme_fit_every_source(
    tmp_path: Path, pyproject: str, files: dict[str, str], tag: str | None
) -> None:
    """Settings without a version scheme work for every version source and every form of tags."""
    make_repository(tmp_path, {"pyproject.toml": pyproject + CONF, "docs/conf.py": 'release = "1.2.3"\n', **files})
    if tag:
        git(tmp_path, "tag", tag)
    project = Project.read(tmp_path)
    check_settings(project, VersionSource.of(project))
    write_version(project, VersionSource.of(project), "1.3.0rc1")
    assert VersionSource.of(Project.read(tmp_path)).current == "1.3.0rc1"
    assert (tmp_path / "docs/conf.py").read_text("utf-8") == 'release = "1.3.0rc1"\n'


def test_nothing_is_started_where_no_place_is_left(tmp_path: Path, programs: Programs) -> None:
    """If the settings already name the only file with the version, no second program is started."""
    named = f'{STATIC}[[tool.bumpversion.files]]\nfilename = "pyproject.toml"\n'
    project = make_project(tmp_path, named)
    write_version(project, VersionSource.of(project), "1.2.4")
    assert 'version = "1.2.4"' in (tmp_path / "pyproject.toml").read_text("utf-8")
    assert len(programs.started("bumpversion")) == 1


def test_a_file_that_settings_name_for_another_line_keeps_no_old_version(tmp_path: Path) -> None:
    """If the settings name a file for another line, the version that nox-ship finds in it is changed too."""
    named = f'{STATIC}[[tool.bumpversion.files]]\nfilename = "{INIT}"\nsearch = "Sample {{current_version}}"\n'
    named += 'replace = "Sample {new_version}"\n'
    project = make_project(tmp_path, named, {INIT: '"""Sample 1.2.3."""\n\nx = 1\n__version__ = "1.2.3"\n'})
    write_version(project, VersionSource.of(project), "1.2.4")
    assert (tmp_path / INIT).read_text("utf-8") == '"""Sample 1.2.4."""\n\nx = 1\n__version__ = "1.2.4"\n'


@pytest.mark.parametrize("glob", ["/abs/*", "**a"])
def test_a_glob_that_is_none_is_a_finding(tmp_path: Path, glob: str) -> None:
    """An invalid glob in the settings is a finding (NS306), and no traceback."""
    project = make_project(tmp_path, f'{STATIC}[[tool.bumpversion.files]]\nglob = "{glob}"\n')
    with pytest.raises(ShipError, match="NS306"):
        check_settings(project, VersionSource.of(project))


def test_development_versions_leave_further_files_alone(tmp_path: Path) -> None:
    """A development version does not change the files in the project's own settings."""
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
    """The settings are tested without writing, and a file without the expected version is found beforehand (NS306)."""
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
    """A `current_version` in the settings that is not the project's is only a notice (NS307)."""
    line = f'current_version = "{told}"' if told else "allow_dirty = true"
    project = make_project(tmp_path, f"{STATIC}[tool.bumpversion]\n{line}")
    found = list(stale_settings(project, "1.2.3"))
    assert [(finding.id, finding.level) for finding in found] == [("NS307", "notice")] * notices


@each(
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
    """A text is filled in only if all its fields are versions."""
    assert BumpSettings(None, None, None, None, ()).filled(text, "1", "2") == filled


def test_settings_that_the_tool_cannot_read_are_a_finding(tmp_path: Path, programs: Programs) -> None:
    """If bump-my-version cannot read the settings, NS306 shows its output."""
    programs.answer("-m bumpversion show", code=1, stdout="boom")
    with pytest.raises(ShipError, match="NS306") as caught:
        bump_settings(make_project(tmp_path, STATIC + SCHEME), "1.2.3", None)
    assert caught.value.findings[0].detail == "boom"


def test_a_glob_that_names_no_file_of_the_project_is_refused(tmp_path: Path) -> None:
    """A glob that leads out of the project is refused (NS306)."""
    settings = '[[tool.bumpversion.files]]\nglob = "/*"\n'
    project = make_project(tmp_path / "project", f"{STATIC}{settings}", {"notes.txt": ""})
    with pytest.raises(ShipError, match="NS306"):
        bumped_files(project, "1.2.3")


def test_settings_of_another_type_are_none(tmp_path: Path) -> None:
    """Settings of an unexpected type are ignored."""
    project = make_project(tmp_path, f"{STATIC}[tool.bumpversion]\ntag_name = 5\nmessage = ['x']\nfiles = []\n")
    assert bump_settings(project, "1.2.3", None) == BumpSettings(None, None, None, None, ())


@each("text", ["{new_version:>999999999999}", "{new_version!r}", "{0}", "{", "{new_version.x}", "{}"])
def test_a_text_holds_versions_and_nothing_else(text: str) -> None:
    """Formats and other fields are not filled in, however much memory they would take."""
    settings = BumpSettings(None, None, None, None, ())
    assert settings.filled(text, "1.0", "1.1") is None
    assert settings.filled("{current_version} to {new_version}, {{x}}", "1.0", "1.1") == "1.0 to 1.1, {x}"


def test_settings_that_are_not_there_say_nothing(tmp_path: Path) -> None:
    """Without settings for bump-my-version, the tool is not started."""
    assert bump_settings(make_project(tmp_path, STATIC), "1.2.3", "patch") is None


def test_a_place_that_keeps_the_old_version_is_a_finding(tmp_path: Path, programs: Programs) -> None:
    """If the tool leaves the old version in a place that nox-ship found, NS306 names the file."""
    project = make_project(tmp_path, STATIC + CONF, {INIT: ASSIGNED})

    def reply(_: Call) -> tuple[int, str]:
        (tmp_path / INIT).write_text(ASSIGNED.replace(" = ", "="), "utf-8")
        return 0, ""

    programs.play("-m bumpversion", reply=reply)
    with pytest.raises(ShipError, match=f"NS306.*{INIT}"):
        write_version(project, VersionSource.of(project), "1.2.4")


def test_a_tool_that_changes_nothing_is_a_finding(tmp_path: Path, programs: Programs) -> None:
    """If the tool succeeds without changing the version, NS306 is raised."""
    project = make_project(tmp_path, STATIC + SCHEME)
    programs.answer("-m bumpversion")
    with pytest.raises(ShipError, match=r"NS306.*is 1\.2\.3, not 1\.2\.4"):
        write_version(project, VersionSource.of(project), "1.2.4")


def test_without_settings_of_its_own_a_project_needs_no_tool(tmp_path: Path, programs: Programs) -> None:
    """In a project without settings for bump-my-version, the version is written without starting any program."""
    project = make_project(tmp_path, STATIC)
    write_version(project, VersionSource.of(project), "1.2.4")
    assert programs.calls == []


def test_a_tool_that_is_not_installed_is_run_by_uv(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If bump-my-version is not installed, it is run with `uv tool run`."""
    monkeypatch.setattr(bumpversion, "find_spec", lambda _: None)
    programs.answer("tool run", stdout='{"message": "x"}')
    made = bump_settings(make_project(tmp_path, STATIC + SCHEME), "1.2.3", None)
    assert made == BumpSettings(None, None, "x", None, ())
    line = programs.calls[0].line
    assert (line[1:5], line[6:8]) == (("tool", "run", "--quiet", "--from"), ("bump-my-version", "show"))


@pytest.mark.parametrize("settings", ['files = ["VERSION"]\n', "files = 5\n"])
def test_files_that_are_no_tables_are_a_finding(tmp_path: Path, settings: str) -> None:
    """If `files` in the settings is no list of tables, NS306 says how to write it."""
    project = make_project(tmp_path, f"{STATIC}[tool.bumpversion]\n{settings}")
    with pytest.raises(ShipError, match=r"NS306.*list of tables"):
        bumped_files(project, "1.2.3")


def test_settings_that_commit_and_tag_do_neither_here(tmp_path: Path) -> None:
    """Even if the settings turn them on, bump-my-version makes no commit and no tag."""
    text = f"{STATIC}[tool.bumpversion]\ncommit = true\ntag = true\n[[tool.bumpversion.files]]\nfilename = 'VERSION'\n"
    repository = make_repository(tmp_path, {"pyproject.toml": text, "VERSION": "1.2.3\n"})
    before = repository.head
    project = Project.read(tmp_path)
    write_version(project, VersionSource.of(project), "1.2.4")
    assert (tmp_path / "VERSION").read_text("utf-8") == "1.2.4\n"
    assert (repository.head, repository.tags()) == (before, {})
    assert set(repository.changes()) == {"pyproject.toml", "VERSION"}


@pytest.mark.slow
def test_a_scheme_of_ones_own_is_read_by_its_own_parts(tmp_path: Path) -> None:
    """With a version scheme of its own, a project's files may contain single parts, and other files are not changed."""
    scheme = '[tool.bumpversion]\nparse = "(?P<year>\\\\d+)\\\\.(?P<build>\\\\d+)"\nserialize = ["{year}.{build}"]\n'
    files = (
        '[[tool.bumpversion.files]]\nfilename = "pyproject.toml"\nsearch = \'version = "{current_version}"\'\n'
        "replace = 'version = \"{new_version}\"'\n"
        '[[tool.bumpversion.files]]\nfilename = "BUILD"\nsearch = "build {current_build}"\n'
        'replace = "build {new_build}"\n'
    )
    text = f'[project]\nname = "sample"\nversion = "2024.5"\n{scheme}{files}'
    project = make_project(tmp_path, text, {"BUILD": "build 5", INIT: '__version__ = "2024.5"\n'})
    check_settings(project, VersionSource.of(project))
    write_version(project, VersionSource.of(project), "2024.6")
    assert (tmp_path / "BUILD").read_text("utf-8") == "build 6"
    assert (tmp_path / INIT).read_text("utf-8") == '__version__ = "2024.5"\n'
