"""Whether built files may go to an index: files on PyPI are permanent, so they must be a release."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.git import NOT_A_REPOSITORY, Repository
from nox_ship.package.manifest import FILE_CHANGED, OTHER_ORIGIN, Manifest, announced
from nox_ship.package.wheels import platform_taken
from nox_ship.project import Project
from nox_ship.release.route import route
from nox_ship.release.tags import TAG_MOVED
from nox_ship.world.index import PUBLIC_INDEXES, display_name
from nox_ship.world.real import REMOTE_MISSING
from nox_ship.world.world import World

OTHER_PROJECT = Kind("NS605", "other-project", "Run `nox -s build` in this project.")
NOT_A_RELEASE = Kind("NS752", "not-a-release", "Publish the files that `nox -s build` makes on a release tag.")
NOT_ON_BRANCH = Kind(
    "NS755", "not-on-branch", "Tag a commit of the release branch, or set `branch` in [tool.nox-ship]."
)
TAG_NOT_PUSHED = Kind(
    "NS225",
    "tag-not-pushed",
    "Push branch and tag first; `nox -s release` pushes both and publishes.",
)
ROUTE_FORBIDS = Kind(
    "NS754", "route-forbids", "Use `nox -s publish`, or change `routes` in [tool.nox-ship] if it should go there."
)
DIRTY_FILES = Kind(
    "NS756",
    "dirty-files",
    "Commit the changes and build again, so that a commit records what is in the files.",
    level="warning",
)
LACKS_WHEELS = Kind(
    "NS581",
    "wheels-not-collected",
    "Run `nox -s wheels` on each system, then `nox -s collect` on the results; a workflow has a job for each.",
)


def admit(manifest: Manifest, project: Project, index: str, world: World) -> tuple[Finding, ...]:
    """Check that the files of ``manifest`` may go to ``index``; return warnings.

    PyPI, and the index of final versions, accept only releases: clean, tagged here and on the remote, from a commit on
    the release branch, and only kinds of version that are configured to go there. PyPI and TestPyPI accept no wheels
    for platforms such as ``linux_x86_64``.

    Args:
        manifest: The manifest of the built files.
        project: The project to publish.
        index: The index's name.
        world: The world, which has the checkout and the remote.

    Raises:
        ShipError: The manifest is another project's (NS605) or of another commit (NS604); it lacks wheels of other
            systems (NS581); it is not a release (NS752), not on the release branch (NS755), or configured to go
            elsewhere (NS754); the remote has its tag on another commit (NS212), lacks it (NS225), or does not answer
            (NS208); or the index accepts no wheels for a file's platform (NS549).
    """
    findings = Findings()
    findings.extend(_other_names(manifest))
    findings.extend(_not_whole(manifest, project))
    findings.extend(refused_platforms(manifest, index))
    repository = _checkout(world)
    if repository:
        findings.extend(_other_project(manifest, project))
        findings.extend(_other_origin(manifest, project, repository))
    elif manifest.pyproject != hashlib.sha256((project.root / "pyproject.toml").read_bytes()).hexdigest():
        findings.append(FILE_CHANGED("pyproject.toml has changed since the files were built."))
    for_good = index in ("pypi", project.settings.routes.final)
    if for_good:
        findings.extend(_release_alone(manifest, project, index))
        if manifest.tag and not manifest.dirty:
            findings.catch(lambda: _on_branch(manifest, project, repository, world))
            if repository:
                findings.catch(lambda: _on_remote(manifest, world))
    elif manifest.dirty:
        findings.append(DIRTY_FILES("The files were built from uncommitted changes."))
    findings.raise_errors()
    return tuple(findings)


def _not_whole(manifest: Manifest, project: Project) -> Iterator[Finding]:
    """Yield an error if the wheels of other systems were not collected."""
    wanted = project.settings.wheels.systems
    if lacking := [name for name in wanted if name not in manifest.systems]:
        yield LACKS_WHEELS(f"The manifest lacks the wheels from {shorten(lacking)}.")


def refused_platforms(manifest: Manifest, index: str) -> Iterator[Finding]:
    """Yield an error for each wheel whose platform ``index`` does not accept, if its rules are known."""
    if index in PUBLIC_INDEXES:
        yield from (finding for file in manifest.files for finding in platform_taken(file.name))


def _checkout(world: World) -> Repository | None:
    """Return the checkout; None if files and manifest came without one, or another job has checked it.

    A job that was given its manifest may hold an identity, and a repository that came with the files could run code.
    """
    if announced() is not None:
        return None
    try:
        return world.checkout
    except ShipError as error:
        if error.findings[0].id == NOT_A_REPOSITORY.id:
            return None
        raise


def _other_project(manifest: Manifest, project: Project) -> Iterator[Finding]:
    if manifest.name != project.canonical_name:
        what = f"The manifest is for {manifest.name}, but this project is {project.canonical_name}."
        yield OTHER_PROJECT(what)


def _other_names(manifest: Manifest) -> Iterator[Finding]:
    """Yield the files whose names state another version than the manifest."""
    for file in manifest.files:
        told = parse_wheel_filename(file.name)[1] if file.kind == "wheel" else parse_sdist_filename(file.name)[1]
        if told != Version(manifest.version):
            yield OTHER_ORIGIN(f"{file.name} is not a file of version {manifest.version}, which the manifest states.")


def _other_origin(manifest: Manifest, project: Project, repository: Repository) -> Iterator[Finding]:
    """Yield what the manifest states wrongly about its commit."""
    if manifest.dirty:
        return
    commit, tags = repository.head_and_tags()
    if manifest.commit != commit:
        yield OTHER_ORIGIN(f"The files were built from {manifest.commit[:10]}, not {commit[:10]}.")
    elif manifest.tag is not None and tags.get(manifest.tag) != commit:
        yield OTHER_ORIGIN(f"The manifest's tag {manifest.tag} is not on {commit[:10]}.")
    form = project.tag_form(tags)
    if manifest.tag is not None and form.version(manifest.tag) not in (None, Version(manifest.version)):
        yield OTHER_ORIGIN(
            f"The manifest states version {manifest.version} and tag {manifest.tag}, which do not match."
        )


def _release_alone(manifest: Manifest, project: Project, index: str) -> Iterator[Finding]:
    shown, version = display_name(index), manifest.version
    routed = route(project.settings, Version(version))
    if routed != index:
        yield ROUTE_FORBIDS(f"{version} must not go to {shown}: versions of this kind go to {display_name(routed)}.")
    if manifest.dirty:
        yield NOT_A_RELEASE(f"The files were built from uncommitted changes; {shown} is for releases only.")
    elif manifest.tag is None:
        yield NOT_A_RELEASE(f"{version} was built from {manifest.commit[:10]}, which has no release tag.")


def _on_remote(manifest: Manifest, world: World) -> None:
    """Check that the remote, if it can be asked, has the tag on the manifest's commit.

    Raises:
        ShipError: The tag is on another commit (NS212) or missing (NS225), or the remote does not answer (NS208).
    """
    try:
        refs = world.known_refs()
    except ShipError as error:
        if error.findings[0].id == REMOTE_MISSING.id:
            return
        raise
    theirs = refs.get(f"refs/tags/{manifest.tag}")
    if theirs is None and not world.notices():  # a rehearsal without access to the remote knows no tags
        raise ShipError(TAG_NOT_PUSHED(f"The remote does not have the tag {manifest.tag}."))
    if theirs not in (None, manifest.commit):
        what = f"The tag {manifest.tag} is on {manifest.commit[:10]} here and on {theirs[:10]} on the remote."
        raise ShipError(TAG_MOVED(what))


def _on_branch(manifest: Manifest, project: Project, repository: Repository | None, world: World) -> None:
    """Check that the commit is on the release branch: here, on the remote, or according to the build.

    Raises:
        ShipError: It is not (NS755).
    """
    branch = project.settings.branch or (repository.default_branch(project.settings.remote) if repository else None)
    if repository is None:
        held = manifest.branch is not None
    elif branch is None or repository.release_branch(manifest.commit, branch, project.settings.remote):
        held = True
    else:
        held = world.remote.holds(manifest.commit, branch)
    if not held:
        where = branch or "the release branch"
        raise ShipError(NOT_ON_BRANCH(f"{manifest.commit[:10]} ({manifest.tag}) is not on {where}."))
