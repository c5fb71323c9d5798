"""Which wheels a release must have, from the settings, the jobs, or the last release."""

from __future__ import annotations

from packaging.version import Version

from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.package.manifest import Manifest
from nox_ship.package.parts import Wanted
from nox_ship.package.platforms import targets
from nox_ship.project import Project
from nox_ship.world.index import Index

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
    version = Version(manifest.version)
    try:
        releases = index.listing(manifest.name, manifest.version).releases
    except ShipError as error:
        what = f"The wheels of the last release are unknown: {error.findings[0].what}"
        return Wanted(settings.systems), (LAST_NOT_KNOWN(what),)
    earlier = [one for one in releases if one < version and (version.is_prerelease or not one.is_prerelease)]
    files = releases[max(earlier)] if earlier else ()
    before = {target for file in files for target in targets(file.filename)}
    return Wanted(settings.systems, before=tuple(sorted(before))), ()
