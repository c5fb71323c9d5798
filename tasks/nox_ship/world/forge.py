"""The forge that hosts the remote: GitHub, as far as a release has to do with it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from nox_ship.world.remote import Remote

# `https://`, `git://` and `ssh://` addresses, and ssh's short form; GitHub answers ssh on port 443 under another name.
_URL = re.compile(
    r"(?:[a-z+]+://(?:[^/]*@)?(?:www\.|ssh\.)?github\.com(?::\d+)?/|(?:[^/@:]+@)?(?:ssh\.)?github\.com:)"
    r"/*(?P<owner>[\w-]+)/(?P<name>[\w.-]+?)(?:\.git)?/*",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class GitHub:
    """A repository on GitHub."""

    owner: str
    name: str

    @classmethod
    def of(cls, url: str) -> GitHub | None:
        """Return the repository that a remote's address names; None where it is not on GitHub."""
        match = _URL.fullmatch(url.strip())
        return cls(match["owner"], match["name"]) if match else None

    @property
    def slug(self) -> str:
        """Owner and name, as GitHub writes them."""
        return f"{self.owner}/{self.name}"

    def runs(self, workflow: str) -> str:
        """Return the address of the page with the runs of a workflow file."""
        return f"https://github.com/{self.slug}/actions/workflows/{workflow}"


def follow(remote: Remote, workflow: str) -> str:
    """Return how to follow a workflow that a push to ``remote`` starts, or that runs already, with us in it."""
    if f"/{workflow}@" in os.environ.get("GITHUB_WORKFLOW_REF", ""):
        return "the next jobs of this run go on with it"
    found = GitHub.of(remote.local.find("remote", "get-url", "--push", remote.name) or "")
    where = f"at {found.runs(workflow)} or with `gh run watch`" if found else "with `gh run watch`"
    return f"the tag starts it; follow it {where}"
