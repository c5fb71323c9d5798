"""What a program writes, taken as it comes and kept within bounds."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import IO

KEPT = 2 << 20
"""Bytes that are kept of the beginning of what a program writes, and of its end."""

EVENT = "\x1e"
"""What a line begins with that holds JSON among others that do not, as in a sequence of JSON texts (RFC 7464)."""

_BLOCK = 1 << 16


class TooMuchError(Exception):
    """A program wrote more than whoever started it can read."""


class Kept:
    """The beginning and the end of a text; what is between them is counted."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._begun = self._ended = 0
        self.left_out = 0
        """Bytes that are not kept."""

    def add(self, piece: bytes) -> None:
        """Take the next piece; at most one that is longer than what is to be kept comes at a time."""
        if self._begun < self._most:
            self._head.append(piece)
            self._begun += len(piece)
            return
        self._tail.append(piece)
        self._ended += len(piece)
        while self._tail and self._ended - len(self._tail[0]) >= self._most:
            gone = len(self._tail.popleft())
            self._ended -= gone
            self.left_out += gone

    def text(self, errors: str = "replace") -> str:
        """Return what is kept, with a line in between that tells how much is not."""
        gap = f"\n[... {self.left_out} bytes omitted ...]\n" if self.left_out else ""
        whole = b"".join([*self._head, gap.encode(), *self._tail]).decode("utf-8", errors)
        return whole.replace("\r\n", "\n").replace("\r", "\n")


def collect(
    proc: subprocess.Popen[bytes], stdin: str, seconds: float | None, *, whole: int | None = None
) -> tuple[Kept, Kept]:
    """Take what a program writes until it ends.

    Args:
        proc: The program, with an unbuffered pipe for each stream; it may have none for its input.
        stdin: Text for its standard input.
        seconds: How long it may take; None for as long as it likes.
        whole: How many bytes each stream may have, where all of it is to be read; None keeps beginning and end.

    Returns:
        Standard output and standard error.

    Raises:
        subprocess.TimeoutExpired: It took longer than ``seconds``.
        TooMuchError: A stream has more than ``whole`` bytes.
    """
    end = None if seconds is None else time.monotonic() + seconds
    streams = Kept(whole or KEPT), Kept(whole or KEPT)
    pipes: list[Callable[[], None]] = [
        partial(_drain, proc, pipe, kept, whole is not None)
        for pipe, kept in zip((proc.stdout, proc.stderr), streams, strict=True)
    ]
    if proc.stdin:
        pipes.append(partial(feed, proc.stdin, stdin.encode()))
    here = pipes.pop(0) if end is None else None  # git is started often, and a thread takes as long as our part of it
    workers = [threading.Thread(target=pipe, daemon=True) for pipe in pipes]
    for worker in workers:
        worker.start()
    if here:
        here()
    for worker in workers:
        worker.join(None if end is None else max(0, end - time.monotonic()))
        if worker.is_alive():
            raise subprocess.TimeoutExpired(proc.args, seconds or 0)
    proc.wait(None if end is None else max(0, end - time.monotonic()))
    if whole is not None and any(kept.left_out for kept in streams):
        raise TooMuchError
    return streams


def _drain(proc: subprocess.Popen[bytes], pipe: IO[bytes] | None, kept: Kept, whole: bool) -> None:
    with contextlib.suppress(OSError, ValueError):  # it was closed: nobody waits any more
        while pipe and (piece := pipe.read(_BLOCK)):
            kept.add(piece)
            if whole and kept.left_out:
                proc.kill()
                return


def feed(pipe: IO[bytes], content: bytes) -> None:
    """Write to a program, as far as it reads, and close its input."""
    with contextlib.suppress(OSError, ValueError):  # the program reads no further
        view = memoryview(content)
        while view:
            view = view[pipe.write(view) :]
    with contextlib.suppress(OSError, ValueError):
        pipe.close()
