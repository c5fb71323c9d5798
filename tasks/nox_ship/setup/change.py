"""A file as it is, and as it would be."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """A file as it is, and as it would be."""

    path: Path
    name: str
    """The path to display."""
    before: str | None
    """The current text; None if there is no file."""
    after: str
    why: str
    protected: bool = False
    """Whether it is only overwritten with ``--force``."""

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        old = (self.before or "").splitlines(keepends=True)
        lines = difflib.unified_diff(old, self.after.splitlines(keepends=True), self.name, self.name)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
