"""An index that serves other packages than those from which the lock was made."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from nox_ship.package.manifest import File
from nox_ship.setup.lock import entries, rendered
from support import make_wheel

pytestmark = pytest.mark.integration


def pip(folder: Path, lock: str, wheels: Path) -> subprocess.CompletedProcess[str]:
    """Install from a lock as the jobs of a workflow do, with a folder of wheels instead of an index."""
    (folder / "lock.txt").write_text(lock, "utf-8")
    options = ["--require-hashes", "--only-binary", ":all:", "--no-index", "--find-links", str(wheels), "--no-deps"]
    command = [sys.executable, "-m", "pip", "install", "--target", str(folder / "to"), *options]
    return subprocess.run([*command, "-r", str(folder / "lock.txt")], capture_output=True, text=True, check=False)


def test_a_package_with_other_bytes_is_not_installed(tmp_path: Path) -> None:
    """pip refuses a wheel with the right name and version whose SHA-256 is not in the lock."""
    own = version("nox-ship")
    wheel = make_wheel(tmp_path / "wheels", {"nox_ship.py": ""}, name="nox_ship", version=own)
    honest = next(entries(rendered(own, lambda _: (File.of(wheel).sha256,)))).text
    other = next(entries(rendered(own, lambda _: ("0" * 64,)))).text
    refused = pip(tmp_path, f"{other}\n", tmp_path / "wheels")
    assert refused.returncode != 0
    assert "HASHES" in refused.stderr
    assert not (tmp_path / "to").exists()
    taken = pip(tmp_path, f"{honest}\n", tmp_path / "wheels")
    assert taken.returncode == 0, taken.stderr
