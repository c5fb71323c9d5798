"""Setting up a project's release automation: changes are planned first, then written or shown."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from nox_ship.errors import Findings, Kind
from nox_ship.files import real_place, write_whole
from nox_ship.gates import evidence
from nox_ship.gates.noxfile import not_measured
from nox_ship.gates.own import why_unfit
from nox_ship.release.bumpversion import has_bump_settings
from nox_ship.setup import lock, pyproject
from nox_ship.setup.build_system import build_system, unnamed_imports
from nox_ship.setup.change import Change
from nox_ship.setup.ci_files import add_dependabot, add_lock, add_workflows
from nox_ship.setup.plan import SetupPlan
from nox_ship.setup.sessions import add_noxfile
from nox_ship.setup.survey import Survey
from nox_ship.setup.wheels import options

NOT_WRITABLE = Kind("NS813", "not-writable", "Make the folder writable, or run the command where it is.")
DRIFTED = Kind("NS816", "drifted", "Run `nox-ship init --force` to rewrite it; your own sections are kept.")


def _unknown(_: str) -> tuple[str, ...]:
    """Return no hashes."""
    return ()


def plan(survey: Survey, *, ci: str, replaced: Collection[str] = (), hashes: lock.Hashes = _unknown) -> SetupPlan:
    """Find out what the project lacks; nothing is written.

    Args:
        survey: The project.
        ci: ``github`` for workflows, ``gitlab`` for GitLab's file, ``none`` for neither.
        replaced: Names of files that nox-ship did not write, and that ours replace, such as ``ci.yml``.
        hashes: Asks the index for the SHA-256 of nox-ship itself, for the lock.

    Raises:
        ShipError: With every finding: the noxfile is broken (NS811), or the lock was written by hand (NS815).
    """
    made, findings = SetupPlan(survey), Findings()
    _settings(made)
    findings.catch(lambda: add_noxfile(made))
    if ci != "none":
        findings.catch(lambda: add_workflows(made, ci, replaced))
        findings.catch(lambda: add_lock(made, ci, hashes, replaced))
    if ci == "github" and made.workflows:
        add_dependabot(made)
    findings.raise_errors()
    if unknown := sorted(set(replaced) - {change.path.name for change in made.changes}):
        made.hints.append(f"`--force` replaced no {', '.join(unknown)}: nox-ship writes no such file here.")
    made.files = tuple(change.path for change in made.changes)
    made.changes = _differing(made)
    return made


def _differing(made: SetupPlan) -> list[Change]:
    return [change for change in made.changes if change.before != change.after]


def write(made: SetupPlan, *, force: bool) -> tuple[list[Change], list[Change]]:
    """Write what is missing; return the changes that were made, and those that were not.

    Raises:
        ShipError: A folder is not writable (NS813), or a symlink leads out of the repository (NS608); then nothing is
            written.
    """
    done = [change for change in made.changes if force or not change.protected]
    findings = Findings()
    for change in done:
        findings.catch(partial(real_place, change.path, made.survey.repository.path))
        folder = next(parent for parent in change.path.parents if parent.exists())
        for path in (folder, change.path):
            if path == folder and not path.is_dir():
                findings.append(NOT_WRITABLE(f"{path} is not a folder.", remedy="Move it away."))
            elif path.exists() and not _writable(path):
                findings.append(NOT_WRITABLE(f"{path} is not writable."))
    findings.raise_errors()
    for change in done:
        path = real_place(change.path, made.survey.repository.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.is_file() else b""
        crlf = 2 * before.count(b"\r\n") > before.count(b"\n")
        write_whole(path, change.after.replace("\n", "\r\n") if crlf else change.after)
    return done, [change for change in made.changes if change not in done]


def session_lines(made: SetupPlan) -> Iterator[tuple[str, str]]:
    """Yield how the noxfile's own sessions are used, as pairs of name and value."""
    if made.noxfile is None or not made.noxfile.written.sessions:
        return
    decision, calls = made.decision, evidence.called(made.survey.project.root)
    theirs = [name for names in decision.standing.values() for name in names]
    yield "gates", ", ".join(f"{name} (yours)" if name in theirs else name for name in decision.gates)
    for usual, name in decision.names.items():
        yield "named", f"our session is called {name}, because you have a session {usual}"
    for one in decision.unfit:
        yield "no gate", f"{one.name}: {why_unfit(one)}"
    if others := [one.name for one in made.noxfile.written.run_by(calls) if one.name not in {*theirs, *decision.names}]:
        yield "no gates", f"{', '.join(others)}: to run them in a release too, list all gates in `gates`"
    if decision.unmeasured:
        yield "coverage", str(not_measured(decision))


def _writable(path: Path) -> bool:
    """Whether a path is writable; files that are read-only for everyone are left alone even by root."""
    return os.access(path, os.W_OK) and bool(path.stat().st_mode & 0o222)


def drift(survey: Survey, ci: str | None = None) -> SetupPlan:
    """Return a plan that changes those of our files that differ from what the installed version would write.

    Those are the CI files and their lock. No index is asked: a lock with a line for nox-ship counts as up to date.

    Args:
        survey: The project.
        ci: As for :func:`plan`; default: the CI that the project has files for, else its forge's.
    """
    made, ci = SetupPlan(survey), ci or survey.ci
    if ci != "none":
        add_workflows(made, ci)
        add_lock(made, ci, _unknown, [Path(lock.FILE).name])
    made.changes = _differing(made)
    return made


def _settings(made: SetupPlan) -> None:
    """Plan the settings that differ from the defaults for this project."""
    survey = made.survey
    root = survey.project.root
    path = root / "pyproject.toml"
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    after = pyproject.extended(build_system(root) if before is None else before, survey)
    why = "how it is built" if before is None else "settings"
    made.changes.append(Change(path, "pyproject.toml", before, after, why))
    if before is None and (unnamed := unnamed_imports(root)):
        made.hints.append(
            f"setup.py imports {', '.join(unnamed)}: add what provides them to `requires` in [build-system] of"
            " pyproject.toml."
        )
    if left := options(survey.wheel_jobs)[1]:
        made.hints.append(
            f"Your jobs set {', '.join(left)} differently, or with an expression. Move what applies to all of them to"
            " [tool.cibuildwheel] in pyproject.toml."
        )
    if survey.restated and has_bump_settings(survey.project):
        names = ", ".join(dict.fromkeys(place.file for place in survey.restated))
        made.hints.append(f"Your settings for bump-my-version omit files that state the version: {names}.")
