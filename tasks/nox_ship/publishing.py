"""The front door of publishing what is built."""

from __future__ import annotations

import time
from collections.abc import Sequence

from packaging.version import Version

from nox_ship import actions, closing
from nox_ship.cli import publish_arguments
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.admission import admit
from nox_ship.release.comparison import Comparison
from nox_ship.release.converge import Published
from nox_ship.release.pipeline import ended_by, told_by
from nox_ship.release.publication import Publication
from nox_ship.release.publish import publish as publish_files
from nox_ship.release.route import route
from nox_ship.release.stage import Workshop, workshop
from nox_ship.release.uptake import foresee
from nox_ship.report import Report, Row, Voice
from nox_ship.showing import tell_changes
from nox_ship.world.index import display_name
from nox_ship.world.world import World
from nox_ship.worlds import guarded, opened

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
    actions.summary(f"{report.title}{who}", rows, ("file", "result", "SHA-256"))


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
