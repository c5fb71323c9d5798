"""The last sentence of a release or rehearsal: what is public, what is missing, what to do next."""

from __future__ import annotations

from nox_ship.errors import shorten
from nox_ship.report import Report


def ended(report: Report) -> str:
    """Return the last sentence of a run, however it ended."""
    if report.scope == "publish":
        return published(report) if report.passed else unpublished(report)
    if not report.passed:
        return stopped(report)
    if report.scope == "cut":
        return f"{report.tag} is cut, but not pushed."
    return rehearsed(report) if report.rehearsal else released(report)


def released(report: Report) -> str:
    """Return how a completed release ended."""
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
    """Return how a completed rehearsal ended."""
    if not report.changed:
        return f"Nothing was touched: this was a rehearsal. {report.tag} is already released, and nothing is missing."
    merged = f"merge {report.branch} into {report.release_branch}, then "
    first = merged if report.branch != report.release_branch else ""
    return f"Nothing was touched: this was a rehearsal. To release: {first}{report.command}"


def stopped(report: Report) -> str:
    """Return what a stopped release or rehearsal has changed, and what the same command will do."""
    if report.rehearsal:
        return f"Nothing was touched: the rehearsal did not complete.{_to('rehearse again', report, '--dry-run')}"
    if report.pushed == "no" and not report.arrived:
        return f"Nothing was changed: the release stopped before the push.{_to('try again', report)}"
    if report.pushed == "unknown":
        pushing = report.proposal or f"{report.branch} and {report.tag}"
        what = f"{pushing} may be public: the push was interrupted"
        return f"{what}. {_again(report)}: it checks, and finishes the release."
    then = f"; {report.workflow} publishes it" if report.workflow else ""
    what = f"Already public: {shorten(report.arrived, len(report.arrived))}{then}"
    if report.run:
        return f"{what}, whether or not it is followed ({report.run}). {_again(report)} to keep following it."
    if report.proposal:
        return f"{what}. {_again(report)} to open its pull request."
    return f"{what}. {_again(report)} to finish the release; it does not bump again."


def published(report: Report) -> str:
    """Return how publishing, or its rehearsal, ended."""
    there = f"{report.project} {report.version} is on {report.index}"
    if not report.rehearsal:
        return f"{there}."
    if not report.uploads:
        return f"Nothing left this machine: {there}, and nothing is missing."
    return f"Nothing left this machine. To publish it: {report.command}"


def unpublished(report: Report) -> str:
    """Return what publishing did before it stopped."""
    if report.rehearsal:
        return "Nothing left this machine: the rehearsal did not complete."
    if not report.arrived:
        return "Publishing stopped, and no file is known to have been uploaded. Run the same command again."
    what = f"Already public: {shorten(report.arrived, len(report.arrived))}"
    return f"{what}. Run the same command again: it uploads the missing files."


def _again(report: Report) -> str:
    """Return the sentence that says to repeat the command, which it names."""
    return f"Run the same command again{f' ({report.command})' if report.command else ''}"


def _to(what: str, report: Report, *more: str) -> str:
    """Return a sentence with the command that does ``what``; empty if the report has none."""
    return f" To {what}: {' '.join([report.command, *more])}" if report.command else ""
