"""How a proven release reaches the remote: by a push, or by a pull request that somebody merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nox_ship.config import Delivery as Wanted
from nox_ship.errors import Findings, Kind, shorten
from nox_ship.world.releases import Releases
from nox_ship.world.remote import Remote

Way = Literal["push", "pull request"]
BRANCHES = "release/"
"""The prefix of branches from which releases are proposed."""


OTHERS_ON_BRANCH = Kind(
    "NS880",
    "others-on-release-branch",
    "Merge the pull request with these commits, or delete the branch and run the same command again.",
)
BY_PULL_REQUEST = Kind(
    "NS883",
    "release-proposed",
    'To push it instead, bypass these rules and set `delivery = "push"` in [tool.nox-ship].',
    level="notice",
)


@dataclass(frozen=True)
class Delivery:
    """How a release reaches the remote."""

    way: Way
    why: str
    """The reason."""

    @property
    def proposes(self) -> bool:
        """Whether the release is proposed in a pull request."""
        return self.way == "pull request"


PUSH = Delivery("push", "no known rule prevents a push")


def branch_of(tag: str) -> str:
    """Return the branch from which the release of a tag is proposed."""
    return f"{BRANCHES}{tag}"


def made_by_others(remote: Remote, tip: str, title: str, head: str) -> str:
    """Return why the tip of a release branch must not be replaced; empty if it looks like an earlier proposal.

    Args:
        remote: The remote with the branch; its ``local`` receives the commit.
        tip: The remote's commit there.
        title: The first line of the release commit's message.
        head: The commit that the release is made from, with its history.

    Raises:
        ShipError: The remote does not answer (NS208).
    """
    remote.bring(tip)
    local = remote.local
    subject, parents = local.run("log", "-1", "--format=%s", tip), local.parents(tip)
    if subject != title:
        return f"a commit that no release made: {subject}"
    if len(parents) == 1 and local.is_ancestor(parents[0], head):
        return ""
    return "which is not a direct child of a commit on the release branch"


def choose(wanted: Wanted, forge: Releases | None, branch: str, *, refused: bool) -> Delivery:
    """Decide how a release is delivered.

    A forge that does not report its rules decides nothing: a refused push changes nothing, and then the release is
    proposed.

    Args:
        wanted: The setting.
        forge: The forge, which may have rules for the branch.
        branch: The release branch.
        refused: Whether the remote has refused a push of this release because it protects the branch.
    """
    if wanted != "auto":
        way: Way = "pull request" if wanted == "pull-request" else "push"
        return Delivery(way, f'the setting `delivery = "{wanted}"`')
    if refused:
        return Delivery("pull request", f"the remote protects {branch} and refused a push of this release")
    rules = Findings().catch(lambda: forge.in_the_way(branch)) if forge else None
    if rules:
        return Delivery("pull request", f"{branch} on {forge.where if forge else ''} has rules: {shorten(rules)}")
    return PUSH
