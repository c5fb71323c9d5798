"""Programs that tests need and that Debian offers as packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock


def program(package: str, *names: str) -> str:
    """Return the path of a program; in CI, or as the superuser, its package is installed first if necessary.

    If the program cannot be installed, the test is skipped; in CI it fails.

    Args:
        package: The package that contains it.
        names: The possible names of the program.
    """
    if found := next(filter(None, map(shutil.which, names)), None):
        return found
    if shutil.which("apt-get") and os.geteuid() == 0:
        with FileLock(Path(tempfile.gettempdir()) / "nox-ship-tests-apt.lock"):  # apt does not wait for another apt
            for command in (["update"], ["install", "--yes", "--no-install-recommends", package]):
                subprocess.run(["apt-get", "--quiet", *command], stdout=subprocess.DEVNULL, check=False, timeout=300)
        if found := next(filter(None, map(shutil.which, names)), None):
            return found
    if os.environ.get("CI"):
        pytest.fail(f"{names[0]} is missing and cannot be installed.")
    pytest.skip(f"needs {names[0]}")
