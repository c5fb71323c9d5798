"""Projects with unexpected content in their files: it is read, or refused with an error of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from nox_ship.automation.groups import Groups, check_groups
from nox_ship.errors import ShipError
from nox_ship.gates import recipes
from nox_ship.project import Project
from nox_ship.release.changelog import changelog_findings
from nox_ship.release.source import VersionSource
from support import write_files

NAMED = '[project]\nname = "sample"\n'

HUGE = "9" * 5000
STRANGE = [
    f"{NAMED}dependencies = 5",
    f"{NAMED}optional-dependencies = {{a = 5, b = [5]}}",
    f"{NAMED}[tool.pytest.ini_options]\npython_files = 5",
    f"{NAMED}[tool.pytest.ini_options]\npython_files = ['**x', '', '/etc', '..']\ntestpaths = [1, [2], 'a\\u0000b']",
    f"{NAMED}[tool.pytest.ini_options]\ntestpaths = ['/etc/*', '**x', '../*', '']",
    f'{NAMED}[tool.pytest.ini_options]\naddopts = "\'"',
    f"{NAMED}[tool.pytest.ini_options]\naddopts = 5",
    f'{NAMED}requires-python = ">={HUGE}"',
    f'{NAMED}requires-python = {{a = "x"}}',
    f'{NAMED}classifiers = ["Programming Language :: Python :: 3.{HUGE}"]',
    f'{NAMED}classifiers = "x"',
    f"{NAMED}dynamic = {{}}\n[build-system]\nrequires = 5\nbuild-backend = []",
    f'{NAMED}dynamic = ["version"]\n[build-system]\nrequires = [5]',
    f'{NAMED}dynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {{file = 5}}',
    f'{NAMED}dynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {{attr = 5}}',
    f'{NAMED}dynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {{attr = "...."}}',
    f'{NAMED}dynamic = ["version"]\n[tool.hatch.version]\npath = "a\\u0000b"',
    f'{NAMED}dynamic = ["version"]\n[tool.hatch.version]\npath = "/dev/zero"',
    f'{NAMED}dynamic = ["version"]\n[tool.hatch.version]\npath = "."',
    f'{NAMED}dynamic = ["version"]\n[tool.pdm.version]\nsource = "file"\npath = 5',
    f"{NAMED}[tool.coverage]\nrun = 5",
    f"{NAMED}[tool.coverage.run]\nsource = 5",
    f"{NAMED}[tool.maturin]\npython-source = 5",
    f'{NAMED}[tool.maturin]\npython-source = "a\\u0000b"',
    f"{NAMED}[tool.ruff]\nformat = 5",
    f"{NAMED}[tool.mypy]\nfiles = 5",
    f"{NAMED}[tool.bumpversion]\nfiles = 5",
    f"{NAMED}[dependency-groups]\na = 5",
    f"{NAMED}[dependency-groups]\na = [5]",
    f"{NAMED}[dependency-groups]\na = [{{include-group = 5}}]",
    f"{NAMED}[dependency-groups]\na = [{{include-group = 'a'}}]",
    f"{NAMED}[dependency-groups]\na = ['{'(' * 3000}']",
    f"{NAMED}[dependency-groups]\na = ['x; {'(' * 3000}']",
    f"{NAMED}[dependency-groups]\n"
    + "".join(f"g{n} = [{{include-group = 'g{n + 1}'}}]\n" for n in range(1100))
    + "g1100 = []",
    f"{NAMED}dependency-groups = 5",
    f'{NAMED}[tool.poetry.group.dev.dependencies]\npython = 5\nx = {{version = "1", extras = 5, markers = 5}}',
    f'{NAMED}[tool.poetry.group.dev.dependencies]\nx = "^{HUGE}"\ny = "~{HUGE}"\nz = ""\nw = ","',
    f'[tool.poetry]\nname = "sample"\n[tool.poetry.dependencies]\npython = "^{HUGE}"',
    "[tool.poetry]\nname = []\nversion = {}\ndependencies = 5\ngroup = [5]",
    "tool = 1",
    "[tool]\nnox-ship = 5",
    "[project]\nname = 3",
    '[project]\nname = "../../etc"',
    '[project]\nname = "a\\nb"',
    f"a = {HUGE}",
    f"a = 0x{'f' * 5000}",
    "a = " + "[" * 3000,
    "a = " + "[" * 200 + "]" * 200,
    "a = " + "{a = " * 3000,
    f"{NAMED}[tool.coverage]\nx = " + "{a = " * 90 + "1" + "}" * 90,
    f"[tool.nox-ship]\npythons = ['3.{HUGE}']",
    f"[tool.nox-ship]\ntag = 0x{'f' * 5000}",
    "[tool.nox-ship]\ntag = " + "[" * 90 + "]" * 90,
    "a = 2024-99-99",
    "a = 9999-12-31T23:59:59-23:59",
]


def everything(root: Path) -> Iterator[Callable[[], object]]:
    """Yield a call for everything that is read from a project's files."""
    project = Project.read(root)
    names = ("name", "canonical_name", "backend", "requires_python", "classified_pythons", "tidy_build", "static")
    for name in (*names, "packages", "test_paths", "pytest_options"):
        yield lambda name=name: getattr(project, name)  # type: ignore[misc]
    yield lambda: project.pythons("3.12")
    yield lambda: VersionSource.of(project)
    yield lambda: Groups.of(project)
    yield lambda: check_groups(project)
    yield lambda: recipes.lint(project)
    yield lambda: recipes.typecheck(project)
    yield lambda: recipes.tests(project, "3.12")
    yield lambda: recipes.coverage(project)
    yield lambda: list(changelog_findings(project, "1.0"))


@pytest.mark.parametrize("text", STRANGE, ids=lambda text: repr(text[-40:]))
def test_whatever_pyproject_holds_only_our_errors_come_of_it(tmp_path: Path, text: str) -> None:
    """Wrong types, huge numbers, deep nesting and invalid paths in pyproject.toml raise no other errors than ours."""
    project = tmp_path / "project"  # in a folder of its own, because some paths lead to its parent
    write_files(project, {"pyproject.toml": text, "src/sample/__init__.py": "", "tests/test_a.py": ""})
    with suppress(ShipError):
        for question in everything(project):
            with suppress(ShipError):
                question()


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "uv.lock", "CHANGELOG.md"])
@pytest.mark.parametrize("kind", ["device", "loop", "folder", "large", "binary"])
def test_whatever_a_file_is_only_our_errors_come_of_it(tmp_path: Path, name: str, kind: str) -> None:
    """A link to a device or to itself, a folder, a huge file and binary data raise no other errors than ours."""
    write_files(tmp_path, {"pyproject.toml": f"{NAMED}version = '1.0'", "tests/test_a.py": ""})
    path = tmp_path / name
    path.unlink(missing_ok=True)
    if kind in ("device", "loop"):
        path.symlink_to("/dev/zero" if kind == "device" else name)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as stream:
            stream.write(b"\x00\xff\n[a\n")
            stream.truncate(3 if kind == "binary" else 1 << 34)
    with suppress(ShipError):
        for question in everything(tmp_path):
            with suppress(ShipError):
                question()
