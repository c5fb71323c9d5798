"""Making the release's commit and tag, in the stage."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from nox_ship import process
from nox_ship.errors import Kind, ShipError
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.bumpversion import check_places, write_version
from nox_ship.release.changelog import cut_changelog
from nox_ship.release.collecting import collect
from nox_ship.release.companions import follow
from nox_ship.release.planning import Plan
from nox_ship.release.stage import Stage

COMMIT_REFUSED = Kind("NS232", "commit-refused", "Fix the problem that git or a commit hook reports above.")
TAG_REFUSED = Kind("NS233", "tag-refused", "Fix the problem that git reports above.")


@dataclass(frozen=True)
class Objects:
    """A release's objects in git, kept in this process, since tested code could move refs on disk.

    Attributes:
        commit: The hash of its commit.
        tag: The hash of its tag: of the tag object if it is annotated.
    """

    commit: str
    tag: str


def made(stage: Stage) -> Objects | None:
    """Return the release's commit and tag, if an earlier run made them in the stage."""
    record = stage.record
    tag = f"refs/tags/{record.tag}"
    return Objects(record.commit, stage.repository.run("rev-parse", tag)) if record.commit else None


def bump(plan: Plan, stage: Stage) -> Objects:
    """Make the release's commit and annotated tag in the stage.

    If neither a version nor the changelog changes, the tag is put on the existing commit, unless that is another
    release. A release that was merged is tagged as it is.

    We commit and tag even if bump-my-version edits the files: it would commit before it finds that the tag exists. The
    user's own hooks run, and signing follows the user's git settings.

    Args:
        plan: The release.
        stage: The clean clone.

    Returns:
        Hashes of commit and tag.

    Raises:
        ShipError: The files cannot be changed (NS306), or are outside the repository (NS608); git refuses the commit
            (NS232) or the tag (NS233); or towncrier or scriv fails (NS316).
    """
    repository = stage.repository
    if plan.merged:
        return _tag(plan, stage)
    if plan.source.kind == "files":
        project = Project.read(stage.root)
        check_places(project, plan.source, repository)
        if plan.version != plan.current:
            write_version(project, plan.source, plan.version)
    project, today = Project.read(stage.root), dt.datetime.now(tz=dt.UTC).date()
    follow(project, plan.current, plan.version, today, repository.path)
    if not collect(project, plan.version, today):
        cut_changelog(project, plan.version, today, plan.tag)
    if plan.early or repository.find("diff", "--quiet", "HEAD", "--") is None:
        _commit(plan, repository)
    return _tag(plan, stage)


def _tag(plan: Plan, stage: Stage) -> Objects:
    repository = stage.repository
    try:
        repository.run("tag", "--message", plan.tag_message, plan.tag)
    except process.CommandFailedError as error:
        raise ShipError(TAG_REFUSED(f"Git refused the tag {plan.tag}.", detail=error.done.output)) from error
    commit, tag = repository.run("rev-parse", "HEAD", f"refs/tags/{plan.tag}").splitlines()
    if commit != plan.head and repository.parents(commit) != [plan.head]:
        what = f"The commit of {plan.version} is not a direct child of {plan.head[:10]}."
        raise ShipError(COMMIT_REFUSED(what, remedy="Find the hook that makes additional commits."))
    stage.record.commit = commit
    return Objects(commit, tag)


def _commit(plan: Plan, repository: Repository) -> None:
    try:
        empty = ["--allow-empty"] if plan.early else []
        repository.run("commit", "--quiet", "--all", *empty, "--message", plan.message)
    except process.CommandFailedError as error:
        raise ShipError(
            COMMIT_REFUSED(f"The commit of {plan.version} was refused.", detail=error.done.output)
        ) from error
