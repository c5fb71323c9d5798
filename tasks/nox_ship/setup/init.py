"""Giving a project its whole release automation: what would change is planned first, then written or shown."""

from __future__ import annotations

import dataclasses
import difflib
import importlib.metadata
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from packaging.version import Version

from nox_ship import documents, versions
from nox_ship.errors import Findings, Kind, ShipError
from nox_ship.files import real_place, write_whole
from nox_ship.release.bumpversion import has_bump_settings
from nox_ship.release.version import BAD_VERSION
from nox_ship.setup import lock, pyproject, workflows
from nox_ship.setup.keep import is_ours, keep_own
from nox_ship.setup.noxfile import BLOCK, NEW, NOXFILE_BROKEN, Noxfile
from nox_ship.setup.survey import Survey
from nox_ship.world.index import display_name

NOT_WRITABLE = Kind("NS813", "not-writable", "Make the folder writable, or run the command where it is.")
NO_FORGE = Kind(
    "NS814",
    "no-forge",
    "Make the repository on GitHub the remote (`git remote add origin ADDRESS`, or `git remote set-url`), or write no"
    " workflows: `--ci none`.",
)
HAND_WRITTEN = Kind(
    "NS815",
    "hand-written",
    "Rename it, or let `--force` replace it; the difference is shown above.",
)
NESTED_PROJECT = Kind(
    "NS818",
    "nested-project",
    "Use `--ci none`, and write workflows with a `working-directory` of your own: those of nox-ship run at the top.",
)
DRIFTED = Kind("NS816", "drifted", "Run `nox-ship init --force` to write it anew; your own parts are kept.")


@dataclass(frozen=True)
class Change:
    """A file as it is and as it would be."""

    path: Path
    name: str
    """The path as it is shown."""
    before: str | None
    """None where there is no file."""
    after: str
    why: str
    protected: bool = False
    """Whether it is only overwritten by force."""

    @property
    def diff(self) -> str:
        """What would change, as a unified diff."""
        old = (self.before or "").splitlines(keepends=True)
        lines = difflib.unified_diff(old, self.after.splitlines(keepends=True), self.name, self.name)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@dataclass
class Plan:
    """What is to be written, and what a person has to do."""

    survey: Survey
    changes: list[Change] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


def _unknown(_: str) -> tuple[str, ...]:
    """Tell no hash."""
    return ()


def plan(survey: Survey, *, sessions: Collection[str], ci: str, force: bool, hashes: lock.Hashes = _unknown) -> Plan:
    """Find out what the project lacks; nothing is written.

    Args:
        survey: The project.
        sessions: Names of our sessions.
        ci: ``github`` for workflows, ``none`` for none.
        force: Overwrite what differs.
        hashes: Asks the index for the SHA-256 of nox-ship itself, for the lock.

    Raises:
        ShipError: With every finding: the noxfile is broken (NS811) or has sessions of our names (NS812), workflows
            of our names were written by hand (NS815), the remote is not on GitHub (NS814), or the project is not at
            the top of its repository (NS818).
    """
    made, findings = Plan(survey), Findings()
    findings.catch(lambda: _noxfile(made, sessions, force=force))
    _settings(made)
    if ci == "github":
        if survey.github is None:
            what = f"The remote is {survey.remote}, which is not on GitHub." if survey.remote else "There is no remote."
            findings.append(NO_FORGE(what))
        if survey.nested:
            findings.append(NESTED_PROJECT(f"The project is in a folder of the repository {survey.repository.path}."))
        findings.catch(lambda: _workflows(made, force=force))
        findings.catch(lambda: _lock(made, hashes, force=force))
        _dependabot(made)
    findings.raise_errors()
    made.changes = [change for change in made.changes if change.before != change.after]
    return made


def write(made: Plan, *, force: bool) -> tuple[list[Change], list[Change]]:
    """Write what is missing; return the changes that were made, and those that were left.

    Raises:
        ShipError: A folder cannot be written to (NS813), or a symlink leads out of the repository (NS608); then
            nothing is written.
    """
    done = [change for change in made.changes if force or not change.protected]
    findings = Findings()
    for change in done:
        findings.catch(partial(real_place, change.path, made.survey.repository.path))
        folder = next(parent for parent in change.path.parents if parent.exists())
        for path in (folder, change.path):
            if path == folder and not path.is_dir():
                findings.append(NOT_WRITABLE(f"{path} is no folder.", remedy="Move it away."))
            elif path.exists() and not _writable(path):
                findings.append(NOT_WRITABLE(f"{path} cannot be written to."))
    findings.raise_errors()
    for change in done:
        path = real_place(change.path, made.survey.repository.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.is_file() else b""
        crlf = 2 * before.count(b"\r\n") > before.count(b"\n")
        write_whole(path, change.after.replace("\n", "\r\n") if crlf else change.after)
    return done, [change for change in made.changes if change not in done]


def _writable(path: Path) -> bool:
    """Whether a path may be written to; what nobody may write is left alone by root, too."""
    return os.access(path, os.W_OK) and bool(path.stat().st_mode & 0o222)


def drift(survey: Survey) -> list[Change]:
    """Return the workflows of ours, and their lock, that are not what the installed version would write.

    No index is asked: a lock that has a line for nox-ship has not drifted.
    """
    made = Plan(survey)
    _workflows(made, force=True)
    _lock(made, _unknown, force=True)
    return [change for change in made.changes if change.before != change.after]


def _noxfile(made: Plan, sessions: Collection[str], *, force: bool) -> None:
    path = made.survey.project.root / "noxfile.py"
    if not path.is_file():
        made.changes.append(Change(path, "noxfile.py", None, NEW, "the sessions"))
        return
    try:
        noxfile = Noxfile.read(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ShipError(NOXFILE_BROKEN("noxfile.py is not UTF-8.", remedy="Save it as UTF-8.")) from error
    if noxfile.registered:
        ours = made.survey.project.canonical_name == "nox-ship"  # its noxfile finds nox-ship beside itself
        completed = noxfile.text if ours else noxfile.completed()
        made.changes.append(Change(path, "noxfile.py", noxfile.text, completed, "what its sessions need"))
        return
    if not force:
        noxfile.check_names(set(sessions))
    extended = noxfile.extended()
    if extended is None:
        made.hints.append(
            "Add to noxfile.py, below its imports and sessions:\n\nimport nox_ship\n\nnox_ship.register()\n"
        )
        return
    made.changes.append(Change(path, "noxfile.py", noxfile.text, extended, "the sessions"))
    if not Noxfile.read(extended).scripted:
        made.hints.append(
            f"Your noxfile imports {', '.join(noxfile.foreign)}. Write what it needs into a block on top of it, so that"
            f" nox installs that everywhere, and run `nox-ship init --force`:\n\n{BLOCK}"
        )


def _settings(made: Plan) -> None:
    """Plan the settings, where the project differs from what the defaults take it for."""
    survey = made.survey
    path = survey.project.root / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    made.changes.append(Change(path, "pyproject.toml", text, pyproject.extended(text, survey), "settings"))
    if survey.restated and has_bump_settings(survey.project):
        names = ", ".join(dict.fromkeys(place.file for place in survey.restated))
        made.hints.append(f"Your settings for bump-my-version leave out files that state the version: {names}.")


def facts(survey: Survey) -> workflows.Facts:
    """Return what the workflows' templates need to know.

    Raises:
        ShipError: The noxfile is broken (NS811).
    """
    project = survey.project
    text = project.read_text("noxfile.py").removeprefix("\N{BYTE ORDER MARK}")
    noxfile = Noxfile.read(text) if text else None
    settings = project.settings.workflows
    if survey.compiled and "workflows" not in project.tool("nox-ship"):
        settings = dataclasses.replace(settings, systems=("ubuntu-latest",))
    return workflows.Facts(
        branch=survey.branch,
        tag=survey.tag,
        pythons=survey.pythons,
        coverage="coverage" in project.settings.gates and not (noxfile and noxfile.excludes("coverage")),
        besides=noxfile.besides if noxfile else (),
        settings=settings,
    )


def _workflows(made: Plan, *, force: bool) -> None:
    """Plan the workflows.

    Raises:
        ShipError: One of the same name was written by hand (NS815), and force is not used.
    """
    survey, findings = made.survey, Findings()
    known = facts(survey)
    planned = next((change.after for change in made.changes if change.name == "noxfile.py"), None)
    if planned:
        known = dataclasses.replace(known, besides=Noxfile.read(planned).besides)
    for name, text in workflows.render(known).items():
        path = survey.repository.path / name
        before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        after = keep_own(text, before or "")
        change = Change(path, name, before, after, "a workflow", protected=before is not None)
        if before is not None and not is_ours(before) and not force:
            findings.append(HAND_WRITTEN(f"{name} was not written by nox-ship.", detail=change.diff))
        made.changes.append(change)
    findings.raise_errors()


def _lock(made: Plan, hashes: lock.Hashes, *, force: bool) -> None:
    """Plan the lock of what the workflows' jobs install.

    Raises:
        ShipError: The lock was written by hand (NS815), and force is not used; the index does not answer (NS701); or
            the setting ``workflows.version`` is no version (NS303).
    """
    survey = made.survey
    path = survey.repository.path / lock.FILE
    before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
    if before is not None and not is_ours(before) and not force:
        raise ShipError(HAND_WRITTEN(f"{lock.FILE} was not written by nox-ship."))
    version, pinned = _version(survey), survey.project.settings.workflows.version is not None
    after = lock.rendered(version, hashes, before or "", pinned=pinned)
    made.changes.append(Change(path, lock.FILE, before, after, "what the jobs install, by hash"))
    locked = lock.locked_version(after)
    if locked is None or locked < Version(version):
        instead = f"the workflows go on with {locked}" if locked else "the workflows have nothing to install"
        made.hints.append(
            f"The index has no nox-ship {version} yet, so {instead}: run `nox-ship init` again when it has, or set"
            " `workflows.version` to a version that it has."
        )


def _version(survey: Survey) -> str:
    """Return the version of nox-ship that the workflows run.

    Raises:
        ShipError: The setting ``workflows.version`` is no version (NS303).
    """
    version = survey.project.settings.workflows.version or importlib.metadata.version("nox-ship")
    if versions.parse(version) is None:
        raise ShipError(BAD_VERSION(f"`tool.nox-ship.workflows.version` is {version!r}."))
    return version


def _dependabot(made: Plan) -> None:
    folder = made.survey.repository.path / ".github"
    path = next((p for p in (folder / "dependabot.yml", folder / "dependabot.yaml") if p.is_file()), None)
    if path is None:
        name = ".github/dependabot.yml"
        made.changes.append(
            Change(folder / "dependabot.yml", name, None, workflows.dependabot(), "updates of the actions")
        )
        return
    try:
        settings = documents.yaml(documents.read_text(path))
    except documents.UnreadableError:
        settings = None
    updates = settings.get("updates") if isinstance(settings, dict) else None
    entries = [entry for entry in updates if isinstance(entry, dict)] if isinstance(updates, list) else []
    there = {(str(entry.get("package-ecosystem")), str(entry.get("directory")).strip("/")) for entry in entries}
    if not {("github-actions", ""), ("pip", ".github")} <= there:
        entry = workflows.dependabot().partition("updates:\n")[2]
        made.hints.append(
            f"Add what is missing of this to `updates` in .github/{path.name}, so that actions and lock are kept up to"
            f" date:\n\n{entry}"
        )


def publishers(survey: Survey) -> Iterator[str]:
    """Yield what to enter on each index for a pending trusted publisher."""
    github = survey.github
    if github is None or survey.project.settings.workflows.credentials != "trusted":
        return
    for name in survey.project.settings.workflows.indexes:
        yield (
            f"On {display_name(name)}, in your account under *Publishing*, add a pending publisher (GitHub):\n"
            f"  PyPI project name  {survey.project.canonical_name}\n"
            f"  Owner              {github.owner}\n"
            f"  Repository name    {github.name}\n"
            f"  Workflow name      release.yml\n"
            f"  Environment name   {name}"
        )
