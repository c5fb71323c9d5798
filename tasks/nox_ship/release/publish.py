"""Publishing: an index is brought to what was built, and what it serves is proven; the report is told as it goes."""

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
    """Upload what the index lacks, compare what it serves, install it, and enter it all in a report.

    Args:
        publication: What is to be there.
        called: The index's display name, whatever stands in for it.
        report: Takes each file as soon as the index has it.
        held: What the index has, if it was just asked.
        install: Whether to install what is served.
        arrived: Told of each file too.

    Raises:
        ShipError: As `converge` and `prove` do.
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
