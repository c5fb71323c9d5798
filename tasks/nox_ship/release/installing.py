"""Checking that the files that an index serves can be installed and work."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from nox_ship import pythons
from nox_ship.errors import Finding, Findings, ShipError, shorten
from nox_ship.package.install import (
    ENTRY_POINT_FAILED,
    IMPORT_FAILED,
    INCONSISTENT,
    SMOKE_FAILED,
    WRONG_VERSION,
    Expected,
    local_source,
    verify,
)
from nox_ship.package.installable import installable
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from nox_ship.release.publication import NOT_SERVED, Publication
from nox_ship.release.uptake import OTHER_BYTES

_BROKEN = {kind.id for kind in (INCONSISTENT, IMPORT_FAILED, ENTRY_POINT_FAILED, WRONG_VERSION, SMOKE_FAILED)}
"""Findings that prove that a release does not work; a failed installation may be the network's fault."""


def install(publication: Publication, *, only: Path | None = None) -> dict[str, str]:
    """Install what the index serves on each of the project's Pythons that is here; with ``only``, on one of them.

    The file is downloaded, compared with the manifest, and installed from disk: given the index's address, an installer
    could be led to another file. Dependencies come from the installer's default index, never from this one: TestPyPI
    has squatted names.

    Args:
        publication: The publication.
        only: Where to make the only environment; without it, each is in a temporary folder.

    Returns:
        The name of the file that was installed, by Python version.

    Raises:
        ShipError: The index does not list the file (NS712) or serves another one (NS711); or it cannot be installed or
            does not work (NS611-NS616).
    """
    manifest, place = publication.manifest, publication.index.simple_url
    paths = [publication.folder / file.name for file in manifest.files]
    expected = Expected.of(manifest, paths, publication.project.settings)
    attempts: dict[tuple[str, str, str], Future[tuple[Finding, ...]]] = {}
    chosen = _chosen(publication)[: 1 if only else None]
    missing = [one for one in chosen if (place, one.file.sha256, one.python) not in publication.proven]
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as scratch, ThreadPoolExecutor() as pool:
        sources = _downloaded({one.file for one in missing}, publication, Path(scratch))
        for _, python, file in missing:  # its modules were already read when it was built
            attempt = pool.submit(verify, sources[file.name], file.name, expected, python, read=False, place=only)
            attempts[place, file.sha256, python] = attempt
        for attempt in attempts.values():
            findings.catch(attempt.result)
    findings.raise_errors()
    publication.proven.update(attempts)
    return {one.label: one.file.name for one in chosen}


def works(publication: Publication, labels: Collection[str]) -> set[tuple[str, str]]:
    """Return which file works on which interpreter, if all files were tested on the Pythons ``labels``.

    Returns:
        The SHA-256 of the file that an installer chooses there, and the interpreter's path.
    """
    return {(one.file.sha256, one.python) for one in _chosen(publication) if one.label in labels}


def _downloaded(files: Collection[File], publication: Publication, folder: Path) -> dict[str, str]:
    """Download the index's copies of ``files``; return something to install for each, by file name.

    Raises:
        ShipError: A file is not listed (NS712), or differs from the built one (NS711).
    """
    manifest, index = publication.manifest, publication.index
    listed = index.files(manifest.name, manifest.version) if files else {}
    sources = {}
    for file in files:
        if file.name not in listed:
            raise ShipError(NOT_SERVED(f"{index.name} does not list {file.name}."))
        path = folder / file.name
        with path.open("xb") as stream:
            sha256 = index.download_sha256(listed[file.name], file.size, stream)
        if sha256 != file.sha256:
            raise ShipError(OTHER_BYTES(f"{index.name} serves a {file.name} that differs from the one that was built."))
        sources[file.name] = local_source(path, file.sha256)
    return sources


def prove(publication: Publication) -> dict[str, str]:
    """Install what the index serves, as :func:`install` does, and say what to do if it is broken.

    Returns:
        The name of the file that was installed, by Python version.

    Raises:
        ShipError: It does not work (NS611-NS616); for a broken release also what to do about it (NS714).
    """
    try:
        installed = install(publication)
    except ShipError as error:
        broken = any(finding.id in _BROKEN for finding in error.findings)
        raise ShipError(*error.findings, *([publication.broken()] if broken else [])) from error
    names = " and ".join(dict.fromkeys(installed.values()))
    served = f"as {publication.index.name} serves it"
    if installed:
        publication.note(f"{names}, {served}, works on Python {', '.join(installed)}")
    else:
        publication.note(
            f"{shorten(file.name for file in publication.manifest.files)}, {served}, supports none of the Pythons here"
        )
    return installed


class _Chosen(NamedTuple):
    """The file that an installer chooses on one of the Pythons that the files support."""

    label: str
    """The Python's version."""
    python: str
    """Its interpreter's path."""
    file: File


def _chosen(publication: Publication) -> list[_Chosen]:
    """Return the chosen file for each Python of this machine."""
    files = {file.name: file for file in publication.manifest.files}
    here = _installed_pythons(publication.manifest, publication.project)
    fitting = {label: installable(list(files), python) for label, python in here.items()}
    return [_Chosen(label, here[label], files[names[0]]) for label, names in fitting.items() if names]


def _installed_pythons(manifest: Manifest, project: Project) -> dict[str, str]:
    """Return the interpreter of each Python that the files support and this machine has, by version.

    The manifest lists those Pythons, since a job without a checkout may lack the file that names them.
    """
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = {wanted: pythons.interpreter(wanted) for wanted in manifest.pythons or project.pythons(running)}
    here = {wanted: path for wanted, path in found.items() if path is not None}
    return here or {running: _python(project)}


def _python(project: Project) -> str:
    running = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
    if project.requires_python.contains(running):
        return sys.executable
    return project.pythons(running)[-1]
