"""The versions of the tools used for a release."""

from __future__ import annotations

import importlib.metadata
import platform
from contextlib import suppress

from nox_ship import process
from nox_ship.errors import ShipError

_PACKAGES = ("nox-ship", "nox", "uv", "build", "twine", "bump-my-version")


def own_version() -> str:
    """Return the version of nox-ship; ``source`` if it is not installed."""
    try:
        return importlib.metadata.version("nox-ship")
    except importlib.metadata.PackageNotFoundError:
        return "source"


def versions() -> dict[str, str]:
    """Return the version of each installed tool, by name, and the operating system."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    with suppress(ShipError):
        found["git"] = process.run(["git", "--version"]).stdout.strip().removeprefix("git version ")
    system = platform.uname()
    return {**found, "system": f"{system.system} {system.release} {system.machine}"}
