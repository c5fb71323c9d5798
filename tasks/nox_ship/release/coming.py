"""The next release, or the one at HEAD: its version, its tag, and its messages in git."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from packaging.version import Version

from nox_ship import versions
from nox_ship.errors import Findings, Kind, ShipError
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release import version as arithmetic
from nox_ship.release.bumpversion import BumpSettings, bump_settings, stale_settings
from nox_ship.release.changelog import section_text
from nox_ship.release.merged import Merged, Proposals
from nox_ship.release.proposal import AUTO, Proposal, after, again, propose
from nox_ship.release.record import Record
from nox_ship.release.source import VersionSource
from nox_ship.release.tags import check_head

TAG_EXISTS = Kind(
    "NS221",
    "tag-exists",
    "Release another version, or finish that one from its own commit; a published tag is never moved.",
)
ALREADY_RELEASED = Kind(
    "NS222",
    "already-released",
    "Commit the changes of the next release first, or finish this release by naming its version.",
)
FINISHING = Kind(
    "NS223", "finishing", "No action is needed: this run finishes that release and does not bump again.", level="notice"
)


@dataclass(frozen=True, kw_only=True)
class Coming:
    """The next version, or the one at HEAD."""

    source: VersionSource
    current: str
    version: str
    tag: str
    bump: bool
    """Whether a version must be set and tagged; false if HEAD already is that release."""
    message: str = ""
    tag_message: str = ""
    proposed: str = ""
    """The version that ``auto`` proposed; empty if the user named one."""
    early: bool = False
    """Whether HEAD is another release that this one follows without any commit in between."""
    merged: Merged | None = None
    """Set if HEAD is this release through a merged pull request, so that only its tag is missing."""


@dataclass(frozen=True)
class Known:
    """What exists of this and other releases."""

    head: str
    """The commit that is checked out."""
    here: Mapping[str, str]
    """The commit of each tag in the checkout, by name."""
    there: Mapping[str, str]
    """The commit of each tag on the remote, by name."""
    pushed: Record | None = None
    """The release that an earlier run pushed from HEAD."""
    earlier: Record | None = None
    """The release that an earlier run made but did not push; ``auto`` proposes the same version for its commit."""
    proposals: Proposals | None = None
    """Tells whether a release was proposed and merged; None if releases are pushed."""


def find_coming(
    project: Project,
    repository: Repository,
    wanted: str | None,
    known: Known,
    findings: Findings,
    *,
    early: bool = False,
) -> Coming:
    """Return the requested release, or the one that HEAD already is.

    Args:
        project: The project.
        repository: Its checkout.
        wanted: A part, a whole version, or ``auto``; None if not given.
        known: What exists already.
        findings: Receives notices.
        early: Whether the next release is wanted even if HEAD is one.

    Raises:
        ShipError: The version cannot be found or computed, or its tag exists; HEAD's tag differs from the remote's
            (NS212, NS216), or does not name a version (NS310).
    """
    head, pushed = known.head, known.pushed
    tags = {**known.there, **known.here}
    source = VersionSource.of(project)
    form = project.tag_form(tags)
    if source.current is not None and versions.parse(source.current) is None:
        raise ShipError(arithmetic.BAD_VERSION(f"The project's version is {source.current!r}."))
    if not pushed:
        check_head(head, form, known.here, known.there)
    released = (pushed.tag, Version(pushed.version)) if pushed else versions.release_at(tags, head, form)
    if released and (pushed or not early):
        _check_part(wanted, project, released[1])
        return _finishing(released, source, wanted, findings, pushed.version if pushed else None)
    versions.check_readable(tags, head, form)
    proposals = known.proposals
    merged = proposals.of_version(project, source.current, form, tags, wanted) if proposals else None
    if merged:
        version = source.current or str(form.version(merged.tag))
        return _finishing_merged(merged, source, version, wanted, project, findings)
    latest = versions.latest(tags, form)
    current = source.current or str(latest or "0")
    findings.extend(stale_settings(project, current))
    if wanted is None:
        what = f"You named no version; the current version is {current}."
        raise ShipError(arithmetic.NOTHING_ASKED(what))
    proposed = ""
    if wanted == AUTO:
        proposal = _proposal(project, repository, source, current, known, released)
        findings.extend(proposal.findings)
        wanted = proposed = proposal.wanted
    own = bump_settings(project, current, _part(wanted))
    _check_proposed(proposed, own.parts if own else ())
    version = _next_version(source, current, wanted, own)
    if project.settings.tag is None and own and own.tag_name:
        tag = own.filled(own.tag_name, current, version) or form.name(version)
    else:
        tag = form.name(version)
    _check_tag(tag, version, form, known.here, known.there)
    if proposals and source.current is None and section_text(project, version):  # made by its proposal
        merged = proposals.merged(tag, certain=proposals.certain)
    if merged:
        return _finishing_merged(merged, source, version, wanted, project, findings)
    return Coming(
        source=source,
        current=current,
        version=version,
        tag=tag,
        bump=True,
        message=(own and own.filled(own.message, current, version)) or f"Release {version}",
        tag_message=(own and own.filled(own.tag_message, current, version)) or f"Release {version}",
        proposed=proposed,
        early=bool(released),
    )


def _next_version(source: VersionSource, current: str, wanted: str, own: BumpSettings | None) -> str:
    """Return the requested version.

    Raises:
        ShipError: There is no such version, or it is not newer.
    """
    if source.current and versions.parse(wanted) == Version(current):
        arithmetic.whole_version(current, arithmetic.PARTS)
        return current  # the files already state it and it is not released, as is usual for the first release
    if own and wanted in own.parts and own.next_version:
        arithmetic.check_newer(arithmetic.whole_version(own.next_version, own.parts), Version(current))
        return own.next_version
    if own and own.parts:
        asked = arithmetic.whole_version(wanted, own.parts)
        return str(arithmetic.next_version(Version(current), str(asked), own.parts))
    return str(arithmetic.next_version(Version(current), wanted))


def _finishing_merged(
    merged: Merged, source: VersionSource, version: str, wanted: str | None, project: Project, findings: Findings
) -> Coming:
    """Return the release that a merged pull request brought to HEAD: only its tag is to be made."""
    _check_part(wanted, project, Version(version))
    findings.append(FINISHING(f"HEAD is the release {version} (according to {merged.told_by}); it has no tag yet."))
    own = bump_settings(project, version, None)
    return Coming(
        source=source,
        current=version,
        version=version,
        tag=merged.tag,
        bump=True,
        tag_message=(own and own.filled(own.tag_message, version, version)) or f"Release {version}",
        merged=merged,
    )


def _proposal(
    project: Project,
    repository: Repository,
    source: VersionSource,
    current: str,
    known: Known,
    released: tuple[str, Version] | None,
) -> Proposal:
    """Return the proposal of ``auto``; ``released`` is the release at HEAD, if the next one is wanted.

    Raises:
        ShipError: The changelog cannot be read (NS308, NS312).
    """
    earlier = known.earlier
    if earlier and earlier.proposed and earlier.head == known.head and earlier.tag not in {**known.there, **known.here}:
        return again(earlier.proposed)
    if released:
        return after(*released, current)
    return propose(project, repository, current, stated=source.current is not None)


def _check_proposed(proposed: str, parts: Collection[str]) -> None:
    """Check that a proposed part is one of the project's own parts, if it has any.

    Raises:
        ShipError: It is not (NS302).
    """
    if parts and _part(proposed) and proposed not in parts:
        what = f"`auto` proposes {proposed}, but the versions of this project have no such part."
        remedy = f"Write one of {', '.join(parts)}, or a version such as 1.4.0."
        raise ShipError(arithmetic.UNKNOWN_PART(what, remedy=remedy))


def _part(wanted: str) -> str | None:
    return None if versions.parse(wanted) else wanted or None


def _check_part(wanted: str | None, project: Project, version: Version) -> None:
    """Check that a version has such a part, although finishing a release increments none.

    If the settings cannot be read, any part is accepted; the release that they made continues.

    Raises:
        ShipError: It has not (NS302, NS303).
    """
    if wanted in (None, AUTO) or versions.parse(wanted):
        return
    own = Findings().catch(lambda: bump_settings(project, str(version), None))
    parts = own.parts if own else ()
    if wanted not in parts and (parts or not arithmetic.is_part(wanted)):
        arithmetic.whole_version(wanted, parts or arithmetic.PARTS)


def _finishing(
    released: tuple[str, Version], source: VersionSource, wanted: str | None, findings: Findings, spelt: str | None
) -> Coming:
    tag, version = released
    asked = versions.parse(wanted or "")
    if asked is not None and asked != version:
        raise ShipError(ALREADY_RELEASED(f"HEAD is the release {version} (tag {tag}), not {asked}."))
    findings.append(FINISHING(f"HEAD is already the release {version} (tag {tag})."))
    text = spelt or str(version)
    if source.current and versions.parse(source.current) == version:
        text = source.current
    return Coming(source=source, current=text, version=text, tag=tag, bump=False)


def _check_tag(tag: str, version: str, form: versions.TagForm, here: Collection[str], there: Collection[str]) -> None:
    parsed = Version(version)
    for name in (*there, *here):
        if name == tag or form.version(name) == parsed:
            if name in there:
                raise ShipError(TAG_EXISTS(f"The tag {name} already exists on the remote."))
            remedy = (
                f"Delete it (`git tag -d {shlex.quote(name)}`) if it was made by mistake, or release another version."
            )
            raise ShipError(TAG_EXISTS(f"The tag {name} already exists here, but not on the remote.", remedy=remedy))
