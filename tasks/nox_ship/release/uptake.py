"""Whether an index will accept a new release, or the missing files of one. Nothing is uploaded to find out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from packaging.version import Version

from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.package.manifest import File, Manifest
from nox_ship.release.version import next_version
from nox_ship.versions import same
from nox_ship.world.closed import closed_project, closed_release
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing, Served
from nox_ship.world.lookout import SECONDS, not_asked
from nox_ship.world.web import begun

VERSION_TAKEN = Kind(
    "NS224",
    "version-taken",
    "Release a higher version: a file name can never be used again.",
)
OTHER_BYTES = Kind(
    "NS711",
    "other-bytes",
    "A file name can never be used again, even after deletion: release the next version.",
)

OTHER_BUILD = Kind(
    "NS586",
    "other-build",
    "Publish with the manifest of that build; if it is lost, release the next version.",
)

GLIMPSE_SECONDS = 2 * SECONDS
"""Seconds to wait for the index if others upload the release; a rehearsal waits half as long."""


def foresee(index: Index, project: str, version: str, *, new: bool, built: Manifest | None = None) -> Findings:
    """Ask an index whether it will accept a release, as far as is known without an upload.

    Credentials are only checked if the index has no file of the release: what else is missing is unknown before the
    build.

    Args:
        index: The index that the release goes to.
        project: The project's name.
        version: The version.
        new: Whether it has not been released yet.
        built: The manifest of the release's files; None if nothing was built, or that is unknown.

    Returns:
        All findings, errors included: it already has the version (NS224), accepts no files for the project (NS770,
        NS771) or the release (NS772, NS774); there are no credentials, or it refuses them.

    Raises:
        ShipError: The index does not answer (NS701).
    """
    listing = index.listing(project, version)
    findings = _told(listing, new=new, missing=_missing(listing, built))
    if not listing.files:
        findings.extend(findings.catch(lambda: index.admits(project, version)) or ())
    return findings


def foresee_workflow(index: Index, project: str, version: str, *, new: bool, certain: bool = True) -> Findings:
    """Ask an index as :func:`foresee` does, but for a workflow's upload: without credentials; no answer is a notice.

    It is unknown which files the workflow uploads, so none count as missing.

    Args:
        index: The index that the release goes to.
        project: The project's name.
        version: The version.
        new: Whether it has not been released yet.
        certain: Whether the workflow is known to upload to this index; otherwise refusals are warnings.
    """
    listing = glimpse(index, project, version)
    if listing.silent:
        return Findings([not_asked(listing.index, project, version, listing.silent)])
    return _unsure(_told(listing, new=new, missing=()), certain)


def foresee_name(index: Index, project: str, version: str, *, certain: bool = True) -> Findings:
    """Return why an index would not allow a project's name (NS727, NS775), if it does not have the project.

    To find out, the names of all its projects are read, which may take several seconds.

    Args:
        index: The index that the release goes to.
        project: The project's name.
        version: The version.
        certain: Whether the release is known to go to this index; otherwise refusals are warnings.
    """
    listing = glimpse(index, project, version)
    known = listing.known or bool(listing.silent)
    return _unsure(Findings() if known else Findings(index.refuses_name(project)), certain)


def _unsure(findings: Findings, certain: bool) -> Findings:
    if certain:
        return findings
    return Findings(replace(one, level="warning") for one in findings if one.level == "error")


def glimpse(index: Index, project: str, version: str) -> Listing:
    """Ask an index what it has of a version, for a few seconds; without an answer, return nothing and the reason."""
    try:
        return begun(lambda: index.listing(project, version)).result(GLIMPSE_SECONDS)
    except TimeoutError:
        why = f"it did not answer within {GLIMPSE_SECONDS:.0f} seconds"
    except ShipError as error:
        why = error.findings[0].what.rstrip(".")
    return Listing(index=index.name, project=project, version=version, files={}, silent=why)


def _told(listing: Listing, *, new: bool, missing: Sequence[str]) -> Findings:
    version, there = listing.version, listing.files
    if new and there:
        return Findings([VERSION_TAKEN(f"{listing.index} already has {version}: {shorten(sorted(there))}.")])
    return Findings(closed_release(listing, missing) if there else closed_project(listing))


def _missing(listing: Listing, built: Manifest | None) -> list[str]:
    """Return what an index lacks of a release: file names or, without a build, kinds of files."""
    if built and same(built.version, listing.version):
        return lacking(built, listing)
    kinds = {"the sdist": any(served.is_sdist for served in listing.files.values())}
    kinds["every wheel"] = any(name.endswith(".whl") for name in listing.files)
    return [kind for kind, there in kinds.items() if not there]


def lacking(manifest: Manifest, listing: Listing) -> list[str]:
    """Return the names of the manifest's files that an index does not have; uploads to a stand-in do not count."""
    there = {name for name, served in listing.files.items() if not served.trial}
    return [file.name for file in manifest.files if file.name not in there]


def check_open(manifest: Manifest, listing: Listing) -> tuple[Finding, ...]:
    """Check that an index accepts the missing files of a release; return warnings.

    Raises:
        ShipError: It accepts no files for the project (NS770, NS771) or the release (NS772, NS774).
    """
    findings = Findings(closed_release(listing, lacking(manifest, listing)))
    findings.raise_errors()
    return tuple(findings)


def refuse_other_bytes(manifest: Manifest, files: Iterable[File], there: Mapping[str, Served], index: Index) -> None:
    """Check that an index has no different files under the names of ``files``.

    Raises:
        ShipError: It has different files (NS711), or does not answer (NS701).
    """
    findings = Findings()
    for file in files:
        served = there.get(file.name)
        if served and (served.sha256 or index.download_sha256(served, file.size)) != file.sha256:
            what = f"{index.name} has a different {file.name}: its SHA-256 differs."
            findings.append(OTHER_BYTES(what, remedy=next_release(manifest)))
    findings.raise_errors()


def refuse_other_build(manifest: Manifest, listing: Listing) -> None:
    """Check that an index only has files of this build, before it gets more.

    Raises:
        ShipError: It has files of the version that are not in the manifest (NS586).
    """
    known = {file.name for file in manifest.files}
    if others := sorted(name for name, served in listing.files.items() if name not in known and not served.trial):
        what = f"{listing.index} has {shorten(others)} of {manifest.version}, which the manifest does not list"
        raise ShipError(OTHER_BUILD(f"{what}: another build was partly uploaded."))


def next_release(manifest: Manifest) -> str:
    """Return what to do if a file name is taken: it never becomes free again."""
    version = Version(manifest.version)
    remedy = "A file name can never be used again, even after deletion"
    if version.is_devrelease:
        return f"{remedy}: commit something, and publish the next development version."
    coming = next_version(version, {"a": "alpha", "b": "beta", "rc": "rc"}[version.pre[0]] if version.pre else "patch")
    return f"{remedy}: release {coming} (`nox -s release -- {coming}`)."
