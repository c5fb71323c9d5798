"""Whether a proposed release has been merged: the forge says so, or the trees are compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from packaging.version import Version

from nox_ship.errors import Kind, ShipError
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.bumpversion import bump_settings
from nox_ship.release.delivery import BRANCHES, branch_of
from nox_ship.release.record import Record
from nox_ship.versions import TagForm, parse
from nox_ship.world.pulls import PullRequests
from nox_ship.world.releases import Releases

MERGED_BEFORE = Kind(
    "NS882",
    "merged-not-released",
    "Run `git switch --detach COMMIT` with that commit, then the same command again.",
)


NOT_MERGED = Kind(
    "NS884",
    "not-merged",
    "Find out how this commit came to the branch; to release it all the same, ask for its version by hand.",
)


@dataclass(frozen=True)
class Merged:
    """A proposed release whose proposal was merged."""

    tag: str
    commit: str
    """The commit on the release branch that the merge made."""
    told_by: str
    """The evidence: the address of the pull request, or what was compared."""


def tag_of(project: Project, version: str, form: TagForm) -> str:
    """Return the tag of the version that a project's files have."""
    own = bump_settings(project, version, None)
    name = own.tag_name if own and project.settings.tag is None else None
    return (own.filled(name, version, version) if own and name else None) or form.name(version)


def merged_into(pulls: PullRequests, commit: str, base: str) -> tuple[str, str] | None:
    """Return the tag of the release that a commit is by a merged pull request of ours, and the tip of its branch.

    None is returned where it is none.

    Raises:
        ShipError: The forge does not answer (NS780 to NS785).
    """
    found = (pull for pull in pulls.that_made(commit, base) if pull.branch.startswith(BRANCHES))
    return next(((pull.branch.removeprefix(BRANCHES), pull.commit) for pull in found), None)


def check_merged(pulls: PullRequests, tag: str, commit: str, base: str) -> None:
    """Check that a commit is the release of a tag by a merged pull request of ours.

    Raises:
        ShipError: It is not (NS884), or the forge does not answer (NS780 to NS785).
    """
    found = merged_into(pulls, commit, base)
    if found is None or found[0] != tag:
        raise ShipError(NOT_MERGED(f"No pull request of {branch_of(tag)} was merged into {base} as {commit[:10]}."))


@dataclass(frozen=True)
class Proposals:
    """What is known about proposed releases."""

    repository: Repository
    """The checkout."""
    head: str
    """The commit that is checked out."""
    base: str
    """The release branch."""
    refs: Mapping[str, str]
    """The remote's branches and tags: the commit of each, by full name."""
    forge: Releases | None
    earlier: Record | None
    """The record of an earlier run."""
    certain: bool
    """Whether an answer is required; if not, a forge that does not answer counts as having none."""
    told: str = ""
    """The tag of the release that HEAD is, as another job was told by the forge."""

    def of_version(
        self, project: Project, current: str | None, form: TagForm, tags: Collection[str], wanted: str | None
    ) -> Merged | None:
        """Return the release of the version in the files if it was proposed and merged, and has no tag.

        Args:
            project: The project.
            current: The version in its files; None if they have none.
            form: The format of its tags.
            tags: The existing tags, here or on the remote.
            wanted: The argument; if it is another version than this one, none was merged.

        Raises:
            ShipError: HEAD has moved on since (NS882), another job was told of another release (NS884),
                or the forge does not answer (NS780 to NS785).
        """
        if self.told:
            if form.version(self.told) is None or (current and tag_of(project, current, form) != self.told):
                raise ShipError(NOT_MERGED(f"{self.told} was merged, and the project's version is {current}."))
            return Merged(self.told, self.head, "another job of this workflow")
        asked = parse(wanted or "")
        if current is None or asked not in (None, Version(current)):
            return None
        if any(form.version(tag) == Version(current) for tag in tags):
            return None
        tag = tag_of(project, current, form)
        return self.merged(tag, certain=self.certain or (bool(tags) and asked is None))

    def merged(self, tag: str, *, certain: bool) -> Merged | None:
        """Return the release of a tag if HEAD is the result of merging its proposal.

        The forge knows which commit a merged pull request led to. Without a forge, or if it does not say, HEAD must be
        what was proposed: have its tree, or be a merge of the proposed commit.

        Args:
            tag: A tag that does not exist.
            certain: Whether an answer is required; if not, a forge that does not answer counts as having none.

        Raises:
            ShipError: HEAD has moved on since (NS882), or the forge does not answer (NS780 to NS785).
        """
        found = self.find(tag, certain=certain)
        if found and found.commit != self.head:
            short = found.commit[:10]
            what = f"{tag} was merged as {short} ({found.told_by}) and is not released; HEAD is another commit."
            remedy = f"Run `git fetch` and `git switch --detach {short}`, then the same command again."
            raise ShipError(MERGED_BEFORE(what, remedy=remedy))
        return found

    def find(self, tag: str, *, certain: bool) -> Merged | None:
        """Return the release of a tag if its proposal was merged into the current branch.

        Raises:
            ShipError: The forge does not answer (NS780 to NS785).
        """
        branch = branch_of(tag)
        if self.forge is None:
            return self._compared(tag, branch)
        try:
            pulls = self.forge.pulls.merged(branch, self.base)
        except ShipError:
            if found := self._compared(tag, branch):
                return found
            if certain:
                raise
            return None
        for pull in pulls:
            if not self.repository.known([pull.merged]) or self.repository.is_ancestor(pull.merged, self.head):
                return Merged(tag, pull.merged, pull.url)
        return None

    def _compared(self, tag: str, branch: str) -> Merged | None:
        """Return the release if its pushed branch, or the proposal kept here, is the same as HEAD."""
        repository, earlier = self.repository, self.earlier
        kept = earlier if earlier and earlier.tag == tag and earlier.proposal else None
        there = self.refs.get(f"refs/heads/{branch}")
        if kept is None and there in (None, self.head):
            return None
        tip = self.refs.get(f"refs/heads/{self.base}", "")
        if not (tip and repository.known([tip]) and repository.is_ancestor(self.head, tip)):
            return None  # HEAD has not reached the release branch
        parents, tree = repository.parents(self.head), repository.run("rev-parse", f"{self.head}^{{tree}}")
        if kept and (tree == kept.proposal or kept.commit in parents):
            return Merged(tag, self.head, "the proposal kept here")
        if there is None or there == self.head or not repository.known([there]):
            return None
        if there in parents or repository.run("rev-parse", f"{there}^{{tree}}") == tree:
            return Merged(tag, self.head, f"{branch} on the remote")
        return None
