"""Everything that can be checked before the first write; all findings are reported at once."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from nox_ship import documents, pythons
from nox_ship.automation.groups import check_groups
from nox_ship.config import Settings
from nox_ship.errors import Finding, Findings, Kind, shorten
from nox_ship.gates.noxfile import Sessions
from nox_ship.gates.own import FURTHER
from nox_ship.git import Repository
from nox_ship.package.build import IGNORED_CHANGES
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.bumpversion import bumped_files, have_a_scheme
from nox_ship.release.changelog import changelog_findings
from nox_ship.release.coming import Coming, find_coming
from nox_ship.release.publish import index_names, route
from nox_ship.release.record import Record
from nox_ship.release.uptake import foresee, foresee_workflow
from nox_ship.release.workflows import Publishing, publishing
from nox_ship.world.remote import is_pushed
from nox_ship.world.world import World

DIRTY_TREE = Kind("NS203", "dirty-tree", "Commit or stash the changes.")
DETACHED_HEAD = Kind("NS204", "detached-head", "Check out the release branch: `git switch BRANCH`.")
WRONG_BRANCH = Kind("NS205", "wrong-branch", "Switch to it, or set `branch` in [tool.nox-ship].")
BEHIND_REMOTE = Kind("NS206", "behind-remote", "Run `git pull --ff-only`.")
DIVERGED = Kind("NS207", "diverged", "Run `git pull --rebase`.")
NO_IDENTITY = Kind("NS211", "no-identity", "Run `git config user.name NAME` and `git config user.email ADDRESS`.")
UNKNOWN_GATE = Kind("NS104", "unknown-gate", "Correct the name, or add the session to the noxfile.")
GATE_EXCLUDED = Kind("NS105", "gate-excluded", "It is left out of this release.", level="notice")
GATE_LEFT_OUT = Kind("NS109", "gate-left-out", "Nothing is to be done.", level="notice")
UNKNOWN_ROUTE = Kind("NS106", "unknown-route", "Write `pypi`, `testpypi`, or a name from [tool.nox-ship.indexes].")
NO_NOXFILE = Kind("NS107", "noxfile-not-committed", "Add the noxfile to git: a release is made in a clean clone.")
NO_SPACE = Kind("NS801", "no-space", "Free some space, or point TMPDIR to a folder that has it.")
PYTHON_MISSING = Kind(
    "NS804", "python-missing", "Install it on this runner, or take it out of `pythons` or the classifiers."
)

PYTHON_LEFT_OUT = Kind(
    "NS118",
    "python-left-out",
    "To require it, name it in the classifiers or in `pythons` of [tool.nox-ship].",
    level="notice",
)
OTHER_ENCODING = Kind("NS119", "other-encoding", "Save it as UTF-8.", level="notice")
NOT_AGREED = Kind(
    "NS237",
    "not-agreed",
    "Add `--yes` to release without being asked, or `--dry-run` to rehearse the release.",
)

_INI_FILES = ("setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini", "mypy.ini", ".mypy.ini", ".coveragerc", ".flake8")
SPACE_NEEDED = 64 * 1024 * 1024
"""Bytes that must be free where temporary files go."""


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    wanted: str | None
    """A part, a whole version, or ``auto``; None if nothing was given."""
    without: tuple[str, ...] = ()
    """Gates to leave out this time."""
    fresh: bool = False
    """Use nothing that an earlier run left."""
    agreed: bool = True
    """Whether the push is agreed to, or somebody can be asked before it."""
    any_branch: bool = False
    """Whether another branch than the release branch will do, as it does for a rehearsal."""
    in_ci: bool = False
    """Whether this is a CI, in which nothing that is missing is left out."""


@dataclass(frozen=True, kw_only=True)
class Plan(Coming):
    """A release that nothing known stands against."""

    project: Project
    repository: Repository
    branch: str
    release_branch: str
    """The branch that releases are made from; a rehearsal may be on another one."""
    head: str
    gates: tuple[str, ...]
    index: str
    """Name of the index that the version's route leads to."""
    workflow: str | None = None
    """File name of the workflow that publishes once the tag is pushed; None where this machine does."""
    waits: bool = False
    """Whether that workflow waits until somebody publishes a GitHub Release."""

    @property
    def folder(self) -> Path:
        """The project's folder, relative to the top of the repository."""
        return self.project.root.resolve().relative_to(self.repository.path.resolve())


def preflight(
    root: Path,
    request: Request,
    sessions: Sessions,
    world: World,
    notify: Callable[[Finding], None],
    earlier: Record | None = None,
    built: Manifest | None = None,
) -> Plan:
    """Check everything that can be checked and return what is to be done.

    Args:
        root: The folder of the project.
        request: What the user asked for.
        sessions: What the noxfile holds.
        world: What the release changes; it is only read.
        notify: Told about each warning and notice.
        earlier: What an earlier run left; where the world has it, this release is that one.
        built: What that run built.

    Raises:
        ShipError: With every finding that stands against the release.
    """
    findings = Findings()
    findings.extend(_machine())
    project = findings.catch(lambda: Project.read(root))
    repository = findings.catch(lambda: Repository.at(root, project.settings.pass_env if project else ()))
    gates: tuple[str, ...] = ()
    if project:
        findings.catch(lambda: project.name)
        findings.catch(lambda: project.requires_python)
        findings.extend(findings.catch(lambda: list(_missing_pythons(project) if request.in_ci else ())) or ())
        findings.extend(routes_known(project.settings))
        findings.catch(lambda: check_groups(project))
        findings.extend(sessions.told(request.without))
        gates = _gates(request.without, sessions, findings)
    branch, expected = _branches(repository, project, request, findings) if repository else (None, None)
    coming = pushed = None
    refs: Mapping[str, str] = {}
    if repository:
        findings.extend(_work_tree(repository, root))
        refs = findings.catch(world.known_refs) or {}
        pushed = _pushed(earlier, repository, refs)
        findings.extend(_remote_branch(repository, branch, refs, pushed))
        if project:
            made = None if request.fresh else earlier
            wanted = request.wanted
            coming = findings.catch(lambda: find_coming(project, repository, wanted, refs, findings, pushed, made))
    if project:
        _read_files(project, coming, findings)
    by = Publishing()
    if project and coming and repository:
        by = publishing(repository.path, project.settings, route(project.settings, Version(coming.version)), coming.tag)
        findings.extend(by.told)
        findings.extend(_not_agreed(request, coming, branch, refs, pushed.commit if pushed else repository.head))
    if project and coming:
        findings.extend(findings.catch(lambda: _index(project, coming, world, by, built)) or ())
    findings.catch(lambda: world.rehearsal_index)
    findings.extend(world.notices())
    for finding in findings:
        if finding.level != "error":
            notify(finding)
    findings.raise_errors()
    if not (project and repository and branch and coming):
        raise AssertionError  # each of them is missing only beside a finding
    return Plan(
        project=project,
        repository=repository,
        branch=branch,
        release_branch=expected or branch,
        head=repository.head,
        gates=gates,
        index=route(project.settings, Version(coming.version)),
        workflow=by.workflow,
        waits=by.waits,
        **vars(coming),
    )


def _not_agreed(
    request: Request, coming: Coming, branch: str | None, refs: Mapping[str, str], commit: str | None
) -> Iterator[Finding]:
    """Yield an error where there will be something to push, and nobody agreed or can be asked."""
    there = not coming.bump and is_pushed(refs, branch, coming.tag, commit)
    if not request.agreed and not there:
        yield NOT_AGREED("This release would be pushed, and there is no terminal on which to ask you first.")


def _pushed(earlier: Record | None, repository: Repository, refs: Mapping[str, str]) -> Record | None:
    """Return what an earlier run left where it was pushed, and HEAD is still what it was made from.

    Branch and tag are pushed together: where the tag is, the branch has been, whatever was pushed on top since.
    """
    if earlier is None or earlier.commit is None or earlier.head != repository.head:
        return None
    return earlier if refs.get(f"refs/tags/{earlier.tag}") == earlier.commit else None


def _index(project: Project, coming: Coming, world: World, by: Publishing, built: Manifest | None) -> Findings:
    """Return whether the index will accept the release; if a workflow publishes, without credentials.

    Raises:
        ShipError: The index does not answer (NS701) to the one who publishes.
    """
    name = route(project.settings, Version(coming.version))
    if name not in index_names(project.settings):
        return Findings()  # the routes are reported
    called, version = project.canonical_name, coming.version
    index = world.index(name, called)
    if by.workflow:
        return foresee_workflow(index, called, version, new=coming.bump, certain=by.certain)
    return foresee(index, called, version, new=coming.bump, built=built)


def _machine() -> Iterator[Finding]:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < SPACE_NEEDED:
        yield NO_SPACE(f"Only {free >> 20} MiB are free in {folder}; {SPACE_NEEDED >> 20} are needed.")


def _missing_pythons(project: Project) -> Iterator[Finding]:
    """Yield an error for each Python that a CI lacks; on a laptop nox skips those, and the report says so.

    Of a range of Pythons, which the project does not name one by one, a CI may lack all but one.
    """
    named = project.named_pythons
    wanted = named or project.pythons(f"{sys.version_info[0]}.{sys.version_info[1]}")
    missing = [python for python in wanted if pythons.interpreter(python) is None]
    if named or len(missing) == len(wanted):
        yield from (PYTHON_MISSING(f"Python {python} is not installed.") for python in missing)
    elif missing:
        yield PYTHON_LEFT_OUT(f"Python {', '.join(missing)} of the range in requires-python is not installed.")


def _read_files(project: Project, coming: Coming | None, findings: Findings) -> None:
    if coming and coming.bump:
        findings.extend(findings.catch(lambda: list(changelog_findings(project, coming.version))) or ())
    findings.extend(findings.catch(lambda: list(_other_encodings(project, coming))) or ())


def _other_encodings(project: Project, coming: Coming | None) -> Iterator[Finding]:
    """Yield an error for each file whose version cannot be changed, and a notice for others that were guessed at."""
    changed = {place.file for place in coming.source.places} if coming and coming.bump else set()
    if coming and coming.bump and not have_a_scheme(project):
        changed |= bumped_files(project, coming.current)
    for name in sorted({*changed, *_INI_FILES}):
        if name in changed and not documents.is_utf8(project.root / name):
            what = f"{name} is not UTF-8, and bump-my-version cannot change the version in it."
            yield OTHER_ENCODING(what, level="error")
        elif not documents.is_utf8(project.root / name):
            yield OTHER_ENCODING(f"{name} is not UTF-8; it was read as Latin-1, but other tools may refuse it.")


def routes_known(settings: Settings) -> Iterator[Finding]:
    """Yield an error for each route that leads to no index."""
    known = index_names(settings)
    for kind in ("final", "prerelease", "development"):
        name = getattr(settings.routes, kind)
        if name not in known:
            yield UNKNOWN_ROUTE(f"`tool.nox-ship.routes.{kind}` is {name!r}, which is no index.")


def _gates(without: Collection[str], sessions: Sessions, findings: Findings) -> tuple[str, ...]:
    decision = sessions.decision
    for name in without:
        if name not in decision.gates:
            findings.append(UNKNOWN_GATE(f"`--without {name}` names no gate; there are {', '.join(decision.gates)}."))
    left_out = set(without)
    if set(decision.tests) <= left_out and {"coverage"} & set(decision.gates) & set(decision.apart) - left_out:
        findings.append(GATE_LEFT_OUT("Without tests there is nothing to measure: coverage is left out too."))
        left_out.add("coverage")
    findings.extend(missing_gates(sessions, left_out))
    return tuple(gate for gate in decision.gates if gate not in left_out and gate in sessions.names)


def missing_gates(sessions: Sessions, without: Collection[str] = ()) -> Iterator[Finding]:
    """Yield a finding for each gate, but those in ``without``, that is no session of the noxfile."""
    for gate in sessions.decision.gates:
        if gate in sessions.names or gate in without:
            continue
        if sessions.decision.chosen and gate not in FURTHER:
            yield UNKNOWN_GATE(f"`tool.nox-ship.gates` names {gate!r}, which is no session of the noxfile.")
        else:
            yield GATE_EXCLUDED(f"The noxfile excludes the session {gate}.")


def _work_tree(repository: Repository, root: Path) -> Iterator[Finding]:
    noxfile = str((root / "noxfile.py").resolve())
    if repository.find("ls-files", "--error-unmatch", noxfile) is None:
        yield NO_NOXFILE("noxfile.py is not in git.")
    if changes := repository.changes(IGNORED_CHANGES):
        differ = "path differs" if len(changes) == 1 else "paths differ"
        yield DIRTY_TREE(f"{len(changes)} {differ} from HEAD: {shorten(changes)}.")
    if repository.find("var", "GIT_COMMITTER_IDENT") is None:
        yield NO_IDENTITY("Git does not know who commits here.")


def _branches(
    repository: Repository, project: Project | None, request: Request, findings: Findings
) -> tuple[str | None, str | None]:
    """Return the branch that is checked out, and the one that releases are made from, as far as they can be told.

    A release is not made from another branch; a rehearsal may be.
    """
    branch = repository.branch
    if branch is None:
        findings.append(DETACHED_HEAD(f"HEAD is detached at {repository.head[:10]}."))
    wanted = project.settings.branch if project else None
    expected = wanted or repository.default_branch(project.settings.remote if project else None)
    if branch and expected and branch != expected:
        what = f"The branch is {branch}; releases are made from {expected}."
        remedy = f"Merge it into {expected} before the release."
        allowed = WRONG_BRANCH(what, remedy=remedy, level="notice")
        findings.append(allowed if request.any_branch else WRONG_BRANCH(what))
    return branch, expected


def _remote_branch(
    repository: Repository, branch: str | None, refs: Mapping[str, str], pushed: Record | None
) -> Iterator[Finding]:
    theirs = refs.get(f"refs/heads/{branch}")
    if theirs is None or theirs == repository.head or pushed:
        return
    if any(name.startswith("refs/tags/") and commit == repository.head for name, commit in refs.items()):
        return  # HEAD is a release that is pushed: what came on top of it does not stand against finishing it
    if theirs not in repository.known([theirs]):
        yield BEHIND_REMOTE(f"The remote's {branch} has commits that are not here.")
    elif repository.is_ancestor(theirs, repository.head):
        return
    elif repository.is_ancestor(repository.head, theirs):
        yield BEHIND_REMOTE(f"{branch} is behind the remote's.")
    else:
        yield DIVERGED(f"{branch} and the remote's {branch} have diverged.")
