"""Comparing a release's files with the last release's, which are fetched from the index while gates run.

This never stops a release. What was fetched is kept in the workshop, so the same release fetches it once.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from packaging.tags import Tag
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from nox_ship import json_data
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.files import remove
from nox_ship.package.difference import Difference, Pair, grew
from nox_ship.package.inventory import Inventory
from nox_ship.package.manifest import File, Manifest
from nox_ship.package.mentions import Installed
from nox_ship.release.stage import REUSE_SECONDS
from nox_ship.report import Report
from nox_ship.world.index import Index
from nox_ship.world.lookout import SECONDS, begun

NOT_COMPARED = Kind("NS560", "not-compared", "Nothing; the release goes on.", level="notice")

MOST = 32 << 20
"""Bytes of the largest file that is fetched."""


@dataclass(frozen=True)
class Predecessor:
    """What is known of the last release.

    Attributes:
        version: Its version; empty if the index has no earlier release.
        file: The name of the file that was fetched; empty if none can be compared.
        sha256: Its SHA-256.
        sdist: The size of its sdist, in bytes; None if the index does not give it.
    """

    version: str = ""
    file: str = ""
    sha256: str = ""
    sdist: int | None = None


@dataclass(frozen=True)
class _Note:
    """Which release a predecessor was looked up for, and when."""

    index: str
    commit: str
    files: list[str]
    asked_at: float
    found: Predecessor


@dataclass(frozen=True)
class Compared:
    """The result of a comparison.

    Attributes:
        since: The version of the last release, and the index that has it; empty if there is none.
        file: The last release's file.
        difference: What changed; None if nothing was compared.
        why: Why nothing was compared.
        findings: What is unusual, or a notice that the index could not be asked.
    """

    since: str = ""
    file: str = ""
    difference: Difference | None = None
    why: str = ""
    findings: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        if self.difference is None:
            return f"nothing to compare with: {self.why}"
        subjects = ", ".join(line.partition(":")[0] for line in self.lines) or "nothing changed but the version"
        unusual = f"; {len(self.findings)} unusual" if self.findings else ""
        return f"since {self.since}: {subjects}{unusual}"

    @property
    def lines(self) -> list[str]:
        """What changed, in a few lines."""
        return self.difference.lines() if self.difference else []

    def enter(self, report: Report, notify: Callable[[Finding], None]) -> None:
        """Add it to a report, with what is unusual; a notice goes to ``notify``."""
        report.since, report.changes, report.difference = self.since, self.lines, self._as_dict()
        for finding in self.findings:
            if finding.level == "notice":
                notify(finding)
            else:
                report.findings.append(finding.as_dict())
                report.unusual.append(str(finding))

    def _as_dict(self) -> dict[str, Any]:
        changed = self.difference.as_dict() if self.difference else {}
        unusual = [finding.as_dict() for finding in self.findings]
        return {"since": self.since, "file": self.file, "why": self.why, **changed, "unusual": unusual}


class _SilentError(ShipError):
    """The index did not answer, which a rehearsal has been told of already (NS767)."""


class Comparison:
    """A comparison with the last release, which is fetched in the background from the moment it is made."""

    def __init__(
        self, manifest: Manifest, dist: Path, index: Index, called: str, shelf: Path, *, anew: bool = False
    ) -> None:
        """Start to look for the last release.

        Args:
            manifest: What was built.
            dist: Where it is.
            index: The index that it goes to; it is only read.
            called: The index's display name.
            shelf: The folder that keeps what was fetched; it need not exist.
            anew: Ask the index even if something is kept.
        """
        self._manifest = manifest
        self._dist = dist
        self._index = replace(index, name=called, seconds=SECONDS)
        self._called = called
        self._shelf = shelf
        self._until = time.monotonic() + SECONDS
        self._kept = None if anew else self._keeps()
        self._fetched = None if self._kept else begun(self._fetch)

    def result(self, environments: Path) -> Compared:
        """Compare; wait for the index until a few seconds after the start.

        Args:
            environments: The folder of nox's environments, which show what modules requirements provide.
        """
        try:
            return self._compared(self._predecessor(), Installed(_sites(environments)))
        except TimeoutError:
            why = f"{self._called} did not answer within {SECONDS:.0f} seconds"
        except _SilentError as error:
            return Compared(why=error.findings[0].what.rstrip("."))
        except ShipError as error:
            why = error.findings[0].what.rstrip(".")
        except Exception as error:  # noqa: BLE001 - whatever an index's file holds, the release goes on
            why = f"comparing raised {type(error).__name__}"
        return Compared(why=why, findings=(NOT_COMPARED(f"There was no comparison with the last release: {why}."),))

    def _compared(self, last: Predecessor, installed: Installed) -> Compared:
        version, since = self._manifest.version, f"{last.version} on {self._called}"
        if not last.version:
            return Compared(why=f"{self._called} has no release before {version}")
        chosen = _chosen(self._manifest.files, [last.file]) if last.file else None
        if chosen is None:
            return Compared(why=f"{since} has no file of up to {MOST >> 20} MiB to compare with {version}")
        file, _, alike = chosen
        try:
            old = Inventory.read(self._place(last.file))
        except ShipError as error:
            raise ShipError(NOT_COMPARED(f"{last.file} on {self._called} cannot be read.")) from error
        new = Inventory.read(self._dist / file.name)
        difference = Difference.of(Pair(old, new, alike, installed))
        sdists = [other for other in self._manifest.files if other.kind == "sdist" != file.kind]
        larger = (found for sdist in sdists if last.sdist for found in grew(sdist.name, last.sdist, sdist.size))
        return Compared(since, last.file, difference, findings=(*difference.unusual, *larger))

    def _predecessor(self) -> Predecessor:
        if self._kept:
            return self._kept
        if self._fetched is None:
            raise AssertionError  # one of the two is set
        found, content = self._fetched.result(max(self._until - time.monotonic(), 0))
        remove(self._shelf)
        self._shelf.mkdir(parents=True)
        if found.file:
            self._place(found.file).write_bytes(content)
        note = _Note(self._called, self._manifest.commit, self._names, time.time(), found)
        (self._shelf / "found.json").write_text(json.dumps(asdict(note)), encoding="utf-8")  # a partial note is ignored
        return found

    @property
    def _names(self) -> list[str]:
        return [file.name for file in self._manifest.files]

    def _place(self, name: str) -> Path:
        return self._shelf / f"file{'.whl' if name.endswith('.whl') else '.tar.gz'}"

    def _keeps(self) -> Predecessor | None:
        """Return what an earlier run of this release found, if what it fetched is still there."""
        try:
            note = json_data.read(_Note, json_data.parse((self._shelf / "found.json").read_bytes()))
            same = (note.index, note.commit, note.files) == (self._called, self._manifest.commit, self._names)
            young = 0 <= time.time() - note.asked_at <= REUSE_SECONDS
            whole = not note.found.file or File.of(self._place(note.found.file)).sha256 == note.found.sha256
        except (OSError, ValueError):
            return None
        return note.found if same and young and whole else None

    def _fetch(self) -> tuple[Predecessor, bytes]:
        """Ask the index for the last release, and fetch its file that is most like one of this release.

        Raises:
            ShipError: The index does not answer (NS701), or the file has another SHA-256 than it lists (NS560).
        """
        listing = self._index.listing(self._manifest.name, self._manifest.version)
        if listing.silent:
            raise _SilentError(NOT_COMPARED(f"{self._called} could not be asked: {listing.silent}."))
        releases = listing.releases
        usable = [one for one, files in releases.items() if any(file.filename.endswith(_ENDINGS) for file in files)]
        version = _before(Version(self._manifest.version), usable)
        if version is None:
            return Predecessor(), b""
        files = {served.filename: served for served in releases[version]}
        sdist = next((served.size for name, served in files.items() if name.endswith(".tar.gz")), None)
        small = [name for name, served in files.items() if (served.size or 0) <= MOST]
        chosen = _chosen(self._manifest.files, small)
        if chosen is None:
            return Predecessor(str(version), sdist=sdist), b""
        served, stream = files[chosen[1]], io.BytesIO()
        sha256 = self._index.download_sha256(served, MOST, stream)
        if stream.tell() > MOST:
            return Predecessor(str(version), sdist=sdist), b""
        if served.sha256 not in (None, sha256):
            raise ShipError(NOT_COMPARED(f"{self._called} serves {served.filename} with another SHA-256 than listed."))
        return Predecessor(str(version), served.filename, sha256, sdist), stream.getvalue()


def _before(version: Version, releases: Iterable[Version]) -> Version | None:
    """Return the last final release before ``version``; if there is none, the last pre-release."""
    earlier = [other for other in releases if other < version and not other.is_devrelease]
    final = [other for other in earlier if not other.is_prerelease]
    return max(final or earlier, default=None)


def _chosen(new: Iterable[File], old: Iterable[str]) -> tuple[File, str, bool] | None:
    """Return the two files that are most alike, and whether they are for the same Pythons and platforms.

    Wheels are preferred to sdists, since they are what gets installed. None if no two files can be compared.
    """
    found = [
        (likeness, file.name, name, file) for file in new for name in old if (likeness := _likeness(file.name, name))
    ]
    if not found:
        return None
    likeness, _, name, file = max(found)
    return file, name, likeness in (_SAME, _SDISTS)


_ENDINGS = (".whl", ".tar.gz")
_SDISTS, _OTHER, _FAMILY, _SAME = 1, 2, 3, 4


def _likeness(new: str, old: str) -> int:
    """Return how alike two files are, by their names; 0 if they cannot be compared."""
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
    """Return system and machine of a platform tag, whatever version of the system it is for."""
    system = "linux" if "linux" in tag.platform else tag.platform.partition("_")[0]
    machine = next((name for name in _MACHINES if tag.platform.endswith(name)), "")
    return system, machine


_MACHINES = ("x86_64", "aarch64", "arm64", "i686", "universal2", "amd64", "win32", "armv7l", "ppc64le", "s390x")


def _sites(environments: Path) -> tuple[Path, ...]:
    """Return the folders of installed packages in nox's environments."""
    found = (
        path
        for pattern in ("*/lib/python*/site-packages", "*/Lib/site-packages")
        for path in environments.glob(pattern)
    )
    return tuple(sorted(found))
