"""The front doors of releasing and publishing: build a world, call the engine, show what came of it.

They know the arguments and the terminal, but not nox.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from packaging.version import Version

from nox_ship.cli import publish_arguments, release_arguments
from nox_ship.config import Settings
from nox_ship.errors import Kind, ShipError, ShownError
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.pipeline import Run, run_pipeline
from nox_ship.release.preflight import Request
from nox_ship.release.publish import converge, install_from, route
from nox_ship.release.stage import workshop
from nox_ship.report import Report, Voice
from nox_ship.world.index import display_name
from nox_ship.world.standins import StandIns

NOT_YET = Kind("NS909", "not-yet", "Add `--dry-run` to rehearse it.")


def release(root: Path, args: Sequence[str], sessions: Collection[str], invoked_from: Path) -> None:
    """Rehearse a release of the project in ``root`` and show its table.

    Args:
        root: The project's folder.
        args: What followed ``nox -s release --``.
        sessions: Names of the sessions that the noxfile registers.
        invoked_from: The folder that a relative ``--report`` means.

    Raises:
        ShipError: The arguments are wrong (NS108), or ask for what this version does not do (NS909).
        ShownError: The rehearsal stopped.
    """
    options = release_arguments(args)
    if not options.dry_run:
        raise ShipError(NOT_YET("Releasing for real is not in this version of nox-ship."))
    request = Request(options.wanted, tuple(options.without), options.fresh)
    voice = Voice(verbose=options.verbose)
    report = Report(title="Rehearsal of the release")
    settings = _settings(root)
    with (
        workshop(root) as shop,
        StandIns(root, shop.world(), remote=settings.remote, port=settings.rehearsal.port) as world,
    ):
        try:
            run_pipeline(Run(root, request, sessions, world, shop, voice, report))
        except ShipError as error:
            _show_stop(voice, report, error, shop.report)
            raise ShownError(*error.findings) from error
        finally:
            if options.report:
                report.write(invoked_from / options.report)
    voice.table(report)
    voice.note(f"report: {shop.report}")
    without = (word for gate in options.without for word in ("--without", gate))
    command = shlex.join([*([options.wanted] if options.wanted else []), *without])
    voice.last_line(f"Nothing was touched: this was a rehearsal. To do it: nox -s release -- {command}")


def _settings(root: Path) -> Settings:
    try:
        return Project.read(root).settings
    except ShipError:  # the preflight reports it, beside everything else
        return Settings()


def _show_stop(voice: Voice, report: Report, error: ShipError, path: Path) -> None:
    """Show why a release stopped and how far it came; a single finding is left to the line that ends it."""
    if len(error.findings) > 1 or error.findings[0].detail:
        for finding in error.findings:
            voice.finding(finding)
    if len(report.rows) > len(report.steps_not_reached()) + 1:
        voice.table(report)
        voice.note(f"report: {path}")
    voice.last_line("Nothing was touched: the rehearsal stopped before its end.")


def publish(
    project: Project, args: Sequence[str], session: str, index: str | None, note: Callable[[str], None]
) -> None:
    """Rehearse the upload of what was built.

    Args:
        project: The project.
        args: What followed ``nox -s publish --``.
        session: The session's name, for the line that says how to do it for real.
        index: The index; None takes the one that the version's route names.
        note: Told what happens.

    Raises:
        ShipError: The arguments are wrong (NS108, NS909), there is no manifest or a file is not the one it knows
            (NS601-NS603), or the upload or the installation fails (NS611-NS712).
    """
    if not publish_arguments(args).dry_run:
        raise ShipError(NOT_YET("Publishing to a real index is not in this version of nox-ship."))
    manifest = Manifest.read(manifest_path(project))
    name = index or route(project.settings, Version(manifest.version))
    port = project.settings.rehearsal.port
    with (
        tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
        StandIns(project.root, Path(folder), port=port) as world,
    ):
        standin = world.index(name)
        converge(manifest, dist_folder(project), standin, note)
        installed = install_from(manifest, dist_folder(project), standin, project)
    note(f"{installed} was installed from the stand-in for {display_name(name)} and works")
    note(f"Nothing left this machine. To publish it: `nox -s {session}`")
