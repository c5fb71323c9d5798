"""What an index takes no files for: a project that is closed, a release that is too old, an sdist beside another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.world.listing import Listing

PROJECT_ARCHIVED = Kind(
    "NS770",
    "project-archived",
    "To release it again, an owner has to unarchive it first, in the project's settings on the index.",
)
PROJECT_QUARANTINED = Kind(
    "NS771",
    "project-quarantined",
    "The index's administrators decide: answer the mail that the project's owners got, or write to them.",
)
RELEASE_CLOSED = Kind(
    "NS772",
    "release-closed",
    "Commit something and release the next version; if what is there is of no use alone, yank it, as"
    " docs/emergencies.md says.",
)
RELEASE_CLOSES = Kind(
    "NS773", "release-closes-soon", "Upload what is missing now, or release the next version.", level="warning"
)
SECOND_SDIST = Kind(
    "NS774",
    "second-sdist",
    "Commit something and release the next version, from one place alone.",
)

OPEN_DAYS = 14
"""How long PyPI takes files of a release (``MAXIMUM_AGE_FOR_NEW_UPLOADS_DAYS`` of its ``forklift/legacy.py``)."""

_OPEN = dt.timedelta(days=OPEN_DAYS)
_SOON = dt.timedelta(days=1)
_MOST_REASON = 200


def closed_project(listing: Listing) -> Iterator[Finding]:
    """Yield an error where the index takes no files of the project, whatever the version (PEP 792)."""
    project, index = listing.project, listing.index
    reason = f" ({listing.reason[:_MOST_REASON].strip()})" if listing.reason.strip() else ""
    if listing.status == "archived":
        yield PROJECT_ARCHIVED(f"{project} is archived on {index}{reason}: it takes no files.")
    elif listing.status == "quarantined":
        yield PROJECT_QUARANTINED(f"{project} is quarantined on {index}{reason}: none of its files are served.")


def closed_release(listing: Listing, missing: Sequence[str]) -> Iterator[Finding]:
    """Yield what keeps the index from taking what is missing of a release.

    PyPI and TestPyPI take no file of a release that is older than 14 days, and one sdist of each. The age counts from
    the oldest file that is still there, and ends by the index's own clock: the release is that old at least.

    Args:
        listing: What the index has of the release.
        missing: The files that it lacks, by name or in words; nothing is yielded where there are none.
    """
    if not missing:
        return
    yield from closed_project(listing)
    if not listing.public:
        return
    first, release = listing.first_upload, f"{listing.project} {listing.version}"
    left = _OPEN - (listing.at - first) if first else _OPEN
    if first and left <= dt.timedelta():
        what = f"{listing.index} takes no more files of {release}: its first one came on {first.date().isoformat()},"
        yield RELEASE_CLOSED(f"{what} more than {OPEN_DAYS} days ago, and it lacks {shorten(missing)}.")
    elif left < _SOON:
        hours = int(left / dt.timedelta(hours=1))
        what = f"{listing.index} lacks {shorten(missing)} of {release}, and takes files of it"
        yield RELEASE_CLOSES(f"{what} for {f'{hours} hours' if hours > 1 else 'an hour at the most'}.")
    other = next((name for name, served in listing.files.items() if served.is_sdist and not served.trial), None)
    if other and (ours := [name for name in missing if name.endswith((".tar.gz", ".zip"))]):
        what = f"{listing.index} has {other}, and takes one sdist of a release: not {shorten(ours)}."
        yield SECOND_SDIST(what)
