"""Asking a person: whether somebody is there, and whether to go on."""

from __future__ import annotations

import os
import sys

from nox_ship.errors import ShipError
from nox_ship.release.pipeline import DECLINED
from nox_ship.release.run import Run
from nox_ship.world.index import display_name


def on_a_terminal() -> bool:
    """Whether there is somebody who can be asked."""
    return not in_ci() and sys.stdin.isatty() and sys.stdout.isatty()  # a runner may have a terminal


def in_ci() -> bool:
    """Whether this is a CI."""
    return bool(os.environ.get("CI"))


def before_push(run: Run) -> None:
    """Show what has been done and ask whether to go on.

    Raises:
        ShipError: It is not to be (NS235).
    """
    plan = run.plan
    run.voice.end()
    run.voice.table(run.report)
    after = f"{plan.workflow} publishes it" if plan.workflow else f"publish it to {display_name(plan.index)}"
    question = f"Push {plan.branch} and {plan.tag} to {run.world.remote.name}, then {after}? [y/N] "
    if run.voice.ask(question).strip().lower() not in ("y", "yes"):
        raise ShipError(DECLINED(f"{plan.tag} was not pushed: you did not say yes."))
