"""Development versions: the version of an untagged commit, and setting it in a clone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.version import Version

from nox_ship import versions
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.git import Repository
from nox_ship.package.build import Renaming
from nox_ship.project import Project
from nox_ship.release.bumpversion import check_places, write_version
from nox_ship.release.source import NO_VERSION, VersionSource
from nox_ship.release.tags import tags_of
from nox_ship.release.version import next_version
from nox_ship.world.remote import Remote

HISTORY_CUT = Kind(
    "NS309",
    "history-cut",
    "Run `git fetch --tags --unshallow` (in a full clone, `git fetch --tags`); in CI, check out with `fetch-depth: 0`.",
)

_AUTHOR = ("-c", "user.name=nox-ship", "-c", "user.email=nox-ship@localhost", "-c", "commit.gpgsign=false")

_OF_COMMITS = ("mesonpy",)
"""Build backends that pack the committed files: https://mesonbuild.com/Creating-releases.html"""


def development(project: Project) -> Renaming | None:
    """Return the development version of the project's HEAD and how to set it; None if HEAD is a release.

    It is ``X.Y.Z.devN``: N commits since the last release tag, on the way to X.Y.Z. That is the version in the files if
    it is newer than the last release; otherwise the next patch release, or after a pre-release the next pre-release, so
    that it sorts after everything that was released.

    Raises:
        ShipError: History or tags are missing here (NS309), or HEAD has a release-like tag that does not name a version
            (NS310).
    """
    repository = Repository.at(project.root, project.settings.pass_env)
    head, tags = repository.head_and_tags()
    form = project.tag_form(tags)
    if versions.release_at(tags, head, form):
        return None
    versions.check_readable(tags, head, form)
    try:
        source = VersionSource.of(project)
    except ShipError as error:
        if error.findings[0].id == NO_VERSION.id:
            return None  # the build backend finds a version where we find none
        raise
    merged = form.releases(repository.merged_tags() if tags else ())
    released = {version: tag for tag, version in merged.items()}
    last = max(released, default=None)
    count = repository.count_since(tags[released[last]] if last else None)
    if count is None:
        raise ShipError(HISTORY_CUT("This clone is shallow, so the commits since the last release cannot be counted."))
    if last is None and repository.without_tags:
        raise ShipError(HISTORY_CUT("This clone was made without tags, so the last release is unknown."))
    warnings = tuple(_lacking(project, repository)) if last is None else ()
    coming = f"{_coming(versions.parse(source.current or ''), last)}.dev{count}"

    def rename(folder: Path) -> None:
        if source.kind == "files":
            check_places(Project.read(folder), source, Repository(folder, repository.keep))
            write_version(Project.read(folder), source, coming, own=False)
            if project.backend.partition(".")[0] not in _OF_COMMITS:
                return
        clone = Repository(folder, repository.keep)
        clone.run("add", "--all")
        clone.run(*_AUTHOR, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", coming)
        if source.kind != "files":
            clone.run("tag", form.name(coming))

    return Renaming(coming, rename, warnings)


def _lacking(project: Project, repository: Repository) -> Iterator[Finding]:
    """Check that the remote has no release in the history of HEAD that this clone lacks; warn if it does not answer.

    A clone can lack tags without recording that: ``git fetch --no-tags --depth=100``, as in CI.

    Raises:
        ShipError: It has one (NS309).
    """
    try:
        remote = Remote.of(repository, project.settings.remote)
        refs = remote.refs() if remote else {}
    except ShipError as error:
        what = f"The remote could not be asked whether this clone lacks any releases: {error.findings[0].what}"
        yield HISTORY_CUT(what, level="warning")
        return
    there = tags_of(refs)
    releases = project.tag_form(there).releases(there)
    history = set(repository.run("rev-list", "HEAD").split())
    for tag in releases:
        if there[tag] in history:
            raise ShipError(HISTORY_CUT(f"The remote has the release tag {tag}, which this clone lacks."))


def _coming(current: Version | None, last: Version | None) -> str:
    """Return the version that development is heading for, without its ``.devN``."""
    if current is not None and (last is None or current > last):
        return _without_dev(current)
    if last is None:
        return "0.1.0"
    if last.is_devrelease:
        return _without_dev(last)
    kinds = {"a": "alpha", "b": "beta", "rc": "rc"}
    return str(next_version(last, kinds[last.pre[0]] if last.pre else "patch"))


def _without_dev(version: Version) -> str:
    return version.public.partition(".dev")[0]
