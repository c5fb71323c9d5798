"""Asking a script of ours several questions, if starting it takes longer than answering."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from nox_ship import process


class Conversation:
    """A script that answers each line of JSON with another; use it as a context manager.

    It is started by the first question, and again by the next one after it has ended. Other processes of the user can
    read neither its memory nor the questions.
    """

    def __init__(self, script: str, keep: Iterable[str] = ()) -> None:
        """Prepare the script at this path; variables named in ``keep`` reach it although they look like secrets."""
        self.script = script
        self._keep = tuple(keep)
        self._stack = contextlib.ExitStack()
        self._program: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, question: object, seconds: float) -> Any:
        """Return the answer to a question; None if the script ended without one.

        Args:
            question: A JSON value.
            seconds: How many seconds the script may take.

        Raises:
            TimedOutError: It took longer, and was stopped (NS904).
        """
        program = self._program or self._started()
        if program is None:
            return None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            program.kill()

        timer = threading.Timer(seconds, give_up)
        timer.start()
        try:
            answer = _asked(program, question)
        finally:
            timer.cancel()
        whole = answer.endswith(b"\n")
        if late.is_set() or not whole:
            self._end()
        if late.is_set():
            raise process.TimedOutError(process.COMMAND_SLOW(f"No answer within {seconds:.0f} seconds."))
        return json.loads(answer) if whole else None

    def _started(self) -> subprocess.Popen[bytes] | None:
        """Start the script; None if it must not be told anything, because other processes could read it."""
        command, env = process.script(self.script), process.inherited(self._keep)
        started = process.closed(command, {}, env=env, stderr=subprocess.DEVNULL)
        self._program, odd = self._stack.enter_context(started)
        if odd:
            self._end()
        return self._program

    def _end(self) -> None:
        if self._program:
            self._program.kill()
        self._program = None
        self._stack.close()


def _asked(program: subprocess.Popen[bytes], question: object) -> bytes:
    with contextlib.suppress(BrokenPipeError):
        if program.stdin and program.stdout:
            program.stdin.write(f"{json.dumps(question)}\n".encode())
            with open(program.stdout.fileno(), "rb", closefd=False) as answers:
                return answers.readline()
    return b""
