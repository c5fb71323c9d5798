"""Projects whose noxfile has sessions of its own, with any names."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nox_ship.command import main
from nox_ship.process import uv
from workbench import GOOD, PYTHON, Bench, make_bench

DEFAULTS = GOOD["pyproject.toml"].replace('[tool.nox-ship]\ngates = ["tests"]\n', "")
NOXFILE = f"""\
import os
from pathlib import Path

import nox

nox.options.sessions = ["lint", "mypy", "unit", "audit", "docs"]


@nox.session(python=False)
def lint(session):
    print("my lint")


@nox.session(python=False)
def mypy(session):
    print("my types")


@nox.session(python=["{PYTHON}"])
@nox.parametrize("dep", ["1", "2"])
def unit(session, dep):
    Path(f".measured.{{dep}}").write_text("x")
    session.notify("coverage")


@nox.session(python=False, default=False)
def coverage(session):
    assert sorted(path.name for path in Path().glob(".measured.*")) == [".measured.1", ".measured.2"]


@nox.session(python=False)
def audit(session):
    assert not [name for name in os.environ if "TOKEN" in name]


@nox.session(python=False)
def docs(session):
    print("my docs")


@nox.session(python=False)
def build(session):
    print("my build")


@nox.session(python=False)
def release(session):
    print("my release")


if __name__ == "__main__":
    nox.main()
"""
CI = "on: push\njobs: {{a: {{runs-on: x, steps: [{{run: nox -s {session}}}]}}}}\n"
RUNS = [f"unit-{PYTHON}(dep='{number}')" for number in (1, 2)]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a project with such a noxfile, to which `nox-ship init` has added our sessions."""
    files = {**GOOD, "pyproject.toml": DEFAULTS, "noxfile.py": NOXFILE, ".gitignore": "__pycache__/\n.measured.*\n"}
    made = make_bench(tmp_path, {**files, ".github/workflows/mine.yml": CI.format(session="coverage")})
    monkeypatch.chdir(made.root)
    assert main(["init", "--ci", "none"]) == 0
    made.commit()
    return made


def test_nox_lists_theirs_and_those_of_ours_that_they_leave(bench: Bench) -> None:
    """nox lists the project's sessions and our remaining ones once, marks gates, and runs the project's default."""
    done = bench.nox("--list", "--json")
    listed: list[dict[str, Any]] = json.loads(done.output[done.output.index("[") :])
    assert [entry["session"] for entry in listed] == ["lint", "mypy", *RUNS, "audit", "docs"]
    assert all("gate" in entry["tags"] for entry in listed)
    text = bench.nox("--list").output
    assert [line.split()[1] for line in text.splitlines() if line.startswith("- ")] == [
        *("coverage", "build", "release", "lowest", "api", "ship-build", "wheels", "collect"),
        f"verify-install-{PYTHON}",
        *(
            "verify-published",
            "matrix",
            "publish-test",
            "publish-prod",
            "publish",
            "announce",
            "ship-release",
            "doctor",
            "status",
        ),
    ]
    assert "already been registered" not in text


def test_their_gates_are_jobs(bench: Bench) -> None:
    """The project's gates are jobs of the matrix with their Pythons, except a coverage that needs other jobs' files."""
    output = bench.root.parent / "output.txt"
    assert bench.nox("-s", "matrix", env={"GITHUB_OUTPUT": str(output)}).code == 0
    handed = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())
    assert [job["session"] for job in json.loads(handed["gates"])] == [
        "lint",
        "mypy",
        f"unit-{PYTHON}",
        "audit",
        "docs",
    ]
    assert bench.nox("-s", f"unit-{PYTHON}").code == 0


def test_a_release_runs_their_gates_and_our_build(bench: Bench) -> None:
    """A release runs our build and the project's gates, without tokens; messages use the names of our sessions here."""
    outcome = bench.rehearse_by("ship-release", env={"MY_TOKEN": "x"})
    assert outcome.code == 0, outcome.output
    rows = {row["name"]: row["status"] for row in bench.report()["rows"] if row["within"]}
    theirs = ["lint", "mypy", *RUNS, "coverage", "audit", "docs"]
    assert rows == dict.fromkeys(["ship-build", f"verify-install-{PYTHON}", *theirs], "passed")
    assert outcome.has("To release: nox -s ship-release -- patch")
    assert bench.nox("-s", "release").has("my release")
    again = bench.rehearse_by("ship-release")
    assert again.has(f"{len(rows)} reused")


def test_what_is_wrong_names_sessions_as_they_are_called(bench: Bench) -> None:
    """A remedy names our sessions as this noxfile calls them."""
    outcome = bench.nox("--no-dependencies", "-s", "publish")
    assert outcome.has("NS601", "Run `nox -s ship-build` first")


def test_sessions_below_the_call_stop_a_release(bench: Bench) -> None:
    """Sessions below the call of `register()` stop a release before anything runs (NS842), and `doctor` says so."""
    below = "\n\n@nox.session\ndef tests(session):\n    pass\n"
    bench.write({"noxfile.py": f"import nox\nimport nox_ship\n\nnox_ship.register()\n{below}"})
    bench.commit()
    outcome = bench.rehearse()
    assert outcome.code == 1
    assert outcome.has("NS842", "defines tests below", "the last line of noxfile.py")
    assert bench.nox("-s", "doctor").has("NS842")


def test_coverage_that_cannot_work_is_told_at_once(bench: Bench) -> None:
    """Coverage that cannot be measured is reported (NS841) by its session and by a release, before anything runs."""
    noxfile = NOXFILE.replace("def coverage(", "def other(").replace('    session.notify("coverage")\n', "")
    bench.write({"noxfile.py": f"{noxfile.partition('if __name__')[0]}import nox_ship\n\nnox_ship.register()\n"})
    bench.commit()
    outcome = bench.nox("-s", "coverage")
    assert outcome.has("NS841", "so coverage is not a gate")
    assert not outcome.has("Running session unit")
    bench.edit("pyproject.toml", "[project]\n", "[tool.nox-ship.coverage]\nfail-under = 90\n\n[project]\n")
    bench.commit()
    outcome = bench.rehearse_by("ship-release")
    assert outcome.code == 1
    assert outcome.has("NS841", "COVERAGE_FILE=.nox-ship/coverage/data.NAME")
    assert not outcome.has("passed")


STRICT = f"""{DEFAULTS}
[tool.ruff]
line-length = 60
lint.select = ["ALL"]
lint.ignore = ["CPY"]
lint.isort.lines-after-imports = 2
lint.isort.required-imports = ["from __future__ import annotations"]
lint.flake8-quotes.inline-quotes = "single"
format.quote-style = "single"
"""
BLACK = f"""{DEFAULTS}
[tool.black]
line-length = 60
[tool.isort]
profile = "black"
add_imports = ["from __future__ import annotations"]
"""


@pytest.mark.parametrize(
    ("pyproject", "commands"),
    [
        (STRICT, ["ruff check", "ruff format --check"]),
        (BLACK, ["isort --check", "black --check"]),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_what_init_writes_passes_the_projects_own_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pyproject: str, commands: list[str], there: bool
) -> None:
    """A noxfile that `init` writes or changes passes the project's own formatter and linter."""
    imports = '"""Mine."""\n\nfrom __future__ import annotations\n\nimport nox\n'
    clean = f"{imports}{chr(10) * (pyproject == STRICT)}\nnox.options.error_on_external_run = True\n"
    bench = make_bench(tmp_path, {**GOOD, "pyproject.toml": pyproject, "noxfile.py": clean})
    if not there:
        bench.write({"noxfile.py": None})
    monkeypatch.chdir(bench.root)
    assert main(["init", "--ci", "none"]) == 0
    text = (bench.root / "noxfile.py").read_text("utf-8")
    assert '# dependencies = ["nox", "nox-ship"]\n' in text
    assert "nox_ship.register()\n" in text
    for command in commands:
        line = [uv(), "tool", "run", "--quiet", *command.split(), "noxfile.py"]
        done = subprocess.run(line, cwd=bench.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{text}"
