"""What an index demands of any file: its name, its size, how it is packed, and that what it names is there.

The rules are those of PyPI (``warehouse/forklift/legacy.py``, ``warehouse/utils/scanner.py``).
"""

from __future__ import annotations

from collections.abc import Iterator

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.contents import Archive
from nox_ship.package.core_metadata import license_files
from nox_ship.package.unpacking import MOST_RATIO, unpacks_to_too_much

LICENSE_FILE_MISSING = Kind(
    "NS535",
    "license-file-missing",
    "Correct `license-files` in [project], see that git has the file, and that the build back end's settings exclude it"
    " from neither sdist nor wheel.",
)
NAME_TOO_LONG = Kind("NS542", "file-name-too-long", "Shorten the version, or the list of tags that the wheel is for.")
FILE_TOO_LARGE = Kind(
    "NS543",
    "file-too-large",
    "Make it smaller: leave out what is no code, or load it when it is needed; if the index gave the project a higher"
    " limit, set `build.largest-file` in [tool.nox-ship].",
)
AMBIGUOUS = Kind(
    "NS544",
    "ambiguous-archive",
    "Use a current release of the build back end, and change no file after it is built: every reader must find the same"
    " in it.",
)
SPARSE_MEMBER = Kind(
    "NS551",
    "sparse-member",
    "Use a build back end that packs sdists by Python: GNU tar's `--sparse` is not for them.",
)
ENCRYPTED_CODE = Kind(
    "NS552",
    "encrypted-code",
    "Publish the code as it is: PyPI's terms forbid code that PyArmor or SourceDefender encrypted.",
)
UNPACKS_TO_TOO_MUCH = Kind(
    "NS553",
    "unpacks-to-too-much",
    "Leave out the files that are almost empty, or pack them once more: PyPI takes such a wheel for a bomb.",
)

_LONGEST = 255
"""Bytes of the longest file name that there can be."""
_BESIDE = ".metadata"
"""What PyPI adds to the name of a wheel, for the metadata that it serves beside it (PEP 658)."""


def name_fits(archive: Archive) -> Iterator[Finding]:
    """Check that the name of a file is not too long for PyPI to keep it."""
    name = f"{archive.path.name}{_BESIDE if archive.is_wheel else ''}"
    if len(name.encode(errors="replace")) > _LONGEST:
        yield NAME_TOO_LONG(f"The name of {archive.path.name[:60]}... is too long for an index to keep.")


def size_fits(archive: Archive, largest: int) -> Iterator[Finding]:
    """Check that a file is not larger than an index takes.

    Args:
        archive: The file.
        largest: Its limit, in MiB.
    """
    if archive.size > largest << 20:
        yield FILE_TOO_LARGE(f"{archive.path.name} has {archive.size / (1 << 20):.1f} MiB, the limit is {largest}.")


def packed_as_usual(archive: Archive) -> Iterator[Finding]:
    """Check that every reader finds the same in a file, and no more than can be unpacked."""
    if archive.ambiguous and not archive.irregular:
        yield AMBIGUOUS(f"{archive.path.name} is not packed as PyPI demands: {archive.ambiguous}.")
    if archive.sparse:
        yield SPARSE_MEMBER(f"{archive.path.name} leaves out the holes in {shorten(archive.sparse)}.")
    if archive.is_wheel and unpacks_to_too_much(archive.size, archive.unpacked):
        yield UNPACKS_TO_TOO_MUCH(f"{archive.path.name} unpacks to more than {MOST_RATIO} times its size.")


def not_encrypted(archive: Archive) -> Iterator[Finding]:
    """Check that no code is encrypted."""
    if archive.encrypted:
        yield ENCRYPTED_CODE(f"{archive.path.name} holds encrypted code: {shorten(archive.encrypted)}.")


def license_files_held(archive: Archive) -> Iterator[Finding]:
    """Check that a file holds each license file that its metadata name, where PEP 639 has it."""
    named = license_files(archive.described)
    folder = f"{archive.dist_info}/licenses/" if archive.is_wheel else ""
    held = {*archive.members, *archive.others}
    if archive.is_wheel and f"{archive.dist_info}/METADATA" not in held:
        return  # nothing is where its name leads, which is told
    if missing := [name for name in named if f"{folder}{name}" not in held]:
        where = f" in {folder}" if folder else ""
        yield LICENSE_FILE_MISSING(f"{archive.path.name} lacks {shorten(missing)}{where}, which its metadata name.")
