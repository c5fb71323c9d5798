"""A server on this machine whose answers a test defines, and which records the requests."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from nox_ship.world.loopback import stop


@dataclass(frozen=True)
class Request:
    """A request to the server."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """An answer of the server."""

    body: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Talk = Callable[[socket.socket], None]
"""An answer that is written directly to the connection."""


class Loopback:
    """The server, a context manager; ``answer`` is called for each request."""

    def __init__(self, answer: Callable[[Request], Reply | Talk]) -> None:
        self.asked: list[Request] = []
        self.answer = answer
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 20

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, body)
                server.asked.append(request)
                reply = server.answer(request)
                self.close_connection = True
                with contextlib.suppress(OSError):
                    if not isinstance(reply, Reply):
                        reply(self.connection)
                        return
                    content = reply.body.encode() if isinstance(reply.body, str) else reply.body
                    self.send_response(reply.status)
                    for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names are the base class's

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """Write nothing, as some tests cut connections on purpose."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._server)
        self._thread.join()

    @property
    def paths(self) -> list[str]:
        """The requested paths, in order."""
        return [request.path for request in self.asked]
