"""The front doors of releasing and publishing: build a world, call the engine, show what came of it.

They know the arguments and the terminal, but not nox.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from packaging.version import Version

from nox_ship import actions, closing, lifeline, naming, process
from nox_ship.cli import doctor_arguments, publish_arguments, release_arguments, verify_arguments
from nox_ship.config import Settings
from nox_ship.errors import Finding, Findings, Kind, ShipError, ShownError
from nox_ship.files import explained, real_place
from nox_ship.gates.noxfile import Sessions
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.admission import admit
from nox_ship.release.comparison import Comparison
from nox_ship.release.handover import Cut, bundle
from nox_ship.release.pipeline import CUT, DECLINED, STEPS, Run, ended_by, run_pipeline, told_by
from nox_ship.release.preflight import Request
from nox_ship.release.publish import Patience, confirm_served, converge, prove_install, route
from nox_ship.release.published import built, listed, released
from nox_ship.release.stage import Workshop, workshop
from nox_ship.release.uptake import check_open, foresee
from nox_ship.report import Report, Row, Voice
from nox_ship.setup.doctor import examine
from nox_ship.world.index import Index, display_name
from nox_ship.world.real import RealWorld
from nox_ship.world.standins import StandIns

BAD_TARGET = Kind("NS757", "bad-target", "Use `nox -s publish -- --to NAME`.")


def release(root: Path, args: Sequence[str], sessions: Sessions, invoked_from: Path) -> None:
    """Release the project in ``root``, or rehearse it, and show the table.

    Args:
        root: The project's folder.
        args: What followed ``nox -s release --``.
        sessions: What the noxfile holds.
        invoked_from: The folder that a relative ``--report`` means.

    Raises:
        ShipError: The arguments are wrong (NS108), a file to be written is led out of the project by a symlink
            (NS608), or another run has the checkout (NS805).
        ShownError: The release stopped.
    """
    options = release_arguments(args)
    for path in filter(None, (options.report, options.bundle)):
        _target(root, invoked_from, path)
    apart = options.dry_run or options.bundle is not None
    agreed = apart or options.yes
    request = Request(
        options.wanted,
        tuple(options.without),
        options.fresh,
        agreed=agreed or _on_a_terminal(),
        any_branch=options.dry_run,
        in_ci=_in_ci(),
    )
    voice = Voice(verbose=options.verbose)
    report = Report(title="Rehearsal of the release" if apart else "Release", rehearsal=apart)
    with (
        _guarded(_settings(root)) as variables,
        workshop(root) as shop,
        _world(options, root, shop, voice, variables) as world,
    ):
        run = Run(root, request, sessions, world, shop, voice, report)
        if not agreed:
            run.confirm = _ask
        with _stop_shown(voice, report, shop):
            try:
                run_pipeline(run, CUT if options.bundle else STEPS)
                if options.bundle:
                    _hand_on(run, _target(root, invoked_from, options.bundle))
            except BaseException:
                with suppress(OSError, ShipError):  # what stopped the release matters more
                    _tell(report, options.report and _target(root, invoked_from, options.report))
                raise
            _tell(report, options.report and _target(root, invoked_from, options.report))
    if options.bundle:
        return
    voice.table(report)
    voice.note(f"report: {shop.report}")
    voice.note(f"clone:  {shop.stage}")
    voice.last_line(_last_line(options, report))


def _target(root: Path, invoked_from: Path, path: Path) -> Path:
    """Return where a file that an argument names is written to.

    Raises:
        ShipError: By its name it is in the project, and a symlink leads out of that (NS608).
    """
    named = Path(os.path.abspath(invoked_from.resolve() / path))  # noqa: PTH100 - it follows no symlink
    inside = any(named.is_relative_to(top) for top in (root.absolute(), root.resolve()))
    return real_place(invoked_from / path, root) if inside else invoked_from / path


def _hand_on(run: Run, target: Path) -> None:
    """Write the objects of the release that was cut into a bundle, and tell other jobs which they are."""
    cut = Cut(run.plan.branch, run.plan.tag, run.objects.commit, run.objects.tag, run.plan.head)
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        bundle(cut, run.stage.repository, Path(folder) / "cut.git", target)
    actions.output(tag_object=cut.tag_object)
    run.voice.last_line(f"{cut.tag} is cut, and not pushed: {target} holds commit and tag.")


def _tell(report: Report, path: Path | None) -> None:
    """Tell GitHub Actions how a release ended, and write the report that was asked for."""
    rows = [(row.name, row.status, row.detail) for row in report.rows]
    actions.summary(f"{report.title} {report.version}".strip(), rows, ("step", "result", "what"))
    _tell_changes(report)
    if report.passed:
        actions.output(tag=report.tag, commit=report.commit)
    if path:
        report.write(path)


def _tell_changes(report: Report) -> None:
    """Add what changed since the last release to the job summary, if there was a comparison."""
    if report.since:
        changes = [line.partition(": ") for line in report.changes] or [("nothing", "", "but the version")]
        rows = [(what, change) for what, _, change in changes] + [("unusual", line) for line in report.unusual]
        actions.summary(f"Changed since {report.since}", rows, ("what", "change"))


@contextmanager
def _stop_shown(voice: Voice, report: Report, shop: Workshop) -> Iterator[None]:
    """Show why the release stopped, and how far it came, whatever ends the block.

    Raises:
        ShownError: An error for the user ended it.
    """
    try:
        yield
    except (ShipError, OSError) as error:
        shown = explained(error) if isinstance(error, OSError) else error
        _show_stop(voice, report, shown.findings, shop)
        raise ShownError(*shown.findings) from error
    except BaseException:
        _show_stop(voice, report, (), shop)
        raise


@contextmanager
def _world(
    options: Namespace, root: Path, shop: Workshop, voice: Voice, variables: Mapping[str, str]
) -> Iterator[RealWorld | StandIns]:
    """Open the world that was asked for."""
    settings, folder = _settings(root), shop.world()
    if options.dry_run or getattr(options, "bundle", None):

        def look(name: str, project: str) -> Index:
            free = None if getattr(options, "fresh", False) else shop.free_name
            real = RealWorld(root, folder, settings, quietly=True, variables=variables)
            return replace(real.index(name, project), free=free)

        with StandIns(
            root,
            folder,
            remote=settings.remote,
            port=settings.rehearsal.port,
            indexes=settings.indexes,
            look=look,
            keep=settings.pass_env,
        ) as standins:
            yield standins
    else:
        ask = voice.ask if _on_a_terminal() else None
        with RealWorld(root, folder, settings, ask, variables=variables) as world:
            yield world


@contextmanager
def _guarded(settings: Settings) -> Iterator[Mapping[str, str]]:
    """End what is started here with us, and let none of it inherit a token; yield the variables that we were given."""
    with process.without(settings.token_variables) as variables, lifeline.guarded(process.inherited()):
        yield variables


def _settings(root: Path) -> Settings:
    try:
        return Project.read(root).settings
    except ShipError:  # the preflight reports it, beside everything else
        return Settings()


def _on_a_terminal() -> bool:
    return not _in_ci() and sys.stdin.isatty() and sys.stdout.isatty()  # a runner may have a terminal


def _in_ci() -> bool:
    return bool(os.environ.get("CI"))


def _ask(run: Run) -> None:
    """Show what has been done and ask whether to go on.

    Raises:
        ShipError: It is not to be (NS235).
    """
    plan = run.plan
    run.voice.end()
    run.voice.table(run.report)
    after = f"{plan.workflow} publishes it" if plan.workflow else f"publish it to {display_name(plan.index)}"
    question = f"Push {plan.branch} and {plan.tag} to {run.world.remote.name}, then {after}? [y/N] "
    if run.voice.ask(question).strip().lower() not in ("y", "yes"):
        raise ShipError(DECLINED(f"{plan.tag} was not pushed: you did not say yes."))


def _last_line(options: Namespace, report: Report) -> str:
    if not options.dry_run:
        return closing.released(report)
    without = (word for gate in options.without for word in ("--without", gate))
    command = shlex.join([*([options.wanted] if options.wanted else []), *without])
    return closing.rehearsed(report, f"nox -s release -- {command}")


def _show_stop(voice: Voice, report: Report, findings: Sequence[Finding], shop: Workshop) -> None:
    """Show why a release stopped and how far it came; a single finding is left to the line that ends it."""
    if len(findings) > 1 or any(finding.detail for finding in findings):
        for finding in findings:
            voice.finding(finding)
    if len(report.rows) > len(report.steps_not_reached()) + 1:
        voice.table(report)
        voice.note(f"report: {shop.report}")
    voice.last_line(closing.stopped(report))


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
    with _guarded(project.settings) as variables, workshop(project.root) as shop:
        try:
            wanted = _wanted_index(session, index, options.to)
            manifest = Manifest.read(manifest_path(project))
            name = wanted or route(project.settings, Version(manifest.version))
            report.title += f" to {display_name(name)}"
            with _world(options, project.root, shop, voice, variables) as world:
                _bring(manifest, project, world, name, voice, report, install=not options.no_install)
                if options.dry_run:
                    _compare(manifest, project, world, name, shop, voice, report)
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


def _bring(
    manifest: Manifest,
    project: Project,
    world: RealWorld | StandIns,
    name: str,
    voice: Voice,
    report: Report,
    *,
    install: bool,
) -> None:
    """Publish from the project's own folder, and tell of it."""
    begun = time.monotonic()
    report.project, report.version, report.commit = manifest.name, manifest.version, manifest.commit
    report.tag = manifest.tag or ""
    for finding in admit(manifest, project, name, world):
        voice.finding(finding)
    index = world.index(name, manifest.name)
    folder = dist_folder(project)
    if report.rehearsal:
        _foresee(manifest, index, voice)
    try:
        published = converge(manifest, folder, index, voice.note, Patience.of(project.settings))
    finally:
        report.credentials = index.authenticated
    report.rows += [Row(entry.file.name, "done", detail=entry.action) for entry in published]
    uploaded = (entry.file.name for entry in published if entry.action == "uploaded")
    report.uploads += [f"{file} → {display_name(name)}" for file in uploaded]
    if install:
        prove_install(manifest, folder, index, project, voice.note)
    report.passed = True
    report.seconds = time.monotonic() - begun
    who = f", with credentials from {report.credentials}" if report.credentials else ""
    rows = [(entry.file.name, entry.action, entry.file.sha256) for entry in published]
    actions.summary(f"{report.title}{who}", rows, ("file", "result", "SHA-256"))


def _foresee(manifest: Manifest, index: Index, voice: Voice) -> None:
    """Report whether the index would accept the files.

    Raises:
        ShipError: It would not.
    """
    findings = foresee(index, manifest.name, manifest.version, new=False, built=manifest)
    for finding in findings:
        if finding.level != "error":
            voice.finding(finding)
    findings.raise_errors()


def _compare(
    manifest: Manifest,
    project: Project,
    world: RealWorld | StandIns,
    name: str,
    shop: Workshop,
    voice: Voice,
    report: Report,
) -> None:
    """Report what changed between the last release on the index and what was built."""
    index = world.index(name, manifest.name)
    comparison = Comparison(manifest, project, index, display_name(name), shop.predecessor)
    comparison.result(project.root / ".nox").enter(report, voice.finding)
    voice.changes(report)
    _tell_changes(report)


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
        _guarded(project.settings) as variables,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as files,
    ):
        world = RealWorld(project.root, Path(folder), project.settings, variables=variables)
        index = world.index(name, called)
        if expected:
            if listing := Findings().catch(lambda: index.listing(called, version)):  # else wait below
                for warning in check_open(expected.manifest, listing):
                    voice.finding(warning)
            confirm_served(expected.manifest, index, voice.note, Patience.of(project.settings))
        elif release:
            expected = listed(project, release, index, Path(files))
        else:
            raise AssertionError  # what is neither built nor released is told above
        prove_install(expected.manifest, expected.folder, index, project, voice.note)
    served = f"{called} {version}"
    actions.summary(f"{served} is served by {index.name}, was compared with {expected.told_by}, and works")
    voice.last_line(f"{index.name} serves {served}; it was compared with {expected.told_by}, and works.")


def doctor(root: Path, args: Sequence[str], sessions: Sessions) -> None:
    """Show what is set up right and wrong.

    Args:
        root: The project's folder.
        args: What followed ``nox -s doctor --``.
        sessions: What the noxfile holds.

    Raises:
        ShipError: The arguments are wrong (NS108).
        ShownError: Something would stop a release.
    """
    options, voice = doctor_arguments(args), Voice()
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    lines = []
    with (
        process.without(_settings(root).token_variables) as variables,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
    ):
        for line in examine(root, sessions, running, Path(folder), variables):
            lines.append(line)
            if not options.json:
                voice.examined(line.status, line.check, str(line.finding or line.text))
                if line.finding and line.finding.detail:
                    voice.text(line.finding.detail.rstrip())
    if options.json:
        print(naming.spoken(json.dumps([line.as_dict() for line in lines], indent=2)))
    if stopping := [line.finding for line in lines if line.finding and line.finding.level == "error"]:
        raise ShownError(*stopping)
