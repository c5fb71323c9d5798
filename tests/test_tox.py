from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automating import sample
from nox_ship.automation import tox, tox_settings
from nox_ship.automation.tox import Tox, ToxEnvironment
from support import each, in_time


def environments(folder: Path, ini: str, *names: str) -> dict[str, ToxEnvironment]:
    """Return the environments of these names in a tox.ini, or those that run by default."""
    found = Tox(sample(folder, files={"tox.ini": ini})).environments(names or None)
    return {environment.name: environment for environment in found}


def runs(environment: ToxEnvironment) -> str:
    """Return the commands of an environment, one per line."""
    return "\n".join(" ".join(command) for command in environment.commands)


def told(environment: ToxEnvironment) -> dict[str, Any]:
    """Return what an environment needs, without empty values."""
    needs = environment.needs
    flags = {name: True for name in ("project", "locked") if getattr(needs, name)}
    return {**{name: " ".join(value) for name, value in needs.listed.items() if value}, **flags}


COMMON = "[testenv]\ncommands = pytest\n"


@each(
    ("files", "text", "file"),
    [
        ({"tox.ini": "[tox]\nenv_list = py\n[testenv]\ncommands = mypy"}, "", "tox.ini"),
        ({"tox.ini": "[testenv:py]\ncommands = mypy"}, "", "tox.ini"),
        (
            {"tox.ini": "[pytest]\nx = 1", "setup.cfg": "[tox:tox]\nenvlist = py\n[testenv]\ncommands = mypy"},
            "",
            "setup.cfg",
        ),
        (
            {"setup.cfg": "[metadata]"},
            '[tool.tox]\nlegacy_tox_ini = """\n[testenv]\ncommands = mypy\n"""',
            "pyproject.toml",
        ),
        ({"tox.toml": '[env_run_base]\ncommands = [["mypy"]]'}, "", "tox.toml"),
        ({}, '[tool.tox.env_run_base]\ncommands = [["mypy"]]', "pyproject.toml"),
    ],
)
def test_the_file_that_holds_the_settings(tmp_path: Path, files: dict[str, str], text: str, file: str) -> None:
    """Settings are read from the first file that has tox's sections or tables, in INI or TOML form."""
    there = Tox(sample(tmp_path, text, files))
    (found,) = there.environments()
    assert there.file == file
    assert found.where.startswith(f"{file} [testenv")
    assert found.commands == (("mypy",),)


@each("files", [{}, {"tox.ini": "[flake8]\nx = 1"}, {"tox.ini": "x"}, {"tox.toml": "x = ["}])
def test_a_project_without_settings_for_tox(tmp_path: Path, files: dict[str, str]) -> None:
    """Without settings for tox, there are no environments, whatever names are requested."""
    there = Tox(sample(tmp_path, files=files))
    assert list(there.environments()) == []
    assert list(there.environments(["py", "lint"])) == []


@each(
    ("text", "names"),
    [
        ("a, b c\nd", "a b c d"),
        ("py{310,311}", "py310 py311"),
        ("py{310, 311}-{a,b}", "py310-a py310-b py311-a py311-b"),
        ("py3{10-13}", "py310 py311 py312 py313"),
        ("py3{8,9,10}{,-x}", "py38 py38-x py39 py39-x py310 py310-x"),
        ("3.1{0,3}-tests", "3.10-tests 3.13-tests"),
        ("{a\n  b,c}", "a\n  b c"),
        ("a a", "a"),
        ("py{310", "py{310"),
        ("py310}", "py310}"),
        ("", ""),
        (",, ,", ""),
    ],
)
def test_names_in_braces_are_unfolded(text: str, names: str) -> None:
    """Each choice in braces gives a name; commas, spaces and line breaks separate names."""
    assert " ".join(tox_settings.expanded(text)) == names


@each(
    ("line", "expected"),
    [
        ("pytest", {"requirements": "pytest"}),
        ("pytest >= 6, != 8.1", {"requirements": "pytest >= 6, != 8.1"}),
        ("pytest  # runs the tests", {"requirements": "pytest"}),
        ("# pytest", {}),
        ("-r requirements/test.txt", {"files": "requirements/test.txt"}),
        ("-rrequirements.txt", {"files": "requirements.txt"}),
        ("-r{toxinidir}/dev.txt", {"files": "dev.txt"}),
        ("--requirement={tox_root}{/}dev.txt", {"files": "dev.txt"}),
        ("-c constraints.txt", {}),
        (".[dev]", {"extras": "dev"}),
        ("-e .[dev]", {"extras": "dev"}),
        ("{env:PYTEST:pytest<8}", {"requirements": "pytest<8"}),
        ("{env:PYTEST}", {}),
        ("{envtmpdir}/x.whl", {}),
        ("py: a", {"requirements": "a"}),
        ("!py: a", {}),
        ("lint: a", {}),
        ("pip>=24", {}),
    ],
)
def test_dependencies(tmp_path: Path, line: str, expected: dict[str, str]) -> None:
    """The lines of `deps` give requirements, files and extras, if they apply to the environment."""
    (found,) = environments(tmp_path, f"{COMMON}deps =\n    {line}\n", "py").values()
    assert told(found) == {"project": True, **expected}


@each(
    ("text", "expected"),
    [
        ("extras = test, docs", {"extras": "test docs", "project": True}),
        ("extras =\n  test\n  docs", {"extras": "test docs", "project": True}),
        ("dependency_groups = dev", {"groups": "dev", "project": True}),
        ("dependency_groups =\n  py: dev\n  x: other", {"groups": "dev", "project": True}),
        ("skip_install = true", {}),
        ("skip_install = True", {}),
        ("skip_install = false", {"project": True}),
        ("package = skip", {}),
        ("package = wheel", {"project": True}),
        ("runner = uv-venv-lock-runner", {"project": True, "locked": True}),
        ("runner = virtualenv", {"project": True}),
        ("[tox]\nskipsdist = true", {}),
        ("[tox]\nno_package = true", {}),
    ],
)
def test_what_an_environment_installs(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    """An environment's settings decide whether extras, groups, the lock and the project are installed."""
    (found,) = environments(tmp_path, f"{COMMON}{text}\n", "py").values()
    assert told(found) == expected


@each(
    ("text", "expected"),
    [
        ("commands = pytest -q", "pytest -q"),
        ("commands =\n  ruff check\n  # no: mypy\n  pytest  # all", "ruff check\npytest"),
        ("commands =\n  pytest \\\n    -q \\\n    tests", "pytest -q tests"),
        ("commands = pytest {posargs}", "pytest"),
        ("commands = pytest {posargs:tests -q}", "pytest tests -q"),
        ("commands = pytest {posargs:{toxinidir}/tests}", "pytest ./tests"),
        ("commands = pytest []", "pytest"),
        ("commands = {envpython} -m pytest", "python -m pytest"),
        ('commands = "{envbindir}"/ruff check .', "bin/ruff check ."),
        ("commands = pytest {envsitepackagesdir}/sample", "pytest src/sample"),
        ("commands = pytest --basetemp={envtmpdir} tests", "pytest tests"),
        ("commands = pytest --basetemp {env_tmp_dir} tests", "pytest tests"),
        ("commands = pytest {posargs:{nowhere}/a tests}", "pytest tests"),
        ("commands = sphinx-build -d {envdir}/trees docs {envdir}/out", "sphinx-build docs .nox-ship/tox/out"),
        ("commands = sphinx-build -n docs {env_tmp_dir}", "sphinx-build -n docs .nox-ship/tox"),
        ("commands = pytest -m 'not slow'", "pytest -m not slow"),
        ("commands = pytest -k it's", "pytest -k its"),
        ("commands = {env:RUN:pytest} -q", "pytest -q"),
        ("commands = {env:A:{env:B:pytest}}", "pytest"),
        ("commands = pytest {tty:--color=yes:-q}", "pytest -q"),
        ("commands = pytest tests/{envname} a{:}b", "pytest tests/py a:b"),
        ("commands =\n  - ruff check\n  -mypy\n  ! flake8\n  pytest", "pytest"),
        ("commands_pre = pip install x\ncommands = pytest\ncommands_post = coverage report", "pip install x\npytest"),
        ("commands =\n  py: pytest\n  lint: mypy\n  !py: flake8\n  py,lint: ruff check", "pytest\nruff check"),
        ("commands =\n  lint: ruff check \\\n    src\n  pytest", "pytest"),
        ("commands =\n  py:\n  pytest", "pytest"),
        ("commands = python https://a.example", "python https://a.example"),
        ("commands", ""),
    ],
)
def test_what_an_environment_runs(tmp_path: Path, text: str, expected: str) -> None:
    """Values that need no tox are filled in; commands that may fail or are for other environments are left out."""
    there = sample(tmp_path, files={"tox.ini": f"[testenv]\n{text}\n", "src/sample/__init__.py": ""})
    (found,) = Tox(there).environments(["py"])
    assert runs(found) == expected


@each(
    ("text", "expected"),
    [
        ("setenv = A=1", {"A": "1"}),
        ("set_env =\n  A = 1\n  B={toxinidir}/x\n  py: C=3\n  x: D=4", {"A": "1", "B": "./x", "C": "3"}),
        ("set_env =\n  A={envtmpdir}\n  B={env:B:2}\n  file|x", {"B": "2"}),
        ("passenv = *", {}),
    ],
)
def test_variables_of_an_environment(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    """Variables are read if their values are known without tox."""
    (found,) = environments(tmp_path, f"{COMMON}{text}\n", "py").values()
    assert found.env == expected


REFERRING = """
[tox]
env_list = lint, 3.1{2-3}-tests{,-x}, docs
[base]
deps =
    common
    x: for-x
commands = ruff check
    mypy
more = {[base]deps}
[testenv]
deps = {[base]more}
commands =
    tests: pytest
    x: {[base]commands} --strict
[testenv:lint]
skip_install = true
deps =
    {[testenv]deps}
    ruff
commands = {[base]commands}
[testenv:docs]
base = lint
deps = sphinx
commands = {[docs]gone} sphinx-build
"""


def test_values_refer_to_others(tmp_path: Path) -> None:
    """A reference gives those lines of another section that apply to the environment using it."""
    found = environments(tmp_path, REFERRING)
    assert list(found) == ["lint", "3.12-tests", "3.12-tests-x", "docs"]
    assert told(found["lint"]) == {"requirements": "common ruff"}
    assert runs(found["lint"]) == "ruff check\nmypy"
    assert told(found["3.12-tests-x"]) == {"requirements": "common for-x", "project": True}
    assert runs(found["3.12-tests-x"]) == "pytest\nruff check\nmypy --strict"
    assert runs(found["docs"]) == "sphinx-build"


def test_an_environment_takes_from_its_base(tmp_path: Path) -> None:
    """A setting that an environment lacks comes from its `base`, or from `[testenv]` if it names none."""
    found = environments(tmp_path, REFERRING)
    assert told(found["docs"]) == {"requirements": "sphinx"}
    assert told(found["3.12-tests"]) == {"requirements": "common", "project": True}
    text = f"{COMMON}deps = x\n[testenv:a]\nbase =\n[testenv:b]\nbase = testenv:c, testenv\n[testenv:c]\ndeps = y\n"
    found = environments(tmp_path, text, "a", "b")
    assert told(found["a"]) == {"project": True}
    assert told(found["b"]) == {"requirements": "y", "project": True}
    assert runs(found["b"]) == "pytest"


def test_a_section_stands_for_several_environments(tmp_path: Path) -> None:
    """A section's name in braces is expanded; of environments that differ only in Python, one is kept."""
    text = f"{COMMON}[testenv:py3{{12,13}}-{{a,b}}]\ncommands =\n  a: ruff check\n  b: mypy\n"
    found = environments(tmp_path, text, "py312-a,py313-a", "py3{12,13}-b", "py314")
    assert {name: runs(one) for name, one in found.items()} == {
        "py312-a": "ruff check",
        "py312-b": "mypy",
        "py314": "pytest",
    }
    assert found["py312-a"].where == "tox.ini [testenv:py312-a]"
    assert found["py314"].where == "tox.ini [testenv]"


@each("name", ["py", "py3", "py312", "3.12", "3.14t", "pypy310", "python3.12", "cpython3.13", "ci", "py-ci"])
def test_names_that_are_environments(tmp_path: Path, name: str) -> None:
    """Names of Pythons, and names made of known factors, are environments."""
    assert list(environments(tmp_path, f"[tox]\nenvlist = py312-ci\n{COMMON}", name)) == [name]


@each("name", ["lint", "py-lint", "pylint", "312x", "{", ""])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    """Names that tox would refuse are no environments."""
    assert environments(tmp_path, f"[tox]\nenvlist = py312-ci\n{COMMON}", name, "") == {}


def test_an_environment_that_may_fail_is_left_out(tmp_path: Path) -> None:
    """An environment with `ignore_outcome` is left out."""
    assert environments(tmp_path, f"{COMMON}[testenv:x]\nignore_outcome = true\n", "x") == {}


def test_all_environments(tmp_path: Path) -> None:
    """The name `ALL` gives all environments, including those that do not run by default."""
    text = f"[tox]\nenvlist = py\n{COMMON}[testenv:x]\ncommands = mypy\n"
    assert list(environments(tmp_path, text, "ALL")) == ["py", "x"]


CHOICE = """
[tox]
env_list = py312-a, py313-a, lint
labels =
    check = lint, types
    broken
[testenv]
commands = pytest {envname} {posargs:all}
[testenv:lint]
commands = ruff check
[testenv:types]
labels = check2 slow
commands = mypy
"""


@each(
    ("line", "expected"),
    [
        ("", "py312-a py313-a lint"),
        ("run", "py312-a py313-a lint"),
        ("r -e lint", "lint"),
        ("-e lint,types", "lint types"),
        ("-elint", "lint"),
        ("-e lint -e types", "lint types"),
        ("--env lint", "lint"),
        ("run --env=lint -v", "lint"),
        ("-qe lint", "lint"),
        ("run-parallel -p auto -e lint", "lint"),
        ("-p", "py312-a py313-a lint"),
        ("p --parallel auto", "py312-a py313-a lint"),
        ("-m check", "lint types"),
        ("run -m check2", "types"),
        ("-f a", "py312-a py313-a"),
        ("-f py312 -f a", "py312-a"),
        ("-f py$", "py312-a py313-a lint"),
        ("-e py$", "py"),
        ("-e py3{12,13}-a", "py312-a py313-a"),
        ("-c tox.ini -e lint", "lint"),
        ("-c other.ini -e lint", ""),
        ("--conf=other.ini", ""),
        ("-l", ""),
        ("list", ""),
        ("--notest -e lint", ""),
        ("devenv -e lint", ""),
        ("--version", ""),
        ("-e", "py312-a py313-a lint"),
        ("-- -e lint", "py312-a py313-a lint"),
        ("-e gone", ""),
    ],
)
def test_the_command_line_of_tox(tmp_path: Path, line: str, expected: str) -> None:
    """The command line selects environments, factors or labels, or makes tox run nothing."""
    there = sample(tmp_path, files={"tox.ini": CHOICE})
    assert " ".join(one.name for one in tox.chosen(there, line.split())) == expected


def test_the_variable_toxenv(tmp_path: Path) -> None:
    """The variable TOXENV counts only if the command line names no environment."""
    there = sample(tmp_path, files={"tox.ini": CHOICE})
    assert [one.name for one in tox.chosen(there, ["run"], "lint,types py$")] == ["lint", "types", "py"]
    assert [one.name for one in tox.chosen(there, ["-e", "types"], "lint")] == ["types"]


def test_arguments_for_the_commands(tmp_path: Path) -> None:
    """Arguments after `--` replace the default of `posargs`."""
    (found,) = tox.chosen(sample(tmp_path, files={"tox.ini": CHOICE}), ["-e", "py", "--", "-k", "a b"])
    assert found.commands == (("pytest", "py", "-k", "a b"),)
    text = '[env_run_base]\ncommands = [["pytest", {replace = "posargs", default = ["all"], extend = true}, "x"]]'
    there = sample(tmp_path / "toml", files={"tox.toml": text})
    assert [runs(one) for one in tox.chosen(there, ["--", "-k"])] == ["pytest -k x"]
    assert [runs(one) for one in tox.chosen(there, [])] == ["pytest all x"]


TOML = """
env_list = ["py312", "lint", {product = [["x"]]}, "py312"]
labels = {check = ["lint"]}
[env_run_base]
package = "wheel"
dependency_groups = ["test"]
extras = ["a"]
deps = ["pytest>=8", "-rdev.txt"]
set_env = {A = "{tox_root}/x", B = "{env_tmp_dir}"}
commands = [["pytest", "{posargs:tests}", "--basetemp={env_tmp_dir}"], ["-", "coverage", "html"]]
[env.lint]
skip_install = true
deps = [{replace = "ref", of = ["env_run_base", "deps"], extend = true}, "ruff"]
set_env = {replace = "ref", of = ["env_run_base", "set_env"]}
dependency_groups = []
extras = {replace = "env", name = "X"}
commands = [["ruff", "check", {replace = "posargs", default = ["src"], extend = true}], "x"]
[env.again]
commands = [{replace = "ref", env = "lint", key = "commands", extend = true}, ["mypy"]]
[env.broken]
commands = {replace = "ref", of = ["env", "gone", "x"]}
[env.turning]
commands = {replace = "ref", of = ["env", "turning", "commands"]}
"""


@pytest.mark.parametrize("where", ["tox.toml", "pyproject.toml"])
def test_settings_in_toml(tmp_path: Path, where: str) -> None:
    """Settings in TOML are read with all their kinds of references, in tox.toml and in pyproject.toml."""
    own = TOML.replace("\n[env", "\n[tool.tox.env").replace("\nenv_list", "\n[tool.tox]\nenv_list")
    if where == "tox.toml":
        there = sample(tmp_path, files={"tox.toml": TOML})
    else:  # from the top of the file
        there = sample(tmp_path, own.replace('of = ["', 'of = ["tool", "tox", "'))
    names = ["lint", "py312", "again", "broken", "turning"]
    found = {one.name: one for one in Tox(there).environments(names)}
    assert told(found["py312"]) == {
        "requirements": "pytest>=8",
        "files": "dev.txt",
        "extras": "a",
        "groups": "test",
        "project": True,
    }
    assert runs(found["py312"]) == "pytest tests"
    assert found["py312"].env == {"A": "./x"}
    assert told(found["lint"]) == {"requirements": "pytest>=8 ruff", "files": "dev.txt"}
    assert runs(found["lint"]) == "ruff check src"
    assert found["lint"].env == {"A": "./x"}
    assert runs(found["again"]) == "ruff check src\nmypy"
    assert [one.name for one in Tox(there).environments()] == ["py312", "lint"]
    assert Tox(there).labelled("check") == ["lint"]
    assert all(name not in found or runs(found[name]) == "" for name in ("broken", "turning"))


@each(
    "text",
    [
        "env_list = 5",
        "env_run_base = 5\nenv = 5",
        "env = {a = 5}",
        "[env.py]\ncommands = 5\ndeps = {}\nset_env = 5",
        "[env.py]\nbase = 5\nextras = 5\nlabels = 5",
        "labels = 5",
        "[env_run_base]\ncommands = [[5], [], [[]], {}]",
        '[env.py]\ndeps = {replace = "ref", of = 5}',
        "[env.py]\ndeps = {replace = 5}",
        "[env.py]\nset_env = {A = 5}",
    ],
)
def test_settings_of_other_types(tmp_path: Path, text: str) -> None:
    """Settings of the wrong type are ignored."""
    there = Tox(sample(tmp_path, files={"tox.toml": text}))
    assert all(not one.commands and one.needs.project for one in there.environments())
    assert there.labelled("x") == []


@each(
    ("files", "name"),
    [
        ({}, None),
        ({"tox.ini": COMMON}, None),
        ({"tox.ini": "x = 1\n"}, "tox.ini"),
        ({"tox.ini": "[testenv]\ndeps\n  pytest\n"}, "tox.ini"),
        ({"tox.toml": "x = ["}, "tox.toml"),
    ],
)
def test_settings_that_cannot_be_read_are_told_of(tmp_path: Path, files: dict[str, str], name: str | None) -> None:
    """Settings that cannot be parsed are reported with the name of their file."""
    why = tox_settings.unreadable(sample(tmp_path, files=files))
    assert why is None if name is None else name in (why or "")


BRACES = "{a,b}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        f"[tox]\nenv_list = {BRACES * 13000}\n{COMMON}",
        f"[tox]\nenv_list = {(BRACES * 9 + ' ') * 1400}\n{COMMON}",
        f"[tox]\nenv_list = {'a,' * 32000}\n{COMMON}",
        f"[tox]\nenv_list = {'{' * 64000}\n{COMMON}",
        f"[testenv]\ncommands = {'{posargs:' * 7000}",
        f"[testenv]\ncommands = {'{[testenv]commands}' * 3000}",
        f"[a]\nx = {'{[a]y}' * 5000}\ny = {'x' * 30000}\n[testenv]\ncommands = {'{[a]x}' * 20}",
        "[testenv]\ncommands = {[l0]x}\n" + "".join(f"[l{n}]\nx = {f'{{[l{n + 1}]x}}' * 40}\n" for n in range(150)),
        f"[tox]\nenv_list = py3{{10-13}}-{{a,b,c,d}}-{{e,f,g,h}}-{{i,j,k}}\n[testenv]\ncommands =\n{'  a,b: x y' * 1}\n"
        + "  {a,b}-{e,f}: pytest {posargs:x}\n" * 1700,
        "".join(f"[testenv:{{a,b,c,d}}{{e,f,g,h}}{{i,j,k,l}}{{m,n,o,p}}{number}]\n" for number in range(1300)),
        f"{COMMON}deps =\n" + "".join(f"  a{number}\n" for number in range(8000)),
    ],
    ids=range(11),
)
def test_long_settings_take_no_long_time(tmp_path: Path, text: str) -> None:
    """Settings that multiply when they are expanded are read quickly."""
    there = sample(tmp_path, files={"tox.ini": text})
    with in_time():
        list(tox.chosen(there, []))
        list(tox.chosen(there, ["-e", "py"]))


def test_long_settings_in_toml_take_no_long_time(tmp_path: Path) -> None:
    """References in TOML that each lead to several others are read quickly."""
    rows = [f"[env.e{n}]\nx = [" + f'{{replace = "ref", env = "e{n + 1}", key = "x"}},' * 20 + "]\n" for n in range(60)]
    there = sample(tmp_path, files={"tox.toml": "".join(rows)})
    with in_time():
        list(Tox(there).environments(["e0"]))
