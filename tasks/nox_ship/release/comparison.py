"""Comparing a release's files with the last release's, which are fetched or built while gates run.

This never stops a release. The result is kept in the workshop, so that it is looked up only once for a release.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nox_ship import json_data
from nox_ship.errors import Finding, ShipError
from nox_ship.files import remove
from nox_ship.package.build import dist_folder
from nox_ship.package.difference import Difference, Pair, grew
from nox_ship.package.inventory import Inventory
from nox_ship.package.manifest import File, Manifest
from nox_ship.package.mentions import Installed
from nox_ship.project import Project
from nox_ship.release.predecessor import (
    BUILD_SECONDS,
    MOST,
    NOT_COMPARED,
    Predecessor,
    SilentError,
    build_last,
    chosen,
    fetch,
)
from nox_ship.release.stage import REUSE_SECONDS
from nox_ship.report import Report
from nox_ship.world.index import Index
from nox_ship.world.lookout import SECONDS
from nox_ship.world.web import begun


@dataclass(frozen=True)
class _Note:
    """The release that a predecessor was looked up for, and when."""

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
        findings: What is unusual, or a notice that the index did not answer.
    """

    since: str = ""
    file: str = ""
    difference: Difference | None = None
    why: str = ""
    findings: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        if self.difference is None:
            return f"nothing to compare with: {self.why}"
        subjects = ", ".join(line.partition(":")[0] for line in self.lines) or "only the version changed"
        unusual = f"; {len(self.findings)} unusual" if self.findings else ""
        return f"since {self.since}: {subjects}{unusual}"

    @property
    def lines(self) -> list[str]:
        """The changes, in a few lines."""
        return self.difference.lines() if self.difference else []

    def enter(self, report: Report, notify: Callable[[Finding], None]) -> None:
        """Add it to a report, with what is unusual; notices go to ``notify``."""
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


class Comparison:
    """A comparison with the last release, which is fetched in the background as soon as this is created."""

    def __init__(
        self, manifest: Manifest, project: Project, index: Index, called: str, shelf: Path, *, anew: bool = False
    ) -> None:
        """Start to look for the last release.

        Args:
            manifest: The manifest of the built files.
            project: The project from which they were built; the last release is in its history.
            index: The index that they go to; only read here.
            called: The index's display name.
            shelf: The folder for fetched files; it need not exist.
            anew: Whether to ask the index even if an earlier result is kept.
        """
        self._manifest = manifest
        self._project = project
        self._index = replace(index, name=called, seconds=SECONDS)
        self._called = called
        self._shelf = shelf
        self._patience = time.monotonic() + SECONDS, f"{called} did not answer within {SECONDS:.0f} seconds"
        self._kept = None if anew else self._keeps()
        self._fetched = None if self._kept else begun(self._find)

    def result(self, environments: Path) -> Compared:
        """Compare; wait for the index until a few seconds after the start, or for the build of the last release.

        Args:
            environments: The folder of nox's environments, which show the modules that requirements provide.
        """
        try:
            return self._compared(self._predecessor(), Installed(_sites(environments)))
        except TimeoutError:
            why = self._patience[1]
        except SilentError as error:
            return Compared(why=error.findings[0].what.rstrip("."))
        except ShipError as error:
            why = error.findings[0].what.rstrip(".")
        except Exception as error:  # noqa: BLE001 - whatever an index's file holds, the release goes on
            why = f"the comparison raised {type(error).__name__}"
        return Compared(why=why, findings=(NOT_COMPARED(f"The files were not compared with the last release: {why}."),))

    def _compared(self, last: Predecessor, installed: Installed) -> Compared:
        version = self._manifest.version
        since = f"{last.version} (built from {last.tag})" if last.tag else f"{last.version} on {self._called}"
        if not last.version:
            return Compared(why=f"neither {self._called} nor the history has a release before {version}")
        if last.failed:
            what = f"{self._called} has no earlier release, and {last.tag} could not be built: {last.failed}"
            raise ShipError(NOT_COMPARED(f"{what}."))
        alike_files = chosen(self._manifest.files, [last.file]) if last.file else None
        if alike_files is None:
            return Compared(why=f"{since} has no file of up to {MOST >> 20} MiB to compare with {version}")
        file, _, alike = alike_files
        try:
            old = Inventory.read(self._place(last.file))
        except ShipError as error:
            raise ShipError(NOT_COMPARED(f"{last.file} of {since} cannot be read.")) from error
        new = Inventory.read(dist_folder(self._project) / file.name)
        difference = Difference.of(Pair(old, new, alike, installed))
        sdists = [other for other in self._manifest.files if other.kind == "sdist" != file.kind]
        larger = (found for sdist in sdists if last.sdist for found in grew(sdist.name, last.sdist, sdist.size))
        return Compared(since, last.file, difference, findings=(*difference.unusual, *larger))

    def _predecessor(self) -> Predecessor:
        if self._kept:
            return self._kept
        if self._fetched is None:
            raise AssertionError  # one of the two is always set
        found, content = self._waited(self._fetched)
        remove(self._shelf)
        self._shelf.mkdir(parents=True)
        if found.file:
            self._place(found.file).write_bytes(content)
        note = _Note(self._called, self._manifest.commit, self._names, time.time(), found)
        (self._shelf / "found.json").write_text(json.dumps(asdict(note)), encoding="utf-8")  # a partial note is ignored
        return found

    def _waited(self, fetched: Future[tuple[Predecessor, bytes]]) -> tuple[Predecessor, bytes]:
        while True:
            try:
                return fetched.result(max(self._patience[0] - time.monotonic(), 0))
            except TimeoutError:
                if fetched.done() or self._patience[0] <= time.monotonic():  # otherwise a build has started meanwhile
                    raise

    def _find(self) -> tuple[Predecessor, bytes]:
        """Return the last release that the index serves; if there is none, build the last one in the history."""
        found = fetch(self._manifest, self._index)
        if found[0].version:
            return found
        seconds = 2 * BUILD_SECONDS
        self._patience = time.monotonic() + seconds, f"building the last release took over {seconds:.0f} seconds"
        return build_last(self._manifest, self._project, self._shelf / "build")

    @property
    def _names(self) -> list[str]:
        return [file.name for file in self._manifest.files]

    def _place(self, name: str) -> Path:
        return self._shelf / f"file{'.whl' if name.endswith('.whl') else '.tar.gz'}"

    def _keeps(self) -> Predecessor | None:
        """Return what an earlier run of this release found, if the fetched files are still there."""
        try:
            note = json_data.read(_Note, json_data.parse((self._shelf / "found.json").read_bytes()))
            same = (note.index, note.commit, note.files) == (self._called, self._manifest.commit, self._names)
            young = 0 <= time.time() - note.asked_at <= REUSE_SECONDS
            whole = not note.found.file or File.of(self._place(note.found.file)).sha256 == note.found.sha256
        except (OSError, ValueError):
            return None
        return note.found if same and young and whole else None


def _sites(environments: Path) -> tuple[Path, ...]:
    """Return the folders of installed packages in nox's environments."""
    found = (
        path
        for pattern in ("*/lib/python*/site-packages", "*/Lib/site-packages")
        for path in environments.glob(pattern)
    )
    return tuple(sorted(found))
