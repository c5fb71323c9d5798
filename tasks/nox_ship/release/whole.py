"""Which wheels a release must have, from the settings, the jobs, or the last release."""

from __future__ import annotations

from packaging.version import Version

from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.package.manifest import Manifest
from nox_ship.package.parts import Wanted
from nox_ship.package.platforms import missing, targets
from nox_ship.project import Project
from nox_ship.release.publication import Publication
from nox_ship.release.uptake import glimpse
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing

LAST_NOT_KNOWN = Kind(
    "NS580",
    "last-wheels-unknown",
    "Check yourself whether a wheel is missing, or list all of them in `tool.nox-ship.wheels.expect`.",
    level="warning",
)


def wanted_wheels(project: Project, manifest: Manifest, index: Index) -> tuple[Wanted, tuple[Finding, ...]]:
    """Return the wheels that a release must have, and a warning if the last release's are unknown.

    The index is only asked if the settings do not name them; a final version is not compared with pre-releases.
    """
    settings = project.settings.wheels
    if settings.expect:
        return Wanted(settings.systems, settings.expect), ()
    try:
        listing = index.listing(manifest.name, manifest.version)
    except ShipError as error:
        what = f"The wheels of the last release are unknown: {error.findings[0].what}"
        return Wanted(settings.systems), (LAST_NOT_KNOWN(what),)
    return Wanted(settings.systems, before=_before(listing)), ()


def _before(listing: Listing) -> tuple[str, ...]:
    """Return the targets of the last release's wheels."""
    version = Version(listing.version)
    earlier = [one for one in listing.releases if one < version and (version.is_prerelease or not one.is_prerelease)]
    files = listing.releases[max(earlier)] if earlier else ()
    return tuple(sorted({target for file in files for target in targets(file.filename)}))


def built_elsewhere(publication: Publication) -> tuple[str, ...]:
    """Return the targets for which other machines build wheels: from the settings, the last release, or the runners.

    The index is asked for a few seconds only, since its answer stops no release.
    """
    manifest, settings = publication.manifest, publication.project.settings.wheels
    if not settings.systems:
        return ()
    wanted = settings.expect or _before(glimpse(publication.index, manifest.name, manifest.version))
    return missing((file.name for file in manifest.files), wanted) if wanted else settings.systems
