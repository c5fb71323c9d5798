"""Git repositories on this machine: the user's checkout and clean clones of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nox_ship import process
from nox_ship.errors import Kind, ShipError

NOT_A_REPOSITORY = Kind("NS201", "not-a-repository", "Run `git init`, add the files and commit them.")
NO_COMMIT = Kind("NS202", "no-commit", "Commit the project first.")

BRANCH_VARIABLE = "NOX_SHIP_BRANCH"
"""Environment variable that tells the release branch."""

# Background housekeeping would outlive us, and write to the user's repository.
_QUIET = (
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "advice.detachedHead=false",
)
_ENV = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
# What signing asks for, and what reaching a remote may take besides: of our credentials git gets these and no others,
# because hooks and filters, which are the project's code, get what git gets.
_SIGNS = re.compile(r"^(SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_\w+)$")
_REACHES = re.compile(r"^((SSH|GIT|GPG|GCM)_\w+|(GH|GITHUB|GITLAB|GITEA|FORGEJO)_TOKEN|NETRC|(?i:\w+_proxy))$")
# Settings of a checkout that decide how its commits and tags look; a clone has to be told them.
_IDENTITY = (
    "user.",
    "author.",
    "committer.",
    "commit.",
    "tag.",
    "gpg.",
    "i18n.",
    "core.autocrlf",
    "core.eol",
)


@dataclass(frozen=True)
class Repository:
    """A git repository with a work tree.

    Attributes:
        path: The top folder of the work tree.
    """

    path: Path

    @classmethod
    def at(cls, folder: Path) -> Repository:
        """Return the repository that ``folder`` lies in.

        Raises:
            ShipError: It lies in none (NS201), or that has no commit yet (NS202).
        """
        command = ["git", *_QUIET, "rev-parse", "--show-toplevel", "--verify", "--quiet", "HEAD"]
        done = process.run(command, cwd=folder, env=_ENV, check=False)
        top = done.stdout.partition("\n")[0]
        if done.code and top:
            raise ShipError(NO_COMMIT(f"The git repository at {top} has no commit."))
        if done.code:
            reason = "" if "not a git repository" in done.stderr else f" Git says: {done.stderr.strip()}"
            raise ShipError(NOT_A_REPOSITORY(f"{folder} is not in a git repository.{reason}"))
        return cls(Path(top))

    @classmethod
    def empty(cls, folder: Path, *, sha256: bool = False) -> Repository:
        """Make an empty bare repository in ``folder``, in git's newer object format where ``sha256`` is set."""
        form = "sha256" if sha256 else "sha1"
        process.run(["git", *_QUIET, "init", "--quiet", "--bare", f"--object-format={form}", folder], env=_ENV)
        return cls(folder)

    def run(
        self,
        *args: str | os.PathLike[str],
        env: Mapping[str, str | None] | None = None,
        secrets: bool = False,
        apart: bool = False,
    ) -> str:
        """Run git here and return its standard output, stripped at the end.

        Args:
            args: Its arguments.
            env: Variables to add; None takes one away.
            secrets: Hand on what git may need to authenticate to a remote.
            apart: As in `process.run`.

        Raises:
            CommandFailedError: Git ended with another code than 0.
        """
        command = ["git", *_QUIET, *args]
        full = {**_ENV, **(env or {})}
        wanted = _REACHES if secrets else _SIGNS
        keep = {name for name in process.secret_names(os.environ) if wanted.match(name)}
        keep -= set(process.index_secret_names(os.environ))
        return process.run(command, cwd=self.path, env=full, keep=keep, apart=apart).stdout.rstrip()

    def find(self, *args: str) -> str | None:
        """Run git here and return its standard output, None where it ended with another code than 0."""
        done = process.run(["git", *_QUIET, *args], cwd=self.path, env=_ENV, check=False)
        return None if done.code else done.stdout.rstrip()

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.run("rev-parse", "HEAD")

    @property
    def branch(self) -> str | None:
        """The branch that is checked out, None for a detached HEAD."""
        return self.find("symbolic-ref", "--quiet", "--short", "HEAD")

    @property
    def commit_time(self) -> int:
        """When the checked-out commit was made, in seconds since the epoch."""
        return int(self.run("log", "-1", "--format=%ct"))

    def changes(self, ignore: Iterable[str] = ()) -> list[str]:
        """Return the paths that differ from HEAD, untracked files included.

        Args:
            ignore: Names of folders in which untracked files do not count, at whatever depth.
        """
        listing = self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        entries = [(entry[:2], entry[3:]) for entry in listing.split("\0") if entry]
        skipped = set(ignore)
        return [path for kind, path in entries if kind != "??" or not skipped & set(Path(path).parts)]

    def carry_changes(self, clone: Repository, ignore: Iterable[str] = ()) -> None:
        """Make the work tree of ``clone`` hold the changes of this one, which no commit has."""
        for name in self.changes(ignore):
            ours, theirs = self.path / name, clone.path / name
            if ours.is_symlink() or ours.is_file():
                theirs.parent.mkdir(parents=True, exist_ok=True)
                theirs.unlink(missing_ok=True)
                shutil.copy2(ours, theirs, follow_symlinks=False)
            elif not ours.exists():
                theirs.unlink(missing_ok=True)

    def files(self) -> tuple[str, ...]:
        """Return the files below the work tree's folder that git has or would take, relative to it."""
        listing = self.run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return tuple(name for name in listing.split("\0") if name)

    def tags(self) -> dict[str, str]:
        """Return the commit each tag leads to, by the tag's name."""
        rows = (line.split(" ", 1) for line in (self.find("show-ref", "--tags", "--dereference") or "").splitlines())
        # The line that follows a tag to its commit comes after the tag's own.
        return {ref.removeprefix("refs/tags/").removesuffix("^{}"): commit for commit, ref in rows}

    def known(self, commits: Iterable[str]) -> set[str]:
        """Return those of ``commits`` that are in this repository."""
        command = ["git", *_QUIET, "cat-file", "--batch-check=%(objectname) %(objecttype)"]
        done = process.run(command, cwd=self.path, env=_ENV, stdin="".join(f"{commit}\n" for commit in commits))
        rows = (line.split() for line in done.stdout.splitlines())
        return {name for name, kind, *_ in rows if kind == "commit"}

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether ``older`` is ``newer`` or one of its ancestors."""
        return self.find("merge-base", "--is-ancestor", older, newer) is not None

    def config(self, key: str) -> str | None:
        """Return the value of a git setting, None where it has none."""
        return self.find("config", "--get", key)

    @cached_property
    def hooks(self) -> Path:
        """The folder of the repository's hooks, wherever ``core.hooksPath`` puts it."""
        return (self.path / self.run("rev-parse", "--git-path", "hooks")).resolve()

    @cached_property
    def objects(self) -> Path:
        """The folder of the repository's objects."""
        return (self.path / self.run("rev-parse", "--git-path", "objects")).resolve()

    def remote_names(self) -> list[str]:
        """Return the names of the configured remotes."""
        return self.run("remote").split()

    def default_branch(self) -> str | None:
        """Return the release branch where no setting names it, None where it cannot be told.

        A workflow tells it by ``NOX_SHIP_BRANCH``: a clone in CI often knows no default branch. Else it is a remote's
        default branch as last seen, else ``main`` or ``master``, here or on a remote.
        """
        if told := os.environ.get(BRANCH_VARIABLE):
            return told
        for remote in self.remote_names():
            if head := self.find("symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD"):
                return head.removeprefix(f"{remote}/")
        places = ["refs/heads", *(f"refs/remotes/{remote}" for remote in self.remote_names())]
        names = ((place, name) for place in places for name in ("main", "master"))
        return next((n for place, n in names if self.find("show-ref", "--verify", f"{place}/{n}") is not None), None)

    def release_branch(self, commit: str, wanted: str | None) -> str | None:
        """Return the name of the release branch if it holds ``commit``, here or on a remote as last seen.

        Args:
            commit: A commit.
            wanted: The branch; None for the default branch.
        """
        branch = wanted or self.default_branch()
        names = [f"refs/heads/{branch}", *(f"refs/remotes/{remote}/{branch}" for remote in self.remote_names())]
        return branch if branch and any(self.is_ancestor(commit, name) for name in names) else None

    def clone(self, target: Path, *, branch: str | None = None) -> Repository:
        """Make a clean clone in ``target`` that borrows this repository's objects and fetches nothing.

        The clone commits and tags as this repository would: same identity, signing and hooks.
        """
        at = ["--branch", branch] if branch else []
        settings = [("core.hooksPath", str(self.hooks)), *self._identity()]
        configured = [word for key, value in settings for word in ("--config", f"{key}={value}")]
        self.run("clone", "--quiet", "--shared", *at, *configured, self.path, target)
        clone = Repository(target)
        if (target / ".gitmodules").is_file():
            clone.run("submodule", "update", "--init", "--recursive", "--quiet", secrets=True)
        return clone

    def _identity(self) -> list[tuple[str, str]]:
        listing = self.find("config", "--list", "-z") or ""  # effective: includes can depend on the place
        entries = (entry.partition("\n") for entry in listing.split("\0") if entry)
        return [(key, value) for key, _, value in entries if key.startswith(_IDENTITY)]

    def fast_forward(self, source: Path, branch: str) -> None:
        """Bring ``branch`` to where it is in the repository at ``source``, with its tags.

        Each git that writes here runs apart: what kills us does not stop it half-way.

        Raises:
            CommandFailedError: The branch cannot be fast-forwarded.
        """
        ref = f"refs/heads/{branch}"
        fetch = ("fetch", "--quiet", "--no-auto-maintenance", "--tags", source)
        if self.branch != branch:  # it was switched meanwhile: what is checked out is not ours to change
            self.run(*fetch, f"{ref}:{ref}", apart=True)
            return
        self.run(*fetch, ref, apart=True)
        self.run("merge", "--quiet", "--ff-only", "FETCH_HEAD", apart=True)

    def borrow(self, source: Repository, refs: Iterable[str]) -> None:
        """Take the objects of ``refs`` from another repository on this machine; no ref or file of ours changes."""
        self.run("fetch", "--quiet", "--no-auto-maintenance", "--no-tags", "--no-write-fetch-head", source.path, *refs)

    def count_since(self, commit: str | None) -> int:
        """Return how many commits lead from ``commit`` to HEAD; from the first one on where it is None."""
        return int(self.run("rev-list", "--count", f"{commit}..HEAD" if commit else "HEAD"))

    def merged_tags(self) -> set[str]:
        """Return the names of the tags that HEAD's history holds."""
        return set(self.run("tag", "--merged", "HEAD").splitlines())
