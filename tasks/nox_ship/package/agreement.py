"""Whether a release's files, its tag and the project's settings agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.built import Built
from nox_ship.package.contents import Archive
from nox_ship.project import admits
from nox_ship.versions import parse, same

VERSION_MISMATCH = Kind(
    "NS511",
    "version-mismatch",
    "Make tag, metadata and file names agree; `nox -s release` sets them together.",
)
NAME_MISMATCH = Kind("NS512", "name-mismatch", "Use a current build backend, which writes normalised names (PEP 625).")
SDIST_DIFFERS = Kind("NS517", "sdist-differs", "Include in the sdist what the wheel needs.")
CLASSIFIERS_DISAGREE = Kind("NS519", "classifiers-disagree", "Correct the classifiers or `requires-python`.")


_RELIABLE = Version("2.2")
"""The version of core metadata since which an sdist's is reliable for its wheels (PEP 643)."""


def versions_agree(built: Built) -> Iterator[Finding]:
    """Check that tag, metadata and file names state the same version, in its normal form (PEP 440)."""
    version = built.archives[0].version
    for archive in built.archives:
        if archive.version != version:
            yield VERSION_MISMATCH(
                f"{archive.path.name} has version {archive.version}, but another file has {version}."
            )
        name, in_name = _named(archive)
        if name and in_name != archive.version:
            yield VERSION_MISMATCH(f"The metadata of {archive.path.name} state version {archive.version}.")
    if built.tag_version is not None and not same(built.tag_version, version):
        yield VERSION_MISMATCH(f"The tag states {built.tag_version}, but the metadata state {version}.")


def names_agree(built: Built) -> Iterator[Finding]:
    """Check that file names contain the project's normalised name (PEP 427, PEP 625)."""
    expected = built.project.canonical_name
    for archive in built.archives:
        stem = expected.replace("-", "_")
        if canonicalize_name(archive.name) != expected:
            yield NAME_MISMATCH(f"{archive.path.name} belongs to the project {archive.name}, not {expected}.")
        elif not archive.path.name.startswith(f"{stem}-"):
            yield NAME_MISMATCH(f"{archive.path.name} does not start with the normalised name {stem}.")
        elif (named := _named(archive)) == (None, None):
            yield NAME_MISMATCH(f"{archive.path.name} is not named like a wheel or an sdist.")
        elif not archive.is_wheel and archive.path.name != f"{stem}-{named[1]}.tar.gz":
            yield NAME_MISMATCH(f"{archive.path.name} is not called {stem}-{named[1]}.tar.gz (PEP 625).")


def _named(archive: Archive) -> tuple[str, str] | tuple[None, None]:
    try:
        if archive.path.suffix == ".whl":
            name, version, _, _ = parse_wheel_filename(archive.path.name)
        else:
            name, version = parse_sdist_filename(archive.path.name)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None, None
    return name, str(version)


def sdist_agrees(built: Built) -> Iterator[Finding]:
    """Check that the sdist has the same metadata as the wheels, and contains the modules that they install."""
    for wheel in built.wheels:
        for key in ("Requires-Python", "Requires-Dist"):
            ours, theirs = (_values(archive, key) for archive in (wheel, built.sdist))
            if ours != theirs and not _is_dynamic(built.sdist, key):
                yield SDIST_DIFFERS(f"{key} of {wheel.path.name} and {built.sdist.path.name} differ.")
        modules = [name for name in wheel.importable if name.endswith(".py")]
        ends = _ends(built.sdist.members, {name.count("/") for name in modules})
        if absent := [name for name in modules if name not in ends]:
            yield SDIST_DIFFERS(
                f"{built.sdist.path.name} lacks {shorten(absent)}, which the wheel installs.", level="warning"
            )


def _ends(names: Iterable[str], depths: set[int]) -> set[str]:
    """Return the last parts of each path, for each number of slashes in ``depths``."""
    return {"/".join(name.rsplit("/", depth + 1)[-depth - 1 :]) for name in names for depth in depths}


def _values(archive: Archive, key: str) -> list[str]:
    return sorted(_normal(str(value)) for value in archive.metadata.get_all(key) or [])


def _normal(text: str) -> str:
    """Return one spelling of a requirement or a range of versions."""
    try:
        parsed = Requirement(text if text[:1].isalnum() else f"x {text}")
    except (ValueError, RecursionError):
        return text
    return f"{canonicalize_name(parsed.name)}{sorted(parsed.extras)}{parsed.specifier}{parsed.url}{parsed.marker}"


def _is_dynamic(sdist: Archive, key: str) -> bool:
    """Whether ``key`` may differ in a wheel (PEP 643): the sdist says so, or is too old to say anything."""
    version = parse(str(sdist.metadata["Metadata-Version"]))
    if version is not None and version < _RELIABLE:
        return True
    return key.lower() in {str(value).lower() for value in sdist.metadata.get_all("Dynamic") or []}


def classifiers_agree(built: Built) -> Iterator[Finding]:
    """Check that ``requires-python`` allows every Python that the classifiers name."""
    project = built.project
    if refused := [v for v in project.classified_pythons if not admits(project.requires_python, v)]:
        yield CLASSIFIERS_DISAGREE(
            f"The classifiers name Python {shorten(refused)}, but requires-python is {project.requires_python}."
        )
