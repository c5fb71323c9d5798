"""The folder for files that outlive a run."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "NOX_SHIP_CACHE"
"""Environment variable with another folder to use instead of the user's cache."""


def cache_path() -> Path:
    """Return the folder, which need not exist; a relative path is relative to the project's folder."""
    if named := os.environ.get(HOME_VARIABLE):
        return Path(os.path.expanduser(named))  # noqa: PTH111 - Path's raises where there is no home
    import platformdirs

    return platformdirs.user_cache_path("nox-ship")


def hide_from_git(folder: Path) -> None:
    """Make git ignore the content of a cache folder in a repository; the project itself is not changed."""
    taken = any(os.path.lexists(folder / name) for name in (".gitignore", ".git", "pyproject.toml"))
    if not taken and any(os.path.lexists(above / ".git") for above in folder.absolute().parents):
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
