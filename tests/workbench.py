"""A workbench for integration tests: a project in a git repository, its remote, and nox to run on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

GOOD = {
    "pyproject.toml": f"""\
[build-system]
requires = ["uv_build>=0.8,<1"]
build-backend = "uv_build"

[project]
name = "sample"
version = "1.2.3"
description = "A sample"
readme = "README.md"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.11"
classifiers = ["Programming Language :: Python :: {PYTHON}"]

[project.scripts]
sample = "sample:main"

[tool.nox-ship]
gates = ["tests"]
""",
    "README.md": "# sample\n",
    "LICENSE": "MIT\n",
    ".gitignore": "__pycache__/\n",
    "noxfile.py": "import nox_ship\n\nnox_ship.register()\n",
    "src/sample/__init__.py": '"""A sample."""\n\n\ndef main():\n    """Say hello."""\n    print("hello")\n',
    "tests/test_sample.py": "import sample\n\n\ndef test_main():\n    sample.main()\n",
}
"""A small project that can be released, with one quick gate and the quickest build backend."""
QUICK = {**GOOD, "pyproject.toml": GOOD["pyproject.toml"].replace('gates = ["tests"]', "gates = []")}
"""The same project without that gate, which saves a quarter of a rehearsal's time."""


def hatched(files: dict[str, str], requires: str = '"hatchling"') -> dict[str, str]:
    """Return the files of a project that is built by hatchling, the most common build backend."""
    own = GOOD["pyproject.toml"].partition("\n[project]")[0]
    assert own in files["pyproject.toml"]
    system = f'[build-system]\nrequires = [{requires}]\nbuild-backend = "hatchling.build"\n'
    return {**files, "pyproject.toml": files["pyproject.toml"].replace(own, system)}


_HIDDEN = (
    "CI",
    "NOX",
    "TWINE",
    "GITHUB",
    "PYTEST",
    "COVERAGE",
    "UV_PYTHON",
    "VIRTUAL_ENV",
    "GIT_",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
)


_BYTECODE = re.compile(r"[?!] __pycache__/noxfile\.[\w.-]+\.pyc")


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run of nox."""

    code: int
    output: str

    def has(self, *texts: str) -> bool:
        """Whether every one of ``texts`` was printed."""
        return all(text in self.output for text in texts)

    @property
    def clean(self) -> bool:
        """Whether no traceback through our own code was printed; a failing tool may print one of its own."""
        return "/nox_ship/" not in self.output.replace("/nox_ship/package/installed.py", "")


Here = Callable[[Mapping[str, str], Callable[[], object]], Outcome]
"""Calls the front end of a session with an environment."""


@dataclass(frozen=True)
class Bench:
    """A project, its bare remote, and a folder for nox-ship's workshop."""

    root: Path
    remote: Path
    cache: Path

    def git(self, *args: str) -> str:
        """Run git in the project and return what it printed."""
        done = subprocess.run(["git", *args], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.rstrip()

    def write(self, files: dict[str, str | None]) -> None:
        """Write files into the project; None removes one."""
        for name, text in files.items():
            path = self.root / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file of the project, after checking that it is there."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def commit(self, *, push: bool = True) -> None:
        """Commit everything and push it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--message", "change")
        if push:
            self.git("push", "--quiet", "--no-verify", "origin", "HEAD")

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a user's shell, without what the test run itself has set."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
        own = {
            "NOX_SHIP_CACHE": str(self.cache),
            "NOX_SCRIPT_MODE": "none",
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        return {**env, **own, **(extra or {})}

    def nox(self, *args: str, env: dict[str, str] | None = None, timeout: float = 120) -> Outcome:
        """Run nox in the project."""
        done = subprocess.run(
            [sys.executable, "-m", "nox", *args],
            cwd=self.root,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    def rehearse(self, *args: str, env: dict[str, str] | None = None) -> Outcome:
        """Rehearse a release, by default of ``patch``."""
        return self.rehearse_by("release", *args, env=env)

    def rehearse_by(self, session: str, *args: str, env: dict[str, str] | None = None) -> Outcome:
        """Rehearse a release with the session of this name."""
        wanted = args if args and not args[0].startswith("-") else ("patch", *args)
        return self.nox("-s", session, "--", *wanted, "--dry-run", env=env)

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """Start nox as the leader of a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "nox", *args],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def snapshot(self) -> dict[str, str]:
        """Return everything that a rehearsal must leave as it is."""
        remote = subprocess.run(["git", "for-each-ref"], cwd=self.remote, capture_output=True, text=True, check=True)
        status = self.git("--no-optional-locks", "status", "-b", "--porcelain=2", "--ignored", "--untracked-files=all")
        # Nox writes the noxfile's bytecode before the noxfile runs.
        ours = [line for line in status.splitlines() if not _BYTECODE.fullmatch(line)]
        return {
            "status": "\n".join(ours),
            "refs": self.git("for-each-ref"),
            "remote": remote.stdout,
        }

    def report(self) -> dict[str, Any]:
        """Return the report of the last run."""
        (path,) = self.cache.glob("*/report.json")
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report

    def stage(self) -> Path:
        """Return the clean clone of the last run."""
        (path,) = self.cache.glob("*/stage")
        return path

    def processes(self, seconds: float = 3, beside: str = "\0") -> list[str]:
        """Return the command lines that still name this bench, after waiting some seconds for them to end.

        Commands that contain the text ``beside`` may keep running.
        """
        until = time.monotonic() + seconds
        while (found := [one for one in self._processes() if beside not in one]) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def _processes(self) -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                where = (folder / "cwd").readlink()
            except OSError:
                continue
            if int(folder.name) != os.getpid() and str(self.root.parent) in f"{command} {where}":
                found.append(command)
        return found


def make_bench(folder: Path, files: dict[str, str] | None = None) -> Bench:
    """Make a bench in ``folder`` whose project has ``files``, committed and pushed."""
    bench = Bench(folder / "project", folder / "remote.git", folder / "cache")
    bench.root.mkdir()
    bench.git("init", "--quiet", "--initial-branch=main", "--template=")
    bench.git("config", "user.name", "Tester")
    bench.git("config", "user.email", "tester@example.invalid")
    bench.git("init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(bench.remote))
    for place in (bench.root / ".git", bench.remote):
        (place / "hooks").mkdir()
    bench.git("remote", "add", "origin", str(bench.remote))
    bench.write(dict(files or GOOD))
    bench.commit()
    return bench


def copy_of(bench: Bench, folder: Path) -> Bench:
    """Return a copy of a bench in ``folder``: its project with all files, and its remote."""
    copy = Bench(folder / "project", folder / "remote.git", folder / "cache")
    shutil.copytree(bench.root, copy.root, symlinks=True)
    shutil.copytree(bench.remote, copy.remote, symlinks=True)
    config = copy.root / ".git" / "config"
    config.write_text(config.read_text("utf-8").replace(str(bench.remote), str(copy.remote)), "utf-8")
    return copy
