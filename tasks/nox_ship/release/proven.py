"""Whether another run of the workflow proved a release, and what that run built.

The run that cuts a release runs its gates and pushes it; the run on the tag publishes the files built there. Its only
input is an ID, from anyone who may start the workflow. It trusts only what GitHub itself says about the run with that
ID: GitHub writes the building job's outputs into the name of the pushing job.

The run that finishes a merged proposal uses the files of the run that proposed it, which it finds and trusts in the
same way. The text of the pull request does not count, since reviewers may edit it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from nox_ship.errors import Kind, ShipError
from nox_ship.world.forge import Job
from nox_ship.world.runs import Run, Runs

RUN_NOT_TOLD = Kind(
    "NS776",
    "run-not-told",
    "Rerun the failed jobs, or start the workflow manually on the tag, with `bump` and `run` empty.",
)
NOT_PROVEN = Kind(
    "NS777",
    "not-proven",
    "Start the workflow manually on the tag, with `bump` and `run` empty, so that it runs the gates.",
)
PROVEN_ANEW = Kind(
    "NS886",
    "proven-anew",
    "There is nothing to do: the merged commit is built and tested, and those files are published.",
    level="notice",
)

SBOM = "sbom"
"""The name of the artifact with the bill of materials."""
_PUSHING, _PROPOSING = "Push files ", "Propose "
"""The prefixes of the names of the jobs that push and propose; no other job of the workflow has one of them."""
_BUILT = re.compile(r"(?P<files>[0-9]{1,20}), manifest (?P<manifest>[0-9a-f]{64})", re.ASCII)
"""The rest of their names."""
_CUTTING = ("workflow_dispatch", "push")
"""What starts a run that cuts a release: somebody does, or a merged pull request."""
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_WORKFLOWS = ".github/workflows/"
_PATIENCE = 300.0
"""Seconds to wait for the run to end; it started this one in its last step."""
_PAUSE = 5.0


@dataclass(frozen=True)
class Proven:
    """What a run built and proved."""

    run: str
    """The ID of the run."""
    files: str
    """The ID of the artifact with the files and their manifest."""
    manifest: str
    """The manifest's SHA-256."""
    sbom: str = ""
    """The ID of the artifact named like the one with the bill of materials; empty if there is none.

    GitHub truncates job names at 100 characters, so it does not fit there. Given its name, any job of that run may have
    made it: all of them ran the same project's code, as did the job that describes it.
    """
    tree: str = ""
    """The tree of the merged commit, from which the files must have been built; empty unless the run proposed them."""


def proven(number: str, branch: str, job: Job) -> Proven:
    """Return what the run ``number`` built, after checking that it cut and proved the release of this run.

    Args:
        number: The ID of the run.
        branch: The release branch.
        job: The asking job, in a run on the release's tag.

    Raises:
        ShipError: It is not such a run (NS777), or GitHub does not answer properly (NS776).
    """
    if not job.ref.startswith("refs/tags/"):
        raise ShipError(NOT_PROVEN(f"{job.ref} is not a tag; a run proves only the release that it cut."))
    if not _NUMBER.fullmatch(number):
        raise ShipError(NOT_PROVEN(f"{number!r} is not the ID of a run."))
    try:
        return _believed(Runs(job.github), number, branch, job)
    except ShipError as error:
        if error.findings[0].id == NOT_PROVEN.id:
            raise
        raise ShipError(RUN_NOT_TOLD(f"GitHub did not report the run {number}: {error.findings[0].what}")) from error


def proposed_by_run(head: str, branch: str, job: Job) -> Proven:
    """Return what the run built that proposed a release, which the job's commit is by a merged pull request.

    GitHub tells the tag that a run was on like a branch, and a pull request may have commits that undo each other. So
    the branch itself must have been at the commit on which that run was, and the pull request must have one commit.

    Args:
        head: The tip of the pull request's branch.
        branch: The release branch.
        job: The asking job, in a run that the merge started.

    Raises:
        ShipError: There is no such run, or its files are gone; or GitHub does not answer properly (NS886).
    """
    try:
        return _proposed(Runs(job.github), head, branch, job)
    except ShipError as error:
        if error.findings[0].id == PROVEN_ANEW.id:
            raise
        raise ShipError(PROVEN_ANEW(f"GitHub did not report what was proposed: {error.findings[0].what}")) from error


def _proposed(runs: Runs, head: str, branch: str, job: Job) -> Proven:
    merged, tip = runs.commit(job.commit), runs.commit(head)
    if merged.tree != tip.tree:
        raise ShipError(PROVEN_ANEW("The merged tree is not the proposed one: the branch had moved on."))
    if len(tip.parents) != 1 or tip.parents != merged.parents[:1]:
        raise ShipError(PROVEN_ANEW("The pull request was not a single commit on top of the branch as it was."))
    (onto,) = tip.parents
    for run in runs.of(job.workflow, onto):
        number = str(run.id)
        if run.head_sha != onto or any(_wrong(run, branch, job)):  # so it was no push, which only proves its own commit
            continue
        if (found := _named(runs, number, _PROPOSING)) is None:
            continue
        if (trouble := _missing(runs, found["files"], number)) is not None:
            raise ShipError(PROVEN_ANEW(f"The files that run {number} proposed are gone: {trouble}."))
        return Proven(number, found["files"], found["manifest"], runs.named(number, SBOM), merged.tree)
    raise ShipError(PROVEN_ANEW(f"No run of {job.workflow} on {onto[:10]} proposed this release."))


def _believed(runs: Runs, number: str, branch: str, job: Job) -> Proven:
    run = _ended(runs, number)
    wrong = list(_wrong(run, branch, job))
    above = (job.commit,) if job.commit == run.head_sha else runs.commit(job.commit).parents
    if above != (run.head_sha,):
        wrong.append(f"it ran on {run.head_sha[:10]}, from which {job.commit[:10]} was not cut")
    if (found := _named(runs, number, _PUSHING)) is None:
        wrong.append("it has no job that pushed a release")
    elif (trouble := _missing(runs, found["files"], number)) is not None:
        wrong.append(trouble)
    if _named(runs, number, _PROPOSING):
        wrong.append("it proposed a release instead of pushing it")
    if wrong or found is None:
        raise ShipError(*(NOT_PROVEN(f"The run {number} did not prove this release: {what}.") for what in wrong))
    return Proven(number, found["files"], found["manifest"], runs.named(number, SBOM))


def _named(runs: Runs, number: str, prefix: str) -> re.Match[str] | None:
    """Return what the name of a run's only job with a prefix says of the files; None if that did not pass."""
    jobs = [one for one in runs.jobs(number) if one.name.startswith(prefix)]
    passed = len(jobs) == 1 and jobs[0].conclusion == "success"
    return _BUILT.fullmatch(jobs[0].name, len(prefix)) if passed else None


def _ended(runs: Runs, number: str) -> Run:
    """Return a run once it has ended, or its state after a while."""
    until = time.monotonic() + _PATIENCE
    while (run := runs.run(number)).status != "completed" and time.monotonic() < until:
        time.sleep(_PAUSE)
    return run


def _wrong(run: Run, branch: str, job: Job) -> Iterator[str]:
    if (run.status, run.conclusion) != ("completed", "success"):
        yield f"it is {run.status}, and its conclusion is {run.conclusion}"
    path = run.path.partition("@")[0]
    if path != _WORKFLOWS + job.workflow:
        yield f"it belongs to {path}, not to {job.workflow}"
    if run.event not in _CUTTING:
        yield f"it was started by {run.event}, not manually or by a push to the branch"
    if run.event == "push" and run.head_sha != job.commit:
        yield f"it was started by a push of {run.head_sha[:10]}, which is not the release"
    if run.head_branch != branch:
        yield f"it ran on {run.head_branch}, not on the release branch {branch}"
    if run.head_repository is None or run.head_repository.full_name.lower() != job.slug.lower():
        yield "its commit is from another repository"


def _missing(runs: Runs, files: str, number: str) -> str | None:
    artifact = runs.artifact(files)
    if artifact.workflow_run is None or str(artifact.workflow_run.id) != number:
        return f"it has no artifact {files}"
    return f"the artifact {files} has expired" if artifact.expired else None
