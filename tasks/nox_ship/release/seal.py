"""The state of a release's clone before other code ran in it, to detect afterwards whether that code changed it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from nox_ship.errors import Kind
from nox_ship.git import Repository
from nox_ship.process import CommandFailedError

STAGE_CHANGED = Kind(
    "NS236",
    "stage-changed",
    "Find the gate that commits, tags, or writes to tracked files or git's settings in its working folder.",
)

# Files that git and its housekeeping write routinely and that decide nothing; refs are compared as git reads them.
_EVERYDAY = {"index", "packed-refs", "FETCH_HEAD", "ORIG_HEAD", "COMMIT_EDITMSG", "gc.pid", "gc.log"}
_EVERYDAY_FOLDERS = {"objects", "refs", "logs", "lfs", "reftable"}
_BORROWED = ("objects/info/alternates", "objects/info/http-alternates")
# Read objects as they are, whatever replacements the clone has for them.
_PLAIN = {"GIT_NO_REPLACE_OBJECTS": "1"}

Facts = Mapping[str, str]
Tree = tuple[tuple[str, str, Path], ...]


@dataclass(frozen=True)
class Seal:
    """The state of a clone at one moment.

    Attributes:
        repository: The clone.
        commit: The commit that its files are compared with.
        ours: Folders with our own files, relative to the clone.
        hooks: The folder of the hooks that git runs in it.
        tree: Kind, object and path of everything in the commit.
        places: Files that tell git where the repositories of submodules are.
        settings: What git obeys there: the files in its folder, and the hooks.
        contents: Each ref, and each tracked file that differs from the commit.
    """

    repository: Repository
    commit: str
    ours: tuple[PurePath, ...]
    hooks: Path
    tree: Tree
    places: tuple[Path, ...]
    settings: Facts
    contents: Facts

    @classmethod
    def of(cls, repository: Repository, commit: str, ours: Collection[PurePath] = ()) -> Seal:
        """Record the state of ``repository``, whose work tree should be at ``commit``."""
        folders, hooks, tree = tuple(ours), repository.hooks, _tree(repository, commit)
        places = tuple(_submodules(repository, tree))
        settings = _settings(repository.path, hooks, places)
        contents = _contents(repository, commit, tree, folders)
        return cls(repository, commit, folders, hooks, tree, places, settings, contents)

    @property
    def digest(self) -> str:
        """A digest of what belongs to the clone alone: hooks are shared with the checkout, and may change there."""
        own = {name: fact for name, fact in self.settings.items() if not Path(name).is_absolute()}
        return hashlib.sha256(json.dumps([own, self.contents], sort_keys=True).encode()).hexdigest()

    def broken(self) -> list[str]:
        """Return the names of what has changed.

        git is only run if nothing that it obeys has changed.
        """
        settings = _settings(self.repository.path, self.hooks, self.places)
        if changed := _differing(self.settings, settings):
            return changed
        return _differing(self.contents, _contents(self.repository, self.commit, self.tree, self.ours))


def _differing(before: Facts, after: Facts) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _settings(top: Path, hooks: Path, places: Collection[Path]) -> dict[str, str]:
    facts = {path.relative_to(top).as_posix(): fact for path, fact in _git_folder(top / ".git")}
    facts |= {place.relative_to(top).as_posix(): _fact(place) for place in places}
    return facts | {str(path): _fact(path) for path in _files(hooks)}


def _git_folder(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file in git's folder that git obeys, also in those of submodules, with a digest."""
    if folder.is_symlink() or not folder.is_dir():
        yield folder, _fact(folder)
    for place, folders, names in os.walk(folder):
        here = Path(place)
        yield from ((here / name, _fact(here / name)) for name in folders if (here / name).is_symlink())
        everyday = "HEAD" in names  # this is a git folder; a submodule may be called `objects`
        if everyday:
            folders[:] = [name for name in folders if name not in _EVERYDAY_FOLDERS]
            yield from ((here / name, _fact(here / name)) for name in _BORROWED)
        for name in names:
            ordinary = name in _EVERYDAY or name.endswith(".lock") or name.startswith("sharedindex.")
            if not (everyday and ordinary) and (here / name).parts[-2:] != ("info", "refs"):
                yield here / name, _fact(here / name)


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names)


def _fact(path: Path) -> str:
    """Return a digest of a file's content and its executable bit, or of a symlink's target."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return f"leads to {path.readlink()}"
        if not stat.S_ISREG(mode):
            return f"kind {stat.S_IFMT(mode):o}"
        return f"{bool(mode & 0o111)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable {error.errno}"


def _contents(repository: Repository, commit: str, tree: Tree, ours: Collection[PurePath]) -> dict[str, str]:
    refs = repository.listed("for-each-ref", "--format=%(refname) %(objectname) %(symref)%00")
    facts = dict(ref.strip("\n").split(" ", 1) for ref in refs if ref != "\n")
    top = repository.path
    for path in _differences(repository, commit, tree):
        name = path.relative_to(top)
        if not any(name.is_relative_to(folder) for folder in ours):
            facts[name.as_posix()] = _fact(path)
    return facts


def _tree(repository: Repository, commit: str) -> Tree:
    """Return kind, object and path of everything in a commit."""
    found = []
    for entry in repository.listed("ls-tree", "-r", "-z", "--full-tree", commit, env=_PLAIN):
        facts, _, name = entry.partition("\t")
        _, kind, ref = facts.split(" ")
        found.append((kind, ref, repository.path / name))
    return tuple(found)


def _submodules(repository: Repository, tree: Tree) -> Iterator[Path]:
    """Yield the file ``.git`` of each submodule that is checked out, recursively."""
    for kind, ref, path in tree:
        if kind == "commit" and (path / ".git").exists():
            yield path / ".git"
            inner = Repository(path, repository.keep)
            yield from _submodules(inner, _tree(inner, ref))


def _differences(repository: Repository, commit: str, tree: Tree) -> Iterator[Path]:
    """Yield each file of ``commit`` that differs in the work tree, and files that change how git would read them.

    An index of our own is used, since an existing one can be told that a file is unchanged.
    """
    top = repository.path
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        env = {**_PLAIN, "GIT_INDEX_FILE": str(Path(folder) / "index")}
        repository.run("read-tree", commit, env=env)
        try:
            repository.run("update-index", "--refresh", env=env)
            changed = []
        except CommandFailedError:  # its list is for people; a name may contain any bytes
            changed = repository.listed("diff-files", "--name-only", "-z", "--ignore-submodules=all", env=env)
    yield from (top / name for name in changed)
    tracked = {path for _, _, path in tree}
    attributes = {path.parent / ".gitattributes" for path in tracked} | {top / ".gitattributes"}
    yield from (path for path in attributes - tracked if os.path.lexists(path))
    for kind, ref, path in tree:
        if kind == "commit" and (path / ".git").exists():
            inner = Repository(path, repository.keep)
            if inner.find("rev-parse", "HEAD") != ref:
                yield path
            yield from _differences(inner, ref, _tree(inner, ref))
