"""The manifest: a record of the exact bytes of a release, from the build to the index."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from nox_ship import json_data
from nox_ship.errors import Finding, Findings, Kind, ShipError
from nox_ship.files import write_whole
from nox_ship.versions import parse

NO_MANIFEST = Kind("NS601", "no-manifest", "Run `nox -s build` first.")
BAD_MANIFEST = Kind("NS602", "bad-manifest", "Delete it and run `nox -s build` again.")
FILE_CHANGED = Kind("NS603", "file-changed", "Run `nox -s build` again; only checked files are used.")
OTHER_ORIGIN = Kind("NS604", "other-origin", "Run `nox -s build` on the release's commit.")

OTHER_MANIFEST = Kind(
    "NS606",
    "other-manifest",
    "Run the workflow again; if the variable is empty, correct the job output that sets it.",
)

DIGEST_VARIABLE = "NOX_SHIP_MANIFEST"
"""Environment variable with the manifest's SHA-256, which reaches a job by another way than the files."""

TOLD = "manifest.json  sha256:"
"""The text before a manifest's SHA-256 in the log of the session that made it, or tested with it."""

NOTES = "notes.md"
"""File name of the release notes, next to the manifest."""

SCHEMA = 1
"""Version of the manifest's format; other versions are refused."""


def announced() -> str | None:
    """Return the SHA-256 of the only manifest that this job may use; None if no other job gave one.

    The building job has checked such a manifest: that the commit has its tag and is on the release branch. A job that
    was given one has no repository to check that in, and opens none.
    """
    return os.environ.get(DIGEST_VARIABLE)


_LONGEST_NAME = 255
"""The longest file name, in bytes."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9!+._-]+")
_LATEST = 1 << 33
"""Seconds from 1970 to 2242."""


@dataclass(frozen=True)
class File:
    """One file of a release."""

    name: str
    kind: Literal["wheel", "sdist"]
    size: int
    """In bytes."""
    sha256: str

    @property
    def shown_size(self) -> str:
        """Its size for people, such as ``34.1 MiB``."""
        for unit, number in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if self.size >= number:
                return f"{self.size / number:.1f} {unit}"
        return f"{self.size} bytes"

    @classmethod
    def of(cls, path: Path) -> File:
        """Return the record of the file at ``path``."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        kind: Literal["wheel", "sdist"] = "wheel" if path.suffix == ".whl" else "sdist"
        return cls(path.name, kind, path.stat().st_size, digest)


@dataclass(frozen=True)
class BuildFacts:
    """What the files were built with, as needed to build them again."""

    python: str
    """The version of the Python, such as ``3.12.1``."""
    epoch: int
    """The timestamp of the files (``SOURCE_DATE_EPOCH``), in seconds since 1970."""
    at: int
    """When the build began, in seconds since 1970; no requirement of a build requirement is newer."""
    requires: tuple[str, ...] = ()
    """The installed build requirements, such as ``hatchling==1.27.0``; empty if `build` did not print them."""

    @property
    def usable(self) -> bool:
        """Whether all of it is safe to use in a build: a manifest from elsewhere could contain anything."""
        times = all(0 <= time < _LATEST for time in (self.epoch, self.at))
        return times and all(map(_PINNED.fullmatch, self.requires))


@dataclass(frozen=True)
class Manifest:
    """What was built, and from what."""

    name: str
    """The distribution's name, normalised (PEP 503)."""
    version: str
    commit: str
    """The commit from which the files were built."""
    tag: str | None
    """The release tag on that commit; None if it has none."""
    dirty: bool
    """Whether the work tree had uncommitted changes."""
    files: tuple[File, ...]
    """Wheels before sdists: the order of upload, so that no installer sees a release with only an sdist."""
    branch: str | None = None
    """The release branch, if the commit was on it; None otherwise, or if unknown."""
    pyproject: str | None = None
    """The SHA-256 of the ``pyproject.toml`` at the build, which says where the files go."""
    pythons: tuple[str, ...] = ()
    """The Pythons that the project supports, such as ``3.12``."""
    notes: str | None = None
    """The SHA-256 of the release notes next to the manifest; None if it is not a release."""
    build: BuildFacts | None = None
    """What the files were built with; None in a manifest of an earlier nox-ship."""
    systems: tuple[str, ...] = ()
    """Where the wheels joined with the sdist were built; empty if one build made all files."""
    tree: str | None = None
    """The git tree from which the files were built, if any commit with that tree would have done; None if the version
    comes from a tag, since build backends then write the commit into the files, or if it is unknown."""

    def write(self, path: Path) -> str:
        """Write the manifest to ``path``, atomically, and return its SHA-256."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, self.content)
        return hashlib.sha256(self.content).hexdigest()

    @property
    def content(self) -> bytes:
        """The content of its file."""
        return (json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2) + "\n").encode()

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read the manifest at ``path``.

        Raises:
            ShipError: There is none (NS601), it is not valid (NS602), or not the expected one (NS606).
        """
        return cls.load(path)[0]

    @classmethod
    def load(cls, path: Path) -> tuple[Manifest, str]:
        """Read the manifest at ``path``; return it with the SHA-256 of the bytes that were read.

        Raises:
            ShipError: As for :meth:`read`.
        """
        try:
            text = path.read_bytes()
            record = json_data.parse(text)
        except FileNotFoundError as error:
            raise ShipError(NO_MANIFEST(f"There is no manifest at {path}.")) from error
        except (ValueError, OSError) as error:
            raise ShipError(BAD_MANIFEST(f"{path} cannot be read: {error}.")) from error
        digest, expected = hashlib.sha256(text).hexdigest(), announced()
        if expected not in (None, digest):
            raise ShipError(OTHER_MANIFEST(f"{path} is not the manifest that `{DIGEST_VARIABLE}` names."))
        schema = record.get("schema") if isinstance(record, dict) else None
        if isinstance(schema, int) and schema != SCHEMA:
            what = f"{path} is a manifest of schema {schema}, but this version of nox-ship uses schema {SCHEMA}."
            raise ShipError(BAD_MANIFEST(what, remedy="Use one version of nox-ship in all jobs (`nox-ship init`)."))
        try:
            return cls._parse(record), digest
        except ValueError as error:
            raise ShipError(BAD_MANIFEST(f"{path} is not a manifest of schema {SCHEMA}.")) from error

    @classmethod
    def _parse(cls, record: object) -> Manifest:
        if not isinstance(record, dict) or type(record.get("schema")) is not int:
            raise ValueError
        manifest = json_data.read(cls, {key: value for key, value in record.items() if key != "schema"})
        if not manifest.files or parse(manifest.version) is None:
            raise ValueError
        if manifest.build and not manifest.build.usable:
            raise ValueError
        for file in manifest.files:
            too_long = len(file.name.encode()) > _LONGEST_NAME
            if too_long or Path(file.name).name != file.name or not _SHA256.fullmatch(file.sha256):
                raise ValueError
            parse_wheel_filename(file.name) if file.kind == "wheel" else parse_sdist_filename(file.name)
        return manifest

    def check_origin(self, commit: str, version: str) -> None:
        """Check that the files were built from ``commit`` without changes, and have ``version``.

        Raises:
            ShipError: They were not (NS604).
        """
        if self.dirty:
            raise ShipError(OTHER_ORIGIN(f"The files contain changes that are not in {self.commit[:10]}."))
        if self.commit != commit:
            raise ShipError(OTHER_ORIGIN(f"The files were built from {self.commit[:10]}, not {commit[:10]}."))
        if parse(self.version) != parse(version):
            raise ShipError(OTHER_ORIGIN(f"The files are of version {self.version}, not {version}."))

    def check(self, folder: Path) -> list[Path]:
        """Compare the files in ``folder`` with the manifest and return their paths, in the manifest's order.

        Raises:
            ShipError: With a finding (NS603) for each file that is missing, added or changed.
        """
        findings = Findings()
        for file in self.files:
            findings.extend(_compare(file, folder / file.name))
        known = {file.name for file in self.files}
        findings.extend(
            FILE_CHANGED(f"{path} is not in the manifest.") for path in built_files(folder) if path.name not in known
        )
        findings.raise_errors()
        return [folder / file.name for file in self.files]


def _compare(file: File, path: Path) -> Iterable[Finding]:
    if not path.is_file():
        yield FILE_CHANGED(f"{path} is in the manifest but missing.")
    elif File.of(path) != file:
        yield FILE_CHANGED(f"{path} is not the file that was built: its SHA-256 differs from the manifest's.")


def built_files(folder: Path) -> list[Path]:
    """Return the wheels and sdists in ``folder``, wheels first; folders do not count, whatever their names."""
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if path.is_symlink() or not path.is_dir())
    names = sorted(path for path in files if path.name.endswith((".whl", ".tar.gz", ".zip")))
    return sorted(names, key=lambda path: path.suffix != ".whl")
