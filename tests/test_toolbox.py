from __future__ import annotations

from pathlib import Path

import pytest

from automating import ci
from fakes import Programs
from gating import only, project
from nox_ship.gates import recipes
from nox_ship.gates.measuring import coverage_folder
from nox_ship.gates.toolbox import RecipeStep, Toolbox
from support import each

CHECKED = ci("pip install -e .[dev]", "ruff check src --fix", "mypy src", "pytest -q")


def test_what_ci_runs_decides(tmp_path: Path) -> None:
    """The gates run the commands of CI's workflow, and not those that settings and groups suggest."""
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
    """If CI only tests, the gate `lint` looks only for code that is definitely wrong, and `typecheck` is skipped."""
    there = project(tmp_path, "[tool.ruff.format]\n[tool.mypy]\nstrict = true\n", ci("pip install .", "pytest"))
    assert only(recipes.lint(there)).commands == (
        ("ruff", "check", "--no-fix", "--select=E9,F63,F7,F82", "src/sample"),
    )
    assert recipes.typecheck(there).skip
    assert only(recipes.typecheck(there, ["src"])).commands == (("mypy", "src"),)


def test_tools_that_ci_installs_apart_run_apart(tmp_path: Path) -> None:
    """Tools that CI installs separately run as separate steps, without the project."""
    there = project(tmp_path, "", ci("uvx ruff@0.9.1 check", "uvx black==24.1.0 --check .", "pip install .", "pytest"))
    steps = recipes.lint(there).steps
    assert [(step.requirements, step.commands[0][0]) for step in steps] == [
        (("ruff==0.9.1",), "ruff"),
        (("black==24.1.0",), "black"),
    ]
    assert not any(step.project for step in steps)


def test_arguments_by_hand_go_to_the_first_of_the_checks(tmp_path: Path) -> None:
    """Arguments by hand replace those of the first check, for example to ask for fixes."""
    there = project(tmp_path, "", CHECKED)
    assert only(recipes.lint(there, ["--fix"])).commands == (("ruff", "check", "--fix"),)
    assert only(recipes.typecheck(there, ["tests"])).commands == (("mypy", "tests"),)


def test_reports_of_cis_tests_are_left_out(tmp_path: Path) -> None:
    """Options of pytest for reports, thresholds and JUnit files are left out."""
    command = "pytest -x --cov-report xml --cov-report=term --cov-fail-under=90 --junitxml=a.xml --junit-xml b.xml -q"
    there = project(tmp_path, "", ci("pip install .", command))
    assert only(recipes.tests(there, "3.12")).commands[0][-4:] == ("-m", "pytest", "-x", "-q")


def test_cis_own_measuring_is_kept(tmp_path: Path) -> None:
    """If CI uses pytest-cov, the gate installs and uses it instead of running coverage around it."""
    step = only(recipes.tests(project(tmp_path, "", ci("pip install .", "pytest --cov=sample")), "3.12"))
    assert step.commands[0][:2] == ("pytest", "--cov=sample")
    assert step.requirements == ("pytest", "pytest-cov")
    assert step.env["COVERAGE_FILE"].endswith("data.3.12")


def test_unittest_is_measured(tmp_path: Path) -> None:
    """Coverage runs a module that CI runs with `python -m`; with arguments by hand, Python runs it."""
    there = project(tmp_path, "", ci("python -m unittest discover -s tests"))
    step = only(recipes.tests(there, "3.12"))
    assert step.commands[0][-5:] == ("-m", "unittest", "discover", "-s", "tests")
    assert step.requirements == ("coverage",)
    assert only(recipes.tests(there, "3.12", ["-v"])).commands == (("python", "-m", "unittest", "-v"),)


def test_tests_always_have_the_project(tmp_path: Path) -> None:
    """The gate `tests` installs the project even if CI does not."""
    assert only(recipes.tests(project(tmp_path, "", ci("pip install pytest", "pytest")), "3.12")).project


@pytest.mark.slow
@each(
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
    """Our setting is the threshold, else coverage's, else CI's; if CI combines several jobs' data, only ours counts."""
    there = project(tmp_path, text, files)
    coverage_folder(there).mkdir()
    (coverage_folder(there) / "data.3.12").touch()
    recipe = recipes.coverage(there)
    assert tuple(word for word in only(recipe).commands[-1] if word.startswith("--fail-under")) == threshold
    assert bool(recipe.notes) == (threshold == ("--fail-under=0",))


def test_a_checker_keeps_its_verb(tmp_path: Path) -> None:
    """Arguments by hand go after a subcommand such as `check`, which stays."""
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
    """The lock that CI installs is installed with all its versions, and no other lock of the project."""
    files = {**ci(line.format(name), "pytest -q"), name: PYLOCK, "uv.lock": UV_LOCK}
    step = only(recipes.tests(project(tmp_path, files=files), "3.11"))
    assert {"pytest==8.0.0", 'falcon==4.0.0 ; (python_version >= "3.9")'} <= set(step.requirements)
    assert step.constraints == ("falcon==4.0.0", "pytest==8.0.0")
    assert step.files == ()
    assert step.why.endswith(f"versions of {name}")


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A lock that cannot be read is reported, and everything else is installed."""
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


def measuring(step: RecipeStep) -> list[str]:
    """Return a step's commands without options for coverage's settings, and with data files by name only."""
    found = []
    for command in step.commands:
        words = [word for word in command if not word.startswith("--rcfile=")]
        found.append(" ".join(word.rpartition("/")[2] if word.startswith("--data-file=") else word for word in words))
    return found


def test_a_hook_of_a_tool_that_ci_runs_by_itself_is_not_missed(tmp_path: Path) -> None:
    """A hook counts as run if CI runs its tool directly; a hook whose tool CI does not run is a gate."""
    hooks = """
repos:
- repo: local
  hooks:
  - {id: a, language: system, entry: ruff check --select=E, pass_filenames: false}
  - {id: b, language: system, entry: black ., pass_filenames: false}
"""
    there = project(tmp_path, files={**ci("ruff check src", "pre-commit run -a"), ".pre-commit-config.yaml": hooks})
    toolbox = Toolbox(there)
    assert [task.program for task in toolbox.tasks("lint")] == ["ruff", "black"]
    assert list(toolbox.left_out()) == []


def test_what_ci_measures_together_is_measured_together(tmp_path: Path) -> None:
    """Commands that CI measures together are measured together, each with its own data file."""
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


@pytest.mark.slow
@each(
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
    """A test runner that CI uses is the gate: it is installed, and coverage runs its module or file."""
    step = only(recipes.tests(project(tmp_path, files=ci("pip install -e .", line)), "3.11"))
    assert measuring(step) == [command]
    assert set(step.requirements) == {"coverage", *filter(None, [requirement])}


@each("line", ["python tests/data.py", "python manage.py migrate", "nose2x", "zope-testrunner --help"])
def test_programs_that_run_no_tests(tmp_path: Path, line: str) -> None:
    """If CI runs no known test runner, the gate runs pytest."""
    step = only(recipes.tests(project(tmp_path, files=ci("pip install -e .", line)), "3.11"))
    assert measuring(step) == ["coverage run -m pytest"]


@each(
    ("line", "expected"),
    [
        ("zope-testrunner -vc", "zope-testrunner -k x"),
        ("python -m unittest -v", "python -m unittest -k x"),
        ("python tests/runtests.py --all", "python tests/runtests.py -k x"),
        ("pytest -q", "pytest -k x"),
    ],
)
def test_arguments_by_hand_go_to_the_runner_of_ci(tmp_path: Path, line: str, expected: str) -> None:
    """Arguments by hand go to CI's test runner in place of CI's own."""
    step = only(recipes.tests(project(tmp_path, files=ci("pip install -e .", line)), "3.11", ["-k", "x"]))
    assert [" ".join(command) for command in step.commands] == [expected]


def hooks_of_types(hook: str) -> str:
    """Return a pre-commit configuration with the hook of a type checker."""
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
    """A pyright hook, which resolves imports, gets the project and the requirements of its tests."""
    programs.answer("git", "ls-files", "-z", stdout="src/sample/__init__.py\0")
    told = {**files, ".pre-commit-config.yaml": hooks_of_types(hook)}
    step = only(recipes.typecheck(project(tmp_path, text, told)))
    assert step.requirements == (f"{hook}==1.1.390", "attrs", *further)
    assert (step.project, step.files) == (True, file)


def test_the_hook_of_mypy_is_alone(tmp_path: Path, programs: Programs) -> None:
    """The mypy hook gets only its own requirements, as in pre-commit, and ignores missing imports."""
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
    """If pytest would import the noxfile, `--ignore` prevents that, as the tests' environment has no nox."""
    command = only(recipes.tests(project(tmp_path, text, ci(run)), "3.12")).commands[0]
    assert ("--ignore=noxfile.py" in command) is left_out


def test_what_needs_the_same_runs_in_one_environment(tmp_path: Path) -> None:
    """Checks with the same requirements run in one environment, even if CI states these in different ways."""
    text = '[dependency-groups]\ndev = ["mypy", "ty"]\n'
    run = "pip install . --group dev\n        mypy src\n        pip install uv\n        uv run ty check src"
    workflow = f"on: push\njobs:\n  a:\n    steps:\n    - run: |\n        {run}\n"
    made = project(tmp_path, text, {".github/workflows/test.yml": workflow, ".git/HEAD": ""})
    assert only(recipes.typecheck(made)).commands == (("mypy", "src"), ("ty", "check", "src"))
