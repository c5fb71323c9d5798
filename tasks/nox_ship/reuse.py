"""What the environments of a release leave for the next release.

An environment in which one of our gates passed is reused: its packages are brought to what a new one would have
(`environments.py`). Only files that belong to no package stay as the session left them, such as the bytecode of what it
imported, and the caches of type checkers and linters, which compare each file with what they know of it.

An environment in which built files were tested is replaced by a new one, which only takes over bytecode
(`package/bytecode.py`).
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from nox_ship.files import remove, write_whole
from nox_ship.tools import own_version

_PASSED = "nox-ship-passed.json"


def caches(environment: Path) -> dict[str, str]:
    """Return the variables by which mypy and ruff keep their caches in an environment, instead of the clone."""
    return {f"{tool.upper()}_CACHE_DIR": str(environment / f"{tool}-cache") for tool in ("mypy", "ruff")}


def packages(environment: Path) -> Path:
    """Return the folder of an environment's installed packages."""
    return next(environment.glob("lib*/python*/site-packages"), environment / "Lib" / "site-packages")


def installed(environment: Path) -> list[str]:
    """Return the names of the distributions that are installed in an environment."""
    return [folder.name.partition("-")[0] for folder in packages(environment).glob("*.dist-info")]


def claim(environment: Path, interpreter: str) -> bool:
    """Return whether a session may run in an existing environment, and take it, so that it is not offered again.

    Args:
        environment: The folder of the environment.
        interpreter: The path of the Python from which a new one would be made.
    """
    passed = environment / _PASSED
    try:
        reusable = passed.read_text(encoding="utf-8") == _facts(interpreter)
        passed.unlink()
    except (OSError, ValueError):
        return False
    return reusable


def set_aside(environment: Path, interpreter: str) -> Path | None:
    """Make room for a new environment; return where the earlier one is now, None if none was offered."""
    before = environment.with_name(f"{environment.name}.before")
    if not claim(environment, interpreter):
        return None
    with suppress(OSError):
        remove(before)
        return environment.rename(before)
    return None


def offer(environment: Path, interpreter: str) -> None:
    """Let the next release take over what it can from an environment made with this ``interpreter``."""
    with suppress(OSError):  # without the record, the next release makes a new one
        write_whole(environment / _PASSED, _facts(interpreter))


def remove_others(folder: Path) -> None:
    """Remove all environments in ``folder`` except those that are offered."""
    if folder.is_symlink():
        remove(folder)
    for environment in folder.iterdir() if folder.is_dir() else ():
        if environment.is_symlink() or not (environment / _PASSED).is_file():
            remove(environment)


def _facts(interpreter: str) -> str:
    """Return what must be unchanged: the interpreter, and the nox-ship that decides what is installed.

    Raises:
        OSError: There is no such interpreter.
    """
    path = Path(interpreter).resolve(strict=True)
    facts = path.stat()
    return json.dumps([str(path), facts.st_size, facts.st_mtime_ns, own_version()])
