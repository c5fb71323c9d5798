"""Running a project's build backend in a clean clone, and noting what it ran with."""

from __future__ import annotations

import platform
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nox_ship import process
from nox_ship.addresses import uncoloured
from nox_ship.errors import Kind, ShipError
from nox_ship.files import write_whole
from nox_ship.git import Repository
from nox_ship.package.manifest import BuildFacts, built_files
from nox_ship.project import OWN_FOLDER, Project

BUILD_FAILED = Kind("NS501", "build-failed", "Read the build backend's output above.")

IGNORED_CHANGES = ("dist", ".nox", "__pycache__", OWN_FOLDER)
"""Folders of build output, and of bytecode such as nox writes of each noxfile: changes in them do not make a checkout
dirty."""

# What `build` prints of the requirements that it was told of; not of what those require in turn.
_INSTALLED = re.compile(r"^\W*Installed build dependency versions:\n((?:\s+- \S+==\S+\n?)+)", re.MULTILINE)


def build_at(
    project: Project,
    commit: str,
    folder: Path,
    seconds: float,
    *,
    epoch: int | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Build what another commit holds, and check nothing.

    Args:
        project: The project, in the repository that has the commit.
        commit: The commit.
        folder: An empty folder, for the sources and for the files that are returned.
        seconds: How long the build may take.
        epoch: The time that the files are to bear; that of the commit if None.
        env: Further variables for the build.

    Raises:
        ShipError: The build backend fails (NS501), or takes too long (NS904).
    """
    repository = Repository.at(project.root, project.settings.pass_env)
    clone = _clone_at(repository, commit, folder / "source")
    place, out = clone.path / _place(project, repository), folder / "dist"
    if not place.is_dir():
        raise ShipError(BUILD_FAILED(f"The commit {commit[:10]} has no folder {_place(project, repository)}."))
    at = clone.commit_time if epoch is None else epoch
    run_build(project, place, out, at, folder / "build.log", seconds, env=env)
    return tuple(built_files(out))


@contextmanager
def sources(
    repository: Repository, commit: str, project: Project, *, dirty: bool, called: str = "source"
) -> Iterator[Path]:
    """Make a clone of ``commit`` to build in, for the time of a ``with`` block; yield the project's folder in it.

    Args:
        repository: The repository that has the commit.
        commit: The commit.
        project: The project.
        dirty: Whether changes that no commit has are carried over.
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
    """Return where the project is in its repository."""
    return project.root.resolve().relative_to(repository.path.resolve())


def run_build(
    project: Project,
    folder: Path,
    out: Path,
    epoch: int,
    log: Path,
    seconds: float | None = None,
    *,
    env: Mapping[str, str] | None = None,
) -> BuildFacts:
    """Build sdist and wheel of the sources in a folder.

    Args:
        project: The project.
        folder: The sources.
        out: Where the files go.
        epoch: The time that they are to bear, in seconds since 1970.
        log: Where the output of a build goes that fails.
        seconds: How long it may take; None for as long as it likes.
        env: Further variables for the build.

    Returns:
        What it was built with.

    Raises:
        ShipError: The build backend fails (NS501), or takes too long (NS904).
    """
    command = [*process.module("build"), "--installer", "uv", "--outdir", out, folder]
    # A build backend that is in the sources, or imports from them, would leave caches there for the sdist to take in.
    variables = {**(env or {}), "SOURCE_DATE_EPOCH": str(epoch), "PYTHONDONTWRITEBYTECODE": "1"}
    begun = int(time.time())
    keep = project.settings.pass_env
    done = process.run(command, cwd=folder, env=variables, keep=keep, check=False, seconds=seconds)
    if done.code:
        write_whole(log, f"{done.stdout}\n{done.stderr}")
        raise ShipError(BUILD_FAILED(f"The build backend failed; its whole output is in {log}.", detail=done.output))
    return BuildFacts(platform.python_version(), epoch, begun, _requirements(f"{done.stdout}\n{done.stderr}"))


def _requirements(output: str) -> tuple[str, ...]:
    """Return the versions of the build requirements that `build` tells; older ones of it tell nothing."""
    told = _INSTALLED.findall(uncoloured(output))
    return tuple(sorted({line.strip(" -") for block in told for line in block.splitlines()}))
