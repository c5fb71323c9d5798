"""The sessions: parse, call one engine function, show one family of errors. The only importer of nox."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import nox
import nox.registry

from nox_ship import actions, lifeline, naming, undumpable
from nox_ship.cli import asks_for_help
from nox_ship.errors import ShipError, ShownError
from nox_ship.files import explained, write_whole
from nox_ship.project import Project

if TYPE_CHECKING:
    from nox_ship.gates.noxfile import Sessions
    from nox_ship.gates.own import Decision
    from nox_ship.gates.recipes import Recipe
    from nox_ship.gates.toolbox import Step

# Engines are imported in the sessions that use them: `nox -l` pays for none.

_OWN_SUMMARY = {"build", "matrix", "verify-published", "publish", "publish-test", "publish-prod"}
"""Sessions that have more to say on the page that sums a run up than that they passed."""

_in_release = False
"""Whether this nox runs the sessions of a release, in its clean clone."""
_registered: dict[str, Any] = {}
"""What nox's registry has from us, by name."""
_decided: Decision | None = None
"""Which sessions are gates, as of the moment when ours were registered; None where the noxfile had no others."""


@dataclass(frozen=True)
class _Spec:
    """How a session is registered."""

    function: Callable[[nox.Session], None]
    per_python: bool = False
    environment: bool = True
    requires: tuple[str, ...] = ()
    gate: bool = False


def register(*, exclude: Iterable[str] = ()) -> None:
    """Register the sessions; see :func:`nox_ship.register`."""
    undumpable.close_memory()  # of the nox that holds the credentials, before anything of the project's runs below it
    left_out = set(exclude)
    if unknown := left_out - set(_SPECS):
        msg = f"exclude names {', '.join(sorted(unknown))}; nox-ship has {', '.join(_SPECS)}"
        raise ValueError(msg)
    global _in_release, _decided  # noqa: PLW0603 - nox calls a session with nothing but itself
    _in_release = lifeline.join_release()
    project = _project()
    theirs = nox.registry.get()
    _decided = decided = _beside(theirs, project, set(_SPECS) - left_out)
    naming.settle(decided.names if decided else {})
    # Arguments are handed to required sessions too, and pytest cannot read those of `coverage report`.
    alone = "--" in sys.argv and not _in_release
    helping = asks_for_help(sys.argv)  # a required session would show its own help, and end nox
    pythons = list(_pythons(project))
    shared = _in_release and project is not None and _fixed_port(project)
    for usual, standard in _SPECS.items():
        name = naming.registered(usual)
        if usual in left_out or name in theirs or (decided and decided.replaces(usual)):
            continue
        spec = _fitted(usual, standard, decided) if decided else standard
        lone = helping or (alone and usual == "coverage")
        requires = [r for r in spec.requires if r not in left_out and not lone]
        python: list[str] | bool | None = None if spec.environment else False
        declare = nox.session(
            name=name,
            python=pythons if spec.per_python else python,
            venv_backend="uv" if spec.environment else "none",
            download_python="never",
            requires=[naming.registered(r) for r in requires],
            allow_parallel=usual != "tests" or not shared,
            default=spec.gate,
            tags=["gate"] if spec.gate else [],
        )
        _registered[name] = declare(spec.function)


def _beside(theirs: Mapping[str, Any], project: Project | None, names: set[str]) -> Decision | None:
    """Decide what becomes of our sessions ``names`` beside those of the noxfile's own; None where it has none."""
    if all(one is _registered.get(name) for name, one in theirs.items()):
        return None
    from nox_ship.gates import loaded

    decided = loaded.decided(theirs, _registered, nox.options, project, names)
    loaded.mark(theirs, decided)
    if _in_release:
        loaded.put_in_order(theirs, decided)
        nox.Session.notify = _not_notified  # type: ignore[method-assign,assignment]
    return decided


def _fitted(usual: str, spec: _Spec, decided: Decision) -> _Spec:
    """Return how a session of ours is registered beside those of the noxfile's own."""
    from nox_ship.gates import loaded

    spec = dataclasses.replace(spec, function=loaded.described(spec.function))
    if usual != "coverage":
        return spec
    tests = () if decided.unmeasured else tuple(loaded.required(nox.registry.get(), decided.tests))
    return dataclasses.replace(spec, requires=tests, gate=not decided.unmeasured)


def _fixed_port(project: Project) -> bool:
    """Whether the tests listen on a fixed port, which those on another Python would want at the same time."""
    from nox_ship.gates.ports import fixed_port

    try:
        return fixed_port(project) is not None
    except ShipError:  # the session that needs it reports it
        return False


def _project() -> Project | None:
    """Return the project; what is wrong with it is reported by the session that runs."""
    try:
        return Project.read(Path.cwd())
    except ShipError:
        return None


def _decision(project: Project | None) -> Decision:
    """Return which sessions of the noxfile are gates."""
    from nox_ship.gates.own import decide

    return _decided or decide((), chosen=project.chosen_gates if project else None)


def _sessions() -> Sessions:
    """Return what the noxfile holds, now that all of it was loaded."""
    from nox_ship.gates import loaded

    registry, project = nox.registry.get(), _project()
    now = loaded.decided(registry, _registered, nox.options, project, set(_SPECS))
    return loaded.sessions(registry, _registered, _decision(project), now)


def _not_notified(session: nox.Session, target: object, *_: object, **__: object) -> None:
    """Do without `session.notify`: a release runs each session in a nox of its own, where nox refuses it."""
    session.log(f"{target} is not run after this session: a release runs its gates, each by itself")


def _pythons(project: Project | None) -> Sequence[str]:
    """Return the project's Pythons; a mistake in its settings is reported by the session that runs.

    Nox fails in CI where one is missing. In a release, those that the project does not name are left out instead, as
    preflight says.
    """
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        pythons = project.pythons(running) if project else (running,)
    except ShipError:
        return (running,)
    if project is None or project.named_pythons or not (_in_release and os.environ.get("CI")):
        return pythons
    from python_discovery import get_interpreter

    return [python for python in pythons if get_interpreter(python)] or pythons


def _front_door(function: Callable[[nox.Session, Project], None]) -> Callable[[nox.Session], None]:
    """Make a session of ``function``: the project is read for it, credentials are kept from it, errors are shown."""

    @functools.wraps(function)
    def session_function(session: nox.Session) -> None:
        from nox_ship import process

        with _errors_shown(session):
            project = Project.read(Path.cwd())
            session.env.update(process.withheld(os.environ, keep=project.settings.pass_env))
            begun = time.monotonic()
            function(session, project)
            if function.__name__.replace("_", "-") not in _OWN_SUMMARY:
                actions.summary(f"{session.name} passed ({time.monotonic() - begun:.0f} s)")

    return session_function


@contextmanager
def _errors_shown(session: nox.Session) -> Iterator[None]:
    """Show findings and end the session with one line; nothing else of ours may reach nox as an exception."""
    try:
        yield
    except ShipError as error:
        _fail(session, error)
    except OSError as error:
        _fail(session, explained(error))


def _fail(session: nox.Session, error: ShipError) -> NoReturn:
    """Show every finding, unless that was done, and end the session as failed, with one line."""
    from nox_ship.report import Voice, printable

    first, *more = error.findings
    if (more or first.detail) and not isinstance(error, ShownError):
        voice = Voice()
        for finding in error.findings:
            voice.finding(finding)
    line = f"{first}{f' (and {len(more)} more, above)' if more else ''}"
    session.error(printable(line, lines=False).removesuffix("."))  # nox adds one


def _run_recipe(session: nox.Session, project: Project, recipe: Recipe) -> None:
    """Run the steps of a recipe: one in the session's environment, others each in one of their own."""
    from nox_ship.report import printable

    if recipe.skip:
        session.skip(recipe.skip)
    for note in recipe.notes:
        session.log(printable(note, lines=False))
    inside = next((step for step in recipe.steps if step.project), recipe.steps[0])
    for step in sorted(recipe.steps, key=lambda step: step is not inside):
        if step.why:
            tools = ", ".join(dict.fromkeys(command[0] for command in step.commands))
            session.log(printable(f"{tools}: {step.why}", lines=False))
        if step is inside:
            _install(session, project, step)
        start = [] if step is inside else _apart(session, project, step)
        for command in step.commands:
            external = bool(start) or Path(command[0]).is_absolute()
            with session.chdir(project.root / step.folder):
                session.run(*start, *command, env=step.env, external=external)


def _apart(session: nox.Session, project: Project, step: Step) -> list[str]:
    """Return the start of a command that uv runs in an environment of its own, made of what the step needs."""
    from nox_ship import process

    python = str(Path(session.bin) / "python")
    start = [process.uv(), "run", "--quiet", "--isolated", "--no-project", "--python", python]
    needs = [word for requirement in step.requirements for word in ("--with", requirement)]
    for file in step.files:  # relative to the project's folder, wherever the command runs
        needs += ["--with-requirements", file if step.folder == "." else (project.root / file).as_posix()]
    if step.project:
        needs += ["--with-editable", _editable(project, step)]
    return [*start, *needs, *_constraints(project, step), "--"]


def _editable(project: Project, step: Step) -> str:
    extras = f"[{','.join(step.extras)}]" if step.extras else ""
    return f"{project.root.as_posix()}{extras}"


def _constraints(project: Project, step: Step) -> list[str]:
    """Write the constraints of a step into a file, and return the options that name it."""
    if not step.constraints:
        return []
    text = "\n".join((*step.constraints, ""))
    file = project.own_folder() / f"constraints-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
    write_whole(file, text)
    return ["--constraints", file.as_posix()]


def _install(session: nox.Session, project: Project, step: Step) -> None:
    wanted = [*step.requirements, *(word for file in step.files for word in ("-r", file)), *_constraints(project, step)]
    if not step.project:
        if wanted:
            session.install(*wanted)
    elif project.tidy_build and project.static:
        # From a file, uv takes an editable build that another session made of the same sources; from the command
        # line it builds anew each time.
        text = f"-e {_editable(project, step)}\n"
        listed = project.own_folder() / f"editable-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
        write_whole(listed, text)
        session.install("-r", str(listed), *wanted)
    else:
        import filelock

        with filelock.FileLock(project.own_folder() / "install.lock"):
            session.install("-e", _editable(project, step), *wanted)


@_front_door
def lint(session: nox.Session, project: Project) -> None:
    """Check the code's style and for likely mistakes: ruff, or the project's own commands."""
    from nox_ship.gates import recipes

    _run_recipe(session, project, recipes.lint(project, session.posargs))


@_front_door
def typecheck(session: nox.Session, project: Project) -> None:
    """Check the types: mypy, or the project's own commands."""
    from nox_ship.gates import recipes

    _run_recipe(session, project, recipes.typecheck(project, session.posargs))


@_front_door
def tests(session: nox.Session, project: Project) -> None:
    """Run the tests with pytest, on each Python, and measure what they cover."""
    from nox_ship.gates import recipes

    _run_recipe(session, project, recipes.tests(project, str(session.python), session.posargs))


@_front_door
def coverage(session: nox.Session, project: Project) -> None:
    """Combine what the tests covered on each Python and hold the threshold."""
    from nox_ship.gates import recipes

    if _decided and _decided.unmeasured:
        from nox_ship.gates.noxfile import not_measured

        raise ShipError(not_measured(_decided))
    recipe = recipes.coverage(project, session.posargs)
    tool = _measuring_tool(session)
    if tool and recipe.steps and not project.settings.coverage.run:
        (step,) = recipe.steps
        commands = tuple((tool, *command[1:]) for command in step.commands)
        recipe = dataclasses.replace(recipe, steps=(dataclasses.replace(step, requirements=(), commands=commands),))
    _run_recipe(session, project, recipe)


def _measuring_tool(session: nox.Session) -> str | None:
    """Return the coverage that measured, from an environment of `tests` beside ours: it knows its own data best."""
    for name in ("bin/coverage", "Scripts/coverage.exe"):
        for tool in sorted(session.env_dir.absolute().parent.glob(f"tests-*/{name}")):
            return str(tool)
    return None


@_front_door
def audit(session: nox.Session, project: Project) -> None:
    """Look for known vulnerabilities in the dependencies and for security findings in the code."""
    from nox_ship.gates import audit as auditing
    from nox_ship.gates.toolbox import Step, Toolbox
    from nox_ship.report import printable

    settings = project.settings.audit
    if settings.run:
        from nox_ship.gates import recipes

        _run_recipe(session, project, recipes.own_audit(project, session.posargs))
        return
    box = Toolbox(project)
    _install(session, project, Step((*map(box.requirement, auditing.TOOLS), *settings.install)))
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as scratch:
        audited = auditing.dependencies(project, Path(session.bin), Path(scratch), session.posargs)
    told, warning = auditing.code(project, Path(session.bin), enforced=box.has("bandit"))
    session.log(printable(told))
    if warning:
        session.warn(printable(str(warning), lines=False))
    if audited.vulnerable:
        raise ShipError(*audited.vulnerable)
    if audited.unknown:
        unknown = auditing.not_audited(audited)
        if os.environ.get("CI"):
            raise unknown
        session.skip(printable(str(unknown), lines=False))
    session.log(f"{audited.looked_up} dependencies looked up, no known vulnerability")


@_front_door
def build(session: nox.Session, project: Project) -> None:
    """Build sdist and wheel into dist/, check them, and write the manifest."""
    from packaging.version import Version

    from nox_ship.cli import build_arguments
    from nox_ship.package.build import build as build_files
    from nox_ship.package.manifest import TOLD, announced
    from nox_ship.release.development import development
    from nox_ship.release.publish import route
    from nox_ship.report import printable

    # In a release, gates run beside this: what lies in dist/ counts where the release told its manifest.
    fresh = build_arguments(session.posargs).fresh or (_in_release and announced() is None)
    renaming = None if _in_release else development(project)
    outcome = build_files(project, fresh=fresh, committed=_in_release, renaming=renaming)
    manifest = outcome.manifest
    for finding in outcome.warnings:
        session.warn(printable(str(finding), lines=False))
    if outcome.reused:
        session.log(f"dist/ holds {manifest.name} {manifest.version} of {manifest.commit[:10]} already")
    for file in manifest.files:
        session.log(f"{file.name}  {file.size} bytes  sha256:{file.sha256}")
    session.log(f"{TOLD}{outcome.digest}")
    target = route(project.settings, Version(manifest.version))
    actions.output(manifest=outcome.digest, version=manifest.version, tag=manifest.tag or "", route=target)
    rows = [(file.name, str(file.size), file.sha256) for file in manifest.files]
    actions.summary(f"{manifest.name} {manifest.version} of {manifest.commit[:10]}", rows, ("file", "bytes", "SHA-256"))
    if manifest.dirty:
        session.warn("the checkout has changes that no commit has; the manifest says so")


@_front_door
def matrix(session: nox.Session, project: Project) -> None:
    """Print the sessions of this project's CI as JSON, one job each, and hand them to GitHub Actions."""
    from nox_ship.cli import no_arguments
    from nox_ship.gates import loaded
    from nox_ship.gates.matrix import jobs

    no_arguments(session.posargs, "matrix", "Print the sessions of this project's CI as JSON, one job each.")
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pythons = loaded.pythons(nox.registry.get())
    decided = _decision(project)
    gates = jobs(decided.gates, pythons, running, apart=decided.apart, measured=decided.tests)
    values = {"gates": json.dumps(gates), "pythons": json.dumps(list(project.pythons(running)))}
    actions.output(**values)
    for name, value in values.items():
        session.log(f"{name}: {value}")


@_front_door
def verify_published(session: nox.Session, project: Project) -> None:
    """Install what an index serves of this version, once it serves it: `-- --from testpypi`."""
    from nox_ship import front

    _prepare(session)
    front.verify_published(project, session.posargs)


@_front_door
def verify_install(session: nox.Session, project: Project) -> None:
    """Install each built file into a fresh environment, on each Python, and try it there."""
    from nox_ship.cli import no_arguments
    from nox_ship.package.build import dist_folder, manifest_path
    from nox_ship.package.install import verify_files
    from nox_ship.package.manifest import TOLD, Manifest
    from nox_ship.report import printable

    no_arguments(session.posargs, "verify-install", "Install each built file into a fresh environment, and try it.")
    manifest, digest = Manifest.load(manifest_path(project))
    session.log(f"{TOLD}{digest}")
    python = (Path(session.bin) / "python").resolve()  # uv knows the base interpreter already
    done = verify_files(project, manifest, dist_folder(project), str(python), str(session.python), anew=_in_release)
    for finding in done.warnings:
        session.warn(printable(str(finding), lines=False))
    session.log(done.told)


def _publish(session: nox.Session, project: Project, index: str | None) -> None:
    from nox_ship import front

    _prepare(session)
    front.publish(project, session.posargs, session.name, index)


@_front_door
def publish_test(session: nox.Session, project: Project) -> None:
    """Bring TestPyPI to what the manifest says."""
    _publish(session, project, "testpypi")


@_front_door
def publish_prod(session: nox.Session, project: Project) -> None:
    """Bring PyPI to what the manifest says."""
    _publish(session, project, "pypi")


@_front_door
def publish(session: nox.Session, project: Project) -> None:
    """Bring the index that the version's route names to what the manifest says."""
    _publish(session, project, None)


def release(session: nox.Session) -> None:
    """Release the project, or rehearse it: `nox -s release -- patch --dry-run`."""
    with _errors_shown(session):
        from nox_ship import front

        _prepare(session)
        front.release(Path.cwd(), session.posargs, _sessions(), Path(session.invoked_from))


def doctor(session: nox.Session) -> None:
    """Look for what is set up wrong, before a release is tried: `nox -s doctor -- --json`."""
    with _errors_shown(session):
        from nox_ship import front

        _prepare(session)
        front.doctor(Path.cwd(), session.posargs, _sessions())


def _prepare(session: nox.Session) -> None:
    """End with nox where it runs this session as a process of its own; keep libraries' logs out of nox's."""
    if session.parallel:
        lifeline.end_with(os.getppid())
    for library in ("id", "keyring", "pypiserver", "urllib3"):
        logging.getLogger(library).setLevel(logging.ERROR)


_SPECS = {
    "lint": _Spec(lint, gate=True),
    "typecheck": _Spec(typecheck, gate=True),
    "tests": _Spec(tests, per_python=True, gate=True),
    "coverage": _Spec(coverage, requires=("tests",), gate=True),
    "audit": _Spec(audit, gate=True),
    "build": _Spec(build, environment=False),
    "verify-install": _Spec(verify_install, per_python=True, requires=("build",)),
    "verify-published": _Spec(verify_published, environment=False),
    "matrix": _Spec(matrix, environment=False),
    "publish-test": _Spec(publish_test, environment=False, requires=("verify-install",)),
    "publish-prod": _Spec(publish_prod, environment=False, requires=("verify-install",)),
    "publish": _Spec(publish, environment=False, requires=("verify-install",)),
    "release": _Spec(release, environment=False),
    "doctor": _Spec(doctor, environment=False),
}
