"""Front end of verifying what an index serves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from nox_ship import actions, naming
from nox_ship.ahead import guarded
from nox_ship.cli import LATEST, verify_arguments
from nox_ship.errors import Findings, Kind, ShownError
from nox_ship.project import Project
from nox_ship.release.publication import silent
from nox_ship.release.published import Release, built, newest, recorded, released
from nox_ship.release.rebuilding import Rebuilt
from nox_ship.release.route import route
from nox_ship.release.verification import Verification, Verifier
from nox_ship.terminal import Voice
from nox_ship.world.real import RealWorld

FOR_OTHER_PYTHONS = Kind(
    "NS792",
    "for-other-pythons",
    "Test it manually on a Python that it supports, if anyone still uses it.",
    level="warning",
)


def verify_published(project: Project, args: Sequence[str]) -> None:
    """Compare what an index serves for a version, and install it on each Python that is here.

    Without a version, it waits until the files built here are served; or, if HEAD is a release without a manifest here,
    the index's own list counts. Any version can be named. It needs no credentials, so that it can run in a job that has
    none.

    Args:
        project: The project.
        args: What followed ``nox -s verify-published --``.

    Raises:
        ShipError: The arguments are wrong (NS108), there is neither a version, nor a manifest (NS601, NS602), nor a
            release tag on HEAD, or no index (NS753); or the served files are not those that were built (NS711-NS714),
            do not match the index's data (NS790), can never be served (NS770-NS774), are not what their tag builds
            (NS793, NS794), or do not work (NS611-NS616).
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
        verifier = Verifier(project, index, name, silent if options.json else voice.note, found)

        def verify() -> None:
            if expected and expected.binding:
                verifier.wait(expected)
                there = expected
            else:
                if expected:
                    verifier.wait_for_others(expected)
                wanted = release or Release(Version(version))
                known = recorded(wanted, options.manifest) if options.manifest else None
                here = known or expected or Findings().catch(lambda: built(project, wanted))
                there = verifier.download(wanted, files, here)
            if options.rebuild:
                verifier.rebuild(there, again)
            if found.findings.errors:  # files that may be somebody else's are not run
                return
            if there.manifest.pythons or expected:
                verifier.install(there, smoke=release == current)  # an old version may lack today's commands
            else:
                found.findings.append(FOR_OTHER_PYTHONS(f"{called} {version} supports none of the project's Pythons."))

        found.findings.catch(verify)
    if options.json:
        print(naming.spoken(json.dumps(found.as_dict(), indent=2)))
    _tell(found, voice, shown=options.json)


def _tell(found: Verification, voice: Voice, *, shown: bool) -> None:
    """Show the result, unless it was ``shown`` as JSON.

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
    actions.summary(f"{found.index} serves {served}, compared with {found.compared_with}; it {ended}")
    if not shown:
        voice.last_line(f"{found.index} serves {served}, compared with {found.compared_with}; it {ended}.")


_LEVELS = {"identical": "ok", "archive": "warning", "content": "error"}


def _show(rebuilt: Rebuilt, voice: Voice) -> None:
    """Show the result of building a release again."""
    voice.fact("built again", f"from {rebuilt.tag}, with {rebuilt.built_with}")
    for file in rebuilt.files:
        voice.examined(_LEVELS[file.verdict], "rebuilt", f"{file.name}: {file}")
    for name in rebuilt.not_built:
        voice.examined("warning", "rebuilt", f"{name}: not built here")
    for name in rebuilt.not_served:
        voice.examined("ok", "rebuilt", f"{name}: built, but not served")
