"""Keeping other processes of the same user out of the memory of ours, where the system can.

Run as a script, it does so, asks for a line with variables on its standard input, and runs a module (``-m NAME``) or
another script with them: neither ``/proc/PID/environ``, which shows what a process was started with, nor its memory
tells them. Of what a server answers to it, only the beginning is read. It imports nothing of nox-ship, so that it can
be started by its path.
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
"""What the script prints once the variables can be sent."""

MOST_ANSWERED = 1 << 20
"""Bytes of an answer that are read; an index says in a few lines why it refuses a file."""

_SET_DUMPABLE = 4  # PR_SET_DUMPABLE in <linux/prctl.h>; prctl(2) says what follows from it


def close_memory() -> None:
    """Close this process to others: on Linux, ``/proc/PID/environ`` and ``mem`` become the superuser's alone.

    What this process starts is open again. Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def beginning(response: Any, *_: object, **__: object) -> Iterator[bytes]:
    """Yield the beginning of what a server answered; it takes the place of `requests.Response.iter_content`.

    That unpacks whatever it is sent, several times over, and reads to an end that need not come.
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
