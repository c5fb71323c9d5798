"""Where nox-ship keeps what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "NOX_SHIP_CACHE"
"""Environment variable that names another folder than the user's cache."""


def cache_path() -> Path:
    """Return the folder, which need not exist; a relative one counts from the project's folder."""
    if named := os.environ.get(HOME_VARIABLE):
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path("nox-ship")
