"""Running the sessions of a release: each in a process forked from one that has loaded nox and the noxfile.

Such a process does what `nox --session NAME` does, with nox's own functions. `release/gates.py` starts this file as a
program in the clone, and reads its lines. Those that begin with `EVENT` contain a JSON list; all others are output of
nox and the noxfile while they are loaded.

- ``["started", name, needs]``: a session runs, now that those that it needs have passed.
- ``["said", name, text]``: output of a session.
- ``["ended", name, entry]``: nox's result (`nox.sessions.Result.serialize`).
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import gc
import graphlib
import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))  # the noxfile may add nox-ship's place to the path only later

from nox import _options, logger, registry, tasks
from nox.sessions import Result, resolve_allow_parallel

from nox_ship import lifeline, registration, reuse
from nox_ship.output import EVENT

if TYPE_CHECKING:
    from nox._options import NoxConfig
    from nox.manifest import Manifest
    from nox.sessions import SessionRunner

_PIECE = 1 << 14
_LOOK_SECONDS = 0.05


@dataclass
class _Running:
    """A running session, in its own process."""

    session: SessionRunner
    pid: int
    output: int
    """Its output."""
    result: int
    """Its result."""
    begun: float = field(default_factory=time.monotonic)
    entry: bytes = b""
    told: bool = False
    """Whether it has reported its result, so that its process only has to end."""
    text: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )


class Runner:
    """The sessions of a loaded noxfile."""

    def __init__(self, manifest: Manifest, config: NoxConfig, jobs: int, tell: Callable[..., None]) -> None:
        """Prepare to run the selected sessions.

        Args:
            manifest: nox's sessions; those in its queue are run.
            config: nox's options.
            jobs: How many sessions run at once.
            tell: Called with each event.
        """
        self._config = config
        self._jobs = jobs
        self._tell = tell
        self._queue: list[SessionRunner] = list(manifest)
        self._selector = selectors.DefaultSelector()
        self._running: dict[SessionRunner, _Running] = {}
        self._results: dict[SessionRunner, bool] = {}
        self._needs: dict[SessionRunner, list[SessionRunner]] = {}

    def run(self, parent: int) -> bool:
        """Run all sessions, each once those that it requires have passed; return whether all have.

        Args:
            parent: The process that waits for us; without it, this ends.
        """
        selected = set(self._queue)
        needs = {one: [need for need in one.get_direct_dependencies() if need in selected] for one in self._queue}
        self._needs = needs
        order = graphlib.TopologicalSorter(needs)
        order.prepare()
        ready: list[SessionRunner] = []
        while order.is_active():
            ready = sorted({*ready, *order.get_ready()}, key=self._queue.index)
            for session in [one for one in ready if not all(self._results[need] for need in needs[one])]:
                failed = next(need for need in needs[session] if not self._results[need])
                self._end(session, Result.aborted_prerequisite(session, failed).serialize())
            for session in [one for one in ready if one not in self._results]:
                if self._may_start(session):
                    self._start(session)
            self._look(parent)
            done = [one for one in ready if one in self._results]
            order.done(*done)
            ready = [one for one in ready if one not in self._results]
        return all(self._results.values())

    def _may_start(self, session: SessionRunner) -> bool:
        """Whether another session may start: one that allows no others runs alone, as in nox."""
        if session in self._running or len(self._running) >= self._jobs:
            return False
        beside = [session, *self._running]
        alone = not all(resolve_allow_parallel(self._config, one.func) for one in beside)
        return not (self._running and (alone or any(one.envdir == session.envdir for one in self._running)))

    def _start(self, session: SessionRunner) -> None:
        output, said = os.pipe()
        result, told = os.pipe()
        self._tell("started", session.friendly_name, [need.friendly_name for need in self._needs[session]])
        server, pid = os.getpid(), os.fork()
        if not pid:
            for one in self._running.values():
                os.close(one.output)
                os.close(one.result)
            os._exit(_run(session, self._config, server, said, told))
        os.close(said)
        os.close(told)
        running = self._running[session] = _Running(session, pid, output, result)
        for pipe in (output, result):
            os.set_blocking(pipe, False)
            self._selector.register(pipe, selectors.EVENT_READ, running)

    def _look(self, parent: int) -> None:
        """Read the output of sessions, until there is some or for a moment, and the results of those that ended."""
        for key, _ in self._selector.select(_LOOK_SECONDS):
            running: _Running = key.data
            self._read(running, key.fd)
        for running in list(self._running.values()):
            ended, status = os.waitpid(running.pid, 0 if running.told else os.WNOHANG)
            if ended:
                self._collect(running, status)
        if os.getppid() != parent:
            os._exit(1)

    def _read(self, running: _Running, pipe: int) -> bool:
        """Read the output of a session; return whether there may be more."""
        try:
            piece = os.read(pipe, _PIECE)
        except BlockingIOError:
            return False
        if not piece and pipe in self._selector.get_map():
            self._selector.unregister(pipe)
        if pipe == running.result:
            running.entry += piece
            running.told = not piece
        elif text := running.text.decode(piece, final=not piece):
            self._tell("said", running.session.friendly_name, text)
        return bool(piece)

    def _collect(self, running: _Running, status: int) -> None:
        """Take the result of a session whose process has ended; programs that it left running may hold its pipes."""
        for pipe in (running.output, running.result):
            while self._read(running, pipe):
                pass
            if pipe in self._selector.get_map():
                self._selector.unregister(pipe)
            os.close(pipe)
        del self._running[running.session]
        try:
            entry = json.loads(running.entry)
        except ValueError:
            code = os.waitstatus_to_exitcode(status)
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            why, seconds = f"its process ended early, {how}", time.monotonic() - running.begun
            entry = {"result": "failed", "reason": why, "duration": seconds}
        self._end(running.session, entry)

    def _end(self, session: SessionRunner, entry: dict[str, Any]) -> None:
        self._results[session] = entry["result"] in ("success", "skipped")
        self._tell("ended", session.friendly_name, entry)


def _run(session: SessionRunner, config: NoxConfig, server: int, output: int, told: int) -> int:
    """Run one session in this forked process, like a nox started for it alone; return the exit code."""
    os.setsid()
    lifeline.end_with(server)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    entry: dict[str, Any] | None = None
    code = 1
    try:
        config.no_dependencies = config.parallel_worker = True
        place, python = Path(session.envdir), registration.interpreter(session)
        if python:
            session.func.reuse_venv = reuse.claim(place, python)
        result = session.execute()
        if python and result:
            reuse.offer(place, python)
        result.log(f"Session {session.friendly_name} {result.imperfect}.")
        entry, code = result.serialize(), int(not result)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
    atexit._run_exitfuncs()  # noqa: SLF001 - as at the end of any nox; `os._exit` leaves them out
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    with contextlib.suppress(OSError), os.fdopen(told, "w", encoding="utf-8") as pipe:
        json.dump(entry or {"result": "failed" if code else "success"}, pipe, default=str)
    return code


def load(arguments: Sequence[str]) -> tuple[Manifest, NoxConfig] | int:
    """Load the noxfile as nox does, and select sessions by nox's ``arguments``; return an exit code if that fails."""
    config = _options.options.parse_args(list(arguments))
    logger.setup_logging(color=False)
    registry.reset()
    module = tasks.load_nox_module(config)
    if isinstance(module, int):
        return module
    tasks.merge_noxfile_options(module, config)
    manifest = tasks.filter_manifest(tasks.discover_manifest(module, config), config)
    return manifest if isinstance(manifest, int) else (manifest, config)


def main() -> int:
    """Run the sessions that nox's arguments select, and print the events.

    Returns:
        The exit code: 0 if all passed, 1 if one did not, nox's own if the noxfile cannot be loaded.
    """
    parent = os.getppid()
    registration.join_release()
    loaded = load(sys.argv[1:])
    if isinstance(loaded, int):
        return loaded
    sys.stdout.flush()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    events.write("\n")  # the noxfile's last output may have no line break

    def tell(*event: object) -> None:
        events.write(f"{EVENT}{json.dumps(event, default=str)}\n")
        events.flush()

    gc.freeze()  # keeps the memory that forked processes share unchanged
    try:
        return int(not Runner(*loaded, jobs=2 * (os.cpu_count() or 2), tell=tell).run(parent))
    except KeyboardInterrupt:  # the sessions end with us
        return 130


if __name__ == "__main__":
    sys.exit(main())
