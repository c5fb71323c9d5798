"""Verifying what an index serves for one version: the bytes, the metadata, the publisher, and that it works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nox_ship.config import VerifyInstallSettings
from nox_ship.errors import Finding, Findings, Kind
from nox_ship.package.likeness import Likeness
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from nox_ship.release.converge import await_files, confirm
from nox_ship.release.installing import prove
from nox_ship.release.listed import examine
from nox_ship.release.origins import examine as origins_of
from nox_ship.release.publication import Note, Publication
from nox_ship.release.published import ExpectedRelease, Release, listed, refuse_others
from nox_ship.release.rebuilding import Rebuilt, rebuild
from nox_ship.release.uptake import check_open, refuse_other_bytes
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing

BUILT_OTHERWISE = Kind(
    "NS849",
    "built-otherwise",
    "Find the cause from the differences shown (docs/reproducible.md lists the usual ones).",
    level="warning",
)


@dataclass
class Verification:
    """What was found about a version on an index."""

    project: str
    version: str
    index: str
    compared_with: str = ""
    """What the files were compared with."""
    rebuilt: Rebuilt | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    """The index's data about each file."""
    installed: dict[str, str] = field(default_factory=dict)
    """The file that was installed and works, by Python version."""
    findings: Findings = field(default_factory=Findings)

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "project": self.project,
            "version": self.version,
            "index": self.index,
            "passed": not self.findings.errors,
            "compared_with": self.compared_with,
            "files": self.files,
            "rebuilt": self.rebuilt and self.rebuilt.as_dict(),
            "installed": self.installed,
            "findings": [finding.as_dict() for finding in self.findings],
        }


@dataclass(frozen=True)
class Verifier:
    """Verifies what an index serves for one version, and keeps what it finds."""

    project: Project
    index: Index
    name: str
    """The index's name in the settings."""
    note: Note
    found: Verification

    def wait(self, expected: ExpectedRelease) -> None:
        """Wait until the index serves the built files, and compare them.

        Raises:
            ShipError: It serves something else (NS711, NS714), nothing (NS712, NS713), or never will (NS770-NS774).
        """
        self._warn_if_closed(expected.manifest)
        confirm(self._publication(expected))
        self._examine(self._listing(), expected)

    def wait_for_others(self, expected: ExpectedRelease) -> None:
        """Wait until the index serves the files that have the same name on every machine, which another one builds.

        Raises:
            ShipError: It does not (NS712, NS713), or never will (NS770-NS774).
        """
        everywhere = tuple(file for file in expected.manifest.files if _is_called_so_everywhere(file))
        manifest = replace(expected.manifest, files=everywhere or expected.manifest.files)
        self._warn_if_closed(manifest)
        await_files(self._publication(replace(expected, manifest=manifest)))

    def _warn_if_closed(self, manifest: Manifest) -> None:
        if listing := Findings().catch(self._listing):  # otherwise wait for it
            self.found.findings.extend(check_open(manifest, listing))

    def download(self, release: Release, folder: Path, here: ExpectedRelease | None) -> ExpectedRelease:
        """Download what the index serves for a release, and compare it with what is known about it.

        Args:
            release: The release.
            folder: An empty folder for the files.
            here: The files built here for it, if any.

        Raises:
            ShipError: The index has nothing of it (NS712, NS770, NS771), or files that differ from its own list or from
                the built ones (NS711).
        """
        listing = self._listing()
        there = listed(self.project, release, self.index, listing, folder)
        if here and here.binding:
            refuse_other_bytes(here.manifest, here.manifest.files, listing.files, self.index)
            refuse_others(there.manifest, here.manifest, self.index)
            there = replace(there, told_by=here.told_by, manifest=replace(there.manifest, build=here.manifest.build))
        self._examine(listing, there)
        if here and not here.binding:
            self.found.findings.extend(self._liken(there, here))
        return there

    def _liken(self, there: ExpectedRelease, here: ExpectedRelease) -> Iterator[Finding]:
        """Yield a warning for each file whose content differs from the file of that name built here."""
        ours = {file.name for file in here.manifest.files}
        for file in there.manifest.files:
            if file.name in ours:
                alike = Likeness.of(there.folder / file.name, here.folder / file.name)
                self.note(f"{file.name}, compared with the one built here: {alike}")
                if alike.verdict == "content":
                    what = f"{self.index.name} serves a {file.name} unlike the one built here from its tag: {alike}."
                    yield BUILT_OTHERWISE(what, detail="\n".join(alike.lines))

    def rebuild(self, expected: ExpectedRelease, folder: Path) -> None:
        """Build the release again from its tag, and compare the result with what is served.

        Args:
            expected: The files that are served.
            folder: An empty folder.

        Raises:
            ShipError: There is no tag for it here (NS793), or it does not build (NS501, NS904).
        """
        self.note(f"building {self.found.project} {self.found.version} again, from its tag")
        self.found.rebuilt = rebuilt = rebuild(self.project, expected, self._listing(), folder)
        self.found.findings.extend(rebuilt.findings())

    def install(self, expected: ExpectedRelease, *, smoke: bool) -> None:
        """Install it on each Python that is here; with ``smoke``, run the project's smoke commands.

        Raises:
            ShipError: It cannot be installed, or does not work (NS611-NS616, NS714).
        """
        project, settings = self.project, self.project.settings
        if not smoke:
            project = replace(project, settings=replace(settings, verify_install=VerifyInstallSettings()))
        self.found.installed.update(prove(replace(self._publication(expected), project=project)))

    def _publication(self, expected: ExpectedRelease) -> Publication:
        publication = Publication.of(expected.manifest, self.project, self.index, self.note)
        return replace(publication, folder=expected.folder)

    def _listing(self) -> Listing:
        return self.index.listing(self.found.project, self.found.version)

    def _examine(self, listing: Listing, expected: ExpectedRelease) -> None:
        self.found.compared_with = expected.told_by
        self.found.findings.extend(examine(listing, expected))
        origins = origins_of(self.project, expected, listing, self.index, self.name)
        self.found.findings.extend(origins.findings)
        for name, origin in origins.known.items():
            self.note(f"{name} was published by {origin}")
        for file in expected.manifest.files:
            served = listing.files[file.name]
            uploaded = served.uploaded.isoformat() if served.uploaded else None
            facts = {"uploaded": uploaded, "requires_python": served.requires_python, "yanked": served.yanked}
            by = {"published_by": asdict(origins.known[file.name]) if file.name in origins.known else None}
            self.found.files.append({"name": file.name, "size": file.size, "sha256": file.sha256, **facts, **by})


def _is_called_so_everywhere(file: File) -> bool:
    """Whether a file has the same name on every machine: an sdist, or a wheel for every platform."""
    return file.kind == "sdist" or file.name.endswith("-any.whl")
