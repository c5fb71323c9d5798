"""What a gate of ours that runs no recipe found."""

from __future__ import annotations

from dataclasses import dataclass

from nox_ship.errors import Finding


@dataclass(frozen=True)
class Judged:
    """The verdict of a gate.

    Attributes:
        told: Lines for the log.
        warnings: What stops nothing.
        errors: Why the gate does not pass.
        skip: Why it cannot say that all is well, where nothing is known to be wrong.
    """

    told: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()
    errors: tuple[Finding, ...] = ()
    skip: str = ""
