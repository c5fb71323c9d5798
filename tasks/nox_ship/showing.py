"""Showing what a release came to: on the terminal, to the job that it is part of, and in the report."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nox_ship import actions, closing
from nox_ship.errors import Finding, ShipError, ShownError
from nox_ship.files import explained
from nox_ship.release.stage import Workshop
from nox_ship.report import Report
from nox_ship.terminal import Voice


def tell(report: Report, path: Path | None) -> None:
    """Tell GitHub Actions how a release ended, and write the report that was asked for."""
    rows = [(row.name, row.status, row.detail) for row in report.rows]
    actions.summary(f"{report.title} {report.version}".strip(), rows, ("step", "result", "what"))
    tell_changes(report)
    if report.passed:
        actions.output(tag=report.tag, commit=report.commit)
    if path:
        report.write(path)


def tell_changes(report: Report) -> None:
    """Add what changed since the last release to the job summary, if there was a comparison."""
    if report.since:
        changes = [line.partition(": ") for line in report.changes] or [("nothing", "", "but the version")]
        rows = [(what, change) for what, _, change in changes] + [("unusual", line) for line in report.unusual]
        actions.summary(f"Changed since {report.since}", rows, ("what", "change"))


@contextmanager
def stop_shown(voice: Voice, report: Report, shop: Workshop) -> Iterator[None]:
    """Show why the release stopped, and how far it came, whatever ends the block.

    Raises:
        ShownError: An error for the user ended it.
    """
    try:
        yield
    except (ShipError, OSError) as error:
        shown = explained(error) if isinstance(error, OSError) else error
        _show_stop(voice, report, shown.findings, shop)
        raise ShownError(*shown.findings) from error
    except BaseException:
        _show_stop(voice, report, (), shop)
        raise


def last_line(options: Namespace, report: Report) -> str:
    """Return the sentence that a release ends with."""
    if not options.dry_run:
        return closing.released(report)
    without = (word for gate in options.without for word in ("--without", gate))
    command = shlex.join([*([options.wanted] if options.wanted else []), *without])
    return closing.rehearsed(report, f"nox -s release -- {command}")


def _show_stop(voice: Voice, report: Report, findings: Sequence[Finding], shop: Workshop) -> None:
    """Show why a release stopped and how far it came; a single finding is left to the line that ends it."""
    if len(findings) > 1 or any(finding.detail for finding in findings):
        for finding in findings:
            voice.finding(finding)
    if len(report.rows) > len(report.steps_not_reached()) + 1:
        voice.table(report)
        voice.note(f"report: {shop.report}")
    voice.last_line(closing.stopped(report))
