"""Ship Python packages with nox: one release pipeline, the same on a laptop and in CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["register"]


def register(*, exclude: Iterable[str] = ()) -> None:
    """Register nox-ship's sessions; call it at the end of a noxfile, above ``if __name__ == "__main__":``.

    Sessions that the noxfile registered before this call are kept. They replace our gates with the same meaning; other
    sessions of ours are called ``ship-NAME`` if their names are taken.

    Args:
        exclude: Names of sessions to leave out, such as ``["audit"]``.

    Raises:
        ValueError: ``exclude`` contains a name that is not one of nox-ship's sessions.
    """
    from nox_ship import sessions

    sessions.register(exclude=exclude)
