"""A fresh environment of one Python: what is installed there, and what it says when it is tried."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from nox_ship import json_data, process
from nox_ship.errors import Kind, ShipError
from nox_ship.package import installed

BAD_INTERPRETER = Kind("NS617", "bad-interpreter", "Repair or reinstall that Python.")

_MARK = "nox-ship:"
_KINDS = ("version", "import", "entry point")


@dataclass(frozen=True)
class Problem:
    """What the script in the environment met.

    Attributes:
        kind: ``version``, ``import`` or ``entry point``.
        why: What went wrong, without a full stop.
        group: The group of an entry point that does not load. This and what follows is empty for other kinds.
        name: Its name.
        value: Its value, ``module:attribute [extra]``.
        missing: The module that was not found; empty where the reason is another one.
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
        """What tells the entry point from others."""
        return self.group, self.name

    @property
    def place(self) -> str:
        """The entry point as a project's metadata have it."""
        return f"{self.group} {self.name} = {self.value}" if self.group else ""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds what was installed into it and nothing else."""

    path: Path

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.path / ("Scripts" if sys.platform == "win32" else "bin")

    def pip(self, verb: str, *args: str) -> process.Done:
        """Run one of uv's commands for packages here."""
        command: list[process.Argument] = [process.uv(), "pip", verb, "--quiet", "--python", self.path, *args]
        return process.run(command, cwd=self.path, check=False)

    def run(self, command: list[process.Argument]) -> process.Done:
        """Run a program as if the environment was activated, away from any project.

        Raises:
            ShipError: There is no such program (NS902).
        """
        path = os.pathsep.join([str(self.programs), os.environ.get("PATH", "")])
        inside: Mapping[str, str] = {"VIRTUAL_ENV": str(self.path), "PATH": path, "PYTHONPATH": "", "PYTHONHOME": ""}
        return process.run(command, cwd=self.path, env=inside, check=False)

    def problems(
        self, name: str, version: str, modules: Collection[str], entries: Collection[tuple[str, str]] | None = None
    ) -> tuple[list[Problem] | None, process.Done]:
        """Import what is installed and load its entry points; see ``installed.py``.

        Returns:
            What does not work, None where the Python ended before it could tell; and how it ended.
        """
        question = {"name": name, "version": version, "modules": tuple(modules), "entries": entries and list(entries)}
        done = self.run([self.programs / "python", "-I", installed.__file__, json.dumps(question)])
        _, mark, answer = done.stdout.rpartition(_MARK)
        try:
            return ([Problem(*row) for row in json_data.parse(answer)] if mark else None), done
        except (ValueError, TypeError):  # what was installed printed something of the kind itself
            return None, done


@contextmanager
def fresh_environment(python: str) -> Iterator[Environment]:
    """Make a virtual environment for the time of a ``with`` block.

    Args:
        python: The interpreter, as a path or a version.

    Raises:
        ShipError: The interpreter cannot make one (NS617).
    """
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        path = Path(folder) / "env"
        options = ("--quiet", "--no-project", "--no-config", "--python", python)
        command: list[process.Argument] = [process.uv(), "venv", *options, path]
        done = process.run(command, env={"UV_PYTHON_DOWNLOADS": "never"}, check=False)
        if done.code:
            raise ShipError(BAD_INTERPRETER(f"{python} makes no environment.", detail=done.output))
        yield Environment(path)
