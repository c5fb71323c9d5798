"""Bringing an index to what the manifest says, and proving what it then serves."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from packaging.version import Version

from nox_ship import pythons
from nox_ship.config import Settings
from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
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
from nox_ship.release.uptake import OTHER_BYTES, check_open, next_release, refuse_other_bytes
from nox_ship.world.index import PUBLIC_INDEXES, Index, UploadUnclearError
from nox_ship.world.listing import Served
from nox_ship.world.refusals import FILE_EXISTS

NOT_SERVED = Kind("NS712", "not-served", "Run the same command again; it uploads what is missing.")
NOT_VISIBLE = Kind(
    "NS713",
    "not-visible-yet",
    "Run the same command again: it waits again and uploads nothing twice. `publish.wait` sets how long.",
)
BROKEN_RELEASE = Kind(
    "NS714",
    "broken-release",
    "No API can yank it: sign in to the index, open the release, choose *Options* and *Yank*, then release the next"
    " version. docs/emergencies.md has each step.",
)

_BROKEN = {kind.id for kind in (INCONSISTENT, IMPORT_FAILED, ENTRY_POINT_FAILED, WRONG_VERSION, SMOKE_FAILED)}
"""What proves that a release does not work; that it could not be installed may be the network's fault."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class Published:
    """What became of one file."""

    file: File
    action: Literal["uploaded", "there already"]


@dataclass(frozen=True)
class Patience:
    """How long and how often an index is asked."""

    wait: float = 1800
    """Seconds until what was uploaded must be served."""
    attempts: int = 5
    """How often an upload is tried whose answer says nothing."""
    delay: float = 1.0
    """Seconds between the first two attempts; twice as many before each further one."""
    grace: float = 60
    """Seconds until an index must list a file that it says it has."""

    @classmethod
    def of(cls, settings: Settings) -> Patience:
        """Return what the settings say."""
        return cls(wait=settings.publish.wait)

    def delays(self) -> Iterable[float]:
        """Return the pauses between attempts, in seconds."""
        return [self.delay * 2**number for number in range(self.attempts - 1)]


def index_names(settings: Settings) -> set[str]:
    """Return the names that a route can lead to."""
    return {*PUBLIC_INDEXES, *settings.indexes}


def route(settings: Settings, version: Version) -> str:
    """Return the name of the index that ``version`` goes to."""
    return settings.routes.index(version)


def _silent(_: object) -> None:
    """Note nothing."""


def converge(
    manifest: Manifest,
    folder: Path,
    index: Index,
    note: Note = _silent,
    patience: Patience | None = None,
    arrived: Callable[[Published], object] = _silent,
) -> tuple[Published, ...]:
    """Upload the manifest's files that ``index`` lacks, wheels before sdists, one at a time; then compare all.

    Args:
        manifest: What was built.
        folder: Where the files are.
        index: The index to bring to it.
        note: Told what happens to each file.
        patience: How long to try and to wait.
        arrived: Told of each file that the index has, as soon as it has it.

    Raises:
        ShipError: A file differs from the manifest (NS603), the index holds other bytes under its name (NS711), accepts
            no more files for the project or the release (NS770-NS774), refuses it (NS702, NS720-NS738), leaves open
            what became of it (NS735), or does not serve it (NS712, NS713).
    """
    bounds = patience or Patience()
    paths = manifest.check(folder)
    listing = index.listing(manifest.name, manifest.version)
    there = listing.files
    refuse_other_bytes(manifest, manifest.files, there, index)
    for warning in check_open(manifest, listing):
        note(str(warning))
    if any(file.name not in there for file in manifest.files):
        for warning in index.credentials.warnings:
            note(str(warning))
        note(f"to {index.name}, with credentials from {index.credentials.kind}")
    done: list[Published] = []
    for file, path in zip(manifest.files, paths, strict=True):
        if file.name in there and there[file.name].trial:
            note(f"{file.name} is there from the upload rehearsal, with the same SHA-256")
            done.append(Published(file, "uploaded"))
        elif file.name in there:
            note(f"{file.name} is there already, with the same SHA-256")
            done.append(Published(file, "there already"))
        else:
            note(f"{file.name}: {_bring(manifest, file, path, index, bounds)}")
            done.append(Published(file, "uploaded"))
        arrived(done[-1])
    confirm_served(manifest, index, note, bounds)
    return tuple(done)


def confirm_served(manifest: Manifest, index: Index, note: Note = _silent, patience: Patience | None = None) -> None:
    """Wait until installers are served the files of ``manifest``, and compare what they are served.

    Raises:
        ShipError: A file is not served (NS712, NS713), or with other bytes (NS711, NS714).
    """
    served = _wait(manifest, index, patience or Patience(), note)
    _compare(manifest, index, served)


def _bring(manifest: Manifest, file: File, path: Path, index: Index, patience: Patience) -> str:
    """Upload one file; where the answer says nothing, ask the index and try again."""
    pauses = iter(patience.delays())
    while True:
        try:
            index.upload(path, file.sha256)
        except UploadUnclearError:
            pause = next(pauses, None)
            if _kept(manifest, file, index):
                return "uploaded; the index's answer was lost"
            if pause is None:
                raise
            time.sleep(pause)
        except ShipError as error:
            if error.findings[0].id != FILE_EXISTS.id:
                raise
            if not _appears(manifest, file, index, patience):
                raise ShipError(replace(error.findings[0], remedy=next_release(manifest))) from error
            return "there, says the index, and has the same SHA-256"
        else:
            return "uploaded"


def _kept(manifest: Manifest, file: File, index: Index) -> bool:
    """Ask whether the index has the file; one that does not answer is taken to have nothing."""
    try:
        there = index.files(manifest.name, manifest.version)
    except ShipError:
        return False
    refuse_other_bytes(manifest, [file], there, index)
    return file.name in there


def _appears(manifest: Manifest, file: File, index: Index, patience: Patience) -> bool:
    """Wait a little for a file that the index says it has: lists are older than uploads."""
    until = time.monotonic() + min(patience.grace, patience.wait)
    while not (found := _kept(manifest, file, index)) and time.monotonic() < until:
        time.sleep(min(patience.delay, 5))
    return found


def _wait(manifest: Manifest, index: Index, patience: Patience, note: Note) -> Mapping[str, Served]:
    """Return the files as the simple API serves them, once it serves all of the manifest."""
    begun, told = time.monotonic(), 0.0
    pause = patience.delay / 4
    while True:
        try:
            there = index.files(manifest.name, manifest.version)
        except ShipError as error:
            there, trouble = {}, str(error.findings[0].what)
        else:
            trouble = ""
        late = [file for file in manifest.files if not _visible(there.get(file.name))]
        if not late:
            return there
        waited = time.monotonic() - begun
        if waited >= patience.wait:
            raise ShipError(_not_visible(late, there, index, waited, trouble))
        if waited - told >= 15 or not told:  # noqa: PLR2004 - seconds between two lines of progress
            told = waited or 0.001
            left = shorten(file.name for file in late)
            note(f"waiting until {index.name} serves {left}: {waited:.0f} of at most {patience.wait:.0f} s")
        time.sleep(min(pause, max(patience.wait - waited, 0.01)))
        pause = min(pause * 2, 10)


def _visible(served: Served | None) -> bool:
    return served is not None and served.seen_in == "simple API"


def _not_visible(late: list[File], there: Mapping[str, Served], index: Index, waited: float, trouble: str) -> Finding:
    names = shorten(file.name for file in late)
    if trouble:
        return NOT_SERVED(f"{index.name} did not tell whether it has {names} within {waited:.0f} s: {trouble}")
    if all(file.name in there for file in late):
        what = f"{index.name} has {names} (its JSON API says so), but does not serve it to installers"
        return NOT_VISIBLE(f"{what} after {waited:.0f} s.")
    return NOT_SERVED(f"{index.name} took {names}, but after {waited:.0f} s none of its APIs lists it.")


def _compare(manifest: Manifest, index: Index, served: Mapping[str, Served]) -> None:
    """Compare what the index serves with the manifest, by downloading it."""
    findings = Findings()
    for file in manifest.files:
        if index.download_sha256(served[file.name], file.size) != file.sha256:
            findings.append(OTHER_BYTES(f"{index.name} serves another {file.name} than was built."))
    if findings:
        findings.append(_broken(manifest, index))
    findings.raise_errors()


def _broken(manifest: Manifest, index: Index) -> Finding:
    return BROKEN_RELEASE(f"{manifest.name} {manifest.version} on {index.name} must not be used.")


Proven = set[tuple[str, str, str]]
"""What was installed and works: the index, the file's SHA-256, and the interpreter."""


def install_from(
    manifest: Manifest, folder: Path, index: Index, project: Project, proven: Proven | None = None
) -> dict[str, str]:
    """Install the release from ``index`` on each Python of the project that is here.

    The file is downloaded, compared with the manifest, and installed from disk: an installer that was given the
    index's address could be led to something else by it. Dependencies come from where installers get them by default,
    never from ``index``: names are squatted on TestPyPI.

    Args:
        manifest: What was built.
        folder: Where the files are.
        index: Where the file comes from.
        project: The project; its smoke commands are run.
        proven: What need not be tried again, because it was, from the very same place; what is tried now is added.

    Returns:
        The name of the file that was installed, by the Python's version.

    Raises:
        ShipError: The index does not list the file (NS712) or serves another one (NS711); or it cannot be installed
            or does not work (NS611-NS616).
    """
    paths = [folder / entry.name for entry in manifest.files]
    expected = Expected.of(manifest, paths, project.settings)
    known = proven if proven is not None else set()
    attempts: dict[tuple[str, str, str], Future[tuple[Finding, ...]]] = {}
    here = _installed_pythons(manifest, project)
    entries = {entry.name: entry for entry in manifest.files}
    chosen = {label: entries[installable(list(entries), python)[0]] for label, python in here.items()}
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as scratch, ThreadPoolExecutor() as pool:
        wanted = {(index.simple_url, chosen[label].sha256, python): label for label, python in here.items()}
        missing = {key: label for key, label in wanted.items() if key not in known}
        sources = _downloaded({chosen[label] for label in missing.values()}, manifest, index, Path(scratch))
        for key, label in missing.items():
            name = chosen[label].name
            attempts[key] = pool.submit(verify, sources[name], name, expected, key[2])
        for attempt in attempts.values():
            findings.catch(attempt.result)
    findings.raise_errors()
    known.update(attempts)
    return {label: file.name for label, file in chosen.items()}


def _downloaded(files: Collection[File], manifest: Manifest, index: Index, folder: Path) -> dict[str, str]:
    """Download what ``index`` serves of ``files``; return the place of each as something to install, by its name.

    Raises:
        ShipError: A file is not listed (NS712), or is another one than was built (NS711).
    """
    listed = index.files(manifest.name, manifest.version) if files else {}
    sources = {}
    for file in files:
        if file.name not in listed:
            raise ShipError(NOT_SERVED(f"{index.name} does not list {file.name}."))
        path = folder / file.name
        with path.open("xb") as stream:
            sha256 = index.download_sha256(listed[file.name], file.size, stream)
        if sha256 != file.sha256:
            raise ShipError(OTHER_BYTES(f"{index.name} serves another {file.name} than was built."))
        sources[file.name] = local_source(path, file.sha256)
    return sources


def prove_install(
    manifest: Manifest,
    folder: Path,
    index: Index,
    project: Project,
    note: Note = _silent,
    proven: Proven | None = None,
) -> None:
    """Install what the index serves, as :func:`install_from` does, and say what to do where it is broken.

    Raises:
        ShipError: It does not work (NS611-NS616), and what is to be done about a broken release (NS714).
    """
    try:
        installed = install_from(manifest, folder, index, project, proven)
    except ShipError as error:
        broken = any(finding.id in _BROKEN for finding in error.findings)
        raise ShipError(*error.findings, *([_broken(manifest, index)] if broken else [])) from error
    names = " and ".join(dict.fromkeys(installed.values()))
    note(f"{names} was installed from {index.name} and works on Python {', '.join(installed)}")


def _installed_pythons(manifest: Manifest, project: Project) -> dict[str, str]:
    """Return the interpreter of each Python that the files are for and this machine has, by its version.

    The build knows those Pythons; a job without a checkout may lack the file that tells them.
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
