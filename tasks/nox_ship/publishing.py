"""Front end of publishing the built files."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from packaging.version import Version

from nox_ship import actions, asking, closing
from nox_ship.ahead import guarded
from nox_ship.cli import announce_arguments, publish_arguments
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.package.build import dist_folder, manifest_path, read_notes
from nox_ship.package.manifest import Manifest
from nox_ship.package.materials import materials_path
from nox_ship.printable import printable
from nox_ship.project import Project
from nox_ship.release.admission import admit
from nox_ship.release.announcement import Announcement, bring, look
from nox_ship.release.announcing import no_token, told_of
from nox_ship.release.beside import materials, provenance
from nox_ship.release.checking import Required, wait
from nox_ship.release.comparison import Comparison
from nox_ship.release.converge import Held, Published, compare
from nox_ship.release.pipeline import ended_by, told_by
from nox_ship.release.publication import Publication
from nox_ship.release.publish import publish as publish_files
from nox_ship.release.results import Checked, enter_files
from nox_ship.release.route import route
from nox_ship.release.stage import Workshop, workshop
from nox_ship.release.uptake import foresee, foresee_name
from nox_ship.report import Report, Row
from nox_ship.showing import tell
from nox_ship.terminal import Voice
from nox_ship.tools import versions
from nox_ship.world.index import display_name
from nox_ship.world.real import RealWorld
from nox_ship.world.world import World
from nox_ship.worlds import opened

NOTHING_TO_ANNOUNCE = Kind("NS779", "nothing-to-announce", "Run `nox -s build` on a release tag first.")
BAD_TARGET = Kind("NS757", "bad-target", "Use `nox -s publish -- --to NAME`.")


def publish(project: Project, args: Sequence[str], session: str, index: str | None) -> None:
    """Upload the built files to an index and verify them there, or rehearse that.

    Args:
        project: The project.
        args: What followed ``nox -s publish --``.
        session: The session's name.
        index: The index; None for the one in ``--to``, or for the kind of version.

    Raises:
        ShipError: The arguments are wrong (NS108); there is no manifest, or a file does not match it (NS601-NS604); the
            files must not go there (NS752, NS754); a check did not pass (NS850-NS854); credentials, upload or
            installation fail (NS611-NS753); or another run is using the checkout (NS805).
    """
    options = publish_arguments(args, session)
    voice = Voice()
    report = Report(
        title="Rehearsal of publishing" if options.dry_run else "Publishing",
        scope="publish",
        rehearsal=options.dry_run,
        command=_command(session, options.without_check),
        environment=versions(),
    )
    required = asking.required_checks(project.settings, options.without_check, project.root)
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
                held = _await_checks(publication, required, world, report, voice)
                _publish(publication, display_name(name), report, held, install=not options.no_install)
                if options.dry_run:
                    _compare(publication, display_name(name), shop, voice, report)
        except BaseException as error:
            report.rows.append(Row(session, ended_by(error)))
            report.findings += [finding.as_dict() for finding in told_by(error)]
            raise
        finally:
            report.seconds = report.after()
            report.write(shop.report)
            tell(report, shop)
        voice.note(f"report: {shop.page}")
    voice.last_line(closing.ended(report))


def _wanted_index(session: str, index: str | None, to: str | None) -> str | None:
    """Return the index that a session has, or the one in ``--to``; None without either.

    Raises:
        ShipError: There are both (NS757).
    """
    if to and index:
        raise ShipError(BAD_TARGET(f"`{session}` goes to {display_name(index)}, but `--to` says {to}."))
    return to or index


def _admitted(manifest: Manifest, project: Project, name: str, world: World, report: Report) -> tuple[Finding, ...]:
    """Record in the report what will be published, and check that it may be; return warnings.

    Raises:
        ShipError: It may not.
    """
    report.project, report.version, report.commit = manifest.name, manifest.version, manifest.commit
    report.tag, report.index = manifest.tag or "", display_name(name)
    enter_files(manifest, report)
    return admit(manifest, project, name, world)


def _command(session: str, without: Sequence[str]) -> str:
    words = [word for name in filter(None, without) for word in ("--without-check", name)]
    return f"nox -s {session} -- {shlex.join(words)}" if words else f"nox -s {session}"


def _await_checks(
    publication: Publication, required: Required, world: World, report: Report, voice: Voice
) -> Held | None:
    """Wait until the required checks have passed, if there is something to upload; return what the index has."""
    if not required.names:
        return None
    held, commit = compare(publication), publication.manifest.commit
    if held.missing:
        begun = report.after()
        for finding in required.left_out(commit):
            report.findings.append(finding.as_dict())
            voice.finding(finding)
        checked = Checked(wait(required, world.forge, commit, voice.note), required.without)
        checked.enter(report, voice)
        report.rows.append(Row("checks", "done", report.after() - begun, str(checked), begun=begun))
    return held


def _publish(publication: Publication, called: str, report: Report, held: Held | None, *, install: bool) -> None:
    """Publish from the project's own folder, and report it."""
    begun = report.after()

    def arrived(entry: Published) -> None:
        nonlocal begun
        report.rows.append(Row(entry.file.name, "done", report.after() - begun, entry.action, begun=begun))
        begun = report.after()

    publish_files(publication, called, report, held=held, install=install, arrived=arrived)
    report.passed = True
    report.page = publication.index.page(publication.manifest.name, publication.manifest.version)
    actions.output(page=report.page)


def _foresee(publication: Publication, voice: Voice) -> None:
    """Report whether the index would accept the files.

    Raises:
        ShipError: It would not.
    """
    manifest = publication.manifest
    index, name, version = publication.index, manifest.name, manifest.version
    findings = foresee(index, name, version, new=False, built=manifest)
    findings.extend(foresee_name(index, name, version))
    for finding in findings:
        if finding.level != "error":
            voice.finding(finding)
    findings.raise_errors()


def _compare(publication: Publication, called: str, shop: Workshop, voice: Voice, report: Report) -> None:
    """Report what changed between the last release on the index and the built files."""
    project = publication.project
    comparison = Comparison(publication.manifest, project, publication.index, called, shop.predecessor)
    comparison.result(project.root / ".nox").enter(report, voice.finding)
    voice.changes(report)


def announce(project: Project, args: Sequence[str]) -> None:
    """Create or complete the release's page on the forge, and publish it once it is complete.

    Args:
        project: The project.
        args: What followed ``nox -s announce --``.

    Raises:
        ShipError: There is no manifest, or a file does not match it (NS601 to NS603); it is not a release, or not on
            GitHub (NS779); there is no token (NS789); the bill of materials or the provenance is for another release
            (NS799); or the forge does not accept it (NS780 to NS787, NS778).
    """
    options = announce_arguments(args)
    voice = Voice()
    with guarded(project.settings) as variables, tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        manifest = Manifest.read(manifest_path(project))
        if manifest.tag is None or manifest.dirty:
            raise ShipError(NOTHING_TO_ANNOUNCE(f"The built files of {manifest.name} are not a release."))
        manifest.check(dist_folder(project))
        notes = read_notes(project, manifest)
        here = Path(folder)
        world = RealWorld(project.root, here, project.settings, quietly=True, variables=variables, tell=voice.note)
        forge = world.forge
        if forge is None:
            raise ShipError(NOTHING_TO_ANNOUNCE("According to its remote, this repository is not on GitHub."))
        if forge.api.token is None:
            raise ShipError(replace(no_token(forge, manifest.tag), level="error"))
        bill = materials(options.sbom or materials_path(project), manifest)
        proof = provenance(options.provenance, manifest) if options.provenance else ()
        announcement = Announcement.of(manifest, project, manifest.tag, notes, beside=(*bill, *proof))
        outcome = bring(announcement, forge, look(announcement, forge), voice.note)
    for finding in told_of(outcome, forge):
        voice.finding(finding)
    lines = [(file.name, str(file.size), file.sha256) for file in announcement.files if file.name not in outcome.lacks]
    address = printable(outcome.release.url, lines=False)
    actions.summary(f"{announcement.title} is announced: {address}", lines, ("file", "bytes", "SHA-256"))
    voice.last_line(f"{announcement.title} is announced: {address}")
