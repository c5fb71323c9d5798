from __future__ import annotations

from pathlib import Path

import pytest

from support import each, make_project

FILES = ("one/__init__.py", "two/__init__.py", "one/inner/__init__.py", "alone.py", "src/deep/__init__.py", "LICENSE")


def found(folder: Path, backend: str, text: str = "", *more: str, **files: str) -> list[str]:
    """Return the packages of a project; ``_cfg`` and ``_py`` in keyword names stand for the suffixes of files."""
    named = {name.replace("_cfg", ".cfg").replace("_py", ".py"): content for name, content in files.items()}
    system = f'[build-system]\nbuild-backend = "{backend}"\n[project]\nname = "sample"\n'
    project = make_project(folder, system + text, {**dict.fromkeys((*FILES, *more), ""), **named})
    return [path.as_posix() for path in project.packages]


@each(
    ("backend", "text", "expected"),
    [
        ("hatchling.build", '[tool.hatch.build.targets.wheel]\npackages = ["one", "src/deep"]', ["one", "src/deep"]),
        ("hatchling.build", '[tool.hatch.build]\npackages = ["two"]', ["two"]),
        ("hatchling.build", '[tool.hatch.build.targets.wheel]\nonly-include = ["two", "README.md"]', ["two"]),
        (
            "hatchling.build",
            '[tool.hatch.build.targets.wheel]\nonly-include = ["src"]\nsources = ["src"]',
            ["src/deep"],
        ),
        ("flit_core.buildapi", '[tool.flit.module]\nname = "deep"', ["src/deep"]),
        ("flit_core.buildapi", '[tool.flit.module]\nname = "alone"', ["alone.py"]),
        ("flit_core.buildapi", '[tool.flit.metadata]\nmodule = "two"', ["two"]),
        ("poetry.core.masonry.api", '[tool.poetry]\npackages = [{include = "deep", from = "src"}]', ["src/deep"]),
        (
            "poetry.core.masonry.api",
            '[tool.poetry]\npackages = [{include = "one/**/*.py"}, {include = "two"}]',
            ["one", "two"],
        ),
        ("maturin", '[tool.maturin]\npython-packages = ["two"]', ["two"]),
        ("maturin", '[tool.maturin]\npython-source = "src"\npython-packages = ["deep"]', ["src/deep"]),
        ("maturin", '[tool.maturin]\npython-source = "."', ["one", "two"]),
        ("uv_build", '[tool.uv.build-backend]\nmodule-name = "deep"', ["src/deep"]),
        ("uv_build", '[tool.uv.build-backend]\nmodule-name = ["one", "two"]\nmodule-root = ""', ["one", "two"]),
        ("scikit_build_core.build", '[tool.scikit-build]\nwheel.packages = ["one"]', ["one"]),
        ("scikit_build_core.build", "[tool.scikit-build.wheel.packages]\ndeeper = 'src/deep'", ["src/deep"]),
        ("setuptools.build_meta", '[tool.setuptools]\npackages = ["one", "one.inner"]', ["one"]),
        ("setuptools.build_meta", '[tool.setuptools]\npackages = ["deep"]\npackage-dir = {"" = "src"}', ["src/deep"]),
        (
            "setuptools.build_meta",
            '[tool.setuptools]\npackages = ["x.y"]\npackage-dir = {"x" = "one", "x.y" = "src/deep"}',
            ["src/deep"],
        ),
        (
            "setuptools.build_meta",
            '[tool.setuptools]\npackages = ["x.inner"]\npackage-dir = {"x" = "one"}',
            ["one/inner"],
        ),
        ("setuptools.build_meta", '[tool.setuptools]\npy-modules = ["alone"]', ["alone.py"]),
        ("setuptools.build_meta", '[tool.setuptools.packages.find]\ninclude = ["one*"]', ["one"]),
        ("setuptools.build_meta", '[tool.setuptools.packages.find]\ninclude = ["one.*"]', ["one/inner"]),
        (
            "setuptools.build_meta",
            '[tool.setuptools.packages.find]\ninclude = ["*"]\nexclude = ["two", "src*", "one"]',
            ["one/inner"],
        ),
        ("setuptools.build_meta", '[tool.setuptools.packages.find]\nwhere = ["src"]', ["src/deep"]),
        ("setuptools.build_meta", '[tool.setuptools]\npackages = ["gone"]', ["src/deep"]),
        ("setuptools.build_meta", '[tool.setuptools]\npackages = ["LICENSE"]', ["src/deep"]),
        ("my_backend", '[tool.setuptools]\npackages = ["two"]', ["two"]),
        ("pdm.backend", '[tool.pdm.build]\npackage-dir = "src"', ["src/deep"]),
    ],
)
def test_packages_are_those_that_the_back_end_is_told(
    tmp_path: Path, backend: str, text: str, expected: list[str]
) -> None:
    """A project's packages are those that its build backend's settings name and that exist, without nested ones."""
    assert found(tmp_path, backend, text) == expected


@each(
    ("cfg", "expected"),
    [
        ("[options]\npackages = one, two\n", ["one", "two"]),
        ("[options]\npackages =\n    deep\npackage_dir =\n    = src\n", ["src/deep"]),
        ("[options]\npackages = find:\npackage_dir =\n    =src\n[options.packages.find]\nwhere = src\n", ["src/deep"]),
        ("[options]\npackages = find:\n[options.packages.find]\ninclude =\n    one\n    two\n", ["one", "two"]),
        ("[options]\npackages = find_namespace:\n[options.packages.find]\ninclude = space*\n", ["space/own"]),
        ("[options]\npackages = find:\n[options.packages.find]\ninclude = space*\n", ["src/deep"]),
        ("[options]\npy_modules = alone\n", ["alone.py"]),
    ],
)
def test_setup_cfg_tells_the_packages(tmp_path: Path, cfg: str, expected: list[str]) -> None:
    """Packages in setup.cfg are found as setuptools finds them."""
    more = ("space/own/core.py", "space/data.txt")
    assert found(tmp_path, "setuptools.build_meta", "", *more, setup_cfg=cfg) == expected


@each(
    ("call", "expected"),
    [
        ("packages=['one', 'two']", ["one", "two"]),
        ("packages=('deep',), package_dir={'': 'src'}", ["src/deep"]),
        ("packages=find_packages('src')", ["src/deep"]),
        ("packages=setuptools.find_packages(where='src')", ["src/deep"]),
        ("packages=find_packages(include=['two*'])", ["two"]),
        ("packages=find_packages('.', ['one', 'one.*', 'tests'], ['*'])", ["two"]),
        ("packages=find_namespace_packages(include=['space.*'])", ["space/own"]),
        ("packages=find_packages(include=['space.*'])", ["src/deep"]),
        ("packages=find_packages()", ["src/deep"]),
        ("packages=find_packages(exclude=['two', 'two.*'])", ["one"]),
        ("packages=find_namespace_packages(exclude=['src*', 'one.*'])", ["one", "space/own", "two"]),
        ("packages=find_packages(where=here, exclude=5, include=None)", ["src/deep"]),
        ("packages=[name for name in find_packages()]", ["src/deep"]),
        ("packages=PACKAGES", ["two"]),
        ("py_modules=['alone']", ["alone.py"]),
        ("packages=['one'], py_modules=['alone']", ["alone.py", "one"]),
        ("packages=5, py_modules={'a': 1}, package_dir=['src']", ["src/deep"]),
    ],
)
def test_setup_py_tells_the_packages(tmp_path: Path, call: str, expected: list[str]) -> None:
    """Packages are read from the arguments of `setup()` in setup.py without running it."""
    script = f"import setuptools\nfrom setuptools import *\nPACKAGES = ['two']\nsetup(name='sample', {call})\n"
    more = ("space/own/core.py", "docs/conf.py", "tests/__init__.py", "setup.cfg")
    assert found(tmp_path, "setuptools.build_meta", "", *more, setup_py=script) == expected


def test_what_several_files_name_is_put_together(tmp_path: Path) -> None:
    """Packages that pyproject.toml and setup.py name are combined."""
    text = '[tool.setuptools]\npy-modules = ["alone"]'
    assert found(tmp_path, "setuptools.build_meta", text, setup_py="setup(packages=['two'])") == ["alone.py", "two"]


def test_settings_of_another_back_end_do_not_count(tmp_path: Path) -> None:
    """Settings for another build backend than the project's are ignored."""
    text = '[tool.setuptools]\npackages = ["one"]\n[tool.flit.module]\nname = "two"'
    assert found(tmp_path, "hatchling.build", text) == ["src/deep"]


@each("name", ["../outside", "/etc", "one/../two", "", ".", "a\\u0000b", "one-x", "n" * 5000])
def test_a_package_is_within_the_project(tmp_path: Path, name: str) -> None:
    """A package outside the project is ignored, whatever the settings name."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "__init__.py").write_text("")
    for place in (name, (tmp_path / "outside").as_posix()):
        text = f'[tool.hatch.build.targets.wheel]\npackages = ["{place}"]'
        assert found(tmp_path / "project", "hatchling.build", text, "one-x/__init__.py") == ["src/deep"]


def test_a_folder_that_is_stripped_holds_packages_and_is_none(tmp_path: Path) -> None:
    """A folder that hatchling's `sources` strips is no package, and modules in it are at top level."""
    text = '[tool.hatch.build.targets.wheel]\nonly-include = ["src"]\nsources = ["src"]'
    assert found(tmp_path, "hatchling.build", text, "src/_version.py") == ["src/_version.py", "src/deep"]


@pytest.mark.parametrize(("setting", "expected"), [("true", ["space/own"]), ("false", ["src/deep"])])
def test_namespaces_are_looked_for_where_setuptools_does(tmp_path: Path, setting: str, expected: list[str]) -> None:
    """Namespace packages are found unless `namespaces` in pyproject.toml is false, as in setuptools."""
    text = f'[tool.setuptools.packages.find]\ninclude = ["space*"]\nnamespaces = {setting}'
    assert found(tmp_path, "setuptools.build_meta", text, "space/own/core.py") == expected


@each("name", ["n" * 5000, "a\\u0000b", "../outside", "gone"])
def test_a_folder_of_packages_is_one(tmp_path: Path, name: str) -> None:
    """A package directory that does not exist in the project is ignored."""
    assert found(tmp_path, "pdm.backend", f'[tool.pdm.build]\npackage-dir = "{name}"') == ["src/deep"]


def test_folders_without_end_are_not_followed(tmp_path: Path) -> None:
    """Finding packages ends even if symlinks make an endless tree."""
    text = '[tool.setuptools.packages.find]\ninclude = ["gone*"]'
    for name in ("a", "b", "c"):
        (tmp_path / "loop").mkdir(exist_ok=True)
        (tmp_path / "loop" / name).symlink_to(".", target_is_directory=True)
    assert found(tmp_path, "setuptools.build_meta", text) == ["src/deep"]
