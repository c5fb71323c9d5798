"""The Pythons and systems of wheels, in cibuildwheel's terms, such as ``cp312-manylinux_x86_64``."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

_PYTHON = re.compile(r"cp3(?P<minor>\d{1,3})(?P<free>t?)")
_GRAAL = re.compile(r"graalpy(?P<python>\d+)-graalpy(?P<own>\d+)_\w+")
_APPLE = {"arm64", "x86_64"}
_WITH_VERSION = ("manylinux", "musllinux", "macosx", "android", "ios", "pyodide", "pyemscripten")
"""Systems whose tags contain a version, which cibuildwheel's names omit; it calls the last one ``pyodide``."""
_OF_ANY = ("abi3", "abi3t", "none")
"""ABIs for more than one Python."""


@lru_cache(maxsize=1000)
def targets(file: str) -> frozenset[str]:
    """Return a wheel's targets, one for each Python and system in its name; none for a pure wheel.

    A wheel for the stable ABI, or for any Python, has one target of that name: ``cp311-abi3-win_amd64``,
    ``py3-none-manylinux_x86_64``.
    """
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return frozenset()
    return frozenset(f"{_python(tag)}-{system(tag.platform)}" for tag in tags if tag.platform != "any")


def _python(tag: Tag) -> str:
    if tag.abi in _OF_ANY:
        return f"{tag.interpreter}-{tag.abi}"
    if graal := _GRAAL.fullmatch(f"{tag.interpreter}-{tag.abi}"):
        return f"gp{graal['python']}_{graal['own']}"
    return f"{tag.interpreter}t" if tag.interpreter.startswith("cp") and tag.abi.endswith("t") else tag.interpreter


def system(tag: str) -> str:
    """Return the system and machine of a platform tag, without the required version of the system."""
    for kind in _WITH_VERSION:
        if match := re.fullmatch(rf"{kind}(?:\d{{1,4}}|(?:_\d+)+)_(\w+)", tag):
            return f"{'pyodide' if kind == 'pyemscripten' else kind}_{match[1]}"
    return tag


def covers(file: str, target: str) -> bool:
    """Whether a wheel serves a target; one for the stable ABI serves each later Python, a universal one both Macs."""
    python, _, wanted = target.partition("-")
    return any(_serves(own, python) and _runs(there, wanted) for own, there in map(_parted, targets(file)))


def _parted(target: str) -> tuple[str, str]:
    python, _, there = target.rpartition("-")
    return python, there


def _serves(own: str, python: str) -> bool:
    if own == python:
        return True
    interpreter, _, abi = own.partition("-")
    wanted = _PYTHON.fullmatch(python)
    if abi == "none":
        return interpreter in ("py3", "py2.py3", python) or (
            wanted is not None and interpreter == f"py3{wanted['minor']}"
        )
    first = _PYTHON.fullmatch(interpreter)
    stable = {"": "abi3", "t": "abi3t"}  # PEP 803: free-threaded Pythons have their own
    return bool(first and wanted and abi == stable[wanted["free"]] and int(first["minor"]) <= int(wanted["minor"]))


def _runs(there: str, wanted: str) -> bool:
    both = there == "macosx_universal2" and wanted.removeprefix("macosx_") in _APPLE
    return there == wanted or both


def missing(files: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the targets that no wheel serves; one with ``*`` in it is served by any wheel that matches."""
    names = list(files)
    return tuple(target for target in dict.fromkeys(wanted) if not any(_answers(name, target) for name in names))


def _answers(file: str, target: str) -> bool:
    if set(target) & set("*?["):
        return any(fnmatchcase(own, target) for own in targets(file))
    return covers(file, target)


def unwanted(files: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the wheels that serve none of the targets."""
    listed = list(wanted)
    return tuple(name for name in files if not any(_answers(name, target) for target in listed))


def here(pythons: Iterable[str]) -> Iterator[str]:
    """Yield the target of this machine for each Python, such as ``3.12``, ``3.13t`` or ``pypy3.11``."""
    machine = platform.machine().lower()
    there = {"linux": f"manylinux_{machine}", "darwin": f"macosx_{machine}"}.get(sys.platform)
    if there is None:
        there = "win32" if sys.maxsize < 2**32 else f"win_{machine}"
    for python in pythons:
        yield f"{interpreter(python)}-{there}"


def interpreter(python: str) -> str:
    """Return the name of a Python, such as ``3.13t`` or ``pypy3.11``, in a target: ``cp313t``, ``pp311``."""
    kind, number = ("pp", python[4:]) if python.startswith("pypy") else ("cp", python)
    return f"{kind}{number.replace('.', '')}"


def split(system: str) -> tuple[str, str]:
    """Return the runner that builds wheels, and the architecture that it builds for; empty if it is its own.

    ``ubuntu-latest/ppc64le`` contains both.
    """
    runner, _, architecture = system.partition("/")
    return runner, architecture
