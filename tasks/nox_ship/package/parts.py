"""Parts of a release: the wheels that one job built for one system, and whether the parts make up the whole set."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from nox_ship import json_data
from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.files import write_whole
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.package.platforms import missing, unwanted
from nox_ship.versions import same

BAD_PART = Kind("NS575", "bad-part", "Rerun the job that built it, and use its artifact unchanged.")
OTHER_PART = Kind(
    "NS576", "other-part", "Rerun every job of the workflow, so that all of them build from the same sdist."
)
WHEEL_MISSING = Kind(
    "NS577", "wheel-missing", "Rerun the job that should have built it, or correct `tool.nox-ship.wheels`."
)
WHEEL_UNEXPECTED = Kind(
    "NS578",
    "wheel-unexpected",
    "Remove the job that builds it, add it to `tool.nox-ship.wheels.expect`, or skip it in cibuildwheel's settings.",
)

FILE = "part.json"
"""File name of a part's record; the wheels are in the same folder."""
SCHEMA = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Part:
    """The wheels built on one system, from the sdist of one build."""

    system: str
    """The name that the job gives itself, such as ``ubuntu-latest``."""
    commit: str
    version: str
    sdist: str
    """The SHA-256 of the sdist from which the wheels were built."""
    files: tuple[File, ...]
    expected: tuple[str, ...]
    """The targets that it was meant to build for, in cibuildwheel's terms, such as ``cp312-manylinux_x86_64``."""

    def write(self, folder: Path) -> None:
        """Write the record into the folder of the wheels, atomically."""
        write_whole(folder / FILE, json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Part:
        """Read the record in a folder, and compare the wheels there with it.

        Raises:
            ShipError: It is not a part record, or a wheel is missing, changed, a symlink, or not listed (NS575).
        """
        path = folder / FILE
        try:
            there = {each.name: each for each in built_files(folder)}
            for each in (path, *there.values()):
                if each.is_symlink() or not each.is_file():
                    raise ShipError(BAD_PART(f"{each} is {'a symlink' if each.is_symlink() else 'not a file'}."))
            record = json_data.parse(path.read_bytes())
            if not isinstance(record, dict) or record.pop("schema", None) != SCHEMA:
                raise ShipError(BAD_PART(f"{path} is not a part record of schema {SCHEMA}."))
            part = json_data.read(cls, record)
            for file in part.files:
                parse_wheel_filename(file.name)
        except (OSError, ValueError) as error:
            raise ShipError(BAD_PART(f"{path} cannot be read: {error}.")) from error
        if set(there) != {file.name for file in part.files} or len(there) != len(part.files):
            raise ShipError(BAD_PART(f"{folder} does not hold exactly the wheels that its record lists."))
        for file in part.files:
            if File.of(there[file.name]) != file:
                raise ShipError(BAD_PART(f"{folder / file.name} is not the file that was recorded."))
        return part


@dataclass(frozen=True)
class Wanted:
    """The set of wheels that a release must have."""

    systems: tuple[str, ...] = ()
    """The jobs that build wheels; empty if unknown."""
    expect: tuple[str, ...] = ()
    """The targets or patterns that the settings name; empty if the jobs and the last release decide."""
    before: tuple[str, ...] = ()
    """The targets that the last release has wheels for."""


def problems(manifest: Manifest, parts: Sequence[Part], wanted: Wanted) -> Iterator[Finding]:
    """Yield what is wrong with a set of parts: a part of another build; a missing, unexpected or duplicate wheel.

    Args:
        manifest: The build that made the sdist.
        parts: The parts.
        wanted: The wheels that the release must have.
    """
    foreign = list(_foreign(manifest, parts))
    yield from foreign
    if foreign:
        return
    yield from _doubles(parts)
    yield from _jobs(parts, wanted.systems)
    names = [file.name for part in parts for file in part.files]
    if wanted.expect:
        if targets := missing(names, wanted.expect):
            yield WHEEL_MISSING(f"No job built a wheel for {shorten(targets)}, which the settings expect.")
        for name in unwanted(names, wanted.expect):
            yield WHEEL_UNEXPECTED(f"{_maker(parts, name)} built {name}, which the settings do not expect.")
    elif targets := missing(names, wanted.before):
        yield WHEEL_MISSING(
            f"No job built a wheel for {shorten(targets)}, which the last release has.",
            remedy="Build it, or, to drop it on purpose, list the remaining ones in `tool.nox-ship.wheels.expect`.",
        )


def _foreign(manifest: Manifest, parts: Iterable[Part]) -> Iterator[Finding]:
    """Yield an error for each part that is not from this build."""
    sdists = [file.sha256 for file in manifest.files if file.kind == "sdist"]
    for part in parts:
        if part.commit != manifest.commit:
            yield OTHER_PART(f"{part.system} built {part.commit[:10]}, not {manifest.commit[:10]}.")
        elif [part.sdist] != sdists:
            yield OTHER_PART(f"{part.system} built from another sdist: its SHA-256 differs.")
        elif not same(part.version, manifest.version):
            yield OTHER_PART(f"{part.system} built {part.version}, not {manifest.version}.")
        for file in part.files:
            name, version, *_ = parse_wheel_filename(file.name)
            if name != manifest.name or not same(str(version), manifest.version):
                yield OTHER_PART(
                    f"{part.system} built {file.name}, which is not a file of {manifest.name} {manifest.version}."
                )


def _doubles(parts: Sequence[Part]) -> Iterator[Finding]:
    """Yield an error for each wheel that shares a tag with another one, so that installers may take either."""
    first: dict[Tag, tuple[str, str]] = {}
    for part in parts:
        for file in part.files:
            tags = parse_wheel_filename(file.name)[3]
            if other := next((first[tag] for tag in tags if tag in first), None):
                name, system = other
                what = f"{name} was built by {system} and by {part.system}."
                if name != file.name:
                    what = f"{name}, built by {system}, and {file.name}, built by {part.system}, have the same tags."
                yield WHEEL_UNEXPECTED(what, remedy="Build it once: an installer could take either of the two.")
            first |= dict.fromkeys(tags, (file.name, part.system))


def _jobs(parts: Sequence[Part], systems: Sequence[str]) -> Iterator[Finding]:
    """Yield an error for each job that is missing or surplus, and for what each lacks or was not to build."""
    made = Counter(part.system for part in parts)
    for system in systems:
        if system not in made:
            yield WHEEL_MISSING(f"There are no wheels from {system}.", remedy="Run that job, then collect again.")
    for system in made - Counter(systems) if systems else ():
        why = "collected twice" if system in systems else "not in `tool.nox-ship.wheels.systems`"
        yield WHEEL_UNEXPECTED(f"{system} is {why}.", remedy="Collect one part of each system.")
    for part in parts:
        names = [file.name for file in part.files]
        if targets := missing(names, part.expected):
            yield WHEEL_MISSING(f"{part.system} built no wheel for {shorten(targets)}.")
        elif not names:
            yield WHEEL_MISSING(f"{part.system} built no wheel.")
        for name in unwanted(names, part.expected or ("*",)):
            yield WHEEL_UNEXPECTED(f"{part.system} built {name}, which is not one of its wheels.")


def _maker(parts: Iterable[Part], name: str) -> str:
    return next(part.system for part in parts if name in {file.name for file in part.files})


def table(parts: Iterable[Part], wanted: Wanted) -> list[tuple[str, str, str]]:
    """Return a row for each target: the target, its wheel, and the job that built it or should have."""
    rows = []
    listed = list(parts)
    makers = {file.name: part.system for part in listed for file in part.files}
    asked: dict[str, str] = {target: part.system for part in listed for target in part.expected}
    for target in (*wanted.expect, *(() if wanted.expect else wanted.before)):
        asked.setdefault(target, "")
    for target, system in asked.items():
        name = next((name for name in makers if not missing([name], [target])), "")
        rows.append((target, name or "missing", makers.get(name, system)))
    return rows
