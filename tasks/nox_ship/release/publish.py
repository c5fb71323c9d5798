"""Publishing: upload the built files, verify what the index serves, and record both in the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nox_ship.release.converge import Held, Published, converge
from nox_ship.release.installing import prove
from nox_ship.release.publication import Publication, silent
from nox_ship.report import Report


def publish(
    publication: Publication,
    called: str,
    report: Report,
    *,
    held: Held | None = None,
    install: bool = True,
    arrived: Callable[[Published], object] = silent,
) -> tuple[Published, ...]:
    """Upload what the index lacks, compare and install what it serves, and record it in a report.

    Args:
        publication: What the index should have.
        called: The index's display name, even if a stand-in is used.
        report: Records each file as soon as the index has it.
        held: What the index has, if it was just asked.
        install: Whether to install the served files.
        arrived: Also called with each file.

    Raises:
        ShipError: As for `converge` and `prove`.
    """

    def enter(entry: Published) -> None:
        report.arrived.append(f"{entry.file.name} on {called}")
        arrived(entry)

    def note(text: str) -> None:
        report.verified.append(text)
        publication.note(text)

    try:
        published = converge(publication, enter, held)
    finally:
        report.credentials = publication.index.authenticated
    uploads = [f"{entry.file.name} → {called}" for entry in published if entry.action == "uploaded"]
    report.uploads += uploads
    report.changed = report.changed or bool(uploads)
    served = publication.index.name
    report.verified += [f"{served} serves {entry.file.name} with the SHA-256 that was built" for entry in published]
    if install:
        prove(replace(publication, note=note))
    return published
