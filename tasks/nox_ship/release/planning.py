"""Planning a release: which one it will be, as far as that can be told before anything is checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    """A part, a whole version, or ``auto``; None if nothing was given."""
    without: tuple[str, ...] = ()
    """Gates to leave out this time."""
    fresh: bool = False
    """Use nothing that an earlier run left."""
    agreed: bool = True
    """Whether the push is agreed to, or somebody can be asked before it."""
    any_branch: bool = False
    """Whether another branch than the release branch will do, as it does for a rehearsal."""
    early: bool = False
    """Whether this rehearses what comes next, though HEAD may be a release and the changelog may have no entry."""
    in_ci: bool = False
    """Whether this is a CI, in which nothing that is missing is left out."""
    cut: bool = False
    """Whether commit and tag are only made, for another job to push."""
    wait: bool = False
    """Whether a workflow that publishes is followed until the index serves the release."""
    checks: Required = field(default_factory=Required)
    """The checks that publishing waits for."""


@dataclass(frozen=True, kw_only=True)
class Plan(Coming):
    """A release as it is to be made."""

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
    commit: str | None = None
    """The release's commit where an earlier run made it, and tagged it for good; None where it is still to be made."""
    delivery: Delivery = PUSH
    """How it reaches the remote."""

    @property
    def folder(self) -> Path:
        """The project's folder, relative to the top of the repository."""
        return self.project.root.resolve().relative_to(self.repository.path.resolve())


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What can be told of a release that nobody has checked; None is what cannot be."""

    root: Path
    request: Request
    sessions: Sessions
    world: World
    """What the release changes; it is only read."""
    project: Project | None
    repository: Repository | None
    head: str | None
    """The commit that is checked out."""
    branch: str | None
    release_branch: str | None
    refs: Mapping[str, str]
    """The commit of each branch and tag of the remote, by full name."""
    pushed: Record | None
    """What an earlier run left, where it was pushed and HEAD is still what it was made from."""
    coming: Coming | None
    by: Publishing
    """Who publishes it."""
    built: Manifest | None
    """What an earlier run built."""
    told: tuple[Finding, ...]
    """Why something cannot be told, and what is worth knowing of the rest."""

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
        """Find out what can be told.

        Args:
            root: The folder of the project.
            request: What the user asked for.
            sessions: What the noxfile holds.
            world: What the release changes; it is only read.
            earlier: What an earlier run left; where the world has it, this release is that one.
            built: What that run built.
        """
        findings = Findings()
        project = findings.catch(lambda: Project.read(root))
        if project:
            with suppress(ShipError):  # the routes are reported
                world.index(project.settings.routes.final, project.canonical_name)  # a rehearsal begins to look at it
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
            if project.settings.delivery != "push" and release_branch:
                forge = findings.catch(lambda: world.forge)
                certain = project.settings.delivery == "pull-request"
                proposals = Proposals(repository, head, release_branch, refs, forge, earlier, certain)
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
        """The release's commit where it is made already; None where it is still to be made, or cannot be told."""
        if self.pushed:
            return self.pushed.commit
        return self.head if self.coming and not self.coming.bump else None

    def plan(self, delivery: Delivery) -> Plan:
        """Return the plan of a release that nothing stands against, and that is delivered so."""
        project, repository, head, coming = self.project, self.repository, self.head, self.coming
        branch = self.branch or self.release_branch
        if not (project and repository and head and branch and coming):
            raise AssertionError  # each of them is missing only beside a finding
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
            **{part.name: getattr(coming, part.name) for part in fields(coming)},
        )


def left_out(without: Collection[str], decision: Decision) -> set[str]:
    """Return the gates that are left out where ``without`` are: without tests, coverage has nothing to measure."""
    unmeasured = set(decision.tests) <= set(without)
    return {*without, *({"coverage"} & set(decision.gates) & set(decision.apart) if unmeasured else ())}


def _pushed(earlier: Record | None, head: str, refs: Mapping[str, str]) -> Record | None:
    """Return what an earlier run left where it was pushed, and HEAD is still what it was made from.

    Branch and tag are pushed together: where the tag is, the branch has been, whatever was pushed on top since.
    """
    if earlier is None or earlier.commit is None or earlier.head != head:
        return None
    return earlier if refs.get(f"refs/tags/{earlier.tag}") == earlier.commit else None
