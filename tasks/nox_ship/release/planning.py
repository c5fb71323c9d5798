"""Planning a release: which version, tag and branch it has, before anything is checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

from packaging.version import Version

from nox_ship.config import Settings
from nox_ship.errors import Finding, Findings, ShipError
from nox_ship.gates.noxfile import Sessions
from nox_ship.gates.own import Decision
from nox_ship.git import Repository
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.checking import Required
from nox_ship.release.coming import Coming, Known, find_coming
from nox_ship.release.delivery import PUSH, Delivery
from nox_ship.release.merged import Proposals
from nox_ship.release.record import Record
from nox_ship.release.route import route
from nox_ship.release.tags import tags_of
from nox_ship.release.workflows import Publishing, publishing
from nox_ship.world.world import World


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    wanted: str | None
    """A version part, a whole version, or ``auto``; None if not given."""
    without: tuple[str, ...] = ()
    """Gates to leave out of this release."""
    fresh: bool = False
    """Whether to ignore what earlier runs left."""
    agreed: bool = True
    """Whether the user agreed to the push, or can be asked before it."""
    any_branch: bool = False
    """Whether the release may start from another branch, as a rehearsal may."""
    early: bool = False
    """Whether to rehearse the next release even if HEAD is a release and the changelog has no entry."""
    in_ci: bool = False
    """Whether this runs in CI, where missing Pythons are an error instead of being skipped."""
    merged: str = ""
    """The tag of the release that HEAD is by a merged pull request, as another job was told by the forge."""
    cut: bool = False
    """Whether only to make commit and tag, for another job to push."""
    wait: bool = False
    """Whether to follow the workflow that publishes until the index serves the release."""
    checks: Required = field(default_factory=Required)
    """The checks that publishing waits for."""


@dataclass(frozen=True, kw_only=True)
class Plan(Coming):
    """A planned release."""

    project: Project
    repository: Repository
    branch: str
    release_branch: str
    """The branch that releases are made from; a rehearsal may run on another one."""
    head: str
    gates: tuple[str, ...]
    index: str
    """The name of the index that this kind of version goes to."""
    workflow: str | None = None
    """File name of the workflow that publishes once the tag is pushed; None if this machine publishes."""
    waits: bool = False
    """Whether that workflow waits until somebody publishes a GitHub Release."""
    commit: str | None = None
    """The release's commit if an earlier run made and tagged it for good; None if it is still to be made."""
    delivery: Delivery = PUSH
    """How it reaches the remote."""
    ask_for_name: Callable[[], Sequence[Finding]] = field(default=tuple, compare=False, repr=False)
    """Asks the index whether it allows the project's name, which may take several seconds; returns warnings, or raises
    a `ShipError`."""

    @property
    def folder(self) -> Path:
        """The project's folder, relative to the top of the repository."""
        return self.project.root.resolve().relative_to(self.repository.path.resolve())


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is known about a release before it is checked; a field is None if unknown."""

    root: Path
    request: Request
    sessions: Sessions
    world: World
    """The world that the release changes; only read here."""
    project: Project | None
    repository: Repository | None
    head: str | None
    """The commit that is checked out."""
    branch: str | None
    release_branch: str | None
    refs: Mapping[str, str]
    """The remote's branches and tags: the commit of each, by full name."""
    pushed: Record | None
    """The record of an earlier run, if that release was pushed and HEAD has not moved since."""
    coming: Coming | None
    by: Publishing
    """Who publishes it."""
    built: Manifest | None
    """The files that an earlier run built."""
    told: tuple[Finding, ...]
    """Why a field is unknown, and other things worth knowing."""

    @classmethod
    def of(
        cls,
        root: Path,
        request: Request,
        sessions: Sessions,
        world: World,
        earlier: Record | None = None,
        built: Manifest | None = None,
    ) -> Draft:
        """Find out what is known about the release.

        Args:
            root: The project's folder.
            request: What the user asked for.
            sessions: The sessions in the noxfile.
            world: The world that the release changes; only read here.
            earlier: The record of an earlier run; if that release was pushed, this run continues it.
            built: The files that the earlier run built.
        """
        findings = Findings()
        project = findings.catch(lambda: Project.read(root))
        if project:
            with suppress(ShipError):  # unknown routes are reported later
                world.index(project.settings.routes.final, project.canonical_name)  # a rehearsal starts fetching early
        repository = findings.catch(lambda: Repository.at(root, project.settings.pass_env if project else ()))
        pushed = coming = head = branch = release_branch = None
        refs: Mapping[str, str] = {}
        tags: Mapping[str, str] = {}
        by = Publishing()
        if repository:
            settings = project.settings if project else Settings()
            head, tags = repository.head_and_tags()
            branch = repository.branch
            release_branch = settings.branch or repository.default_branch(settings.remote)
            refs = findings.catch(world.known_refs) or {}
            pushed = _pushed(earlier, head, refs)
        if project and repository and head:
            proposals = None
            if release_branch and (request.merged or project.settings.delivery != "push"):
                forge = findings.catch(lambda: world.forge)
                certain = project.settings.delivery == "pull-request"
                proposals = Proposals(repository, head, release_branch, refs, forge, earlier, certain, request.merged)
            kept = None if request.fresh else earlier
            known = Known(head, tags, tags_of(refs), pushed, kept, proposals)
            early, wanted = request.early, request.wanted
            coming = findings.catch(lambda: find_coming(project, repository, wanted, known, findings, early=early))
        if project and repository and coming:
            index = route(project.settings, Version(coming.version))
            by = publishing(repository.path, project.settings, index, coming.tag)
        return cls(
            root=root,
            request=request,
            sessions=sessions,
            world=world,
            project=project,
            repository=repository,
            head=head,
            branch=branch,
            release_branch=release_branch,
            refs=refs,
            pushed=pushed,
            coming=coming,
            by=by,
            built=built,
            told=tuple(findings),
        )

    @property
    def commit(self) -> str | None:
        """The release's commit if it exists; None if it is still to be made, or unknown."""
        if self.pushed:
            return self.pushed.commit
        return self.head if self.coming and not self.coming.bump else None

    def plan(self, delivery: Delivery, ask_for_name: Callable[[], Sequence[Finding]]) -> Plan:
        """Return the plan of a release that passed preflight, with its delivery."""
        project, repository, head, coming = self.project, self.repository, self.head, self.coming
        branch = self.branch or self.release_branch
        if not (project and repository and head and branch and coming):
            raise AssertionError  # a missing field always comes with a finding
        decision, out = self.sessions.decision, left_out(self.request.without, self.sessions.decision)
        return Plan(
            project=project,
            repository=repository,
            branch=branch,
            release_branch=self.release_branch or branch,
            head=head,
            gates=tuple(gate for gate in decision.gates if gate not in out and gate in self.sessions.names),
            index=route(project.settings, Version(coming.version)),
            workflow=self.by.workflow,
            waits=self.by.waits,
            commit=self.commit,
            delivery=delivery,
            ask_for_name=ask_for_name,
            **{part.name: getattr(coming, part.name) for part in fields(coming)},
        )


def left_out(without: Collection[str], decision: Decision) -> set[str]:
    """Return the gates that are left out along with ``without``: without tests, coverage has nothing to measure."""
    unmeasured = set(decision.tests) <= set(without)
    return {*without, *({"coverage"} & set(decision.gates) & set(decision.apart) if unmeasured else ())}


def _pushed(earlier: Record | None, head: str, refs: Mapping[str, str]) -> Record | None:
    """Return the record of an earlier run if its release was pushed and HEAD has not moved since.

    Branch and tag are pushed together: if the tag is there, the branch was, whatever was pushed on top since.
    """
    if earlier is None or earlier.commit is None or earlier.head != head:
        return None
    return earlier if refs.get(f"refs/tags/{earlier.tag}") == earlier.commit else None
