"""The forge that hosts the remote: GitHub, as far as a release has to do with it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from nox_ship.world.remote import Remote

_URL = re.compile(r"(?:^|[/@])github\.com[:/](?P<owner>[^/]+)/(?P<name>[^/]+?)(?:\.git)?/?$")


@dataclass(frozen=True)
class GitHub:
    """A repository on GitHub."""

    owner: str
    name: str

    @classmethod
    def of(cls, url: str) -> GitHub | None:
        """Return the repository that a remote's address names; None where it is not on GitHub."""
        match = _URL.search(url)
        return cls(match["owner"], match["name"]) if match else None

    @property
    def slug(self) -> str:
        """Owner and name, as GitHub writes them."""
        return f"{self.owner}/{self.name}"

    def runs(self, workflow: str) -> str:
        """Return the address of the page with the runs of a workflow file."""
        return f"https://github.com/{self.slug}/actions/workflows/{workflow}"


def follow(remote: Remote, workflow: str, *, waits: bool = False) -> str:
    """Return how to follow a workflow that a push to ``remote`` starts, or that runs already, with us in it.

    Args:
        remote: Where the tag is pushed to.
        workflow: The workflow's file name.
        waits: Whether it waits until somebody publishes a GitHub Release.
    """
    if f"/{workflow}@" in os.environ.get("GITHUB_WORKFLOW_REF", ""):
        return "the next jobs of this run go on with it"
    found = GitHub.of(remote.local.find("remote", "get-url", remote.name) or "")
    where = f"at {found.runs(workflow)} or with `gh run watch`" if found else "with `gh run watch`"
    return f"{'publish a GitHub Release to start it' if waits else 'the tag starts it'}; follow it {where}"
