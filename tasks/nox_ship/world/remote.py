"""The git repository that a release is pushed to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nox_ship import process
from nox_ship.errors import Kind, ShipError, shorten
from nox_ship.git import Repository

REMOTE_UNREACHABLE = Kind("NS208", "remote-unreachable", "Check the network and `git remote -v`.")
PUSH_REFUSED = Kind(
    "NS231",
    "push-refused",
    "Nothing was pushed: mend what git's own words say, then run the same command again.",
)


@dataclass(frozen=True)
class Remote:
    """A repository that a release is pushed to.

    Attributes:
        name: What the user calls it, such as ``origin``.
        url: Its address, as git takes it.
        local: A repository to run git in.
    """

    name: str
    url: str
    local: Repository

    def refs(self) -> dict[str, str]:
        """Return the commit of each branch and tag, by full name; annotated tags are followed to their commit.

        Raises:
            ShipError: The remote does not answer (NS208).
        """
        try:
            listing = self.local.run("ls-remote", "--heads", "--tags", self.url, secrets=True)
        except process.CommandFailedError as error:
            reason = shorten(error.done.stderr.strip().splitlines()[-1:])
            raise ShipError(REMOTE_UNREACHABLE(f"The remote {self.name} does not answer: {reason}")) from error
        pairs = (line.split("\t") for line in listing.splitlines())
        return {name.removesuffix("^{}"): commit for commit, name in pairs}  # the peeled line follows its tag

    def push(self, source: Repository, refs: Iterable[str]) -> None:
        """Push ``refs`` of ``source`` in one atomic push: all of them arrive, or none.

        Raises:
            ShipError: The remote or a hook refuses (NS231).
        """
        try:
            source.run("push", "--quiet", "--atomic", self.url, *refs, secrets=True)
        except process.CommandFailedError as error:
            what = f"{self.name} did not take {shorten(refs)}."
            raise ShipError(PUSH_REFUSED(what, detail=error.done.output)) from error
