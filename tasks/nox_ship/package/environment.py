"""A fresh environment of one Python: what is installed there, and how it behaves."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nox_ship import documents, json_data, process, reuse
from nox_ship.errors import Kind, ShipError
from nox_ship.files import remove
from nox_ship.package import bytecode, installed
from nox_ship.package import modules as module_reader

BAD_INTERPRETER = Kind("NS617", "bad-interpreter", "Repair or reinstall that Python.")

_MARK, _SEEN = "\nnox-ship:", "\nnox-ship-seen:"
_KINDS = ("version", "import", "stated version", "entry point")


@dataclass(frozen=True)
class Problem:
    """A problem that the script in the environment found.

    Attributes:
        kind: ``version``, ``import``, ``stated version`` or ``entry point``.
        why: What went wrong, without a full stop; or the version that a module states.
        group: The group of an entry point that does not load; empty for other kinds.
        name: The name of the entry point, or of the imported module.
        value: Its value, ``module:attribute [extra]``; empty for other kinds.
        missing: The module that was not found; empty if there is another reason.
    """

    kind: str
    why: str
    group: str = ""
    name: str = ""
    value: str = ""
    missing: str = ""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS or not all(isinstance(fact, str) for fact in astuple(self)):
            raise ValueError(self.kind)

    @property
    def entry(self) -> tuple[str, str]:
        """What identifies the entry point."""
        return self.group, self.name

    @property
    def place(self) -> str:
        """The entry point as in the project's metadata."""
        return f"{self.group} {self.name} = {self.value}" if self.group else ""


@dataclass(frozen=True)
class Observation:
    """Something seen when the modules of a distribution were read; see ``modules.py``."""

    kind: str
    what: str
    path: str
    line: int
    certain: bool
    by: str

    @property
    def place(self) -> str:
        """Where it was seen."""
        return f"{self.path} line {self.line}"


@dataclass(frozen=True)
class Tested:
    """What importing an installed distribution, and reading it before, has shown."""

    done: process.Done
    """How its Python ended."""
    problems: list[Problem] | None
    """None if the Python ended before it could report."""
    seen: list[Observation]
    """Empty if reading failed, or was not wanted."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing but what was installed into it."""

    path: Path
    keep: tuple[str, ...] = ()
    """Names of variables that programs here receive although they look like credentials."""
    before: Path | None = None
    """The environment that was in its place before."""
    cwd: Path | None = None
    """The folder in which programs start; by default, that of the environment, outside any project."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Additional variables for programs."""
    until: float | None = None
    """When programs are ended, in seconds of the monotonic clock; None for no limit."""

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.path / ("Scripts" if sys.platform == "win32" else "bin")

    @cached_property
    def python(self) -> str:
        """The version of its Python, such as ``3.12``; empty if unknown."""
        told = re.search(
            r"^version(?:_info)? *= *(\d+\.\d+)", documents.read_text(self.path / "pyvenv.cfg"), re.MULTILINE
        )
        return told[1] if told else ""

    def pip(self, verb: str, *args: str) -> process.Done:
        """Run one of uv's package commands here."""
        return self._start([process.uv(), "pip", verb, "--quiet", "--python", self.path, *args], {})

    def install(self, source: str) -> process.Done:
        """Install something, before anything is run here; take over the bytecode of what is the same as before."""
        done = self.pip("install", source)
        if self.before and not done.code:
            bytecode.inherit(reuse.packages(self.before), reuse.packages(self.path))
        return done

    def run(self, command: list[process.Argument]) -> process.Done:
        """Run a program as if the environment were activated.

        Raises:
            ShipError: The program does not exist (NS902).
        """
        path = os.pathsep.join([str(self.programs), process.inherited().get("PATH", "")])
        inside: Mapping[str, str] = {"VIRTUAL_ENV": str(self.path), "PATH": path, "PYTHONPATH": "", "PYTHONHOME": ""}
        return self._start(command, inside)

    def _start(self, command: list[process.Argument], env: Mapping[str, str]) -> process.Done:
        seconds = None if self.until is None else max(self.until - time.monotonic(), 0.001)
        env = {**env, **self.env}
        return process.run(command, cwd=self.cwd or self.path, env=env, keep=self.keep, check=False, seconds=seconds)

    def test(
        self,
        name: str,
        version: str,
        modules: Collection[str],
        entries: Collection[tuple[str, str]] | None = None,
        *,
        read: bool = False,
    ) -> Tested:
        """Import the installed distribution and load its entry points; see ``installed.py``.

        Args:
            name: The distribution's name.
            version: The version that it must have.
            modules: Its top-level modules.
            entries: Group and name of each entry point to load; None for all of them.
            read: Whether to read its modules before; see ``modules.py``.
        """
        question = {"name": name, "version": version, "modules": tuple(modules), "entries": entries and list(entries)}
        done = self._run(installed.__file__, question | {"reader": module_reader.__file__ if read else None})
        if read and _SEEN not in f"\n{done.stdout}":  # reading has ended the process, which importing need not
            return self.test(name, version, modules, entries)
        seen, problems = _answer(done, _SEEN), _answer(done, _MARK)
        try:
            found = None if problems is None else [Problem(*row) for row in problems]
        except (ValueError, TypeError):  # installed code printed something similar itself
            found = None
        try:
            return Tested(done, found, [json_data.read(Observation, row) for row in seen or ()])
        except (ValueError, TypeError):
            return Tested(done, found, [])

    def compiled(self, paths: Collection[str], python: str | None = None) -> set[str]:
        """Return which of some installed modules a Python can compile: the environment's, or another one.

        Args:
            paths: The modules, relative to the folder of installed packages.
            python: The other interpreter's path.
        """
        absolute = [str(reuse.packages(self.path) / path) for path in paths]
        answer = _answer(self._run(module_reader.__file__, {"compile": absolute}, python), _MARK)
        known = set(answer) if isinstance(answer, list) and all(isinstance(path, str) for path in answer) else set()
        return {path for path, whole in zip(paths, absolute, strict=True) if whole in known}

    def _run(self, script: str, question: object, python: str | None = None) -> process.Done:
        """Run one of our scripts with the environment's Python, or another one."""
        return self.run([python or self.programs / "python", "-I", script, json.dumps(question)])


def _answer(done: process.Done, mark: str) -> Any:
    """Return an answer of one of our scripts; None if there is none.

    What was seen comes before any code of the distribution runs, so the first one counts; otherwise the last one does.
    """
    text = "\n" + done.stdout
    _, found, answer = text.partition(mark) if mark == _SEEN else text.rpartition(mark)
    try:
        return json_data.parse(answer.partition("\n")[0]) if found else None
    except ValueError:
        return None


@contextmanager
def fresh_environment(python: str, keep: tuple[str, ...] = (), place: Path | None = None) -> Iterator[Environment]:
    """Make a virtual environment for a ``with`` block.

    Args:
        python: The interpreter, as a path or a version.
        keep: Names of variables that programs there receive although they look like credentials.
        place: Where to make it, and leave it; by default, and in a project, whose settings uv would follow there, it is
            in a temporary folder. If that was the place of an earlier one with the same Python, the new one takes over
            its bytecode, and uv need not ask that Python anything again.

    Raises:
        ShipError: The interpreter cannot make one (NS617).
    """
    place = None if place and _is_in_project(place) else place
    with ExitStack() as stack:
        path = place or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nox-ship-"))) / "env"
        before = reuse.set_aside(path, python) if place else None
        if before:
            stack.callback(remove, before)
        options = ("--quiet", "--no-project", "--no-config", "--clear", "--python", python)
        command: list[process.Argument] = [process.uv(), "venv", *options, path]
        done = process.run(command, env={"UV_PYTHON_DOWNLOADS": "never"}, keep=keep, check=False)
        if done.code:
            raise ShipError(BAD_INTERPRETER(f"{python} cannot create a virtual environment.", detail=done.output))
        yield Environment(path, keep, before)
        if place:
            reuse.offer(path, python)


def _is_in_project(folder: Path) -> bool:
    """Whether a folder is in a project, whose settings uv follows if it is started there."""
    return any((above / name).exists() for above in folder.resolve().parents for name in ("pyproject.toml", "uv.toml"))
