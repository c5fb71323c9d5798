"""Real releases of a project that publishes to an index on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from failing_index import FailingIndex
from support import make_wheel
from workbench import QUICK, Bench, Outcome

WHEEL, SDIST = "sample-1.2.4-py3-none-any.whl", "sample-1.2.4.tar.gz"
"""The files of release 1.2.4 of the good project."""
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def with_index(index: FailingIndex, more: str = "") -> dict[str, str]:
    """Return the files of a project that publishes to ``index``, and whose only gates test the built files."""
    settings = f"{index.settings('pypi')}\n{index.settings('testpypi')}\n[tool.nox-ship.publish]\nwait = 20\n{more}"
    return {**QUICK, "pyproject.toml": f"{QUICK['pyproject.toml']}\n{settings}"}


def laptop(index: FailingIndex, **more: str) -> dict[str, str]:
    """Return the environment of a user with a token."""
    return {**index.environment(), **NO_KEYRING, "PYPI_API_TOKEN": index.new_token(), **more}


def release(bench: Bench, index: FailingIndex, *args: str, **more: str) -> Outcome:
    """Release a patch version."""
    return bench.nox("-s", "release", "--", "patch", "--yes", *args, env=laptop(index, **more))


def serve_last(index: FailingIndex, version: str = "1.2.3") -> Path:
    """Add a release to the index, with a module and a command that the next one lacks; return its wheel."""
    files = {"sample/__init__.py": "", "sample/gone.py": "", "sample/data.json": "{}"}
    commands = "[console_scripts]\nsample = sample:main\nother = sample:main\n"
    metadata = ("Requires-Python: >=3.8", "Requires-Dist: six")
    return make_wheel(
        index.packages, {**files, f"sample-{version}.dist-info/entry_points.txt": commands}, metadata, version=version
    )


def remote_refs(bench: Bench) -> str:
    """Return the refs of the remote."""
    done = subprocess.run(["git", "for-each-ref"], cwd=bench.remote, capture_output=True, text=True, check=True)
    return done.stdout


def assert_released(bench: Bench, index: FailingIndex) -> None:
    """Check that one complete release exists in the checkout, on the remote and on the index."""
    assert sorted(index.files()) == [WHEEL, SDIST]
    assert bench.git("log", "--format=%s") == "Release 1.2.4\nchange"
    assert bench.git("status", "--porcelain") == ""
    head = bench.git("rev-parse", "HEAD")
    assert bench.git("rev-parse", "v1.2.4^{commit}") == head
    assert bench.git("ls-remote", "origin", "refs/heads/main").split()[0] == head
    assert bench.git("ls-remote", "origin", "refs/tags/v1.2.4^{}").split()[0] == head
    assert bench.git("tag") == "v1.2.4"
