"""Everything that can be checked before the first write; all findings are reported together."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from packaging.version import Version

from nox_ship import documents, pythons
from nox_ship.automation.groups import check_groups
from nox_ship.config import Settings
from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.gates.noxfile import Sessions
from nox_ship.gates.own import FURTHER
from nox_ship.package.building import IGNORED_CHANGES
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.bumpversion import bumped_files, have_a_scheme
from nox_ship.release.changelog import NOT_CUT, NOTHING_UNRELEASED, changelog_findings
from nox_ship.release.checking import CHECK_MISSING, WAITS_FOR_ITSELF, not_on_github
from nox_ship.release.coming import Coming
from nox_ship.release.delivery import BY_PULL_REQUEST, PUSH, Delivery, choose
from nox_ship.release.planning import Draft, Plan, Request, left_out
from nox_ship.release.record import Record
from nox_ship.release.route import index_names, route
from nox_ship.release.tags import tags_of
from nox_ship.release.uptake import foresee, foresee_name, foresee_workflow
from nox_ship.release.watching import followable
from nox_ship.release.workflows import after_publishing
from nox_ship.world.index import Index
from nox_ship.world.remote import is_pushed
from nox_ship.world.web import begun
from nox_ship.world.world import World

DIRTY_TREE = Kind("NS203", "dirty-tree", "Commit or stash the changes.")
DETACHED_HEAD = Kind("NS204", "detached-head", "Check out the release branch: `git switch BRANCH`.")
WRONG_BRANCH = Kind("NS205", "wrong-branch", "Switch to it, or set `branch` in [tool.nox-ship].")
BEHIND_REMOTE = Kind("NS206", "behind-remote", "Run `git pull --ff-only`.")
DIVERGED = Kind("NS207", "diverged", "Run `git pull --rebase`.")
NO_IDENTITY = Kind("NS211", "no-identity", "Run `git config user.name NAME` and `git config user.email ADDRESS`.")
UNKNOWN_GATE = Kind("NS104", "unknown-gate", "Correct the name, or add the session to the noxfile.")
GATE_EXCLUDED = Kind(
    "NS105", "gate-excluded", "No action is needed: the gate is left out of this release.", level="notice"
)
GATE_LEFT_OUT = Kind("NS109", "gate-left-out", "No action is needed.", level="notice")
UNKNOWN_ROUTE = Kind("NS106", "unknown-route", "Write `pypi`, `testpypi`, or a name from [tool.nox-ship.indexes].")
NO_NOXFILE = Kind("NS107", "noxfile-not-committed", "Add the noxfile to git: a release is made in a clean clone.")
NO_SPACE = Kind("NS801", "no-space", "Free some disk space, or point TMPDIR to a folder on a larger disk.")
PYTHON_MISSING = Kind(
    "NS804", "python-missing", "Install it on this runner, or remove it from `pythons` or the classifiers."
)

PYTHON_LEFT_OUT = Kind(
    "NS118",
    "python-left-out",
    "To require one, add it to the classifiers or to `pythons` in [tool.nox-ship].",
    level="notice",
)
OTHER_ENCODING = Kind("NS119", "other-encoding", "Save the file as UTF-8.", level="notice")
WHEELS_ELSEWHERE = Kind(
    "NS582", "wheels-elsewhere", "No action is needed: each wheel is tested where it is built.", level="notice"
)
NOT_AGREED = Kind(
    "NS237",
    "not-agreed",
    "Add `--yes` to release without a prompt, or `--dry-run` to rehearse the release.",
)

_INI_FILES = ("setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini", "mypy.ini", ".mypy.ini", ".coveragerc", ".flake8")
SPACE_NEEDED = 64 * 1024 * 1024
"""Free bytes needed in the folder for temporary files."""


def preflight(
    root: Path,
    request: Request,
    sessions: Sessions,
    world: World,
    notify: Callable[[Finding], None],
    earlier: Record | None = None,
    built: Manifest | None = None,
) -> Plan:
    """Check everything that can be checked before the release and return the plan.

    Args:
        root: The project's folder.
        request: What the user asked for.
        sessions: The sessions in the noxfile.
        world: The world that the release changes; only read here.
        notify: Called with each warning and notice.
        earlier: The record of an earlier run; if that release was pushed, this run continues it.
        built: The files that the earlier run built.

    Raises:
        ShipError: With every finding that blocks the release.
    """
    draft = Draft.of(root, request, sessions, world, earlier, built)
    way = begun(lambda: _delivery(draft, earlier))
    asked = begun(lambda: [one for check in OF_FORGE for one in _found(partial(check, draft))])
    findings = Findings(draft.told)
    for check in CHECKS:
        findings.extend(_found(partial(check, draft)))
    findings.extend(asked.result())
    delivery = way.result()
    if findings.errors:
        findings.extend(_found(lambda: _name(draft)))
    if delivery.proposes and draft.project and draft.project.settings.delivery == "auto":
        findings.append(BY_PULL_REQUEST(f"This release is proposed in a pull request: {delivery.why}."))
    for finding in findings:
        if finding.level != "error":
            notify(finding)
    findings.raise_errors()
    return draft.plan(delivery, lambda: _name(draft))


def _delivery(draft: Draft, earlier: Record | None) -> Delivery:
    """Return how the release reaches the remote; if its commit is there, only the tag is pushed."""
    if not (draft.project and draft.coming and draft.coming.bump) or draft.coming.merged:
        return PUSH
    known = earlier if earlier and earlier.head == draft.head and not draft.request.fresh else None
    forge, branch = draft.world.forge, draft.release_branch or ""
    return choose(draft.project.settings.delivery, forge, branch, refused=bool(known and known.refused))


def _found(check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check, including those that it raises."""
    try:
        yield from check()
    except ShipError as error:
        yield from error.findings


def _agreement(draft: Draft) -> Iterator[Finding]:
    if draft.coming:
        commit = draft.pushed.commit if draft.pushed else draft.head
        yield from _not_agreed(draft.request, draft.coming, draft.branch, draft.refs, commit)


def _not_agreed(
    request: Request, coming: Coming, branch: str | None, refs: Mapping[str, str], commit: str | None
) -> Iterator[Finding]:
    """Yield an error if there is something to push, the user has not agreed, and cannot be asked."""
    there = not coming.bump and is_pushed(refs, branch, coming.tag, commit)
    if not request.agreed and not there:
        yield NOT_AGREED("This release would be pushed, and there is no terminal to ask you for confirmation.")


def _index(draft: Draft) -> Iterable[Finding]:
    """Check that the index will accept the release; without credentials if a workflow publishes.

    Raises:
        ShipError: The index does not answer (NS701), and this machine publishes.
    """
    if (there := _routed(draft)) is None:
        return ()
    index, called, coming = there
    if draft.by.workflow:
        return foresee_workflow(index, called, coming.version, new=coming.bump, certain=draft.by.certain)
    return foresee(index, called, coming.version, new=coming.bump, built=draft.built)


def _name(draft: Draft) -> Sequence[Finding]:
    """Return the index's answer about the project's name, requested while the gates run.

    Raises:
        ShipError: It does not allow the name (NS727).
    """
    if (there := _routed(draft)) is None:
        return ()
    index, called, coming = there
    certain = draft.by.workflow is None or draft.by.certain
    findings = foresee_name(index, called, coming.version, certain=certain)
    findings.raise_errors()
    return tuple(findings)


def _routed(draft: Draft) -> tuple[Index, str, Coming] | None:
    """Return the index of the release, and the project's name there; None if that is unknown."""
    project, coming = draft.project, draft.coming
    if not (project and coming):
        return None
    name = route(project.settings, Version(coming.version))
    if name not in index_names(project.settings):
        return None  # unknown routes are reported by another check
    return draft.world.index(name, project.canonical_name), project.canonical_name, coming


def _following(draft: Draft) -> Iterable[Finding]:
    """Return why the workflow cannot be followed, if the user asked to wait for it."""
    if draft.request.wait and draft.by.workflow:
        return followable(draft.world.forge, draft.by.workflow)
    return ()


def _required_checks(draft: Draft) -> Iterator[Finding]:
    """Yield why the required checks would never pass."""
    required, workflow = draft.request.checks.awaited, draft.by.workflow
    if not (required and draft.coming and draft.repository):
        return
    if draft.world.forge is None:
        yield not_on_github(required)
        return
    late = after_publishing(draft.repository.path, workflow, draft.coming.tag) if workflow else {}
    for name in required:
        if name in late:
            yield WAITS_FOR_ITSELF(f"`publish.require-checks` names {name!r}, a job of {workflow} that {late[name]}.")
    if draft.request.cut:
        what = "A workflow pushes this commit, and such a push starts no other workflow: the checks would not run."
        remedy = "Start them manually on the tag (`workflow_dispatch`) once it is pushed."
        yield CHECK_MISSING(what, remedy=remedy, level="warning")


def _forge(draft: Draft) -> Iterable[Finding]:
    """Return why this machine could not announce the release: a token, if there is one, must have the rights."""
    if draft.coming is None or draft.by.workflow:
        return ()
    forge = draft.world.forge
    return forge.refusals(draft.coming.tag) if forge and forge.api.token else ()


def _world(draft: Draft) -> Iterator[Finding]:
    """Yield why the upload cannot be rehearsed, and what the user should know about this world."""
    findings = Findings()
    findings.catch(lambda: draft.world.rehearsal_index)
    yield from findings
    yield from draft.world.notices()


def _machine(_: Draft) -> Iterator[Finding]:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < SPACE_NEEDED:
        yield NO_SPACE(f"Only {free >> 20} MiB are free in {folder}; {SPACE_NEEDED >> 20} are needed.")


def _missing_pythons(project: Project) -> Iterator[Finding]:
    """Yield an error for each Python missing in CI; elsewhere nox skips those, and the report says so.

    If the project states only a range of Pythons, one of them is enough in CI.
    """
    named = project.named_pythons
    wanted = named or project.pythons(f"{sys.version_info[0]}.{sys.version_info[1]}")
    missing = [python for python in wanted if pythons.interpreter(python) is None]
    if named or len(missing) == len(wanted):
        yield from (PYTHON_MISSING(f"Python {python} is not installed.") for python in missing)
    elif missing:
        yield PYTHON_LEFT_OUT(f"These Pythons, allowed by requires-python, are not installed: {', '.join(missing)}.")


def _files(draft: Draft) -> Iterator[Finding]:
    project, coming = draft.project, draft.coming
    if project and coming and coming.bump and not coming.merged:
        told = _found(lambda: changelog_findings(project, coming.version))
        yield from (_early(finding) if draft.request.early else finding for finding in told)
    if project:
        yield from _other_encodings(project, coming)


def _early(finding: Finding) -> Finding:
    """Return what is wrong with the changelog; before the release is due, an entry can still be written."""
    late = (NOT_CUT.id, NOTHING_UNRELEASED.id)
    return replace(finding, level="warning") if finding.id in late and finding.level == "error" else finding


def _other_encodings(project: Project, coming: Coming | None) -> Iterator[Finding]:
    """Yield an error for each file that bump-my-version cannot change, and a notice for other non-UTF-8 files."""
    changed: set[str] = set()
    if coming and coming.bump and not coming.merged and not have_a_scheme(project):
        changed = bumped_files(project, coming.current)
    for name in sorted({*changed, *_INI_FILES}):
        if name in changed and not documents.is_utf8(project.root / name):
            what = f"{name} is not UTF-8, and bump-my-version cannot change the version in it."
            yield OTHER_ENCODING(what, level="error")
        elif not documents.is_utf8(project.root / name):
            yield OTHER_ENCODING(f"{name} is not UTF-8; it was read as Latin-1, but other tools may refuse it.")


def routes_known(settings: Settings) -> Iterator[Finding]:
    """Yield an error for each route to an unknown index."""
    known = index_names(settings)
    for kind in ("final", "prerelease", "development"):
        name = getattr(settings.routes, kind)
        if name not in known:
            yield UNKNOWN_ROUTE(f"`tool.nox-ship.routes.{kind}` is {name!r}, and there is no such index.")


def _project(draft: Draft) -> Iterator[Finding]:
    if project := draft.project:
        findings = Findings()
        findings.catch(lambda: project.name)
        findings.catch(lambda: project.requires_python)
        yield from findings
        if draft.request.in_ci:
            yield from _found(lambda: _missing_pythons(project))
        yield from routes_known(project.settings)
        check_groups(project)


def _gates(draft: Draft) -> Iterator[Finding]:
    if draft.project is None:
        return
    without, sessions, decision = draft.request.without, draft.sessions, draft.sessions.decision
    yield from sessions.told(without)
    for name in without:
        if name not in decision.gates:
            yield UNKNOWN_GATE(f"`--without {name}` is not a gate. The gates are {', '.join(decision.gates)}.")
    out = left_out(without, decision)
    if out - set(without):
        yield GATE_LEFT_OUT("Without tests there is nothing to measure, so coverage is left out too.")
    yield from missing_gates(sessions, out)


def missing_gates(sessions: Sessions, without: Collection[str] = ()) -> Iterator[Finding]:
    """Yield a finding for each gate, except those in ``without``, that is not a session of the noxfile."""
    for gate in sessions.decision.gates:
        if gate in sessions.names or gate in without:
            continue
        if sessions.decision.chosen and gate not in FURTHER:
            yield UNKNOWN_GATE(f"`tool.nox-ship.gates` names {gate!r}, and the noxfile has no such session.")
        else:
            yield GATE_EXCLUDED(f"The noxfile excludes the session {gate}.")


def _wheels(draft: Draft) -> Iterator[Finding]:
    """Yield which wheels this machine cannot build: those of other systems need a workflow, which must also publish."""
    if draft.project is None or not (systems := draft.project.settings.wheels.systems):
        return
    told = f"`tool.nox-ship.wheels.systems` names {shorten(systems)}"
    if draft.by.workflow:
        yield WHEELS_ELSEWHERE(f"{told}: {draft.by.workflow} builds those wheels, and this machine tests only its own.")
    else:
        what = f"{told}, but this machine cannot build all of those wheels, and no workflow publishes a pushed tag."
        yield WHEELS_ELSEWHERE(what, remedy="Publish from a workflow, or remove `systems`.", level="error")


def _work_tree(draft: Draft) -> Iterator[Finding]:
    repository = draft.repository
    if repository is None:
        return
    noxfile = str((draft.root / "noxfile.py").resolve())
    if repository.find("ls-files", "--error-unmatch", noxfile) is None:
        yield NO_NOXFILE("noxfile.py is not in git.")
    if changes := repository.changes(IGNORED_CHANGES):
        differ = "path differs" if len(changes) == 1 else "paths differ"
        yield DIRTY_TREE(f"{len(changes)} {differ} from HEAD: {shorten(changes)}.")
    if repository.find("var", "GIT_COMMITTER_IDENT") is None:
        yield NO_IDENTITY("Git has no name and email address to commit with.")


def _branch(draft: Draft) -> Iterator[Finding]:
    """Yield what is wrong with the branch: releases are made from the release branch; a rehearsal may use another."""
    branch, expected, coming = draft.branch, draft.release_branch, draft.coming
    if draft.head and branch is None and not (coming and coming.merged):
        yield DETACHED_HEAD(f"HEAD is detached at {draft.head[:10]}.")
    if branch and expected and branch != expected:
        what = f"The current branch is {branch}; releases are made from {expected}."
        remedy = f"Merge it into {expected} before you release."
        allowed = WRONG_BRANCH(what, remedy=remedy, level="notice")
        yield allowed if draft.request.any_branch else WRONG_BRANCH(what)


def _remote_branch(draft: Draft) -> Iterator[Finding]:
    repository, head, branch, refs = draft.repository, draft.head, draft.branch, draft.refs
    theirs = refs.get(f"refs/heads/{branch}")
    if repository is None or head is None or theirs is None or theirs == head or draft.pushed:
        return
    if draft.coming and draft.coming.merged:
        return  # the remote has HEAD, and may have newer commits
    if head in tags_of(refs).values():
        return  # HEAD is a pushed release: newer commits on the remote do not prevent finishing it
    if theirs not in repository.known([theirs]):
        yield BEHIND_REMOTE(f"The remote's {branch} has commits that are not here.")
    elif repository.is_ancestor(theirs, head):
        return
    elif repository.is_ancestor(head, theirs):
        yield BEHIND_REMOTE(f"{branch} is behind the remote's {branch}.")
    else:
        yield DIVERGED(f"{branch} and the remote's {branch} have diverged.")


Check = Callable[[Draft], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    _machine,
    _project,
    _gates,
    _wheels,
    _branch,
    _work_tree,
    _remote_branch,
    _files,
    lambda draft: draft.by.told,
    _agreement,
    _index,
    _world,
)
"""The checks, in order; a check yields its findings, or raises them."""

OF_FORGE: tuple[Check, ...] = (_forge, _following, _required_checks)
"""Checks that ask the forge, one after the other, while the others run."""
