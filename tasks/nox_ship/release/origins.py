"""Who published the files that an index serves, by their provenance, and whether it was the project's workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from packaging.version import Version

from nox_ship.errors import Findings, ShipError, shorten
from nox_ship.git import Repository
from nox_ship.package.building import sources
from nox_ship.project import Project
from nox_ship.release.predecessor import before
from nox_ship.release.published import ExpectedRelease
from nox_ship.release.workflows import Upload, uploads
from nox_ship.world import attest
from nox_ship.world.forge import GitHub
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing
from nox_ship.world.provenance import NOT_VERIFIED, PROVENANCE_GONE, Expected, Origin, verify
from nox_ship.world.remote import Remote


@dataclass
class Origins:
    """Who published the files of a release.

    Attributes:
        known: Who published each file, if that was verified.
        findings: What is wrong with it, or could not be found out.
    """

    known: dict[str, Origin] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)


def examine(project: Project, release: ExpectedRelease, listing: Listing, index: Index, name: str) -> Origins:
    """Fetch and verify the provenance of the files of a release.

    Args:
        project: The project; its remote, and its workflows at the release's tag, show who should have published it.
        release: The files.
        listing: The index's data about them.
        index: The index.
        name: Its name in the settings.

    Returns:
        Who published each file, with errors if it was somebody else (NS796); for files without provenance, an error or
        a warning if the last release has it (NS797), and a notice if nothing could be verified (NS798).
    """
    found, manifest = Origins(), release.manifest
    try:
        told = {
            file.name: index.provenance(manifest.name, manifest.version, listing.files[file.name])
            for file in manifest.files
        }
        lacking = [file for file, text in told.items() if text is None]
        gone = lacking and (len(lacking) < len(told) or _had(listing, index))
    except ShipError as error:
        found.findings.append(NOT_VERIFIED(error.findings[0].what, remedy="Run the same command again."))
        return found
    texts = {file: text for file, text in told.items() if text is not None}
    if not (texts or gone):
        return found
    at_tag = _uploads(project, release)
    if gone:
        publish = project.settings.publish
        signs = publish.attestations and publish.by != "machine"
        certain = signs and any(one.identity and one.goes_to(name) for one in at_tag)
        what = f"{index.name} has no provenance for {shorten(lacking)}, although earlier releases had one."
        found.findings.append(PROVENANCE_GONE(what, level="error" if certain and listing.public else "warning"))
    if texts:
        _verify(texts, release, _expected(project, release, at_tag, name), found)
    return found


def _verify(texts: Mapping[str, bytes], release: ExpectedRelease, expected: Expected | None, found: Origins) -> None:
    if not attest.is_installed():
        found.findings.append(NOT_VERIFIED(f"The provenance of {shorten(texts)} was not verified."))
    elif expected is None:
        what = f"The provenance of {shorten(texts)} was not verified: the remote of this checkout is not on GitHub."
        found.findings.append(NOT_VERIFIED(what, remedy="Run it in a checkout whose remote is the project's own."))
    else:
        for name, text in texts.items():
            verified = found.findings.catch(partial(verify, text, release.folder / name, expected))
            if verified:
                found.known[name] = verified[0]
                found.findings.extend(verified[1])


def _had(listing: Listing, index: Index) -> bool:
    """Whether the release before has provenance."""
    earlier = before(Version(listing.version), listing.releases)
    files = listing.releases[earlier] if earlier else ()
    return any(index.provenance(listing.project, str(earlier), served) is not None for served in files[:1])


def _expected(project: Project, release: ExpectedRelease, at_tag: tuple[Upload, ...], index: str) -> Expected | None:
    """Return who should have published a release; None if the remote is not on GitHub."""
    repository = Findings().catch(lambda: Repository.at(project.root, project.settings.pass_env))
    remote = repository and Findings().catch(lambda: Remote.of(repository, project.settings.remote))
    address = remote.local.find("remote", "get-url", remote.name) if remote else None
    github = GitHub.of(address or "")
    if github is None:
        return None
    workflows = frozenset(one.workflow for one in at_tag if one.identity and one.may_go_to(index))
    manifest = release.manifest
    return Expected(github.slug, workflows, manifest.tag or "", manifest.commit if manifest.tag else "")


def _uploads(project: Project, release: ExpectedRelease) -> tuple[Upload, ...]:
    """Return the jobs that upload the files of a release's tag, according to the workflows at that tag."""
    tag, commit = release.manifest.tag, release.manifest.commit
    if tag is None:
        return ()

    def look() -> tuple[Upload, ...]:
        repository = Repository.at(project.root, project.settings.pass_env)
        with sources(repository, commit, project, dirty=False) as folder:
            return uploads(Repository.at(folder).path, tag)[0]

    return Findings().catch(look) or ()
