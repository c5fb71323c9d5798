"""The world in which a command works: the real one, or stand-ins."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nox_ship import asking
from nox_ship.ahead import settings_of
from nox_ship.release.stage import Workshop
from nox_ship.terminal import Voice
from nox_ship.world.index import Index
from nox_ship.world.real import RealWorld
from nox_ship.world.standins import StandIns


@contextmanager
def opened(
    options: Namespace, root: Path, shop: Workshop, voice: Voice, variables: Mapping[str, str]
) -> Iterator[RealWorld | StandIns]:
    """Open the requested world; ``variables`` are those of the environment, including tokens."""
    settings, folder = settings_of(root), shop.world()
    if options.dry_run or getattr(options, "bundle", None):

        def real() -> RealWorld:
            return RealWorld(root, folder, settings, quietly=True, variables=variables)

        def look(name: str, project: str) -> Index:
            free = None if getattr(options, "fresh", False) else shop.free_name
            return replace(real().index(name, project), free=free)

        with StandIns(
            root,
            folder,
            remote=settings.remote,
            port=settings.rehearsal.port,
            indexes=settings.indexes,
            look=look,
            keep=settings.pass_env,
            forge=lambda: real().forge,
            checks=settings.publish.require_checks,
        ) as standins:
            yield standins
    else:
        ask = voice.ask if asking.on_a_terminal() else None
        with RealWorld(root, folder, settings, ask, variables=variables, tell=voice.note) as world:
            yield world
