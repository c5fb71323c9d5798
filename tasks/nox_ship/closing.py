"""The sentence that a release or a rehearsal ends with: what is public, what is missing, what to do next."""

from __future__ import annotations

from nox_ship.errors import shorten
from nox_ship.report import Report


def ended(report: Report) -> str:
    """Return the sentence that a run ends with, however it ended."""
    if report.scope == "publish":
        return published(report) if report.passed else unpublished(report)
    if not report.passed:
        return stopped(report)
    if report.scope == "cut":
        return f"{report.tag} is cut, but not pushed."
    return rehearsed(report) if report.rehearsal else released(report)


def released(report: Report) -> str:
    """Return how a release ended that came to its end."""
    if report.proposal:
        done = "is proposed" if report.changed else "was already proposed"
        then = f"Merge it, update {report.release_branch}, then: {report.command}"
        if report.workflow:
            then = f"Merge it: {report.workflow} does the rest."
        return f"{report.project} {report.version} {done}: {report.proposal}. {then}"
    starts = f"publish a GitHub Release to start {report.workflow}"
    then = starts if report.waits else f"{report.workflow} publishes it"
    ours = f"is pushed; {then}" if report.workflow else "is released"
    if report.served:
        ours = f"is released: {report.workflow} has published it to {report.index}"
    done = ours if report.changed or report.served else "was already released, and nothing was missing"
    return f"{report.project} {report.version} {done}."


def rehearsed(report: Report) -> str:
    """Return how a rehearsal ended that came to its end."""
    if not report.changed:
        return f"Nothing was touched: this was a rehearsal. {report.tag} is already released, and nothing is missing."
    merged = f"merge {report.branch} into {report.release_branch}, then "
    first = merged if report.branch != report.release_branch else ""
    return f"Nothing was touched: this was a rehearsal. To release: {first}{report.command}"


def stopped(report: Report) -> str:
    """Return what a release or rehearsal that stopped has changed, and what the same command will do."""
    if report.rehearsal:
        return "Nothing was touched: the rehearsal did not complete."
    if report.pushed == "no":
        return "Nothing was changed: the release stopped before the push."
    if report.pushed == "unknown":
        what = f"{report.branch} and {report.tag} may be public: the push was interrupted"
        return f"{what}. Run the same command again: it checks, and finishes the release."
    then = f"; {report.workflow} publishes it" if report.workflow else ""
    what = f"Already public: {shorten(report.arrived, len(report.arrived))}{then}"
    if report.run:
        return f"{what}, whether or not it is followed ({report.run}). Run the same command again to keep following it."
    return f"{what}. Run the same command again to finish the release; it does not bump again."


def published(report: Report) -> str:
    """Return how publishing ended, or its rehearsal."""
    there = f"{report.project} {report.version} is on {report.index}"
    if not report.rehearsal:
        return f"{there}."
    if not report.uploads:
        return f"Nothing left this machine: {there}, and nothing is missing."
    return f"Nothing left this machine. To publish it: {report.command}"


def unpublished(report: Report) -> str:
    """Return what publishing has done that stopped."""
    if report.rehearsal:
        return "Nothing left this machine: the rehearsal did not complete."
    if not report.arrived:
        return "Publishing stopped, and no file is known to have been uploaded. Run the same command again."
    what = f"Already public: {shorten(report.arrived, len(report.arrived))}"
    return f"{what}. Run the same command again: it uploads the missing files."
