from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from automating import ci
from fakes import Programs
from nox_ship.errors import ShipError
from nox_ship.gates import recipes
from nox_ship.gates.measuring import coverage_folder
from nox_ship.gates.toolbox import Step, Toolbox
from nox_ship.project import Project
from support import make_project

BASE = '[project]\nname = "sample"\n'
FILES = {"src/sample/__init__.py": "", "tests/test_a.py": ""}


def project(folder: Path, text: str = "", files: dict[str, str] | None = None) -> Project:
    """Return a project with a package and tests."""
    return make_project(folder, BASE + text, {**FILES, **(files or {})})


def only(recipe: recipes.Recipe) -> Step:
    """Return the one step of a recipe."""
    (step,) = recipe.steps
    return step


def test_lint_is_ruff(tmp_path: Path) -> None:
    """In a project that says nothing, ruff looks in the packages for what is wrong by any rules, and not at formats."""
    step = only(recipes.lint(project(tmp_path)))
    assert step.commands == (("ruff", "check", "--no-fix", "--select=E9,F63,F7,F82", "src/sample"),)
    assert step.requirements == ("ruff",)
    assert not step.project


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
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
    step = only(recipes.tests(project(tmp_path), "3.12"))
    assert step.requirements == ("pytest", "coverage")
    assert step.project
    (command,) = step.commands
    assert command[:2] == ("coverage", "run")
    assert command[-2:] == ("-m", "pytest")
    assert step.env == {"COVERAGE_FILE": str(tmp_path / ".nox-ship" / "coverage" / "data.3.12")}
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
    step = only(recipes.tests(project(tmp_path, "", {".coveragerc": "[run]\nrelative_files = true\n"}), "3.12"))
    assert step.commands == (("coverage", "run", "-m", "pytest"),)


@pytest.mark.parametrize("options", ['"-q --cov=sample"', '["-q", "--cov"]'])
def test_pytest_cov_measures_alone(tmp_path: Path, options: str) -> None:
    """Where pytest's options measure already, coverage is not put around it."""
    text = f'[dependency-groups]\ntests = ["pytest-cov"]\n[tool.pytest.ini_options]\naddopts = {options}'
    step = only(recipes.tests(project(tmp_path, text), "3.12"))
    assert step.commands[0][0] == "pytest"
    assert step.requirements == ("pytest-cov", "pytest")
    assert "COVERAGE_FILE" in step.env


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


CHECKED = ci("pip install -e .[dev]", "ruff check src --fix", "mypy src", "pytest -q")


def test_what_ci_runs_decides(tmp_path: Path) -> None:
    """The commands are those of the workflow, and not what settings and groups would make of it."""
    text = "[tool.ruff.format]\n[tool.black]\nx = 1\n[tool.mypy]\nstrict = true\n"
    text += '[project.optional-dependencies]\ndev = ["ruff==1"]\n[tool.pyright]\nx = 1\n'
    there = project(tmp_path, text, {**CHECKED, ".flake8": ""})
    linting, typing = only(recipes.lint(there)), only(recipes.typecheck(there))
    assert linting.commands == (("ruff", "check", "--no-fix", "src"),)
    assert (linting.extras, linting.project) == (("dev",), True)
    assert typing.commands == (("mypy", "src"),)
    assert only(recipes.tests(there, "3.12", ["-x"])).commands == (("pytest", "-x"),)
    assert only(recipes.tests(there, "3.12")).commands[0][-3:] == ("-m", "pytest", "-q")


def test_a_ci_that_only_tests_leaves_out_what_is_a_matter_of_taste(tmp_path: Path) -> None:
    """Settings of linters and checkers that CI does not run are no gate; what is certainly wrong is."""
    there = project(tmp_path, "[tool.ruff.format]\n[tool.mypy]\nstrict = true\n", ci("pip install .", "pytest"))
    assert only(recipes.lint(there)).commands == (
        ("ruff", "check", "--no-fix", "--select=E9,F63,F7,F82", "src/sample"),
    )
    assert recipes.typecheck(there).skip
    assert only(recipes.typecheck(there, ["src"])).commands == (("mypy", "src"),)


def test_tools_that_ci_installs_apart_run_apart(tmp_path: Path) -> None:
    """Commands with other needs are steps of their own."""
    there = project(tmp_path, "", ci("uvx ruff@0.9.1 check", "uvx black==24.1.0 --check .", "pip install .", "pytest"))
    steps = recipes.lint(there).steps
    assert [(step.requirements, step.commands[0][0]) for step in steps] == [
        (("ruff==0.9.1",), "ruff"),
        (("black==24.1.0",), "black"),
    ]
    assert not any(step.project for step in steps)


def test_arguments_by_hand_go_to_the_first_of_the_checks(tmp_path: Path) -> None:
    """They replace its own; so a fix can be asked for."""
    there = project(tmp_path, "", CHECKED)
    assert only(recipes.lint(there, ["--fix"])).commands == (("ruff", "check", "--fix"),)
    assert only(recipes.typecheck(there, ["tests"])).commands == (("mypy", "tests"),)


def test_reports_of_cis_tests_are_left_out(tmp_path: Path) -> None:
    """Formats of reports, thresholds and JUnit files are not what the tests are about."""
    command = "pytest -x --cov-report xml --cov-report=term --cov-fail-under=90 --junitxml=a.xml --junit-xml b.xml -q"
    there = project(tmp_path, "", ci("pip install .", command))
    assert only(recipes.tests(there, "3.12")).commands[0][-4:] == ("-m", "pytest", "-x", "-q")


def test_cis_own_measuring_is_kept(tmp_path: Path) -> None:
    """pytest-cov is not measured by another coverage; it is installed where CI has it from an extra that is gone."""
    step = only(recipes.tests(project(tmp_path, "", ci("pip install .", "pytest --cov=sample")), "3.12"))
    assert step.commands[0][:2] == ("pytest", "--cov=sample")
    assert step.requirements == ("pytest", "pytest-cov")
    assert step.env["COVERAGE_FILE"].endswith("data.3.12")


def test_unittest_is_measured(tmp_path: Path) -> None:
    """A module that Python runs is run by coverage, and by Python where it is not measured."""
    there = project(tmp_path, "", ci("python -m unittest discover -s tests"))
    step = only(recipes.tests(there, "3.12"))
    assert step.commands[0][-5:] == ("-m", "unittest", "discover", "-s", "tests")
    assert step.requirements == ("coverage",)
    assert only(recipes.tests(there, "3.12", ["-v"])).commands == (("python", "-m", "unittest", "-v"),)


def test_tests_always_have_the_project(tmp_path: Path) -> None:
    """Where CI finds it on the path, the gate installs it."""
    assert only(recipes.tests(project(tmp_path, "", ci("pip install pytest", "pytest")), "3.12")).project


@pytest.mark.parametrize(
    ("text", "files", "threshold"),
    [
        ("", {}, ()),
        ("", ci("pytest --cov --cov-fail-under=91"), ("--fail-under=91",)),
        ("", ci("pytest", "coverage report --fail-under 99.5"), ("--fail-under=99.5",)),
        ("[tool.coverage.report]\nfail_under = 80", ci("pytest --cov-fail-under=91"), ()),
        ("", {**ci("pytest --cov-fail-under=91"), ".coveragerc": "[report]\nfail_under = 5\n"}, ()),
        ("[tool.nox-ship.coverage]\nfail-under = 70", ci("pytest --cov-fail-under=91"), ("--fail-under=70",)),
        ("", ci("pytest --cov-fail-under=91", "coverage combine"), ("--fail-under=0",)),
        ("[tool.coverage.report]\nfail_under = 80", ci("pytest", "coverage combine"), ("--fail-under=0",)),
        ("[tool.nox-ship.coverage]\nfail-under = 70", ci("pytest", "coverage combine"), ("--fail-under=70",)),
    ],
)
def test_the_threshold_of_coverage(
    tmp_path: Path, text: str, files: dict[str, str], threshold: tuple[str, ...]
) -> None:
    """Our setting wins, then coverage's own, then the automation's; none is held that CI holds over several jobs."""
    there = project(tmp_path, text, files)
    coverage_folder(there).mkdir()
    (coverage_folder(there) / "data.3.12").touch()
    recipe = recipes.coverage(there)
    assert tuple(word for word in only(recipe).commands[-1] if word.startswith("--fail-under")) == threshold
    assert bool(recipe.notes) == (threshold == ("--fail-under=0",))


def test_a_checker_keeps_its_verb(tmp_path: Path) -> None:
    """Arguments by hand stand behind `check`, where the program has other commands too."""
    there = project(tmp_path, "", ci("ty check src --strict", "ruff -q format --check src", "pip install .", "pytest"))
    assert only(recipes.typecheck(there, ["x"])).commands == (("ty", "check", "x"),)
    assert only(recipes.lint(there, ["x"])).commands == (("ruff", "format", "x"),)


PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "pytest"
version = "8.0.0"
[[packages]]
name = "falcon"
version = "4.0.0"
marker = "python_version >= '3.9'"
[[packages]]
name = "sample"
directory = { path = "." }
"""
UV_LOCK = '[[package]]\nname = "pytest"\nversion = "9.0.0"\n'


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.tests.toml"])
@pytest.mark.parametrize(
    "line", ["uv pip sync {} --strict", "uv pip sync {}\nuv pip install -e . --no-deps", "uv pip install -r {}"]
)
def test_a_lock_that_ci_installs_is_installed(tmp_path: Path, name: str, line: str) -> None:
    """All that it names, in its versions; another lock of the project does not count."""
    files = {**ci(line.format(name), "pytest -q"), name: PYLOCK, "uv.lock": UV_LOCK}
    step = only(recipes.tests(project(tmp_path, files=files), "3.11"))
    assert {"pytest==8.0.0", 'falcon==4.0.0 ; (python_version >= "3.9")'} <= set(step.requirements)
    assert step.constraints == ("falcon==4.0.0", "pytest==8.0.0")
    assert step.files == ()
    assert step.why.endswith(f"versions of {name}")


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """The rest is installed without it."""
    files = {**ci("uv pip sync pylock.toml", "pytest -q"), "pylock.toml": "[["}
    recipe = recipes.tests(project(tmp_path, files=files), "3.11")
    assert only(recipe).constraints == ()
    assert any(note.startswith("pylock.toml cannot be read") for note in recipe.notes)


ZOPE = """
[testenv]
commands = zope-testrunner --test-path=src {posargs:-vc}
[testenv:coverage]
deps = coverage
commands =
    coverage run -m zope.testrunner --test-path=src
    coverage run -a -m sphinx -b doctest docs {envdir}/doctest
    coverage run -a scripts/example.py
    coverage report --fail-under=100
"""


def measuring(step: Step) -> list[str]:
    """Return the commands of a step without what is told of settings, and with the end of the data's name."""
    found = []
    for command in step.commands:
        words = [word for word in command if not word.startswith("--rcfile=")]
        found.append(" ".join(word.rpartition("/")[2] if word.startswith("--data-file=") else word for word in words))
    return found


def test_what_ci_measures_together_is_measured_together(tmp_path: Path) -> None:
    """Its threshold holds for all of that; each command has data of its own."""
    files = {**ci("tox -e py311", "tox -e coverage"), "tox.ini": ZOPE}
    there = project(tmp_path, files=files)
    step = only(recipes.tests(there, "3.11"))
    assert step.why == "as in tox.ini [testenv:coverage]"
    assert measuring(step) == [
        "coverage run -m zope.testrunner --test-path=src",
        "coverage run data.3.11.2 -m sphinx -b doctest docs .nox-ship/tox/doctest",
        "coverage run data.3.11.3 scripts/example.py",
    ]
    left = "\n".join(Toolbox(there).left_out())
    assert "sphinx" not in left
    assert "example.py" not in left


@pytest.mark.parametrize(
    ("line", "command", "requirement"),
    [
        ("zope-testrunner --test-path=src", "coverage run -m zope.testrunner --test-path=src", "zope-testrunner"),
        ("python -m zope.testrunner -vc", "coverage run -m zope.testrunner -vc", "zope-testrunner"),
        ("nose2 -v", "coverage run -m nose2 -v", "nose2"),
        ("ward", "coverage run -m ward", "ward"),
        ("trial sample", "coverage run -m twisted.trial sample", "twisted"),
        ("python -m twisted.trial sample", "coverage run -m twisted.trial sample", "twisted"),
        ("py.test -q", "coverage run -m pytest -q", "pytest"),
        ("python -m unittest -v", "coverage run -m unittest -v", ""),
        ("python tests/runtests.py", "coverage run tests/runtests.py", ""),
        ("python run_tests.py -v", "coverage run run_tests.py -v", ""),
        ("python manage.py test", "coverage run manage.py test", ""),
    ],
)
def test_programs_that_run_tests(tmp_path: Path, line: str, command: str, requirement: str) -> None:
    """Those that CI uses are the gate; their projects are installed, and coverage runs their modules or files."""
    step = only(recipes.tests(project(tmp_path, files=ci("pip install -e .", line)), "3.11"))
    assert measuring(step) == [command]
    assert set(step.requirements) == {"coverage", *filter(None, [requirement])}


@pytest.mark.parametrize(
    "line", ["python tests/data.py", "python manage.py migrate", "nose2x", "zope-testrunner --help"]
)
def test_programs_that_run_no_tests(tmp_path: Path, line: str) -> None:
    """pytest is the gate beside them."""
    step = only(recipes.tests(project(tmp_path, files=ci("pip install -e .", line)), "3.11"))
    assert measuring(step) == ["coverage run -m pytest"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("zope-testrunner -vc", "zope-testrunner -k x"),
        ("python -m unittest -v", "python -m unittest -k x"),
        ("python tests/runtests.py --all", "python tests/runtests.py -k x"),
        ("pytest -q", "pytest -k x"),
    ],
)
def test_arguments_by_hand_go_to_the_runner_of_ci(tmp_path: Path, line: str, expected: str) -> None:
    """In place of those that CI gives it."""
    step = only(recipes.tests(project(tmp_path, files=ci("pip install -e .", line)), "3.11", ["-k", "x"]))
    assert [" ".join(command) for command in step.commands] == [expected]


def hooks_of_types(hook: str) -> str:
    """Return settings for pre-commit with the hook of a type checker."""
    told = f"hooks: [{{id: {hook}, additional_dependencies: [attrs]}}]"
    return f"repos:\n- repo: https://a.example/{hook}\n  rev: v1.1.390\n  {told}\n"


@pytest.mark.parametrize("hook", ["pyright", "basedpyright"])
@pytest.mark.parametrize(
    ("text", "files", "further", "file"),
    [
        ('[dependency-groups]\ntest = ["pytest>=8"]\ndocs = ["sphinx"]\n', {}, ["pytest>=8"], ()),
        ('[project.optional-dependencies]\ndev = ["pytest>=8"]\n', {}, ["pytest>=8"], ()),
        ("", {"requirements-dev.txt": "pytest>=8\n"}, [], ("requirements-dev.txt",)),
        ("", {}, [], ()),
    ],
)
def test_a_hook_that_looks_imports_up_has_them(
    tmp_path: Path,
    programs: Programs,
    hook: str,
    text: str,
    files: dict[str, str],
    further: list[str],
    file: tuple[str, ...],
) -> None:
    """pyright sees the project and what its tests import, beside what the hook names."""
    programs.answer("git", "ls-files", "-z", stdout="src/sample/__init__.py\0")
    told = {**files, ".pre-commit-config.yaml": hooks_of_types(hook)}
    step = only(recipes.typecheck(project(tmp_path, text, told)))
    assert step.requirements == (f"{hook}==1.1.390", "attrs", *further)
    assert (step.project, step.files) == (True, file)


def test_the_hook_of_mypy_is_alone(tmp_path: Path, programs: Programs) -> None:
    """It ignores what it cannot find, as its environment for pre-commit has nothing."""
    programs.answer("git", "ls-files", "-z", stdout="src/sample/__init__.py\0")
    told = {".pre-commit-config.yaml": hooks_of_types("mypy")}
    step = only(recipes.typecheck(project(tmp_path, '[dependency-groups]\ndev = ["pytest"]\n', told)))
    assert (step.requirements, step.project) == (("mypy==1.1.390", "attrs"), False)


@pytest.mark.parametrize(
    ("text", "run", "left_out"),
    [
        ("[tool.pytest.ini_options]\naddopts = '--doctest-modules'\n", "pytest", True),
        ("", "pytest --doctest-modules .", True),
        ("", "pytest --doctest-modules src", False),
        ("[tool.pytest.ini_options]\ntestpaths = ['tests']\n", "pytest --doctest-modules", False),
        ("", "python -m pytest -n0 --ruff", True),
        ("", "pytest", False),
        ("", "python -m unittest", False),
    ],
)
def test_pytest_is_kept_from_a_noxfile_that_it_would_import(
    tmp_path: Path, text: str, run: str, left_out: bool
) -> None:
    """The environment of the tests has no nox; what pytest does not look into needs no option."""
    command = only(recipes.tests(project(tmp_path, text, ci(run)), "3.12")).commands[0]
    assert ("--ignore=noxfile.py" in command) is left_out


def test_what_needs_the_same_runs_in_one_environment(tmp_path: Path) -> None:
    """However CI said what is needed: by pip, or by `uv run` afterwards."""
    text = '[dependency-groups]\ndev = ["mypy", "ty"]\n'
    run = "pip install . --group dev\n        mypy src\n        pip install uv\n        uv run ty check src"
    workflow = f"on: push\njobs:\n  a:\n    steps:\n    - run: |\n        {run}\n"
    made = project(tmp_path, text, {".github/workflows/test.yml": workflow, ".git/HEAD": ""})
    assert only(recipes.typecheck(made)).commands == (("mypy", "src"), ("ty", "check", "src"))
