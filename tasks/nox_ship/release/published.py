"""What an index should serve of a version: what a manifest says, or else what the index itself lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from nox_ship import versions
from nox_ship.errors import Findings, ShipError
from nox_ship.git import Repository
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import File, Manifest, announced, built_files
from nox_ship.project import Project
from nox_ship.release.publication import NOT_SERVED
from nox_ship.release.stage import workshop
from nox_ship.release.uptake import OTHER_BYTES
from nox_ship.world.closed import closed_project
from nox_ship.world.index import Index
from nox_ship.world.listing import Served

_MOST = 4 << 30
"""Bytes of the largest file that is taken from an index; PyPI takes none of more than 1 GB."""


@dataclass(frozen=True)
class ExpectedRelease:
    """The files that should be served.

    Attributes:
        manifest: Which they are.
        folder: Where they are on this machine.
        told_by: What tells it, for the report.
    """

    manifest: Manifest
    folder: Path
    told_by: str


def released(project: Project) -> tuple[str, Version] | None:
    """Return the release tag on HEAD and its version; None without one, and where a job has no need to ask."""
    if announced() is not None:
        return None
    repository = Findings().catch(lambda: Repository.at(project.root, project.settings.pass_env))
    if repository is None:
        return None
    head, tags = repository.head_and_tags()
    return versions.release_at(tags, head, project.tag_form(tags))


def built(project: Project, release: tuple[str, Version] | None) -> ExpectedRelease | None:
    """Return what was built: by the project's own manifest, else by that of the clone that HEAD was released from.

    Args:
        project: The project.
        release: The release that HEAD is; None where it is none, and the project's own manifest counts as it is.

    Returns:
        None where HEAD is a release, and neither manifest is of it.

    Raises:
        ShipError: HEAD is no release, and the project has no manifest that can be used (NS601, NS602, NS606); or
            another run has the checkout (NS805).
    """
    if release is None:
        return ExpectedRelease(Manifest.read(manifest_path(project)), dist_folder(project), "its manifest")
    repository = Repository.at(project.root, project.settings.pass_env)
    if _is_of(project, repository.head, release):
        return ExpectedRelease(Manifest.read(manifest_path(project)), dist_folder(project), "its manifest")
    inner = project.root.resolve().relative_to(repository.path.resolve())
    with workshop(project.root) as shop:
        staged = Findings().catch(lambda: Project.read(shop.stage / inner))
        if staged and _is_of(staged, repository.head, release):
            return ExpectedRelease(
                Manifest.read(manifest_path(staged)), dist_folder(staged), "the manifest of its release"
            )
    return None


def _is_of(project: Project, commit: str, release: tuple[str, Version]) -> bool:
    """Whether a project's folder has the manifest of a release, and its files."""

    def check() -> Manifest:
        manifest = Manifest.read(manifest_path(project))
        manifest.check(dist_folder(project))
        return manifest

    manifest = Findings().catch(check)
    if manifest is None or manifest.dirty:
        return False
    return (manifest.commit, manifest.tag, Version(manifest.version)) == (commit, *release)


def listed(project: Project, release: tuple[str, Version], index: Index, folder: Path) -> ExpectedRelease:
    """Download what ``index`` serves of a release, and compare it with what the index lists.

    Args:
        project: The project.
        release: The tag and the version.
        index: The index.
        folder: An empty folder for the files.

    Raises:
        ShipError: The index has no file of it (NS712, with NS770 or NS771 if it never will), serves another file than
            it lists (NS711), or does not answer (NS701).
    """
    tag, version = release
    listing = index.listing(project.canonical_name, str(version))
    files = {name: entry for name, entry in listing.files.items() if _is_built(name)}
    if not files:
        what = f"{index.name} has no files of {project.canonical_name} {version}."
        missing = NOT_SERVED(what, remedy="Publish it, or name another index with `--from`.")
        raise ShipError(missing, *closed_project(listing))
    for name, entry in files.items():
        _download(index, entry, folder / name)
    manifest = Manifest(
        name=project.canonical_name,
        version=str(version),
        commit=Repository.at(project.root, project.settings.pass_env).head,
        tag=tag,
        dirty=False,
        files=tuple(map(File.of, built_files(folder))),
    )
    hashed = all(entry.sha256 for entry in files.values())
    told_by = f"the SHA-256 that {index.name} lists" if hashed else f"nothing: {index.name} lists no SHA-256"
    return ExpectedRelease(manifest, folder, told_by)


def _is_built(name: str) -> bool:
    """Whether a name, which the index chose, is that of a wheel or an sdist, and of a file in one folder."""
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
        what = f"{index.name} serves another {entry.filename} than it lists: its SHA-256 differs."
        raise ShipError(OTHER_BYTES(what, remedy="Run it again later; if it stays so, tell whoever runs the index."))
