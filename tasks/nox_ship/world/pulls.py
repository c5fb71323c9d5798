"""The pull requests of a repository on GitHub.

https://docs.github.com/en/rest/pulls/pulls describes the calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from nox_ship.errors import ShipError
from nox_ship.world.github import REFUSED, GitHubApi, UnclearError, message, parsed

LONGEST_BODY = 65_536
"""The longest text of a pull request that GitHub accepts, in characters."""
_INVALID = 422
_THERE = "pull request already exists"
"""GitHub's message if a branch already has an open pull request."""


@dataclass(frozen=True)
class PullRequest:
    """A pull request on the forge."""

    number: int
    url: str
    title: str
    body: str
    branch: str
    """The branch to merge."""
    commit: str
    """The tip of that branch."""
    base: str
    """The branch to merge it into."""
    own: bool
    """Whether the branch is in this repository; the branches of a fork may have any name."""
    open: bool
    merged: str
    """The commit on the base branch that the merge made, in whatever way; empty if it is not merged."""


@dataclass(frozen=True)
class PullRequests:
    """The pull requests of one repository."""

    api: GitHubApi

    def of_branch(self, branch: str, base: str) -> tuple[PullRequest, ...]:
        """Return the pull requests from a branch of this repository into ``base``, in any state.

        The newest comes first.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        owner = self.api.slug.partition("/")[0]
        query = urlencode({"state": "all", "head": f"{owner}:{branch}", "base": base})
        found = _pulls(self.api, self.api.pages(f"/pulls?{query}"))
        return tuple(pull for pull in found if pull.own and (pull.branch, pull.base) == (branch, base))

    def merged(self, branch: str, base: str) -> tuple[PullRequest, ...]:
        """Return the merged ones among them.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        return tuple(pull for pull in self.of_branch(branch, base) if pull.merged)

    def that_made(self, commit: str, base: str) -> tuple[PullRequest, ...]:
        """Return the pull requests from branches of this repository whose merge led to a commit on ``base``.

        Raises:
            ShipError: The API does not tell (NS780 to NS785).
        """
        found = _pulls(self.api, self.api.pages(f"/commits/{commit}/pulls", absent=(_INVALID,)))
        return tuple(pull for pull in found if pull.own and (pull.merged, pull.base) == (commit, base))

    def opened(self, base: str) -> tuple[PullRequest, ...]:
        """Return the open pull requests from branches of this repository into ``base``.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        found = _pulls(self.api, self.api.pages(f"/pulls?{urlencode({'state': 'open', 'base': base})}"))
        return tuple(pull for pull in found if pull.own and pull.open and pull.base == base)

    def bring(self, branch: str, base: str, title: str, body: str) -> tuple[PullRequest, bool]:
        """Open the pull request of a branch, or update the open one; return it, and whether it is new.

        GitHub allows one open pull request from a branch to another. If two are opened at once, one caller is told that
        there already is one, and updates that.

        Raises:
            UnclearError: There is no answer (NS780).
            ShipError: The API refuses it (NS781 to NS785).
        """
        wanted = {"title": title, "body": body}
        if found := self.open_from(branch, base):
            return self.change(found, wanted), False
        try:
            answer = self.api.ask("POST", "/pulls", {**wanted, "head": branch, "base": base}, allowed=(_INVALID,))
        except UnclearError:
            if found := self.open_from(branch, base):
                return found, True
            raise
        if answer.ok:
            return _pull(self.api, parsed(answer, dict)), True
        if _THERE in message(answer) and (found := self.open_from(branch, base)):
            return self.change(found, wanted), False
        raise ShipError(REFUSED(f"GitHub does not open a pull request for {branch}: {message(answer)}."))

    def open_from(self, branch: str, base: str) -> PullRequest | None:
        """Return the open pull request of a branch; None if it has none.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        return next((pull for pull in self.of_branch(branch, base) if pull.open), None)

    def change(self, pull: PullRequest, values: Mapping[str, str]) -> PullRequest:
        """Change a pull request's title or text, if they differ.

        Raises:
            ShipError: The API refuses it (NS780 to NS785).
        """
        if all(getattr(pull, name) == value for name, value in values.items()):
            return pull
        return _pull(self.api, parsed(self.api.ask("PATCH", f"/pulls/{pull.number}", dict(values)), dict))


def _pulls(api: GitHubApi, told: Iterable[Any]) -> list[PullRequest]:
    return [_pull(api, one) for one in told]


def _pull(api: GitHubApi, told: Mapping[str, Any]) -> PullRequest:
    try:
        repository = told["head"].get("repo") or {}  # a fork may have been deleted
        return PullRequest(
            number=int(told["number"]),
            url=str(told.get("html_url") or ""),
            title=str(told.get("title") or ""),
            body=str(told.get("body") or ""),
            branch=str(told["head"]["ref"]),
            commit=str(told["head"]["sha"]),
            base=str(told["base"]["ref"]),
            own=str(repository.get("full_name")).lower() == api.slug.lower(),
            open=told["state"] == "open",
            merged=_commit(told["merge_commit_sha"]) if told.get("merged_at") else "",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ShipError(REFUSED("GitHub's pull request is not what its documentation says.", remedy="")) from error


def _commit(told: object) -> str:
    if not isinstance(told, str) or not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", told):
        raise ValueError
    return told
