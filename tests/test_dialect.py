from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from automating import ci, followed, sample
from nox_ship.automation.task import Task
from nox_ship.gates import recipes
from nox_ship.gates.dialect import as_in_ci
from nox_ship.gates.toolbox import Toolbox
from support import each


def judged(folder: Path, line: str, pythons: str, files: dict[str, str | bytes] | None = None, text: str = "") -> str:
    """Return the type checker's command as it runs here on Python 3.11, if CI runs it on ``pythons``."""
    task = Task(tuple(line.split()), "ci", pythons=tuple(pythons.split()))
    return " ".join(as_in_ci(sample(folder, text, files), task, "3.11").command)


@each(
    ("line", "pythons", "expected"),
    [
        ("pyright src", "3.14", "pyright --pythonversion 3.14 src"),
        ("basedpyright", "3.14", "basedpyright --pythonversion 3.14"),
        ("mypy .", "3.14", "mypy --python-version 3.14 ."),
        ("mypy .", "3.14 3.12 3.13", "mypy --python-version 3.12 ."),
        ("mypy .", "3.9 3.14", "mypy ."),
        ("mypy .", "3.11 3.14", "mypy ."),
        ("mypy .", "3.9", "mypy ."),
        ("mypy .", "", "mypy ."),
        ("mypy --python-version=3.9 .", "3.14", "mypy --python-version=3.9 ."),
        ("ty check", "3.14", "ty check"),
        ("pytest", "3.14", "pytest"),
    ],
)
def test_a_type_checker_thinks_of_the_python_of_ci(tmp_path: Path, line: str, pythons: str, expected: str) -> None:
    """A type checker gets the lowest Python version of CI if all of those are newer than the running one."""
    assert judged(tmp_path, line, pythons) == expected


@each(
    ("line", "files", "text"),
    [
        ("mypy .", {"mypy.ini": "[mypy]\npython_version = 3.9\n"}, ""),
        ("mypy .", {"setup.cfg": "[mypy]\npython_version = 3.9\n"}, ""),
        ("mypy .", {}, '[tool.mypy]\npython_version = "3.9"\n'),
        ("pyright", {"pyrightconfig.json": '{"pythonVersion": "3.9"}'}, ""),
        ("pyright", {}, '[tool.pyright]\npythonVersion = "3.9"\n'),
    ],
)
def test_the_settings_of_a_type_checker_win(
    tmp_path: Path, line: str, files: dict[str, str | bytes], text: str
) -> None:
    """If the type checker's own settings name a Python version, the command is not changed."""
    assert judged(tmp_path, line, "3.14", files, text) == line


def pythons(folder: Path, line: str, *versions: str, files: dict[str, str | bytes] | None = None) -> tuple[str, ...]:
    """Return the Pythons of the type checker's task if a CI job runs ``line`` on ``versions``."""
    steps: list[dict[str, Any]] = [
        {"uses": "actions/setup-python@v6", "with": {"python-version": "${{ matrix.python }}"}},
        {"run": line},
    ]
    told = ci("", steps=steps, strategy={"matrix": {"python": list(versions)}})
    there = sample(folder, files={"src/sample/__init__.py": "", **told, **(files or {})})
    (task,) = Toolbox(there).tasks("typecheck")
    return task.pythons


def test_the_pythons_of_a_job_are_those_of_its_commands(tmp_path: Path) -> None:
    """A command's Pythons are those of all matrix rows that run it."""
    assert pythons(tmp_path, "mypy src", "3.12", "3.13") == ("3.12", "3.13")


@each(
    ("line", "ini", "expected"),
    [
        ("tox -e types", "[testenv:types]\ncommands = mypy\n", ("3.14",)),
        ("tox -e types", "[testenv:types]\nbase_python = python3.12\ncommands = mypy\n", ("3.12",)),
        ("tox -e types", "[testenv:types]\nbasepython = py313\ncommands = mypy\n", ("3.13",)),
        ("tox -e types", "[testenv:types]\nbasepython = python3\ncommands = mypy\n", ("3.14",)),
        ("tox -e py312-types", "[testenv:py312-types]\ncommands = mypy\n", ("3.12",)),
        ("uv run --python 3.12 mypy", "", ("3.12",)),
        ("uv run -p pypy mypy", "", ()),
        ("uv run mypy", "", ("3.14",)),
    ],
)
def test_a_runner_may_choose_another_python(tmp_path: Path, line: str, ini: str, expected: tuple[str, ...]) -> None:
    """tox's settings or environment name, and uv's option, replace the job's Python version."""
    assert pythons(tmp_path, line, "3.14", files={"tox.ini": ini}) == expected


def test_by_hand_there_is_no_python(tmp_path: Path) -> None:
    """A command that does not come from CI has no Python version."""
    (task,) = followed(sample(tmp_path), "mypy src")
    assert task.pythons == ()


def test_the_gate_tells_the_type_checker(tmp_path: Path) -> None:
    """The type checker gets the Python version of the matrix row that runs it."""
    steps = [
        {"uses": "actions/setup-python@v6", "with": {"python-version": "${{ matrix.python }}"}},
        {"run": "pytest"},
        {"run": "pyright src", "if": "matrix.python == '3.99'"},
    ]
    jobs = {"check": {"runs-on": "x", "strategy": {"matrix": {"python": ["3.11", "3.99"]}}, "steps": steps}}
    told = json.dumps({"on": "push", "jobs": jobs})
    there = sample(tmp_path, files={"src/sample/__init__.py": "", ".github/workflows/ci.yml": told})
    (step,) = recipes.typecheck(there).steps
    assert step.commands == (("pyright", "--pythonversion", "3.99", "src"),)
