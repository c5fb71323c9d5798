"""Where nox-ship keeps what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "NOX_SHIP_CACHE"
"""Environment variable that names another folder than the user's cache."""


def cache_path() -> Path:
    """Return the folder, which need not exist; a relative one counts from the project's folder."""
    if named := os.environ.get(HOME_VARIABLE):
        return Path(os.path.expanduser(named))  # noqa: PTH111 - Path's raises where there is no home
    import platformdirs

    return platformdirs.user_cache_path("nox-ship")


def hide_from_git(folder: Path) -> None:
    """Let git ignore what is in a folder of the cache that lies in a repository; a project itself stays as it is."""
    taken = any(os.path.lexists(folder / name) for name in (".gitignore", ".git", "pyproject.toml"))
    if not taken and any(os.path.lexists(above / ".git") for above in folder.absolute().parents):
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
