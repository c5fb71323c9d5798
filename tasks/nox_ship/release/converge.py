"""Uploading the files of a manifest that an index lacks, and comparing what it then serves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.package.manifest import File
from nox_ship.release.publication import NOT_SERVED, Publication, silent
from nox_ship.release.uptake import OTHER_BYTES, check_open, next_release, refuse_other_build, refuse_other_bytes
from nox_ship.world.index import UploadUnclearError
from nox_ship.world.listing import Listing, Served
from nox_ship.world.refusals import FILE_EXISTS

NOT_VISIBLE = Kind(
    "NS713",
    "not-visible-yet",
    "Run the same command again: it keeps waiting, and uploads nothing twice. `publish.wait` sets how long.",
)


@dataclass(frozen=True)
class Published:
    """What happened to one file."""

    file: File
    action: Literal["uploaded", "there already"]


@dataclass(frozen=True)
class Held:
    """What an index has of a publication; no file there has different content."""

    listing: Listing
    missing: tuple[str, ...]
    """The names of the files that it does not serve to installers."""

    def __str__(self) -> str:
        return f"{self.listing.index} lacks {shorten(self.missing)}" if self.missing else f"{self.listing.index} has it"


def compare(publication: Publication) -> Held:
    """Ask the index what it has.

    Raises:
        ShipError: It has different content under the name of a file (NS711), or does not answer (NS701).
    """
    manifest, index = publication.manifest, publication.index
    listing = index.listing(manifest.name, manifest.version)
    refuse_other_bytes(manifest, manifest.files, listing.files, index)
    files = {name: served for name, served in listing.files.items() if _visible(served) and not served.trial}
    return Held(listing, tuple(file.name for file in manifest.files if file.name not in files))


def converge(
    publication: Publication, arrived: Callable[[Published], object] = silent, held: Held | None = None
) -> tuple[Published, ...]:
    """Upload the files that the index lacks, wheels before sdists, one at a time; then compare all of them.

    The notes show the progress: a line for each upload, whatever its result.

    Args:
        publication: What the index should have.
        arrived: Called with each file as soon as the index has it.
        held: What the index has, if it was just asked.

    Raises:
        ShipError: A file differs from the manifest (NS603), the index has different content under its name (NS711),
            accepts no more files for the project or the release (NS770-NS774), has files of another build (NS586),
            refuses the file (NS702, NS720-NS738), does not say whether it took it (NS735), or does not serve it (NS712,
            NS713).
    """
    manifest, index, note = publication.manifest, publication.index, publication.note
    paths = dict(zip(manifest.files, manifest.check(publication.folder), strict=True))
    files = sorted(manifest.files, key=lambda file: file.kind == "sdist")
    listing = (held or compare(publication)).listing
    there = listing.files
    for warning in check_open(manifest, listing):
        note(str(warning))
    if missing := [file for file in files if file.name not in there]:
        refuse_other_build(manifest, listing)
        for warning in index.credentials.warnings:
            note(str(warning))
        note(f"to {index.name}, with credentials from {index.credentials.kind}")
    present = [file.name for file in files if file.name in there and not there[file.name].trial]
    if present:
        verb = "are" if len(present) > 1 else "is"
        note(f"{shorten(present)} {verb} already there, with the same SHA-256")
    done: list[Published] = []
    with index.uploading() as upload:
        for file in files:
            if file.name in there and there[file.name].trial:
                note(f"{file.name} is already there since the upload rehearsal, with the same SHA-256")
                done.append(Published(file, "uploaded"))
            elif file.name in there:
                done.append(Published(file, "there already"))
            else:
                note(f"{missing.index(file) + 1} of {len(missing)}: uploading {file.name}, {file.shown_size}")
                if odd := _bring(publication, file, partial(upload, paths[file], file.sha256)):
                    note(f"{file.name}: {odd}")
                done.append(Published(file, "uploaded"))
            arrived(done[-1])
    confirm(publication)
    return tuple(done)


def confirm(publication: Publication) -> None:
    """Wait until the index serves the files of the manifest to installers, and compare them.

    Raises:
        ShipError: A file is not served (NS712, NS713), or has different content (NS711, NS714).
    """
    _compare_bytes(publication, await_files(publication))


def _bring(publication: Publication, file: File, upload: Callable[[], None]) -> str:
    """Upload one file; if the answer is unclear, ask the index and try again. Return anything unusual."""
    pauses = iter(publication.patience.delays())
    while True:
        try:
            upload()
        except UploadUnclearError as error:
            pause = next(pauses, None)
            if _kept(publication, file):
                return "uploaded; the index's answer was lost"
            if pause is None:
                raise
            publication.note(f"trying again: {error.findings[0].what}")
            time.sleep(pause)
        except ShipError as error:
            if error.findings[0].id != FILE_EXISTS.id:
                raise
            if not _appears(publication, file):
                raise ShipError(replace(error.findings[0], remedy=next_release(publication.manifest))) from error
            return "already there according to the index, with the same SHA-256"
        else:
            return ""


def _kept(publication: Publication, file: File) -> bool:
    """Ask whether the index has the file; if it does not answer, assume it has none."""
    manifest, index = publication.manifest, publication.index
    try:
        there = index.files(manifest.name, manifest.version)
    except ShipError:
        return False
    refuse_other_bytes(manifest, [file], there, index)
    return file.name in there


def _appears(publication: Publication, file: File) -> bool:
    """Wait a little for a file that the index says it has: its lists lag behind uploads."""
    patience = publication.patience
    until = time.monotonic() + min(patience.grace, patience.wait)
    while not (found := _kept(publication, file)) and time.monotonic() < until:
        time.sleep(min(patience.delay, 5))
    return found


def await_files(publication: Publication) -> Mapping[str, Served]:
    """Return the files that the simple API serves, once it serves all files of the manifest.

    Raises:
        ShipError: A file is not served (NS712, NS713).
    """
    manifest, index, patience = publication.manifest, publication.index, publication.patience
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
            raise ShipError(_not_visible(late, there, index.name, waited, trouble))
        if waited - told >= 15 or not told:  # noqa: PLR2004 - seconds between two lines of progress
            told = waited or 0.001
            left = shorten(file.name for file in late)
            publication.note(f"waiting until {index.name} serves {left}: {waited:.0f} of at most {patience.wait:.0f} s")
        time.sleep(min(pause, max(patience.wait - waited, 0.01)))
        pause = min(pause * 2, 10)


def _visible(served: Served | None) -> bool:
    return served is not None and served.seen_in == "simple API"


def _not_visible(late: list[File], there: Mapping[str, Served], index: str, waited: float, trouble: str) -> Finding:
    names = shorten(file.name for file in late)
    if trouble:
        return NOT_SERVED(f"{index} did not say whether it has {names} within {waited:.0f} s: {trouble}")
    if all(file.name in there for file in late):
        what = f"{index} has {names} (according to its JSON API), but does not serve it to installers"
        return NOT_VISIBLE(f"{what} after {waited:.0f} s.")
    return NOT_SERVED(f"{index} accepted {names}, but after {waited:.0f} s none of its APIs lists it.")


def _compare_bytes(publication: Publication, served: Mapping[str, Served]) -> None:
    """Download what the index serves, and compare it with the manifest."""
    index, findings = publication.index, Findings()
    for file in publication.manifest.files:
        if index.download_sha256(served[file.name], file.size) != file.sha256:
            findings.append(OTHER_BYTES(f"{index.name} serves a {file.name} that differs from the one that was built."))
    if findings:
        findings.append(publication.broken())
    findings.raise_errors()
