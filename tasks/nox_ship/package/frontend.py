"""Building an sdist, and a wheel from it, in isolated environments: `python -m build`, with the library that it is."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from build import BuildBackendException, BuildException, ProjectBuilder
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from nox_ship import process, reuse
from nox_ship.errors import ShipError
from nox_ship.package.environment import Environment, fresh_environment


class BuildFailedError(Exception):
    """A project cannot be built; its text is the output of the program that failed, if one did, and why.

    Attributes:
        done: The programs that the build ran, in order.
    """

    def __init__(self, why: Exception, done: Sequence[process.Done]) -> None:
        output = [one.output for one in done[-1:] if one.code]
        super().__init__("\n".join([*output, str(why)]))
        self.done = tuple(done)


@dataclass(frozen=True)
class Frontend:
    """How the files of a project are built."""

    env: Mapping[str, str]
    """Additional variables for build backends and for uv, which installs them."""
    keep: tuple[str, ...] = ()
    """Names of variables that these receive although they look like credentials."""
    seconds: float | None = None
    """How many seconds a build may take; None for no limit."""
    place: Path | None = None
    """Where the first isolated environment is made; by default, and for others, in a temporary folder."""

    def build(self, source: Path, out: Path) -> tuple[str, ...]:
        """Build an sdist from the sources in a folder, and a wheel from the sdist.

        The environment of the sdist also serves for the wheel if both need the same.

        Args:
            source: The folder.
            out: The folder for the built files.

        Returns:
            The build requirements, without their own requirements, as ``name==version``.

        Raises:
            BuildFailedError: The project is not one that can be built (PEP 518), or its build backend fails (PEP 517).
            ShipError: It takes too long (NS904), or prints too much (NS746); or our Python cannot make an environment
                (NS617).
        """
        done: list[process.Done] = []
        until = None if self.seconds is None else time.monotonic() + self.seconds
        try:
            with (
                self._isolated(source, done, until, self.place) as first,
                tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
            ):
                inner = _unpacked(first.build("sdist", source, out), Path(folder))
                same = ProjectBuilder(inner).build_system_requires == first.requirements
                with nullcontext(first) if same else self._isolated(source, done, until) as second:
                    second.build("wheel", inner, out)
                    return tuple(sorted({*first.versions(), *second.versions()}))
        except BuildBackendException as error:
            if isinstance(error.exception, ShipError):
                raise error.exception from error
            raise BuildFailedError(error, done) from error
        except (BuildException, OSError) as error:
            raise BuildFailedError(error, done) from error

    @contextmanager
    def _isolated(
        self, source: Path, done: list[process.Done], until: float | None, place: Path | None = None
    ) -> Iterator[_Isolated]:
        with fresh_environment(sys.executable, self.keep, place) as environment:
            # uv follows the settings of the project, such as its index.
            yield _Isolated(replace(environment, cwd=source, env=self.env, until=until), done)


@dataclass
class _Isolated:
    """An environment in which a build backend runs."""

    environment: Environment
    done: list[process.Done]
    """The programs that ran there are added to it."""
    requirements: set[str] = field(default_factory=set)
    """What was installed there."""

    def build(self, kind: Literal["sdist", "wheel"], source: Path, out: Path) -> Path:
        """Build one file of the project in a folder, after installing its build requirements."""
        builder = ProjectBuilder(source, str(self.environment.programs / "python"), self._run_hook)
        self._install(builder.build_system_requires)
        self._install(builder.get_requires_for_build(kind))
        return Path(builder.build(kind, out))

    def versions(self) -> Iterator[str]:
        """Yield the versions of what was installed."""
        wanted = set(_names(self.requirements))
        for found in importlib.metadata.distributions(path=[str(reuse.packages(self.environment.path))]):
            if (name := canonicalize_name(found.name)) in wanted:
                yield f"{name}=={found.version}"

    def _install(self, requirements: set[str]) -> None:
        if missing := sorted(requirements - self.requirements):
            self.done.append(done := self.environment.pip("install", *missing))
            if done.code:
                raise BuildException("The build requirements cannot be installed.")
            self.requirements |= requirements

    def _run_hook(
        self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        """Run a hook of the backend, as pyproject_hooks asks for it."""
        env = {**self.environment.env, **(extra_environ or {})}
        where = replace(self.environment, cwd=Path(cwd) if cwd else None, env=env)
        self.done.append(done := where.run(list(cmd)))
        if done.code:
            raise subprocess.CalledProcessError(done.code, cmd)


def _names(requirements: Collection[str]) -> Iterator[str]:
    for requirement in requirements:
        try:
            yield canonicalize_name(Requirement(requirement).name)
        except InvalidRequirement:  # uv also takes a path
            continue


def _unpacked(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist, which has one folder at its top (PEP 625), and return that folder."""
    try:
        with tarfile.open(sdist) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.3 has none
            archive.extractall(folder)  # noqa: S202
    except Exception as error:
        raise BuildException(f"{sdist.name} cannot be unpacked: {error or type(error).__name__}") from error
    tops = sorted(path for path in folder.iterdir() if path.is_dir())
    if not tops:
        raise BuildException(f"{sdist.name} has no folder at its top.")
    return tops[0]
