"""Which versions of Python have been released, and which are installed on this machine."""

from __future__ import annotations

import functools
import json
import re
from contextlib import suppress
from pathlib import Path

from nox_ship import json_data, process
from nox_ship.cache import cache_path, hide_from_git
from nox_ship.errors import ShipError
from nox_ship.files import write_whole

_FINAL = re.compile(r"^cpython-(3\.\d{1,3})\.\d+-", re.MULTILINE)
_NEEDED = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
_VERSION = re.compile(r"3\.\d{1,3}")


@functools.cache
def stable() -> tuple[str, ...]:
    """Return the versions of CPython with a final release, such as ``3.12``, oldest first; none if uv does not say.

    They are those that the installed uv can download. It contains the list, so no network is needed, and the list grows
    as uv is updated. The answer is cached until another uv is installed.
    """
    try:
        uv = Path(process.uv())
        facts = uv.stat()
    except OSError:
        return ()
    kept, key = cache_path() / "pythons.json", [str(uv), facts.st_size, facts.st_mtime_ns]
    with suppress(OSError, ValueError, LookupError, TypeError):
        record = json_data.parse(kept.read_bytes())
        known: tuple[str, ...] = tuple(record["stable"])
        if record["uv"] == key and known and all(map(_VERSION.fullmatch, known)):
            return known
    if not (found := _asked()):
        return ()
    with suppress(OSError):  # without the cache, the next run asks again
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        hide_from_git(kept.parent)
        write_whole(kept, json.dumps({"uv": key, "stable": found}))
    return found


def interpreter(version: str) -> str | None:
    """Return the path of a Python on this machine, such as ``3.12`` or ``pypy3.11``; None if there is none.

    Any Python found on the way is started to find out what it is, without our credentials. Its answer is cached where
    nox caches it, until its file changes, so that each can use the other's.
    """
    import platformdirs
    from python_discovery import DiskCache, get_interpreter

    env = process.inherited()
    try:
        kept = DiskCache(Path(platformdirs.user_cache_dir("nox")) / "python-discovery")
        found = get_interpreter(version, cache=kept, env=env)
    except OSError:  # the cache is not writable
        found = get_interpreter(version, env=env)
    return None if found is None else str(found.executable)


def _asked() -> tuple[str, ...]:
    """Ask uv, ignoring the user's settings for it, and with as few variables as possible."""
    command: list[process.Argument] = [process.uv(), "python", "list", "--only-downloads", "--all-platforms"]
    needless = dict.fromkeys(name for name in process.inherited() if name.upper() not in _NEEDED)
    try:
        done = process.run([*command, "--offline", "--no-config"], env=needless)
    except ShipError:
        return ()
    minors = {int(version.partition(".")[2]) for version in _FINAL.findall(done.stdout)}
    return tuple(f"3.{minor}" for minor in sorted(minors))
