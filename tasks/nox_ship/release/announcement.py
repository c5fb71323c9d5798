"""A release's page on the forge: drafted from the manifest, filled, compared, and only then published.

A published release may be immutable, so it must be complete before; text that a person wrote there is not changed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from nox_ship.errors import Kind, ShipError, shorten
from nox_ship.package.build import dist_folder
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.publication import Note, silent
from nox_ship.versions import TagForm
from nox_ship.world.github import UnclearError
from nox_ship.world.releases import Asset, ForgeRelease, Releases, asset_name

TAG_MISSING = Kind("NS786", "tag-not-on-forge", "Push the release's tag, then run the same command again.")
NOT_WHOLE = Kind(
    "NS787",
    "announcement-not-whole",
    "Run the same command again: it uploads the missing files, and publishes the draft once it is complete.",
)
IMMUTABLE = Kind(
    "NS788",
    "announcement-immutable",
    "Next time, let nox-ship publish the release page, or create only a draft yourself.",
    level="warning",
)
OTHER_FILE = Kind(
    "NS778",
    "other-file-announced",
    "Find out where the file comes from, remove it from the release page, then run the same command again.",
)

_PAUSES = (1.0, 3.0)
"""Pauses in seconds before asking the forge again for something that was just sent."""


@dataclass(frozen=True)
class Attachment:
    """A file to attach to the release."""

    name: str
    size: int
    """In bytes."""
    sha256: str
    path: Path | None = None
    """The path of the file; None if `content` holds it."""
    content: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, name: str, content: bytes) -> Attachment:
        """Return an attachment with the given content."""
        return cls(name, len(content), hashlib.sha256(content).hexdigest(), content=content)

    def is_held(self, asset: Asset | None) -> bool:
        """Whether a file on the forge is this one, and complete."""
        same = asset is not None and asset.uploaded and asset.size == self.size
        return same and asset is not None and asset.sha256 in (None, self.sha256)


@dataclass(frozen=True)
class Announcement:
    """What should be on the forge."""

    tag: str
    version: str
    commit: str
    title: str
    notes: str
    files: tuple[Attachment, ...]
    """The files; the last one lists the SHA-256 of the others, in the format of ``sha256sum``."""
    form: TagForm
    """The format of the project's tags."""
    tags: tuple[str, ...] = ()
    """Known tags besides that of the forge's latest release."""

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        project: Project,
        tag: str,
        notes: str = "",
        tags: Iterable[str] = (),
        beside: Iterable[Attachment] = (),
    ) -> Announcement:
        """Return the announcement of the files built in a project's own folder, with further files ``beside``."""
        known, dist = tuple(tags), dist_folder(project)
        built = [Attachment(file.name, file.size, file.sha256, dist / file.name) for file in manifest.files]
        files = (*built, Attachment.of("manifest.json", manifest.content), *beside)
        sums = "".join(f"{file.sha256}  {file.name}\n" for file in files)
        return cls(
            tag=tag,
            version=manifest.version,
            commit=manifest.commit,
            title=f"{project.name} {manifest.version}",
            notes=notes,
            files=(*files, Attachment.of("SHA256SUMS", sums.encode())),
            form=project.tag_form(known or (tag,)),
            tags=known,
        )

    @property
    def is_prerelease(self) -> bool:
        """Whether its version is a pre-release or a development version."""
        return Version(self.version).is_prerelease

    def is_latest(self, shown: str | None) -> bool:
        """Whether it is the latest release if the forge currently shows that of the tag ``shown`` as such.

        A pre-release never is, nor is a release of an older series made after a newer one.
        """
        if self.is_prerelease:
            return False
        others = self.form.releases([*self.tags, self.tag, *([shown] if shown else [])]).values()
        return all(other <= Version(self.version) for other in others if not other.is_prerelease)


@dataclass(frozen=True)
class Posted:
    """The state of an announcement on the forge."""

    where: str
    release: ForgeRelease | None = None
    lacking: tuple[Attachment, ...] = ()
    """Files that are missing, incomplete or different."""
    assets: Mapping[str, Asset] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether it is published with all its files."""
        return self.release is not None and not self.release.draft and not self.lacking

    def __str__(self) -> str:
        if self.release is None:
            return f"{self.where} has no release for the tag"
        kind = "a draft" if self.release.draft else "a release"
        lacks = f" that lacks {shorten(file.name for file in self.lacking)}" if self.lacking else ""
        return f"{self.where} has {kind}{lacks}"


@dataclass(frozen=True)
class Outcome:
    """The result of announcing."""

    release: ForgeRelease
    latest: bool | None
    """Whether it is the latest release; None if that was not decided now."""
    uploaded: tuple[str, ...]
    lacks: tuple[str, ...]
    """Files that an immutable release lacks forever."""


def look(announcement: Announcement, releases: Releases) -> Posted:
    """Ask the forge for the state.

    Raises:
        ShipError: It does not answer properly (NS780 to NS785).
    """
    release = releases.find(announcement.tag)
    return _held(announcement, releases, release) if release else Posted(releases.where, lacking=announcement.files)


def bring(announcement: Announcement, releases: Releases, posted: Posted, note: Note = silent) -> Outcome:
    """Create or complete an announcement on the forge.

    Args:
        announcement: What should be there.
        releases: The forge's releases.
        posted: The state that was just seen.
        note: Called with a message for each file.

    Raises:
        ShipError: The forge does not have the tag (NS786), has a different file (NS778), does not keep the uploaded one
            (NS787), does not answer, or refuses (NS780 to NS785).
    """
    if posted.release is None or posted.release.draft:
        _check_tag(announcement, releases)
    release = posted.release or _drafted(announcement, releases)
    if not release.draft:
        if release.immutable:
            return Outcome(release, None, (), tuple(file.name for file in posted.lacking))
        _refuse_others(announcement, posted)
    for file in posted.lacking:
        with _on_disk(file) as path:
            _attach(file, path, release, releases, posted.assets.get(asset_name(file.name)))
        note(f"{file.name} is attached to the release on {releases.where}")
    if lacking := _held(announcement, releases, release).lacking:
        names = shorten(file.name for file in lacking)
        raise ShipError(NOT_WHOLE(f"{releases.where} does not have {names} as uploaded."))
    latest = announcement.is_latest(releases.latest()) if release.draft else None
    if values := _missing_values(announcement, release, latest=latest):
        release = releases.change(release, values)
    return Outcome(release, latest, tuple(file.name for file in posted.lacking), ())


def _held(announcement: Announcement, releases: Releases, release: ForgeRelease) -> Posted:
    assets = releases.assets(release)
    lacking = [file for file in announcement.files if not file.is_held(assets.get(asset_name(file.name)))]
    if not release.draft and not any(file.path for file in lacking):  # another build may have made the same bytes
        there = {name for name, asset in assets.items() if asset.uploaded}
        lacking = [file for file in lacking if asset_name(file.name) not in there]
    return Posted(releases.where, release, tuple(lacking), assets)


def _check_tag(announcement: Announcement, releases: Releases) -> None:
    """Check that the forge has the tag on the commit; publishing a release would create a missing tag."""
    tag, where = announcement.tag, releases.where
    found = _persistently(lambda: releases.commit(tag), releases)
    if found is None:
        raise ShipError(TAG_MISSING(f"{where} does not have the tag {tag}."))
    if found != announcement.commit:
        what = f"{where} has {tag} on {found[:10]}, but the files were built from {announcement.commit[:10]}."
        raise ShipError(TAG_MISSING(what, remedy="Announce the files that were built from the tag."))


def _persistently(ask: Callable[[], str | None], releases: Releases) -> str | None:
    """Ask again until there is an answer: what was just pushed takes a moment to appear."""
    for pause in _PAUSES:
        if found := ask():
            return found
        releases.api.sleep(pause)
    return ask()


def _drafted(announcement: Announcement, releases: Releases) -> ForgeRelease:
    """Create the draft; if the answer is lost, look for the draft before creating another."""
    pauses = iter(_PAUSES)
    while True:
        try:
            return releases.draft(
                announcement.tag, announcement.title, announcement.notes, prerelease=announcement.is_prerelease
            )
        except UnclearError:
            pause = next(pauses, None)
            if pause is None:
                raise
            releases.api.sleep(pause)
            if found := releases.find(announcement.tag):
                return found


def _refuse_others(announcement: Announcement, posted: Posted) -> None:
    """Refuse to replace a complete file that users may have downloaded.

    Raises:
        ShipError: There is such a file (NS778).
    """
    whole = [file for file in posted.lacking if (asset := posted.assets.get(asset_name(file.name))) and asset.uploaded]
    if whole:
        names = shorten(file.name for file in whole)
        what = (
            f"The release {announcement.tag} on {posted.where} has a {names} that differs from the one that was built."
        )
        raise ShipError(OTHER_FILE(what))


@contextmanager
def _on_disk(file: Attachment) -> Iterator[Path]:
    """Yield the path of an attachment on disk."""
    if file.path:
        yield file.path
        return
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        path = Path(folder) / file.name
        path.write_bytes(file.content)
        yield path


def _attach(file: Attachment, path: Path, release: ForgeRelease, releases: Releases, there: Asset | None) -> None:
    """Upload a file, replacing the remains of an interrupted upload."""
    pauses = iter(_PAUSES)
    while True:
        if there:
            releases.remove(there)
        trouble = ShipError(
            NOT_WHOLE(f"{releases.where} says that it has {file.name}, but does not list it as complete.")
        )
        try:
            if releases.upload(release, file.name, path):
                return
        except UnclearError as error:
            trouble = error
        there = releases.assets(release).get(asset_name(file.name))
        if file.is_held(there):
            return
        pause = next(pauses, None)
        if pause is None:
            raise trouble
        releases.api.sleep(pause)


def _missing_values(announcement: Announcement, release: ForgeRelease, *, latest: bool | None) -> dict[str, object]:
    """Return the changes to make to a release that has its files: text that a person wrote is kept."""
    values: dict[str, object] = {}
    if not release.notes and announcement.notes:
        values["body"] = announcement.notes
    if not release.title:
        values["name"] = announcement.title
    if release.draft:
        prerelease = release.prerelease or announcement.is_prerelease
        values |= {"draft": False, "prerelease": prerelease, "tag_name": announcement.tag}
        values["make_latest"] = "true" if latest and not prerelease else "false"
    return values
