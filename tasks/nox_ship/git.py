"""Git repositories on this machine: the user's checkout and clean clones of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nox_ship import process
from nox_ship.addresses import holds_password, without_passwords
from nox_ship.errors import Kind, ShipError
from nox_ship.files import write_whole

NOT_A_REPOSITORY = Kind("NS201", "not-a-repository", "Run `git init`, add the files and commit them.")
NO_COMMIT = Kind("NS202", "no-commit", "Commit the project first.")
NO_SUBMODULE = Kind(
    "NS870",
    "submodule-unavailable",
    "Run `git submodule update --init --recursive` here, since checked-out submodules need no network; in a workflow,"
    " give the checkout step `submodules: recursive` and a token or key with read access.",
)

BRANCH_VARIABLE = "NOX_SHIP_BRANCH"
"""Environment variable with the name of the release branch."""

# Background housekeeping would outlive us and write to the user's repository; the other settings change what we read.
_QUIET = (
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "advice.detachedHead=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "diff.ignoreSubmodules=none",
)
# gettext prefers LANGUAGE to LC_ALL, except in the locale "C", in which file names would not be UTF-8.
_ENV = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8", "LANGUAGE": ""}
# Variables for signing and for reaching a remote. git receives these credentials of ours and no others, because hooks
# and filters, which are the project's code, receive whatever git does.
_SIGNS = re.compile(r"^(SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_\w+)$")
_REACHES = re.compile(r"^((SSH|GIT|GPG|GCM)_\w+|(GH|GITHUB|GITLAB|GITEA|FORGEJO)_TOKEN|NETRC|(?i:\w+_proxy))$")
# Settings of a checkout that affect its files, commits and tags, and must be copied to a clone.
_CARRIED = (
    "user.",
    "author.",
    "committer.",
    "commit.",
    "tag.",
    "gpg.",
    "i18n.",
    "core.attributesfile",
    "core.autocrlf",
    "core.eol",
    "filter.",
    "lfs.",
    "submodule.",
)
_SUBMODULE = "160000"
"""The mode of an entry for a commit of another repository (a submodule)."""
# Settings of a remote from which a partial clone gets missing objects.
_PROMISED = ("url", "promisor", "partialclonefilter")


@dataclass(frozen=True)
class Repository:
    """A git repository with a work tree.

    Attributes:
        path: The top folder of the work tree.
        keep: Names of variables that git receives although they look like credentials.
    """

    path: Path
    keep: tuple[str, ...] = ()

    @classmethod
    def at(cls, folder: Path, keep: tuple[str, ...] = ()) -> Repository:
        """Return the repository that ``folder`` is in.

        Raises:
            ShipError: It is in none (NS201), or that has no commit yet (NS202).
        """
        command = ["git", *_QUIET, "rev-parse", "--show-toplevel", "--verify", "--quiet", "HEAD"]
        done = process.run(command, cwd=folder, env=_ENV, keep=keep, check=False, exact=True)
        top = done.stdout.partition("\n")[0]
        if done.code and top:
            raise ShipError(NO_COMMIT(f"The git repository at {top} has no commits."))
        if done.code:
            if "not a git repository" in done.stderr:
                raise ShipError(NOT_A_REPOSITORY(f"{folder} is not in a git repository."))
            what = f"{folder} is not in a usable git repository. Git says: {done.stderr.strip()}"
            raise ShipError(NOT_A_REPOSITORY(what, remedy="Fix the problem that git reports."))
        return cls(Path(top), keep)

    @classmethod
    def empty(cls, folder: Path, *, sha256: bool = False) -> Repository:
        """Make an empty bare repository in ``folder``; with ``sha256``, in git's newer object format."""
        form = "sha256" if sha256 else "sha1"
        process.run(["git", *_QUIET, "init", "--quiet", "--bare", f"--object-format={form}", folder], env=_ENV)
        return cls(folder)

    def run(
        self,
        *args: str | os.PathLike[str],
        env: Mapping[str, str | None] | None = None,
        settings: Sequence[tuple[str, str]] = (),
        secrets: bool = False,
        apart: bool = False,
        seconds: float | None = None,
    ) -> str:
        """Run git here and return its standard output, stripped at the end.

        Args:
            args: Its arguments.
            env: Variables to add; None removes one.
            settings: Settings of git for this run, passed so that no other user can read them.
            secrets: Pass on what git may need to authenticate to a remote.
            apart: As in `process.run`.
            seconds: As in `process.run`.

        Raises:
            CommandFailedError: Git exited with another code than 0.
        """
        command = ["git", *_QUIET, *args]
        wanted = _REACHES if secrets else _SIGNS
        keep = {*self.keep, *filter(wanted.match, process.other_secrets())}
        told = _numbered(settings, process.inherited(keep)) if settings else {}
        full = {**_ENV, **(env or {}), **told}
        return process.run(command, cwd=self.path, env=full, keep=keep, apart=apart, seconds=seconds).stdout.rstrip()

    def find(self, *args: str) -> str | None:
        """Run git here and return its standard output; None if it exited with another code than 0."""
        done = process.run(["git", *_QUIET, *args], cwd=self.path, env=_ENV, keep=self.keep, check=False)
        return None if done.code else done.stdout.rstrip()

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.run("rev-parse", "HEAD")

    @property
    def branch(self) -> str | None:
        """The branch that is checked out; None for a detached HEAD."""
        ref = self.find("symbolic-ref", "--quiet", "HEAD")  # `--short` prints "heads/x" if a tag is called x too
        return ref.removeprefix("refs/heads/") if ref else None

    @property
    def commit_time(self) -> int:
        """When the checked-out commit was made, in seconds since the epoch."""
        return int(self.run("log", "-1", "--format=%ct"))

    def changes(self, ignore: Iterable[str] = ()) -> list[str]:
        """Return the paths that differ from HEAD, including untracked files.

        Args:
            ignore: Names of folders, at any depth, in which untracked files are ignored.
        """
        listing = self.listed("status", "-z", "--untracked-files=all", "--no-renames")
        entries = [(entry[:2], entry[3:]) for entry in listing]
        skipped = set(ignore)
        return [path for kind, path in entries if kind != "??" or not skipped & set(Path(path).parts)]

    def carry_changes(self, clone: Repository, ignore: Iterable[str] = ()) -> None:
        """Copy the uncommitted changes of this work tree to that of ``clone``."""
        names = sorted(self.changes(ignore), key=lambda name: Path(name).parts)  # what a symlink replaces comes later
        for name in names:
            _remove(clone.path / name)
        for name in names:
            ours, theirs = self.path / name, clone.path / name
            if ours.is_symlink() or ours.is_file():
                theirs.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ours, theirs, follow_symlinks=False)
            elif (ours / ".git").exists() and not name.endswith("/"):  # a submodule; others end in a slash
                inner = Repository(ours, self.keep)
                inner.carry_changes(inner.clone(theirs))

    def files(self) -> tuple[str, ...]:
        """Return the files below the work tree's folder that git tracks or would add, relative to it."""
        return tuple(self.listed("ls-files", "-z", "--cached", "--others", "--exclude-standard"))

    def tracked(self) -> dict[str, str]:
        """Return the object ID of each tracked file, also in checked-out submodules, by its name.

        Names are relative to the work tree's folder; those of a repository's other files begin with ``../``.
        """
        found: dict[str, str] = {}
        for entry in self.listed("ls-files", "-z", "--cached", "--stage", ":/"):
            facts, _, name = entry.partition("\t")
            mode, object_id, _ = facts.split()
            if mode != _SUBMODULE:
                found[name] = object_id
            elif (self.path / name / ".git").exists():
                inner = Repository(self.path / name, self.keep).tracked()
                found.update({f"{name}/{path}": object_id for path, object_id in inner.items()})
        return found

    def listed(self, *args: str, env: Mapping[str, str] | None = None) -> list[str]:
        """Run git here and return the NUL-terminated items that it lists; names are as in the file system.

        Args:
            args: Its arguments.
            env: Variables to add.

        Raises:
            CommandFailedError: Git exited with another code than 0.
        """
        full = {**_ENV, **(env or {})}
        done = process.run(["git", *_QUIET, *args], cwd=self.path, env=full, keep=self.keep, exact=True)
        return [entry for entry in done.stdout.split("\0") if entry]

    def links(self) -> list[Path]:
        """Return the committed symlinks."""
        entries = self.listed("ls-files", "-z", "--stage")
        return [self.path / entry.partition("\t")[2] for entry in entries if entry.startswith("120000 ")]

    def tags(self) -> dict[str, str]:
        """Return the commit of each tag, by the tag's name."""
        return {ref.removeprefix("refs/tags/"): commit for ref, commit in self.refs("--tags").items()}

    def head_and_tags(self) -> tuple[str, dict[str, str]]:
        """Return the commit that is checked out, and the commit of each tag, by the tag's name."""
        commits = self.refs("--head", "--tags")
        head = commits.pop("HEAD", None) or self.head
        return head, {ref.removeprefix("refs/tags/"): commit for ref, commit in commits.items()}

    def refs(self, *wanted: str) -> dict[str, str]:
        """Return the commit of each existing ref, by full name.

        Args:
            wanted: The full names of refs, or options of `git show-ref`.
        """
        rows = (line.split(" ", 1) for line in (self.find("show-ref", "--dereference", *wanted) or "").splitlines())
        # The line with a tag's commit follows the tag's own line.
        return {ref.removesuffix("^{}"): commit for commit, ref in rows}

    def known(self, commits: Iterable[str]) -> set[str]:
        """Return those of ``commits`` that are in this repository."""
        command = ["git", *_QUIET, "cat-file", "--batch-check=%(objectname) %(objecttype)"]
        alone = {**_ENV, "GIT_NO_LAZY_FETCH": "1"}  # otherwise a partial clone would fetch them
        done = process.run(command, cwd=self.path, env=alone, stdin="".join(f"{commit}\n" for commit in commits))
        rows = (line.split() for line in done.stdout.splitlines())
        return {name for name, kind, *_ in rows if kind == "commit"}

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether ``older`` is ``newer`` or one of its ancestors."""
        return self.find("merge-base", "--is-ancestor", older, newer) is not None

    def config(self, key: str) -> str | None:
        """Return the value of a git setting; None if it is not set."""
        return self.find("config", "--get", key)

    def enabled(self, key: str) -> bool:
        """Whether a git setting is true, in any spelling that git accepts."""
        return self.find("config", "--type=bool", "--get", key) == "true"

    @property
    def hooks(self) -> Path:
        """The folder of the repository's hooks, as set by ``core.hooksPath``."""
        return self._places[0]

    @property
    def objects(self) -> Path:
        """The folder of the repository's objects."""
        return self._places[1]

    @cached_property
    def _places(self) -> tuple[Path, Path]:
        hooks, objects = self.run("rev-parse", "--git-path", "hooks", "--git-path", "objects").rsplit("\n", 1)
        return (self.path / hooks).resolve(), (self.path / objects).resolve()

    def release_remote(self, wanted: str | None = None) -> str | None:
        """Return the name of the remote to release to; None if there is none, or several and no way to choose.

        It is ``wanted``, else the remote of the current branch, else ``origin``, else the only one.

        Args:
            wanted: The remote's name in the settings, if set.
        """
        return self.remotes(wanted)[0]

    def remotes(self, wanted: str | None = None) -> tuple[str | None, list[str]]:
        """Return the remote to release to, as for `release_remote`, and the names of all remotes, with it first."""
        names = self._remotes
        branch = self.branch if len(names) > 1 else None
        own = self.config(f"branch.{branch}.remote") if branch else None
        alone = names[0] if len(names) == 1 else None
        chosen = next((name for name in (wanted, own, "origin", alone) if name in names), None)
        return chosen, sorted(names, key=lambda name: name != chosen)

    @cached_property
    def _remotes(self) -> tuple[str, ...]:
        return tuple(self.run("remote").splitlines())

    def default_branch(self, remote: str | None = None) -> str | None:
        """Return the release branch if the settings do not name it; None if it cannot be determined.

        A workflow sets it in ``NOX_SHIP_BRANCH``, since a clone in CI often has no default branch. Otherwise it is the
        default branch, as last seen, of the remote to release to, else ``main`` or ``master``, here or there. Other
        remotes are asked last; none if the choice between them is unclear.

        Args:
            remote: The name of the remote to release to in the settings, if set.
        """
        return os.environ.get(BRANCH_VARIABLE) or next(self._default_branches(remote), None)

    def _default_branches(self, remote: str | None) -> Iterator[str]:
        chosen, names = self.remotes(remote)
        folders = ["refs/heads"]
        for place in [f"refs/remotes/{name}" for name in names if chosen]:
            if head := self.find("symbolic-ref", "--quiet", f"{place}/HEAD"):
                yield head.removeprefix(f"{place}/")
            yield from self._usual_branches(*folders, place)
            folders = []
        yield from self._usual_branches(*folders)

    def _usual_branches(self, *folders: str) -> list[str]:
        usual = [f"{folder}/{name}" for folder in folders for name in ("main", "master")]
        there = self.run("for-each-ref", "--format=%(refname)", *usual).splitlines() if usual else []
        return [ref.rpartition("/")[2] for ref in usual if ref in there]

    def release_branch(self, commit: str, wanted: str | None, remote: str | None = None) -> str | None:
        """Return the name of the release branch if it contains ``commit``, here or on its remote as last seen.

        Args:
            commit: A commit.
            wanted: The branch; None for the default branch.
            remote: The name of the remote to release to in the settings, if set.
        """
        branch = wanted or self.default_branch(remote)
        chosen = self.release_remote(remote)
        names = [f"refs/heads/{branch}", *([f"refs/remotes/{chosen}/{branch}"] if chosen else [])]
        return branch if any(self.is_ancestor(commit, name) for name in names) else None

    def clone(self, target: Path, *, branch: str | None = None) -> Repository:
        """Make a clean clone in ``target`` that borrows this repository's objects and fetches those missing here.

        The clone checks out, commits and tags as this repository would: with the same filters, identity, signing and
        hooks. Passwords in addresses are used during cloning, but appear neither in our arguments nor in the clone's
        files, which tests can read.
        """
        at = ["--branch", branch] if branch else []
        settings = [("core.hooksPath", str(self.hooks)), *self._carried()]
        secret = [(key, value) for key, value in settings if holds_password(f"{key}={value}")]
        told = (without_passwords(f"{key}={value}", "") for key, value in settings)
        configured = [word for setting in told for word in ("--config", setting)]
        keys = self.objects.parent / "git-crypt"  # its filter looks for keys in the git directory
        attributes = self.objects.parent / "info" / "attributes"  # may name filters, as .gitattributes does
        late = ["--no-checkout"] if keys.is_dir() or attributes.is_file() else []
        # Git allowed us in here, so it may be cloned: shallow, by its path, and if another user owns it.
        permitted = ("-c", "clone.rejectShallow=false", "-c", "protocol.file.allow=always")
        cloning = (
            "clone",
            "--upload-pack=git -c 'safe.directory=*' upload-pack",
            "--quiet",
            "--shared",
            "--origin=origin",
            *at,
            *late,
            *configured,
        )
        self.run(*permitted, *cloning, self.path, target, settings=secret)
        clone = Repository(target, self.keep)
        if keys.is_dir():
            (target / ".git" / "git-crypt").symlink_to(keys, target_is_directory=True)
        if attributes.is_file():
            (target / ".git" / "info").mkdir(exist_ok=True)
            shutil.copyfile(attributes, target / ".git" / "info" / "attributes")
        if late:
            clone.run("reset", "--quiet", "--hard", settings=secret)
        self._fill(clone, secret)
        _forget_passwords(target / ".git")
        return clone

    def _carried(self) -> Iterator[tuple[str, str]]:
        """Yield the settings to copy to a clone."""
        listing = self.listed("config", "--list", "-z")  # effective values: includes can depend on the path
        entries = [entry.partition("\n") for entry in listing]
        for key, given, value in entries:
            if key.startswith(_CARRIED):
                yield key, value if given else "true"  # a key without a value means true
        # A partial clone lacks objects that another checkout needs, which come from its promisor remote.
        promised = {
            key.removesuffix(".promisor") for key, _, _ in entries if re.fullmatch(r"remote\..+\.promisor", key)
        }
        for key, _, value in entries:
            section, _, name = key.rpartition(".")
            if section in promised and name in _PROMISED:
                yield f"remote.promised-{section.removeprefix('remote.')}.{name}", value or "true"

    def _fill(self, clone: Repository, settings: Sequence[tuple[str, str]] = ()) -> None:
        """Check out the submodules of ``clone``, from those checked out here or else from their remotes.

        Raises:
            ShipError: That fails for one of them (NS870).
        """
        named = (clone.path / ".gitmodules").is_file()
        wanted = ("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
        listing = clone.find(*wanted) if named else None
        if not listing:
            return
        remote = self.release_remote()
        address = (remote and self.find("remote", "get-url", remote)) or str(self.path)
        if address.startswith(("./", "../")):
            address = f"{self.path}/{address}"
        # Relative addresses are relative to the remote's, which may contain a password and must not be an argument.
        clone.run("submodule", "--quiet", "init", settings=[*settings, ("remote.origin.url", address)])
        for key, _, path in (entry.partition("\n") for entry in listing.split("\0") if entry):
            commit = clone.find("rev-parse", "--verify", "--quiet", f"HEAD:{path}")
            if commit is None:  # .gitmodules still names a removed one
                continue
            ours = Repository(self.path / path, self.keep)
            here = (ours.path / ".git").exists() and bool(ours.known([commit]))
            local = ["-c", f"{key.removesuffix('.path')}.url={ours.path}", "-c", "protocol.file.allow=always"]
            deep = [] if here else ["--init", "--recursive"]
            update = ("submodule", "--quiet", "update", *deep, "--", path)
            try:
                clone.run(*(local if here else []), *update, settings=settings, secrets=True)
            except process.CommandFailedError as error:
                source = clone.find("config", key.removesuffix("path") + "url") or "an unknown address"
                what = f"The submodule {path} cannot be checked out at {commit[:10]} from {without_passwords(source)}."
                raise ShipError(NO_SUBMODULE(what, detail=error.done.output)) from error
            if here:
                ours._fill(Repository(clone.path / path, clone.keep))

    def fast_forward(self, source: Repository, branch: str, commit: str, tags: Mapping[str, str]) -> None:
        """Fast-forward ``branch`` to ``commit`` of another local repository, and create ``tags``.

        Each git that writes here runs in its own process group, so that killing us does not interrupt it.

        Args:
            source: The repository with the objects; its refs do not matter.
            branch: The branch's name.
            commit: The commit.
            tags: The object of each tag, by the tag's name.

        Raises:
            CommandFailedError: The branch cannot be fast-forwarded, or a tag of that name differs here.
        """
        wanted = [commit, *(f"{ref}:refs/tags/{name}" for name, ref in tags.items())]
        if self.branch != branch:  # leave the checked-out branch alone
            has = self.is_ancestor(commit, f"refs/heads/{branch}")
            self._fetch(source, *([] if has else [f"{commit}:refs/heads/{branch}"]), *wanted[1:], apart=True)
            return
        self._fetch(source, *wanted, apart=True)
        self.run("merge", "--quiet", "--ff-only", commit, apart=True)

    def borrow(self, source: Repository, objects: Iterable[str]) -> None:
        """Fetch ``objects`` from another local repository; no ref or file of ours changes."""
        self._fetch(source, *objects)

    def _fetch(self, source: Repository, *specs: str, apart: bool = False) -> None:
        # Version 2 of the protocol serves any object by its hash, whatever the refs there are.
        options = ("--quiet", "--no-auto-maintenance", "--no-tags", "--no-write-fetch-head")
        self.run("-c", "protocol.version=2", "fetch", *options, source.path, *specs, apart=apart)

    def parents(self, commit: str) -> list[str]:
        """Return the parents of ``commit`` as stored in it, ignoring grafts and replacements."""
        headers = self.run("cat-file", "commit", commit, env={"GIT_NO_REPLACE_OBJECTS": "1"}).partition("\n\n")[0]
        rows = (line.partition(" ") for line in headers.splitlines())
        return [value for key, _, value in rows if key == "parent"]

    def new_commits(self, commit: str, others: Iterable[str], most: int) -> tuple[list[str], int]:
        """Return the commits reachable from ``commit`` but not from ``others``, and their number.

        Args:
            commit: A commit.
            others: Commits; those that are not here are ignored.
            most: The most commits to return, newest first, each as its short hash and its subject.
        """
        if commit in (others := set(others)):
            return [], 0
        starts = "".join(f"{start}\n" for start in (commit, *(f"^{other}" for other in sorted(self.known(others)))))

        def ask(*args: str) -> str:
            return process.run(["git", *_QUIET, *args, "--stdin"], cwd=self.path, env=_ENV, stdin=starts).stdout

        listing = ask("log", "--no-color", "--encoding=UTF-8", f"--max-count={most}", "--format=%h %s").splitlines()
        return listing, len(listing) if len(listing) < most else int(ask("rev-list", "--count"))

    def count_since(self, commit: str | None) -> int | None:
        """Return the number of commits from ``commit`` to HEAD; if it is None, from the first one.

        None if that is unknown because the history is truncated in between, as in a shallow clone.
        """
        commits = self.run("rev-list", f"{commit}..HEAD" if commit else "HEAD", "--").splitlines()
        shallow = self.path / self.run("rev-parse", "--git-path", "shallow")
        cut = shallow.read_text("ascii").split() if shallow.is_file() else []
        return None if set(cut) & set(commits) else len(commits)

    @property
    def without_tags(self) -> bool:
        """Whether a remote is configured not to fetch tags, as by `git clone --no-tags`."""
        return bool(self.find("config", "--get-regexp", r"^remote\..*\.tagopt$", "^--no-tags$"))

    def merged_tags(self) -> set[str]:
        """Return the names of the tags in HEAD's history."""
        return set(self.run("for-each-ref", "--merged=HEAD", "--format=%(refname:lstrip=2)", "refs/tags").splitlines())


def _numbered(settings: Iterable[tuple[str, str]], env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that pass ``settings`` to git, in addition to those already in ``env``."""
    count = env.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isascii() and count.isdigit() and len(count) < 6 else 0  # noqa: PLR2004
    told: dict[str, str] = {}
    for number, (key, value) in enumerate(settings, first):
        told |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        told["GIT_CONFIG_COUNT"] = str(number + 1)
    return told


def _forget_passwords(folder: Path) -> None:
    """Remove the passwords from addresses in a git folder's settings, and in those of its submodules."""
    for path in (folder / "config", *folder.glob("modules/**/config")):
        text = path.read_text("utf-8", "surrogateescape") if path.is_file() else ""
        if holds_password(text):
            write_whole(path, without_passwords(text, "").encode("utf-8", "surrogateescape"))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
