"""Running a project's build backend in a clean clone, and recording the versions that it ran with."""

from __future__ import annotations

import platform
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nox_ship.errors import Kind, ShipError
from nox_ship.files import write_whole
from nox_ship.git import Repository
from nox_ship.package.manifest import BuildFacts, built_files
from nox_ship.project import OWN_FOLDER, Project

BUILD_FAILED = Kind("NS501", "build-failed", "Read the build backend's output above.")

IGNORED_CHANGES = ("dist", ".nox", "__pycache__", OWN_FOLDER)
"""Folders of build output, and of bytecode such as nox writes for noxfiles: changes in them do not make a checkout
dirty."""


def build_at(
    project: Project,
    commit: str,
    folder: Path,
    seconds: float,
    *,
    epoch: int | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Build the files of another commit, without checks.

    Args:
        project: The project, in the repository that has the commit.
        commit: The commit.
        folder: An empty folder, for the sources and the returned files.
        seconds: How many seconds the build may take.
        epoch: The timestamp for the files; None for the commit's.
        env: Additional variables for the build.

    Raises:
        ShipError: The build backend fails (NS501), or takes too long (NS904).
    """
    repository = Repository.at(project.root, project.settings.pass_env)
    clone = _clone_at(repository, commit, folder / "source")
    place, out = clone.path / _place(project, repository), folder / "dist"
    if not place.is_dir():
        raise ShipError(BUILD_FAILED(f"The commit {commit[:10]} has no folder {_place(project, repository)}."))
    at = clone.commit_time if epoch is None else epoch
    run_build(project, place, out, at, folder / "build.log", seconds=seconds, env=env)
    return tuple(built_files(out))


@contextmanager
def sources(
    repository: Repository, commit: str, project: Project, *, dirty: bool, called: str = "source"
) -> Iterator[Path]:
    """Make a clone of ``commit`` to build in, for a ``with`` block; yield the project's folder in it.

    Args:
        repository: The repository that has the commit.
        commit: The commit.
        project: The project.
        dirty: Whether uncommitted changes are copied to it.
        called: The name of the clone's folder.
    """
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        clone = _clone_at(repository, commit, Path(folder) / called)
        if dirty:
            repository.carry_changes(clone, IGNORED_CHANGES)
        yield clone.path / _place(project, repository)


def _clone_at(repository: Repository, commit: str, target: Path) -> Repository:
    clone = repository.clone(target)
    clone.run("checkout", "--quiet", commit)
    return clone


def _place(project: Project, repository: Repository) -> Path:
    """Return the project's folder, relative to its repository."""
    return project.root.resolve().relative_to(repository.path.resolve())


def run_build(  # noqa: PLR0913 - all but what is built, and where, are by name
    project: Project,
    folder: Path,
    out: Path,
    epoch: int,
    log: Path,
    *,
    seconds: float | None = None,
    env: Mapping[str, str] | None = None,
    place: Path | None = None,
) -> BuildFacts:
    """Build sdist and wheel from the sources in a folder.

    Args:
        project: The project.
        folder: The sources.
        out: The folder for the built files.
        epoch: The timestamp for the files, in seconds since 1970.
        log: The file for the output of a failed build.
        seconds: How many seconds it may take; None for no limit.
        env: Additional variables for the build.
        place: Where to make the isolated environment, and leave it; by default in a temporary folder.

    Returns:
        What it was built with.

    Raises:
        ShipError: The build backend fails (NS501), or takes too long (NS904); or our Python cannot make an environment
            (NS617).
    """
    from nox_ship.package.frontend import BuildFailedError, Frontend  # `build` takes time to import

    # A build backend in the sources, or one that imports them, could leave caches there, which the sdist would contain.
    variables = {**(env or {}), "SOURCE_DATE_EPOCH": str(epoch), "PYTHONDONTWRITEBYTECODE": "1"}
    begun = int(time.time())
    try:
        requires = Frontend(variables, project.settings.pass_env, seconds, place).build(folder, out)
    except BuildFailedError as error:
        write_whole(log, "\n".join(f"$ {shlex.join(done.args)}\n{done.stdout}{done.stderr}" for done in error.done))
        what = f"The build backend failed; its whole output is in {log}."
        raise ShipError(BUILD_FAILED(what, detail=str(error))) from error
    return BuildFacts(platform.python_version(), epoch, begun, requires)
