"""A project with a package and tests, for tests of the gates' recipes."""

from __future__ import annotations

from pathlib import Path

from nox_ship.gates import recipes
from nox_ship.gates.toolbox import RecipeStep
from nox_ship.project import Project
from support import make_project

BASE = '[project]\nname = "sample"\n'
FILES = {"src/sample/__init__.py": "", "tests/test_a.py": ""}


def project(folder: Path, text: str = "", files: dict[str, str] | None = None) -> Project:
    """Return a project with a package and tests."""
    return make_project(folder, BASE + text, {**FILES, **(files or {})})


def only(recipe: recipes.Recipe) -> RecipeStep:
    """Return the only step of a recipe."""
    (step,) = recipe.steps
    return step
