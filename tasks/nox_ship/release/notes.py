"""The notes of a release: its section of the changelog, else the commits since the last release."""

from __future__ import annotations

from collections.abc import Iterator

from nox_ship.gates.api import NothingToCompareError, last_tagged
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.changelog import section_text
from nox_ship.release.proposal import CONVENTIONAL, breaks, conventional, messages

MOST = 1 << 16
"""The longest notes, in characters; GitHub allows about twice as many."""

_MOST_COMMITS = 500
_GROUPS = ("Breaking changes", "Features", "Fixes", "Other changes")


def release_notes(project: Project, repository: Repository, version: str) -> str:
    """Return the notes of the release at HEAD, in Markdown unless the changelog is written in something else.

    Args:
        project: The project, as it is at HEAD.
        repository: The repository that it is in.
        version: The version being released.
    """
    return (section_text(project, version) or "\n".join(_commits(project, repository, version)))[:MOST]


def _commits(project: Project, repository: Repository, version: str) -> Iterator[str]:
    """Yield the commits since the last release as lists: one per group if they follow Conventional Commits."""
    try:
        commits = f"{last_tagged(project, repository).commit}..HEAD"
    except NothingToCompareError:
        commits = "HEAD"
    found = messages(project, repository, _MOST_COMMITS, commits)
    if found and version in found[0].splitlines()[0]:
        del found[0]  # the commit of the release itself
    if not conventional(found):
        yield from (f"- {message.splitlines()[0]}" for message in found)
        return
    groups: dict[str, list[str]] = {name: [] for name in _GROUPS}
    for message in found:
        group, line = _grouped(message)
        groups[group].append(line)
    for name, lines in groups.items():
        if lines:
            yield from (f"### {name}", "", *(f"- {line}" for line in lines), "")


def _grouped(message: str) -> tuple[str, str]:
    """Return the group of a commit, and its text there."""
    subject = message.splitlines()[0]
    match = CONVENTIONAL.match(subject)
    if match is None:
        return _GROUPS[3], subject
    if breaks(match, message):
        group = _GROUPS[0]
    else:
        group = {"feat": _GROUPS[1], "fix": _GROUPS[2]}.get(match["type"].lower(), _GROUPS[3])
    scope = f"**{match['scope']}**: " if match["scope"] else ""
    return group, f"{scope}{subject[match.end() - 1 :]}"
