"""Joining the wheels that several jobs built with the sdist of one build: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nox_ship.errors import Findings, ShipError
from nox_ship.git import Repository
from nox_ship.package.build import Outcome, checked, dist_folder, is_public, manifest_path, replace_files
from nox_ship.package.building import sources
from nox_ship.package.manifest import Manifest
from nox_ship.package.parts import BAD_PART, Part, Wanted, problems
from nox_ship.package.wheels import PLATFORM_REFUSED, TAGS_DIFFER
from nox_ship.project import Project


def read_parts(folders: Iterable[Path]) -> dict[Path, Part]:
    """Return the part in each folder.

    Raises:
        ShipError: There is none, or one is incomplete (NS575).
    """
    findings, parts = Findings(), dict[Path, Part]()
    for folder in folders:
        if (part := findings.catch(lambda folder=folder: Part.read(folder))) is not None:  # type: ignore[misc]
            parts[folder] = part
    findings.raise_errors()
    if not parts:
        what = "There are no wheels to collect."
        raise ShipError(BAD_PART(what, remedy="Run `nox -s wheels` first, or name the folders that it wrote."))
    return parts


def join(project: Project, parts: dict[Path, Part], wanted: Wanted) -> Outcome:
    """Add the wheels of ``parts`` to the sdist in ``dist/``, check all files, and write the manifest for all.

    Wheels from the build itself are removed: the release has those of the parts.

    Args:
        project: The project; its manifest describes the build that made the sdist.
        parts: The parts, by folder.
        wanted: The wheels that the release must have.

    Raises:
        ShipError: A part is from another build (NS576), a wheel is missing (NS577) or not expected (NS578), its tags
            differ from its file name (NS547), which decides where it is installed, the index takes none for its
            platform (NS549), or a file fails the checks of the build (NS502-559).
    """
    manifest = Manifest.read(manifest_path(project))
    dist = dist_folder(project)
    (sdist,) = (path for path in manifest.check(dist) if not path.name.endswith(".whl"))
    findings = Findings(problems(manifest, list(parts.values()), wanted))
    findings.raise_errors()
    made = [(folder, file) for folder, part in parts.items() for file in part.files]
    made.sort(key=lambda one: one[1].name)
    files = [*(folder / file.name for folder, file in made), sdist]
    repository = Repository.at(project.root, project.settings.pass_env)
    with sources(repository, manifest.commit, project, dirty=manifest.dirty) as folder:
        clone = Repository(folder, repository.keep)
        _, warnings = checked(project, files, manifest.version, sources=clone.files(), tracked=clone.tracked())
    strict = {TAGS_DIFFER.id, *([PLATFORM_REFUSED.id] if is_public(project, manifest.version) else [])}
    strict -= set(project.settings.build.ignore)
    Findings(replace(finding, level="error") for finding in warnings if finding.id in strict).raise_errors()
    systems = tuple(sorted(part.system for part in parts.values()))
    known = (*(file for _, file in made), *(file for file in manifest.files if file.kind == "sdist"))
    joined = replace(manifest, files=known, systems=systems)
    replace_files(dist, files)
    joined.check(dist)
    return Outcome(joined, joined.write(manifest_path(project)), reused=False, warnings=warnings)
