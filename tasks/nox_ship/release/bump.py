"""Making the release's commit and tag, in the stage."""

from __future__ import annotations

import datetime as dt

from nox_ship import process
from nox_ship.errors import Kind, ShipError
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.bumpversion import write_version
from nox_ship.release.changelog import cut_changelog
from nox_ship.release.preflight import Plan
from nox_ship.release.stage import Stage

COMMIT_REFUSED = Kind(
    "NS232", "commit-refused", "A hook or git refused the commit of the new version; its own words say why."
)
TAG_REFUSED = Kind("NS233", "tag-refused", "Git refused the tag; its own words say why.")


def bump(plan: Plan, stage: Stage) -> str:
    """Make the release's commit and annotated tag in the stage, unless they are there.

    bump-my-version edits the files; committing and tagging is ours, because the tool commits before it finds that
    the tag exists. The user's own hooks run, and sign as the user's git does.

    Returns:
        What was done, for the report.

    Raises:
        ShipError: The files cannot be changed (NS306), or git refuses the commit (NS232) or the tag (NS233).
    """
    if stage.record.commit is not None:
        return f"{plan.tag} is on {stage.record.commit[:10]} already"
    repository = stage.repository
    if plan.source.kind == "files":
        project = Project.read(stage.root)
        if plan.version != plan.current:
            write_version(project, plan.source, plan.version)
        cut_changelog(project, plan.version, dt.datetime.now(tz=dt.UTC).date(), plan.tag)
        if repository.find("diff", "--quiet", "HEAD") is None:
            _commit(plan, repository)
    try:
        repository.run("tag", "--annotate", "--message", plan.tag_message, plan.tag)
    except process.CommandFailedError as error:
        raise ShipError(TAG_REFUSED(f"The tag {plan.tag} was refused.", detail=error.done.output)) from error
    stage.record.commit = repository.head
    stage.save()
    change = f"{plan.current} → {plan.version}" if plan.current != plan.version else plan.version
    return f"{change}, tag {plan.tag}"


def _commit(plan: Plan, repository: Repository) -> None:
    try:
        repository.run("commit", "--quiet", "--all", "--message", plan.message)
    except process.CommandFailedError as error:
        raise ShipError(
            COMMIT_REFUSED(f"The commit of {plan.version} was refused.", detail=error.done.output)
        ) from error
