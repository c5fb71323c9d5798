"""A project for `nox-ship init`, and the names of the files that the command writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship import command
from support import add_remote, make_repository

PYPROJECT = '[project]\nname = "sample"  # ours\nversion = "1.2.3"\n\n[tool.other]\nkey = 1\n'
GITHUB = "git@github.com:acme/sample.git"
LOCK = ".github/nox-ship.txt"
WRITTEN = {"noxfile.py", ".github/workflows/ci.yml", ".github/workflows/release.yml", ".github/dependabot.yml", LOCK}
HASH = "5" * 64


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a committed project with a remote on GitHub, which is the current folder."""
    root = tmp_path / "project"
    add_remote(make_repository(root, {"pyproject.toml": PYPROJECT}), GITHUB)
    monkeypatch.chdir(root)
    monkeypatch.setattr(command, "_published", lambda _: (HASH,))
    return root


def files(root: Path) -> dict[str, str]:
    """Return every file of a project except git's."""
    listing = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_text("utf-8", errors="replace") for path in listing}
