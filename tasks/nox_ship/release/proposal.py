"""The version that `release -- auto` proposes: the highest that the changes since the last release call for.

The evidence: the public API (breaking changes, additions); the commits, if the project follows Conventional Commits
(https://www.conventionalcommits.org); the headings of the changelog's unreleased section, as in Keep a Changelog
(https://keepachangelog.com). Before 1.0, a breaking change raises the second number.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.version import Version

from nox_ship import process
from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.gates import api
from nox_ship.git import Repository
from nox_ship.process import Argument
from nox_ship.project import Project
from nox_ship.release.changelog import find_changelog
from nox_ship.release.version import next_version

AUTO = "auto"
"""The argument that requests a proposal."""
PROPOSED = Kind("NS439", "version-proposed", "To release another version, name it or a part.", level="notice")
API_NOT_COMPARED = Kind(
    "NS440",
    "api-not-compared",
    "Commits and changelog decide instead; rerun when uv can reach its package index, or name the version yourself.",
    level="warning",
)

_BREAKING, _ADDING, _MENDING = range(3)
"""What a piece of evidence means for the version."""
_MOST_COMMITS = 1000
_LOOKED_AT = 50
"""How many recent commits are checked; half must follow Conventional Commits."""
CONVENTIONAL = re.compile(
    r"(?P<type>feat|fix|docs?|chore|refactor|perf|tests?|build|ci|style|revert|deps|release|bump)"
    r"(?:\((?P<scope>[^()\n]{1,100})\))?(?P<breaks>!)?: \S",
    re.IGNORECASE,
)
"""The beginning of a commit message that follows Conventional Commits."""
_FOOTER = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
_HEADINGS = {
    _BREAKING: re.compile(r"breaking|\bremov|incompatib", re.IGNORECASE),
    _ADDING: re.compile(r"\b(?:add|new\b|feature|enhance|improve|change|deprecat)", re.IGNORECASE),
}
_SAYS_BREAKING = re.compile(r"[-*+\s]*[*_`[(]*breaking\b", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
    """What one source says about the changes since the last release."""

    meaning: int
    what: str
    """The evidence, in words."""


@dataclass(frozen=True)
class Proposal:
    """The proposed version.

    Attributes:
        wanted: A part, or a whole version.
        why: The reason.
        findings: What to tell the user about it.
    """

    wanted: str
    why: str
    findings: tuple[Finding, ...]


def propose(project: Project, repository: Repository, current: str, *, stated: bool) -> Proposal:
    """Return the next version that the changes since the last release call for.

    Args:
        project: The project.
        repository: Its checkout.
        current: The current version.
        stated: Whether the project's files state it.

    Raises:
        ShipError: The changelog cannot be read (NS308, NS312).
    """
    try:
        comparison = api.ApiComparison.of(project)
    except api.NothingToCompareError as reason:
        return _proposal(current if stated else "0.1.0", str(reason))
    last = comparison.last
    if api.is_dated(last.version):
        return _proposal(
            _version("patch", last.version, current), f"{last.tag} is a date, which says nothing of compatibility"
        )
    found, warnings = _of_api(comparison)
    found += [*_of_commits(project, repository, last), *_of_changelog(project)]
    meaning = min((one.meaning for one in found), default=_MENDING)
    part = ("major" if last.version.major else "minor", "minor", "patch")[meaning]
    telling = [one.what for one in found if one.meaning == meaning]
    why = "; ".join(telling) if telling else "no change calls for more"
    return _proposal(_version(part, last.version, current), f"{part}, since {last.tag}: {why}", *warnings)


def after(tag: str, last: Version, current: str) -> Proposal:
    """Return the next version after a release without any later commits."""
    return _proposal(_version("patch", last, current), f"patch, since there are no commits after {tag}")


def again(wanted: str) -> Proposal:
    """Return what an earlier run proposed for this commit, so that the rehearsed version is released."""
    return _proposal(wanted, "proposed by an earlier run for this commit")


def _proposal(wanted: str, why: str, *warnings: Finding) -> Proposal:
    return Proposal(wanted, why, (*warnings, PROPOSED(f"`auto` proposes {wanted}: {why}.")))


def _version(part: str, last: Version, current: str) -> str:
    """Return the argument for the release: the part, or a version if the files are ahead of the last release."""
    now = Version(current)
    if now == last:
        return part
    wanted = next_version(last, part)
    ahead = Version(now.base_version)
    return str(ahead if ahead > last and ahead >= wanted else wanted)


def _python() -> Sequence[Argument]:
    """Return the command of a Python with griffe, in a temporary uv environment."""
    options = ("--quiet", "--isolated", "--no-project", "--python", sys.executable, "--with", api.TOOL)
    return (process.uv(), "run", *options, "--", "python")


def _of_api(comparison: api.ApiComparison) -> tuple[list[Evidence], tuple[Finding, ...]]:
    try:
        compared = comparison.made(_python())
    except api.NothingToCompareError as reason:
        return [], (API_NOT_COMPARED(f"The public API was not compared: {reason}.", remedy="", level="notice"),)
    except ShipError as error:
        first = error.findings[0]
        said = first.detail.strip().splitlines()
        what = f"The public API was not compared: {said[-1] if said else first.what}"
        return [], (API_NOT_COMPARED(f"{what.rstrip('.')}."),)
    changes = [f"{change.path} {change.what}" for change in compared.changes]
    if changes:
        return [
            Evidence(_BREAKING, f"{api.counted(changes, 'breaking change')} of the public API ({shorten(changes)})")
        ], ()
    if compared.additions:
        words = f"{api.counted(compared.additions, 'addition')} to the public API ({shorten(compared.additions)})"
        return [Evidence(_ADDING, words)], ()
    return [Evidence(_MENDING, "the public API is unchanged")], ()


def _of_commits(project: Project, repository: Repository, last: api.LastRelease) -> Iterator[Evidence]:
    """Yield what the commits since the last release say, if the project follows Conventional Commits."""
    if not conventional(messages(project, repository, _LOOKED_AT, "HEAD")):
        return
    found: dict[int, list[str]] = {}
    for message in messages(project, repository, _MOST_COMMITS, f"{last.commit}..HEAD"):
        match = CONVENTIONAL.match(message)
        if match:
            adds = match["type"].lower() == "feat"
            subject = message.splitlines()[0]
            meaning = _BREAKING if breaks(match, message) else _ADDING if adds else _MENDING
            found.setdefault(meaning, []).append(subject)
    if found:
        meaning = min(found)
        kind = ("a breaking change", "a feature", "no feature")[meaning]
        subjects = f" ({shorten(found[meaning], 2)})" if meaning != _MENDING else ""
        yield Evidence(meaning, f"the commits name {kind}{subjects}")


def conventional(recent: Sequence[str]) -> bool:
    """Whether at least half of some messages follow Conventional Commits."""
    return 2 * sum(bool(CONVENTIONAL.match(message)) for message in recent) >= len(recent)


def breaks(match: re.Match[str], message: str) -> bool:
    """Whether a message that matches `CONVENTIONAL` announces a breaking change."""
    return bool(match["breaks"] or _FOOTER.search(message))


def messages(project: Project, repository: Repository, most: int, commits: str) -> list[str]:
    """Return the messages of the commits that touch the project, newest first."""
    folder = project.root.resolve()
    paths = () if folder == repository.path.resolve() else (str(folder),)
    options = ("-z", "--no-color", "--no-merges", "--encoding=UTF-8", f"--max-count={most}", "--format=%B")
    found = repository.listed("log", *options, commits, "--", *paths)
    return [message.strip() for message in found if message.strip()]


def _of_changelog(project: Project) -> Iterator[Evidence]:
    """Yield what the changelog's unreleased section says, by its headings with entries below them."""
    changelog = find_changelog(project)
    section = changelog.unreleased if changelog else None
    document = changelog.document if changelog else None
    if changelog is None or section is None or document is None:
        return
    body = document.body(section.heading)
    inside = [heading for heading in document.headings if heading.first in body and any(document.entries(heading))]
    meanings = {heading.title: _of_heading(heading.title) for heading in inside}
    if any(_SAYS_BREAKING.match(line) for line in document.entries(section.heading)):
        meanings["a breaking change"] = _BREAKING
    if meanings:
        meaning = min(meanings.values())
        titles = [title for title, one in meanings.items() if one == meaning]
        yield Evidence(meaning, f"{changelog.name} has {shorten(titles)} under {section.heading.title}")


def _of_heading(title: str) -> int:
    return next((meaning for meaning, words in _HEADINGS.items() if words.search(title)), _MENDING)
