from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gating import BASE, only, project
from nox_ship.errors import ShipError
from nox_ship.gates import recipes
from nox_ship.gates.measuring import coverage_folder
from nox_ship.gates.own import Decision
from support import each, make_project, write_files


def test_lint_is_ruff(tmp_path: Path) -> None:
    """In a project that says nothing, ruff looks in the packages for what is wrong by any rules, and not at formats."""
    step = only(recipes.lint(project(tmp_path)))
    assert step.commands == (("ruff", "check", "--no-fix", "--select=E9,F63,F7,F82", "src/sample"),)
    assert step.requirements == ("ruff",)
    assert not step.project


@each(
    ("requires", "rules"),
    [(">=2.7, !=3.0.*", "E9,F63,F7"), (">=3.9", "E9,F63,F7,F82"), ("<4", "E9,F63,F7"), ("", "E9,F63,F7,F82")],
)
def test_names_of_python_2_are_not_wrong(tmp_path: Path, requires: str, rules: str) -> None:
    """In a project that says it runs there."""
    there = project(tmp_path, f'requires-python = "{requires}"\n' if requires else "")
    assert only(recipes.lint(there)).commands == (("ruff", "check", "--no-fix", f"--select={rules}", "src/sample"),)


def test_lint_goes_by_the_rules_of_the_project(tmp_path: Path) -> None:
    """With settings for ruff they alone decide, but for `fix`: a gate changes nothing."""
    step = only(recipes.lint(project(tmp_path, "[tool.ruff]\nfix = true\n")))
    assert step.commands == (("ruff", "check", "--no-fix"),)


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
    assert only(recipes.lint(sample)).commands == (("ruff", "check", "--no-fix"), ("ruff", "format", "--check"))
    assert only(recipes.lint(sample, ["--fix"])).commands == (("ruff", "check", "--fix"),)


@each(
    ("text", "files", "command"),
    [
        ("", {".flake8": ""}, "flake8 src/sample tests"),
        ("", {"tox.ini": "[flake8]\nmax-line-length = 99\n"}, "flake8 src/sample tests"),
        ("", {"setup.cfg": "[isort]\nprofile = black\n"}, "isort --check-only src/sample tests"),
        ("[tool.isort]\nprofile = 'black'\n", {}, "isort --check-only src/sample tests"),
        ("[tool.black]\nline-length = 99\n", {}, "black --check src/sample tests"),
        ("[tool.pylint.main]\njobs = 1\n", {}, "pylint src/sample"),
        ("", {".pylintrc": ""}, "pylint src/sample"),
    ],
)
def test_the_linter_that_a_project_is_set_up_for_is_run(
    tmp_path: Path, text: str, files: dict[str, str], command: str
) -> None:
    """It looks at packages and tests, changes nothing, and replaces ruff where ruff has no settings."""
    step = only(recipes.lint(project(tmp_path, text, files)))
    assert step.commands == (tuple(command.split()),)
    assert step.requirements == (command.split(maxsplit=1)[0],)


def test_every_linter_that_has_settings_is_run(tmp_path: Path) -> None:
    """Settings for ruff do not switch off those for another."""
    step = only(recipes.lint(project(tmp_path, "[tool.ruff]\nfix = true\n[tool.black]\nx = 1", {".flake8": ""})))
    assert [command[0] for command in step.commands] == ["ruff", "flake8", "black"]
    assert step.requirements == ("ruff", "flake8", "black")


def test_own_commands_replace_the_default_ones(tmp_path: Path) -> None:
    """They run in order with the tools of the fitting group, and arguments go to the last."""
    text = '[dependency-groups]\nlint = ["black"]\n[tool.nox-ship.lint]\nrun = ["black .", "x"]\ninstall = ["y"]'
    step = only(recipes.lint(project(tmp_path, text), ["-v"]))
    assert step.requirements == ("black", "y")
    assert step.commands == (("black", "."), ("x", "-v"))


def test_a_tool_comes_as_the_project_pins_it(tmp_path: Path) -> None:
    """A requirement in any group is used; mypy comes with its group, which may hold stubs."""
    text = '[dependency-groups]\nother = ["ruff==0.9", "mypy==1.1"]\n[tool.mypy]\nstrict = true'
    sample = project(tmp_path, text)
    assert only(recipes.lint(sample)).requirements == ("ruff==0.9",)
    assert only(recipes.typecheck(sample)).requirements == ("ruff==0.9", "mypy==1.1")


def test_a_group_that_is_named_must_exist(tmp_path: Path) -> None:
    """A wrong name is NS401."""
    with pytest.raises(ShipError, match="NS401"):
        recipes.lint(project(tmp_path, '[tool.nox-ship.lint]\ngroups = ["gone"]'))


def test_types_are_checked_where_mypy_is_set_up(tmp_path: Path) -> None:
    """Without settings it is skipped; with them the packages are checked, in the project's environment."""
    assert recipes.typecheck(project(tmp_path / "a")).skip
    step = only(recipes.typecheck(project(tmp_path / "b", "[tool.mypy]\nstrict = true")))
    assert step.requirements == ("mypy",)
    assert step.commands == (("mypy", "src/sample"),)
    assert step.project


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
    assert only(recipes.typecheck(project(tmp_path, text, files))).commands == (("mypy",),)
    assert only(recipes.typecheck(project(tmp_path, text, files), ["a.py"])).commands == (("mypy", "a.py"),)


@each(
    ("text", "files", "command"),
    [
        ('[dependency-groups]\nx = ["mypy>=1"]', {}, "mypy src/sample"),
        ('[project.optional-dependencies]\nx = ["pyright"]', {}, "pyright"),
        ('[dependency-groups]\nx = ["ty"]', {}, "ty check"),
        ('[dependency-groups]\nx = ["pyrefly"]', {}, "pyrefly check"),
        ("[tool.basedpyright]\nstrict = ['src']", {}, "basedpyright"),
        ("", {"pyrightconfig.json": "{}"}, "pyright"),
    ],
)
def test_a_checker_needs_no_settings(tmp_path: Path, text: str, files: dict[str, str], command: str) -> None:
    """One that is in a group or an extra is run; so is one that has settings alone."""
    assert only(recipes.typecheck(project(tmp_path, text, files))).commands == (tuple(command.split()),)


def test_arguments_by_hand_go_to_the_first_checker(tmp_path: Path) -> None:
    """Of two checkers that are set up, one gets them."""
    sample = project(tmp_path, '[dependency-groups]\nx = ["mypy", "pyright"]')
    assert [command[0] for command in only(recipes.typecheck(sample)).commands] == ["mypy", "pyright"]
    assert only(recipes.typecheck(sample, ["a.py"])).commands == (("mypy", "a.py"),)


def test_tests_are_measured(tmp_path: Path) -> None:
    """They run under coverage, each Python into a file of its own, with paths that can be combined."""
    step = only(recipes.tests(project(tmp_path), "3.11"))
    assert step.requirements == ("pytest", "coverage")
    assert step.project
    (command,) = step.commands
    assert command[:2] == ("coverage", "run")
    assert command[-2:] == ("-m", "pytest")
    assert step.env == {"COVERAGE_FILE": str(tmp_path / ".nox-ship" / "coverage" / "data.3.11")}
    settings = tomllib.loads((tmp_path / ".nox-ship" / "coverage.toml").read_text("utf-8"))
    assert settings["tool"]["coverage"]["run"] == {"relative_files": True, "source": ["src/sample"]}


@each(
    ("python", "run", "quick"),
    [
        ("3.12", "", True),
        ("3.14", "branch = false", True),
        ("3.11", "", False),
        ("2.12", "", False),
        ("pypy3.12", "", False),
        ("3.14t", "", False),
        ("3.13", "branch = true", False),
        ("3.13", 'plugins = ["x"]', False),
        ("3.13", 'concurrency = ["gevent"]', False),
        ("3.13", 'dynamic_context = "test_function"', False),
        ("3.13", 'core = "ctrace"', False),
        ("3.13", "timid = true", False),
    ],
)
def test_coverage_measures_by_monitoring_where_it_can(tmp_path: Path, python: str, run: str, quick: bool) -> None:
    """That takes half the time; where coverage would warn that it cannot, it is not asked."""
    step = only(recipes.tests(project(tmp_path, f"[tool.coverage.run]\n{run}"), python))
    assert step.env.get("COVERAGE_CORE") == ("sysmon" if quick else None)


def test_coverages_own_settings_are_kept(tmp_path: Path) -> None:
    """Only what is missing is added."""
    text = '[tool.coverage.run]\nrelative_files = false\nsource = ["x"]\n[tool.coverage.report]\nfail_under = 9'
    recipes.tests(project(tmp_path, text), "3.12")
    settings = tomllib.loads((tmp_path / ".nox-ship" / "coverage.toml").read_text("utf-8"))
    assert settings["tool"]["coverage"] == {
        "run": {"relative_files": False, "source": ["x"]},
        "report": {"fail_under": 9},
    }


@pytest.mark.parametrize(("python", "lacks"), [("3.9", True), ("pypy3.10", True), ("3.11", False), ("3.14t", False)])
def test_a_python_without_toml_gets_a_parser_of_it(tmp_path: Path, python: str, lacks: bool) -> None:
    """Coverage does not bring one itself, and cannot read its settings without."""
    step = only(recipes.tests(project(tmp_path / "a"), python))
    assert ("tomli" in step.requirements) is lacks
    ini = {".coveragerc": "[run]\nrelative_files = true\n"}
    assert "tomli" not in only(recipes.tests(project(tmp_path / "b", "", ini), python)).requirements


def test_a_coveragerc_is_left_to_coverage(tmp_path: Path) -> None:
    """Settings outside pyproject.toml are read by the tool itself."""
    step = only(recipes.tests(project(tmp_path, "", {".coveragerc": "[run]\nrelative_files = true\n"}), "3.12"))
    assert step.commands == (("coverage", "run", "-m", "pytest"),)
    assert "COVERAGE_CORE" not in step.env


@pytest.mark.parametrize("options", ['"-q --cov=sample"', '["-q", "--cov"]'])
def test_pytest_cov_measures_alone(tmp_path: Path, options: str) -> None:
    """Where pytest's options measure already, coverage is not put around it."""
    text = f'[dependency-groups]\ntests = ["pytest-cov"]\n[tool.pytest.ini_options]\naddopts = {options}'
    step = only(recipes.tests(project(tmp_path, text), "3.12"))
    assert step.commands[0][0] == "pytest"
    assert step.requirements == ("pytest-cov", "pytest")
    assert "COVERAGE_FILE" in step.env
    assert "COVERAGE_CORE" not in step.env


@each(
    ("options", "several"),
    [("-n auto", True), ("-n4", True), ("--numprocesses=2", True), ("-n 4 -n 0", False), ("-n0", False), ("-q", False)],
)
def test_pytest_cov_measures_several_processes(tmp_path: Path, options: str, several: bool) -> None:
    """Of the processes of pytest-xdist, coverage would measure none; no report and no threshold is that of one run."""
    text = f'[dependency-groups]\ntests = ["pytest-xdist"]\n[tool.pytest.ini_options]\naddopts = "{options}"'
    step = only(recipes.tests(project(tmp_path, text), "3.11"))
    config = (tmp_path / ".nox-ship" / "coverage.toml").as_posix()
    measuring = ("pytest", "--cov", "--cov-report=", "--cov-fail-under=0", f"--cov-config={config}")
    alone = ("coverage", "run", f"--rcfile={config}", "-m", "pytest")
    assert step.commands == ((measuring if several else alone),)
    assert step.requirements == ("pytest-xdist", "pytest", "pytest-cov" if several else "coverage")
    assert step.env == {"COVERAGE_FILE": str(tmp_path / ".nox-ship" / "coverage" / "data.3.11")}


def test_options_that_only_concern_coverage_do_not_measure(tmp_path: Path) -> None:
    """`--cov-report` and `--no-cov` switch nothing on."""
    text = '[tool.pytest.ini_options]\naddopts = "--cov-report=term --no-cov"'
    assert only(recipes.tests(project(tmp_path, text), "3.12")).commands[0][0] == "coverage"


def test_a_part_of_the_tests_is_not_measured(tmp_path: Path) -> None:
    """Arguments given by hand go to pytest; so it is where coverage is no gate."""
    assert only(recipes.tests(project(tmp_path / "a"), "3.12", ["-k", "x"])).commands == (("pytest", "-k", "x"),)
    without = project(tmp_path / "b", '[tool.nox-ship]\ngates = ["tests"]')
    assert only(recipes.tests(without, "3.12")).commands == (("pytest",),)


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
    folder = coverage_folder(sample)
    folder.mkdir()
    for python in ("3.12", "3.11"):
        (folder / f"data.{python}").touch()
    combine, report = only(recipes.coverage(sample, ["--sort=cover"])).commands
    assert combine[:3] == ("coverage", "combine", "--keep")
    assert combine[-2:] == ((folder / "data.3.11").as_posix(), (folder / "data.3.12").as_posix())
    assert report[-len(options) - 1 :] == (*options, "--sort=cover")


def test_the_coverage_that_measured_combines(tmp_path: Path) -> None:
    """It knows its own data best; a command of the project's own stays as it is, and nothing else is installed."""
    sample, environments = project(tmp_path / "a"), tmp_path / "nox"
    coverage_folder(sample).mkdir()
    (coverage_folder(sample) / "data.3.12").touch()
    assert only(recipes.coverage(sample, (), environments)).commands[0][0] == "coverage"
    tool = write_files(environments, {"tests-3-12/bin/coverage": ""}) / "tests-3-12/bin/coverage"
    step = only(recipes.coverage(sample, (), environments))
    assert step.requirements == ()
    assert [command[0] for command in step.commands] == [str(tool), str(tool)]
    own = project(tmp_path / "b", '[tool.nox-ship.coverage]\nrun = "coverage report"')
    assert only(recipes.coverage(own, (), environments)).commands == (("coverage", "report"),)


def test_tests_that_measure_nothing_stop_coverage(tmp_path: Path) -> None:
    """NS841, whatever lies there."""
    unmeasured = Decision(("test", "coverage"), {"tests": ("test",)}, unmeasured=True)
    with pytest.raises(ShipError, match="NS841"):
        recipes.coverage(project(tmp_path), unmeasured=unmeasured)


def test_an_audit_of_ones_own(tmp_path: Path) -> None:
    """Its commands run in the project's environment."""
    step = only(recipes.own_audit(project(tmp_path, '[tool.nox-ship.audit]\nrun = "osv-scanner"'), ["-v"]))
    assert step.requirements == ()
    assert step.commands == (("osv-scanner", "-v"),)
    assert step.project


def test_own_commands_get_the_tools_that_they_call(tmp_path: Path) -> None:
    """A command of the project's own that calls pytest finds it in the session, not on the user's PATH."""
    step = only(recipes.tests(project(tmp_path, '[tool.nox-ship.tests]\nrun = ["pytest -q", "./check"]'), "3.12"))
    assert step.requirements == ("pytest",)
    assert step.commands == (("pytest", "-q"), ("./check",))


def test_own_commands_that_measure_nothing_leave_nothing_to_combine(tmp_path: Path) -> None:
    """The coverage gate is skipped, with the reason, where the project's own test commands left no data."""
    assert recipes.coverage(project(tmp_path, '[tool.nox-ship.tests]\nrun = "pytest -q"')).skip


def test_settings_in_another_encoding_are_no_traceback(tmp_path: Path) -> None:
    """A ruff.toml that is not UTF-8 is left to ruff to complain about."""
    sample = project(tmp_path)
    (tmp_path / "ruff.toml").write_bytes(b"# caf\xe9\n[format]\n")
    assert only(recipes.lint(sample)).commands[-1] == ("ruff", "format", "--check")


INSTALLED = "[tool.nox-ship]\ntests.installed = true\n"


@pytest.mark.parametrize(
    ("chosen", "source", "beside"),
    [
        ("", None, []),
        ('source = ["src", "tests"]', None, ["tests"]),
        ('source = ["sample"]\nsource_pkgs = ["more"]', ["more", "sample"], []),
        ('source = ["."]', None, []),
    ],
)
def test_the_installed_package_is_measured(
    tmp_path: Path, chosen: str, source: list[str] | None, beside: list[str]
) -> None:
    """And told as the sources, to coverage that combines; other folders that the project measures stay."""
    text = f'{INSTALLED}[tool.coverage]\npaths.own = ["a", "b"]\n[tool.coverage.run]\n{chosen}\n'
    assert only(recipes.tests(project(tmp_path, text), "3.11")).installed
    settings = tomllib.loads((tmp_path / ".nox-ship" / "coverage.toml").read_text("utf-8"))["tool"]["coverage"]
    assert settings == {
        "run": {"relative_files": True, "source": beside, "source_pkgs": source or ["sample"]},
        "paths": {"own": ["a", "b"], "nox-ship-sample": ["src/sample", "*/site-packages/sample"]},
    }


def test_commands_of_the_project_try_what_is_installed(tmp_path: Path) -> None:
    """As the usual ones do; without the setting, and for other gates, the project stays editable."""
    run = INSTALLED + 'tests.run = ["pytest --pyargs sample"]\ntypecheck.run = ["mypy"]\n'
    sample = project(tmp_path, run)
    assert only(recipes.tests(sample, None)).installed
    assert not only(recipes.typecheck(sample)).installed
    assert not only(recipes.tests(project(tmp_path), None)).installed


def test_tests_in_the_package_are_not_run_without_it(tmp_path: Path) -> None:
    """NS412: they would be removed with it."""
    text = f'{INSTALLED}[tool.pytest.ini_options]\ntestpaths = ["src/sample/tests"]\n'
    sample = project(tmp_path, text, {"src/sample/tests/test_b.py": ""})
    with pytest.raises(ShipError, match=r"NS412.*src/sample/tests"):
        recipes.tests(sample, None)
    editable = project(tmp_path, text.replace("true", "false"), {})
    assert only(recipes.tests(editable, None)).commands
