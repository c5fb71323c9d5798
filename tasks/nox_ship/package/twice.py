"""Building the same sources again, elsewhere and as if at another time, to see whether the result is the same."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nox_ship.errors import Findings, Kind
from nox_ship.git import Repository
from nox_ship.package.build import Outcome, Renaming, dist_folder
from nox_ship.package.building import run_build, sources
from nox_ship.package.likeness import Likeness
from nox_ship.package.manifest import built_files
from nox_ship.project import Project

NOT_REPRODUCIBLE = Kind(
    "NS570",
    "not-reproducible",
    "Make the build produce the same output each time; docs/reproducible.md lists the usual reasons.",
)
ARCHIVE_VARIES = Kind(
    "NS571",
    "archive-varies",
    "You need not do anything: the files install the same content (docs/reproducible.md: how to get the same bytes).",
    level="warning",
)

_EARLIER = 400 * 24 * 3600
"""Seconds by which the sources look older in the second build."""
_ELSEWHERE = {"TZ": "Pacific/Chatham", "PYTHONHASHSEED": "20"}
"""What differs in the second build: an unusual time zone, and the order of sets."""


def compare_again(project: Project, outcome: Outcome, *, renaming: Renaming | None = None) -> Findings:
    """Build again in a folder with another name and with sources of another age, and compare the results.

    Args:
        project: The project.
        outcome: The result of the first build; its files are in ``dist/``.
        renaming: The version that the build receives, as for the first one.

    Returns:
        An error for each file whose content differs (NS570), and a warning for each archive that differs but has the
        same content (NS571).

    Raises:
        ShipError: The build backend fails (NS501).
    """
    manifest, findings = outcome.manifest, Findings()
    repository = Repository.at(project.root, project.settings.pass_env)
    with (
        sources(repository, manifest.commit, project, dirty=manifest.dirty, called="elsewhere") as folder,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as out,
    ):
        if renaming:
            renaming.rename(folder)
        _age(folder)
        epoch = manifest.build.epoch if manifest.build else repository.commit_time
        log = project.own_folder() / "build.log"
        run_build(project, folder, Path(out), epoch, log, env=_ELSEWHERE)
        second = {path.name: path for path in built_files(Path(out))}
        for file in manifest.files:
            if file.name not in second:
                findings.append(NOT_REPRODUCIBLE(f"A second build did not produce {file.name}."))
                continue
            likeness = Likeness.of(dist_folder(project) / file.name, second.pop(file.name))
            what = f"{file.name} of a second build is not the same: {likeness}."
            if likeness.verdict == "content":
                findings.append(NOT_REPRODUCIBLE(what, detail="\n".join(likeness.lines)))
            elif likeness.verdict == "archive":
                findings.append(ARCHIVE_VARIES(what.replace("not the same: ", "")))
        findings.extend(NOT_REPRODUCIBLE(f"Only a second build produced {name}.") for name in second)
    return findings


def _age(folder: Path) -> None:
    """Make the files in a folder look as if they were written earlier."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            at = path.stat().st_mtime - _EARLIER
            os.utime(path, (at, at))
