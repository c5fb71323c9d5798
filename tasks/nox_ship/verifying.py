"""The front door of verifying what an index serves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.version import Version

from nox_ship import actions, naming
from nox_ship.cli import LATEST, verify_arguments
from nox_ship.config import VerifyInstallSettings
from nox_ship.errors import Findings, Kind, ShownError
from nox_ship.project import Project
from nox_ship.release.converge import confirm
from nox_ship.release.installing import prove
from nox_ship.release.listed import examine
from nox_ship.release.origins import examine as origins_of
from nox_ship.release.publication import Note, Publication, silent
from nox_ship.release.published import (
    ExpectedRelease,
    Release,
    built,
    listed,
    newest,
    recorded,
    refuse_others,
    released,
)
from nox_ship.release.rebuilding import Rebuilt, rebuild
from nox_ship.release.route import route
from nox_ship.release.uptake import check_open, refuse_other_bytes
from nox_ship.terminal import Voice
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing
from nox_ship.world.real import RealWorld
from nox_ship.worlds import guarded

FOR_OTHER_PYTHONS = Kind(
    "NS792", "for-other-pythons", "Try it by hand on a Python that it is for, if anyone still uses it.", level="warning"
)


@dataclass
class Verification:
    """What was found of a version on an index."""

    project: str
    version: str
    index: str
    compared_with: str = ""
    """What the files were compared with."""
    rebuilt: Rebuilt | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    """What the index says of each file."""
    installed: dict[str, str] = field(default_factory=dict)
    """The file that was installed and works, by the Python's version."""
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


def verify_published(project: Project, args: Sequence[str]) -> None:
    """Compare what an index serves of a version, and install it on each Python that is here.

    Without a version, it is what was built here that must be served, and is waited for; or where HEAD is a release and
    no manifest of it is here, what the index lists. Any version can be named. It needs no credentials, so that a job
    can do it which has none.

    Args:
        project: The project.
        args: What followed ``nox -s verify-published --``.

    Raises:
        ShipError: The arguments are wrong (NS108), there is neither a version, nor a manifest (NS601, NS602), nor a
            release tag on HEAD, or no index (NS753); or what is served is not what was built (NS711-NS714) or what the
            index says of it (NS790), can never be it (NS770-NS774), is not what its tag builds (NS793, NS794), or does
            not work (NS611-NS616).
    """
    options, voice = verify_arguments(args), Voice()
    named = newest(project) if options.version == LATEST else options.version
    if options.version and not named:
        if options.json:
            print(json.dumps(Verification(project.canonical_name, "", "").as_dict(), indent=2))
        else:
            voice.last_line(f"{project.canonical_name} has no release yet: there is nothing to verify.")
        return
    current = released(project)
    release = released(project, named) if named else current
    expected = None if named else built(project, release)
    version = expected.manifest.version if expected else str(release and release.version)
    called = expected.manifest.name if expected else project.canonical_name
    name = options.source or route(project.settings, Version(version))
    with guarded(project.settings) as variables, ExitStack() as stack:
        folder, files, again = (Path(stack.enter_context(TemporaryDirectory(prefix="nox-ship-"))) for _ in range(3))
        index = RealWorld(project.root, folder, project.settings, variables=variables).index(name, called)
        found = Verification(called, version, index.name)
        verifier = _Verifier(project, index, name, silent if options.json else voice.note, found)

        def verify() -> None:
            if expected:
                verifier.wait(expected)
            wanted = release or Release(Version(version))
            there = expected or verifier.download(wanted, files, options.manifest)
            if options.rebuild:
                verifier.rebuild(there, again)
            if found.findings.errors:  # what may be somebody else's is not run
                return
            if there.manifest.pythons or expected:
                verifier.install(there, smoke=release == current)  # an old version may lack the commands of today
            else:
                found.findings.append(FOR_OTHER_PYTHONS(f"{called} {version} is for none of the project's Pythons."))

        found.findings.catch(verify)
    if options.json:
        print(naming.spoken(json.dumps(found.as_dict(), indent=2)))
    _tell(found, voice, shown=options.json)


def _tell(found: Verification, voice: Voice, *, shown: bool) -> None:
    """Tell what was found, unless it was ``shown`` as JSON.

    Raises:
        ShipError: There are errors.
    """
    errors = found.findings.errors
    if shown and errors:
        raise ShownError(*errors)
    if found.rebuilt and not shown:
        _show(found.rebuilt, voice)
    for finding in () if shown else found.findings:
        if finding.level != "error":
            voice.finding(finding)
    found.findings.raise_errors()
    served, ended = f"{found.project} {found.version}", "works" if found.installed else "was not installed"
    actions.summary(f"{served} is served by {found.index}, was compared with {found.compared_with}, and {ended}")
    if not shown:
        voice.last_line(f"{found.index} serves {served}; it was compared with {found.compared_with}, and {ended}.")


_LEVELS = {"identical": "ok", "archive": "warning", "content": "error"}


def _show(rebuilt: Rebuilt, voice: Voice) -> None:
    """Show how a release came out that was built again."""
    voice.fact("built again", f"from {rebuilt.tag}, with {rebuilt.built_with}")
    for file in rebuilt.files:
        voice.examined(_LEVELS[file.verdict], "rebuilt", f"{file.name}: {file}")
    for name in rebuilt.not_built:
        voice.examined("warning", "rebuilt", f"{name}: not built here")
    for name in rebuilt.not_served:
        voice.examined("ok", "rebuilt", f"{name}: built, and not served")


@dataclass(frozen=True)
class _Verifier:
    """Verifies what an index serves of one version, and notes what it finds."""

    project: Project
    index: Index
    name: str
    """The index's name in the settings."""
    note: Note
    found: Verification

    def wait(self, expected: ExpectedRelease) -> None:
        """Wait until the index serves what was built, and compare it.

        Raises:
            ShipError: It serves something else (NS711, NS714), nothing (NS712, NS713), or never will (NS770-NS774).
        """
        if listing := Findings().catch(self._listing):  # else wait for it
            self.found.findings.extend(check_open(expected.manifest, listing))
        confirm(self._publication(expected))
        self._examine(self._listing(), expected)

    def download(self, release: Release, folder: Path, record: Path | None) -> ExpectedRelease:
        """Download what the index serves of a release, and compare it with what is known of it.

        Args:
            release: The release.
            folder: An empty folder for the files.
            record: The release's manifest, if it is kept elsewhere than in the project.

        Raises:
            ShipError: The index has nothing of it (NS712, NS770, NS771), or other files than it lists or than were
                built (NS711).
        """
        listing = self._listing()
        there = listed(self.project, release, self.index, listing, folder)
        if here := recorded(release, record) if record else Findings().catch(lambda: built(self.project, release)):
            refuse_other_bytes(here.manifest, here.manifest.files, listing.files, self.index)
            refuse_others(there.manifest, here.manifest, self.index)
            there = replace(there, told_by=here.told_by, manifest=replace(there.manifest, build=here.manifest.build))
        self._examine(listing, there)
        return there

    def rebuild(self, expected: ExpectedRelease, folder: Path) -> None:
        """Build the release again from its tag, and compare that with what is served.

        Args:
            expected: The files that are served.
            folder: An empty folder.

        Raises:
            ShipError: There is no tag of it here (NS793), or it does not build (NS501, NS904).
        """
        self.note(f"building {self.found.project} {self.found.version} again, from its tag")
        self.found.rebuilt = rebuilt = rebuild(self.project, expected, self._listing(), folder)
        self.found.findings.extend(rebuilt.findings())

    def install(self, expected: ExpectedRelease, *, smoke: bool) -> None:
        """Install it on each Python that is here, with the project's smoke commands where ``smoke`` says so.

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
