"""Asking the user: whether that is possible, and whether to continue."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nox_ship.cli import BAD_ARGUMENTS
from nox_ship.config import Settings
from nox_ship.errors import Findings, ShipError
from nox_ship.git import Repository
from nox_ship.release.checking import Required
from nox_ship.release.delivery import branch_of
from nox_ship.release.pipeline import DECLINED
from nox_ship.release.run import Run
from nox_ship.world.index import display_name


def on_a_terminal() -> bool:
    """Whether there is a user who can be asked."""
    return not in_ci() and sys.stdin.isatty() and sys.stdout.isatty()  # a CI runner may have a terminal


def in_ci() -> bool:
    """Whether this is CI."""
    return bool(os.environ.get("CI"))


def required_checks(settings: Settings, without: Sequence[str], root: Path) -> Required:
    """Return the checks that publishing waits for.

    Args:
        settings: The project's settings.
        without: The names that the user left out; empty ones are ignored.
        root: The project's folder, whose git settings identify the user.

    Raises:
        ShipError: One of the names is not a required check (NS108).
    """
    names, out = settings.publish.require_checks, tuple(filter(None, without))
    for name in out:
        if name not in names:
            there = f"the required checks are {', '.join(names)}" if names else "`publish.require-checks` is empty"
            raise ShipError(BAD_ARGUMENTS(f"`--without-check {name}` is not a required check; {there}."))
    run = os.environ.get("GITHUB_RUN_ID", "") if os.environ.get("GITHUB_ACTIONS") else ""
    return Required(names, out, _person(root) if out else "", run)


def _person(root: Path) -> str:
    """Return who runs this: the name that GitHub gives in a job, else git's, else the system's."""
    if os.environ.get("GITHUB_ACTIONS") and (actor := os.environ.get("GITHUB_ACTOR")):
        return actor
    told = Findings().catch(lambda: Repository.at(root).find("var", "GIT_COMMITTER_IDENT"))
    return f"{told.rpartition('>')[0]}>" if told else getpass.getuser()


def before_push(run: Run) -> None:
    """Show what has been done and ask whether to continue.

    Raises:
        ShipError: The user declined (NS235).
    """
    plan = run.plan
    run.voice.end()
    run.voice.table(run.report)
    after = f"{plan.workflow} publishes it" if plan.workflow else f"publish it to {display_name(plan.index)}"
    what, then = f"{plan.branch} and {plan.tag}", f"then {after}"
    if plan.merged:
        what = plan.tag
    if run.proposes:
        what, then = branch_of(plan.tag), f"and open a pull request into {plan.release_branch}"
    question = f"Push {what} to {run.world.remote.name}, {then}? [y/N] "
    if run.voice.ask(question).strip().lower() not in ("y", "yes"):
        raise ShipError(DECLINED(f"{plan.tag} was not pushed because you did not answer yes."))
