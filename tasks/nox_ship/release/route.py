"""Which index a version goes to."""

from __future__ import annotations

from packaging.version import Version

from nox_ship.config import Settings
from nox_ship.world.index import PUBLIC_INDEXES


def index_names(settings: Settings) -> set[str]:
    """Return the index names that a route may have."""
    return {*PUBLIC_INDEXES, *settings.indexes}


def route(settings: Settings, version: Version) -> str:
    """Return the name of the index that ``version`` goes to."""
    return settings.routes.index(version)
