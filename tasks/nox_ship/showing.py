"""Showing the result of a release: on the terminal, in the job summary, and in the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nox_ship import actions, closing
from nox_ship.errors import Finding, ShipError, ShownError
from nox_ship.files import explained, write_whole
from nox_ship.release.history import remember
from nox_ship.release.stage import Workshop
from nox_ship.report import Report
from nox_ship.report_page import page
from nox_ship.report_summary import summary
from nox_ship.terminal import Voice


def tell(report: Report, shop: Workshop, path: Path | None = None) -> None:
    """Show how a run ended as a page in its workshop and in GitHub Actions, and write the requested report."""
    write_whole(shop.page, page(report))
    if report.scope == "release":
        with suppress(OSError):  # the result of the run matters more
            remember(shop.history, report)
    actions.page([summary(report)])
    if report.passed and report.scope != "publish":
        actions.output(tag=report.tag, commit=report.commit)
    if path:
        write(report, path)


def write(report: Report, path: Path) -> None:
    """Write a report as a page, as Markdown or as JSON, depending on the file's suffix."""
    if path.suffix.lower() in (".html", ".htm"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page(report))
    elif path.suffix.lower() == ".md":
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, summary(report))
    else:
        report.write(path)


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


def _show_stop(voice: Voice, report: Report, findings: Sequence[Finding], shop: Workshop) -> None:
    """Show why a release stopped and how far it came; the last line repeats the first reason.

    If there is nothing in between, a single finding is only shown in that line.
    """
    far = len(report.rows) > len(report.steps_not_reached()) + 1
    if far or len(findings) > 1 or any(finding.detail for finding in findings):
        for finding in findings:
            voice.finding(finding)
    if far:
        voice.table(report)
        voice.note(f"report: {shop.page}")
    voice.last_line(closing.ended(report))
