from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automating import lines, sample
from nox_ship.automation import jobs, rows
from nox_ship.automation.tasks import Automation
from support import each, in_time


def job(folder: Path, matrix: Any, steps: list[dict[str, Any]], **more: Any) -> list[jobs.Script]:
    """Return the scripts of a workflow with a single job that has this matrix and these steps."""
    table = {"runs-on": "ubuntu-latest", "strategy": {"matrix": matrix}, "steps": steps, **more}
    text = json.dumps({"on": "push", "jobs": {"check": table}})
    return list(jobs.scripts(sample(folder, files={".github/workflows/ci.yml": text}).root))


def texts(scripts: list[jobs.Script]) -> list[str]:
    """Return what the scripts run, with steps joined by semicolons."""
    return ["; ".join(part.text for part in script.parts) for script in scripts]


def setup(version: object) -> dict[str, Any]:
    """Return a step that sets up a version of Python."""
    return {"uses": "actions/setup-python@v6", "with": {"python-version": version}}


@each(
    ("matrix", "expected"),
    [
        ({"a": [1, 2]}, [{"matrix.a": "1"}, {"matrix.a": "2"}]),
        ({"a": [1, 2], "b": ["x"]}, [{"matrix.a": "1", "matrix.b": "x"}, {"matrix.a": "2", "matrix.b": "x"}]),
        ({"a": [["3.11", "lint"]]}, [{"matrix.a.0": "3.11", "matrix.a.1": "lint"}]),
        ({"A": [{"B": "true", "c": {"d": [5]}}]}, [{"matrix.a.b": "true", "matrix.a.c.d.0": "5"}]),
        ({"a": [1, 2], "exclude": [{"a": 1}]}, [{"matrix.a": "2"}]),
        ({"a": [1], "exclude": [{}]}, [{"matrix.a": "1"}]),
        (
            {"a": [1, 2], "include": [{"b": 3}]},
            [{"matrix.a": "1", "matrix.b": "3"}, {"matrix.a": "2", "matrix.b": "3"}],
        ),
        ({"a": [1, 2], "include": [{"a": 2, "b": 3}]}, [{"matrix.a": "1"}, {"matrix.a": "2", "matrix.b": "3"}]),
        ({"a": [1], "include": [{"a": 2}]}, [{"matrix.a": "1"}, {"matrix.a": "2"}]),
        ({"include": [{"a": 1}, {"a": 2}]}, [{"matrix.a": "1"}, {"matrix.a": "2"}]),
        ({"a": "${{ fromJSON(x) }}"}, [{}]),
        ({"a": []}, [{}]),
        ({"a": [""]}, [{"matrix.a": ""}]),
        ("x", [{}]),
        (None, [{}]),
    ],
)
def test_the_rows_of_a_matrix(matrix: Any, expected: list[dict[str, str]]) -> None:
    """A matrix is expanded as GitHub does it, with axes, `exclude` and `include`; nested values are flattened."""
    assert rows.rows(matrix) == expected


# YAML aliases can repeat the same list many times.
NESTED: list[Any] = []
for _ in range(30):
    NESTED = [NESTED] * 100


@pytest.mark.parametrize(
    "matrix",
    [
        {str(axis): list(range(50)) for axis in range(50)},
        {"a": list(range(300)), "include": [{"a": number, "b": number} for number in range(5000)]},
        {"a": [1], "exclude": [{"a": 2}] * 100_000},
        {"a": [[[[[[[[1]]]]]]] * 300] * 300},
        {"a": [NESTED]},
    ],
    ids=["axes", "include", "exclude", "deep", "aliases"],
)
def test_a_large_matrix_takes_no_long_time(matrix: Any) -> None:
    """Even a huge matrix is expanded quickly, to at most 256 rows, which is GitHub's limit."""
    with in_time():
        assert len(rows.rows(matrix)) <= 256


@each(
    ("text", "expected"),
    [
        ("tox -e ${{ matrix.config[1] }}", "tox -e lint"),
        ("tox -e ${{matrix.config[ 1 ]}}", "tox -e lint"),
        ("tox -e ${{ Matrix['config'][1] }}", "tox -e lint"),
        ("tox -e ${{ matrix.config[2] }}", "tox -e "),
        ("tox -e ${{ format('{0}', 1) }}", "tox -e "),
        ("tox ${{ matrix.config[1] }} ${{ matrix.config[0] }}", "tox lint 3.11"),
        ("tox -e ${{ matrix.config[1] || 'all' }}", "tox -e lint"),
        ("tox -e ${{ matrix.config[2]||'all' }}", "tox -e all"),
        ("tox -e ${{ env.NAME || 'all' }}", "tox -e "),
    ],
)
def test_expressions_are_filled_in(text: str, expected: str) -> None:
    """Expressions are replaced by the row's values, and unknown ones are left out."""
    assert rows.expanded(text, {"matrix.config.0": "3.11", "matrix.config.1": "lint"}) == expected


def test_a_list_in_a_matrix_names_the_environments(tmp_path: Path) -> None:
    """A matrix value that is a list can be used by its elements' indexes."""
    found = job(
        tmp_path, {"config": [["3.11", "lint"], ["3.12", "py312"]]}, [{"run": "tox -e ${{ matrix.config[1] }}"}]
    )
    assert texts(found) == ["tox -e lint", "tox -e py312"]


@each(
    ("condition", "expected"),
    [
        ("matrix.python == '3.12'", ["pytest", "mypy; pytest"]),
        ("${{ matrix.python != '3.12' }}", ["mypy; pytest", "pytest"]),
        ("matrix.types", ["pytest", "mypy; pytest"]),
        ("!matrix.types", ["mypy; pytest", "pytest"]),
        ("matrix['types'] == true", ["pytest", "mypy; pytest"]),
        ("github.actor == 'x'", ["mypy; pytest"]),
        ("runner.os == 'Windows'", ["pytest"]),
    ],
)
def test_a_step_is_for_the_rows_that_meet_its_condition(tmp_path: Path, condition: str, expected: list[str]) -> None:
    """A step runs in the rows that meet its condition, and rows that run the same commands count once."""
    matrix = {"python": ["3.11", "3.12"], "include": [{"python": "3.12", "types": "true"}]}
    assert texts(job(tmp_path, matrix, [{"if": condition, "run": "mypy"}, {"run": "pytest"}])) == expected


@each(
    ("more", "expected"),
    [
        ({"runs-on": "${{ matrix.os }}"}, ["run ubuntu"]),
        ({"runs-on": "${{ matrix.os }}-latest", "continue-on-error": "${{ matrix.os == 'ubuntu' }}"}, ["run ubuntu"]),
        ({"continue-on-error": "${{ matrix.may }}"}, ["run ubuntu", "run macos"]),
        ({"continue-on-error": True}, []),
        ({"runs-on": "macos-latest"}, []),
    ],
)
def test_rows_that_do_not_count(tmp_path: Path, more: dict[str, Any], expected: list[str]) -> None:
    """Rows that may fail, and rows on other systems, are left out."""
    matrix = {"os": ["ubuntu", "windows", "macos"], "include": [{"os": "windows", "may": "true"}]}
    assert texts(job(tmp_path, matrix, [{"run": "run ${{ matrix.os }}"}], **more)) == expected


@each(
    ("versions", "expected"),
    [
        (["3.11"], ("3.11",)),
        (["3.11", "3.12"], ("3.11", "3.12")),
        (["3.11", "3.11.4"], ("3.11",)),
        (["3.15-dev"], ("3.15",)),
        (["3.10\n3.12\n"], ("3.12",)),
        (["3.11", "3.x"], ()),
        (["pypy-3.11"], ()),
        ([""], ()),
        ([{}], ()),
    ],
)
def test_the_pythons_that_run_a_script(tmp_path: Path, versions: list[Any], expected: tuple[str, ...]) -> None:
    """A script's Pythons are those that its job sets up; if one of them is unknown, there are none."""
    (found,) = job(tmp_path, {"v": versions}, [setup("${{ matrix.v }}"), {"run": "pytest"}])
    assert found.pythons == expected


def test_what_a_matrix_row_of_tox_runs_is_found(tmp_path: Path) -> None:
    """The commands of a tox environment are found if a list in the matrix names it."""
    ini = "[testenv]\ncommands = pytest\n[testenv:style]\ncommands = flake8 src\n"
    table = {"config": [["3.11", "py311"], ["3.11", "style"]]}
    job(tmp_path, table, [{"run": "uvx --with tox-uv tox -e ${{ matrix.config[1] }}"}])
    (tmp_path / "tox.ini").write_text(ini, encoding="utf-8")
    assert lines(list(Automation(sample(tmp_path)).tasks)) == ["pytest", "flake8 src"]
