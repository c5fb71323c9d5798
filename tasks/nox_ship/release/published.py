"""What an index should serve of a version: the files of a manifest, or else those that the index itself lists."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from nox_ship import versions
from nox_ship.errors import Findings, ShipError, shorten
from nox_ship.git import Repository
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import File, Manifest, announced, built_files
from nox_ship.project import Project, admits
from nox_ship.release.publication import NOT_SERVED
from nox_ship.release.route import route
from nox_ship.release.stage import workshop
from nox_ship.release.uptake import OTHER_BYTES
from nox_ship.release.workflows import publishing
from nox_ship.world.closed import closed_project
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing, Served

_MOST = 4 << 30
"""The largest file that is downloaded from an index, in bytes; PyPI accepts no file above 1 GB."""
_NEAR = 2
"""How many earlier and later versions to name if an index lacks one."""


@dataclass(frozen=True)
class Release:
    """A released version, according to the repository.

    Attributes:
        version: The version.
        tag: Its tag; None if there is none here.
        commit: The tag's commit; empty if there is no tag here.
    """

    version: Version
    tag: str | None = None
    commit: str = ""


@dataclass(frozen=True)
class ExpectedRelease:
    """The files that should be served.

    Attributes:
        manifest: Their manifest.
        folder: The folder on this machine that has them.
        told_by: The source of the hashes, for the report.
        binding: Whether exactly these files must be served. A publishing workflow builds files of its own.
    """

    manifest: Manifest
    folder: Path
    told_by: str
    binding: bool = True


def released(project: Project, wanted: Version | None = None) -> Release | None:
    """Return the requested release, or else the one at HEAD.

    Args:
        project: The project.
        wanted: A version, with or without a tag here.

    Returns:
        None if no version is requested and HEAD has no release tag, or a job need not ask.
    """
    without = Release(wanted) if wanted else None
    if announced() is not None:
        return without
    repository = Findings().catch(lambda: Repository.at(project.root, project.settings.pass_env))
    if repository is None:
        return without
    head, tags = repository.head_and_tags()
    form = project.tag_form(tags)
    if wanted is None:
        found = versions.release_at(tags, head, form)
        return Release(found[1], found[0], head) if found else None
    tag = next((tag for tag, version in form.releases(tags).items() if version == wanted), None)
    return Release(wanted, tag, tags[tag]) if tag else without


def newest(project: Project) -> Version | None:
    """Return the newest version with a release tag here, a pre-release only if there is no other; or None."""
    tags = Repository.at(project.root, project.settings.pass_env).tags()
    found = project.tag_form(tags).releases(tags).values()
    final = [version for version in found if not version.is_prerelease]
    return max(final or found, default=None)


def built(project: Project, release: Release | None) -> ExpectedRelease | None:
    """Return the built files, from the project's own manifest or else from that in the clone of the last release.

    Args:
        project: The project.
        release: The requested release; None if any will do and the project's own manifest counts.

    Returns:
        None if a release is requested and neither manifest is for it.

    Raises:
        ShipError: No release is requested, and the project has no usable manifest (NS601, NS602, NS606); or another run
            is using the checkout (NS805).
    """
    own = "its manifest"
    if release is None:
        return ExpectedRelease(Manifest.read(manifest_path(project)), dist_folder(project), own)
    if release.tag is None:
        return None
    if manifest := _manifest_of(project, release):
        return ExpectedRelease(manifest, dist_folder(project), own)
    repository = Repository.at(project.root, project.settings.pass_env)
    inner = project.root.resolve().relative_to(repository.path.resolve())
    with workshop(project.root) as shop:
        staged = Findings().catch(lambda: Project.read(shop.stage / inner))
        if staged and (manifest := _manifest_of(staged, release)):
            index = route(project.settings, release.version)
            by = publishing(repository.path, project.settings, index, release.tag)
            return ExpectedRelease(
                manifest, dist_folder(staged), "the manifest of its release", binding=by.workflow is None
            )
    return None


def recorded(release: Release, path: Path) -> ExpectedRelease:
    """Return what a manifest says about a release that was kept outside the project.

    Raises:
        ShipError: It cannot be read (NS601, NS602, NS606), or is for something else (NS604).
    """
    manifest = Manifest.read(path)
    manifest.check_origin(release.commit or manifest.commit, str(release.version))
    return ExpectedRelease(manifest, path.parent, path.name)


def refuse_others(served: Manifest, known: Manifest, index: Index) -> None:
    """Check that an index serves no file of a release that is missing in its manifest.

    Raises:
        ShipError: It serves such a file (NS711).
    """
    names = {file.name for file in known.files}
    if others := [file.name for file in served.files if file.name not in names]:
        what = f"{index.name} serves {shorten(others)}, which the manifest of {known.version} does not list."
        remedy = "Find out who uploaded it; if it was nobody from the project, yank the release (docs/emergencies.md)."
        raise ShipError(OTHER_BYTES(what, remedy=remedy))


def _manifest_of(project: Project, release: Release) -> Manifest | None:
    """Return the manifest in a project's folder, if it is for a release and its files are there."""

    def check() -> Manifest:
        manifest = Manifest.read(manifest_path(project))
        manifest.check(dist_folder(project))
        return manifest

    manifest = Findings().catch(check)
    if manifest is None or manifest.dirty:
        return None
    same = (manifest.commit, manifest.tag, Version(manifest.version)) == (release.commit, release.tag, release.version)
    return manifest if same else None


def listed(project: Project, release: Release, index: Index, listing: Listing, folder: Path) -> ExpectedRelease:
    """Download the files that ``index`` serves for a release, and compare them with the index's list.

    Args:
        project: The project.
        release: The release.
        index: The index.
        listing: The index's list.
        folder: An empty folder for the files.

    Raises:
        ShipError: The index has no file of it (NS712, with NS770 or NS771 if it never will), serves a file that differs
            from its list (NS711), or does not answer (NS701).
    """
    files = {name: entry for name, entry in listing.files.items() if _is_built(name)}
    if not files:
        raise ShipError(NOT_SERVED(_missing(listing), remedy=_PUBLISH_IT), *closed_project(listing))
    for name, entry in files.items():
        _download(index, entry, folder / name)
    manifest = Manifest(
        name=project.canonical_name,
        version=str(release.version),
        commit=release.commit,
        tag=release.tag,
        dirty=False,
        files=tuple(map(File.of, built_files(folder))),
        pythons=tuple(_admitted(project, files)),
    )
    hashed = all(entry.sha256 for entry in files.values())
    told_by = f"the SHA-256 that {index.name} lists" if hashed else f"nothing: {index.name} lists no SHA-256"
    return ExpectedRelease(manifest, folder, told_by)


_PUBLISH_IT = "Publish it, or name another index with `--from`."


def _missing(listing: Listing) -> str:
    """Return a sentence that an index lacks a version, naming similar versions that it has."""
    what = f"{listing.index} has no files of {listing.project} {listing.version}"
    if not listing.known:
        return f"{what}: it does not have the project."
    wanted = Version(listing.version)
    there = sorted(version for version, files in listing.releases.items() if files and version != wanted)
    near = [one for one in there if one < wanted][-_NEAR:] + [one for one in there if one > wanted][:_NEAR]
    return (
        f"{what}; similar versions there: {shorten(map(str, near), 2 * _NEAR)}."
        if near
        else f"{what}, or of any other."
    )


def _admitted(project: Project, files: Mapping[str, Served]) -> Iterator[str]:
    """Yield the project's Pythons that every file of a release supports; an old release may support fewer."""
    ranges = []
    for entry in files.values():
        try:
            ranges.append(SpecifierSet(entry.requires_python or ""))
        except InvalidSpecifier:
            continue
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for python in project.pythons(running):
        if all(admits(one, python) for one in ranges):
            yield python


def _is_built(name: str) -> bool:
    """Whether a name from an index is that of a wheel or an sdist, and has no folder in it."""
    if Path(name).name != name:
        return False
    try:
        parse_wheel_filename(name) if name.endswith(".whl") else parse_sdist_filename(name)
    except ValueError:
        return False
    return True


def _download(index: Index, entry: Served, path: Path) -> None:
    with path.open("xb") as stream:
        sha256 = index.download_sha256(entry, _MOST, stream)
    if entry.sha256 not in (None, sha256):
        what = f"{index.name} serves a {entry.filename} with another SHA-256 than it lists."
        raise ShipError(
            OTHER_BYTES(what, remedy="Run it again later; if nothing changes, report it to the operator of the index.")
        )
