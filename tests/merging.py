"""A project whose release branch only accepts pull requests, with real git and a GitHub on this machine."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from failing_forge import SLUG, FailingForge, hosted
from fakes import FakeRemote, Yard, make_yard
from nox_ship.world.remote import Remote
from support import commit_files, git, make_remote

How = Literal["merge", "squash", "rebase"]

PROPOSED = """\
[project]
name = "sample"
version = "1.2.3"

[tool.nox-ship]
branch = "main"
gates = ["tests"]
delivery = "pull-request"
publish.wait = 0.05
"""
"""A project that has its version in a file."""
REFUSING = """\
#!/bin/sh
while read -r old new ref; do
  [ "$ref" = refs/heads/main ] && { echo "error: GH013: Changes must be made through a pull request." >&2; exit 1; }
done
exit 0
"""
"""A hook of the remote that refuses every push to ``main``."""


@dataclass
class Shielded:
    """A yard with a real git remote, whose ``main`` only changes by merged pull requests."""

    yard: Yard
    forge: FailingForge
    bare: Path

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.yard.root

    def refs(self) -> dict[str, str]:
        """Return the refs of the remote."""
        return self.yard.world.remote.refs()

    def there(self, *args: str) -> str:
        """Run git in the remote."""
        return git(self.bare, *args)

    def pull_request(self) -> dict[str, Any]:
        """Return the only open pull request as the forge stores it."""
        (found,) = (pull for pull in self.forge.pulls.values() if pull["state"] == "open")
        return found

    def go_on(self, files: Mapping[str, str], branch: str = "main") -> str:
        """Make a commit by somebody else on ``main``, or on another branch, and return it."""
        other = self._clone(branch)
        commit = commit_files(other, files)
        self._receive(other, branch)
        return commit

    def merge(self, how: How = "squash", pull: dict[str, Any] | None = None) -> str:
        """Merge a pull request as GitHub does, delete its branch, and return the commit on ``main``."""
        pull = pull or self.pull_request()
        branch = pull["head"]["ref"]
        other = self._clone("main")
        git(other, "fetch", "--quiet", "origin", branch)
        tip = git(other, "rev-parse", "FETCH_HEAD")
        if how == "merge":
            git(other, "merge", "--quiet", "--no-ff", "--message", f"Merge pull request #{pull['number']}", tip)
        elif how == "squash":
            git(other, "merge", "--quiet", "--squash", tip)
            git(other, "commit", "--quiet", "--message", f"{pull['title']} (#{pull['number']})")
        else:
            git(other, "cherry-pick", "--no-commit", tip)
            git(other, "commit", "--quiet", "--reuse-message", tip)
        self._receive(other, "main")
        commit = git(other, "rev-parse", "HEAD")
        self.there("update-ref", "-d", f"refs/heads/{branch}")
        pull.update(state="closed", merged_at="2026-01-05T12:00:00Z", merge_commit_sha=commit)
        pull["head"]["sha"] = tip
        return commit

    def update(self) -> None:
        """Update the checkout from the remote, as `git pull` does."""
        git(self.root, "pull", "--quiet", "--ff-only", "origin", "main")

    def forget_files(self) -> None:
        """Empty the indexes, as they serve all their files for every version."""
        for index in (self.yard.world.rehearsal_index, self.yard.world.indexes["pypi"]):
            index.shelf.clear()

    def _clone(self, branch: str) -> Path:
        other = self.bare.with_name(f"other-{next(_NUMBERS)}")
        git(self.bare.parent, "clone", "--quiet", "--branch", branch, str(self.bare), str(other))
        for name, value in (("user.name", "Other"), ("user.email", "other@sample.example")):
            git(other, "config", name, value)
        return other

    def _receive(self, other: Path, branch: str) -> None:
        """Move the branch as a merge on the forge does, which no rule refuses."""
        self.there("fetch", "--quiet", str(other), f"+HEAD:refs/heads/{branch}")


_NUMBERS = itertools.count()


def hook(bare: Path) -> Path:
    """Return the path of the hook that protects ``main``."""
    return bare / "hooks" / "pre-receive"


def shielded(folder: Path, forge: FailingForge, files: Mapping[str, str | bytes] | None = None) -> Shielded:
    """Make such a project, with additional ``files``."""
    yard = make_yard(folder, {"pyproject.toml": PROPOSED, **(files or {})})
    bare = make_remote(yard.repository, folder / "remote.git")
    hook(bare).write_text(REFUSING, "utf-8")
    hook(bare).chmod(0o755)
    yard.world.remote = cast("FakeRemote", Remote("origin", "origin", yard.repository))
    assert forge.slug == SLUG
    return Shielded(hosted(forge, yard), forge, bare)
