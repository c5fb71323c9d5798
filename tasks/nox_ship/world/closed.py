"""When an index accepts no files: for a closed project, an old release, or a second sdist."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.world.listing import Listing

PROJECT_ARCHIVED = Kind(
    "NS770",
    "project-archived",
    "To release it again, ask an owner to unarchive it in the project's settings on the index.",
)
PROJECT_QUARANTINED = Kind(
    "NS771",
    "project-quarantined",
    "Answer the email that the index's administrators sent to the project's owners, or write to them.",
)
RELEASE_CLOSED = Kind(
    "NS772",
    "release-closed",
    "Commit something and release the next version; if the incomplete release is unusable, yank it as"
    " docs/emergencies.md describes.",
)
RELEASE_CLOSES = Kind(
    "NS773", "release-closes-soon", "Upload the missing files now, or release the next version.", level="warning"
)
SECOND_SDIST = Kind(
    "NS774",
    "second-sdist",
    "Commit something and release the next version, and upload it from one place only.",
)

OPEN_DAYS = 14
"""Days for which PyPI accepts files for a release (``MAXIMUM_AGE_FOR_NEW_UPLOADS_DAYS`` in ``forklift/legacy.py``)."""

_OPEN = dt.timedelta(days=OPEN_DAYS)
_SOON = dt.timedelta(days=1)
_MOST_REASON = 200


def closed_project(listing: Listing) -> Iterator[Finding]:
    """Yield an error if the index accepts no files for the project at all (PEP 792)."""
    project, index = listing.project, listing.index
    reason = f" ({listing.reason[:_MOST_REASON].strip()})" if listing.reason.strip() else ""
    if listing.status == "archived":
        yield PROJECT_ARCHIVED(f"{project} is archived on {index}{reason}: it accepts no files.")
    elif listing.status == "quarantined":
        yield PROJECT_QUARANTINED(f"{project} is quarantined on {index}{reason}: none of its files are served.")


def closed_release(listing: Listing, missing: Sequence[str]) -> Iterator[Finding]:
    """Yield why the index does not accept the missing files of a release, or will not for long.

    PyPI and TestPyPI accept no files for a release that is older than 14 days, and only one sdist per release. The age
    is counted from the oldest existing file, by the index's own clock; the release is at least that old.

    Args:
        listing: What the index has of the release.
        missing: The files that it lacks, by name or in words; if there are none, nothing is yielded.
    """
    if not missing:
        return
    yield from closed_project(listing)
    if not listing.public:
        return
    first, release = listing.first_upload, f"{listing.project} {listing.version}"
    left = _OPEN - (listing.at - first) if first else _OPEN
    if first and left <= dt.timedelta():
        what = f"{listing.index} accepts no more files for {release}: the first came on {first.date().isoformat()},"
        yield RELEASE_CLOSED(f"{what} more than {OPEN_DAYS} days ago, and it lacks {shorten(missing)}.")
    elif left < _SOON:
        hours = int(left / dt.timedelta(hours=1))
        what = f"{listing.index} lacks {shorten(missing)} of {release}, and accepts files for it"
        yield RELEASE_CLOSES(f"{what} for only {f'{hours} more hours' if hours > 1 else 'one more hour'}.")
    other = next((name for name, served in listing.files.items() if served.is_sdist and not served.trial), None)
    if other and (ours := [name for name in missing if name.endswith((".tar.gz", ".zip"))]):
        what = f"{listing.index} has {other} and accepts only one sdist per release, so not {shorten(ours)}."
        yield SECOND_SDIST(what)
