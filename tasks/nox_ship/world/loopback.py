"""A server inside this process, on loopback: it ends with the process."""

from __future__ import annotations

import contextlib
import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from nox_ship.errors import Kind, ShipError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

PORT_TAKEN = Kind(
    "NS803", "port-taken", "Free the port, or set `port = 0` in [tool.nox-ship.rehearsal] to use any free one."
)

_LOOPBACK = "127.0.0.1"


class _Server(ThreadingMixIn, WSGIServer):
    """An HTTP server that answers each request on a thread that ends with the process."""

    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    """A handler without an access log and without a reverse lookup of the client's name."""

    disable_nagle_algorithm = True  # headers and body are sent separately; the body would wait 40 ms for the ACK

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Write nothing."""

    def address_string(self) -> str:
        """Return the client's address unchanged."""
        return str(self.client_address[0])


class Loopback:
    """A server for a WSGI application."""

    def __init__(self, application: WSGIApplication, port: int = 0) -> None:
        """Start to answer; ``port`` 0 uses a free one.

        Raises:
            ShipError: The port cannot be used (NS803).
        """
        try:
            self._server = make_server(_LOOPBACK, port, application, server_class=_Server, handler_class=_SilentHandler)
        except (OSError, OverflowError) as error:
            what = f"Port {port} on {_LOOPBACK} cannot be used: {str(error).rstrip('.')}."
            raise ShipError(PORT_TAKEN(what)) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://{_LOOPBACK}:{self._server.server_port}"

    def close(self) -> None:
        """Stop answering."""
        stop(self._server)
        self._thread.join()


def stop(server: TCPServer) -> None:
    """Stop a server that runs `serve_forever` on another thread, without waiting for its next look whether to stop."""
    with contextlib.suppress(OSError):  # macOS refuses this for a socket that listens
        server.socket.shutdown(socket.SHUT_RDWR)
    server.shutdown()
    server.server_close()
