"""Giving a project its whole release automation: what would change is planned first, then written or shown."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from packaging.version import Version

from nox_ship import documents, versions
from nox_ship.errors import Findings, Kind, ShipError, shorten
from nox_ship.files import real_place, write_whole
from nox_ship.gates import evidence, matrix, recipes
from nox_ship.gates.noxfile import NOT_LAST, not_measured
from nox_ship.gates.own import Decision, decide, why_unfit
from nox_ship.project import Project
from nox_ship.release.bumpversion import has_bump_settings
from nox_ship.release.version import BAD_VERSION
from nox_ship.setup import gitlab, hand_written, lock, pyproject, workflows
from nox_ship.setup.build_system import build_system, unnamed_imports
from nox_ship.setup.change import Change
from nox_ship.setup.keep import is_ours, keep_own
from nox_ship.setup.noxfile import BLOCK, IMPORT, NEW, NOXFILE_BROKEN, UNTYPED, UNTYPED_IMPORT, Noxfile, is_whole
from nox_ship.setup.rival import Rival, neighbours, rivals
from nox_ship.setup.styled import styled
from nox_ship.setup.survey import Survey
from nox_ship.world.forge import GITLAB_CI
from nox_ship.world.index import PUBLIC_INDEXES
from nox_ship.world.real import token_variable

NOT_WRITABLE = Kind("NS813", "not-writable", "Make the folder writable, or run the command where it is.")
HAND_WRITTEN = Kind("NS815", "hand-written", "Rename it, or let `--force` replace it.")
SESSIONS_UNCLEAR = Kind(
    "NS843",
    "sessions-unclear",
    "Run `nox -s doctor` afterwards: it sees every session, and says whether the workflows call the right ones.",
    level="notice",
)
DRIFTED = Kind("NS816", "drifted", "Run `nox-ship init --force` to write it anew; your own parts are kept.")


@dataclass
class Plan:
    """What is to be written, and what a person has to do."""

    survey: Survey
    changes: list[Change] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    files: tuple[Path, ...] = ()
    """Every file that is ours to write, whether it would change or not."""
    workflows: list[str] = field(default_factory=list)
    """The files that the CI obeys and that are ours, whether they would change or not."""
    theirs: list[str] = field(default_factory=list)
    """Those that have the names of ours and are the project's own."""
    publishing: str | None = None
    """The file by which nox-ship publishes what is tagged; None where the project has another, or none."""
    noxfile: Noxfile | None = None
    """The noxfile that is there."""

    @cached_property
    def decision(self) -> Decision:
        """Which sessions are gates."""
        project = self.survey.project
        return self.noxfile.decided(project) if self.noxfile else decide((), chosen=project.chosen_gates)


def _unknown(_: str) -> tuple[str, ...]:
    """Tell no hash."""
    return ()


def plan(survey: Survey, *, ci: str, force: bool, hashes: lock.Hashes = _unknown) -> Plan:
    """Find out what the project lacks; nothing is written.

    Args:
        survey: The project.
        ci: ``github`` for workflows, ``gitlab`` for GitLab's file, ``none`` for neither.
        force: Overwrite what differs.
        hashes: Asks the index for the SHA-256 of nox-ship itself, for the lock.

    Raises:
        ShipError: With every finding: the noxfile is broken (NS811), or the lock was written by hand (NS815).
    """
    made, findings = Plan(survey), Findings()
    _settings(made)
    findings.catch(lambda: _noxfile(made))
    if ci != "none":
        findings.catch(lambda: _automation(made, ci, force=force))
        findings.catch(lambda: _lock(made, ci, hashes, force=force))
    if ci == "github" and made.workflows:
        _dependabot(made)
    findings.raise_errors()
    made.files = tuple(change.path for change in made.changes)
    made.changes = _differing(made)
    return made


def _differing(made: Plan) -> list[Change]:
    return [change for change in made.changes if change.before != change.after]


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


def session_lines(made: Plan) -> Iterator[tuple[str, str]]:
    """Yield what becomes of the sessions that the noxfile has of its own, as a name and a value each."""
    if made.noxfile is None or not made.noxfile.written.sessions:
        return
    decision, calls = made.decision, evidence.called(made.survey.project.root)
    theirs = [name for names in decision.standing.values() for name in names]
    yield "gates", ", ".join(f"{name} (yours)" if name in theirs else name for name in decision.gates)
    for usual, name in decision.names.items():
        yield "named", f"{name} is ours, because you have a session {usual}"
    for one in decision.unfit:
        yield "no gate", f"{one.name}: {why_unfit(one)}"
    if others := [one.name for one in made.noxfile.written.run_by(calls) if one.name not in {*theirs, *decision.names}]:
        yield "no gates", f"{', '.join(others)}: to let a release run them too, name all gates in `gates`"
    if decision.unmeasured:
        yield "coverage", str(not_measured(decision))


def _writable(path: Path) -> bool:
    """Whether a path may be written to; what nobody may write is left alone by root, too."""
    return os.access(path, os.W_OK) and bool(path.stat().st_mode & 0o222)


def drift(survey: Survey, ci: str | None = None) -> Plan:
    """Return a plan that changes those files of ours that are not what the installed version would write.

    That is, files that the CI obeys, and their lock. No index is asked: a lock that has a line for nox-ship has not
    drifted.

    Args:
        survey: The project.
        ci: As for :func:`plan`; default: the one that the project has files for, or its forge's.
    """
    made, ci = Plan(survey), ci or survey.ci
    if ci != "none":
        _automation(made, ci, force=False)
        _lock(made, ci, _unknown, force=True)
    made.changes = _differing(made)
    return made


def _noxfile(made: Plan) -> None:
    path = made.survey.project.root / "noxfile.py"
    if not path.is_file():
        project = made.survey.project
        text = NEW.replace(BLOCK, f"{BLOCK}{UNTYPED}\n") if _checks_types(project) else NEW
        _styled(made, path, None, text)
        if recipes.tests_read_noxfile(project):
            made.hints.append(
                "pytest takes up every Python file here, and would import noxfile.py: add `--ignore=noxfile.py` to its"
                " `addopts`. The gates do so by themselves."
            )
        return
    try:
        noxfile = Noxfile.read(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ShipError(NOXFILE_BROKEN("noxfile.py is not UTF-8.", remedy="Save it as UTF-8.")) from error
    made.noxfile = noxfile
    made.hints += _unclear(noxfile)
    if noxfile.registered:
        ours = made.survey.project.canonical_name == "nox-ship"  # its noxfile finds nox-ship beside itself
        completed = noxfile.text if ours else noxfile.completed()
        made.changes.append(Change(path, "noxfile.py", noxfile.text, completed, "what its sessions need"))
        return
    extended = noxfile.extended()
    if extended is None:
        made.hints.append(
            "Add to noxfile.py, as its last lines above `if __name__ ...`:\n\nimport nox_ship\n\nnox_ship.register()\n"
        )
        return
    _styled(made, path, noxfile.text, extended)
    if not Noxfile.read(extended).scripted:
        made.hints.append(
            f"Your noxfile imports {', '.join(noxfile.foreign)}. Write what it needs into a block on top of it, so that"
            f" nox installs that everywhere, and run `nox-ship init --force`:\n\n{BLOCK}"
        )


def _checks_types(project: Project) -> bool:
    """Whether a type checker may be handed the noxfile."""
    try:
        return bool(recipes.typecheck(project).steps)
    except ShipError:  # the gates' line tells it
        return False


def _is_type_checked(project: Project, path: Path) -> bool:
    """Whether a type checker looks at the noxfile that is there, and minds that nox-ship is not installed for it."""
    try:
        commands = [command for step in recipes.typecheck(project).steps for command in step.commands]
    except ShipError:  # the gates' line tells it
        return False
    for tool, *words in commands:
        named = {word for word in words if not word.startswith("-") and os.path.lexists(project.root / word)}
        whole = not named and tool != "mypy"  # mypy alone looks at nothing without a name
        if "--ignore-missing-imports" not in words and (whole or {path.name, "."} & named):
            return True
    return False


def _styled(made: Plan, path: Path, before: str | None, planned: str) -> None:
    """Plan the noxfile as the project's own tools want it, where they let it be what it is."""
    done = styled(made.survey.project, before, planned)
    made.hints += done.hints
    text = done.text if is_whole(done.text, planned) else planned
    if before is not None and _is_type_checked(made.survey.project, path):
        text = text.replace(IMPORT, UNTYPED_IMPORT, 1)
    made.changes.append(Change(path, "noxfile.py", before, text, "the sessions"))


def _unclear(noxfile: Noxfile) -> Iterator[str]:
    """Yield what cannot be told of a noxfile's sessions, or comes too late in it."""
    if noxfile.late:
        yield str(NOT_LAST(f"noxfile.py defines {shorten(noxfile.late)} below `nox_ship.register()`."))
    if lines := noxfile.written.unsure:
        where = shorten(map(str, lines))
        yield str(SESSIONS_UNCLEAR(f"noxfile.py may have sessions that its text does not tell: see line {where}."))


def _settings(made: Plan) -> None:
    """Plan the settings, where the project differs from what the defaults take it for."""
    survey = made.survey
    root = survey.project.root
    path = root / "pyproject.toml"
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    after = pyproject.extended(build_system(root) if before is None else before, survey)
    why = "how it is built" if before is None else "settings"
    made.changes.append(Change(path, "pyproject.toml", before, after, why))
    if before is None and (unnamed := unnamed_imports(root)):
        made.hints.append(
            f"setup.py imports {', '.join(unnamed)}: add what provides that to `requires` in [build-system] of"
            " pyproject.toml."
        )
    if survey.restated and has_bump_settings(survey.project):
        names = ", ".join(dict.fromkeys(place.file for place in survey.restated))
        made.hints.append(f"Your settings for bump-my-version leave out files that state the version: {names}.")


def facts(survey: Survey) -> workflows.Facts:
    """Return what the templates of the CI's files need to know.

    Raises:
        ShipError: The noxfile is broken (NS811).
    """
    project, noxfile = survey.project, _there(survey)
    settings = project.settings.workflows
    decision = noxfile.decided(project) if noxfile else decide((), chosen=project.chosen_gates)
    if survey.compiled and "workflows" not in project.tool("nox-ship"):
        settings = dataclasses.replace(settings, systems=("ubuntu-latest",))
    return workflows.Facts(
        branch=survey.branch,
        tag=survey.tag,
        pythons=survey.pythons,
        coverage=_has_coverage(project, decision, noxfile),
        besides=noxfile.besides if noxfile else (),
        settings=settings,
        name=project.canonical_name,
        folder=survey.folder,
        routes=project.settings.routes,
        tokens={name: token_variable(name, project.settings) for name in PUBLIC_INDEXES},
        names=decision.names,
        more_pythons=noxfile.written.pythons if noxfile else (),
    )


def _there(survey: Survey) -> Noxfile | None:
    text = survey.project.read_text("noxfile.py").removeprefix("\N{BYTE ORDER MARK}")
    return Noxfile.read(text) if text else None


def _has_coverage(project: Project, decision: Decision, noxfile: Noxfile | None) -> bool:
    """Whether a job is to combine what the jobs of the gates bring along in nox-ship's own folder."""
    if "coverage" not in decision.gates or (noxfile and noxfile.excludes("coverage")):
        return False
    if noxfile is None or "coverage" not in decision.standing:
        return True
    return "coverage" in decision.apart and evidence.measures(project, noxfile.text)


def gate_jobs(survey: Survey) -> list[matrix.Job]:
    """Return the jobs of the gates for a CI that cannot be told them by the session ``matrix``.

    Raises:
        ShipError: The noxfile is broken (NS811).
    """
    project, noxfile = survey.project, _there(survey)
    decision = noxfile.decided(project) if noxfile else decide((), chosen=project.chosen_gates)
    gates = [gate for gate in decision.gates if not (noxfile and noxfile.excludes(gate))]
    pythons = {**dict.fromkeys(gates), "tests": survey.pythons}
    running = workflows.newest(facts(survey))
    return matrix.jobs(gates, pythons, running, apart=decision.apart, measured=decision.tests)


def _automation(made: Plan, ci: str, *, force: bool) -> None:
    """Plan the files that the CI obeys; those of the same names that nox-ship did not write are left to the project."""
    survey = made.survey
    known = facts(survey)
    planned = next((change.after for change in made.changes if change.name == "noxfile.py"), None)
    if planned:
        known = dataclasses.replace(known, besides=Noxfile.read(planned).besides)
    if ci == "github":
        texts, made.publishing = workflows.render(known), known.release_file
    else:
        texts, made.publishing = gitlab.render(known, gate_jobs(survey), trusted=survey.identifies), GITLAB_CI
    rival, doubtful = rivals(survey) if ci == "github" else (None, "")
    for name, text in texts.items():
        before = _text(survey.repository.path / name)
        publishes = Path(name).name == made.publishing
        if publishes and rival and _is_left(made, rival, before or "", force=force):
            made.theirs += [] if before is None else [name]
            continue
        if before is not None and not is_ours(before):
            if not force:
                made.theirs.append(name)
                made.hints.append(hand_written.advice(name, publishes=publishes))
                made.publishing = None if publishes else made.publishing
                continue
            made.hints += filter(None, [hand_written.warning(survey, name)])
        made.workflows.append(name)
        after = keep_own(text, before or "")
        made.changes.append(_change(survey, name, before, after, "what the CI runs", protected=True))
    if known.folder and (others := neighbours(survey, known.release_file)):
        own = f'`tag = "{known.name}-{{version}}"`'
        made.hints.append(f"Tags such as {survey.tag} start {others} too: give each project its own, as {own} does.")
    if doubtful and made.publishing:
        made.hints.append(f"{doubtful} may publish what is tagged, and {made.publishing} does: let only one of them.")


def _is_left(made: Plan, rival: Rival, before: str, *, force: bool) -> bool:
    """Whether publishing is left to a workflow of the project's own; a person is told of it in any case."""
    ours = made.publishing or ""
    if not force and not is_ours(before):
        made.hints.append(rival.advice(ours))
        made.publishing = None
        return True
    if rival.workflow != ours:
        made.hints.append(rival.warning(ours))
    return False


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _change(survey: Survey, name: str, before: str | None, after: str, why: str, *, protected: bool = False) -> Change:
    """Return the change of a file that is named by its path in the repository."""
    path = survey.repository.path / name
    shown = Path(os.path.relpath(path, survey.project.root.resolve())).as_posix()
    return Change(path, shown, before, after, why, protected=protected and before is not None)


def _lock(made: Plan, ci: str, hashes: lock.Hashes, *, force: bool) -> None:
    """Plan the lock of what the jobs of our own files install.

    Raises:
        ShipError: The lock was written by hand (NS815), and force is not used; the index does not answer (NS701); or
            the setting ``workflows.version`` is no version (NS303).
    """
    if not made.workflows:
        return
    survey, name = made.survey, lock.FILE if ci == "github" else gitlab.LOCK
    before = _text(survey.repository.path / name)
    if before is not None and not is_ours(before) and not force:
        raise ShipError(HAND_WRITTEN(f"{name} was not written by nox-ship."))
    version, pinned = _version(survey), survey.project.settings.workflows.version is not None
    after = lock.rendered(version, hashes, before or "", pinned=pinned)
    made.changes.append(_change(survey, name, before, after, "what the jobs install, by hash"))
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
        text = workflows.dependabot()
        made.changes.append(_change(made.survey, ".github/dependabot.yml", None, text, "updates of the actions"))
        return
    if (text := documents.read_text(path)) == workflows.dependabot():
        made.changes.append(_change(made.survey, f".github/{path.name}", text, text, "updates of the actions"))
        return
    try:
        settings = documents.yaml(text)
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
