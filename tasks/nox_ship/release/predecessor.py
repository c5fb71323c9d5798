"""The last release's file to compare a release with: the one that the index serves, or that its tag builds."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from nox_ship.errors import Kind, ShipError
from nox_ship.files import remove
from nox_ship.gates.api import NothingToCompareError, last_tagged
from nox_ship.git import Repository
from nox_ship.package.building import build_at
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from nox_ship.world.index import Index

NOT_COMPARED = Kind("NS560", "not-compared", "No action is needed; the release continues.", level="notice")

MOST = 32 << 20
"""Bytes of the largest file that is compared."""
BUILD_SECONDS = 60.0
"""How many seconds building the last release may take."""


@dataclass(frozen=True)
class Predecessor:
    """Facts about the last release.

    Attributes:
        version: Its version; empty if there is no earlier release.
        file: The name of the file to compare with; empty if none can be compared.
        sha256: Its SHA-256.
        sdist: The size of its sdist in bytes; None if unknown.
        tag: The tag from which it was built; empty if the index serves it.
        failed: Why building it failed; empty if it did not.
    """

    version: str = ""
    file: str = ""
    sha256: str = ""
    sdist: int | None = None
    tag: str = ""
    failed: str = ""


class SilentError(ShipError):
    """The index did not answer, which a rehearsal has already reported (NS767)."""


def fetch(manifest: Manifest, index: Index) -> tuple[Predecessor, bytes]:
    """Ask an index for the release before that of ``manifest``, and fetch the file most similar to one of its files.

    Raises:
        SilentError: The index did not answer a rehearsal.
        ShipError: It does not answer (NS701), or the file has another SHA-256 than it lists (NS560).
    """
    listing = index.listing(manifest.name, manifest.version)
    if listing.silent:
        raise SilentError(NOT_COMPARED(f"{index.name} did not answer: {listing.silent}."))
    releases = listing.releases
    usable = [one for one, files in releases.items() if any(file.filename.endswith(_ENDINGS) for file in files)]
    version = before(Version(manifest.version), usable)
    if version is None:
        return Predecessor(), b""
    files = {served.filename: served for served in releases[version]}
    sdist = next((served.size for name, served in files.items() if name.endswith(".tar.gz")), None)
    small = [name for name, served in files.items() if (served.size or 0) <= MOST]
    found = chosen(manifest.files, small)
    if found is None:
        return Predecessor(str(version), sdist=sdist), b""
    served, stream = files[found[1]], io.BytesIO()
    sha256 = index.download_sha256(served, MOST, stream)
    if stream.tell() > MOST:
        return Predecessor(str(version), sdist=sdist), b""
    if served.sha256 not in (None, sha256):
        raise ShipError(NOT_COMPARED(f"{index.name} serves {served.filename} with another SHA-256 than it lists."))
    return Predecessor(str(version), served.filename, sha256, sdist), stream.getvalue()


def build_last(manifest: Manifest, project: Project, folder: Path) -> tuple[Predecessor, bytes]:
    """Build the last release in the history of ``project`` from its tag, and return its file as :func:`fetch` does.

    Args:
        manifest: The manifest of the coming release.
        project: The project, in its repository.
        folder: The folder to build in; its content is removed before and after.
    """
    try:
        last = last_tagged(project, Repository.at(project.root, project.settings.pass_env))
    except NothingToCompareError:
        return Predecessor(), b""
    version = str(last.version)
    remove(folder)
    folder.mkdir(parents=True)
    try:
        built = {path.name: path for path in build_at(project, last.commit, folder, BUILD_SECONDS)}
        sizes = {name: path.stat().st_size for name, path in built.items()}
        found = chosen(manifest.files, [name for name, size in sizes.items() if size <= MOST])
        sdist = next((size for name, size in sizes.items() if name.endswith(".tar.gz")), None)
        if found is None:
            return Predecessor(version, sdist=sdist, tag=last.tag), b""
        path = built[found[1]]
        return Predecessor(version, path.name, File.of(path).sha256, sdist, last.tag), path.read_bytes()
    except (ShipError, OSError) as error:
        why = error.findings[0].what if isinstance(error, ShipError) else str(error)
        return Predecessor(version, tag=last.tag, failed=why.rstrip(".")), b""
    finally:
        remove(folder)


def chosen(new: Iterable[File], old: Iterable[str]) -> tuple[File, str, bool] | None:
    """Return the two most similar files, and whether they are for the same Pythons and platforms.

    Wheels are preferred to sdists, since they are what gets installed. None if no two files can be compared.
    """
    found = [
        (likeness, file.name, name, file) for file in new for name in old if (likeness := _likeness(file.name, name))
    ]
    if not found:
        return None
    likeness, _, name, file = max(found)
    return file, name, likeness in (_SAME, _SDISTS)


def before(version: Version, releases: Iterable[Version]) -> Version | None:
    """Return the last final release before ``version``; if there is none, the last pre-release."""
    earlier = [other for other in releases if other < version and not other.is_devrelease]
    final = [other for other in earlier if not other.is_prerelease]
    return max(final or earlier, default=None)


_ENDINGS = (".whl", ".tar.gz")
_SDISTS, _OTHER, _FAMILY, _SAME = 1, 2, 3, 4


def _likeness(new: str, old: str) -> int:
    """Return how similar two files are by their names; 0 if they cannot be compared."""
    try:
        if not new.endswith(".whl"):
            names = [parse_sdist_filename(name)[0] for name in (new, old) if name.endswith(".tar.gz")]
            return _SDISTS if len(names) == 2 and names[0] == names[1] else 0  # noqa: PLR2004
        (name, *_, tags), (other, *_, others) = parse_wheel_filename(new), parse_wheel_filename(old)
    except ValueError:
        return 0
    if name != other:
        return 0
    if tags == others or all(tag.platform == "any" for tag in tags | others):
        return _SAME
    mine, theirs = (frozenset(map(_family, side)) for side in (tags, others))
    return _FAMILY if not mine.isdisjoint(theirs) else _OTHER


def _family(tag: Tag) -> tuple[str, str]:
    """Return system and machine of a platform tag, without the system's version."""
    system = "linux" if "linux" in tag.platform else tag.platform.partition("_")[0]
    machine = next((name for name in _MACHINES if tag.platform.endswith(name)), "")
    return system, machine


_MACHINES = ("x86_64", "aarch64", "arm64", "i686", "universal2", "amd64", "win32", "armv7l", "ppc64le", "s390x")
