from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.project import Project
from nox_ship.setup.build_system import build_system, is_old_style, read_project, unnamed_imports
from support import each, write_files

PLAIN = 'from setuptools import setup\nsetup(name="sample", version="1.0")\n'


def written(folder: Path, files: dict[str, str]) -> dict[str, object]:
    """Return the table `[build-system]` that is written for a project with these files."""
    table: dict[str, object] = tomllib.loads(build_system(write_files(folder, files)))["build-system"]
    return table


@pytest.mark.parametrize(
    "files", [{"setup.py": PLAIN}, {"setup.cfg": "[metadata]\nname = sample\nversion = 1.0\n"}, {"setup.py": ""}]
)
def test_setuptools_builds_what_needs_nothing_else(tmp_path: Path, files: dict[str, str]) -> None:
    """A project without special needs is built by setuptools' own backend, in a version with editable installs."""
    assert written(tmp_path, files) == {"requires": ["setuptools>=64"], "build-backend": "setuptools.build_meta"}


@each(
    "line",
    [
        "import sample",
        "from sample.version import VERSION",
        "import versioneer as v",
        "def f():\n    import versioneer",
        "m = __import__('sample')",
        "import importlib\nimportlib.import_module('x')",
        "def broken(:",
    ],
)
def test_setup_scripts_import_from_their_folder_as_before(tmp_path: Path, line: str) -> None:
    """A setup.py that imports from its own folder, or cannot be parsed, gets no backend, so it can still import."""
    files = {"setup.py": f"{line}\n{PLAIN}", "sample/__init__.py": "", "versioneer.py": ""}
    assert written(tmp_path, files) == {"requires": ["setuptools>=64"]}


@each(
    "line",
    ["import os, sys, distutils.core", "from . import x", "import numpy", "import sampler", f"import {'s' * 300}"],
)
def test_other_imports_change_nothing(tmp_path: Path, line: str) -> None:
    """Imports of modules that are not in the project's folder do not change the backend."""
    files = {"setup.py": f"{line}\n{PLAIN}", "sample/__init__.py": ""}
    assert "build-backend" in written(tmp_path, files)


@each(
    ("script", "cfg", "expected"),
    [
        ('setup_requires=["cython>=3", "wheel"]', "", ["cython>=3", "wheel"]),
        ("setup_requires=('x; python_version < \"4\"',)", "", ['x; python_version < "4"']),
        ("setup_requires=['it''s odd', 'y']", "", ["y"]),
        ("setup_requires=['x', *more]", "", ["x"]),
        ("setup_requires=['x', 5]", "", ["x"]),
        ("setup_requires='x'", "", []),
        ("", "setup_requires =\n    setuptools_scm>=7\n    wheel\n", ["setuptools_scm>=7", "wheel"]),
        ("setup_requires=['wheel']", "setup_requires = wheel", ["wheel"]),
    ],
)
def test_what_the_build_requires_is_kept(tmp_path: Path, script: str, cfg: str, expected: list[str]) -> None:
    """Requirements that are written out in setup.py or setup.cfg are kept in the table."""
    files = {"setup.py": f"from setuptools import setup\nsetup(name='x', {script})\n", "setup.cfg": f"[options]\n{cfg}"}
    assert written(tmp_path, files)["requires"] == ["setuptools>=64", *expected]


def test_setuptools_has_what_setup_scripts_import_of_it(tmp_path: Path) -> None:
    """A setup.py that imports `pkg_resources` gets setuptools below 82, as newer versions do not contain it."""
    assert written(tmp_path, {"setup.py": f"import pkg_resources\n{PLAIN}"})["requires"] == ["setuptools>=64,<82"]


def test_imports_that_nothing_brings_are_told(tmp_path: Path) -> None:
    """Imports in setup.py that no requirement provides are reported by name, and no project name is guessed."""
    script = (
        "import numpy, setuptools_scm, sample\nfrom setuptools import setup\nsetup(setup_requires=['setuptools-scm'])\n"
    )
    write_files(tmp_path, {"setup.py": script, "sample.py": ""})
    assert unnamed_imports(tmp_path) == ("numpy",)
    write_files(tmp_path, {"setup.py": "def broken(:"})
    assert unnamed_imports(tmp_path) == ()


def test_a_project_with_a_pyproject_is_none_of_the_old_style(tmp_path: Path) -> None:
    """A project whose pyproject.toml exists, even as a dangling symlink, does not count as a project without one."""
    write_files(tmp_path, {"setup.py": PLAIN})
    assert is_old_style(tmp_path)
    assert is_old_style(write_files(tmp_path / "cfg", {"setup.cfg": "[metadata]\nname = sample\n"}))
    assert read_project(tmp_path).name == "sample"
    (tmp_path / "pyproject.toml").symlink_to("nowhere")
    assert not is_old_style(tmp_path)
    with pytest.raises(ShipError, match="NS111"):
        read_project(tmp_path)


@pytest.mark.parametrize("files", [{}, {"setup.cfg": "[flake8]\nmax-line-length = 100\n"}])
def test_settings_of_tools_are_no_project(tmp_path: Path, files: dict[str, str]) -> None:
    """A folder without setup.py, or with a setup.cfg that only configures tools, is no project."""
    assert not is_old_style(write_files(tmp_path, files))


@pytest.mark.parametrize("name", ["setup.py", "setup.cfg"])
def test_a_release_without_a_pyproject_says_who_writes_it(tmp_path: Path, name: str) -> None:
    """NS111 names `nox-ship init` if the folder has a setup.py or setup.cfg."""
    with pytest.raises(ShipError, match=r"NS111") as caught:
        Project.read(write_files(tmp_path, {}))
    assert "nox-ship init" not in str(caught.value)
    with pytest.raises(ShipError, match=rf"NS111.*nox-ship init.*{name}"):
        Project.read(write_files(tmp_path, {name: ""}))
