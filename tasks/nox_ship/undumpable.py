"""Keeping other processes of the same user out of our memory, on systems that support it.

Run as a script, it does so, asks for a line with variables on its standard input, and runs a module (``-m NAME``) or
another script with them. They are then visible neither in ``/proc/PID/environ``, which shows what a process was started
with, nor in its memory. Only the beginning of a server's answers is read. It imports nothing of nox-ship, so that it
can be started by its path.
"""

import contextlib
import json
import os
import runpy
import sys
import zlib
from collections.abc import Iterator
from typing import Any

READY = "nox-ship: ready\n"
"""What the script prints when it is ready for the variables."""

MOST_ANSWERED = 1 << 20
"""How many bytes of an answer are read; an index explains a refusal in a few lines."""

_SET_DUMPABLE = 4  # PR_SET_DUMPABLE in <linux/prctl.h>; see prctl(2)


def close_memory() -> None:
    """Close this process to others: on Linux, only the superuser can read its ``/proc/PID/environ`` and ``mem``.

    Programs that it starts are open again. On other systems nothing happens.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def beginning(response: Any, *_: object, **__: object) -> Iterator[bytes]:
    """Yield the beginning of a server's answer; a replacement for `requests.Response.iter_content`.

    The original unpacks any content, several times over, and reads to an end that may never come.
    """
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip"):
        return
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    left = MOST_ANSWERED
    with contextlib.suppress(zlib.error):
        for block in response.raw.stream(1 << 16, decode_content=False):
            piece = unpacker.decompress(block, left) if packing == "gzip" else block[:left]
            yield piece
            left -= len(piece)
            if left <= 0:
                return


def _limit_answers() -> None:
    import requests

    requests.Response.iter_content = beginning  # type: ignore[assignment] # twine and others read answers by it


if __name__ == "__main__":
    close_memory()
    sys.stdout.write(READY)
    sys.stdout.flush()
    os.environ.update(json.loads(sys.stdin.readline()))
    _limit_answers()
    del sys.argv[0]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
