"""Rehearsals of releases in checkouts of real projects: the code that several scripts share."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GATES = ("lint", "typecheck", "tests", "coverage", "audit")

_SHOWN = 120
_WATCHED = (".", ":(exclude)__pycache__")  # where nox puts the noxfile's bytecode, whatever it runs
_HIDDEN = ("CI", "NOX_SHIP_CACHE", "VIRTUAL_ENV", "NOXSESSION", "NOXPYTHON")
# The lines in which ruff, mypy, pytest, coverage, pip-audit and installers summarise their results.
_TELLING = re.compile(
    r"Found \d+ error|\d+ (failed|errors?)\b|would be reformatted|less than fail-under|No module named"
    r"|\N{MULTIPLICATION SIGN} |\bNS\d{3} "
)
_TIME = re.compile(r" in \d+\.\d+s.*$")
_FAILED_SESSION = re.compile(r"error: NS431 gate-failed: (?P<name>\S+) did not pass")


class UnusableError(Exception):
    """A project for which no checkout can be made."""


@dataclass(frozen=True)
class Checkout:
    """A project's checkout, with the bare repository that it is pushed to."""

    root: Path
    remote: Path
    back_end: str
    found: str
    """What `nox-ship init` found."""
    release: str = "release"
    """The name of the session that releases."""

    def state(self) -> dict[str, str]:
        """Return everything that a rehearsal must leave alone."""
        return {
            "files": git(self.root, "status", "--porcelain", "--", *_WATCHED),
            "HEAD": git(self.root, "rev-parse", "--symbolic-full-name", "HEAD", "HEAD^{commit}"),
            "refs": git(self.root, "for-each-ref"),
            "remote": git(self.remote, "for-each-ref"),
        }


@dataclass(frozen=True)
class Attempt:
    """One rehearsal: its report, its output, and how long it took."""

    report: dict[str, Any]
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the rehearsal completed."""
        return bool(self.report.get("passed"))

    def sessions(self, *statuses: str) -> dict[str, str]:
        """Return the sessions of the gates step that ended in one of ``statuses``, each with its reason."""
        rows = [row for row in self.report.get("rows", ()) if row["within"] == "gates"]
        return {row["name"]: row["detail"] for row in rows if row["status"] in statuses}

    def held_up(self) -> tuple[str, ...]:
        """Return the gates that failed, and those that waited for them."""
        names = {gate_of(name) for name in self.sessions("failed", "not reached")}
        return tuple(gate for gate in GATES if gate in names)

    def reasons(self) -> dict[str, str]:
        """Return why each session failed, in a few words; those of the tool if they can be found."""
        told = telling_lines(self.output)
        return {name: reason or told.get(name, "?") for name, reason in self.sessions("failed").items()}

    @property
    def taken(self) -> bool:
        """Whether the index already has the version, as it may if the commit is old."""
        return any(finding["id"] == "NS224" for finding in self.report.get("findings", ()))

    def stopped_by(self) -> list[str]:
        """Return what stopped the rehearsal, other than gates: a finding, another session, or a crash."""
        if self.passed:
            return []
        errors = [f for f in self.report.get("findings", ()) if f["level"] == "error" and f["id"] != "NS431"]
        sessions = [f"{name}: {reason}" for name, reason in self.reasons().items() if gate_of(name) not in GATES]
        found = [f"{finding['id']} {finding['what']}" for finding in errors] + sessions
        if found or self.held_up():
            return found
        return [self.output.strip().splitlines()[-1] if self.output.strip() else "no output"]


def short(text: str) -> str:
    """Return ``text`` in one line of a table cell."""
    line = " ".join(text.replace("|", "/").split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    for row in (columns, ["---" for _ in columns], *rows):
        print(f"| {' | '.join(row)} |")


def git(folder: Path, *args: str) -> str:
    """Run git in ``folder`` and return what it printed."""
    done = subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def gate_of(session: str) -> str:
    """Return the gate that a session belongs to: ``tests`` for ``tests-3.12``."""
    return re.sub(r"-\d+\.\d+$", "", session)


def listed(reasons: dict[str, str]) -> str:
    """Return sessions with their reasons, listing identical ones of a gate once."""
    once = {(gate_of(name), short(reason)): None for name, reason in reasons.items()}
    return "; ".join(f"{gate}: {reason}" for gate, reason in once) or "-"


def telling_lines(output: str) -> dict[str, str]:
    """Return, for each session that failed, the last line in which a tool summarises its result."""
    found: dict[str, str] = {}
    last = ""
    for line in output.splitlines():
        if match := _FAILED_SESSION.match(line):
            if last:
                found[match["name"]] = _TIME.sub("", last)
            last = ""
        elif _TELLING.search(line) and not line.startswith("nox > "):
            last = line.strip(" =")
    return found


def configure(root: Path) -> None:
    """Make commits and tags possible in ``root``, whatever the user's settings."""
    for key, value in (
        ("user.name", "Real projects"),
        ("user.email", "real@example.invalid"),
        ("commit.gpgsign", "false"),
        ("tag.gpgsign", "false"),
    ):
        git(root, "config", key, value)


def nox_ship(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the `nox-ship` that is installed next to us in ``root``."""
    command = [sys.executable, "-c", "import sys; from nox_ship.command import main; sys.exit(main())", *args]
    nothing = subprocess.DEVNULL
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, stdin=nothing)


def found_by_init(told: str) -> str:
    """Return the important lines of what `nox-ship init` found."""
    wanted = ("version", "Pythons", "tests", "linters")
    pairs = (line.split(maxsplit=1) for line in told.splitlines() if line.startswith(wanted))
    return short("; ".join(f"{name} {value.strip()}" for name, value in pairs))


def release_session(told: str) -> str:
    """Return the name of the session that releases, according to `nox-ship init`; the project may have a `release`."""
    match = re.search(r"nox -s (\S+) -- patch --dry-run", told)
    return match[1] if match else "release"


def back_end_of(root: Path) -> str:
    """Return the name of the project's build backend, as people call it."""
    path = root / "pyproject.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    name = str(table.get("build-system", {}).get("build-backend", "setuptools"))
    return re.split(r"[.:]", name, maxsplit=1)[0].removesuffix("_core")


def rehearse(
    checkout: Checkout,
    cache: Path,
    without: Iterable[str] = (),
    *,
    part: str = "patch",
    day: str | None = None,
    timeout: float | None = None,
    verbose: bool,
) -> Attempt:
    """Rehearse a release in ``checkout``.

    Args:
        checkout: The project.
        cache: The folder for nox-ship's clones and environments.
        without: Gates to leave out.
        part: Which part of the version is raised.
        day: Install the packages available on this day (``2026-08-31``); None for today.
        timeout: Seconds after which the rehearsal is stopped; None for no limit.
        verbose: Whether to show its output.
    """
    report = cache.with_name("report.json")
    report.unlink(missing_ok=True)
    left_out = [word for gate in without for word in ("--without", gate)]
    nox = [sys.executable, "-m", "nox", "--session", checkout.release, "--"]
    command = [*nox, part, "--dry-run", "--report", str(report), *left_out]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    shown = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    env = {**shown, "PATH": path, "NOX_SCRIPT_MODE": "none", "NOX_SHIP_CACHE": str(cache)}
    if day:
        env["UV_EXCLUDE_NEWER"] = day
    begun = time.monotonic()
    output = _run(command, checkout.root, env, timeout)
    if verbose:
        print(f"$ {' '.join(command[1:])}\n{output}", flush=True)
    told = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    return Attempt(told, output, time.monotonic() - begun)


def _run(command: Sequence[str], folder: Path, env: dict[str, str], timeout: float | None) -> str:
    """Run a command with its children and return their output; it is stopped if it takes too long."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            output = process.communicate()[0]
            return f"{output}\nended after {timeout:.0f} seconds"
