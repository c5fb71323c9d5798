"""The verdict of a gate of ours that has no recipe."""

from __future__ import annotations

from dataclasses import dataclass

from nox_ship.errors import Finding


@dataclass(frozen=True)
class Judged:
    """The verdict of a gate.

    Attributes:
        told: Lines for the log.
        warnings: Findings that stop nothing.
        errors: Why the gate does not pass.
        skip: Why it cannot decide, if nothing is known to be wrong.
    """

    told: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()
    errors: tuple[Finding, ...] = ()
    skip: str = ""
