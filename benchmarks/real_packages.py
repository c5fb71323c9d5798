"""Set up packages from PyPI that know nothing of nox-ship, rehearse a release of each, and show what stopped it.

Each sdist becomes a checkout as its maintainer would have it: one commit that is tagged as the version that
was published, one more with what `nox-ship init` writes, and a remote. There it runs
`nox -s release -- patch --dry-run`, without an edit by hand. Where gates of the package fail, it runs again
without them, so that the rest of the pipeline is tried on every package.

It ends with 1 where anything but a package's own gates and known faults stopped a rehearsal, or where a
rehearsal touched anything.

Usage: python benchmarks/real_packages.py [-v] [--keep] [NAME==VERSION ...]
(in an environment that has nox-ship installed)
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from real_checkouts import Checkout, UnusableError, make_checkout, short

PACKAGES = (
    "mypylogger==0.2.8",  # hatchling, src layout, ruff and mypy
    "flask-more-smorest==0.15.1",  # poetry, many dependencies
    "improved-sdd==0.1.4",  # setuptools, several top-level packages
    "xmltodict==1.0.4",  # setuptools, one module
    "pyproject-hooks==1.3.3",  # flit, the version in __init__.py
    "attrs==26.1.0",  # hatchling, versioned by tags, two top-level packages
    "platformdirs==4.14.5",  # hatchling, versioned by tags
    "simpleeval==1.0.8",  # hatchling, one module
    "httpx-sse==0.4.3",  # setuptools with pyproject.toml, dynamic version
    "zipp==3.15.0",  # setuptools with setup.cfg, versioned by tags
    "pytest-timeout==2.3.1",  # setuptools with setup.cfg, one module
    "blinker==1.9.0",  # flit
    "tomlkit==0.15.2",  # poetry
    "dep-logic==0.7.2",  # pdm
    "cachecontrol==0.14.4",  # uv_build
    "markupsafe==3.0.4",  # setuptools, an extension in C
)
# Packages that are broken as they were published, with the finding that says so: it stops them rightly.
KNOWN_FAULTS = {
    "improved-sdd==0.1.4": {
        "NS613": "its wheel on PyPI lacks modules that it imports",
        "NS614": "its wheel on PyPI lacks the module of its command",
    },
    "httpx-sse==0.4.3": {"NS613": "it imports httpx, which its metadata do not name"},
    "platformdirs==4.14.5": {"NS501": "its sdist lacks the README.md that its build reads"},
    "zipp==3.15.0": {"NS502": "its sdist fails `twine check --strict`"},
}
GATES = ("lint", "typecheck", "tests", "coverage", "audit")
COLUMNS = (
    "package",
    "back end",
    "what init found",
    "result",
    "failed, and why",
    "skipped, and why",
    "touched",
    "seconds",
)

_HIDDEN = ("CI", "NOX_SHIP_CACHE", "VIRTUAL_ENV", "NOXSESSION", "NOXPYTHON")
# The lines in which ruff, mypy, pytest, coverage, pip-audit and installers tell what they came to.
_TELLING = re.compile(
    r"Found \d+ error|\d+ (failed|errors?)\b|would be reformatted|less than fail-under|No module named"
    r"|\N{MULTIPLICATION SIGN} |\bNS\d{3} "
)
_TIME = re.compile(r" in \d+\.\d+s.*$")
_FAILED_SESSION = re.compile(r"error: NS431 gate-failed: (?P<name>\S+) did not pass")


@dataclass(frozen=True)
class Attempt:
    """One rehearsal: its report, what it printed, and how long it took."""

    report: dict[str, Any]
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the rehearsal came to its end."""
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
        """Return why each session failed, in a few words: those of the tool where it can be found."""
        told = telling_lines(self.output)
        return {name: reason or told.get(name, "?") for name, reason in self.sessions("failed").items()}

    def stopped_by(self) -> list[str]:
        """Return what stopped the rehearsal that is no gate: a finding, another session, or a crash."""
        if self.passed:
            return []
        errors = [f for f in self.report.get("findings", ()) if f["level"] == "error" and f["id"] != "NS431"]
        sessions = [f"{name}: {reason}" for name, reason in self.reasons().items() if gate_of(name) not in GATES]
        found = [f"{finding['id']} {finding['what']}" for finding in errors] + sessions
        if found or self.held_up():
            return found
        return [self.output.strip().splitlines()[-1] if self.output.strip() else "no output"]


@dataclass
class Trial:
    """What became of one package."""

    package: str
    back_end: str = "?"
    found: str = "?"
    attempts: list[Attempt] = field(default_factory=list)
    left_out: tuple[str, ...] = ()
    trouble: list[str] = field(default_factory=list)
    """What stopped a rehearsal that is neither a gate nor a known fault of the package."""
    faults: list[str] = field(default_factory=list)
    """Known faults of the package that stopped a rehearsal."""
    touched: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing but the package's own gates stopped a rehearsal, and nothing was touched."""
        completed = bool(self.attempts) and self.attempts[-1].passed
        return not self.trouble and not self.touched and (completed or bool(self.faults))

    def judge(self) -> None:
        """Tell apart what stopped the rehearsals: faults that are known, and the rest."""
        known = KNOWN_FAULTS.get(self.package, {})
        for what in dict.fromkeys(what for attempt in self.attempts for what in attempt.stopped_by()):
            found = next((f"{kind} {why}" for kind, why in known.items() if kind in what), None)
            if found is None:
                self.trouble.append(what)
            elif found not in self.faults:
                self.faults.append(found)

    def row(self) -> tuple[str, ...]:
        """Return the package's line of the table, in the order of ``COLUMNS``."""
        first = self.attempts[0] if self.attempts else Attempt({}, "", 0)
        return (
            self.package,
            self.back_end,
            self.found,
            self._result(),
            listed(first.reasons()),
            listed(first.sessions("skipped")),
            ", ".join(self.touched) or "nothing",
            " + ".join(f"{attempt.seconds:.0f}" for attempt in self.attempts),
        )

    def _result(self) -> str:
        if self.trouble:
            return f"STOPPED: {'; '.join(map(short, self.trouble))}"
        if self.faults:
            return f"stopped, rightly: {'; '.join(self.faults)}"
        if self.good:
            return f"passed without {', '.join(self.left_out)}" if self.left_out else "passed"
        return "STOPPED by gates that had been left out"


def gate_of(session: str) -> str:
    """Return the gate that a session is of: ``tests`` of ``tests-3.12``."""
    return re.sub(r"-\d+\.\d+$", "", session)


def listed(reasons: dict[str, str]) -> str:
    """Return sessions with their reasons; those of one gate that say the same stand once."""
    once = {(gate_of(name), short(reason)): None for name, reason in reasons.items()}
    return "; ".join(f"{gate}: {reason}" for gate, reason in once) or "-"


def telling_lines(output: str) -> dict[str, str]:
    """Return, for each session that failed, the last line in which a tool tells what it came to."""
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


def rehearse(checkout: Checkout, cache: Path, without: Iterable[str], *, verbose: bool) -> Attempt:
    """Rehearse a patch release in ``checkout``."""
    report = cache.with_name("report.json")
    report.unlink(missing_ok=True)
    left_out = [word for gate in without for word in ("--without", gate)]
    nox = [sys.executable, "-m", "nox", "--session", "release", "--"]
    command = [*nox, "patch", "--dry-run", "--report", str(report), *left_out]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    shown = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    env = {**shown, "PATH": path, "NOX_SCRIPT_MODE": "none", "NOX_SHIP_CACHE": str(cache)}
    begun = time.monotonic()
    done = subprocess.run(
        command,
        cwd=checkout.root,
        env=env,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if verbose:
        print(f"$ {' '.join(command[1:])}\n{done.stdout}", flush=True)
    told = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    return Attempt(told, done.stdout, time.monotonic() - begun)


def try_package(package: str, folder: Path, *, verbose: bool) -> Trial:
    """Rehearse a release of ``package``; where its gates fail, once more without them."""
    trial = Trial(package)
    try:
        checkout = make_checkout(package, folder)
    except (UnusableError, OSError, tarfile.TarError, subprocess.CalledProcessError) as error:
        trial.trouble.append(f"no checkout: {error}")
        return trial
    trial.back_end, trial.found = checkout.back_end, checkout.found
    before = checkout.state()
    cache = folder / "cache"
    attempt = rehearse(checkout, cache, (), verbose=verbose)
    trial.attempts.append(attempt)
    if not attempt.passed and (held_up := attempt.held_up()):
        trial.left_out = held_up
        trial.attempts.append(rehearse(checkout, cache, held_up, verbose=verbose))
    trial.judge()
    after = checkout.state()
    trial.touched += [part for part, was in before.items() if after[part] != was]
    return trial


def print_table(trials: Sequence[Trial]) -> None:
    """Print one table of all packages, in Markdown."""
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(trial.row() for trial in trials)]
    for row in rows:
        print(f"| {' | '.join(row)} |")


def main() -> int:
    """Try the packages, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="NAME==VERSION", help="default: a choice of sixteen")
    parser.add_argument("--keep", action="store_true", help="keep the folders and tell where they are")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the rehearsals print")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="real-packages-"))
    trials: list[Trial] = []
    try:
        for package in options.packages or PACKAGES:
            own = folder / package
            own.mkdir()
            trials.append(try_package(package, own, verbose=options.verbose))
            print(f"{package}: {trials[-1].row()[COLUMNS.index('result')]}", file=sys.stderr, flush=True)
    finally:
        if options.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print_table(trials)
    return 0 if all(trial.good for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
