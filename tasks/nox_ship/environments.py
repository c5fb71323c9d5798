"""Running a recipe in a nox session: installing what its steps need, and running their commands."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nox
from nox.command import CommandFailed
from packaging.utils import canonicalize_name

from nox_ship import reuse
from nox_ship.errors import Finding, ShipError
from nox_ship.files import remove, write_whole
from nox_ship.project import Project

if TYPE_CHECKING:
    from nox_ship.gates.recipes import Recipe
    from nox_ship.gates.toolbox import RecipeStep


def run_recipe(
    session: nox.Session, project: Project, recipe: Recipe, variables: Mapping[str, str] | None = None
) -> None:
    """Run the steps of a recipe: one in the session's environment, others in environments of their own.

    Args:
        session: The session.
        project: The project.
        recipe: The recipe.
        variables: Environment variables for all its commands; those of a step take precedence.
    """
    from nox_ship.printable import printable

    if recipe.skip:
        session.skip(recipe.skip)
    for note in recipe.notes:
        session.log(printable(note, lines=False))
    inside = next((step for step in recipe.steps if step.project), recipe.steps[0])
    for step in sorted(recipe.steps, key=lambda step: step is not inside):
        if step.why:
            tools = ", ".join(dict.fromkeys(command[0] for command in step.commands))
            session.log(printable(f"{tools}: {step.why}", lines=False))
        with _place(session, project, step) as (place, source):
            if step is inside:
                install(session, project, step, source=source)
            lowered = _lower(session, project, step, source) if step.lowest else None
            start = [] if step is inside else _apart(session, project, step)
            if source:
                for package in project.packages:
                    remove(place / package)
            for command in step.commands:
                external = bool(start) or Path(command[0]).is_absolute()
                with session.chdir(place / step.folder), _told(lowered):
                    session.run(*start, *command, env={**(variables or {}), **step.env}, external=external)


@contextmanager
def _place(session: nox.Session, project: Project, step: RecipeStep) -> Iterator[tuple[Path, Path | None]]:
    """Yield the folder in which a step runs, and the source of the project's installation unless that is editable.

    To test the installed project, the folder is a copy of the checkout without its packages, which pytest and
    `python -m` could otherwise import. The wheel is the one in `dist/` if it was built from this commit; otherwise it
    is built from the copy.
    """
    if not step.installed:
        yield project.root, None
        return
    from nox_ship.git import Repository
    from nox_ship.package.building import IGNORED_CHANGES, sources
    from nox_ship.package.installable import built_wheel
    from nox_ship.printable import printable

    repository = Repository.at(project.root, project.settings.pass_env)
    commit, dirty = repository.head, bool(repository.changes(IGNORED_CHANGES))
    with sources(repository, commit, project, dirty=dirty, called=project.root.name) as folder:
        wheel = None if dirty else built_wheel(project, commit, str(Path(session.bin) / "python"))
        session.log(
            printable(f"installed: {f'dist/{wheel.name}' if wheel else 'a wheel built from the sources'}", lines=False)
        )
        yield folder, wheel or folder


@contextmanager
def _told(finding: Finding | None) -> Iterator[None]:
    """Raise ``finding`` if a command fails; without one, whatever nox raises."""
    try:
        yield
    except CommandFailed as error:
        if finding is None:
            raise
        raise ShipError(finding) from error


def _apart(session: nox.Session, project: Project, step: RecipeStep) -> list[str]:
    """Return the start of a command that uv runs in a temporary environment with the step's requirements."""
    from nox_ship import process

    python = str(Path(session.bin) / "python")
    start = [process.uv(), "run", "--quiet", "--isolated", "--no-project", "--python", python]
    needs = [word for requirement in step.requirements for word in ("--with", requirement)]
    for file in step.files:  # relative to the project's folder, wherever the command runs
        needs += ["--with-requirements", file if step.folder == "." else (project.root / file).as_posix()]
    if step.project:
        needs += ["--with-editable", _editable(project, step)]
    return [*start, *needs, *_constraints(project, step), "--"]


def _editable(project: Project, step: RecipeStep) -> str:
    return f"{project.root.as_posix()}{_extras(step)}"


def _extras(step: RecipeStep) -> str:
    return f"[{','.join(step.extras)}]" if step.extras else ""


def _constraints(project: Project, step: RecipeStep) -> list[str]:
    """Write the constraints of a step into a file, and return the options for it."""
    if not step.constraints:
        return []
    text = "\n".join((*step.constraints, ""))
    file = project.own_folder() / f"constraints-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
    write_whole(file, text)
    return ["--constraints", file.as_posix()]


def install(
    session: nox.Session, project: Project, step: RecipeStep, *options: str, source: Path | None = None
) -> None:
    """Install what a step needs into the session's environment.

    Args:
        session: The session.
        project: The project.
        step: The step.
        options: Options for uv.
        source: The wheel or the folder to install the project from; None for an editable installation.
    """
    options = options or _renewing(session, project.canonical_name)
    if source and step.files:
        # A file may name the project too, editable, and uv does not install it from two sources at once.
        install(session, project, step, *options)
        name = project.canonical_name
        session.install("--no-deps", "--reinstall-package", name, f"{name} @ {source.as_uri()}")
        return
    wanted = [*step.requirements, *(word for file in step.files for word in ("-r", file)), *_constraints(project, step)]
    if not step.project:
        if wanted:
            session.install(*options, *wanted)
    elif source:
        name = project.canonical_name
        session.install(*options, "--reinstall-package", name, f"{name}{_extras(step)} @ {source.as_uri()}", *wanted)
    elif project.tidy_build and project.static:
        # From a file, uv reuses another session's editable build of the same sources; from the command line it always
        # builds again.
        text = f"-e {_editable(project, step)}\n"
        listed = project.own_folder() / f"editable-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
        write_whole(listed, text)
        session.install(*options, "-r", str(listed), *wanted)
    else:
        import filelock

        with filelock.FileLock(project.own_folder() / "install.lock"):
            session.install(*options, "-e", _editable(project, step), *wanted)


def _renewing(session: nox.Session, project: str = "") -> tuple[str, ...]:
    """Return the options that bring a reused environment to what a new one would have: the newest, and nothing else.

    The project needs no option, since uv sees that the clone's files have changed; with `--upgrade`, it would build the
    project again for each environment.
    """
    if not session.virtualenv._reused:  # noqa: SLF001 - nox tells nobody else
        return ()
    there = {canonicalize_name(name) for name in reuse.installed(Path(session.bin).parent)} - {project}
    return ("--exact", *(word for name in sorted(there) for word in ("--upgrade-package", name)))


def tool(session: nox.Session, requirement: str) -> Path:
    """Install one of nox-ship's own tools into the session's environment, and return the Python that has it.

    Raises:
        ShipError: It cannot be installed (NS438).
    """
    from nox_ship.gates.toolbox import TOOL_NOT_INSTALLED

    try:
        session.install(*_renewing(session), requirement)
    except CommandFailed:
        raise ShipError(TOOL_NOT_INSTALLED(f"{requirement} could not be installed.")) from None
    return Path(session.bin) / "python"


def _lower(session: nox.Session, project: Project, step: RecipeStep, source: Path | None = None) -> Finding:
    """Lower the project's dependencies in the session's environment as far as its metadata allows.

    Returns:
        The finding to raise if the step's commands fail there.

    Raises:
        ShipError: The lowest versions cannot be installed (NS435).
    """
    from nox_ship.gates import lowest
    from nox_ship.printable import printable

    folder = Path(session.bin).parent
    lowering = lowest.lowering(project, step, lowest.installed(folder))
    if lowering.skip:
        session.skip(lowering.skip)
    try:
        install(session, project, dataclasses.replace(step, constraints=lowering.pins), *lowest.OPTIONS, source=source)
    except CommandFailed:
        raise ShipError(lowering.not_installed()) from None
    after = lowest.installed(folder)
    for line in lowering.told(after):
        session.log(printable(line, lines=False))
    return lowering.failed(after)
