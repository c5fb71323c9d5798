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
    """Without settings, ruff checks the packages for actual errors only, and not their format."""
    step = only(recipes.lint(project(tmp_path)))
    assert step.commands == (("ruff", "check", "--no-fix", "--select=E9,F63,F7,F82", "src/sample"),)
    assert step.requirements == ("ruff",)
    assert not step.project


@each(
    ("requires", "rules"),
    [(">=2.7, !=3.0.*", "E9,F63,F7"), (">=3.9", "E9,F63,F7,F82"), ("<4", "E9,F63,F7"), ("", "E9,F63,F7,F82")],
)
def test_names_of_python_2_are_not_wrong(tmp_path: Path, requires: str, rules: str) -> None:
    """In a project that supports Python 2, undefined names are not checked, as Python 2 has other built-ins."""
    there = project(tmp_path, f'requires-python = "{requires}"\n' if requires else "")
    assert only(recipes.lint(there)).commands == (("ruff", "check", "--no-fix", f"--select={rules}", "src/sample"),)


def test_lint_goes_by_the_rules_of_the_project(tmp_path: Path) -> None:
    """If ruff has settings, they alone decide, except that `fix` is turned off: a gate changes nothing."""
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
    """The format is checked if ruff's formatter has settings; arguments go to `ruff check` only."""
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
    """A linter with settings checks the code without changing it, and replaces ruff if ruff has no settings."""
    step = only(recipes.lint(project(tmp_path, text, files)))
    assert step.commands == (tuple(command.split()),)
    assert step.requirements == (command.split(maxsplit=1)[0],)


def test_every_linter_that_has_settings_is_run(tmp_path: Path) -> None:
    """Every linter with settings runs, along with ruff if that has settings, too."""
    step = only(recipes.lint(project(tmp_path, "[tool.ruff]\nfix = true\n[tool.black]\nx = 1", {".flake8": ""})))
    assert [command[0] for command in step.commands] == ["ruff", "flake8", "black"]
    assert step.requirements == ("ruff", "flake8", "black")


def test_own_commands_replace_the_default_ones(tmp_path: Path) -> None:
    """Commands in the setting `run` replace the default ones, with the lint group's tools; the last gets arguments."""
    text = '[dependency-groups]\nlint = ["black"]\n[tool.nox-ship.lint]\nrun = ["black .", "x"]\ninstall = ["y"]'
    step = only(recipes.lint(project(tmp_path, text), ["-v"]))
    assert step.requirements == ("black", "y")
    assert step.commands == (("black", "."), ("x", "-v"))


def test_a_tool_comes_as_the_project_pins_it(tmp_path: Path) -> None:
    """A tool is installed as any dependency group pins it; mypy is installed with its whole group, for its stubs."""
    text = '[dependency-groups]\nother = ["ruff==0.9", "mypy==1.1"]\n[tool.mypy]\nstrict = true'
    sample = project(tmp_path, text)
    assert only(recipes.lint(sample)).requirements == ("ruff==0.9",)
    assert only(recipes.typecheck(sample)).requirements == ("ruff==0.9", "mypy==1.1")


def test_a_group_that_is_named_must_exist(tmp_path: Path) -> None:
    """An unknown dependency group in the settings is NS401."""
    with pytest.raises(ShipError, match="NS401"):
        recipes.lint(project(tmp_path, '[tool.nox-ship.lint]\ngroups = ["gone"]'))


def test_types_are_checked_where_mypy_is_set_up(tmp_path: Path) -> None:
    """Without settings for mypy, the gate is skipped; otherwise mypy checks the packages with the project installed."""
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
    """mypy reads its targets from its own settings; arguments replace them."""
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
    """A type checker runs if it is in a dependency group or an extra, or has settings."""
    assert only(recipes.typecheck(project(tmp_path, text, files))).commands == (tuple(command.split()),)


def test_arguments_by_hand_go_to_the_first_checker(tmp_path: Path) -> None:
    """If there are several type checkers, arguments run only the first one."""
    sample = project(tmp_path, '[dependency-groups]\nx = ["mypy", "pyright"]')
    assert [command[0] for command in only(recipes.typecheck(sample)).commands] == ["mypy", "pyright"]
    assert only(recipes.typecheck(sample, ["a.py"])).commands == (("mypy", "a.py"),)


def test_tests_are_measured(tmp_path: Path) -> None:
    """Tests run under coverage with relative paths, and each Python has its own data file."""
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
    """Coverage uses the faster `sysmon` core, unless the Python or the settings do not support it."""
    step = only(recipes.tests(project(tmp_path, f"[tool.coverage.run]\n{run}"), python))
    assert step.env.get("COVERAGE_CORE") == ("sysmon" if quick else None)


def test_coverages_own_settings_are_kept(tmp_path: Path) -> None:
    """Settings for coverage are kept, and only missing ones are added."""
    text = '[tool.coverage.run]\nrelative_files = false\nsource = ["x"]\n[tool.coverage.report]\nfail_under = 9'
    recipes.tests(project(tmp_path, text), "3.12")
    settings = tomllib.loads((tmp_path / ".nox-ship" / "coverage.toml").read_text("utf-8"))
    assert settings["tool"]["coverage"] == {
        "run": {"relative_files": False, "source": ["x"]},
        "report": {"fail_under": 9},
    }


@pytest.mark.parametrize(("python", "lacks"), [("3.9", True), ("pypy3.10", True), ("3.11", False), ("3.14t", False)])
def test_a_python_without_toml_gets_a_parser_of_it(tmp_path: Path, python: str, lacks: bool) -> None:
    """A Python without `tomllib` gets tomli, because coverage needs it to read its settings."""
    step = only(recipes.tests(project(tmp_path / "a"), python))
    assert ("tomli" in step.requirements) is lacks
    ini = {".coveragerc": "[run]\nrelative_files = true\n"}
    assert "tomli" not in only(recipes.tests(project(tmp_path / "b", "", ini), python)).requirements


def test_a_coveragerc_is_left_to_coverage(tmp_path: Path) -> None:
    """If the project has a .coveragerc, coverage reads its own settings."""
    step = only(recipes.tests(project(tmp_path, "", {".coveragerc": "[run]\nrelative_files = true\n"}), "3.12"))
    assert step.commands == (("coverage", "run", "-m", "pytest"),)
    assert "COVERAGE_CORE" not in step.env


@pytest.mark.parametrize("options", ['"-q --cov=sample"', '["-q", "--cov"]'])
def test_pytest_cov_measures_alone(tmp_path: Path, options: str) -> None:
    """If pytest-cov is turned on in pytest's options, it measures, and coverage does not run around it."""
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
    """With several processes of pytest-xdist, pytest-cov measures, without a report or a threshold for a single run."""
    text = f'[dependency-groups]\ntests = ["pytest-xdist"]\n[tool.pytest.ini_options]\naddopts = "{options}"'
    step = only(recipes.tests(project(tmp_path, text), "3.11"))
    config = (tmp_path / ".nox-ship" / "coverage.toml").as_posix()
    measuring = ("pytest", "--cov", "--cov-report=", "--cov-fail-under=0", f"--cov-config={config}")
    alone = ("coverage", "run", f"--rcfile={config}", "-m", "pytest")
    assert step.commands == ((measuring if several else alone),)
    assert step.requirements == ("pytest-xdist", "pytest", "pytest-cov" if several else "coverage")
    assert step.env == {"COVERAGE_FILE": str(tmp_path / ".nox-ship" / "coverage" / "data.3.11")}


def test_options_that_only_concern_coverage_do_not_measure(tmp_path: Path) -> None:
    """The options `--cov-report` and `--no-cov` do not turn on pytest-cov."""
    text = '[tool.pytest.ini_options]\naddopts = "--cov-report=term --no-cov"'
    assert only(recipes.tests(project(tmp_path, text), "3.12")).commands[0][0] == "coverage"


def test_a_part_of_the_tests_is_not_measured(tmp_path: Path) -> None:
    """With arguments, or if coverage is not a gate, the tests run without measuring."""
    assert only(recipes.tests(project(tmp_path / "a"), "3.12", ["-k", "x"])).commands == (("pytest", "-k", "x"),)
    without = project(tmp_path / "b", '[tool.nox-ship]\ngates = ["tests"]')
    assert only(recipes.tests(without, "3.12")).commands == (("pytest",),)


def test_a_project_without_tests_is_skipped(tmp_path: Path) -> None:
    """In a project without tests, the gates for tests and coverage are skipped."""
    sample = make_project(tmp_path, BASE)
    assert recipes.tests(sample, "3.12").skip
    assert recipes.coverage(sample).skip


def test_coverage_needs_measurements(tmp_path: Path) -> None:
    """If there is no data of the tests, the coverage gate fails with NS411."""
    with pytest.raises(ShipError, match="NS411"):
        recipes.coverage(project(tmp_path))


@pytest.mark.parametrize(
    ("setting", "options"), [("", ()), ("90", ("--fail-under=90",)), ("87.5", ("--fail-under=87.5",))]
)
def test_coverage_combines_every_measurement(tmp_path: Path, setting: str, options: tuple[str, ...]) -> None:
    """The data of all Pythons are combined and kept, and the threshold in the settings applies."""
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
    """The coverage gate uses the coverage installed for the tests; the project's own command stays as it is."""
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
    """If the project's tests measure nothing, the coverage gate fails with NS841."""
    unmeasured = Decision(("test", "coverage"), {"tests": ("test",)}, unmeasured=True)
    with pytest.raises(ShipError, match="NS841"):
        recipes.coverage(project(tmp_path), unmeasured=unmeasured)


def test_an_audit_of_ones_own(tmp_path: Path) -> None:
    """The project's own audit commands run in the project's environment."""
    step = only(recipes.own_audit(project(tmp_path, '[tool.nox-ship.audit]\nrun = "osv-scanner"'), ["-v"]))
    assert step.requirements == ()
    assert step.commands == (("osv-scanner", "-v"),)
    assert step.project


def test_own_commands_get_the_tools_that_they_call(tmp_path: Path) -> None:
    """If the project's own command calls pytest, pytest is installed into the session."""
    step = only(recipes.tests(project(tmp_path, '[tool.nox-ship.tests]\nrun = ["pytest -q", "./check"]'), "3.12"))
    assert step.requirements == ("pytest",)
    assert step.commands == (("pytest", "-q"), ("./check",))


def test_own_commands_that_measure_nothing_leave_nothing_to_combine(tmp_path: Path) -> None:
    """If the project's own test commands measured nothing, the coverage gate is skipped with a reason."""
    assert recipes.coverage(project(tmp_path, '[tool.nox-ship.tests]\nrun = "pytest -q"')).skip


def test_settings_in_another_encoding_are_no_traceback(tmp_path: Path) -> None:
    """A ruff.toml that is not UTF-8 causes no error here, since ruff will report it."""
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
    """With `tests.installed`, the installed package is measured and mapped to the sources; other folders stay."""
    text = f'{INSTALLED}[tool.coverage]\npaths.own = ["a", "b"]\n[tool.coverage.run]\n{chosen}\n'
    assert only(recipes.tests(project(tmp_path, text), "3.11")).installed
    settings = tomllib.loads((tmp_path / ".nox-ship" / "coverage.toml").read_text("utf-8"))["tool"]["coverage"]
    assert settings == {
        "run": {"relative_files": True, "source": beside, "source_pkgs": source or ["sample"]},
        "paths": {"own": ["a", "b"], "nox-ship-sample": ["src/sample", "*/site-packages/sample"]},
    }


def test_commands_of_the_project_try_what_is_installed(tmp_path: Path) -> None:
    """With `tests.installed`, the project's own test commands use an installed package; other gates stay editable."""
    run = INSTALLED + 'tests.run = ["pytest --pyargs sample"]\ntypecheck.run = ["mypy"]\n'
    sample = project(tmp_path, run)
    assert only(recipes.tests(sample, None)).installed
    assert not only(recipes.typecheck(sample)).installed
    assert not only(recipes.tests(project(tmp_path), None)).installed


def test_tests_in_the_package_are_not_run_without_it(tmp_path: Path) -> None:
    """With `tests.installed`, tests inside the package are refused with NS412, as they are removed with the sources."""
    text = f'{INSTALLED}[tool.pytest.ini_options]\ntestpaths = ["src/sample/tests"]\n'
    sample = project(tmp_path, text, {"src/sample/tests/test_b.py": ""})
    with pytest.raises(ShipError, match=r"NS412.*src/sample/tests"):
        recipes.tests(sample, None)
    editable = project(tmp_path, text.replace("true", "false"), {})
    assert only(recipes.tests(editable, None)).commands
