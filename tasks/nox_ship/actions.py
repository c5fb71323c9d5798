"""GitHub Actions, as a job sees it: values for later jobs, and the page that sums a run up.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands describes both files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

OUTPUT, SUMMARY = "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"


def output(**values: str) -> None:
    """Hand values of one line each to later steps and jobs; outside Actions nothing happens."""
    _append(OUTPUT, "".join(f"{name.replace('_', '-')}={value}\n" for name, value in values.items()))


def summary(title: str, rows: Iterable[tuple[str, ...]] = (), header: tuple[str, ...] = ()) -> None:
    """Add a section to the page that sums a run up, with a table; outside Actions nothing happens."""
    lines = [f"### {title}", ""]
    table = [header, *rows] if header else []
    for number, row in enumerate(table):
        lines.append(f"| {' | '.join(_cell(cell) for cell in row)} |")
        if number == 0:
            lines.append(f"|{' --- |' * len(row)}")
    _append(SUMMARY, "\n".join([*lines, "", ""]))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(text)
