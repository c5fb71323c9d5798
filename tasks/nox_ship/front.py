"""Front end of `release`: open a world, call the engine, show the result.

Like its neighbours it knows the arguments and the terminal, but not nox.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nox_ship import actions, asking, closing
from nox_ship.ahead import Ahead, settings_of
from nox_ship.cli import release_arguments
from nox_ship.errors import ShipError
from nox_ship.files import real_place
from nox_ship.gates.noxfile import Sessions
from nox_ship.release.coming import ALREADY_RELEASED
from nox_ship.release.handover import Cut, bundle
from nox_ship.release.pipeline import CUT, release_steps, run_pipeline
from nox_ship.release.planning import Request
from nox_ship.release.run import Run
from nox_ship.release.stage import workshop
from nox_ship.report import Report
from nox_ship.showing import stop_shown, tell
from nox_ship.terminal import Voice
from nox_ship.tools import versions
from nox_ship.worlds import opened


def release(root: Path, args: Sequence[str], sessions: Sessions, invoked_from: Path, ahead: Ahead) -> None:
    """Release the project in ``root``, or rehearse it, and show the table.

    Args:
        root: The project's folder.
        args: What followed ``nox -s release --``.
        sessions: The sessions in the noxfile.
        invoked_from: The folder to which a relative ``--report`` refers.
        ahead: What was started before this module was imported.

    Raises:
        ShipError: The arguments are wrong (NS108), a symlink redirects a file to be written out of the project (NS608),
            or another run is using the checkout (NS805).
        ShownError: The release stopped.
    """
    options = release_arguments(args)
    for path in filter(None, (options.report, options.bundle)):
        _target(root, invoked_from, path)
    apart = options.dry_run or options.bundle is not None
    agreed = apart or options.yes
    request = Request(
        options.wanted or None,
        tuple(options.without),
        options.fresh,
        agreed=agreed or asking.on_a_terminal(),
        any_branch=options.dry_run,
        early=options.early,
        in_ci=asking.in_ci(),
        cut=options.bundle is not None,
        merged=options.merged or "",
        wait=options.wait and not options.dry_run,
        checks=asking.required_checks(settings_of(root), options.without_check, root),
    )
    voice = Voice(verbose=options.verbose)
    report = Report(
        title="Rehearsal of the release" if apart else "Release",
        scope="cut" if options.bundle else "release",
        rehearsal=apart,
        command=_command(options),
    )
    with workshop(root) as shop, opened(options, root, shop, voice, ahead.variables) as world:
        run = Run(root, request, sessions, world, shop, voice, report, runner=ahead.runner)
        run.background.submit(lambda: report.environment.update(versions()))
        if not agreed:
            run.confirm = asking.before_push
        with stop_shown(voice, report, shop):
            try:
                run_pipeline(run, CUT if options.bundle else release_steps(settings_of(root), wait=request.wait))
                if options.bundle:
                    _hand_on(run, _target(root, invoked_from, options.bundle))
            except BaseException:
                with suppress(OSError, ShipError):  # the error that stopped the release matters more
                    tell(report, shop, options.report and _target(root, invoked_from, options.report))
                raise
            tell(report, shop, options.report and _target(root, invoked_from, options.report))
    if options.bundle:
        return
    voice.table(report)
    voice.note(f"report: {shop.page}")
    voice.note(f"clone:  {shop.stage}")
    if options.wait and options.dry_run:
        voice.note("a rehearsal pushes nothing, so no workflow runs that could be followed; the release will follow it")
    voice.last_line(closing.ended(report))


def _command(options: Namespace) -> str:
    """Return the command that makes the rehearsed release."""
    words = [options.wanted] if options.wanted else []
    words += [word for gate in options.without for word in ("--without", gate)]
    words += [word for check in options.without_check for word in ("--without-check", check)]
    words += ["--wait"] if options.wait else []
    return f"nox -s release -- {shlex.join(words)}"


def _target(root: Path, invoked_from: Path, path: Path) -> Path:
    """Return the path of an output file given as an argument.

    Raises:
        ShipError: Its name is in the project, but a symlink leads out of it (NS608).
    """
    named = Path(os.path.abspath(invoked_from.resolve() / path))  # noqa: PTH100 - it follows no symlink
    inside = any(named.is_relative_to(top) for top in (root.absolute(), root.resolve()))
    return real_place(invoked_from / path, root) if inside else invoked_from / path


def _hand_on(run: Run, target: Path) -> None:
    """Write the objects of a cut release into a bundle, and pass their hashes to other jobs.

    Raises:
        ShipError: HEAD already is that release, so there is nothing to pass on (NS222).
    """
    if not run.plan.bump:
        raise ShipError(ALREADY_RELEASED(f"HEAD is already the release {run.plan.version}, so nothing was cut."))
    cut = Cut(run.plan.branch, run.plan.tag, run.bumped.objects.commit, run.bumped.objects.tag, run.plan.head)
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        bundle(cut, run.stage.repository, Path(folder) / "cut.git", target)
    actions.output(tag_object=cut.tag_object)
    run.voice.last_line(f"{cut.tag} is cut, but not pushed: {target} holds commit and tag.")
