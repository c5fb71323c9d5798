from __future__ import annotations

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from nox_ship.automation.groups import Groups, provides
from nox_ship.errors import ShipError
from nox_ship.poetry import poetry_specifier
from support import each, make_project


def groups(folder: Path, text: str) -> Groups:
    """Return the groups of a project."""
    return Groups.of(make_project(folder, text))


def test_dependency_groups_are_resolved(tmp_path: Path) -> None:
    """Included dependency groups are resolved, and names are normalized (PEP 735)."""
    text = '[dependency-groups]\nTest_It = ["pytest>=8", {include-group = "Base"}]\nbase = ["coverage"]'
    assert groups(tmp_path, text).requirements == {
        "test-it": ("pytest>=8", "coverage"),
        "base": ("coverage",),
    }


@each(
    "text",
    [
        '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]',
        '[dependency-groups]\na = [{include-group = "a"}]',
        '[dependency-groups]\na = [{include-group = "gone"}]',
        '[dependency-groups]\na = [{other = "gone"}]',
        '[dependency-groups]\na = ["!!"]',
        '[dependency-groups]\na = "pytest"',
        "[dependency-groups]\na = [1]",
        "[dependency-groups]\na-b = []\na_b = []",
        "dependency-groups = 3",
        'dependency-groups = ["pytest"]',
    ],
)
def test_a_group_that_cannot_be_resolved_is_a_finding(tmp_path: Path, text: str) -> None:
    """Cycles, missing groups, duplicate names and wrong types are refused with NS402."""
    with pytest.raises(ShipError, match="NS402"):
        groups(tmp_path, text)


@each("text", ["", "[dependency-groups]", "[project.optional-dependencies]", "[tool.poetry.group]"])
def test_a_project_without_groups_has_none(tmp_path: Path, text: str) -> None:
    """A project without groups, or with empty tables, has no groups."""
    assert groups(tmp_path, text).requirements == {}


def test_a_dependency_group_wins_over_an_extra(tmp_path: Path) -> None:
    """If a dependency group and an extra share a name, the group counts, even if it is empty."""
    text = '[project.optional-dependencies]\ntest = ["a"]\nDocs = ["b"]\n[dependency-groups]\ntest = []'
    assert groups(tmp_path, text).requirements == {"test": (), "docs": ("b",)}


def test_groups_of_poetry_become_requirements(tmp_path: Path) -> None:
    """Poetry's constraints, extras and markers are translated; Python, paths and repositories are left out."""
    text = """
[tool.poetry.group.dev.dependencies]
python = "^3.11"
pytest = "^8.1"
coverage = { version = ">=7", extras = ["toml"], markers = "python_version < '3.12'" }
local = { path = "../local" }
remote = { git = "https://example.invalid" }
any = "*"
"""
    assert groups(tmp_path, text).requirements == {
        "dev": ("pytest>=8.1,<9", "coverage[toml]>=7; python_version < '3.12'", "any")
    }


@pytest.mark.parametrize("text", ["[tool.poetry.group]\ndev = 3", "[tool.poetry.group.dev]\ndependencies = 3"])
def test_a_poetry_group_of_a_wrong_type_is_no_traceback(tmp_path: Path, text: str) -> None:
    """A Poetry group of a wrong type has no requirements, and causes no error."""
    assert groups(tmp_path, text).requirements.get("dev", ()) == ()


@each(
    ("constraint", "specifier"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^1.2", ">=1.2,<2"),
        ("^1", ">=1,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.2", ">=0.2,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("^1.2.3rc1", ">=1.2.3rc1,<2"),
        ("^ 1.2", ">=1.2,<2"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2.*", "==1.2.*"),
        ("1.2.3", "==1.2.3"),
        ("==1.2.3", "==1.2.3"),
        (">=1.2,<2", ">=1.2,<2"),
        ("^1.2,!=1.3", ">=1.2,<2,!=1.3"),
        (">=1.2 <2", ">=1.2,<2"),
        ("*", ""),
        ("", ""),
    ],
)
def test_poetrys_constraints(constraint: str, specifier: str) -> None:
    """Poetry's caret, tilde and other constraints are translated as its documentation describes them."""
    assert SpecifierSet(poetry_specifier(constraint)) == SpecifierSet(specifier)


def test_named_groups_are_joined(tmp_path: Path) -> None:
    """The requirements of several groups are joined in order without duplicates; names may have any spelling."""
    found = groups(tmp_path, '[dependency-groups]\none-a = ["a", "b"]\ntwo = ["b", "c"]')
    assert found.named(("One_A", "two"), "s") == ("a", "b", "c")
    assert found.named((), "s") == ()


def test_an_unknown_group_is_a_finding(tmp_path: Path) -> None:
    """NS401 names the setting, the missing group and the existing groups."""
    found = groups(tmp_path / "a", "[dependency-groups]\none = []\ntwo = []")
    with pytest.raises(ShipError, match=r"NS401.*`tool\.x` names three; the project has one, two\."):
        found.named(("one", "three"), "tool.x")
    with pytest.raises(ShipError, match=r"NS401.*it has none"):
        groups(tmp_path / "b", "").named(("one",), "tool.x")


def test_the_first_fitting_group_is_taken(tmp_path: Path) -> None:
    """The first group that exists is used, even if it is empty."""
    found = groups(tmp_path, '[dependency-groups]\ntests = ["a"]\ndev = ["b"]\nempty = []')
    assert found.fitting(("test", "tests", "dev")) == ("a",)
    assert found.fitting(("empty", "dev")) == ()
    assert found.fitting(("other",)) == ()


def test_a_tool_is_required_as_the_project_requires_it(tmp_path: Path) -> None:
    """If the project has a requirement for a tool, it is used instead of ours."""
    found = groups(tmp_path, '[dependency-groups]\ndev = ["Ruff==0.9 ; python_version > \'3\'", "ruff-lsp"]')
    assert found.requirement_for("ruff>=0.14").startswith("Ruff==0.9")
    assert found.requirement_for("bandit[toml]>=1.8") == "bandit[toml]>=1.8"


def test_a_tool_is_provided_by_its_own_name() -> None:
    """Plug-ins of a tool, and lines that are not requirements, do not provide the tool."""
    assert provides(("PyTest>=8",), "pytest")
    assert not provides(("pytest-cov", "-e .", "./pytest"), "pytest")
