"""The steps that write: push branch and tag, update the checkout, upload the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nox_ship.errors import Kind, ShipError, shorten
from nox_ship.process import CommandFailedError
from nox_ship.release import built, checking
from nox_ship.release.converge import Held, Published, compare
from nox_ship.release.publication import Publication
from nox_ship.release.publish import publish as publish_files
from nox_ship.release.results import (
    Bumped,
    Checked,
    Followed,
    LeftTo,
    Omitted,
    Pushed,
    Result,
    Tried,
    Uploaded,
)
from nox_ship.release.run import Run, State
from nox_ship.release.seal import STAGE_CHANGED
from nox_ship.release.stage import last_built
from nox_ship.release.uptake import OTHER_BYTES, glimpse
from nox_ship.versions import same
from nox_ship.world.forge import follow as how_to_follow
from nox_ship.world.index import display_name
from nox_ship.world.remote import BranchProtectedError, PushUnclearError, is_pushed

CHECKOUT_LEFT = Kind(
    "NS234",
    "checkout-left",
    "The release is pushed and continues; update the checkout with `git pull --ff-only`.",
    level="warning",
)

_OTHER_WAY = (
    "Nothing was pushed: run the same command again to propose this release in a pull request instead; what has passed"
    " is not run again."
)
MOST_COMMITS = 100
"""How many commits the report lists."""


@dataclass(frozen=True)
class _Remote:
    """The remote does not have the release."""

    name: str
    tag: str
    refs: Mapping[str, str]

    def __str__(self) -> str:
        there = self.refs.get(f"refs/tags/{self.tag}")
        return f"{self.name} has {self.tag} on {there[:10]}" if there else f"{self.name} does not have {self.tag}"


@dataclass(frozen=True)
class Unmatched:
    """The index has files of the release, and there are no built files here to compare them with."""

    index: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.index} has {shorten(self.files)}; the built files are not here to compare them with"


def _commit(run: Run) -> str | None:
    """Return the release's commit; None if there is none yet."""
    bumped = run.find(Bumped)
    return bumped.objects.commit if bumped else run.plan.commit


def seal_broken(bumped: Bumped) -> ShipError | None:
    """Return why the clone must not be delivered: something that ran there changed it (NS236)."""
    if changed := bumped.seal.broken():
        what = f"Gates changed the clone in which the release is made: {shorten(changed)}."
        return ShipError(STAGE_CHANGED(what))
    return None


def push_state(run: Run) -> State:
    """Check whether the remote has branch and tag, and whether the clone is unchanged since the bump."""
    plan, commit, bumped = run.plan, _commit(run), run.find(Bumped)
    if commit is None:
        return State.unknown("there is no commit to push yet")
    if bumped and (broken := seal_broken(bumped)):
        return State.conflicting(broken)
    remote = run.world.remote
    there = _Remote(remote.name, plan.tag, remote.refs())
    if is_pushed(there.refs, plan.branch, plan.tag, commit):
        return State.done(Pushed(remote.name, plan.branch, plan.tag, anew=False))
    taken = there.refs.get(f"refs/tags/{plan.tag}") not in (None, commit)
    return State.conflicting(there) if taken else State.missing(there)


def push(run: Run, state: State) -> Pushed:
    """Push branch and tag; for a merged release, only the tag.

    Raises:
        ShipError: Something that ran in the clone changed it (NS236), so later runs will not reuse it; a built file
            changed (NS603); the user declined; or the remote refused the push.
    """
    if isinstance(state.seen, ShipError):
        run.stage.drop()
        raise state.seen
    plan, objects, stage, report = run.plan, run.bumped.objects, run.stage, run.report
    report.remote = state.seen.name
    found = stage.repository.new_commits(objects.commit, state.seen.refs.values(), MOST_COMMITS)
    report.commits, report.commit_count = found
    run.confirm(run)
    built.check(stage, run.bumped.project)
    report.pushed = "unknown"  # until the remote has answered
    refs = {} if plan.merged else {f"refs/heads/{plan.branch}": objects.commit}
    refs |= {f"refs/tags/{plan.tag}": objects.tag}
    try:
        run.world.remote.push(stage.repository, refs)
    except PushUnclearError:
        raise
    except BranchProtectedError as error:
        report.pushed = "no"
        if plan.project.settings.delivery != "auto":
            raise
        stage.record.refused = True
        stage.save()
        raise ShipError(replace(error.findings[0], remedy=_OTHER_WAY)) from error
    except ShipError:
        report.pushed = "no"
        if f"refs/tags/{plan.tag}" in run.world.remote.refs():
            stage.drop()  # somebody else has tagged it in the meantime, so the tag here is useless
        raise
    merged = plan.merged is not None
    return Pushed(state.seen.name, plan.branch, plan.tag, anew=True, merged=merged, stood_in=report.rehearsal)


def checkout_state(run: Run) -> State:
    """Check whether the checkout is at the release."""
    plan, commit, checkout = run.plan, _commit(run), run.world.checkout
    if commit is None:
        return State.unknown("there is no release commit yet")
    try:
        branch, tag = f"refs/heads/{plan.branch}", f"refs/tags/{plan.tag}"
        there = checkout.refs(branch, tag)
        tip = there.get(branch, commit)
        if there.get(tag) == commit and (tip == commit or checkout.is_ancestor(commit, tip)):
            return State.done(Followed(plan.branch, commit, "there already"))
    except CommandFailedError as error:
        return State.unknown(error.findings[0].what)
    return State.missing(f"the checkout does not have {plan.tag} on {plan.branch}")


def follow(run: Run, _: State) -> Followed:
    """Fast-forward the checkout to the release; leave it alone if its branch has moved on."""
    plan, objects = run.plan, run.bumped.objects
    try:
        run.world.checkout.fast_forward(run.stage.repository, plan.branch, objects.commit, {plan.tag: objects.tag})
    except CommandFailedError as error:
        what = f"The checkout's {plan.branch} was not fast-forwarded."
        run.notify(CHECKOUT_LEFT(what, detail=error.done.output))
        return Followed(plan.branch, objects.commit, "left")
    return Followed(plan.branch, objects.commit, "moved")


def checks_state(run: Run) -> State:
    """Check whether the checks that publishing waits for have passed."""
    plan, commit, forge, required = run.plan, _commit(run), run.world.forge, run.request.checks
    if plan.workflow:
        return State.done(Omitted(f"left to {plan.workflow}"))
    if commit is None or forge is None:
        return State.unknown("there is no commit yet" if commit is None else "the remote is not on GitHub")
    if publish_state(run).status == "done":
        return State.done(Omitted("already published"))
    found = checking.look(required, forge, commit)
    if found.is_done and not required.without:
        return State.done(Checked(found.passed))
    return State.missing(found)


def await_checks(run: Run, _: State) -> Checked:
    """Wait until the checks have passed, and report those that the user left out."""
    required, commit = run.request.checks, run.bumped.objects.commit
    for finding in required.left_out(commit):
        run.notify(finding)
    return Checked(checking.wait(required, run.world.forge, commit, run.voice.note), required.without)


def publish_state(run: Run) -> State:
    """Check what the index has of the release: by SHA-256 if the built files are here, else by name alone."""
    plan, tried = run.plan, run.find(Tried)
    if plan.workflow:
        return State.missing(f"{plan.workflow} publishes it") if plan.bump else _listed(run)
    publication = tried.publication if tried else left_here(run)
    return _compared(publication) if publication else _listed(run)


def left_here(run: Run) -> Publication | None:
    """Return the files that an earlier run built for this release, whether or not they passed the checks."""
    plan, built_here = run.plan, last_built(run.workshop, run.root)
    if built_here is None or not same(built_here.version, plan.version):
        return None
    index = run.world.index(plan.index, plan.project.canonical_name)
    return Publication.of(built_here, plan.project, index)


def _compared(publication: Publication) -> State:
    try:
        held = compare(publication)
    except ShipError as error:
        if error.findings[0].id != OTHER_BYTES.id:
            raise
        return State.conflicting(error)
    there = tuple(Published(file, "there already") for file in publication.manifest.files)
    return State.missing(held) if held.missing else State.done(Uploaded(publication.index.name, there))


def _listed(run: Run) -> State:
    plan, called, name = run.plan, run.plan.project.canonical_name, display_name(run.plan.index)
    listing = glimpse(run.world.index(plan.index, called), called, plan.version)
    files = tuple(file for file, served in listing.files.items() if not served.trial)
    if listing.silent:
        return State.unknown(f"{name} did not answer: {listing.silent}")
    if plan.workflow:
        done = LeftTo(plan.workflow, plan.waits, name, files)
        return State.done(done) if files else State.missing(f"{plan.workflow} publishes it")
    return State.unknown(Unmatched(name, files)) if files else State.missing(Held(listing, ("every file",)))


def _left(publication: Publication) -> tuple[str, ...]:
    """Return what a workflow uploads; if other machines build wheels, none of this one's."""
    systems = publication.project.settings.wheels.systems
    names = [file.name for file in publication.manifest.files if file.kind == "sdist" or not systems]
    return (*names, *([f"the wheels from {shorten(systems)}"] if systems else []))


def publish(run: Run, state: State) -> Result:
    """Upload the files that the index lacks and install them from there, or leave that to the workflow."""
    plan, publication = run.plan, run.of(Tried).publication
    name = display_name(plan.index)
    if not plan.workflow:
        held = state.seen if isinstance(state.seen, Held) else None
        return Uploaded(publication.index.name, publish_files(publication, name, run.report, held=held))
    if state.status == "done":
        return LeftTo(plan.workflow, plan.waits, name, state.seen.files)
    files = _left(publication)
    how = how_to_follow(run.world.remote, plan.workflow, waits=plan.waits)
    return LeftTo(plan.workflow, plan.waits, name, files, how)
