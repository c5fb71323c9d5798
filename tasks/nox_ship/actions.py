"""GitHub Actions, as a job sees it: values for later jobs, and the page that sums a run up.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands describes both files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from nox_ship.addresses import is_safe

OUTPUT, SUMMARY = "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"


# What means something in Markdown, HTML or a mention; a backslash takes that from it.
_MARKS = re.compile(r"([\\`*_{}\[\]<>#!|~&:@$^])")


def output(**values: str) -> None:
    """Hand values of one line each to later steps and jobs; outside Actions nothing happens."""
    from nox_ship.printable import printable

    lines = (f"{name.replace('_', '-')}={printable(value, lines=False)}\n" for name, value in values.items())
    _append(OUTPUT, "".join(lines))


def summary(title: str, rows: Iterable[tuple[str, ...]] = (), header: tuple[str, ...] = (), *, link: str = "") -> None:
    """Add a section to the page that sums a run up, with a table; outside Actions nothing happens.

    All of it is shown as it is: names and output of a project make no link, image or heading. ``link`` is an address
    that is none of a project's making.
    """
    lines = [f"### {_plain(title)}", "", *([f"<{link}>", ""] if is_safe(link) else [])]
    table = [header, *rows] if header else []
    for number, row in enumerate(table):
        lines.append(f"| {' | '.join(_plain(cell) for cell in row)} |")
        if number == 0:
            lines.append(f"|{' --- |' * len(row)}")
    _append(SUMMARY, "\n".join([*lines, "", ""]))


def _plain(text: str) -> str:
    from nox_ship.printable import printable

    shown = _MARKS.sub(r"\\\1", printable(" ".join(text.split()), lines=False))
    return re.sub(r"www\.", "www\\\\.", shown, flags=re.IGNORECASE)  # a link by itself


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(text)
