"""Writing files atomically, and only where they are meant to be: no symlink can redirect a write."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nox_ship.errors import Kind, ShipError

NOT_OUR_FOLDER = Kind(
    "NS607",
    "not-our-folder",
    "Remove it, also from git if it was committed: nox-ship creates the folder itself.",
)
LEADS_OUT = Kind("NS608", "symlink-leads-out", "Replace the symlink with a file or folder inside the project.")
NO_SPACE_LEFT = Kind("NS802", "no-space-left", "Free some space, then run the same command again.")
OS_ERROR = Kind("NS903", "os-error", "Check that the path exists and that you may read and write it.")


def explained(error: OSError) -> ShipError:
    """Return an operating system error as an error for the user."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    where = f"{error.filename}: " if error.filename else ""
    return ShipError((NO_SPACE_LEFT if full else OS_ERROR)(f"{where}{error.strerror or error}."))


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces ``path`` when the block ends without an error.

    It is created in the same folder under an unpredictable name that must not exist. An existing file keeps its
    mode; a symlink is replaced itself, not its target.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    before = path.lstat().st_mode if os.path.lexists(path) else 0
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        if stat.S_ISREG(before):
            partial.chmod(stat.S_IMODE(before))
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write ``content`` to the file at ``path``, atomically; see :func:`replacing`."""
    with replacing(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def copy_whole(source: Path, target: Path) -> None:
    """Copy ``source`` to the file at ``target``, atomically; see :func:`replacing`."""
    with source.open("rb") as old, replacing(target) as new:
        shutil.copyfileobj(old, new)


def real_place(path: Path, top: Path) -> Path:
    """Return the real path of ``path``, with symlinks resolved.

    Args:
        path: The file to write, whether it exists or not.
        top: The folder that it must be in: a project, a repository or a clone.

    Raises:
        ShipError: Its path or a symlink leads out of ``top``, or into git's own files (NS608).
    """
    try:
        # Path.resolve() follows a symlink to itself on some Pythons, and raises on others.
        real = Path(os.path.realpath(path))
        inside = real.relative_to(os.path.realpath(top))
    except (ValueError, OSError) as error:
        raise ShipError(
            LEADS_OUT(f"{path} is not written to: through its path or a symlink it is outside of {top}.")
        ) from error
    if any(map(os.path.islink, (real, *real.parents))):
        raise ShipError(LEADS_OUT(f"{path} is not written to: it is a broken symlink."))
    if ".git" in inside.parts:
        raise ShipError(LEADS_OUT(f"{path} is not written to: a symlink leads into git's own files."))
    return real


def check_folder(folder: Path, *, links: bool = True) -> Path:
    """Return ``folder``, which only nox-ship should write to; it need not exist.

    Args:
        folder: The folder.
        links: Whether it may contain symlinks.

    Raises:
        ShipError: It is a symlink or not a folder, or contains a symlink that it must not (NS607).
    """
    if folder.is_symlink() or (os.path.lexists(folder) and not folder.is_dir()):
        raise ShipError(NOT_OUR_FOLDER(f"{folder} is {'a symlink' if folder.is_symlink() else 'not a folder'}."))
    if not links:
        for place, folders, names in os.walk(folder):
            for name in (*folders, *names):
                if (Path(place) / name).is_symlink():
                    raise ShipError(NOT_OUR_FOLDER(f"{Path(place) / name} is a symlink."))
    return folder


def remove(path: Path) -> None:
    """Remove a file, a symlink itself, or a folder with its content, if it exists."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
