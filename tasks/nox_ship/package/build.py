"""Building the files of a release: built once in a clean clone, checked, and recorded in the manifest."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from nox_ship import versions
from nox_ship.errors import Finding, Findings, Kind, ShipError
from nox_ship.files import check_folder, copy_whole, write_whole
from nox_ship.git import Repository
from nox_ship.package import readme
from nox_ship.package.agreement import NAME_MISMATCH
from nox_ship.package.building import IGNORED_CHANGES, run_build, sources
from nox_ship.package.built import Built
from nox_ship.package.checks import examine
from nox_ship.package.contents import Archive
from nox_ship.package.manifest import FILE_CHANGED, NOTES, File, Manifest, built_files
from nox_ship.project import Project

NOT_BUILT = Kind("NS504", "not-built", "Correct the build backend's settings: it must build one sdist and one wheel.")

_GZIPPED = (
    "Make the build backend write a .tar.gz (setup.cfg: `formats = gztar` in the section `sdist`, or no `formats`)."
)


@dataclass(frozen=True)
class Outcome:
    """The result of a build."""

    manifest: Manifest
    digest: str
    """The SHA-256 of the manifest file."""
    reused: bool
    """Whether the manifest already matched the files, so that nothing was built."""
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Renaming:
    """A version that a build receives, in the clone in which it is made."""

    version: str
    rename: Callable[[Path], None]
    """Sets it in the sources, given the project's folder in the clone."""
    warnings: tuple[Finding, ...] = ()
    """What could not be determined about it."""


def dist_folder(project: Project) -> Path:
    """Return the folder of the built files.

    Raises:
        ShipError: It is a symlink or not a folder (NS607).
    """
    return check_folder(project.root / "dist")


def manifest_path(project: Project) -> Path:
    """Return the path of the manifest; it is outside ``dist/``, which uploaders take as a whole."""
    return project.own_folder() / "manifest.json"


def build(
    project: Project,
    *,
    fresh: bool = False,
    committed: bool = False,
    from_tag: bool = False,
    renaming: Renaming | None = None,
    notes: Callable[[str], str] = lambda _: "",
    place: Path | None = None,
) -> Outcome:
    """Build sdist and wheel into ``dist/`` and write the manifest, unless it already matches them.

    The build runs in a clean clone of HEAD, so that ignored files stay out, and every machine gets the same files.
    Uncommitted changes are copied to the clone, and recorded in the manifest.

    Args:
        project: The project to build.
        fresh: Build even if the manifest matches the existing files.
        committed: Build HEAD, whatever the work tree contains: a release is made of commits, and tests leave files.
        from_tag: Whether the version comes from git tags, and not from files.
        renaming: Another version than the one in the sources: that of a development release.
        notes: Returns the release notes for a version.
        place: Where to make the isolated environment, and leave it; by default in a temporary folder.

    Raises:
        ShipError: The build fails (NS501, NS504), the metadata are refused (NS502), or a check fails (NS505-559).
    """
    repository = Repository.at(project.root, project.settings.pass_env)
    head, tags = repository.head_and_tags()
    dirty = not committed and bool(repository.changes(IGNORED_CHANGES))
    unsure = renaming.warnings if renaming else ()
    release = versions.release_at(tags, head, project.tag_form(tags))
    if not fresh and not dirty and (found := _covered(project, head, release[0] if release else None, renaming)):
        return Outcome(*found, reused=True, warnings=unsure)
    with (
        sources(repository, head, project, dirty=dirty) as folder,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as out,
    ):
        clone = Repository(folder, repository.keep)
        listing, tracked = clone.files(), clone.tracked()
        if renaming:
            renaming.rename(folder)
        log = project.own_folder() / "build.log"
        facts = run_build(project, folder, Path(out), repository.commit_time, log, place=place)
        files = built_files(Path(out))
        called = renaming.version if renaming else str(release[1]) if release else None
        version, warnings = checked(project, files, called, sources=listing, tracked=tracked)
        manifest = Manifest(
            name=project.canonical_name,
            version=version,
            commit=head,
            tag=release[0] if release else None,
            dirty=dirty,
            files=tuple(map(File.of, files)),
            branch=repository.release_branch(head, project.settings.branch, project.settings.remote),
            pyproject=hashlib.sha256((project.root / "pyproject.toml").read_bytes()).hexdigest(),
            pythons=project.pythons(f"{sys.version_info[0]}.{sys.version_info[1]}"),
            notes=_write_notes(project, notes(version)) if release else None,
            build=facts,
            tree=None if from_tag or renaming or dirty else clone.run("rev-parse", "HEAD^{tree}"),
        )
        replace_files(dist_folder(project), files)
    digest = manifest.write(manifest_path(project))
    return Outcome(manifest, digest, reused=False, warnings=(*unsure, *warnings))


def _write_notes(project: Project, text: str) -> str:
    """Write the notes next to the manifest, and return their SHA-256."""
    content = text.encode()
    write_whole(manifest_path(project).with_name(NOTES), content)
    return hashlib.sha256(content).hexdigest()


def read_notes(project: Project, manifest: Manifest) -> str:
    """Return the notes of the release that was built; empty if it has none.

    Raises:
        ShipError: They are not those in the manifest (NS603).
    """
    if manifest.notes is None:
        return ""
    path = manifest_path(project).with_name(NOTES)
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != manifest.notes:
        raise ShipError(FILE_CHANGED(f"{path} has changed since the manifest was written: its SHA-256 differs."))
    return content.decode(errors="replace")  # whoever built them may have written anything


def _covered(project: Project, head: str, tag: str | None, renaming: Renaming | None) -> tuple[Manifest, str] | None:
    """Return the manifest that matches the files in ``dist/``, with its digest; None if it is from another build."""
    try:
        manifest, digest = Manifest.load(manifest_path(project))
        manifest.check(dist_folder(project))
        read_notes(project, manifest)
    except ShipError:
        return None
    same = manifest.commit == head and manifest.tag == tag and not manifest.dirty
    same = same and (renaming is None or manifest.version == renaming.version)
    return (manifest, digest) if same and manifest.name == project.canonical_name else None


def checked(
    project: Project, files: Sequence[Path], tag: str | None, *, sources: tuple[str, ...], tracked: Mapping[str, str]
) -> tuple[str, tuple[Finding, ...]]:
    """Run every check, then raise all errors together; return the version and the warnings.

    Args:
        project: The project.
        files: The built files: wheels, and one sdist.
        tag: The required version; None for any.
        sources: The files from which it was built, relative to the project's folder.
        tracked: The git object ID of each of those that git tracks, by name.

    Raises:
        ShipError: The files are not a release (NS504), or do not pass (NS502-559).
    """
    wheels = [path for path in files if path.suffix == ".whl"]
    sdists = [path for path in files if path.suffix != ".whl"]
    if not wheels or len(sdists) != 1:
        raise ShipError(NOT_BUILT(f"The build made {len(wheels)} wheels and {len(sdists)} sdists."))
    if sdists[0].suffix == ".zip":
        raise ShipError(
            NAME_MISMATCH(f"{sdists[0].name} is a ZIP; indexes accept only .tar.gz (PEP 625).", remedy=_GZIPPED)
        )
    sdist = Archive.read(sdists[0])
    public = is_public(project, sdist.version)
    built = Built(project, tuple(map(Archive.read, wheels)), sdist, tag, sources, tracked, public)
    findings = Findings((*readme.problems(built.archives), *examine(built)))
    if not findings.errors:
        findings.extend(chain.from_iterable(map(readme.unsent, files)))
    lenient = Findings(_softened(finding, project.settings.build.ignore) for finding in findings)
    lenient.raise_errors()
    return built.archives[0].version, tuple(lenient)


def is_public(project: Project, version: str) -> bool:
    """Whether a version goes to PyPI or TestPyPI, whose rules are known; an invalid version counts as if it did."""
    parsed = versions.parse(version)
    return parsed is None or project.settings.routes.index(parsed) in ("pypi", "testpypi")


def _softened(finding: Finding, ignored: tuple[str, ...]) -> Finding:
    if finding.id not in ignored:
        return finding
    return Finding(finding.id, finding.name, finding.what, finding.remedy, "warning", finding.detail)


def replace_files(folder: Path, files: Iterable[Path]) -> None:
    """Make ``files`` the only wheels and sdists in ``folder``; other files there are left alone."""
    folder.mkdir(exist_ok=True)
    wanted = list(files)
    for old in built_files(folder):
        if old not in wanted:
            old.unlink()
    for file in wanted:
        if file.parent != folder:
            copy_whole(file, folder / file.name)
