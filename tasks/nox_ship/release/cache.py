"""The cache: what releases of all checkouts left, and its removal."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock

from nox_ship import json_data
from nox_ship.errors import ShipError
from nox_ship.files import remove, write_whole
from nox_ship.git import Repository
from nox_ship.release.stage import Workshop, check_private, last_release

LONGEST_SECONDS = 30 * 24 * 60 * 60
"""How long an unused folder is kept."""
MOST_BYTES = 2 << 30
"""The largest total size; above it, the folders that were not used for the longest time are removed."""

_BETWEEN_SECONDS = 24 * 60 * 60
_NAME = re.compile(r"[0-9a-f]{12}")
_STAMP = "tidied"
_BLOCK = 512
"""Bytes of a block in the system's count of a file's blocks."""


@dataclass(frozen=True)
class Kept:
    """The folder of one checkout in the cache."""

    workshop: Workshop

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.workshop.folder

    @cached_property
    def _owner(self) -> Mapping[str, Any]:
        return _read(self.workshop.owner)

    @cached_property
    def _report(self) -> Mapping[str, Any]:
        return _read(self.workshop.report)

    @property
    def root(self) -> Path | None:
        """The project's folder in the checkout; None if an earlier version of nox-ship did not record it."""
        told = self._owner.get("root")
        return Path(told) if isinstance(told, str) and "\0" not in told else None

    @property
    def used(self) -> float:
        """When a release last used it, in seconds since the epoch."""
        notes = (self.workshop.owner, self.workshop.report, self.workshop.record)
        places = [note for note in notes if os.path.lexists(note)] or [self.folder]
        return max(place.lstat().st_mtime for place in places)

    @cached_property
    def size(self) -> int:
        """Its size in bytes; files with several names count once."""
        return sum(_sizes(self.folder, set()))

    @cached_property
    def unfinished(self) -> bool:
        """Whether it may hold a pushed release that is not known to be complete: its files exist nowhere else.

        The checkout has the release's tag from just before the push.
        """
        report = self._report
        if not report.get("rehearsal") and not report.get("passed") and report.get("pushed") in ("yes", "unknown"):
            return True
        record = last_release(self.workshop)
        if record is None or self.root is None or record.commit == self._owner.get("finished"):
            return False
        tag = Repository(self.workshop.stage).run("rev-parse", f"refs/tags/{record.tag}")
        try:
            return Repository.at(self.root).find("cat-file", "-e", tag) is not None
        except (ShipError, OSError):  # the checkout is gone
            return False

    @property
    def holds(self) -> str:
        """Its content, in words."""
        kind = "rehearsal" if self._report.get("rehearsal") else "release"
        what = [str(self._report[key]) for key in ("project", "version") if self._report.get(key)]
        told = f"{kind} of {' '.join(what)}" if what else "no recorded run"
        return f"{told}, not known to be complete" if self.unfinished else told

    def remove(self) -> bool:
        """Remove it; return false if a release is running in it."""
        lock = filelock.FileLock(self.folder / "lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            return False
        with lock:
            for path in self.folder.iterdir():
                if path.name != "lock":
                    remove(path)
            with suppress(OSError):  # on Windows, an open file stays behind, empty
                (self.folder / "lock").unlink()
                self.folder.rmdir()
        return True


def kept(base: Path) -> list[Kept]:
    """Return the folders in the cache at ``base``, last used first; symlinks are skipped.

    Raises:
        ShipError: Others have write access to the cache, or to one of its folders (NS806).
    """
    if not os.path.lexists(base):
        return []
    check_private(base)
    folders = [path for path in base.iterdir() if _NAME.fullmatch(path.name)]
    for folder in folders:
        check_private(folder)
    return sorted((Kept(Workshop(path)) for path in folders), key=lambda one: one.used, reverse=True)


def took(workshop: Workshop, root: Path) -> None:
    """Record whose folder it is, and that it is in use now."""
    told = _read(workshop.owner)
    write_whole(workshop.owner, json.dumps({**told, "root": str(root)}))


def settle(workshop: Workshop) -> None:
    """Record which release was completed, if the last run completed one."""
    report, told = _read(workshop.report), _read(workshop.owner)
    if report.get("passed") and not report.get("rehearsal") and report.get("commit") != told.get("finished"):
        write_whole(workshop.owner, json.dumps({**told, "finished": report.get("commit")}))


def tidy(base: Path, mine: Workshop, now: float | None = None) -> list[Kept]:
    """Remove what was not used for 30 days, then the least recently used folders until at most 2 GiB are left.

    This happens once a day. Folders of running releases, and of those not known to be complete, are kept.

    Args:
        base: The cache.
        mine: The folder in use here.
        now: The time in seconds since the epoch; default: the current time.

    Returns:
        What was removed.

    Raises:
        ShipError: Others have write access to the cache (NS806).
    """
    now, stamp = time.time() if now is None else now, base / _STAMP
    there = kept(base)
    others = [one for one in there if one.folder != mine.folder]
    if not others or (os.path.lexists(stamp) and 0 <= now - stamp.lstat().st_mtime < _BETWEEN_SECONDS):
        return []
    stamp.touch()
    total, gone = sum(one.size for one in there), []
    for one in reversed(others):
        too_old = now - one.used > LONGEST_SECONDS
        if (too_old or total > MOST_BYTES) and not one.unfinished and one.remove():
            gone.append(one)
            total -= one.size
    return gone


def _sizes(folder: Path, seen: set[tuple[int, int]]) -> Iterator[int]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # another user's, or removed in the meantime
        return
    for entry in entries:
        with suppress(OSError):
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                yield from _sizes(Path(entry.path), seen)
            elif (found.st_dev, found.st_ino) not in seen:
                if found.st_nlink > 1:
                    seen.add((found.st_dev, found.st_ino))
                yield getattr(found, "st_blocks", -(-found.st_size // _BLOCK)) * _BLOCK


def _read(path: Path) -> Mapping[str, Any]:
    """Return the content of one of our files; nothing if it cannot be read."""
    try:
        told = json_data.parse(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
