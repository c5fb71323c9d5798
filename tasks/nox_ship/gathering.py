"""The front door of `collect`: the wheels that several jobs built, and the sdist, become one release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from nox_ship.errors import Findings
from nox_ship.package.build import Outcome, manifest_path
from nox_ship.package.joining import join, read_parts
from nox_ship.package.manifest import Manifest
from nox_ship.package.parts import table
from nox_ship.package.wheelhouse import folder_of
from nox_ship.project import Project
from nox_ship.release.route import route
from nox_ship.release.whole import wanted_wheels
from nox_ship.world.real import RealWorld
from nox_ship.worlds import guarded


@dataclass(frozen=True)
class Collected:
    """What collecting came to."""

    rows: tuple[tuple[str, str, str], ...]
    """What there must be a wheel for, the wheel or that it is missing, and the job that makes it."""
    outcome: Outcome | None
    """The whole release; None where something stands against it."""
    findings: Findings


def collect(project: Project, folders: Sequence[Path]) -> Collected:
    """Join the parts in ``folders``, or the one that was built here, with the sdist in ``dist/``.

    Raises:
        ShipError: There is no manifest (NS601, NS602), or no whole part (NS575).
    """
    manifest = Manifest.read(manifest_path(project))
    parts = read_parts(folders or [folder_of(project)])
    name = route(project.settings, Version(manifest.version))
    with guarded(project.settings) as variables, TemporaryDirectory(prefix="nox-ship-") as folder:
        index = RealWorld(project.root, Path(folder), project.settings, variables=variables).index(name, manifest.name)
        wanted, warnings = wanted_wheels(project, manifest, index)
        findings = Findings(warnings)
        outcome = findings.catch(lambda: join(project, parts, wanted))
    findings.extend(outcome.warnings if outcome else ())
    return Collected(tuple(table(parts.values(), wanted)), outcome, findings)
