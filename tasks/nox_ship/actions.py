"""GitHub Actions from within a job: output values for later jobs, and the job summary.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands describes both files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

OUTPUT, SUMMARY = "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"


def output(**values: str) -> None:
    """Set outputs, of one line each, for later steps and jobs; outside Actions nothing happens."""
    from nox_ship.printable import printable

    lines = (f"{name.replace('_', '-')}={printable(value, lines=False)}\n" for name, value in values.items())
    _append(OUTPUT, "".join(lines))


def summary(title: str, rows: Iterable[tuple[str, ...]] = (), header: tuple[str, ...] = ()) -> None:
    """Add a section with a table to the job summary; outside Actions nothing happens.

    All text is shown literally: names and output of a project cannot make a link, image or heading.
    """
    from nox_ship.plain_markdown import plain, table

    page([f"### {plain(title)}", "", *(table(header, rows) if header else [])])


def page(lines: Iterable[str]) -> None:
    """Add lines of Markdown to the job summary; outside Actions nothing happens."""
    _append(SUMMARY, "\n".join([*lines, "", ""]))


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(text)
