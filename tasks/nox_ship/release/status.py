"""The state of a project's releases: what is released, what is not, and how far a release in progress is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from packaging.version import Version

from nox_ship import versions
from nox_ship.errors import Finding, Findings, ShipError
from nox_ship.gates.noxfile import Sessions
from nox_ship.git import Repository
from nox_ship.package.building import IGNORED_CHANGES
from nox_ship.project import Project
from nox_ship.release.checking import Required
from nox_ship.release.delivery import PUSH, Delivery, choose
from nox_ship.release.merged import Merged, Proposals
from nox_ship.release.pipeline import release_steps, states
from nox_ship.release.planning import Plan, Request
from nox_ship.release.record import Record
from nox_ship.release.results import Planned
from nox_ship.release.route import route
from nox_ship.release.run import Run, State
from nox_ship.release.source import VersionSource
from nox_ship.release.stage import Workshop, last_release
from nox_ship.release.tags import tags_of
from nox_ship.release.waiting import Waiting, waiting
from nox_ship.release.workflows import publishing
from nox_ship.report import Report
from nox_ship.terminal import Voice
from nox_ship.world.index import PUBLIC_INDEXES, display_name
from nox_ship.world.world import World

T = TypeVar("T")


@dataclass(frozen=True)
class Serving:
    """What an index serves of the project."""

    index: str
    """The index's display name."""
    newest: str = ""
    """The newest version; empty if there is none, or the index did not answer."""
    releases: int = 0
    """How many versions that are not yanked it has."""
    silent: str = ""
    """Why the index did not answer; empty if it did."""


@dataclass(frozen=True)
class Progress:
    """How far a release is."""

    plan: Plan
    steps: Mapping[str, State]

    def has(self, status: str, *steps: str) -> bool:
        """Whether one of ``steps`` has this status."""
        return any(self.steps[step].status == status for step in steps if step in self.steps)

    @property
    def open(self) -> bool:
        """Whether something is known to be missing."""
        written = ("propose", "push", "checkout", "publish", "announce")
        return self.has("missing", *written) or self.has("conflicting", *written)


@dataclass
class Standing:
    """The state of a project's releases; fields are empty or None if unknown or absent."""

    project: str = ""
    version: str = ""
    """The version in the files, or else of the newest tag."""
    tag: str = ""
    """The tag of the last release."""
    since: int | None = None
    """How many commits were made since the last release."""
    branch: str | None = None
    release_branch: str | None = None
    head: str = ""
    changes: int = 0
    """How many paths differ from HEAD."""
    behind: str = ""
    """The command that updates the branch, if the remote's has commits that are not here."""
    indexes: tuple[Serving, ...] = ()
    progress: Progress | None = None
    """The release at HEAD, or one that an earlier run left here."""
    delivery: Delivery | None = None
    """How the next release reaches the remote."""
    waiting: tuple[Waiting, ...] = ()
    """Proposed releases."""
    merged: Merged | None = None
    """The release of this version, if it was proposed and merged but has no tag."""
    untold: list[Finding] = field(default_factory=list)
    """Why something could not be determined."""

    def catch(self, ask: Callable[[], T]) -> T | None:
        """Return the result of ``ask``; if it raises, keep the findings and return None."""
        findings = Findings()
        found = findings.catch(ask)
        self.untold += [finding for finding in findings if finding not in self.untold]
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "project": self.project,
            "version": self.version,
            "last_release": {"tag": self.tag, "commits_since": self.since} if self.tag else None,
            "branch": self.branch,
            "release_branch": self.release_branch,
            "commit": self.head,
            "changes": self.changes,
            "indexes": [
                {"name": one.index, "newest": one.newest, "releases": one.releases, "not_asked": one.silent}
                for one in self.indexes
            ],
            "release": self.progress
            and {
                "version": self.progress.plan.version,
                "tag": self.progress.plan.tag,
                "open": self.progress.open,
                "steps": [
                    {"name": name, "status": state.status, "seen": str(state.seen)}
                    for name, state in self.progress.steps.items()
                ],
            },
            "delivery": self.delivery and asdict(self.delivery),
            "proposed": [asdict(one) for one in self.waiting],
            "merged": self.merged and asdict(self.merged),
            "not_told": [finding.as_dict() for finding in self.untold],
        }


def look(root: Path, sessions: Sessions, world: World, shop: Workshop) -> Standing:
    """Find out the state of the releases of the project in ``root``, as far as that is possible.

    Args:
        root: The project's folder.
        sessions: The sessions in the noxfile.
        world: The world; only read here.
        shop: The workshop of this checkout; it need not exist.
    """
    standing = Standing()
    project = standing.catch(lambda: Project.read(root))
    if project:
        standing.project = standing.catch(lambda: project.canonical_name) or ""
        source = standing.catch(lambda: VersionSource.of(project))
        standing.version = (source and source.current) or ""
    if project and standing.project:
        standing.indexes = _served(project, world)
    keep = project.settings.pass_env if project else ()
    repository = standing.catch(lambda: Repository.at(root, keep))
    if repository:
        standing.catch(lambda: _look_into(standing, repository, project, sessions, world, shop))
    return standing


def _look_into(
    standing: Standing,
    repository: Repository,
    project: Project | None,
    sessions: Sessions,
    world: World,
    shop: Workshop,
) -> None:
    """Add what the repository shows.

    Raises:
        ShipError: Git does not answer; the rest is missing.
    """
    standing.head, tags = repository.head_and_tags()
    standing.branch = repository.branch
    standing.changes = len(repository.changes(IGNORED_CHANGES))
    refs = standing.catch(world.known_refs) or {}
    standing.behind = _behind(repository, standing.head, refs.get(f"refs/heads/{standing.branch}"))
    if project is None:
        return
    settings = project.settings
    standing.release_branch = settings.branch or repository.default_branch(settings.remote)
    tags = {**tags_of(refs), **tags}
    form = project.tag_form(tags)
    _last_release(standing, repository, tags, form)
    here = versions.release_at(tags, standing.head, form)
    plan = _under_way(standing, project, repository, refs, last_release(shop), here)
    if plan:
        standing.progress = progress_of(plan, sessions, world, shop)
    if standing.release_branch:
        _look_at_proposals(standing, project, repository, refs, world, last_release(shop))


def _look_at_proposals(
    standing: Standing,
    project: Project,
    repository: Repository,
    refs: Mapping[str, str],
    world: World,
    earlier: Record | None,
) -> None:
    """Add how a release is delivered, and the releases waiting in pull requests."""
    wanted, branch, head = project.settings.delivery, standing.release_branch or "", standing.head
    forge = standing.catch(lambda: world.forge) if wanted != "push" else None
    refused = bool(earlier and earlier.refused and earlier.head == head)
    standing.delivery = choose(wanted, forge, branch, refused=refused)
    if wanted == "push":
        return
    tags = {**tags_of(refs), **repository.tags()}
    version, form = versions.parse(standing.version), project.tag_form(tags)
    standing.waiting = standing.catch(lambda: tuple(waiting(forge, repository, branch, refs, form))) or ()
    if version and all(form.version(tag) != version for tag in tags):
        proposals = Proposals(repository, head, branch, refs, forge, earlier, certain=False)
        standing.merged = standing.catch(lambda: proposals.find(form.name(standing.version), certain=False))


def progress_of(plan: Plan, sessions: Sessions, world: World, shop: Workshop) -> Progress:
    """Check how far a release is.

    Args:
        plan: The release.
        sessions: The sessions in the noxfile.
        world: The world; only read here.
        shop: The workshop of this checkout.
    """
    gates = tuple(gate for gate in sessions.decision.gates if gate in sessions.names)
    settings = plan.project.settings
    request = Request(plan.version, checks=Required(settings.publish.require_checks))
    run = Run(plan.project.root, request, sessions, world, shop, Voice(), Report("Status"))
    run.take(Planned(replace(plan, gates=gates)))
    return Progress(plan, {step.name: state for step, state in states(run, release_steps(settings)[1:])})


def _served(project: Project, world: World) -> tuple[Serving, ...]:
    """Ask every index at once."""
    import requests  # noqa: F401

    def ask(name: str) -> Serving:
        try:
            releases = world.index(name, project.canonical_name).listing(project.canonical_name, "0").releases
        except ShipError as error:
            return Serving(display_name(name), silent=error.findings[0].what)
        return Serving(display_name(name), str(max(releases, default="")), len(releases))

    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(ask, dict.fromkeys([*PUBLIC_INDEXES, *project.settings.indexes])))


def _behind(repository: Repository, ours: str, theirs: str | None) -> str:
    """Return the command that updates the branch to the remote's; empty if it is up to date."""
    if theirs is None or theirs == ours:
        return ""
    known = bool(repository.known([theirs]))
    if known and repository.is_ancestor(theirs, ours):
        return ""
    diverged = known and not repository.is_ancestor(ours, theirs)
    return "git pull --rebase" if diverged else "git pull --ff-only"


def _last_release(standing: Standing, repository: Repository, tags: Mapping[str, str], form: versions.TagForm) -> None:
    """Return the newest release before HEAD, or else the newest one, and the number of commits since."""
    merged = (repository.find("tag", "--merged", "HEAD") or "").splitlines()
    releases = form.releases(merged) or form.releases(tags)
    if not releases:
        return
    standing.tag = max(releases, key=lambda tag: releases[tag])
    standing.version = standing.version or str(releases[standing.tag])
    commit = tags[standing.tag]
    if commit in repository.known([commit]):
        standing.since = int(repository.run("rev-list", "--count", f"{commit}..HEAD"))


def _under_way(
    standing: Standing,
    project: Project,
    repository: Repository,
    refs: Mapping[str, str],
    earlier: Record | None,
    here: tuple[str, Version] | None,
) -> Plan | None:
    """Return the release at HEAD, or one that an earlier run left: pushed, or made from HEAD."""
    branch = standing.release_branch or standing.branch or ""
    if here:
        tag, version = here
        branch = (earlier.branch if earlier and earlier.tag == tag else "") or branch
        return _planned(project, repository, tag, str(version), branch, standing.head, standing.head)
    if earlier is None or versions.parse(earlier.version) is None:
        return None
    pushed = refs.get(f"refs/tags/{earlier.tag}") == earlier.commit
    return left_behind(project, repository, earlier, pushed=pushed) if pushed or standing.head == earlier.head else None


def left_behind(project: Project, repository: Repository, record: Record, *, pushed: bool) -> Plan:
    """Return the release that an earlier run made, as a plan to finish it."""
    branch = record.branch or repository.default_branch(project.settings.remote) or ""
    plan = _planned(project, repository, record.tag, record.version, branch, record.head, record.commit)
    delivery = PUSH if pushed or not record.proposal else Delivery("pull request", "it is proposed")
    return replace(plan, bump=not pushed, delivery=delivery)


def _planned(
    project: Project, repository: Repository, tag: str, version: str, branch: str, head: str, commit: str | None
) -> Plan:
    """Return the plan of a release whose commit and tag exist."""
    index = route(project.settings, Version(version))
    by = publishing(repository.path, project.settings, index, tag)
    return Plan(
        source=VersionSource("tags"),
        current=version,
        version=version,
        tag=tag,
        bump=False,
        project=project,
        repository=repository,
        branch=branch,
        release_branch=branch,
        head=head,
        gates=(),
        index=index,
        workflow=by.workflow,
        waits=by.waits,
        commit=commit,
    )
