"""The git repository that a release is pushed to."""

from __future__ import annotations

import os
from collections.abc import Mapping
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

_REASONS = (
    (
        ("protected branch", "GH006", "GH013", "pre-receive hook declined", "not allowed to push"),
        "The remote protects the branch or the tag: let whoever releases past the rule, or push as someone who may.",
    ),
    (
        ("fetch first", "non-fast-forward", "stale info", "cannot lock ref", "already exists"),
        "Someone was faster. Nothing was pushed: `git pull --ff-only`, then run the same command again.",
    ),
    (
        ("Permission denied", "403", "Authentication failed", "could not read Username", "denied to"),
        "Nothing was pushed: you may not write there. Check `git remote -v` and your access, then run it again.",
    ),
)
"""What git and its servers are known to say, and what is to be done about it."""


@dataclass(frozen=True)
class Remote:
    """A repository that a release is pushed to.

    Attributes:
        name: What the user calls it, such as ``origin``.
        url: Its address, or the name under which ``local`` knows it, as git takes it.
        local: The repository to run git in: its settings and hooks count.
    """

    name: str
    url: str
    local: Repository

    def _talk(self, *args: str) -> str:
        """Run git with what it may need to authenticate."""
        return self.local.run(*_token_of_the_job(), *args, secrets=True)

    def refs(self) -> dict[str, str]:
        """Return the commit of each branch and tag, by full name; annotated tags are followed to their commit.

        Raises:
            ShipError: The remote does not answer (NS208).
        """
        try:
            listing = self._talk("ls-remote", "--heads", "--tags", self.url)
        except process.CommandFailedError as error:
            reason = shorten(error.done.stderr.strip().splitlines()[-1:])
            raise ShipError(REMOTE_UNREACHABLE(f"The remote {self.name} does not answer: {reason}")) from error
        pairs = (line.split("\t") for line in listing.splitlines())
        return {name.removesuffix("^{}"): commit for commit, name in pairs}  # the peeled line follows its tag

    def _arrived(self, refs: Mapping[str, str]) -> bool | None:
        """Whether a push that failed came through all the same; None where the remote does not tell.

        A connection can end after the server took what it was sent.
        """
        try:
            listing = self._talk("ls-remote", self.url, *refs)
        except process.CommandFailedError:
            return None
        there = {name: commit for commit, name in (line.split("\t") for line in listing.splitlines())}
        return all(there.get(name) == ref for name, ref in refs.items())

    def fetch(self, commit: str) -> None:
        """Take a commit of the remote, without its history.

        Raises:
            ShipError: The remote does not have it, or does not answer (NS208).
        """
        try:
            self._talk("fetch", "--quiet", "--no-auto-maintenance", "--no-tags", "--depth=1", self.url, commit)
        except process.CommandFailedError as error:
            what = f"The remote {self.name} does not hand out {commit[:10]}."
            raise ShipError(REMOTE_UNREACHABLE(what, detail=error.done.output)) from error

    def holds(self, commit: str, branch: str) -> bool:
        """Whether the remote's ``branch`` holds a commit; what is missing here to tell is fetched.

        Raises:
            ShipError: The remote does not answer (NS208).
        """
        tip = self.refs().get(f"refs/heads/{branch}")
        if tip is None:
            return False
        shallow = self.local.find("rev-parse", "--is-shallow-repository") == "true"
        if shallow or tip not in self.local.known([tip]):
            deepen = ["--unshallow"] if shallow else []
            options = ("--quiet", "--no-auto-maintenance", "--no-tags", "--no-write-fetch-head", *deepen)
            self._talk("fetch", *options, self.url, tip)
        return self.local.is_ancestor(commit, tip)

    def push(self, source: Repository, refs: Mapping[str, str]) -> None:
        """Push objects of ``source`` in one atomic push: all of them arrive, or none.

        It is done from ``local``, which borrows the objects first: its own settings, credential helpers and hooks
        count, and what its remote-tracking branches come to name exists there.

        Args:
            source: The repository that holds the objects.
            refs: The object to push, by the full name of the ref that it is pushed to.

        Raises:
            ShipError: The remote or a hook refuses (NS231).
        """
        if source.path != self.local.path:
            self.local.borrow(source, refs)
        try:
            specs = (f"{name}:{ref}" for ref, name in refs.items())
            self._talk("push", "--quiet", "--atomic", self.url, *specs)
        except process.CommandFailedError as error:
            arrived = self._arrived(refs)
            if arrived:
                return
            said = error.done.output
            remedy = next((text for signs, text in _REASONS if any(sign in said for sign in signs)), None)
            if arrived is None:
                remedy = "Whether it arrived is not known: run the same command again when the remote answers."
            what = f"{self.name} did not take {shorten(refs)}."
            raise ShipError(PUSH_REFUSED(what, remedy=remedy, detail=said)) from error


def _token_of_the_job() -> list[str]:
    """Let git take the token of a job of GitHub Actions from the environment, so that no file has to hold it."""
    server = os.environ.get("GITHUB_SERVER_URL")
    if not (server and os.environ.get("GITHUB_ACTIONS") and os.environ.get("GITHUB_TOKEN")):
        return []
    helper = '!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f'
    return ["-c", f"credential.{server}.helper={helper}"]


def remote_name(repository: Repository, wanted: str | None) -> str | None:
    """Return the name of the remote to release to: the one wanted, else the branch's own, else ``origin``."""
    if wanted:
        return wanted
    names = repository.remote_names()
    branch = repository.branch
    own = repository.config(f"branch.{branch}.remote") if branch else None
    if own in names:
        return own
    return "origin" if "origin" in names else next(iter(names), None)
