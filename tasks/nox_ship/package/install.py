"""Proving that a release installs: each file, alone, in a fresh environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging import tags
from packaging.utils import parse_wheel_filename

from nox_ship import json_data, process
from nox_ship.config import Command
from nox_ship.errors import Finding, Findings, Kind, ShipError
from nox_ship.files import write_whole
from nox_ship.package import installed
from nox_ship.package.contents import Archive
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project

INSTALL_FAILED = Kind("NS611", "install-failed", "The installer's own output says why.")
INCONSISTENT = Kind("NS612", "inconsistent-dependencies", "Correct the version ranges of the dependencies.")
IMPORT_FAILED = Kind(
    "NS613", "import-failed", "Ship the module that is missing, or name the dependency that it imports."
)
ENTRY_POINT_FAILED = Kind("NS614", "entry-point-failed", "Correct the entry point, or ship the module that it names.")
WRONG_VERSION = Kind("NS615", "wrong-version", "Run `nox -s build` again.")
SMOKE_FAILED = Kind("NS616", "smoke-failed", "The command's own output says why.")
BAD_INTERPRETER = Kind("NS617", "bad-interpreter", "Repair or reinstall that Python.")

_KINDS = {"import": IMPORT_FAILED, "entry point": ENTRY_POINT_FAILED, "version": WRONG_VERSION}
_MARK = "nox-ship:"


@dataclass(frozen=True)
class Expected:
    """What must be true of an installed file."""

    name: str
    version: str
    modules: tuple[str, ...]
    smoke: tuple[Command, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest, files: Iterable[Path], smoke: tuple[Command, ...]) -> Expected:
        """Return what ``manifest`` and the wheels among ``files`` promise."""
        wheels = [Archive.read(path) for path in files if path.suffix == ".whl"]
        modules = sorted({name for wheel in wheels for name in wheel.top_level})
        return cls(manifest.name, manifest.version, tuple(modules), smoke)


def verify_files(
    project: Project, manifest: Manifest, folder: Path, python: str, label: str, *, anew: bool = False
) -> str:
    """Verify each file of ``manifest`` on one Python, unless these very files have passed there.

    Args:
        project: The project; its smoke commands are run, and its own folder remembers what has passed.
        manifest: What was built.
        folder: Where the files are.
        python: The interpreter's path.
        label: The Python's name, such as ``3.12``.
        anew: Try them in any case: code that runs beside this may have written that they passed.

    Returns:
        What was done, for the log.

    Raises:
        ShipError: A file is not the manifest's (NS603), or does not work once installed (NS611-NS617).
    """
    paths = manifest.check(folder)
    record = project.own_folder() / f"verified-{label}.json"
    expected = Expected.of(manifest, paths, project.settings.verify_install.smoke)
    fact = json.dumps({"files": {file.name: file.sha256 for file in manifest.files}, "smoke": expected.smoke})
    if not anew and record.is_file() and record.read_text(encoding="utf-8") == fact:
        return f"these files passed on Python {label} already"
    findings = Findings()
    fitting = [(file, path) for file, path in zip(manifest.files, paths, strict=True) if fits(file.name, label)]
    with ThreadPoolExecutor() as pool:
        tried = [
            pool.submit(verify, local_source(path, file.sha256), file.name, expected, python) for file, path in fitting
        ]
    for attempt in tried:
        findings.catch(attempt.result)
    findings.raise_errors()
    write_whole(record, fact)
    others = [file.name for file in manifest.files if not fits(file.name, label)]
    left_out = f"; {', '.join(others)} is for another platform" if others else ""
    return f"{len(fitting)} files install and work on Python {label}{left_out}"


def fits(filename: str, python: str) -> bool:
    """Whether a file can be installed on a Python version of this platform; an sdist always can.

    Args:
        filename: The name of a wheel or sdist.
        python: The version, such as ``3.12``, ``3.14t`` or ``pypy3.11``; another kind of Python takes every wheel.
    """
    version = re.fullmatch(r"(pypy)?(\d+)\.(\d+)(t?)", python)
    if not filename.endswith(".whl") or version is None:
        return True
    numbers, short = (int(version[2]), int(version[3])), f"{version[2]}{version[3]}"
    if version[1]:  # PyPy's own number has been 7.3 since 2020
        own = tags.generic_tags(f"pp{short}", [f"pypy{short}_pp73"])
    else:
        own = tags.cpython_tags(numbers, [f"cp{short}t"] if version[4] else None)
    taken = {*own, *tags.compatible_tags(numbers, None if version[1] else f"cp{short}")}
    return not taken.isdisjoint(parse_wheel_filename(filename)[3])


def verify(source: str, label: str, expected: Expected, python: str) -> None:
    """Install ``source`` in a fresh environment and try it there.

    Args:
        source: What to install: a URL with its hash, ``https://.../x.whl#sha256=...`` or ``file:///...``.
        label: What to call it in findings: the file's name.
        expected: What must be true once it is installed.
        python: The interpreter, as a path or a version.

    Raises:
        ShipError: With every finding (NS611-NS617).
    """
    with fresh_environment(python) as environment:
        findings = Findings()
        requirement = f"{expected.name} @ {source}"
        done = _uv_pip("install", environment, requirement)
        if done.code:
            raise ShipError(INSTALL_FAILED(f"{label} cannot be installed.", detail=done.output))
        done = _uv_pip("check", environment)
        if done.code:
            findings.append(INCONSISTENT(f"The dependencies of {label} do not fit together.", detail=done.output))
        findings.extend(_try_out(environment, label, expected))
        findings.extend(_smoke(environment, label, expected.smoke))
        findings.raise_errors()


@contextmanager
def fresh_environment(python: str) -> Iterator[Path]:
    """Make a virtual environment for the time of a ``with`` block.

    Raises:
        ShipError: The interpreter cannot make one (NS617).
    """
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        environment = Path(folder) / "env"
        command: list[process.Argument] = [
            process.uv(),
            "venv",
            "--quiet",
            "--no-project",
            "--no-config",
            "--python",
            python,
            environment,
        ]
        done = process.run(command, env={"UV_PYTHON_DOWNLOADS": "never"}, check=False)
        if done.code:
            raise ShipError(BAD_INTERPRETER(f"{python} makes no environment.", detail=done.output))
        yield environment


def _programs(environment: Path) -> Path:
    return environment / ("Scripts" if sys.platform == "win32" else "bin")


def _inside(environment: Path) -> Mapping[str, str]:
    path = os.pathsep.join([str(_programs(environment)), os.environ.get("PATH", "")])
    return {"VIRTUAL_ENV": str(environment), "PATH": path, "PYTHONPATH": "", "PYTHONHOME": ""}


def _uv_pip(verb: str, environment: Path, *args: str) -> process.Done:
    command: list[process.Argument] = [process.uv(), "pip", verb, "--quiet", "--python", environment, *args]
    return process.run(command, cwd=environment, check=False)


def _try_out(environment: Path, label: str, expected: Expected) -> Iterator[Finding]:
    question = json.dumps({"name": expected.name, "version": expected.version, "modules": expected.modules})
    command: list[process.Argument] = [_programs(environment) / "python", "-I", installed.__file__, question]
    done = process.run(command, cwd=environment, env=_inside(environment), check=False)
    _, mark, answer = done.stdout.rpartition(_MARK)
    try:
        told = [(_KINDS[kind], why) for kind, why in json_data.parse(answer)] if mark else None
    except (ValueError, TypeError, KeyError):  # what was installed printed something of the kind itself
        told = None
    if told is None:
        yield IMPORT_FAILED(f"The Python that imports {label} ended with exit code {done.code}.", detail=done.output)
        return
    yield from (kind(f"{label}: {why}.") for kind, why in told)


def _smoke(environment: Path, label: str, commands: Iterable[Command]) -> Iterator[Finding]:
    for command in commands:
        try:
            done = process.run(_resolved(environment, command), cwd=environment, env=_inside(environment), check=False)
        except ShipError as error:
            yield SMOKE_FAILED(f"{label}: {error.findings[0].what}", remedy="Correct the command.")
            continue
        if done.code:
            yield SMOKE_FAILED(f"{label}: `{' '.join(command)}` ended with exit code {done.code}.", detail=done.output)


def _resolved(environment: Path, command: Command) -> list[process.Argument]:
    found = shutil.which(command[0], path=str(_programs(environment)))
    return [found or command[0], *command[1:]]


def local_source(path: Path, sha256: str) -> str:
    """Return a local file as something to install, bound to its hash."""
    return f"{path.resolve().as_uri()}#sha256={sha256}"
