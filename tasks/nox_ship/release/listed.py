"""Whether an index's data about a version match the files that it serves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.package.contents import Archive
from nox_ship.release.converge import NOT_VISIBLE
from nox_ship.release.published import ExpectedRelease
from nox_ship.versions import same
from nox_ship.world.listing import Listing, Served

INDEX_DISAGREES = Kind(
    "NS790",
    "index-disagrees",
    "Run it again in an hour, since indexes are cached; if nothing changes, report it to the operator of the index.",
)
YANKED = Kind(
    "NS791",
    "yanked",
    "No action is needed if that was intended; an owner can undo it on the release's page of the index.",
    level="warning",
)


def examine(listing: Listing, release: ExpectedRelease) -> Findings:
    """Compare an index's data about a version with the files downloaded from it.

    Args:
        listing: The index's data.
        release: The files.

    Returns:
        Errors for files that are not served to installers (NS713) or do not match the index's data (NS790), and a
        warning for yanked ones (NS791).
    """
    findings = Findings(_hidden(listing))
    for file in release.manifest.files:
        served = listing.files[file.name]
        findings.extend(_two_hashes(listing, served))
        findings.extend(_metadata(listing, served, release.folder / file.name))
    findings.extend(_yanked(listing))
    return findings


def _hidden(listing: Listing) -> Iterator[Finding]:
    hidden = sorted(name for name, served in listing.files.items() if served.seen_in == "JSON API")
    if hidden:
        what = f"{listing.index} does not serve {shorten(hidden)} to installers, although its JSON API lists it."
        yield NOT_VISIBLE(what, remedy="Run the same command again in an hour.")


def _two_hashes(listing: Listing, served: Served) -> Iterator[Finding]:
    """Yield an error if the two APIs of an index state different hashes for a file."""
    early = listing.early.get(served.filename)
    if early and early.sha256 and served.sha256 and early.sha256 != served.sha256:
        what = f"The two APIs of {listing.index} state different SHA-256 hashes for {served.filename}."
        yield INDEX_DISAGREES(what)


def _metadata(listing: Listing, served: Served, path: Path) -> Iterator[Finding]:
    """Yield an error for each difference between a file's own metadata and the index's data."""
    try:
        archive = Archive.read(path)
    except ShipError as error:
        yield from error.findings
        return
    python = str(archive.metadata.get("Requires-Python") or "")
    told = [
        ("Name", archive.name, listing.project, canonicalize_name(archive.name) == canonicalize_name(listing.project)),
        ("Version", archive.version, listing.version, same(archive.version, listing.version)),
        ("Requires-Python", python, served.requires_python, _same_range(python, served.requires_python)),
    ]
    for field, inside, outside, agree in told:
        if not agree:
            what = (
                f"{served.filename} itself states {field} {inside or '(none)'}, but {listing.index} states {outside}."
            )
            yield INDEX_DISAGREES(what)
    if archive.is_wheel and served.metadata_sha256 not in (None, hashlib.sha256(archive.described).hexdigest()):
        what = f"{listing.index} serves metadata for {served.filename} that differ from those in the file (by SHA-256)."
        yield INDEX_DISAGREES(what)


def _same_range(one: str, other: str | None) -> bool:
    """Whether two ranges are the same, or the index states none."""
    if other is None:
        return True
    try:
        return SpecifierSet(one) == SpecifierSet(other)
    except InvalidSpecifier:
        return one.strip() == other.strip()


def _yanked(listing: Listing) -> Iterator[Finding]:
    """Yield a warning if files are yanked: installers only use them for a pinned version (PEP 592)."""
    yanked = {name: served.yanked for name, served in listing.files.items() if served.yanked is not None}
    if yanked:
        reasons = shorten(sorted({reason for reason in yanked.values() if reason}))
        which = "is" if len(yanked) == len(listing.files) else f"has {shorten(sorted(yanked))}"
        what = f"{listing.project} {listing.version} {which} yanked on {listing.index}"
        yield YANKED(f"{what}: {reasons}." if reasons else f"{what}.")
