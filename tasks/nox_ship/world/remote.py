"""The git repository that a release is pushed to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nox_ship import process
from nox_ship.errors import Kind, ShipError, shorten
from nox_ship.git import Repository

REMOTE_UNREACHABLE = Kind("NS208", "remote-unreachable", "Check the network and `git remote -v`.")
PUSH_REFUSED = Kind(
    "NS231",
    "push-refused",
    "Nothing was pushed: fix the problem that git reports, then run the same command again.",
)
UNKNOWN_REMOTE = Kind(
    "NS214", "unknown-remote", "Correct `remote` in [tool.nox-ship], or add it with `git remote add`."
)
SEVERAL_ADDRESSES = Kind(
    "NS215",
    "several-push-addresses",
    "Set `remote` in [tool.nox-ship] to a remote with one address, and mirror the repository from there.",
)
PUSH_UNCLEAR = Kind(
    "NS238",
    "push-unclear",
    "Run the same command again once the remote answers: it checks whether the push arrived, and finishes the release.",
)

_PROTECTS = ("protected branch", "GH006", "GH013", "pre-receive hook declined", "not allowed to push")
"""What git's servers say if rules for a branch or a tag refuse a push."""
_TAG_PROTECTED = re.compile(r"GH0(?:06|13)\b[^\n]*refs/tags/")
_REASONS = (
    (
        _PROTECTS,
        "The remote protects the branch or tag: add the releasing user to the rule's bypass list, or push as another.",
    ),
    (
        ("fetch first", "non-fast-forward", "stale info", "cannot lock ref", "already exists"),
        "Nothing was pushed, as the remote has newer commits: `git pull --ff-only`, then run the same command again.",
    ),
    (
        ("Permission denied", "403", "Authentication failed", "could not read Username", "denied to"),
        "Nothing was pushed, as you have no write access: check `git remote -v` and your rights, then run it again.",
    ),
)
"""Known messages of git and its servers, and what to do about each."""
_TOLD = ("[rejected]", "[remote rejected]")
"""How git marks a ref about which the server has answered."""
_CUT_OFF = (
    "hung up unexpectedly",
    "unexpected disconnect",
    "RPC failed",
    "early EOF",
    "Connection reset",
    "Broken pipe",
)
"""Git's messages if the connection ended before the server reported the result of the push."""

_ASKED = "nox-ship-asked"
"""The name that git uses for our address during one run."""


class PushUnclearError(ShipError):
    """The push may have arrived, or may still arrive (NS238)."""


class BranchProtectedError(ShipError):
    """Rules for the branch refuse the push (NS231): nothing arrived."""


@dataclass(frozen=True)
class Remote:
    """A repository that a release is pushed to.

    Attributes:
        name: The user's name for it, such as ``origin``.
        url: Its address, or the name under which ``local`` knows it.
        local: The repository in which git runs, with its settings and hooks.
        asked: The address that is asked for refs if it differs from ``url``, since a remote may be fetched from one
            address and pushed to another.
        seconds: How long an answer about its refs may take; None for no limit.
    """

    name: str
    url: str
    local: Repository
    asked: str | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, repository: Repository, wanted: str | None) -> Remote | None:
        """Return the remote that a release is pushed to; None if there is none.

        Args:
            repository: The user's checkout.
            wanted: The remote's name in the settings, if set.

        Raises:
            ShipError: There is no remote of that name, or several and no way to choose (NS214); or it has several push
                addresses, which no atomic push can reach (NS215).
        """
        name = remote_name(repository, wanted)
        if name is None:
            return None
        addresses = (repository.find("remote", "get-url", "--push", "--all", name) or name).splitlines()
        if len(addresses) > 1:
            raise ShipError(SEVERAL_ADDRESSES(f"The remote {name} has {len(addresses)} push addresses."))
        fetched = (repository.find("remote", "get-url", name) or name).splitlines()
        return cls(name, name, repository, None if fetched == addresses else addresses[0])

    def _talk(self, *args: str, seconds: float | None = None) -> str:
        """Run git with the variables that it may need to authenticate."""
        asked = [(f"remote.{_ASKED}.url", self.asked)] if self.asked else []
        return self.local.run(*_token_of_the_job(), *args, settings=asked, secrets=True, seconds=seconds)

    @property
    def _told_by(self) -> str:
        """The name for git to ask: an address may contain a password, which must not be an argument."""
        return _ASKED if self.asked else self.url

    def refs(self) -> dict[str, str]:
        """Return the commit of each branch and tag, by full name; annotated tags are resolved to their commit.

        Raises:
            ShipError: The remote does not answer (NS208).
        """
        try:
            listing = self._talk("ls-remote", "--heads", "--tags", self._told_by, seconds=self.seconds)
        except process.TimedOutError as error:
            what = f"The remote {self.name} did not answer within {self.seconds:.0f} seconds."
            raise ShipError(REMOTE_UNREACHABLE(what)) from error
        except process.CommandFailedError as error:
            reason = shorten(error.done.stderr.strip().splitlines()[-1:])
            raise ShipError(REMOTE_UNREACHABLE(f"The remote {self.name} does not answer: {reason}")) from error
        pairs = (line.split("\t") for line in listing.splitlines())
        return {name.removesuffix("^{}"): commit for commit, name in pairs}  # the peeled line follows its tag

    def _arrived(self, refs: Mapping[str, str], failed: process.Done) -> bool | None:
        """Whether a failed push succeeded after all; None if unknown.

        A connection can end after the server received everything, but before it created the refs.
        """
        said = failed.output
        if any(sign in said for sign in _TOLD):
            return False
        try:
            listing = self._talk("ls-remote", self._told_by, *refs)
        except process.CommandFailedError:
            return None
        there = {name: commit for commit, name in (line.split("\t") for line in listing.splitlines())}
        if all(there.get(name) == ref for name, ref in refs.items()):
            return True
        taken = any(name.startswith("refs/tags/") for name in there)  # by somebody else, so ours cannot arrive any more
        cut_off = failed.code < 0 or any(sign in said for sign in _CUT_OFF)
        return None if cut_off and not taken else False

    def fetch(self, commit: str) -> None:
        """Fetch a commit of the remote, without its history.

        Raises:
            ShipError: The remote does not have it, or does not answer (NS208).
        """
        try:
            self._talk("fetch", "--quiet", "--no-auto-maintenance", "--no-tags", "--depth=1", self.url, commit)
        except process.CommandFailedError as error:
            what = f"The remote {self.name} does not provide {commit[:10]}."
            raise ShipError(REMOTE_UNREACHABLE(what, detail=error.done.output)) from error

    def bring(self, commit: str) -> None:
        """Fetch a commit of the remote with its history, if it is not here.

        Raises:
            ShipError: The remote does not answer (NS208).
        """
        shallow = self.local.find("rev-parse", "--is-shallow-repository") == "true"
        if not shallow and self.local.known([commit]):
            return
        deepen = ["--unshallow"] if shallow else []
        options = ("--quiet", "--no-auto-maintenance", "--no-tags", "--no-write-fetch-head", *deepen)
        try:
            self._talk("fetch", *options, self._told_by, commit)
        except process.CommandFailedError as error:
            what = f"The remote {self.name} does not provide {commit[:10]}."
            raise ShipError(REMOTE_UNREACHABLE(what, detail=error.done.output)) from error

    def holds(self, commit: str, branch: str) -> bool:
        """Whether the remote's ``branch`` contains a commit; history that is missing here is fetched.

        Raises:
            ShipError: The remote does not answer (NS208).
        """
        tip = self.refs().get(f"refs/heads/{branch}")
        if tip is None:
            return False
        self.bring(tip)
        return self.local.is_ancestor(commit, tip)

    def push(self, source: Repository, refs: Mapping[str, str], replaces: Mapping[str, str] | None = None) -> None:
        """Push objects of ``source`` by their hash, in one atomic push: all of them arrive, or none.

        git runs in ``local``, which borrows the objects first, so that its own settings, credential helpers and hooks
        apply, and its remote-tracking branches point to existing objects.

        Args:
            source: The repository with the objects.
            refs: The object to push for each ref, by the ref's full name.
            replaces: The value that a ref must have before the push, by its full name, whatever it is replaced with;
                empty if the ref must not exist. Other refs are only moved forward.

        Raises:
            PushUnclearError: It is unknown whether it arrived (NS238).
            BranchProtectedError: Rules for the branch refuse it (NS231): nothing arrived.
            ShipError: The remote or a hook refuses (NS231): nothing arrived.
        """
        if source.path != self.local.path:
            self.local.borrow(source, refs.values())
        try:
            specs = (f"{name}:{ref}" for ref, name in refs.items())
            leases = (f"--force-with-lease={ref}:{there}" for ref, there in (replaces or {}).items())
            self._talk("push", "--quiet", "--atomic", "--no-follow-tags", *leases, self.url, *specs)
        except process.CommandFailedError as error:
            said, arrived = error.done.output, self._arrived(refs, error.done)
            if arrived:
                return
            if arrived is None:
                what = f"{self.name} did not confirm that it accepted {shorten(refs)}."
                raise PushUnclearError(PUSH_UNCLEAR(what, detail=said)) from error
            remedy = next((text for signs, text in _REASONS if any(sign in said for sign in signs)), None)
            what = f"{self.name} did not accept {shorten(refs)}."
            protected = any(sign in said for sign in _PROTECTS) and not _TAG_PROTECTED.search(said)
            kind = BranchProtectedError if protected else ShipError
            raise kind(PUSH_REFUSED(what, remedy=remedy, detail=said)) from error


def is_pushed(refs: Mapping[str, str], branch: str | None, tag: str, commit: str | None) -> bool:
    """Whether a remote with these refs has the release; branch and tag arrive together, but branches move on."""
    return refs.get(f"refs/tags/{tag}") == commit is not None and f"refs/heads/{branch}" in refs


def _token_of_the_job() -> list[str]:
    """Make git read the token of a GitHub Actions job from the environment, so that no file has to hold it."""
    seen = process.inherited(process.other_secrets())
    server = seen.get("GITHUB_SERVER_URL")
    if not (server and seen.get("GITHUB_ACTIONS") and seen.get("GITHUB_TOKEN")):
        return []
    helper = '!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f'
    return ["-c", f"credential.{server}.helper={helper}"]


def remote_name(repository: Repository, wanted: str | None) -> str | None:
    """Return the name of the remote to release to; None if there is none.

    It is the configured one, else the branch's own, else ``origin``, else the only one.

    Raises:
        ShipError: There is no remote of the configured name, or several and no way to choose (NS214).
    """
    chosen, names = repository.remotes(wanted)
    if wanted and wanted not in names:
        there = shorten(names) or "none"
        raise ShipError(UNKNOWN_REMOTE(f"There is no remote {wanted!r}; the repository has {there}."))
    if chosen is None and names:
        what = f"The branch tracks none of the remotes {shorten(names)}, and none is called origin."
        raise ShipError(UNKNOWN_REMOTE(what, remedy="Set `remote` in [tool.nox-ship] to the one to release to."))
    return chosen
