from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.project import Project
from nox_ship.release.bumpversion import write_version
from nox_ship.release.source import VersionSource
from nox_ship.setup import pyproject
from nox_ship.setup.restated import restated
from nox_ship.setup.survey import Survey
from support import each, make_project, make_repository, write_files

pytestmark = pytest.mark.usefixtures("bump_my_version")

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.0"  # ours\n'


@pytest.mark.slow
def test_a_version_that_looks_like_another_later_is_told_apart(tmp_path: Path) -> None:
    """The line `cff-version: 1.2.0` of a citation stays as it is, even when the project itself reaches 1.2.0."""
    early = PYPROJECT.replace("1.2.0", "0.3.0")
    files = {"pyproject.toml": early, "CITATION.cff": "cff-version: 1.2.0\ntitle: x\nversion: 0.3.0\n"}
    make_repository(tmp_path, files)
    write_files(tmp_path, {"pyproject.toml": pyproject.extended(early, Survey.of(tmp_path, "3.12"))})
    for version in ("1.2.0", "1.3.0"):
        project = Project.read(tmp_path)
        write_version(project, VersionSource.of(project), version)
        citation = (tmp_path / "CITATION.cff").read_text("utf-8")
        assert citation == f"cff-version: 1.2.0\ntitle: x\nversion: {version}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("docs/conf.py", 'version = "1.2"\nrelease = "1.2.0"\n', 'version = "1.2"\nrelease = "1.3.0rc1"\n'),
        ("docs/source/conf.py", "version = release = '1.2.0'  # full\n", "version = release = '1.3.0rc1'  # full\n"),
        ("doc/conf.py", 'version="1.2.0"\nrelease="1.2.0"\n', 'version="1.3.0rc1"\nrelease="1.3.0rc1"\n'),
        ("docs/conf.py", 'release = "v1.2.0"', 'release = "v1.3.0rc1"'),
        ("CITATION.cff", "cff-version: 1.2.0\nversion: 1.2.0\n", "cff-version: 1.2.0\nversion: 1.3.0rc1\n"),
        (
            "codemeta.json",
            '{\n  "version": "1.2.0",\n  "needs": {"version": "1.2.0"}\n}\n',
            '{\n  "version": "1.3.0rc1",\n  "needs": {"version": "1.2.0"}\n}\n',
        ),
        ("sonar-project.properties", "sonar.projectVersion=1.2.0\n", "sonar.projectVersion=1.3.0rc1\n"),
        ("docs/conf.py", 'x = "{1}"\nrelease = "1.2.0"  # {}\n', 'x = "{1}"\nrelease = "1.3.0rc1"  # {}\n'),
    ],
)
def test_what_states_the_version_is_found_and_changed(tmp_path: Path, name: str, text: str, after: str) -> None:
    """With the proposed settings, bump-my-version changes the version in that file, and nothing that looks like it."""
    make_repository(tmp_path, {"pyproject.toml": PYPROJECT, name: text})
    survey = Survey.of(tmp_path, "3.12")
    assert {place.file for place in survey.restated} == {name}
    assert name in survey.version
    settings = pyproject.extended(PYPROJECT, survey)
    assert settings.startswith(PYPROJECT)
    write_files(tmp_path, {"pyproject.toml": settings})
    project = Project.read(tmp_path)
    assert restated(project, VersionSource.of(project)) == ()
    write_version(project, VersionSource.of(project), "1.3.0rc1")
    assert (tmp_path / name).read_bytes().decode() == after


@each(
    ("name", "text"),
    [
        ("docs/conf.py", 'release = "1.2.1"\n'),
        ("docs/conf.py", 'release = "1.2.0.1"\n'),
        ("docs/conf.py", 'release = "1x2.0"\n'),
        ("docs/conf.py", 'language_version = "1.2.0"\n'),
        ("docs/conf.py", 'text = "the release = 1.2.0 is out"\n'),
        ("tests/conf.py", 'release = "1.2.0"\n'),
        ("src/sample/__init__.py", '__version__ = "1.2.0"\n'),
    ],
)
def test_what_does_not_state_the_version_is_left(tmp_path: Path, name: str, text: str) -> None:
    """Other versions, other names, other folders, and places that a release finds by itself are not reported."""
    project = make_project(tmp_path, PYPROJECT, {name: text})
    assert restated(project, VersionSource.of(project)) == ()


def test_a_project_versioned_by_tags_states_nothing(tmp_path: Path) -> None:
    """If the version comes from git tags, no file is reported, as a release changes none."""
    text = '[build-system]\nrequires = ["setuptools-scm"]\n[project]\nname = "sample"\ndynamic = ["version"]\n'
    project = make_project(tmp_path, text, {"docs/conf.py": 'release = "1.2.0"\n'})
    assert restated(project, VersionSource.of(project)) == ()


def test_what_a_scheme_leaves_out_is_told(tmp_path: Path) -> None:
    """If bump-my-version's settings state the current version, a place that they do not name is reported."""
    files = {"src/sample/__init__.py": '__version__ = "1.2.0"\n', "docs/conf.py": 'release = "1.2.0"\n'}
    text = f'{PYPROJECT}[tool.bumpversion]\ncurrent_version = "1.2.0"\n'
    text += '[[tool.bumpversion.files]]\nfilename = "docs/conf.py"\n'
    project = make_project(tmp_path, text, files)
    assert [place.file for place in restated(project, VersionSource.of(project))] == ["src/sample/__init__.py"]


@pytest.mark.parametrize("entry", ['filename = "docs/conf.py"', 'glob = "docs/*.py"'])
def test_what_settings_name_is_known(tmp_path: Path, entry: str) -> None:
    """A file that bump-my-version's settings include by its name or by a glob is not reported."""
    text = f"{PYPROJECT}[[tool.bumpversion.files]]\n{entry}\n"
    files = {"docs/conf.py": 'release = "1.2.0"\n', "CITATION.cff": "version: 1.2.0\n"}
    project = make_project(tmp_path, text, files)
    assert [place.file for place in restated(project, VersionSource.of(project))] == ["CITATION.cff"]


@pytest.mark.parametrize(
    "line",
    [
        'assert sample.__version__ == "1.2.0"',
        "assert __version__ == '1.2.0'",
        'assert "1.2.0" == sample.__version__  # ours',
        'assert importlib.metadata.version("Sample") == "1.2.0"',
        'self.assertEqual(sample.__version__, "1.2.0")',
        'self.assertEqual("1.2.0", sample.__version__)',
    ],
)
def test_a_test_that_asserts_the_version_states_it(tmp_path: Path, line: str) -> None:
    """A test that asserts the version is changed with it; otherwise every release would fail that test."""
    files = {"tests/test_version.py": f"def test_version():\n    {line}\n", "src/sample/__init__.py": ""}
    make_repository(tmp_path, {"pyproject.toml": PYPROJECT, **files})
    write_files(tmp_path, {"pyproject.toml": pyproject.extended(PYPROJECT, Survey.of(tmp_path, "3.12"))})
    project = Project.read(tmp_path)
    write_version(project, VersionSource.of(project), "1.3.0")
    assert line.replace("1.2.0", "1.3.0") in (tmp_path / "tests/test_version.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("tests/test_a.py", 'assert parse("1.2.0") == "1.2.0"'),
        ("tests/test_a.py", 'assert sample.__version__ == "1.2.01"'),
        ("tests/test_a.py", 'assert sample.__version__ != "1.2.0"'),
        ("tests/test_a.py", 'assert version("other") == "1.2.0"'),
        ("tests/test_a.py", 'assert True  # __version__ == "1.2.0"'),
        ("tests/test_a.py", 'x = __version__ == "1.2.0"'),
        ("tests/data/example.py", 'assert __version__ == "1.2.0"'),
        ("examples/test_a.py", 'assert __version__ == "1.2.0"'),
    ],
)
def test_a_test_of_versions_states_none(tmp_path: Path, name: str, line: str) -> None:
    """A version in a test or an example that only happens to equal the project's is not reported."""
    make_repository(tmp_path, {"pyproject.toml": PYPROJECT, name: f"{line}\n", "tests/test_b.py": ""})
    project = Project.read(tmp_path)
    assert restated(project, VersionSource.of(project)) == ()
