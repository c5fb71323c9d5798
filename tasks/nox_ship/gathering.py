"""Front end of `collect`: join the wheels of several jobs and the sdist into one release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from nox_ship.ahead import guarded
from nox_ship.config import Settings
from nox_ship.errors import Findings, Kind, shorten
from nox_ship.package.build import Outcome, manifest_path
from nox_ship.package.joining import join, read_parts
from nox_ship.package.manifest import Manifest
from nox_ship.package.parts import Part, table
from nox_ship.package.platforms import split
from nox_ship.package.trials import Trial, trials
from nox_ship.package.wheelhouse import folder_of
from nox_ship.project import Project
from nox_ship.release.route import route
from nox_ship.release.whole import wanted_wheels
from nox_ship.world.real import RealWorld

NOT_INSTALLED = Kind(
    "NS585",
    "wheel-not-tried",
    "Let cibuildwheel test it (`test-command`), or add a runner to `tool.nox-ship.workflows.systems`, or a classifier.",
    level="notice",
)


@dataclass(frozen=True)
class Collected:
    """The result of collecting."""

    rows: tuple[tuple[str, str, str], ...]
    """Rows of target, wheel or a note that it is missing, and the job that builds it."""
    outcome: Outcome | None
    """The manifest of the whole release; None if it has errors."""
    findings: Findings
    trials: tuple[Trial, ...] = ()
    """The jobs that install the files; empty if the files are not a release."""


def collect(project: Project, folders: Sequence[Path]) -> Collected:
    """Join the parts in ``folders``, or the one built here, with the sdist in ``dist/``.

    Raises:
        ShipError: There is no manifest (NS601, NS602), or no complete part (NS575).
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
    rows = tuple(table(parts.values(), wanted))
    if outcome is None:
        return Collected(rows, outcome, findings)
    tried, untried = _trials(project.settings, parts.values(), outcome.manifest)
    if untried:
        findings.append(NOT_INSTALLED(f"No job installs {shorten(untried)}: no runner has that system and Python."))
    return Collected(rows, outcome, findings, tried)


def _trials(settings: Settings, parts: Iterable[Part], joined: Manifest) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
    """Return the jobs that install the files, and the wheels that no job installs.

    The runners are those in the settings: a part's own statement must not select others.
    """
    builders: dict[str, list[str]] = {split(system)[0]: [] for system in settings.wheels.systems}
    for part in parts:
        if part.system in builders:
            builders[part.system] += [file.name for file in part.files]
    names = [file.name for file in joined.files]
    return trials(names, joined.pythons, settings.workflows.systems, builders)
