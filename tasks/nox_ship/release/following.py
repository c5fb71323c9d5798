"""The next command to type, depending on the state of the releases."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from nox_ship.git import NO_COMMIT, NOT_A_REPOSITORY
from nox_ship.release.status import Standing


def following(standing: Standing) -> tuple[str, str]:
    """Return the next command to type, empty if there is none, and the reason."""
    for rule in _RULES:
        if found := rule(standing):
            return found
    return "nox -s release -- auto --dry-run", "rehearses the next release"


def _begin(standing: Standing) -> tuple[str, str] | None:
    ids = {finding.id: finding.what for finding in standing.untold}
    if what := ids.get(NOT_A_REPOSITORY.id):
        return "git init", what
    if what := ids.get(NO_COMMIT.id):
        return "git add --all && git commit", what
    return None if standing.project else ("nox -s doctor", "shows what is wrong with the project")


def _finish(standing: Standing) -> tuple[str, str] | None:
    """Finish a pushed release."""
    progress = standing.progress
    if not (progress and progress.open and progress.has("done", "push")):
        return None
    plan, seen, tag = progress.plan, progress.steps, shlex.quote(progress.plan.tag)
    if progress.has("conflicting", "publish"):
        return "nox -s doctor", str(seen["publish"].seen)
    if plan.workflow and progress.has("missing", "publish"):
        if plan.waits:
            return f"gh release create {tag}", f"{plan.workflow} publishes each GitHub Release"
        return "nox -s verify-published", f"{plan.workflow} publishes {plan.tag}; this waits until the index serves it"
    if standing.head not in (plan.head, plan.commit):
        return f"git switch --detach {tag} && nox -s publish", str(seen["publish"].seen)
    again = f"nox -s release -- {shlex.quote(plan.version)}"
    return _tidy(standing) or (again, "finishes the release without bumping again")


def _tidy(standing: Standing) -> tuple[str, str] | None:
    """Prepare the checkout for a release."""
    if standing.changes:
        return "git status", "a release needs a clean checkout: commit or stash the changes"
    if standing.release_branch and standing.branch != standing.release_branch:
        return f"git switch {shlex.quote(standing.release_branch)}", "releases are made from that branch"
    return None


def _catch_up(standing: Standing) -> tuple[str, str] | None:
    return (standing.behind, "the remote has commits that are not here") if standing.behind else None


def _go_on(standing: Standing) -> tuple[str, str] | None:
    """Continue a release that was made here but not pushed."""
    if (progress := standing.progress) and progress.open:
        return f"nox -s release -- {shlex.quote(progress.plan.version)}", "continues; what has passed is not run again"
    return None


def _finish_merged(standing: Standing) -> tuple[str, str] | None:
    """Finish a release whose pull request was merged."""
    if (merged := standing.merged) is None:
        return None
    again = f"nox -s release -- {shlex.quote(standing.version)}"
    if merged.commit != standing.head:
        return f"git switch --detach {merged.commit[:10]} && {again}", f"{merged.tag} is merged there, but not released"
    return again, f"{merged.tag} is merged: tags and publishes it"


def _wait(standing: Standing) -> tuple[str, str] | None:
    """Wait for a proposed release, or propose it again."""
    for one in standing.waiting:
        if one.outdated:
            return (
                f"nox -s release -- {shlex.quote(one.version)}",
                f"{one.url} proposes it, but the branch has newer commits",
            )
        return "", f"{one.url} proposes {one.tag}: merge it"
    return None


def _rest(standing: Standing) -> tuple[str, str] | None:
    if standing.since == 0:
        return "", f"there are no commits since {standing.tag}"
    return None


_RULES: Sequence[Callable[[Standing], tuple[str, str] | None]] = (
    _begin,
    _finish,
    _tidy,
    _catch_up,
    _finish_merged,
    _go_on,
    _wait,
    _rest,
)
"""Rules for the next command; the first that applies counts."""
