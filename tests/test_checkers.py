from __future__ import annotations

from nox_ship.automation.checkers import checker, distribution, hooked, judging
from support import each


def as_check(command: str) -> str | None:
    """Return a command line that only checks, or None if the command is no check."""
    words = judging(tuple(command.split()))
    return None if words is None else " ".join(words)


@each(
    ("command", "gate"),
    [
        ("ruff check", "lint"),
        (".venv/bin/flake8 src", "lint"),
        ("bandit -r src", "lint"),
        ("codespell", "lint"),
        ("mypy src", "typecheck"),
        ("ty check", "typecheck"),
        ("basedpyright", "typecheck"),
        ("pytest -q", "tests"),
        ("py.test", "tests"),
        ("python -m unittest discover", "tests"),
    ],
)
def test_programs_that_judge_code(command: str, gate: str) -> None:
    """Every known checker belongs to a gate."""
    known = checker(command.split())
    assert known
    assert known.gate == gate


@each("command", ["", "python", "python -m build", "python unittest", "make", "sphinx-build", "nox"])
def test_other_programs_judge_none(command: str) -> None:
    """Build tools and runners are no checkers."""
    assert checker(command.split()) is None
    assert as_check(command) is None


@each(
    ("command", "expected"),
    [
        ("ruff check src", "ruff check --no-fix src"),
        ("ruff check --no-fix", "ruff check --no-fix"),
        ("ruff check --fix --unsafe-fixes src", "ruff check --no-fix src"),
        ("ruff check --fix --exit-non-zero-on-fix --show-fixes", "ruff check --no-fix --show-fixes"),
        ("ruff check --select I --fix-only", "ruff check --no-fix --select I"),
        ("ruff --config x.toml check src", "ruff --config x.toml check --no-fix src"),
        ("ruff -q format --check", "ruff -q format --check"),
        ("ruff format --check .", "ruff format --check ."),
        ("ruff format --diff src", "ruff format --diff src"),
        ("ruff format --exit-non-zero-on-format", "ruff format --check"),
        ("black --check --diff .", "black --check --diff ."),
        ("black --diff src", "black --diff src"),
        ("isort --check-only .", "isort --check-only ."),
        ("isort -c --diff src", "isort -c --diff src"),
        ("isort --check src", "isort --check src"),
        ("docformatter --check -r src", "docformatter --check -r src"),
        ("autoflake --check-diff src", "autoflake --check-diff src"),
        ("yapf --diff -r src", "yapf --diff -r src"),
        ("codespell -w src", "codespell src"),
        ("flake8 src", "flake8 src"),
        ("mypy", "mypy"),
        ("ty check src", "ty check src"),
        ("pyrefly check", "pyrefly check"),
        ("pytest --cov", "pytest --cov"),
    ],
)
def test_what_judges_changes_nothing(command: str, expected: str) -> None:
    """Options that change files are removed, and settings that would change files are overridden."""
    assert as_check(command) == expected


@each(
    "command",
    [
        "ruff format",
        "ruff format src",
        "ruff",
        "ruff --version",
        "ruff clean",
        "ruff rule E501",
        "ty server",
        "pyrefly init",
        "black .",
        "black -q src",
        "isort .",
        "docformatter --in-place -r src",
        "autoflake --in-place src",
        "yapf -i -r src",
        "pytest --version",
        "mypy --version",
        "mypy -V",
        "flake8 --help",
        "black --check --version",
        "pytest --collect-only -q",
        "pytest --co",
        "pytest --fixtures",
    ],
)
def test_what_never_was_to_judge(command: str) -> None:
    """Formatters that write, and commands that only show a version, help or names, are no checks."""
    assert as_check(command) is None


@each(
    ("command", "expected"),
    [
        ("ruff check --fix --exit-non-zero-on-fix", "ruff check --no-fix"),
        ("ruff check", "ruff check --no-fix"),
        ("ruff check --no-fix", "ruff check --no-fix"),
        ("ruff format", "ruff format --check"),
        ("ruff format --check", "ruff format --check"),
        ("ruff format --diff", "ruff format --diff"),
        ("black -l 99", "black --check -l 99"),
        ("black --check", "black --check"),
        ("isort --profile black", "isort --check-only --profile black"),
        ("isort --diff", "isort --diff"),
        ("docformatter --in-place", "docformatter --check"),
        ("autoflake -i --remove-all", "autoflake --check --remove-all"),
        ("codespell --write-changes", "codespell"),
        ("mypy --strict", "mypy --strict"),
        ("./check.sh --fix", "./check.sh --fix"),
        ("", ""),
    ],
)
def test_a_hook_fails_where_it_would_change_a_file(command: str, expected: str) -> None:
    """A pre-commit hook that would change files becomes a command that only checks."""
    assert " ".join(hooked(tuple(command.split()))) == expected


def test_a_checker_is_called_by_its_distribution() -> None:
    """A program's distribution has the program's name, unless the table of checkers states another."""
    programs = ("ruff", "py.test", "trial", "tool")
    assert [distribution(name) for name in programs] == ["ruff", "pytest", "twisted", "tool"]
