from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.project import Project
from support import each, make_project, write_files

NAMED = '[project]\nname = "sample"\n'


@pytest.mark.parametrize("module", ["code/sample.py", "code/other.py"])
def test_a_module_in_a_folder_that_the_settings_name_is_found(tmp_path: Path, module: str) -> None:
    """The folder set in `package-dir` is searched for modules, whatever their names are."""
    settings = (
        '[build-system]\nbuild-backend = "setuptools.build_meta"\n[tool.setuptools]\npackage-dir = {"" = "code"}\n'
    )
    assert make_project(tmp_path, NAMED + settings, {module: ""}).packages == (Path(module),)


@each(
    ("files", "expected"),
    [
        (["src/sample/__init__.py"], ["src/sample"]),
        (["src/b/__init__.py", "src/a/__init__.py"], ["src/a", "src/b"]),
        (["src/sample.py"], ["src/sample.py"]),
        (["src/sample/core.py"], ["src/sample"]),
        (["lib/sample/__init__.py"], ["lib/sample"]),
        (["sample/__init__.py", "tests/__init__.py", "docs/__init__.py"], ["sample"]),
        (["src/sample/__init__.py", "helpers/__init__.py"], ["src/sample"]),
        (["python/sample/__init__.py"], ["python/sample"]),
        (["sample.py", "setup.py"], ["sample.py"]),
        (["other.py"], []),
        (["tests/unit/__init__.py", "sample.py"], ["sample.py"]),
        (["docs/ext/__init__.py"], []),
        (["src/größe/__init__.py"], ["src/größe"]),
        (["src/sample.egg-info/x.py", "src/sample/__init__.py"], ["src/sample"]),
        (["src/sample/__init__.py", "src/_speed/__init__.py", "src/__pycache__/x.pyc"], ["src/_speed", "src/sample"]),
        (["src/sample/__init__.py", "src/tests/__init__.py"], ["src/sample"]),
        (["src/__init__.py", "src/sample.py"], ["src/sample.py"]),
        (["src/sample/__init__.py", "src/tools/__init__.py"], ["src/sample", "src/tools"]),
        (["sample/__init__.py", "_hack/__init__.py", "tools/__init__.py", "utils/__init__.py"], ["sample"]),
        (["src/space/own/core.py", "src/space/other/data.txt"], ["src/space/own"]),
        (["src/a/b/c/d/e/f/g/h.py"], []),
        (["playbooks/run.py", "playbooks/roles/web/__init__.py"], []),
    ],
)
def test_packages_are_found_in_usual_layouts(tmp_path: Path, files: list[str], expected: list[str]) -> None:
    """Packages are found in src/, lib/, the root or one other folder; tests and docs do not count as packages."""
    project = make_project(tmp_path, NAMED, dict.fromkeys(files, ""))
    assert [path.as_posix() for path in project.packages] == expected


@pytest.mark.parametrize("name", ["build", "docs", "testing"])
def test_a_package_may_have_the_name_of_a_folder_of_tools(tmp_path: Path, name: str) -> None:
    """A project called `build` may have its package in `src/build`, although that is usually a folder of tools."""
    project = make_project(tmp_path, f'[project]\nname = "{name}"', {f"src/{name}/__init__.py": ""})
    assert [path.as_posix() for path in project.packages] == [f"src/{name}"]


def test_a_package_in_a_namespace_is_found(tmp_path: Path) -> None:
    """The sources of `company.product` are found in `src/company`, which has no `__init__.py`."""
    files = {"src/company/product/__init__.py": "", "tests/unit/__init__.py": ""}
    project = make_project(tmp_path, '[project]\nname = "company.product"', files)
    assert project.packages
    assert all(path.parts[:2] == ("src", "company") for path in project.packages)


@each(
    ("settings", "files", "expected"),
    [
        ("", ["tests/test_a.py"], ("tests",)),
        ("", ["tests/deep/er/a_test.py"], ("tests",)),
        ("", ["test/test_a.py"], ("test",)),
        ("", ["tests/helpers.py"], ()),
        ("", ["tests/README.md"], ()),
        ("", [], ()),
        ('testpaths = ["checks"]', ["checks/test_a.py", "tests/test_b.py"], ("checks",)),
        ('testpaths = "checks more"', ["checks/test_a.py", "more/test_b.py"], ("checks", "more")),
        ('testpaths = ["gone"]', ["tests/test_a.py"], ("tests",)),
        ('testpaths = ["test_all.py"]', ["test_all.py"], ("test_all.py",)),
        ("testpaths = []", ["tests/test_a.py"], ("tests",)),
        ('testpaths = ["parts/*/tests"]', ["parts/a/tests/test_a.py"], ("parts/a/tests",)),
        ("", ["test_sample.py"], ("test_sample.py",)),
        ("", ["src/sample/__init__.py", "src/sample/tests/test_a.py"], ("src/sample/tests",)),
        ("", ["src/zope/event/__init__.py", "src/zope/event/tests.py"], ("src/zope/event/tests.py",)),
        ("", ["src/sample/__init__.py", "src/sample/testing.py"], ()),
        ("", ["sample/__init__.py", "sample/_tests/test_a.py"], ("sample/_tests",)),
        ("", ["sample.py", "a_test.py"], ("a_test.py",)),
        ("", ["sample.py", "tests.py"], ("tests.py",)),
        ("", ["sample.py", "test.py"], ()),
        ("", ["src/sample.py", "src/test_sample.py"], ("src/test_sample.py",)),
        ("", ["src/sample.py", "src/tests/test_sample.py"], ("src/tests",)),
        ("", ["sample.py", "tests_core/deep/test_a.py", "docs/test_b.py"], ("tests_core",)),
        ("", ["sample.py", "docs/test_b.py"], ()),
        ('python_files = "tests/*.py"', ["tests/core.py"], ("tests",)),
        ('python_files = "tests/*.py"', ["test/core.py"], ()),
        ('python_files = ["checks/*/c_*.py"]', ["checks/a/c_1.py", "tests/d.py"], ("checks/a/c_1.py",)),
        ('python_files = ["sample/t*.py"]', ["sample/__init__.py", "sample/t1.py"], ("sample/t1.py",)),
        ("testpaths = \"'a b' c\"", ["a b/test_a.py"], ("a b",)),
        ('addopts = "\'"', ["tests/test_a.py"], ("tests",)),
        ('addopts = "-ra --doctest-modules"', ["sample/__init__.py"], ("sample",)),
        ('addopts = ["--doctest-modules"]', ["sample/__init__.py", "tests/test_a.py"], ("tests",)),
        ('addopts = "--doctest-modules"', ["README.md"], ()),
        ('addopts = "--doctest-glob=*.rst"', ["README.rst"], (".",)),
    ],
)
def test_folders_of_tests_hold_test_files(
    tmp_path: Path, settings: str, files: list[str], expected: tuple[str, ...]
) -> None:
    """pytest's own `testpaths` takes precedence over the usual names; folders without test files do not count."""
    text = f"{NAMED}[tool.pytest.ini_options]\n{settings}"
    assert make_project(tmp_path, text, dict.fromkeys(files, "")).test_paths == expected


@each(
    ("settings", "files", "told"),
    [
        ("", ["tests/test_a.py", "test_b.py"], False),
        ("", ["sample/tests/test_a.py"], True),
        ("", ["tests.py"], True),
        ("", ["a_test.py"], False),
        ('python_files = "tests.py"', ["tests.py"], False),
        ('python_files = "check_*.py"', ["tests/check_a.py"], False),
        ('testpaths = "sample/tests"', ["sample/tests/test_a.py"], False),
        ('testpaths = ["sample/tests", "tests"]', ["sample/tests/test_a.py", "tests/test_b.py"], False),
        ('addopts = "--doctest-modules"', [], True),
        ('addopts = "--doctest-glob=*.rst"', [], False),
        ("", [], False),
    ],
)
def test_pytest_is_told_what_it_does_not_find(tmp_path: Path, settings: str, files: list[str], told: bool) -> None:
    """Paths are passed to pytest if it would not find those tests: inside packages, or in files with unusual names."""
    text = f"{NAMED}[tool.pytest.ini_options]\n{settings}"
    project = make_project(tmp_path, text, dict.fromkeys(["sample/__init__.py", *files], ""))
    assert project.test_arguments == (project.test_paths if told else ())
    assert project.test_paths or not (files or settings)


def test_tests_that_only_unittest_finds_are_told_to_pytest(tmp_path: Path) -> None:
    """Test files in unittest's naming are passed to pytest if there are no others; a helper with such a name is not."""
    files = {
        "tests/test.py": "import unittest\n",
        "tests/deep/testing.py": "from unittest import *\n",
        "tests/testa.py": "",
    }
    project = make_project(tmp_path, NAMED, files)
    assert project.test_paths == project.test_arguments == ("tests/deep/testing.py", "tests/test.py")
    other = make_project(tmp_path, NAMED, {"tests/test_b.py": ""})
    assert (other.test_paths, other.test_arguments) == (("tests",), ())


def test_test_files_of_another_name_are_found(tmp_path: Path) -> None:
    """Test files are recognized by pytest's `python_files` setting."""
    text = f'{NAMED}[tool.pytest.ini_options]\npython_files = ["check_*.py"]'
    assert make_project(tmp_path, text, {"tests/check_a.py": ""}).test_paths == ("tests",)


OPTIONS_FILES = {
    "pytest.toml": '[pytest]\naddopts = "-0"\n',
    "pytest.ini": "[pytest]\naddopts = -1\n",
    ".pytest.ini": "[pytest]\naddopts = -2\n",
    "pyproject.toml": f'{NAMED}[tool.pytest.ini_options]\naddopts = "-3"\n',
    "tox.ini": "[pytest]\naddopts = -4\n",
    "setup.cfg": "[tool:pytest]\naddopts = -5\n",
}


@each("first", range(len(OPTIONS_FILES)))
def test_pytest_settings_come_from_the_file_that_pytest_reads(tmp_path: Path, first: int) -> None:
    """If several files configure pytest, the first in pytest's own order counts."""
    files = {"pyproject.toml": NAMED, **dict(list(OPTIONS_FILES.items())[first:])}
    project = Project.read(write_files(tmp_path, files))
    assert project.pytest_options["addopts"] == f"-{first}"


@pytest.mark.parametrize(
    ("name", "content"),
    [("pytest.ini", b""), ("pytest.toml", b""), (".pytest.toml", b""), ("pytest.toml", b"\xff"), ("pytest.toml", b"[")],
)
def test_an_empty_file_of_pytests_own_wins(tmp_path: Path, name: str, content: bytes) -> None:
    """pytest.ini and pytest.toml take precedence over all other files, even if they are empty or cannot be parsed."""
    files = {file: text for file, text in OPTIONS_FILES.items() if file != "pytest.toml"}
    project = Project.read(write_files(tmp_path, {**files, name: content}))
    assert project.pytest_options == {}


def test_pytest_9_settings_are_read(tmp_path: Path) -> None:
    """The `[tool.pytest]` table of pytest 9 is read; it needs no `ini_options`."""
    project = make_project(tmp_path, f'{NAMED}[tool.pytest]\ntestpaths = ["checks"]')
    assert project.pytest_options == {"testpaths": ["checks"]}


def test_the_sources_of_a_rust_project_are_where_maturin_is_told(tmp_path: Path) -> None:
    """With maturin, packages are in the folder set as `python-source`, and not in `src`, which has Rust code."""
    text = f'{NAMED}[build-system]\nbuild-backend = "maturin"\n[tool.maturin]\npython-source = "pysrc"'
    files = {"src/generate.py": "", "pysrc/sample/__init__.py": "", "bench/__init__.py": ""}
    assert [path.as_posix() for path in make_project(tmp_path, text, files).packages] == ["pysrc/sample"]


@pytest.mark.parametrize(
    ("name", "module", "expected"),
    [
        ("sample", "src/sample/__init__.py", "sample"),
        ("sample", "sample/__init__.py", "sample"),
        ("sample", "sample.py", "sample"),
        ("sample", "python/sample/__init__.py", "sample"),
        ("space-sample", "src/space/sample/__init__.py", "space.sample"),
        ("space-sample", "space/sample/__init__.py", "space.sample"),
    ],
)
def test_a_package_has_the_name_by_which_it_is_imported(tmp_path: Path, name: str, module: str, expected: str) -> None:
    """The import name leaves out a folder that only holds the sources, and includes the namespace."""
    assert make_project(tmp_path, f'[project]\nname = "{name}"\n', {module: ""}).import_names == (expected,)
