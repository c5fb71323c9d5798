"""The sessions: each parses its arguments, calls one engine function, and shows its errors."""

from __future__ import annotations

import functools
import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import nox
import nox.registry

from nox_ship import actions, environments, lifeline, registration
from nox_ship.config import Strictness
from nox_ship.errors import Finding, ShipError, ShownError
from nox_ship.files import explained
from nox_ship.project import Project
from nox_ship.registration import Spec

if TYPE_CHECKING:
    from nox_ship.gates.judged import Judged

# Engines are imported in the sessions that use them, so that `nox -l` stays fast.

_OWN_SUMMARY = {"build", "matrix"}
"""Sessions that write their own job summary."""
_HANDING_ON = {"lint", "typecheck", "tests", "coverage", "audit", "lowest"}
"""Sessions that pass their arguments to a tool."""


def register(*, exclude: Iterable[str] = ()) -> None:
    """Register the sessions; see :func:`nox_ship.register`."""
    registration.register(_SPECS, exclude=exclude)


def _front_door(function: Callable[[nox.Session, Project], None]) -> Callable[[nox.Session], None]:
    """Make a session of ``function``: read the project, keep credentials from the session, and show errors."""
    usual = function.__name__.replace("_", "-")

    @functools.wraps(function)
    def session_function(session: nox.Session) -> None:
        from nox_ship import process
        from nox_ship.cli import tool_arguments

        with _errors_shown(session):
            _keep_logs_out()
            if usual in _HANDING_ON:
                tool_arguments(session.posargs, usual)
            project = Project.read(Path.cwd())
            begun = time.monotonic()
            with process.without(project.settings.token_variables):
                session.env.update(process.withheld(os.environ, keep=project.settings.pass_env))
                function(session, project)
            if usual not in _OWN_SUMMARY:
                actions.summary(f"{session.name} passed ({time.monotonic() - begun:.0f} s)")

    return session_function


@contextmanager
def _errors_shown(session: nox.Session) -> Iterator[None]:
    """Show findings and end the session with one line; no other exception of ours reaches nox."""
    try:
        yield
    except ShipError as error:
        _fail(session, error)
    except OSError as error:
        _fail(session, explained(error))
    finally:
        gc.freeze()  # nox usually ends now; Python then searches everything that was imported for garbage, in vain


def _fail(session: nox.Session, error: ShipError) -> NoReturn:
    """Show every finding unless it was shown already, and fail the session with one line."""
    from nox_ship.printable import printable
    from nox_ship.terminal import Voice, fitted

    first, *more = error.findings
    if (more or first.detail) and not isinstance(error, ShownError):
        voice = Voice()
        for finding in error.findings:
            voice.finding(finding)
    line = printable(f"{first}{f' (and {len(more)} more, above)' if more else ''}", lines=False).removesuffix(".")
    session.error(fitted(line, len(f"nox > Session {session.name} aborted: ")))  # nox adds a full stop


@_front_door
def lint(session: nox.Session, project: Project) -> None:
    """Check style and likely mistakes with ruff, or with the project's own linters."""
    from nox_ship.gates import recipes

    environments.run_recipe(session, project, recipes.lint(project, session.posargs), _caches(session))


@_front_door
def typecheck(session: nox.Session, project: Project) -> None:
    """Check the types with mypy, or with the project's own type checker."""
    from nox_ship.gates import recipes

    environments.run_recipe(session, project, recipes.typecheck(project, session.posargs), _caches(session))


def _caches(session: nox.Session) -> dict[str, str]:
    """Return the variables that keep a gate's cache for the next release; none in a checkout, which has its own."""
    from nox_ship import reuse

    return reuse.caches(Path(session.bin).absolute().parent) if registration.in_release() else {}


@_front_door
def tests(session: nox.Session, project: Project) -> None:
    """Run the tests with pytest on each Python, and measure their coverage."""
    from nox_ship.gates import recipes

    environments.run_recipe(session, project, recipes.tests(project, str(session.python), session.posargs))


@_front_door
def coverage(session: nox.Session, project: Project) -> None:
    """Combine the coverage of all Pythons and check the threshold."""
    from nox_ship.gates import recipes

    recipe = recipes.coverage(project, session.posargs, session.env_dir.absolute().parent, registration.unmeasured())
    environments.run_recipe(session, project, recipe)


@_front_door
def lowest(session: nox.Session, project: Project) -> None:
    """Run the tests on the oldest Python, with the lowest versions of the dependencies that the metadata allows."""
    from nox_ship.gates import lowest as lowering

    with _levelled(session, project.settings.lowest):
        environments.run_recipe(session, project, lowering.recipe(project, session.posargs))


@_front_door
def api(session: nox.Session, project: Project) -> None:
    """Compare the public API with that of the last release, using griffe."""
    from nox_ship.cli import no_arguments
    from nox_ship.gates import api as comparing
    from nox_ship.printable import printable

    no_arguments(session.posargs, "api")
    with _levelled(session, project.settings.api):
        try:
            comparison = comparing.ApiComparison.of(project)
            python = environments.tool(session, comparing.TOOL)
            judged = comparison.judged(comparison.made([python], project.root))
        except comparing.NothingToCompareError as reason:
            session.skip(printable(str(reason), lines=False))
        _show(session, judged)


def _show(session: nox.Session, judged: Judged) -> None:
    """Show the result of a gate, and end the session accordingly."""
    from nox_ship.printable import printable

    for line in judged.told:
        session.log(printable(line, lines=False))
    for finding in judged.warnings:
        _warn(session, finding)
    if judged.errors:
        raise ShipError(*judged.errors)
    if judged.skip:
        session.skip(printable(judged.skip, lines=False))


@contextmanager
def _levelled(session: nox.Session, level: Strictness) -> Iterator[None]:
    """Turn errors into warnings and let the session pass, if that is the gate's level."""
    try:
        yield
    except ShipError as error:
        if level != "warning":
            raise
        for finding in error.findings:
            _warn(session, finding)


def _warn(session: nox.Session, finding: Finding) -> None:
    from nox_ship.printable import printable

    session.warn(printable(str(finding), lines=False))


@_front_door
def audit(session: nox.Session, project: Project) -> None:
    """Look for known vulnerabilities in the dependencies and for security findings in the code."""
    from nox_ship.gates import audit as auditing
    from nox_ship.gates import recipes

    if project.settings.audit.run:
        environments.run_recipe(session, project, recipes.own_audit(project, session.posargs))
        return
    environments.install(session, project, auditing.needs(project))
    in_ci = bool(os.environ.get("CI"))
    _show(session, auditing.audit(project, Path(session.bin), session.posargs, in_ci=in_ci))


@_front_door
def build(session: nox.Session, project: Project) -> None:
    """Build sdist and wheel into dist/, check them, and write the manifest."""
    from packaging.version import Version

    from nox_ship.cli import build_arguments
    from nox_ship.git import Repository
    from nox_ship.package.build import build as build_files
    from nox_ship.package.manifest import TOLD, announced
    from nox_ship.package.twice import compare_again
    from nox_ship.release.development import development
    from nox_ship.release.notes import release_notes
    from nox_ship.release.route import route
    from nox_ship.release.source import from_tags

    # In a release, gates run in parallel: the files in dist/ count only once the release has announced their manifest.
    options = build_arguments(session.posargs)
    fresh = options.fresh or (registration.in_release() and announced() is None)
    renaming = None if registration.in_release() else development(project)

    def notes(version: str) -> str:
        return release_notes(project, Repository.at(project.root, project.settings.pass_env), version)

    committed = registration.in_release()
    outcome = build_files(
        project,
        fresh=fresh,
        committed=committed,
        from_tag=from_tags(project),
        renaming=renaming,
        notes=notes,
        place=session.cache_dir.parent / "build.isolated" if committed else None,  # no session's environment has a dot
    )
    manifest = outcome.manifest
    for finding in outcome.warnings:
        _warn(session, finding)
    if outcome.reused:
        session.log(f"dist/ already holds {manifest.name} {manifest.version} of {manifest.commit[:10]}")
    for file in manifest.files:
        session.log(f"{file.name}  {file.size} bytes  sha256:{file.sha256}")
    session.log(f"{TOLD}{outcome.digest}")
    target = route(project.settings, Version(manifest.version))
    actions.output(manifest=outcome.digest, version=manifest.version, tag=manifest.tag or "", route=target)
    rows = [(file.name, str(file.size), file.sha256) for file in manifest.files]
    actions.summary(f"{manifest.name} {manifest.version} of {manifest.commit[:10]}", rows, ("file", "bytes", "SHA-256"))
    if manifest.dirty:
        session.warn("the checkout has uncommitted changes; the manifest records that")
    if options.twice:
        again = compare_again(project, outcome, renaming=renaming)
        again.raise_errors()
        for finding in again:
            _warn(session, finding)
        session.log(f"a second build made {'files with the same content' if again else 'the same files'}")


@_front_door
def wheels(session: nox.Session, project: Project) -> None:
    """Build the wheels for this system from the sdist in dist/, repair and check them: `-- --system NAME`."""
    from nox_ship.cli import wheels_arguments
    from nox_ship.package import wheelhouse
    from nox_ship.package.build import dist_folder, manifest_path
    from nox_ship.package.manifest import Manifest

    options = wheels_arguments(session.posargs)
    manifest = Manifest.read(manifest_path(project))
    session.install(*wheelhouse.requirements(project))
    part = wheelhouse.build_wheels(project, manifest, dist_folder(project), Path(session.bin), options.system)
    for file in part.files:
        session.log(f"{file.name}  {file.size} bytes  sha256:{file.sha256}")
    rows = [(file.name, str(file.size), file.sha256) for file in part.files]
    actions.summary(f"{manifest.name} {manifest.version} for {part.system}", rows, ("file", "bytes", "SHA-256"))


@_front_door
def collect(session: nox.Session, project: Project) -> None:
    """Join the wheels that several jobs built with the sdist in dist/, all of them or none: `-- FOLDER...`."""
    from nox_ship import gathering
    from nox_ship.cli import collect_arguments
    from nox_ship.package.manifest import TOLD
    from nox_ship.printable import printable

    _prepare(session)
    collected = gathering.collect(project, collect_arguments(session.posargs).folders)
    actions.summary("Wheels", collected.rows, ("for", "wheel", "made by"))
    for target, wheel, system in collected.rows:
        session.log(printable(f"{target}: {wheel}{f' ({system})' if system else ''}", lines=False))
    for finding in collected.findings:
        if finding.level != "error":
            _warn(session, finding)
    collected.findings.raise_errors()
    if collected.outcome:
        session.log(f"{TOLD}{collected.outcome.digest}")
        jobs = json.dumps([asdict(trial) for trial in collected.trials])
        session.log(f"installs: {jobs}")
        actions.output(manifest=collected.outcome.digest, installs=jobs)


@_front_door
def matrix(session: nox.Session, project: Project) -> None:
    """Print the project's CI sessions as JSON, one job each, and pass them to GitHub Actions."""
    from nox_ship.cli import no_arguments
    from nox_ship.gates import loaded
    from nox_ship.gates.matrix import jobs
    from nox_ship.project import newest_python

    no_arguments(session.posargs, "matrix")
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pythons = loaded.pythons(nox.registry.get())
    decided = registration.decision(project)
    gates = jobs(decided.gates, pythons, running, apart=decided.apart, measured=decided.tests)
    tested = project.pythons(running)
    values = {"gates": json.dumps(gates), "pythons": json.dumps(tested), "newest": newest_python(tested)}
    actions.output(**values)
    for name, value in values.items():
        session.log(f"{name}: {value}")


def verify_published(session: nox.Session) -> None:
    """Compare and install what an index serves of this or any version: `-- 1.2.3 --from testpypi`."""
    with _errors_shown(session):
        from nox_ship import verifying

        _prepare(session)
        verifying.verify_published(Project.read(Path.cwd()), session.posargs)


@_front_door
def verify_install(session: nox.Session, project: Project) -> None:
    """Install each built file into a fresh environment on each Python, and test it there."""
    from nox_ship.cli import verify_install_arguments
    from nox_ship.package.build import dist_folder, manifest_path
    from nox_ship.package.install import verify_files
    from nox_ship.package.manifest import TOLD, Manifest
    from nox_ship.package.materials import NAME, VARIABLE
    from nox_ship.printable import printable

    sdist = verify_install_arguments(session.posargs).files == "all"
    manifest, digest = Manifest.load(manifest_path(project))
    session.log(f"{TOLD}{digest}")
    python = (Path(session.bin) / "python").resolve()  # uv already knows the base interpreter
    label, anew = str(session.python), registration.in_release()
    describe = os.environ.get(VARIABLE) == label
    dist = dist_folder(project)
    place = Path(session.virtualenv.location) if anew else None
    done = verify_files(
        project, manifest, dist, str(python), label, anew=anew, describe=describe, sdist=sdist, place=place
    )
    for finding in done.warnings:
        session.warn(printable(str(finding), lines=False))
    session.log(done.told)
    if done.described:
        session.log(f"{NAME} describes the wheel's environment")
        actions.output(sbom=NAME)


def _publish(session: nox.Session, index: str | None) -> None:
    with _errors_shown(session):
        from nox_ship import publishing

        _prepare(session)
        publishing.publish(Project.read(Path.cwd()), session.posargs, session.name, index)


def publish_test(session: nox.Session) -> None:
    """Upload the built files to TestPyPI."""
    _publish(session, "testpypi")


def publish_prod(session: nox.Session) -> None:
    """Upload the built files to PyPI."""
    _publish(session, "pypi")


def publish(session: nox.Session) -> None:
    """Upload the built files to the index configured for this kind of version."""
    _publish(session, None)


def announce(session: nox.Session) -> None:
    """Create or complete the GitHub Release: notes and files."""
    with _errors_shown(session):
        from nox_ship import publishing

        _prepare(session)
        publishing.announce(Project.read(Path.cwd()), session.posargs)


def release(session: nox.Session) -> None:
    """Make or rehearse a release: `nox -s release -- patch --dry-run`."""
    with _errors_shown(session):
        from nox_ship import ahead

        _prepare(session)
        root, invoked_from = Path.cwd(), Path(session.invoked_from)
        with ahead.started(root) as begun:
            from nox_ship import front

            front.release(root, session.posargs, registration.loaded_sessions(), invoked_from, begun)


def doctor(session: nox.Session) -> None:
    """Check the set-up before you try a release: `nox -s doctor -- --json`."""
    with _errors_shown(session):
        from nox_ship import looking

        _prepare(session)
        looking.doctor(Path.cwd(), session.posargs, registration.loaded_sessions())


def status(session: nox.Session) -> None:
    """Show the state of the releases and the next command to type: `nox -s status -- --json`."""
    with _errors_shown(session):
        from nox_ship import looking

        _prepare(session)
        looking.status(Path.cwd(), session.posargs, registration.loaded_sessions())


def _prepare(session: nox.Session) -> None:
    """End with nox if it runs this session as a separate process; keep libraries' logs out of nox's."""
    if session.parallel:
        lifeline.end_with(os.getppid())
    _keep_logs_out()


def _keep_logs_out() -> None:
    """Keep libraries' logs out of nox's."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_told)


def _is_told(record: logging.LogRecord) -> bool:
    """Whether a log record is nox's own or an error; nox would also show the debug logs of every library."""
    return record.name.partition(".")[0] == "nox" or record.levelno >= logging.ERROR


_SPECS = {
    "lint": Spec(lint, gate=True),
    "typecheck": Spec(typecheck, gate=True),
    "tests": Spec(tests, per_python=True, gate=True),
    "coverage": Spec(coverage, requires=("tests",), gate=True),
    "audit": Spec(audit, gate=True),
    "lowest": Spec(lowest, further=True, oldest=True),
    "api": Spec(api, further=True),
    "build": Spec(build, environment=False),
    "wheels": Spec(wheels),
    "collect": Spec(collect, environment=False),
    "verify-install": Spec(verify_install, per_python=True, requires=("build",)),
    "verify-published": Spec(verify_published, environment=False),
    "matrix": Spec(matrix, environment=False),
    "publish-test": Spec(publish_test, environment=False, requires=("verify-install",)),
    "publish-prod": Spec(publish_prod, environment=False, requires=("verify-install",)),
    "publish": Spec(publish, environment=False, requires=("verify-install",)),
    "announce": Spec(announce, environment=False),
    "release": Spec(release, environment=False),
    "doctor": Spec(doctor, environment=False),
    "status": Spec(status, environment=False),
}
