"""What an index requires of any file: its name, its size, how it is packed, and the license files that it names.

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
    "Correct `license-files` in [project], and make sure that git has the file and that the build backend's settings"
    " do not exclude it from the sdist or the wheel.",
)
NAME_TOO_LONG = Kind("NS542", "file-name-too-long", "Shorten the version, or the wheel's list of tags.")
FILE_TOO_LARGE = Kind(
    "NS543",
    "file-too-large",
    "Make it smaller: leave out data, or download it when needed; if the index gave the project a higher limit,"
    " set `build.largest-file` in [tool.nox-ship].",
)
AMBIGUOUS = Kind(
    "NS544",
    "ambiguous-archive",
    "Build it with a current release of the build backend, and do not change it afterwards: every tool must find the"
    " same files in it.",
)
SPARSE_MEMBER = Kind(
    "NS551",
    "sparse-member",
    "Use a build backend that packs sdists with Python, or run GNU tar without `--sparse`.",
)
ENCRYPTED_CODE = Kind(
    "NS552",
    "encrypted-code",
    "Publish the plain code: PyPI's terms forbid code encrypted by PyArmor or SourceDefender.",
)
UNPACKS_TO_TOO_MUCH = Kind(
    "NS553",
    "unpacks-to-too-much",
    "Leave out the nearly empty files, or compress them inside the wheel: PyPI treats it as a zip bomb.",
)

_LONGEST = 255
"""The longest file name that file systems allow, in bytes."""
_BESIDE = ".metadata"
"""What PyPI appends to the name of a wheel to serve its metadata (PEP 658)."""


def name_fits(archive: Archive) -> Iterator[Finding]:
    """Check that the name of a file is not too long for PyPI to keep it."""
    name = f"{archive.path.name}{_BESIDE if archive.is_wheel else ''}"
    if len(name.encode(errors="replace")) > _LONGEST:
        yield NAME_TOO_LONG(f"The file name {archive.path.name[:60]}... is too long for PyPI.")


def size_fits(archive: Archive, largest: int) -> Iterator[Finding]:
    """Check that a file is not larger than an index accepts.

    Args:
        archive: The file.
        largest: Its limit, in MiB.
    """
    if archive.size > largest << 20:
        yield FILE_TOO_LARGE(f"{archive.path.name} has {archive.size / (1 << 20):.1f} MiB; the limit is {largest} MiB.")


def packed_as_usual(archive: Archive) -> Iterator[Finding]:
    """Check that every reader finds the same files, none of them sparse, and that it is not a zip bomb."""
    if archive.ambiguous and not archive.irregular:
        yield AMBIGUOUS(f"{archive.path.name} is packed in a way that PyPI does not accept: {archive.ambiguous}.")
    if archive.sparse:
        yield SPARSE_MEMBER(f"{archive.path.name} stores sparse files: {shorten(archive.sparse)}.")
    if archive.is_wheel and unpacks_to_too_much(archive.size, archive.unpacked):
        yield UNPACKS_TO_TOO_MUCH(f"{archive.path.name} unpacks to more than {MOST_RATIO} times its size.")


def not_encrypted(archive: Archive) -> Iterator[Finding]:
    """Check that no code is encrypted."""
    if archive.encrypted:
        yield ENCRYPTED_CODE(f"{archive.path.name} contains encrypted code: {shorten(archive.encrypted)}.")


def license_files_held(archive: Archive) -> Iterator[Finding]:
    """Check that a file contains each license file that its metadata names, in the place that PEP 639 requires."""
    named = license_files(archive.described)
    folder = f"{archive.dist_info}/licenses/" if archive.is_wheel else ""
    held = {*archive.members, *archive.others}
    if archive.is_wheel and f"{archive.dist_info}/METADATA" not in held:
        return  # its .dist-info is elsewhere; another check reports that
    if missing := [name for name in named if f"{folder}{name}" not in held]:
        where = f" in {folder}" if folder else ""
        yield LICENSE_FILE_MISSING(f"{archive.path.name} lacks {shorten(missing)}{where}, which its metadata names.")
