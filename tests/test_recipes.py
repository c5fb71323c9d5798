from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.gates import recipes
from nox_ship.project import Project
from support import make_project

BASE = '[project]\nname = "sample"\n'
FILES = {"src/sample/__init__.py": "", "tests/test_a.py": ""}


def project(folder: Path, text: str = "", files: dict[str, str] | None = None) -> Project:
    """Return a project with a package and tests."""
    return make_project(folder, BASE + text, {**FILES, **(files or {})})


def test_lint_is_ruff(tmp_path: Path) -> None:
    """A project that says nothing is checked with ruff for what is wrong by any rules, and not for its format."""
    recipe = recipes.lint(project(tmp_path))
    command = ("ruff", "check", "--no-fix", "--select=E9,F63,F7,F82")
    assert recipe == recipes.Recipe(("ruff",), commands=(command,))


def test_lint_goes_by_the_rules_of_the_project(tmp_path: Path) -> None:
    """With settings for ruff they alone decide, but for `fix`: a gate changes nothing."""
    recipe = recipes.lint(project(tmp_path, "[tool.ruff]\nfix = true\n"))
    assert recipe.commands == (("ruff", "check", "--no-fix"),)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("[tool.ruff.format]\n", {}),
        ("", {"ruff.toml": "[format]\n"}),
        ("", {".ruff.toml": 'line-length = 9\n[format]\nquote-style = "single"\n'}),
    ],
)
def test_the_format_is_checked_where_ruff_is_set_up_for_it(tmp_path: Path, text: str, files: dict[str, str]) -> None:
    """Settings of the formatter ask for it; arguments given by hand are for the checks alone."""
    sample = project(tmp_path, text, files)
    assert recipes.lint(sample).commands == (("ruff", "check", "--no-fix"), ("ruff", "format", "--check"))
    assert recipes.lint(sample, ["--fix"]).commands == (("ruff", "check", "--fix"),)


@pytest.mark.parametrize(
    ("text", "files", "linter"),
    [
        ("", {".flake8": ""}, "flake8"),
        ("", {"tox.ini": "[flake8]\nmax-line-length = 99\n"}, "flake8"),
        ("[tool.pylint.main]\njobs = 1\n", {}, "pylint"),
        ("", {".pylintrc": ""}, "pylint"),
    ],
)
def test_a_project_set_up_for_another_linter_is_not_checked_with_ruff(
    tmp_path: Path, text: str, files: dict[str, str], linter: str
) -> None:
    """The gate says why it is skipped; settings for ruff beside it make it run."""
    skipped = recipes.lint(project(tmp_path / "a", text, files)).skip
    assert skipped
    assert linter in skipped
    assert recipes.lint(project(tmp_path / "b", text, {**files, "ruff.toml": ""})).skip is None


def test_own_commands_replace_the_default_ones(tmp_path: Path) -> None:
    """They run in order with the tools of the fitting group, and arguments go to the last."""
    text = '[dependency-groups]\nlint = ["black"]\n[tool.nox-ship.lint]\nrun = ["black .", "x"]\ninstall = ["y"]'
    recipe = recipes.lint(project(tmp_path, text), ["-v"])
    assert recipe == recipes.Recipe(("black", "y"), commands=(("black", "."), ("x", "-v")))


def test_a_tool_comes_as_the_project_pins_it(tmp_path: Path) -> None:
    """A requirement in any group is used; mypy comes with its group, which may hold stubs."""
    text = '[dependency-groups]\nother = ["ruff==0.9", "mypy==1.1"]\n[tool.mypy]\nstrict = true'
    sample = project(tmp_path, text)
    assert recipes.lint(sample).requirements == ("ruff==0.9",)
    assert recipes.typecheck(sample).requirements == ("ruff==0.9", "mypy==1.1")


def test_a_group_that_is_named_must_exist(tmp_path: Path) -> None:
    """A wrong name is NS401."""
    with pytest.raises(ShipError, match="NS401"):
        recipes.lint(project(tmp_path, '[tool.nox-ship.lint]\ngroups = ["gone"]'))


def test_types_are_checked_where_mypy_is_set_up(tmp_path: Path) -> None:
    """Without settings it is skipped; with them the packages are checked, in the project's environment."""
    assert recipes.typecheck(project(tmp_path / "a")).skip
    recipe = recipes.typecheck(project(tmp_path / "b", "[tool.mypy]\nstrict = true"))
    assert recipe == recipes.Recipe(("mypy",), project=True, commands=(("mypy", "src/sample"),))


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ('[tool.mypy]\nfiles = ["src"]', {}),
        ("", {"mypy.ini": "[mypy]\nfiles = src\n"}),
        ("", {"setup.cfg": "[mypy]\npackages = sample\n"}),
    ],
)
def test_what_mypys_settings_name_is_checked(tmp_path: Path, text: str, files: dict[str, str]) -> None:
    """mypy reads its own targets; arguments given by hand replace them."""
    assert recipes.typecheck(project(tmp_path, text, files)).commands == (("mypy",),)
    assert recipes.typecheck(project(tmp_path, text, files), ["a.py"]).commands == (("mypy", "a.py"),)


def test_tests_are_measured(tmp_path: Path) -> None:
    """They run under coverage, each Python into a file of its own, with paths that can be combined."""
    recipe = recipes.tests(project(tmp_path), "3.12")
    assert recipe.requirements == ("pytest", "coverage")
    assert recipe.project
    (command,) = recipe.commands
    assert command[:2] == ("coverage", "run")
    assert command[-2:] == ("-m", "pytest")
    assert recipe.env == {"COVERAGE_FILE": str(tmp_path / ".nox-ship" / "coverage" / "data.3.12")}
    settings = tomllib.loads((tmp_path / ".nox-ship" / "coverage.toml").read_text("utf-8"))
    assert settings["tool"]["coverage"]["run"] == {"relative_files": True, "source": ["src/sample"]}


def test_coverages_own_settings_are_kept(tmp_path: Path) -> None:
    """Only what is missing is added."""
    text = '[tool.coverage.run]\nrelative_files = false\nsource = ["x"]\n[tool.coverage.report]\nfail_under = 9'
    recipes.tests(project(tmp_path, text), "3.12")
    settings = tomllib.loads((tmp_path / ".nox-ship" / "coverage.toml").read_text("utf-8"))
    assert settings["tool"]["coverage"] == {
        "run": {"relative_files": False, "source": ["x"]},
        "report": {"fail_under": 9},
    }


def test_a_coveragerc_is_left_to_coverage(tmp_path: Path) -> None:
    """Settings outside pyproject.toml are read by the tool itself."""
    recipe = recipes.tests(project(tmp_path, "", {".coveragerc": "[run]\nrelative_files = true\n"}), "3.12")
    assert recipe.commands == (("coverage", "run", "-m", "pytest"),)


@pytest.mark.parametrize("options", ['"-q --cov=sample"', '["-q", "--cov"]'])
def test_pytest_cov_measures_alone(tmp_path: Path, options: str) -> None:
    """Where pytest's options measure already, coverage is not put around it."""
    text = f'[dependency-groups]\ntests = ["pytest-cov"]\n[tool.pytest.ini_options]\naddopts = {options}'
    recipe = recipes.tests(project(tmp_path, text), "3.12")
    assert recipe.commands[0][0] == "pytest"
    assert recipe.requirements == ("pytest-cov", "pytest")
    assert "COVERAGE_FILE" in recipe.env


def test_options_that_only_concern_coverage_do_not_measure(tmp_path: Path) -> None:
    """`--cov-report` and `--no-cov` switch nothing on."""
    text = '[tool.pytest.ini_options]\naddopts = "--cov-report=term --no-cov"'
    assert recipes.tests(project(tmp_path, text), "3.12").commands[0][0] == "coverage"


def test_a_part_of_the_tests_is_not_measured(tmp_path: Path) -> None:
    """Arguments given by hand go to pytest; so it is where coverage is no gate."""
    assert recipes.tests(project(tmp_path / "a"), "3.12", ["-k", "x"]).commands == (("pytest", "-k", "x"),)
    without = project(tmp_path / "b", '[tool.nox-ship]\ngates = ["tests"]')
    assert recipes.tests(without, "3.12").commands == (("pytest",),)


def test_a_project_without_tests_is_skipped(tmp_path: Path) -> None:
    """Neither tests nor coverage have anything to do."""
    sample = make_project(tmp_path, BASE)
    assert recipes.tests(sample, "3.12").skip
    assert recipes.coverage(sample).skip


def test_coverage_needs_measurements(tmp_path: Path) -> None:
    """Tests without measurements are NS411."""
    with pytest.raises(ShipError, match="NS411"):
        recipes.coverage(project(tmp_path))


@pytest.mark.parametrize(
    ("setting", "options"), [("", ()), ("90", ("--fail-under=90",)), ("87.5", ("--fail-under=87.5",))]
)
def test_coverage_combines_every_measurement(tmp_path: Path, setting: str, options: tuple[str, ...]) -> None:
    """The data of all Pythons are combined and kept, and the threshold is held."""
    text = f"[tool.nox-ship.coverage]\nfail-under = {setting}" if setting else ""
    sample = project(tmp_path, text)
    folder = recipes.coverage_folder(sample)
    folder.mkdir()
    for python in ("3.12", "3.11"):
        (folder / f"data.{python}").touch()
    combine, report = recipes.coverage(sample, ["--sort=cover"]).commands
    assert combine[:3] == ("coverage", "combine", "--keep")
    assert combine[-2:] == ((folder / "data.3.11").as_posix(), (folder / "data.3.12").as_posix())
    assert report[-len(options) - 1 :] == (*options, "--sort=cover")


def test_an_audit_of_ones_own(tmp_path: Path) -> None:
    """Its commands run in the project's environment."""
    recipe = recipes.own_audit(project(tmp_path, '[tool.nox-ship.audit]\nrun = "osv-scanner"'), ["-v"])
    assert recipe == recipes.Recipe((), project=True, commands=(("osv-scanner", "-v"),))


def test_own_commands_get_the_tools_that_they_call(tmp_path: Path) -> None:
    """A command of the project's own that calls pytest finds it in the session, not on the user's PATH."""
    recipe = recipes.tests(project(tmp_path, '[tool.nox-ship.tests]\nrun = ["pytest -q", "./check"]'), "3.12")
    assert recipe.requirements == ("pytest",)
    assert recipe.commands == (("pytest", "-q"), ("./check",))


def test_own_commands_that_measure_nothing_leave_nothing_to_combine(tmp_path: Path) -> None:
    """The coverage gate is skipped, with the reason, where the project's own test commands left no data."""
    assert recipes.coverage(project(tmp_path, '[tool.nox-ship.tests]\nrun = "pytest -q"')).skip


def test_settings_in_another_encoding_are_no_traceback(tmp_path: Path) -> None:
    """A ruff.toml that is not UTF-8 is left to ruff to complain about."""
    sample = project(tmp_path)
    (tmp_path / "ruff.toml").write_bytes(b"# caf\xe9\n[format]\n")
    assert recipes.lint(sample).commands[-1] == ("ruff", "format", "--check")
