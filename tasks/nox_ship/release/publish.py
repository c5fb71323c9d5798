"""Bringing an index to what the manifest says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.version import Version

from nox_ship.config import Settings
from nox_ship.errors import Kind, ShipError
from nox_ship.package.install import Expected, verify
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from nox_ship.world.index import PUBLIC_INDEXES, Index, Served

OTHER_BYTES = Kind(
    "NS711",
    "other-bytes",
    "A file name can never be used again, even after deletion: release the next version.",
)
NOT_SERVED = Kind("NS712", "not-served", "Run the same command again; it uploads what is missing.")


@dataclass(frozen=True)
class Published:
    """What became of one file."""

    file: File
    action: Literal["uploaded", "there already"]


def index_names(settings: Settings) -> set[str]:
    """Return the names that a route can lead to."""
    return {*PUBLIC_INDEXES, *settings.indexes}


def route(settings: Settings, version: Version) -> str:
    """Return the name of the index that ``version`` goes to."""
    if version.is_devrelease:
        return settings.routes.development
    return settings.routes.prerelease if version.is_prerelease else settings.routes.final


def converge(
    manifest: Manifest, folder: Path, index: Index, note: Callable[[str], None] = lambda _: None
) -> tuple[Published, ...]:
    """Upload the manifest's files that ``index`` lacks, wheels before sdists, one at a time; then compare all.

    Args:
        manifest: What was built.
        folder: Where the files are.
        index: The index to bring to it.
        note: Told what happens to each file.

    Raises:
        ShipError: A file differs from the manifest (NS603), the index holds other bytes under its name (NS711),
            an upload fails (NS702), or a file is not served afterwards (NS712).
    """
    paths = manifest.check(folder)
    served = index.files(manifest.name, manifest.version)
    _refuse_other_bytes(manifest.files, served, index)
    done: list[Published] = []
    for file, path in zip(manifest.files, paths, strict=True):
        if file.name in served:
            note(f"{file.name} is there already, with the same SHA-256")
            done.append(Published(file, "there already"))
        else:
            index.upload(path)
            note(f"{file.name} uploaded")
            done.append(Published(file, "uploaded"))
    _compare(manifest, index)
    return tuple(done)


def _refuse_other_bytes(files: Iterable[File], served: dict[str, Served], index: Index) -> None:
    for file in files:
        there = served.get(file.name)
        if there and (there.sha256 or index.download_sha256(there)) != file.sha256:
            raise ShipError(OTHER_BYTES(f"{index.name} holds another {file.name}: its SHA-256 differs."))


def _compare(manifest: Manifest, index: Index) -> None:
    """Compare what the index now serves with the manifest, by downloading it."""
    served = index.files(manifest.name, manifest.version)
    for file in manifest.files:
        if file.name not in served:
            raise ShipError(NOT_SERVED(f"{index.name} does not list {file.name}."))
        if index.download_sha256(served[file.name]) != file.sha256:
            raise ShipError(OTHER_BYTES(f"{index.name} serves another {file.name} than was uploaded."))


def install_from(manifest: Manifest, folder: Path, index: Index, project: Project) -> str:
    """Install the release from ``index`` in a fresh environment: exactly the file of the manifest, by its hash.

    Returns:
        The file that was installed.

    Raises:
        ShipError: It cannot be installed or does not work (NS611-NS616).
    """
    file = manifest.files[0]
    served = index.files(manifest.name, manifest.version)[file.name]
    source = f"{served.url.partition('#')[0]}#sha256={file.sha256}"
    expected = Expected.of(
        manifest, [folder / entry.name for entry in manifest.files], project.settings.verify_install.smoke
    )
    verify(source, file.name, expected, _python(project))
    return file.name


def _python(project: Project) -> str:
    running = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
    if project.requires_python.contains(running):
        return sys.executable
    return project.pythons(running)[-1]
