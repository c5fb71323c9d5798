"""The stage: the clean clone in which a release is made, and what is kept of it between runs."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import filelock

from nox_ship import reuse
from nox_ship.cache import cache_path, hide_from_git
from nox_ship.errors import Findings, Kind, ShipError
from nox_ship.files import remove
from nox_ship.git import Repository
from nox_ship.package.manifest import Manifest
from nox_ship.project import OWN_FOLDER
from nox_ship.release.planning import Plan
from nox_ship.release.record import Record
from nox_ship.release.seal import Seal
from nox_ship.tools import own_version
from nox_ship.versions import parse

ALREADY_RUNNING = Kind("NS805", "already-running", "Wait for it to end.")
CACHE_OPEN = Kind(
    "NS806",
    "cache-open-to-others",
    "Make it accessible to you alone (`chmod 700`), or point NOX_SHIP_CACHE to a folder that is.",
)

REUSE_SECONDS = 24 * 60 * 60
"""Seconds for which a passed gate counts for the same commit; after that, dependencies may have changed."""


@dataclass(frozen=True)
class Workshop:
    """The folder, outside the checkout, in which the releases of one checkout are made."""

    folder: Path

    @property
    def stage(self) -> Path:
        """The clean clone."""
        return self.folder / "stage"

    @property
    def record(self) -> Path:
        """The record of the clone."""
        return self.folder / "stage.json"

    @property
    def environments(self) -> Path:
        """nox's environments for the sessions that run in the clone."""
        return self.folder / "envs"

    @property
    def caches(self) -> Path:
        """Caches of mypy and ruff, which are keyed by content and so outlive a clone."""
        return self.folder / "caches"

    @property
    def report(self) -> Path:
        """The report of the last run, as JSON."""
        return self.folder / "report.json"

    @property
    def page(self) -> Path:
        """The report of the last run, as a page."""
        return self.folder / "report.html"

    @property
    def history(self) -> Path:
        """A short record of each of the last runs, as JSON."""
        return self.folder / "history.json"

    @property
    def history_page(self) -> Path:
        """How recent releases went, as a page."""
        return self.folder / "history.html"

    @property
    def predecessor(self) -> Path:
        """The downloaded files of the last release."""
        return self.folder / "predecessor"

    @property
    def free_name(self) -> Path:
        """A rehearsal's note that an index would allow the project's name, as JSON."""
        return self.folder / "free.json"

    @property
    def owner(self) -> Path:
        """The checkout that the folder belongs to, as JSON."""
        return self.folder / "project.json"

    @property
    def log(self) -> Path:
        """The output of all sessions of the last run."""
        return self.folder / "sessions.log"

    def world(self) -> Path:
        """Return an empty folder for stand-ins."""
        folder = self.folder / "world"
        remove(folder)
        folder.mkdir()
        return folder


def cache_folder(root: Path) -> Path:
    """Return the folder of all workshops, for the project at ``root``."""
    return root.resolve() / cache_path()


def workshop_of(root: Path) -> Workshop:
    """Return the workshop of the checkout at ``root``; it is not opened, and need not exist."""
    return Workshop(cache_folder(root) / hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12])


@contextmanager
def workshop(root: Path) -> Iterator[Workshop]:
    """Open the workshop of the checkout at ``root`` for a ``with`` block.

    The lock on it belongs to the operating system and ends with the process, however that ends.

    Raises:
        ShipError: Another run is using it (NS805), or others than the user can write there (NS806).
    """
    from nox_ship.release import cache  # imports this module

    base, folder = cache_folder(root), workshop_of(root).folder
    base.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for private in (base, folder):
        with suppress(FileExistsError):
            private.mkdir(mode=0o700)
        check_private(private)
        hide_from_git(private)
    lock = filelock.FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise ShipError(ALREADY_RUNNING(f"Another release of {root} is running.")) from error
    with lock:
        shop = Workshop(folder)
        cache.took(shop, root.resolve())
        yield shop
        with suppress(OSError, ShipError):  # the result of the release matters more
            cache.settle(shop)
            cache.tidy(base, shop)


def check_private(folder: Path) -> None:
    """Check that only the user can write to a folder of the cache.

    Raises:
        ShipError: Others can write there (NS806).
    """
    if why := _open_to_others(folder):
        raise ShipError(CACHE_OPEN(f"The cache folder {folder} {why}: others could change what is released."))


def _open_to_others(folder: Path) -> str:
    """Return why others can write to a folder; empty if they cannot, or if that cannot be determined."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "is a symlink" if stat.S_ISLNK(found.st_mode) else "is not a folder"
    if os.name != "posix":
        return ""
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "is writable by others"
    above = {*folder.absolute().parents, *folder.resolve().parents}
    return next((f"is in {place}, where {why}" for place in sorted(above) if (why := _replaceable(place))), "")


def _replaceable(place: Path) -> str:
    """Return why others can replace what is in a folder; empty if only its owner or the superuser can."""
    import grp
    import pwd

    found = place.stat()
    if found.st_uid not in (0, os.geteuid()) and _is_mapped(found.st_uid):
        return "another user can replace it"
    if found.st_mode & stat.S_ISVTX or not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return ""
    if found.st_mode & stat.S_IWOTH:
        return "anyone can replace it"
    with suppress(KeyError):  # many systems give each user a group of their own, which may have write access
        owner, group = pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid)
        if group.gr_name == owner and set(group.gr_mem) <= {owner}:
            return ""
    return "its group can replace it"


def _is_mapped(user: int) -> bool:
    """Whether a user is known here; in a sandbox, all outside users, including the superuser, appear as one."""
    try:
        rows = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    except (OSError, ValueError):
        return True
    return any(first <= user < first + count for first, _, count in rows)


@dataclass
class Stage:
    """The clean clone, with its record."""

    workshop: Workshop
    repository: Repository
    root: Path
    """The project's folder in it."""
    record: Record
    reused: bool = False

    def save(self) -> None:
        """Write the record."""
        self.record.write(self.workshop.record)

    def drop(self) -> None:
        """Discard what was done here, so that no later run continues it."""
        self.workshop.record.unlink(missing_ok=True)


def find_stage(shop: Workshop, plan: Plan, *, fresh: bool = False) -> Stage | None:
    """Return the stage that an earlier run left, if it fits ``plan``; nothing is changed.

    Args:
        shop: The workshop.
        plan: The release.
        fresh: Whether a new stage is wanted; a pushed release that exists in no other clone keeps its own.
    """
    record = _reusable(shop, plan)
    unmerged = not plan.bump and plan.tag not in plan.repository.tags()
    if record is None or (fresh and not unmerged):
        return None
    return Stage(shop, Repository(shop.stage), shop.stage / plan.folder, record, reused=True)


def open_stage(shop: Workshop, plan: Plan, found: Stage | None, *, fresh: bool = False) -> Stage:
    """Open the stage for ``plan``: the existing one, without leftovers of what ran in it, or a new clone.

    Args:
        shop: The workshop.
        plan: The release.
        found: The usable stage, if any.
        fresh: Whether a new one also starts without the environments of earlier releases.
    """
    if found:
        found.repository.run("clean", "--quiet", "--force", "-d", "--exclude", OWN_FOLDER, "--exclude", "dist")
        if plan.merged and found.record.commit != plan.head:
            _adopt(found, plan)
        return found
    shop.record.unlink(missing_ok=True)
    remove(shop.stage)
    if fresh:
        remove(shop.environments)
    reuse.remove_others(shop.environments)
    clone = plan.repository.clone(shop.stage, branch=plan.branch if plan.repository.branch else None)
    stage = Stage(shop, clone, shop.stage / plan.folder, _new_record(plan))
    if not plan.bump:
        stage.record.commit = plan.head
    stage.save()
    return stage


def _adopt(stage: Stage, plan: Plan) -> None:
    """Let what was made and proven for a proposed commit count for the merged one, which has the same tree.

    From then on, the manifest names the merged commit; the files in it stay the same. If this is interrupted, the
    clone does not match its record, and no later run uses it.
    """
    repository, record = stage.repository, stage.record
    repository.borrow(plan.repository, [plan.head])
    repository.run("reset", "--quiet", "--soft", plan.head)
    repository.run("tag", "--force", "--message", plan.tag_message, plan.tag)
    path = stage.root / OWN_FOLDER / "manifest.json"
    manifest, digest = Manifest.load(path)
    after = replace(manifest, commit=plan.head).write(path) if digest == record.built else None
    record.built = record.tried = after
    record.passed = record.passed if after else {}
    record.head = record.commit = plan.head
    record.seal = sealed(stage.workshop, plan, plan.head).digest
    stage.save()


def _new_record(plan: Plan) -> Record:
    return Record(plan.head, plan.version, plan.tag, own_version(), time.time(), plan.branch, plan.proposed)


def sealed(shop: Workshop, plan: Plan, commit: str) -> Seal:
    """Return the state of the stage, apart from what is built in it."""
    return Seal.of(Repository(shop.stage), commit, (plan.folder / "dist", plan.folder / OWN_FOLDER))


def last_release(shop: Workshop) -> Record | None:
    """Return the record of the release in the stage if it is complete: its commit, its tag, nothing else.

    The commit is the one from which the stage was made, or its direct child.
    """
    record = Record.read(shop.record)
    if record is None or record.commit is None:
        return None
    stage = Repository(shop.stage)
    real = not any(path.is_symlink() for path in (shop.stage, shop.stage / ".git")) and (shop.stage / ".git").is_dir()
    tagged = f"refs/tags/{record.tag}^{{commit}}"
    if not real or stage.find("rev-parse", "HEAD", tagged) != f"{record.commit}\n{record.commit}":
        return None
    if record.commit != record.head and stage.parents(record.commit) != [record.head]:
        return None
    return record if stage.find("diff", "--quiet", "HEAD", "--") is not None else None


def last_built(shop: Workshop, root: Path) -> Manifest | None:
    """Return the manifest of the files built in the stage; None if there is none, or it cannot be read.

    Args:
        shop: The workshop.
        root: The project's folder in the checkout.
    """

    def read() -> Manifest:
        folder = root.resolve().relative_to(Repository.at(root).path.resolve())
        return Manifest.read(shop.stage / folder / OWN_FOLDER / "manifest.json")

    return Findings().catch(read)


def _reusable(shop: Workshop, plan: Plan) -> Record | None:
    """Return the record of the stage if the stage is complete and fits ``plan``."""
    record = Record.read(shop.record)
    if record is None or not _fits(record, plan) or last_release(shop) is None:
        return None
    intact = not plan.bump or sealed(shop, plan, record.commit or "").digest == record.seal
    return record if intact else None


def _fits(record: Record, plan: Plan) -> bool:
    """Whether a stage with this record is one of ``plan``.

    A pushed release keeps the files that were built for it, however old they are: some may be published.
    """
    if record.tag != plan.tag or parse(record.version) != parse(plan.version):
        return False
    if not plan.bump:
        return plan.head in (record.head, record.commit)
    if (record.branch, record.made_by) != (plan.branch, own_version()):
        return False
    if record.head == plan.head and time.time() - record.made_at <= REUSE_SECONDS:
        return True
    # A proposal may wait for its merge for any time. A version from the tag is built again, since build backends write
    # the commit next to it.
    if not plan.merged or plan.source.kind == "tags":
        return False
    return record.proposal == plan.repository.run("rev-parse", f"{plan.head}^{{tree}}")
