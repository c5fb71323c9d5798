"""How a proven release reaches the remote: by a push, or by a pull request that somebody merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nox_ship.config import Delivery as Wanted

BRANCHES = "release/"
"""What the branches begin with from which releases are proposed."""


@dataclass(frozen=True)
class Delivery:
    """The way that a release takes to the remote."""

    way: Literal["push", "pull request"]
    why: str
    """What decided that."""

    @property
    def proposes(self) -> bool:
        """Whether the release is proposed by a pull request."""
        return self.way == "pull request"


PUSH = Delivery("push", "nothing known stands in the way of a push")


def branch_of(tag: str) -> str:
    """Return the branch from which the release of a tag is proposed."""
    return f"{BRANCHES}{tag}"


def choose(wanted: Wanted) -> Delivery:
    """Return the way that a release takes.

    Args:
        wanted: What the setting says.
    """
    if wanted == "pull-request":
        return Delivery("pull request", 'the setting `delivery = "pull-request"`')
    return PUSH
