"""The release that comes next, or that HEAD is already: its version, its tag, and what git is to say of it."""

from __future__ import annotations

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
    "Release another version, or finish that one from its own commit (`git pull`); a published tag is never moved.",
)
ALREADY_RELEASED = Kind(
    "NS222",
    "already-released",
    "Commit what the next release holds first, or finish this one by its own version.",
)
FINISHING = Kind("NS223", "finishing", "Nothing is bumped again; the release is brought to its end.", level="notice")


@dataclass(frozen=True, kw_only=True)
class Coming:
    """The version that comes next, or that HEAD is already."""

    source: VersionSource
    current: str
    version: str
    tag: str
    bump: bool
    """Whether a version is to be set and tagged; not where HEAD is that release already."""
    message: str = ""
    tag_message: str = ""
    proposed: str = ""
    """What ``auto`` proposed; empty where the version was asked for."""
    early: bool = False
    """Whether HEAD is another release, which this one follows although nothing was committed since."""
    merged: Merged | None = None
    """Where HEAD is this release by a pull request that was merged: all that is missing in git is its tag."""


@dataclass(frozen=True)
class Known:
    """What is there of this release and of others."""

    head: str
    """The commit that is checked out."""
    here: Mapping[str, str]
    """The commit each tag of the checkout leads to, by the tag's name."""
    there: Mapping[str, str]
    """The same of the remote's tags."""
    pushed: Record | None = None
    """The release that an earlier run pushed from HEAD."""
    earlier: Record | None = None
    """The release that an earlier run made and did not push: ``auto`` proposes for its commit what it did."""
    proposals: Proposals | None = None
    """What tells whether a release was proposed and merged; None where releases are pushed."""


def find_coming(
    project: Project,
    repository: Repository,
    wanted: str | None,
    known: Known,
    findings: Findings,
    *,
    early: bool = False,
) -> Coming:
    """Return the release that is asked for, or the one that HEAD already is.

    Args:
        project: The project.
        repository: Its checkout.
        wanted: A part, a whole version, or ``auto``; None if nothing was given.
        known: What is there already.
        findings: Takes notices.
        early: Whether it is the next one that is asked for, even if HEAD is a release.

    Raises:
        ShipError: The version cannot be found or told, or its tag exists; HEAD's tag is not the remote's (NS212,
            NS216), or names no version (NS310).
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
        what = f"No version was asked for; it is {current} now."
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
    _check_tag(tag, version, form, tags, known.here)
    if proposals and source.current is None and section_text(project, version):  # which its proposal has made
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
    """Return the version that is asked for.

    Raises:
        ShipError: There is no such version, or it is not newer.
    """
    if source.current and versions.parse(wanted) == Version(current):
        arithmetic.whole_version(current, arithmetic.PARTS)
        return current  # the files have it and nobody has released it, as is often so with the first one
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
    """Return the release that HEAD is by its merged pull request: it is tagged, and nothing is committed."""
    _check_part(wanted, project, Version(version))
    findings.append(FINISHING(f"HEAD is the release {version} (told by {merged.told_by}); it has no tag yet."))
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
    """Return what ``auto`` proposes; ``released`` is the release that HEAD is, where the next one is asked for.

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
    """Check that a part that ``auto`` proposes is one of the project's own, where it has some.

    Raises:
        ShipError: It is not (NS302).
    """
    if parts and _part(proposed) and proposed not in parts:
        what = f"`auto` proposes {proposed}, and the versions of this project have no such part."
        remedy = f"Write one of {', '.join(parts)}, or a version such as 1.4.0."
        raise ShipError(arithmetic.UNKNOWN_PART(what, remedy=remedy))


def _part(wanted: str) -> str | None:
    return None if versions.parse(wanted) else wanted or None


def _check_part(wanted: str | None, project: Project, version: Version) -> None:
    """Check that there is such a part of a version, although a release that is finished raises none.

    Settings that cannot be read name no part; the release that they once made goes on.

    Raises:
        ShipError: There is not (NS302, NS303).
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
    findings.append(FINISHING(f"HEAD is the release {version} already (tag {tag})."))
    text = spelt or str(version)
    if source.current and versions.parse(source.current) == version:
        text = source.current
    return Coming(source=source, current=text, version=text, tag=tag, bump=False)


def _check_tag(
    tag: str, version: str, form: versions.TagForm, everywhere: Collection[str], local: Collection[str]
) -> None:
    parsed = Version(version)
    for name in everywhere:
        if name == tag or form.version(name) == parsed:
            where = "here" if name in local else "on the remote"
            raise ShipError(TAG_EXISTS(f"The tag {name} exists {where} already."))
