"""The built files in the stage: after the build, a gate that changes them is detected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from nox_ship.errors import Finding, Findings, ShipError
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import FILE_CHANGED, Manifest
from nox_ship.project import Project
from nox_ship.release.stage import Stage

_REMEDY = "Find the gate that writes to `dist` or `.nox-ship` in its working folder; the same command builds again."


def hold(stage: Stage, project: Project) -> Manifest:
    """Return the manifest of the build; the first one that is read stays binding, in later runs too.

    Args:
        stage: The clean clone.
        project: The project in it.

    Raises:
        ShipError: There is none (NS601), it cannot be read (NS602), or it has changed (NS603).
    """
    manifest, digest = Manifest.load(manifest_path(project))
    if stage.record.built not in (None, digest):
        raise ShipError(FILE_CHANGED(f"{manifest_path(project)} is not the manifest that the build wrote."))
    stage.record.built = digest
    return manifest


def changed(stage: Stage, project: Project) -> tuple[Finding, ...]:
    """Return findings about changes to manifest or files since the build (NS601-NS603); do nothing about them.

    Args:
        stage: The clean clone.
        project: The project in it.
    """
    findings = Findings()
    if manifest := findings.catch(partial(hold, stage, project)):
        findings.catch(lambda: manifest.check(dist_folder(project)))
    return tuple(replace(one, remedy=_REMEDY) for one in findings) if stage.record.built else tuple(findings)


def check(stage: Stage, project: Project) -> None:
    """Check that manifest and files are unchanged since the build.

    Raises:
        ShipError: With each change (NS601-NS603); results of sessions in the stage no longer count.
    """
    if findings := changed(stage, project):
        if stage.record.built:
            _forget(stage)
        raise ShipError(*findings)


def check_tested(stage: Stage, told: Iterable[str]) -> None:
    """Check that sessions used the files that were built: another process may have read different ones.

    Args:
        stage: The clean clone.
        told: The SHA-256 of each manifest that the sessions reported.

    Raises:
        ShipError: One of them is different (NS603); results of sessions in the stage no longer count.
    """
    if set(told) - {stage.record.built}:
        _forget(stage)
        raise ShipError(FILE_CHANGED("The tested files are not the ones that were built.", remedy=_REMEDY))


def _forget(stage: Stage) -> None:
    """Discard all results in the stage, so that the next run builds and tests again."""
    record = stage.record
    record.passed, record.failed, record.built, record.tried, record.works = {}, [], None, None, ()
    stage.save()
