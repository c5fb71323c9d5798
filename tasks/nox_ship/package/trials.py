"""Where each file of a release is installed: on which runner, with which Python."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nox_ship.package.platforms import covers, interpreter, split, targets
from nox_ship.project import minor, newest_python

_ARM = {"arm", "arm64", "aarch64"}
_FIRST_ARM = (3, 11)
"""The first Python for Windows on ARM."""
_LAST_INTEL = 13
"""The last version of macOS whose default runner has an Intel processor."""


@dataclass(frozen=True)
class Trial:
    """A job that installs and tests files."""

    system: str
    """The runner, such as ``ubuntu-latest``."""
    python: str
    """The Python, such as ``3.12``."""
    files: Literal["all", "wheels"]
    """Whether the job also tests the sdist; one job is enough, as it is the same everywhere."""


def native(runner: str) -> str | None:
    """Return the system and machine of a GitHub runner by its name, such as ``macosx_arm64``; None if unknown.

    https://docs.github.com/en/actions/reference/runners/github-hosted-runners lists them.
    """
    words = re.split(r"[-_.]", runner.lower())
    arm = bool(_ARM & set(words))
    if "windows" in words:
        return "win_arm64" if arm else "win_amd64"
    if "macos" in words:
        old = any(word.isdecimal() and int(word) <= _LAST_INTEL for word in words[1:2])
        return "macosx_x86_64" if (old and "xlarge" not in words) or {"intel", "large"} & set(words) else "macosx_arm64"
    if {"ubuntu", "linux"} & set(words):
        return f"manylinux_{'aarch64' if arm else 'x86_64'}"
    return None


def is_emulated(system: str) -> bool:
    """Whether wheels for another architecture must be built on this system: on Linux they are not cross-compiled."""
    runner, architecture = split(system)
    kind, _, machine = (native(runner) or "").partition("_")
    same = {"auto", "auto64", "auto32", "native", machine, *(("i686",) if machine == "x86_64" else ())}
    return kind == "manylinux" and architecture not in same


def _is_there(python: str, system: str | None) -> bool:
    """Whether a runner can have a Python; https://github.com/actions/setup-python/issues/715 names the exception."""
    return system != "win_arm64" or minor(python) >= _FIRST_ARM


def trials(
    files: Iterable[str], pythons: Sequence[str], installers: Sequence[str], builders: Mapping[str, Collection[str]]
) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
    """Return the jobs that install the files of a release, and the wheels that none of them can install.

    Each of ``installers`` gets a job for each Python that a wheel fits there. Other runners get a job if they built a
    wheel that would not be tested otherwise. The sdist goes to the first of ``installers``, on the newest Python.

    Args:
        files: The names of the files.
        pythons: The Pythons of the project, such as ``3.12``.
        installers: The runners on which to install files.
        builders: The names of the wheels that each other runner built.
    """
    wheels = [name for name in files if name.endswith(".whl")]
    first, tried = Trial(installers[0], newest_python(pythons), "all"), set[tuple[str, str]]()
    found = [first]
    for runner in dict.fromkeys([*installers, *builders]):
        own = native(runner)
        there = [own] if own else sorted(set(_systems(builders.get(runner, ()))))
        for python in (one for one in pythons if _is_there(one, own)):
            fitting = {(name, python) for name in wheels if _fits(name, python, there)}
            if fitting - (set() if runner in installers else tried):
                tried |= fitting
                found.append(Trial(runner, python, "wheels"))
    once = [one for one in found if one is first or (one.system, one.python) != (first.system, first.python)]
    return tuple(once), tuple(name for name in wheels if name not in {name for name, _ in tried})


def _systems(wheels: Iterable[str]) -> Iterator[str]:
    return (target.rpartition("-")[2] for name in wheels for target in targets(name))


def _fits(wheel: str, python: str, systems: Iterable[str]) -> bool:
    return any(covers(wheel, f"{interpreter(python)}-{system}") for system in systems)
