"""The step that proposes a release: its commit on a branch of its own, and a pull request with the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.release import built
from nox_ship.release.delivering import MOST_COMMITS, seal_broken
from nox_ship.release.delivery import BRANCHES, OTHERS_ON_BRANCH, branch_of, made_by_others
from nox_ship.release.results import Bumped, How, Proposed
from nox_ship.release.run import Run, State
from nox_ship.release.workflows import finishes
from nox_ship.report_summary import proposed
from nox_ship.world.forge import TOKENS, proposal_page
from nox_ship.world.index import display_name
from nox_ship.world.pulls import LONGEST_BODY, PullRequest, PullRequests
from nox_ship.world.remote import PushUnclearError

NOT_OPENED = Kind(
    "NS881",
    "pull-request-not-opened",
    "Open it manually; the branch is pushed.",
    level="notice",
)

_OUTDATED = "> [!WARNING]\n> **Outdated:** "


@dataclass(frozen=True)
class _Branch:
    """A release branch in another state than this release needs."""

    remote: str
    name: str
    tip: str
    """The remote's commit there; empty if it has no such branch."""
    lacks: str = "the release's commit"

    def __str__(self) -> str:
        return f"{self.remote} does not have {self.lacks} on {self.name}"


def propose_state(run: Run) -> State:
    """Check whether the remote has the release branch, and the forge its pull request."""
    bumped, name = run.find(Bumped), branch_of(run.plan.tag)
    if bumped is None:
        return State.unknown("there is no commit to propose yet")
    if broken := seal_broken(bumped):
        return State.conflicting(broken)
    remote, commit = run.world.remote, bumped.objects.commit
    tip = remote.refs().get(f"refs/heads/{name}", "")
    if tip != commit:
        title = run.plan.message.partition("\n")[0]
        if tip and (others := made_by_others(remote, tip, title, run.plan.head)):
            what = f"{name} on {remote.name} is at {tip[:10]}, {others}."
            return State.conflicting(ShipError(OTHERS_ON_BRANCH(what)))
        return State.missing(_Branch(remote.name, name, tip))
    pulls = _pulls(run)
    found = pulls.open_from(name, run.plan.release_branch) if pulls else None
    if pulls and found is None:
        return State.missing(_Branch(remote.name, name, tip, "a pull request"))
    how: How = "there already" if found else "by hand"
    return State.done(Proposed(remote.name, name, found.url if found else by_hand(run), how))


def _pulls(run: Run) -> PullRequests | None:
    """Return the pull requests of the forge; None if there is no forge, or no token for it."""
    forge = run.world.forge
    return forge.pulls if forge and forge.api.token else None


def by_hand(run: Run) -> str:
    """Return the address for opening the pull request manually; empty if unknown."""
    return proposal_page(run.world.remote, branch_of(run.plan.tag), run.plan.release_branch)


def propose(run: Run, state: State) -> Proposed:
    """Push the release branch, and open or update its pull request.

    Raises:
        ShipError: Something that ran in the clone changed it (NS236); a built file changed (NS603); the branch has
            commits of others (NS880); the user declined; or the remote refused the push.
    """
    if isinstance(state.seen, ShipError):
        if run.of(Bumped).seal.broken():
            run.stage.drop()
        raise state.seen
    plan, bumped, stage, report, remote = run.plan, run.bumped, run.stage, run.report, run.world.remote
    objects, seen, name = bumped.objects, state.seen, branch_of(plan.tag)
    report.remote = remote.name
    if finishes(plan.repository.path, plan.workflow):
        report.workflow = plan.workflow or ""
    report.commits, report.commit_count = stage.repository.new_commits(
        objects.commit, remote.refs().values(), MOST_COMMITS
    )
    run.confirm(run)
    built.check(stage, bumped.project)
    stage.record.proposal = stage.repository.run("rev-parse", f"{objects.commit}^{{tree}}")
    stage.save()  # a merged release is compared with what is pushed next
    if seen.tip != objects.commit:
        _push(run, seen)
    pulls = _pulls(run)
    if pulls is None:
        run.notify(_not_opened(run))
        return Proposed(remote.name, name, by_hand(run), how="by hand", anew=True)
    title = plan.message.splitlines()[0]
    body = proposed(report, merging(run), LONGEST_BODY)
    try:
        pull, opened = offered(pulls, name, plan.release_branch, title, body)
    except ShipError as error:
        run.notify(_not_opened(run, error.findings[0]))
        return Proposed(remote.name, name, by_hand(run), how="by hand", anew=True)
    return Proposed(remote.name, name, pull.url, how="opened" if opened else "renewed", anew=True)


def _push(run: Run, seen: _Branch) -> None:
    """Push the release branch, in the place of what was seen there; the report says how far that came."""
    report, stage, ref = run.report, run.stage, f"refs/heads/{seen.name}"
    report.proposal, report.pushed = seen.name, "unknown"  # until the remote has answered
    try:
        run.world.remote.push(stage.repository, {ref: run.bumped.objects.commit}, replaces={ref: seen.tip})
    except PushUnclearError:
        raise
    except ShipError:
        report.pushed = "no"
        raise
    report.pushed = "no"  # neither branch nor tag of the release
    report.arrived.append(f"{seen.name} on {seen.remote}")


def _not_opened(run: Run, why: Finding | None = None) -> Finding:
    told = why.what if why else "the remote is not on GitHub"
    if why is None and run.world.forge:
        told = f"there is no token for {run.world.forge.where} in {' or '.join(TOKENS)}"
    page = by_hand(run)
    at = f" Open it at {page}" if page else ""
    return NOT_OPENED(f"No pull request was opened: {told.rstrip('.')}.{at}")


def offered(pulls: PullRequests, branch: str, base: str, title: str, body: str) -> tuple[PullRequest, bool]:
    """Bring the pull request of a release to what it is, mark those of others as outdated; return it, and if it is new.

    Raises:
        ShipError: The forge refuses it, or does not answer (NS780 to NS785).
    """
    pull, opened = pulls.bring(branch, base, title, body)
    _outdate(pulls, pull, base)
    return pull, opened


def _outdate(pulls: PullRequests, current: PullRequest, base: str) -> None:
    """Note in the open pull requests of other releases that there is a newer one."""
    for pull in pulls.opened(base):
        if pull.branch.startswith(BRANCHES) and pull.number != current.number and not pull.body.startswith(_OUTDATED):
            body = f"{_OUTDATED}#{current.number} proposes another release.\n\n{pull.body}"
            pulls.change(pull, {"body": body[:LONGEST_BODY]})


def merging(run: Run) -> Iterator[str]:
    """Yield sentences about what happens once the proposal is merged."""
    plan, commit = run.plan, run.bumped.objects.commit
    yield f"It was made from {plan.release_branch} at {plan.head[:10]} and passed every check as {commit[:10]}."
    yield "Merge it in any way: with a merge commit, a squash, a rebase or a merge queue."
    if finishes(plan.repository.path, plan.workflow):
        yield f"{plan.workflow} then builds and tests the merged commit, tags it {plan.tag}, and publishes it."
        yield "Close it, and nothing is released."
        return
    yield f"Then run `{run.report.command}` on the updated {plan.release_branch}: it tags the merged commit {plan.tag}."
    if plan.workflow:
        yield f"The tag starts {plan.workflow}, which publishes the release."
    else:
        yield f"Then it publishes to {display_name(plan.index)}."
        yield (
            "If the merged tree is the proposed one, the files already built are published from where they were built;"
            " otherwise everything is built and tested again."
        )
    yield "To release nothing, close it."
