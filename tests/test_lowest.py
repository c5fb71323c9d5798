"""The gate `lowest`: which dependencies are lowered, and which stay as they are."""

from __future__ import annotations

from pathlib import Path

from gating import project
from nox_ship.gates.lowest import Installed, Lowering, installed, lowering, recipe
from nox_ship.gates.toolbox import RecipeStep
from support import each, make_project, write_files

REQUIRES = ("click>=7", "attrs")
BEFORE = {
    "sample": Installed("1.0", REQUIRES),
    "click": Installed("8.1", ("colorama; os_name == 'nt'",)),
    "colorama": Installed("0.4"),
    "attrs": Installed("25.1"),
    "pytest": Installed("9.0", ("pluggy>=1",)),
    "pluggy": Installed("1.6"),
}


def planned(folder: Path, step: RecipeStep, *requires: str, **more: Installed) -> Lowering:
    """Return the plan for a project with these requirements, given what is always installed."""
    before = {**BEFORE, **more, "sample": Installed("1.0", requires or REQUIRES)}
    return lowering(project(folder), step, before)


def test_what_the_tests_alone_need_stays_as_it_is(tmp_path: Path) -> None:
    """The project's dependencies are lowered, their own ones may change, and what only the tests need is pinned."""
    made = planned(tmp_path, RecipeStep(("pytest>=8",)))
    assert made.bounds == {"click": "7"}
    assert made.pins == ("attrs==25.1", "pluggy==1.6", "pytest==9.0")


def test_what_has_no_lower_bound_is_not_lowered(tmp_path: Path) -> None:
    """A dependency without a lower bound is not lowered, since its oldest version was never meant to be supported."""
    made = planned(tmp_path, RecipeStep(), "click<9", "attrs!=24", "pluggy")
    assert made.bounds == {}
    assert made.unbounded == ("click", "attrs", "pluggy")
    assert "no dependency of the project has a lower bound (click, attrs, pluggy)" in str(made.skip)
    assert planned(tmp_path, RecipeStep(), "unheard-of>=1").skip == "the project has no dependencies"


def test_what_has_no_lower_bound_is_pinned_though_others_need_it(tmp_path: Path) -> None:
    """A dependency without a lower bound is pinned, as uv would lower it because the project names it."""
    assert "colorama==0.4" not in planned(tmp_path, RecipeStep(), "click>=7").pins
    assert "colorama==0.4" in planned(tmp_path, RecipeStep(), "click>=7", "colorama").pins


@each("bound", ["click~=7.0", "click==8.*", "click>6", "click>=7,<9,!=7.1", "Click>=7 ; python_version>'2'"])
def test_what_counts_as_a_lower_bound(tmp_path: Path, bound: str) -> None:
    """Each specifier that excludes older versions counts as a lower bound, with or without a marker."""
    assert set(planned(tmp_path, RecipeStep(), bound).bounds) == {"click"}


def test_extras_that_users_install_are_the_projects_too(tmp_path: Path) -> None:
    """An extra's dependencies are lowered if the tests install it, but not those of an extra for development."""
    lines = ("click>=7; extra == 'cli'", "pytest>=8; extra == 'test'", "attrs>=20; extra == 'more'", "colorama>=0.1")
    assert set(planned(tmp_path, RecipeStep(extras=("cli", "test")), *lines).bounds) == {"click", "colorama"}
    assert set(planned(tmp_path, RecipeStep(extras=("dev-test",)), *lines).bounds) == {"colorama"}


def test_what_a_dependency_and_the_tests_need_is_pinned(tmp_path: Path) -> None:
    """What a dependency and the tests both need is pinned, as uv would lower whatever a group or file names."""
    write_files(tmp_path, {"more.txt": "# tools\ncolorama>=0.1\n-r other.txt\n"})
    assert "colorama==0.4" not in planned(tmp_path, RecipeStep()).pins
    assert "colorama==0.4" in planned(tmp_path, RecipeStep(("Colorama>=0.1",))).pins
    assert "colorama==0.4" in planned(tmp_path, RecipeStep(files=("more.txt",))).pins


def test_what_is_installed_from_an_address_has_no_versions_to_choose_from(tmp_path: Path) -> None:
    """A dependency installed from a URL is not lowered, as there are no versions to choose from."""
    assert planned(tmp_path, RecipeStep(), "click @ https://example.org/click.zip").bounds == {}


def test_what_came_out_is_told(tmp_path: Path) -> None:
    """The result names the versions tried, those that could not be as low as allowed, and those without a bound."""
    made = planned(tmp_path, RecipeStep(), "click>=7", "colorama>=0.4", "attrs")
    after = {**BEFORE, "click": Installed("8.0.1")}
    versions, higher, unbounded = made.told(after)
    assert versions == "lowest versions: click 8.0.1, colorama 0.4"
    assert "click 7;" in higher
    assert "colorama" not in higher
    assert "attrs" in unbounded
    assert str(made.failed(after)).startswith("NS434 lowest-failed: The tests fail with click 8.0.1, colorama 0.4.")
    assert str(made.not_installed()).startswith(
        "NS435 lowest-not-installed: The lowest versions of click 7, colorama 0.4 "
    )


def test_an_environment_is_read_without_running_it(tmp_path: Path) -> None:
    """Installed packages are read from their metadata with normalized names; broken metadata is skipped."""
    place = "lib/python3.11/site-packages"
    write_files(
        tmp_path,
        {
            f"{place}/A_b-1.0.dist-info/METADATA": "Name: A_b\nVersion: 1.0\nRequires-Dist: click>=7\n",
            f"{place}/broken-1.0.dist-info/METADATA": "Garbage\n",
        },
    )
    assert installed(tmp_path) == {"a-b": Installed("1.0", ("click>=7",))}
    assert installed(tmp_path / "missing") == {}


def test_the_recipe_is_that_of_the_tests(tmp_path: Path) -> None:
    """The gate runs the tests with lowered dependencies and no coverage; a project without dependencies skips it."""
    files = {"src/sample/__init__.py": "", "tests/test_a.py": ""}
    text = '[project]\nname = "sample"\nversion = "1"\ndependencies = ["click>=7"]\n'
    (step,) = recipe(make_project(tmp_path, text, files), ["-k", "x"]).steps
    assert (step.lowest, step.project, step.commands) == (True, True, (("pytest", "-k", "x"),))
    (step,) = recipe(make_project(tmp_path, text, files)).steps
    assert step.commands == (("pytest",),)
    assert step.env == {}
    without = recipe(make_project(tmp_path, text.replace('"click>=7"', ""), files))
    assert (without.steps, without.skip) == ((), "the project has no dependencies")
