"""Joining the wheels that several jobs built with the sdist of one build: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nox_ship.errors import Findings, ShipError
from nox_ship.git import Repository
from nox_ship.package.build import Outcome, checked, dist_folder, manifest_path, replace_files
from nox_ship.package.building import sources
from nox_ship.package.manifest import File, Manifest
from nox_ship.package.parts import BAD_PART, Part, Wanted, problems
from nox_ship.package.wheels import TAGS_DIFFER
from nox_ship.project import Project


def read_parts(folders: Iterable[Path]) -> dict[Path, Part]:
    """Return the part in each folder.

    Raises:
        ShipError: There is none, or one is not whole (NS575).
    """
    findings, parts = Findings(), dict[Path, Part]()
    for folder in folders:
        if (part := findings.catch(lambda folder=folder: Part.read(folder))) is not None:  # type: ignore[misc]
            parts[folder] = part
    findings.raise_errors()
    if not parts:
        what = "There are no wheels to collect."
        raise ShipError(BAD_PART(what, remedy="Run `nox -s wheels` first, or name the folders of what it made."))
    return parts


def join(project: Project, parts: dict[Path, Part], wanted: Wanted) -> Outcome:
    """Bring the wheels of ``parts`` to the sdist in ``dist/``, check all of it, and write the manifest of the whole.

    A wheel that the build itself made goes: those of the parts are the release's.

    Args:
        project: The project; its manifest is that of the build which made the sdist.
        parts: The parts, by the folder that each is in.
        wanted: What there must be wheels for.

    Raises:
        ShipError: A part is of another build (NS576), a wheel is missing (NS577), there is one too many (NS578), one
            has other tags than its name (NS547), which decides what it is for, or a file does not pass the checks of a
            build (NS502-559).
    """
    manifest = Manifest.read(manifest_path(project))
    dist = dist_folder(project)
    (sdist,) = (path for path in manifest.check(dist) if not path.name.endswith(".whl"))
    findings = Findings(problems(manifest, list(parts.values()), wanted))
    findings.raise_errors()
    wheels = [folder / file.name for folder, part in parts.items() for file in part.files]
    files = [*sorted(wheels, key=lambda path: path.name), sdist]
    repository = Repository.at(project.root, project.settings.pass_env)
    with sources(repository, manifest.commit, project, dirty=manifest.dirty) as folder:
        clone = Repository(folder, repository.keep)
        _, warnings = checked(project, files, manifest.version, sources=clone.files(), tracked=clone.tracked())
    strict = {TAGS_DIFFER.id} - set(project.settings.build.ignore)
    Findings(replace(finding, level="error") for finding in warnings if finding.id in strict).raise_errors()
    systems = tuple(sorted(part.system for part in parts.values()))
    joined = replace(manifest, files=tuple(map(File.of, files)), systems=systems)
    replace_files(dist, files)
    return Outcome(joined, joined.write(manifest_path(project)), reused=False, warnings=warnings)
