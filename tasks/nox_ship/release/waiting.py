"""Proposed releases that wait for somebody to merge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nox_ship.git import Repository
from nox_ship.release.delivery import BRANCHES
from nox_ship.versions import TagForm
from nox_ship.world.releases import Releases


@dataclass(frozen=True)
class Waiting:
    """A release that an open pull request proposes."""

    tag: str
    version: str
    url: str
    outdated: bool
    """Whether the release branch has newer commits, so that a merge of it would be tested again."""


def waiting(
    forge: Releases | None, repository: Repository, base: str, refs: Mapping[str, str], form: TagForm
) -> Iterator[Waiting]:
    """Yield the releases proposed on a forge.

    Args:
        forge: The forge; None if there is none.
        repository: The checkout.
        base: The release branch.
        refs: The commit of each branch and tag of the remote, by full name.
        form: The format of release tags.

    Raises:
        ShipError: The forge does not answer (NS780 to NS785).
    """
    tip = refs.get(f"refs/heads/{base}")
    for pull in forge.pulls.opened(base) if forge else ():
        tag = pull.branch.removeprefix(BRANCHES)
        if pull.branch.startswith(BRANCHES) and (version := form.version(tag)):
            yield Waiting(tag, str(version), pull.url, outdated=_is_outdated(repository, pull.commit, tip))


def _is_outdated(repository: Repository, commit: str, tip: str | None) -> bool:
    """Whether a proposed commit is known not to follow the branch's tip."""
    known = repository.known([one for one in (commit, tip) if one])
    return known == {commit, tip} and tip is not None and not repository.is_ancestor(tip, commit)
