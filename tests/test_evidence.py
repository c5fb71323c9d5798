from __future__ import annotations

from pathlib import Path

from nox_ship.automation.github import OURS
from nox_ship.gates.evidence import called, measures
from nox_ship.gates.own import Calls
from support import each, in_time, make_project, write_files

CI = ".github/workflows/ci.yml"
STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'


def calls(folder: Path, text: str, name: str = CI) -> Calls:
    """Return the sessions that a project's CI runs if its file has this text."""
    write_files(folder, {name: text, ".git/HEAD": ""})
    return called(folder)


MATRIX_IN_BRACES = "- {session: docs, os: x}\n- session: mypy # it\nrun: nox\nNOXSESSION: ${{ matrix.session }}\n"
MATRIX_OF_LINES = """\
nox-session:
  - test-3.12
  - "x(y)"
X: ${{ format(matrix.nox-session) }}
run: uvx nox -s $X
"""


@each(
    ("text", "bare", "others"),
    [
        ("run: nox -s docs\n", {"docs"}, set()),
        ("run: python -m nox --session=lint\nrun: uvx nox -e 'a b' c | tee x\n", {"lint", "a", "b", "c"}, set()),
        ("run: nox --sessions tests docs --no-install -- -x\n", set(), {"tests", "docs"}),
        ("run: nox -s docs -- -b linkcheck\n", set(), {"docs"}),
        ("a: {steps: [{run: nox -s docs}], x: y}\n", {"docs"}, set()),
        ("run: nox -R -s tests-${{ matrix.python }} --\n", {"tests-$"}, set()),
        ('run: nox --session "tests-$PYTHON" --force-venv-backend uv -- -x\n', set(), {"tests-$"}),
        ("run: nox\nrun: box -s docs\nrun: nox # -s docs\nrun: nox && x -s docs\n", set(), set()),
        ("session: [lint, 'mypy']\nrun: nox -s ${{ matrix.session }}\n", {"$", "lint", "mypy"}, set()),
        (MATRIX_IN_BRACES, {"docs", "mypy"}, set()),
        (MATRIX_OF_LINES, {"$", "test-3.12", "x(y)"}, set()),
        ("session: [lint]\nrun: nox -s docs\n", {"docs"}, set()),
        ("session: [lint]\nrun: make ${{ matrix.session }}\n", set(), set()),
        (f"{OURS}\nrun: nox -s docs\n", set(), set()),
    ],
)
def test_sessions_that_ci_runs_are_found(tmp_path: Path, text: str, bare: set[str], others: set[str]) -> None:
    """Sessions that CI names directly, by an option or in a matrix are found, except in workflows of ours."""
    assert calls(tmp_path, text) == Calls(frozenset(bare), frozenset(others))


SERVICES = (".gitlab-ci.yml", ".circleci/config.yml", ".github/actions/x/action.yml", "azure-pipelines.yml")


@each("name", SERVICES)
def test_every_service_counts(tmp_path: Path, name: str) -> None:
    """The files of other CI services are searched too."""
    assert calls(tmp_path, "script: nox -s docs\n", name).bare == {"docs"}


def test_ci_is_looked_for_at_the_top_of_the_repository(tmp_path: Path) -> None:
    """For a project in a subfolder, the CI files at the top of the repository are searched."""
    write_files(tmp_path, {CI: "run: nox -s docs\n", ".git/HEAD": "", "inner/pyproject.toml": ""})
    assert called(tmp_path / "inner").bare == {"docs"}


LONG = (b"nox -s " + b"x" * 100_000, b"nox " * 1000, b"${{" * 1000 + b"nox", b"nox matrix.session: [" * 1000)


@each("text", [b"\xff\xfe\n", *LONG])
def test_odd_settings_of_ci_are_read(tmp_path: Path, text: bytes) -> None:
    """CI files with invalid bytes or very long lines are searched to their end, and quickly."""
    write_files(tmp_path, {CI: text + b"\nrun: nox -s docs\n", ".git/HEAD": ""})
    with in_time(1):
        assert "docs" in called(tmp_path).bare


def test_settings_that_cannot_be_read_run_nothing(tmp_path: Path) -> None:
    """A folder in place of a CI file, and a file that is too large, are ignored."""
    (tmp_path / CI).mkdir(parents=True)
    with (tmp_path / ".gitlab-ci.yml").open("wb") as stream:
        stream.truncate(17 << 20)
    assert called(tmp_path) == Calls()


@each(
    ("noxfile", "files", "expected"),
    [
        ('session.env["COVERAGE_FILE"] = ".nox-ship/coverage/data.1"', {}, True),
        ("", {".coveragerc": "[run]\ndata_file = .nox-ship/coverage/data\n"}, True),
        ("", {"tox.ini": "[coverage:run]\ndata_file = .nox-ship/coverage/data\n"}, True),
        ("", {"pyproject.toml": f'{STATIC}[tool.coverage.run]\ndata_file = ".nox-ship/coverage/data.x"\n'}, True),
        ('COVERAGE_FILE=".coverage"', {"setup.cfg": "[coverage:run]\ndata_file = .coverage\n"}, False),
    ],
)
def test_where_tests_measure_is_found(tmp_path: Path, noxfile: str, files: dict[str, str], expected: bool) -> None:
    """Tests are measured if the noxfile or coverage's settings put the data file into our folder."""
    project = make_project(tmp_path, STATIC, files)
    assert measures(project, noxfile) == expected
