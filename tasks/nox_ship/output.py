"""The output of a program, read as it arrives and kept within limits."""

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
"""How many bytes of the beginning and of the end of a program's output are kept."""

EVENT = "\x1e"
"""The prefix of a line of JSON among other lines, as in JSON text sequences (RFC 7464)."""

_BLOCK = 1 << 16


class TooMuchError(Exception):
    """A program wrote more than its caller accepts."""


class Kept:
    """The beginning and the end of a text; what is in between is counted."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._begun = self._ended = 0
        self.left_out = 0
        """Bytes that are not kept."""

    def add(self, piece: bytes) -> None:
        """Add the next piece; at most one piece at a time is longer than what is kept."""
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
        """Return what is kept, with a line in between that says how much is omitted."""
        gap = f"\n[... {self.left_out} bytes omitted ...]\n" if self.left_out else ""
        whole = b"".join([*self._head, gap.encode(), *self._tail]).decode("utf-8", errors)
        return whole.replace("\r\n", "\n").replace("\r", "\n")


def collect(
    proc: subprocess.Popen[bytes], stdin: str, seconds: float | None, *, whole: int | None = None
) -> tuple[Kept, Kept]:
    """Read a program's output until it ends.

    Args:
        proc: The program, with an unbuffered pipe for each stream; its input need not be one.
        stdin: Text for its standard input.
        seconds: How many seconds it may take; None for no limit.
        whole: The most bytes of each stream, if all of it is wanted; None to keep beginning and end.

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
    here = pipes.pop(0) if end is None else None  # git is started often, and a thread costs as much as all our work
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
    with contextlib.suppress(OSError, ValueError):  # it was closed: nobody is waiting
        while pipe and (piece := pipe.read(_BLOCK)):
            kept.add(piece)
            if whole and kept.left_out:
                proc.kill()
                return


def feed(pipe: IO[bytes], content: bytes) -> None:
    """Write to a program as far as it reads, and close its input."""
    with contextlib.suppress(OSError, ValueError):  # the program stopped reading
        view = memoryview(content)
        while view:
            view = view[pipe.write(view) :]
    with contextlib.suppress(OSError, ValueError):
        pipe.close()
