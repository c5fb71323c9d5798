"""Fuzzing the files of a project: its settings, metadata, changelog, and the places of its version."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping

from hypothesis import strategies as st

from fuzzing import DIGITS, Ground, Target, as_toml, changed, damaged, put, texts
from nox_ship.automation.groups import Groups, check_groups
from nox_ship.gates import recipes
from nox_ship.git import Repository
from nox_ship.poetry import poetry_specifier
from nox_ship.project import Project
from nox_ship.release import bumpversion
from nox_ship.release.changelog import changelog_findings, cut_changelog, find_changelog
from nox_ship.release.sections import lines_of
from nox_ship.release.source import VersionSource
from nox_ship.settings import read_settings
from nox_ship.setup import pyproject, restated
from nox_ship.setup.survey import Survey

SETTINGS = {
    "gates": ["lint", "tests"],
    "pythons": ["3.12"],
    "branch": "main",
    "remote": "origin",
    "tag": "v{version}",
    "changelog": "CHANGELOG.md",
    "pass-env": ["HOME"],
    "lint": {"groups": ["dev"], "install": ["x"], "run": ["ruff check", ["ruff", "format"]]},
    "tests": {"run": "pytest -x"},
    "coverage": {"fail-under": 90.5},
    "audit": {"ignore": ["PYSEC-1", "B324"]},
    "build": {"ignore": ["NS519"]},
    "verify-install": {"smoke": ["sample --help"]},
    "routes": {"final": "pypi", "prerelease": "testpypi", "development": "own"},
    "indexes": {"own": {"upload-url": "https://a/", "simple-url": "https://b/", "json-url": "https://c/"}},
    "publish": {"by": "auto", "wait": 20, "timeout": 3.5, "attestations": True, "tokens": {"own": "OWN_TOKEN"}},
    "workflows": {
        "credentials": "token",
        "testpypi": True,
        "development": True,
        "systems": ["x"],
        "version": "0.1.0",
        "file": "publish.yml",
        "environments": {"pypi": "release"},
        "branches": ["dev", "release/*"],
    },
    "rehearsal": {"port": 0},
}
"""A value for almost every setting."""

_CLASSIFIERS = ["Programming Language :: Python :: 3.12", "Typing :: Typed"]
HATCH = {
    "build-system": {"requires": ["hatchling", "hatch-vcs"], "build-backend": "hatchling.build"},
    "project": {
        "name": "sample",
        "version": "1.2.3",
        "requires-python": ">=3.11",
        "classifiers": _CLASSIFIERS,
        "dynamic": ["readme"],
        "optional-dependencies": {"test": ["pytest>=8"], "dev": ["ruff"]},
    },
    "dependency-groups": {"tests": ["pytest"], "typing": ["mypy", {"include-group": "tests"}]},
    "tool": {
        "nox-ship": {"gates": ["lint", "tests", "coverage"], "tests": {"groups": ["dev"]}, "audit": {"run": "x"}},
        "pytest": {
            "ini_options": {"testpaths": ["tests"], "python_files": ["test_*.py"], "addopts": "--cov=sample -q"}
        },
        "coverage": {"run": {"branch": True, "source": ["sample"]}},
        "mypy": {"strict": True},
        "ruff": {"format": {}},
        "hatch": {
            "version": {"path": "src/sample/__init__.py"},
            "build": {"targets": {"wheel": {"packages": ["src/sample"], "only-include": ["x"], "sources": ["src"]}}},
        },
        "bumpversion": {"files": [{"filename": "doc.md"}, {"glob": "*.md"}], "message": "Release {new_version}"},
    },
}
POETRY = {
    "build-system": {"requires": ["poetry-core"], "build-backend": "poetry.core.masonry.api"},
    "tool": {
        "poetry": {
            "name": "sample",
            "version": "1.2.3",
            "classifiers": _CLASSIFIERS,
            "packages": [{"include": "sample", "from": "src"}],
            "dependencies": {
                "python": "^3.11 || ~3.12",
                "requests": {"version": "^2", "extras": ["a"], "markers": "x"},
            },
            "group": {"dev": {"dependencies": {"pytest": "^8"}}},
            "dev-dependencies": {"ruff": "*"},
        },
        "pytest": {"ini_options": {"python_files": "check_*.py"}},
        "pylint": {"x": 1},
        "nox-ship": {},
    },
}
SETUPTOOLS = {
    "build-system": {"requires": ["setuptools", "setuptools_scm"]},
    "project": {"name": "sample", "dynamic": ["version", "dependencies"], "requires-python": "~=3.11"},
    "tool": {
        "setuptools": {
            "dynamic": {"version": {"attr": "sample.__version__", "file": ["VERSION"]}},
            "package-dir": {"": "src"},
            "packages": {"find": {"where": ["src"], "include": ["sample*"], "exclude": ["x"], "namespaces": True}},
            "py-modules": ["sample"],
        },
        "pdm": {"version": {"source": "file", "path": "VERSION"}, "build": {}},
        "bandit": {"x": 1},
    },
}
FILES = {
    "src/sample/__init__.py": '__version__ = "1.2.3"\n',
    "tests/test_sample.py": "",
    "uv.lock": '[[package]]\nname = "sample"\nversion = "1.2.3"\n',
    "VERSION": "1.2.3\n",
    "doc.md": "1.2.3\n",
    "docs/conf.py": 'version = release = "1.2.3"\n',
    "codemeta.json": '{\n  "version": "1.2.3"\n}\n',
    ".nox-ship/coverage/data.3.12": "",
}
SETUP_CFG = """\
[metadata]
name = sample
version = attr: sample.__version__
classifiers =
    Programming Language :: Python :: 3.12
[options]
python_requires = >=3.11
packages = find:
package_dir =
    = src
[options.packages.find]
where = src
include = sample*
[tool:pytest]
testpaths = tests
[mypy]
strict = true
[coverage:run]
branch = true
"""
SETUP_PY = """\
from setuptools import find_packages, setup
where = {"": "src"}
setup(name="sample", version="1.2.3", ext_modules=[], package_dir=where, packages=find_packages("src", ["x"]))
"""

OTHERS = [
    {"build-system": {"build-backend": name}, "project": {"name": "sample"}, "tool": tools}
    for name, tools in {
        "flit_core.buildapi": {"flit": {"module": {"name": "sample"}, "metadata": {"module": "sample"}}},
        "maturin": {"maturin": {"python-source": "src", "python-packages": ["sample"]}},
        "uv_build": {"uv": {"build-backend": {"module-root": "src", "module-name": ["sample"]}}},
        "scikit_build_core.build": {"scikit-build": {"wheel": {"packages": {"sample": "src/sample"}}}},
        "pdm.backend": {"pdm": {"build": {"package-dir": "src"}}},
    }.items()
]
"""Projects with other build backends."""

_PYPROJECT = damaged(changed([HATCH, HATCH, POETRY, SETUPTOOLS, *OTHERS]).map(as_toml), (0, 0, 0, 0, 1))
_NO_FILE = st.just(b"")
PROJECTS = st.fixed_dictionaries(
    {
        "pyproject.toml": _PYPROJECT,
        "setup.cfg": _NO_FILE | damaged(st.just(SETUP_CFG.encode())),
        "setup.py": _NO_FILE | damaged(st.just(SETUP_PY.encode())),
        "src/sample/__init__.py": damaged(st.just(FILES["src/sample/__init__.py"].encode())),
    }
)


def read_project(ground: Ground, files: Mapping[str, bytes]) -> Project:
    """Read the project that consists of ``files`` and of those that every project has."""
    return Project.read(ground.write({**FILES, **files}))


def _read_project(ground: Ground, files: Mapping[str, bytes]) -> None:
    project = read_project(ground, files)
    names = ("metadata", "poetry", "backend", "name", "canonical_name", "requires_python", "classified_pythons")
    more = ("tidy_build", "static", "packages", "test_paths", "test_arguments", "pytest_options")
    for name in (*names, *more):
        ground.attempt(lambda name=name: getattr(project, name))  # type: ignore[misc]
    ground.attempt(lambda: project.pythons("3.12"))


def _read_settings(_: Ground, data: bytes) -> None:
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return
    read_settings({"tool": {"nox-ship": document.get("x")}})


def _groups(ground: Ground, files: Mapping[str, bytes]) -> None:
    project = read_project(ground, files)
    ground.attempt(lambda: check_groups(project))
    groups = Groups.of(project)
    groups.fitting(("test", "tests"), "pytest")
    groups.requirement_for("pytest>=8")


def _recipes(ground: Ground, files: Mapping[str, bytes]) -> None:
    project = read_project(ground, files)
    for recipe in (recipes.lint, recipes.typecheck, recipes.coverage, recipes.own_audit):
        if recipe is not recipes.own_audit or project.settings.audit.run:
            ground.attempt(lambda recipe=recipe: recipe(project))  # type: ignore[misc]
    ground.attempt(lambda: recipes.tests(project, "3.12"))


def _source(ground: Ground, files: Mapping[str, bytes]) -> None:
    """Check that every place that is found contains the version."""
    project = read_project(ground, files)
    list(bumpversion.stale_settings(project, "1.2.3"))
    if not bumpversion.have_a_scheme(project):  # a scheme would start bump-my-version
        ground.attempt(lambda: bumpversion.bumped_files(project, "1.2.3"))
        ground.attempt(lambda: bumpversion.bump_settings(project, "1.2.3", "patch"))
    source = VersionSource.of(project)
    assert all(place.holds(project, source.current or "") for place in source.places if place.before or place.after)
    if not bumpversion.have_a_scheme(project):
        restated.restated(project, source)


def make_survey(ground: Ground, project: Project) -> Survey:
    """Return the survey of a project in a repository on GitHub."""
    return Survey(project, Repository(ground.folder), ("3.12",), "main", "v{version}", "https://github.com/o/n")


def _extended(ground: Ground, files: Mapping[str, bytes]) -> None:
    """Check that extending pyproject.toml leaves everything else unchanged."""
    text = files["pyproject.toml"].decode(errors="replace")
    project = read_project(ground, {**files, "pyproject.toml": text.encode()})
    if bumpversion.have_a_scheme(project):
        return
    after = tomllib.loads(pyproject.extended(text, make_survey(ground, project)))
    before = tomllib.loads(text)
    if not isinstance(before.get("tool", {}), dict):
        return
    for name in ("bumpversion", "nox-ship"):
        if not before.get("tool", {}).get(name):
            after.get("tool", {}).pop(name, None)
            before.get("tool", {}).pop(name, None)
    if "tool" not in before and not after.get("tool"):
        after.pop("tool", None)
    assert repr(after) == repr(before)  # NaN equals nothing


def _constraints(ground: Ground, text: str) -> None:
    poetry_specifier(text)
    tool = {"tool": {"poetry": {"name": "sample", "dependencies": {"python": text}}}}
    project = read_project(ground, {"pyproject.toml": as_toml(tool)})
    assert project.requires_python is not None
    project.pythons("3.12")


CHANGELOGS = (
    "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- x\n\n## [1.0.0] - 2026-01-01\n\n- y\n\n[1.0.0]: https://a/b\n",
    "# Changelog\r\n\r\n## Unreleased\r\n\r\n- x\r\n\r\n```\r\n## [Unreleased]\r\n```\r\n",
    "## [Unreleased](https://a/compare/v1.0...HEAD)\n- x\n## 1.1.0\n",
    (
        "Changes\n=======\n\n1.1 (unreleased)\n----------------\n\n- x\n\n"
        "`1.0.0`_ (2026-01-01)\n---------------------\n\n.. _1.0.0: https://a/b\n"
    ),
    (
        "=====\nNews\n=====\n\nVersion 1.1.0\n-------------\n\nUnreleased\n\n- x\n\nVersion 1.0.0\n-------------\n\n"
        "Released 2026-01-01\n"
    ),
    "~~~\n## Unreleased\n~~~\n<!--\n## Unreleased\n-->\n## Unreleased\n\n[unreleased]: https://a/compare/v1.0...HEAD\n",
)


def _changelog(ground: Ground, data: bytes) -> None:
    """Check that cutting a changelog leaves the other text unchanged, and nothing to cut afterwards."""
    name = "CHANGES.rst" if b"==" in data else "CHANGELOG.md"
    project = read_project(ground, {"pyproject.toml": as_toml(POETRY), name: data})
    path = ground.folder / name
    list(changelog_findings(project, "1.1.0"))
    before = find_changelog(project)
    if cut_changelog(project, "1.1.0", dt.date(2026, 1, 1)) is None:
        assert path.read_bytes() == data
        return
    ground.outcomes["cut"] += 1
    after = path.read_bytes()
    assert before
    assert before.document
    assert before.unreleased
    heading, body = before.unreleased.heading, before.document.body(before.unreleased.heading)
    changed = {*range(heading.first, heading.end), *before.document.definitions.values()}
    if before.unreleased.how == "marked":
        changed |= set(body)
    rest = map(str.rstrip, lines_of(after.decode()))
    lines = enumerate(before.document.lines)
    others = [line.rstrip() for number, line in lines if line and number not in changed]
    assert all(line in rest for line in others)  # in the same order
    assert cut_changelog(project, "1.1.0", dt.date(2026, 1, 1)) is None
    assert path.read_bytes() == after
    found = find_changelog(project)
    assert found
    assert found.of("1.1.0")


def _files(pyproject: bytes) -> dict[str, bytes]:
    return {"pyproject.toml": pyproject, "setup.cfg": b"", "setup.py": b"", "src/sample/__init__.py": b""}


_PYTEST = ("tool", "pytest", "ini_options")
_DYNAMIC = ("tool", "setuptools", "dynamic", "version")
_BAD = (
    put(HATCH, *_PYTEST, "python_files", 5),
    put(HATCH, *_PYTEST, "python_files", [""]),
    put(HATCH, *_PYTEST, "testpaths", ["**x"]),
    put(HATCH, *_PYTEST, "testpaths", ["/*"]),
    put(HATCH, *_PYTEST, "addopts", "'"),
    put(HATCH, *_PYTEST, "addopts", 5),
    put(HATCH, "project", "requires-python", f">={'9' * DIGITS}"),
    put(HATCH, "project", "classifiers", [f"Programming Language :: Python :: 3.{'9' * DIGITS}"]),
    put(HATCH, "project", "name", "@huge@"),
    put(HATCH, "project", "version", "@deep list@"),
    put(HATCH, "tool", "coverage", "run", 5),
    put(HATCH, "tool", "coverage", 5),
    put(HATCH, "tool", "bumpversion", "files", [{"glob": "../*"}]),
    put(HATCH, "tool", "bumpversion", "tag_name", 5),
    put(HATCH, "build-system", "requires", 5),
    put(SETUPTOOLS, *_DYNAMIC, "file", 5),
    put(SETUPTOOLS, *_DYNAMIC, "file", ["\0"]),
    put(SETUPTOOLS, *_DYNAMIC, "attr", 5),
    put(POETRY, "tool", "poetry", "dependencies", "python", f"^{'9' * DIGITS}"),
    put(POETRY, "tool", "poetry", "group", "dev", "dependencies", {"x": {"version": "1", "extras": 5}}),
    put(HATCH, "tool", "bumpversion", "x"),
    put(HATCH, "tool", 5),
)
_KNOWN = (
    *(_files(as_toml(document)) for document in _BAD),
    _files(as_toml(HATCH).replace(b"[project]", b"[project]\nx = 0x" + b"f" * DIGITS)),
    {**_files(as_toml(SETUPTOOLS)), "setup.cfg": b"[metadata]\nversion = file:\n"},
)

TARGETS = {
    "project": Target(PROJECTS, _read_project, known=_KNOWN),
    "settings": Target(damaged(changed([{"x": SETTINGS}]).map(as_toml), (0, 0, 0, 0, 1)), _read_settings),
    "groups": Target(PROJECTS, _groups, known=_KNOWN),
    "recipes": Target(PROJECTS, _recipes, 0.5, _KNOWN),
    "version source": Target(PROJECTS, _source, known=_KNOWN),
    "pyproject extended": Target(PROJECTS, _extended, 0.3, _KNOWN),
    "poetry constraint": Target(
        texts(("^1.2.3", "~1.2", ">= 3.8, <4", "3.*", "^3.11 || 2", "*", "^0.0")), _constraints
    ),
    "changelog": Target(damaged(st.sampled_from([text.encode() for text in CHANGELOGS])), _changelog, 0.5),
}
"""The fuzz targets of this module, by name."""
