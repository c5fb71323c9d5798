"""Runs a GitLab pipeline on this machine, with the features that our file uses: stages, matrices, artifacts.

Each job has its own folder with a checkout, unless its `GIT_STRATEGY` is none, and with the artifacts of the jobs that
it depends on. A job starts with variables from GitLab, from the file, and from reports of those jobs.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workbench import Bench

KEYWORDS = {"workflow", "stages", "default", "variables"}
LONGEST_SECONDS = 300


def holds(rules: list[dict[str, str]], variables: Mapping[str, str]) -> bool:
    """Return whether one of GitLab's rules holds; they compare a variable with a text or a regular expression."""
    for rule in rules:
        held = []
        for part in rule["if"].split(" && "):
            name, sign, wanted = part.removeprefix("$").split(" ", 2)
            value = variables.get(name)
            if sign == "==":
                held.append(value == wanted.strip('"'))
            else:
                matches = value is not None and re.search(wanted[1:-1].replace("\\/", "/"), value) is not None
                held.append(value is not None and matches == (sign == "=~"))
        if all(held):
            return True
    return False


def jobs(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return the jobs of a file that can run."""
    return {name: job for name, job in file.items() if name not in KEYWORDS and not name.startswith(".")}


@dataclass
class Pipeline:
    """A pipeline for a project's HEAD."""

    bench: Bench
    home: Path
    env: Mapping[str, str]
    """The variables of the machine on which jobs run."""
    ran: list[str] = field(default_factory=list)

    def run(self, **variables: str) -> tuple[int, str]:
        """Run the jobs of the pipeline for these variables, and return the exit code and the output."""
        file = self._file()
        self.ran.clear()
        shutil.rmtree(self.home, ignore_errors=True)
        said = ""
        for name in self.chosen(**variables):
            job = jobs(file)[name]
            for number, chosen_values in enumerate(_matrix(job)):
                self.ran.append(name)
                values = {**file["variables"], **job.get("variables", {}), **chosen_values, **variables}
                code, output = self._run(name, number, {**file.get(job.get("extends"), {}), **job}, values)
                said += output
                if code:
                    return code, said
        return 0, said

    def chosen(self, **variables: str) -> list[str]:
        """Return the jobs of the pipeline for these variables, in order."""
        file = self._file()
        assert holds(file["workflow"]["rules"], variables)
        staged = sorted(jobs(file).items(), key=lambda entry: file["stages"].index(entry[1]["stage"]))
        return [name for name, job in staged if "rules" not in job or holds(job["rules"], variables)]

    def _file(self) -> dict[str, Any]:
        file: dict[str, Any] = yaml.safe_load((self.bench.root / ".gitlab-ci.yml").read_text("utf-8"))
        return file

    def _run(self, name: str, number: int, job: Mapping[str, Any], values: Mapping[str, str]) -> tuple[int, str]:
        folder = self.home / "builds" / f"{name}-{number}"
        if values.get("GIT_STRATEGY") == "none":
            folder.mkdir(parents=True)
            (folder / "pip.py").write_text("raise SystemExit('what is left of another job was run')\n", "utf-8")
        else:
            subprocess.run(["git", "clone", "--quiet", str(self.bench.remote), str(folder)], check=True)
            commit = self.bench.git("rev-parse", "HEAD")
            subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=folder, check=True)
        reported: dict[str, str] = {}
        for other in job.get("dependencies", ()):
            for kept in sorted((self.home / "artifacts").glob(f"{other}-*")):
                shutil.copytree(kept / "files", folder, dirs_exist_ok=True)
                lines = (kept / "dotenv").read_text("utf-8").splitlines() if (kept / "dotenv").exists() else []
                reported |= dict(line.split("=", 1) for line in lines)
        own = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(folder), **values, **reported}
        done = subprocess.run(
            ["bash", "-e", "-c", "\n".join([*job.get("before_script", ()), *job["script"]])],
            cwd=folder,
            env={**self.bench.environment({**self.env, **own}), "PATH": self.env["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        artifacts = job.get("artifacts", {})
        goal = self.home / "artifacts" / f"{name}-{number}"
        for place in artifacts.get("paths", ()):
            _copy(folder / place, goal / "files" / place)
        if dotenv := artifacts.get("reports", {}).get("dotenv"):
            _copy(folder / dotenv, goal / "dotenv")
        return done.returncode, f"== {name} ==\n{done.stdout}"


def _matrix(job: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    entries = job.get("parallel", {}).get("matrix", [{}])
    for entry in entries:
        lists = [value if isinstance(value, list) else [value] for value in entry.values()]
        for values in itertools.product(*lists):
            yield dict(zip(entry, values, strict=True))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        shutil.copy2(source, target)
