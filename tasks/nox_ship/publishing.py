"""The front doors of publishing what is built, and of verifying what is published."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from packaging.version import Version

from nox_ship import actions, closing
from nox_ship.cli import no_arguments, publish_arguments, verify_arguments
from nox_ship.errors import Finding, Findings, Kind, ShipError
from nox_ship.package.build import dist_folder, manifest_path, read_notes
from nox_ship.package.manifest import Manifest
from nox_ship.printable import printable
from nox_ship.project import Project
from nox_ship.release.admission import admit
from nox_ship.release.announcement import Announcement, bring, look
from nox_ship.release.announcing import no_token, told_of
from nox_ship.release.comparison import Comparison
from nox_ship.release.converge import Published, confirm
from nox_ship.release.installing import prove
from nox_ship.release.pipeline import ended_by, told_by
from nox_ship.release.publication import Publication
from nox_ship.release.publish import publish as publish_files
from nox_ship.release.published import built, listed, released
from nox_ship.release.route import route
from nox_ship.release.stage import Workshop, workshop
from nox_ship.release.uptake import check_open, foresee
from nox_ship.report import Report, Row, Voice
from nox_ship.showing import tell_changes
from nox_ship.world.index import display_name
from nox_ship.world.real import RealWorld
from nox_ship.world.world import World
from nox_ship.worlds import guarded, opened

NOTHING_TO_ANNOUNCE = Kind(
    "NS791", "nothing-to-announce", "Run it where a release was built: `nox -s build` on its tag."
)
BAD_TARGET = Kind("NS757", "bad-target", "Use `nox -s publish -- --to NAME`.")


def publish(project: Project, args: Sequence[str], session: str, index: str | None) -> None:
    """Bring an index to what was built, or rehearse it.

    Args:
        project: The project.
        args: What followed ``nox -s publish --``.
        session: The session's name.
        index: The index; None takes the one that ``--to`` or the version's route names.

    Raises:
        ShipError: The arguments are wrong (NS108); there is no manifest, or a file is not the one it knows
            (NS601-NS604); it must not go there (NS752, NS754); credentials, upload or installation fail (NS611-NS753);
            another run has the checkout (NS805).
    """
    options = publish_arguments(args, session)
    voice = Voice()
    report = Report(title="Rehearsal of publishing" if options.dry_run else "Publishing", rehearsal=options.dry_run)
    with guarded(project.settings) as variables, workshop(project.root) as shop:
        try:
            wanted = _wanted_index(session, index, options.to)
            manifest = Manifest.read(manifest_path(project))
            name = wanted or route(project.settings, Version(manifest.version))
            report.title += f" to {display_name(name)}"
            with opened(options, project.root, shop, voice, variables) as world:
                for finding in _admitted(manifest, project, name, world, report):
                    voice.finding(finding)
                publication = Publication.of(manifest, project, world.index(name, manifest.name), voice.note)
                if options.dry_run:
                    _foresee(publication, voice)
                _publish(publication, display_name(name), report, install=not options.no_install)
                if options.dry_run:
                    _compare(publication, display_name(name), shop, voice, report)
        except BaseException as error:
            report.rows.append(Row(session, ended_by(error)))
            report.findings += [finding.as_dict() for finding in told_by(error)]
            raise
        finally:
            report.write(shop.report)
    voice.last_line(closing.published(report, display_name(name), session))


def _wanted_index(session: str, index: str | None, to: str | None) -> str | None:
    """Return the index that a session has, or the one that ``--to`` names; None where neither does.

    Raises:
        ShipError: Both do (NS757).
    """
    if to and index:
        raise ShipError(BAD_TARGET(f"`{session}` goes to {display_name(index)}, `--to {to}` elsewhere."))
    return to or index


def _admitted(manifest: Manifest, project: Project, name: str, world: World, report: Report) -> tuple[Finding, ...]:
    """Enter in the report what is to be published, and check that it may be; return warnings.

    Raises:
        ShipError: It may not.
    """
    report.project, report.version, report.commit = manifest.name, manifest.version, manifest.commit
    report.tag = manifest.tag or ""
    return admit(manifest, project, name, world)


def _publish(publication: Publication, called: str, report: Report, *, install: bool) -> None:
    """Publish from the project's own folder, and tell of it."""
    begun = time.monotonic()

    def arrived(entry: Published) -> None:
        report.rows.append(Row(entry.file.name, "done", detail=entry.action))

    published = publish_files(publication, called, report, install=install, arrived=arrived)
    report.passed = True
    report.seconds = time.monotonic() - begun
    who = f", with credentials from {report.credentials}" if report.credentials else ""
    rows = [(entry.file.name, entry.action, entry.file.sha256) for entry in published]
    page = publication.index.page(publication.manifest.name, publication.manifest.version)
    actions.output(page=page)
    actions.summary(f"{report.title}{who}", rows, ("file", "result", "SHA-256"), link=page)


def _foresee(publication: Publication, voice: Voice) -> None:
    """Report whether the index would accept the files.

    Raises:
        ShipError: It would not.
    """
    manifest = publication.manifest
    findings = foresee(publication.index, manifest.name, manifest.version, new=False, built=manifest)
    for finding in findings:
        if finding.level != "error":
            voice.finding(finding)
    findings.raise_errors()


def _compare(publication: Publication, called: str, shop: Workshop, voice: Voice, report: Report) -> None:
    """Report what changed between the last release on the index and what was built."""
    project = publication.project
    comparison = Comparison(publication.manifest, project, publication.index, called, shop.predecessor)
    comparison.result(project.root / ".nox").enter(report, voice.finding)
    voice.changes(report)
    tell_changes(report)


def announce(project: Project, args: Sequence[str]) -> None:
    """Bring the release's page on the forge to what was built, and publish it once it is whole.

    Args:
        project: The project.
        args: What followed ``nox -s announce --``.

    Raises:
        ShipError: There are arguments (NS108); there is no manifest, or a file is not the one it knows (NS601 to
            NS603); it is no release, or not on GitHub (NS791); there is no token (NS789); or the forge does not take
            it (NS780 to NS787, NS790).
    """
    no_arguments(args, "announce", "Make or complete the GitHub Release of what was built.")
    voice = Voice()
    with guarded(project.settings) as variables, tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        manifest = Manifest.read(manifest_path(project))
        if manifest.tag is None or manifest.dirty:
            raise ShipError(NOTHING_TO_ANNOUNCE(f"What was built of {manifest.name} is no release."))
        manifest.check(dist_folder(project))
        notes = read_notes(project, manifest)
        world = RealWorld(project.root, Path(folder), project.settings, quietly=True, variables=variables)
        forge = world.forge
        if forge is None:
            raise ShipError(NOTHING_TO_ANNOUNCE("This repository is not on GitHub, as far as its remote tells."))
        if forge.api.token is None:
            raise ShipError(replace(no_token(forge, manifest.tag), level="error"))
        announcement = Announcement.of(manifest, project, manifest.tag, notes)
        outcome = bring(announcement, forge, look(announcement, forge), voice.note)
    for finding in told_of(outcome, forge):
        voice.finding(finding)
    lines = [(file.name, str(file.size), file.sha256) for file in announcement.files if file.name not in outcome.lacks]
    address = printable(outcome.release.url, lines=False)
    actions.summary(f"{announcement.title} is announced: {address}", lines, ("file", "bytes", "SHA-256"))
    voice.last_line(f"{announcement.title} is announced: {address}")


def verify_published(project: Project, args: Sequence[str]) -> None:
    """Wait until an index serves what was built, compare it, and install it on each Python that is here.

    Where HEAD is a release and no manifest of it is here, what the index serves is compared with what it lists. It
    needs no credentials, so that a job can do it which has none.

    Args:
        project: The project.
        args: What followed ``nox -s verify-published --``.

    Raises:
        ShipError: The arguments are wrong (NS108), there is neither a manifest (NS601, NS602) nor a release tag on
            HEAD, or no index (NS753); or what is served is not what was built (NS711-NS714), can never be it
            (NS770-NS774), or does not work (NS611-NS616).
    """
    options, voice = verify_arguments(args), Voice()
    release = released(project)
    expected = built(project, release)
    version = expected.manifest.version if expected else str(release and release[1])
    called = expected.manifest.name if expected else project.canonical_name
    name = options.source or route(project.settings, Version(version))
    with (
        guarded(project.settings) as variables,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as files,
    ):
        world = RealWorld(project.root, Path(folder), project.settings, variables=variables)
        index = world.index(name, called)
        here = expected is not None
        expected = expected or (release and listed(project, release, index, Path(files)))
        if not expected:
            raise AssertionError  # what is neither built nor released is told above
        publication = Publication.of(expected.manifest, project, index, voice.note)
        publication = replace(publication, folder=expected.folder)
        if here:
            if listing := Findings().catch(lambda: index.listing(called, version)):  # else wait below
                for warning in check_open(expected.manifest, listing):
                    voice.finding(warning)
            confirm(publication)
        prove(publication)
    served = f"{called} {version}"
    actions.summary(f"{served} is served by {index.name}, was compared with {expected.told_by}, and works")
    voice.last_line(f"{index.name} serves {served}; it was compared with {expected.told_by}, and works.")
