"""How long a rehearsal takes beside a hand-written shell script that does the same work.

Both start cold: no environments, no caches of mypy or ruff; what uv has downloaded is warm for both. They take turns,
and the numbers that count are ratios within one run.

Usage: python benchmarks/rehearsal.py [--rounds N] [--plain]   (in an environment with nox-ship installed)
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from packaging.version import Version

HERE = Path(__file__).parent

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sample"
version = "1.0.0"
description = "A small command-line tool"
readme = "README.md"
license = "MIT"
requires-python = ">={oldest}"
dependencies = [{dependencies}]
classifiers = [{classifiers}]

[project.scripts]
sample = "sample.cli:main"

[tool.hatch.build.targets.wheel]
packages = ["src/sample"]

[tool.mypy]
strict = true

[tool.nox-ship]
gates = ["lint", "typecheck", "tests", "coverage"]
"""
MODULE = '''\
"""Primes, number {n}."""

from __future__ import annotations

from collections.abc import Iterator

import attrs


@attrs.frozen
class Range{n}:
    """The whole numbers from ``start`` to before ``stop``."""

    start: int
    stop: int

    def primes(self) -> Iterator[int]:
        """Yield the primes in the range."""
        for number in range(max(2, self.start), self.stop):
            if all(number % divisor for divisor in range(2, int(number**0.5) + 1)):
                yield number
'''
CLI = '''\
"""The command line."""

import click
from rich.console import Console
from rich.table import Table

from sample.m0 import Range0


@click.command()
@click.option("--stop", default=30, help="Where to end.")
def main(stop: int) -> None:
    """Print a table of primes."""
    table = Table("n", "prime")
    for place, prime in enumerate(Range0(0, stop).primes()):
        table.add_row(str(place), str(prime))
    Console().print(table)
'''
TEST = """\
import pytest
from click.testing import CliRunner

from sample.cli import main
from sample.m{n} import Range{n}


@pytest.mark.parametrize(("stop", "count"), [(10, 4), (100, 25), (1000, 168), (5000, 669)])
def test_count(stop: int, count: int) -> None:
    assert len(list(Range{n}(0, stop).primes())) == count


def test_command() -> None:
    result = CliRunner().invoke(main, ["--stop", "50"])
    assert result.exit_code == 0
    assert "47" in result.output
"""
PLAIN_CLI = '''\
"""The command line."""


def main() -> None:
    """Print the first primes."""
    print([n for n in range(2, 30) if all(n % m for m in range(2, n))])
'''
PLAIN_TEST = """\
import pytest

from sample.cli import main


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert "29" in capsys.readouterr().out
"""
NOXFILE = "import nox_ship\n\nnox_ship.register()\n"
MODULES = 12
LIMITS = {"rehearsal/script": "1.0", "second/first": "0.15, or 1.2 s", "next release/first": "0.7"}


def files_of(pythons: list[str], *, plain: bool = False) -> dict[str, str]:
    """Return the files of the sample project.

    Args:
        pythons: The versions that it supports.
        plain: Whether it is one module without dependencies, whose test takes no time.
    """
    classifiers = ", ".join(f'"Programming Language :: Python :: {python}"' for python in pythons)
    files = {
        "pyproject.toml": PYPROJECT.format(
            oldest=min(pythons, key=Version),
            classifiers=classifiers,
            dependencies="" if plain else '"click>=8.1", "rich>=13.7", "attrs>=23"',
        ),
        "README.md": "# sample\n",
        "LICENSE": "MIT\n",
        "noxfile.py": NOXFILE,
        "src/sample/__init__.py": '"""A small command-line tool."""\n',
        "src/sample/cli.py": PLAIN_CLI if plain else CLI,
        "src/sample/py.typed": "",
    }
    if plain:
        files["tests/test_cli.py"] = PLAIN_TEST
    for n in range(0 if plain else MODULES):
        files[f"src/sample/m{n}.py"] = MODULE.format(n=n)
        files[f"tests/test_m{n}.py"] = TEST.format(n=n)
    return files


def make_project(folder: Path, pythons: list[str], *, plain: bool = False) -> Path:
    """Write the sample project under git, with a bare remote, and return its folder."""
    project = folder / "project"
    (project / "src" / "sample").mkdir(parents=True)
    (project / "tests").mkdir()
    for name, text in files_of(pythons, plain=plain).items():
        (project / name).write_text(text, encoding="utf-8")
    remote = folder / "remote.git"
    for command in (
        ["git", "init", "--quiet", "--initial-branch=main"],
        ["git", "config", "user.name", "Benchmark"],
        ["git", "config", "user.email", "benchmark@example.invalid"],
        ["git", "add", "."],
        ["git", "commit", "--quiet", "--message=first"],
        ["git", "init", "--quiet", "--bare", str(remote)],
        ["git", "remote", "add", "origin", str(remote)],
        ["git", "push", "--quiet", "--set-upstream", "origin", "main"],
    ):
        subprocess.run(command, cwd=project, check=True)
    return project


def commit_change(project: Path, number: int) -> None:
    """Commit and push a change of the project's code."""
    with (project / "src" / "sample" / "cli.py").open("a", encoding="utf-8") as code:
        code.write(f"\n\nCHANGE_{number} = {number}\n")
    for command in (["git", "commit", "--quiet", "--all", "--message=change"], ["git", "push", "--quiet"]):
        subprocess.run(command, cwd=project, check=True)


def seconds(command: list[str], cwd: Path, env: dict[str, str]) -> float:
    """Run ``command`` and return how long it took; show what it printed where it fails."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - begun


def main() -> None:
    """Run the rounds and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pythons", nargs="+", default=["3.11", "3.12"], help="two Pythons that are installed")
    parser.add_argument("--plain", action="store_true", help="a project without dependencies, whose test takes no time")
    options = parser.parse_args()
    rehearse = [sys.executable, "-m", "nox", "--session", "release", "--", "patch", "--dry-run"]
    hidden = ("CI", "NOX_SHIP_CACHE", "VIRTUAL_ENV")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    base = {
        **{k: v for k, v in os.environ.items() if k not in hidden},
        "PATH": path,
        "NOX_SCRIPT_MODE": "none",
    }
    ratios: dict[str, list[float]] = {"rehearsal/script": [], "second/first": [], "next release/first": []}
    seconds_again: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        project = make_project(folder, options.pythons, plain=options.plain)
        for turn in range(options.rounds + 1):  # the first round only warms uv's downloads
            work, cache = folder / "work", folder / "cache"
            work.mkdir()
            env = {**base, "NOX_SHIP_CACHE": str(cache)}
            script = seconds([str(HERE / "by_hand.sh"), str(project), str(work), *options.pythons], folder, env)
            cold = seconds(rehearse, project, env)
            second = seconds(rehearse, project, env)
            commit_change(project, turn)
            after = seconds(rehearse, project, env)
            shutil.rmtree(work)
            shutil.rmtree(cache)
            if turn:
                seconds_again.append(second)
                found = dict(zip(ratios, (cold / script, second / cold, after / cold), strict=True))
                print(f"round {turn}: {', '.join(f'{what} {ratio:.2f}' for what, ratio in found.items())}", flush=True)
                for what, ratio in found.items():
                    ratios[what].append(ratio)
    for what, rounds in ratios.items():
        print(f"median of {options.rounds}: {what} {statistics.median(rounds):.2f} (at most {LIMITS[what]})")
    print(f"median of {options.rounds}: second rehearsal {statistics.median(seconds_again):.2f} s")


if __name__ == "__main__":
    main()
