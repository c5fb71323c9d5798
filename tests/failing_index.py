"""A package index that fails on demand: pypiserver with TLS, and with the other services of PyPI.

It has both endpoints of trusted publishing, the identity endpoint of GitHub Actions, the simple API in HTML and JSON,
the JSON API, and a switch for each known way to fail.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import html
import io
import json
import logging
import os
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import certifi
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from nox_ship.world.loopback import stop

HOST = "127.0.0.1"
_ONE_AT_A_TIME = threading.Lock()
"""Held while pypiserver makes an app: two made at once can share one module, and then serve the same folder."""
CLAIMS = {
    "repository": "acme/sample",
    "repository_owner": "acme",
    "job_workflow_ref": "acme/sample/.github/workflows/release.yml@refs/tags/v1.2.3",
    "workflow_ref": "acme/sample/.github/workflows/release.yml@refs/tags/v1.2.3",
    "environment": "pypi",
    "ref": "refs/tags/v1.2.3",
}
"""The claims of a job of GitHub Actions."""

Environ = dict[str, Any]
Start = Callable[..., Any]


def api_token(location: str = HOST, *caveats: object) -> str:
    """Return an API token in PyPI's format: a macaroon, version 2."""

    def packed(kind: int, value: bytes) -> bytes:
        size = len(value)
        length = bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])
        return bytes([kind]) + length + value

    raw = b"\x02" + packed(1, location.encode()) + packed(2, secrets.token_bytes(16)) + b"\0"
    for caveat in caveats:
        raw += packed(2, json.dumps(caveat).encode()) + b"\0"
    raw += b"\0" + packed(6, secrets.token_bytes(32))
    return "pypi-" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def identity_token(audience: str, claims: dict[str, str]) -> str:
    """Return an identity token (a JWT), whose signature nobody checks here."""
    parts = ({"alg": "none"}, {"aud": audience, **claims}, {"signature": secrets.token_hex(8)})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@dataclass
class Upload:
    """One attempt to upload a file."""

    filename: str
    user: str
    password: str
    attestations: str | None


@dataclass
class Faults:
    """The faults of the index; a number says how many requests it affects."""

    refuse: tuple[int, str] | None = None
    cut: int = 0
    """The number of connections that are cut in the middle of the body."""
    swallow: int = 0
    """The number of uploads that are stored, and whose connection is then cut without an answer."""
    lose: int = 0
    """The number of uploads that are stored, and answered with 500."""
    fail: int = 0
    """The number of uploads that are not stored, and answered with 500."""
    hang: int = 0
    """The number of uploads that are never answered."""
    hide: int = 0
    """The number of simple pages that show no files yet."""
    hide_json: int = 0
    """The number of answers of the JSON API that show no files yet."""
    other_bytes: bool = False
    no_hashes: bool = False
    formats: tuple[str, ...] = ("json", "html")
    json_api: bool = True
    age: float | None = None
    """Days since all its files were uploaded; None if the index does not tell (PEP 700)."""
    status: str | None = None
    """The project's status (PEP 792); None if the index does not tell."""
    reason: str | None = None
    projects: tuple[str, ...] = ()
    """Other projects in its list."""
    no_list: bool = False
    """Whether it has no list of projects."""
    no_audience: bool = False
    mint_status: int = 200

    def spend(self, name: str) -> bool:
        """Return whether this request meets the fault ``name``, and use one up."""
        left: int = getattr(self, name)
        setattr(self, name, max(left - 1, 0))
        return left > 0


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing, because this server cuts connections on purpose."""


class _Handler(WSGIRequestHandler):
    timeout = 60

    def handle(self) -> None:
        """Answer, unless the connection was cut on purpose; errors caused by that are ignored."""
        with contextlib.suppress(OSError, AttributeError):
            super().handle()

    def get_environ(self) -> Environ:
        return {**super().get_environ(), "failing.socket": self.connection}

    def log_message(self, *args: Any) -> None:
        """Write nothing."""

    def address_string(self) -> str:
        return str(self.client_address[0])


@dataclass
class FailingIndex:
    """The server, a context manager; ``faults`` may be changed at any time."""

    folder: Path
    faults: Faults = field(default_factory=Faults)
    tokens: set[str] = field(default_factory=set)
    """Tokens that allow uploads."""
    publisher: dict[str, str] = field(default_factory=lambda: {"repository": "acme/sample", "environment": "pypi"})
    """The claims that a trusted publisher must have."""
    claims: dict[str, str] = field(default_factory=lambda: dict(CLAIMS))
    uploads: list[Upload] = field(default_factory=list)
    tried: list[Upload] = field(default_factory=list)
    """Uploads without a file, which test the credentials."""
    request_token: str = field(default_factory=lambda: f"request-{secrets.token_hex(8)}")
    """The token with which a job requests its identity token."""
    minted: list[str] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        import pypiserver  # it warns on import, which the tests that start it expect

        logging.getLogger("pypiserver").setLevel(logging.ERROR)
        self.packages = self.folder / "packages"
        self.packages.mkdir(parents=True, exist_ok=True)
        nobody: dict[str, Any] = {"password_file": ".", "authenticate": []}
        with _ONE_AT_A_TIME:
            self._app = pypiserver.app(roots=[self.packages], disable_fallback=True, hash_algo="sha256", **nobody)
        import trustme  # slow, and only needed if an index is started

        authority = trustme.CA()
        self._authority, self._authorities = self.folder / "authority.pem", self.folder / "authorities.pem"
        known = [certifi.where(), os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile]
        trusted = [Path(path).read_bytes() for path in dict.fromkeys(known) if path and Path(path).is_file()]
        self._authority.write_bytes(authority.cert_pem.bytes())
        self._authorities.write_bytes(b"\n".join([*trusted, authority.cert_pem.bytes()]))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(HOST, "localhost").configure_cert(context)
        self._server = make_server(HOST, 0, self._answer, server_class=_Server, handler_class=_Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        stop(self._server)
        self._thread.join(5)

    @property
    def url(self) -> str:
        """The beginning of every address."""
        return f"https://{HOST}:{self._server.server_port}"

    def settings(self, name: str = "pypi") -> str:
        """Return the settings that make this server the index ``name``."""
        addresses = f'upload-url = "{self.url}/legacy/"\nsimple-url = "{self.url}/simple/"\n'
        return f'[tool.nox-ship.indexes.{name}]\n{addresses}json-url = "{self.url}/pypi/"\n'

    def environment(self) -> dict[str, str]:
        """Return the variables that make clients trust this server.

        uv needs the other authorities too, because it installs from other servers; clients that use requests only ask
        this one, and read the file each time.
        """
        return {"SSL_CERT_FILE": str(self._authorities), "REQUESTS_CA_BUNDLE": str(self._authority)}

    def trust(self, other: FailingIndex) -> None:
        """Make clients with these variables also trust another index."""
        for path in (self._authority, self._authorities):
            path.write_bytes(path.read_bytes() + b"\n" + other._authority.read_bytes())

    def job(self) -> dict[str, str]:
        """Return the variables of a job of GitHub Actions that may request an identity token."""
        return {
            **self.environment(),
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/identity?api=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
        }

    def new_token(self, *caveats: object) -> str:
        """Return an API token that allows uploads."""
        token = api_token(HOST, *caveats)
        self.tokens.add(token)
        return token

    def reset(self) -> None:
        """Remove all files and records, and all faults."""
        for path in self.packages.iterdir():
            path.unlink()
        self.faults, self.tokens = Faults(), set()
        for noted in (self.uploads, self.tried, self.minted, self.identities):
            noted.clear()

    def files(self) -> dict[str, str]:
        """Return the SHA-256 of each stored file, by name."""
        found = (path for path in self.packages.iterdir() if path.is_file())
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    # The answers

    def _answer(self, environ: Environ, start: Start) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method, path) == ("POST", "/legacy/"):
            return self._upload(environ, start)
        routes: list[tuple[str, Callable[[Environ, Start], Iterable[bytes]]]] = [
            ("/_/oidc/audience", self._audience),
            ("/_/oidc/mint-token", self._mint),
            ("/identity", self._identity),
            ("/simple/", self._simple),
            ("/pypi/", self._json),
            ("/files/", self._file),
        ]
        for prefix, answer in routes:
            if path.startswith(prefix):
                return answer(environ, start)
        return self._text(start, "404 Not Found", "not found")

    def _text(self, start: Start, status: str, text: str | bytes, kind: str = "text/plain") -> Iterable[bytes]:
        body = text.encode() if isinstance(text, str) else text
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _object(self, start: Start, value: object, status: str = "200 OK") -> Iterable[bytes]:
        return self._text(start, status, json.dumps(value), "application/json")

    def _upload(self, environ: Environ, start: Start) -> Iterable[bytes]:  # noqa: C901, PLR0911 - a switch for each fault
        size = int(environ.get("CONTENT_LENGTH") or 0)
        if self.faults.spend("cut"):
            environ["wsgi.input"].read(size // 2)
            environ["failing.socket"].shutdown(socket.SHUT_RDWR)
            return []
        body = environ["wsgi.input"].read(size)
        if len(body) < size:  # the client has disconnected
            return []
        upload = self._noted(environ, body)
        if not upload.filename:
            return self._tried(upload, start)
        self.uploads.append(upload)
        if self.faults.spend("hang"):
            self._stopping.wait(60)
            return []
        if self.faults.spend("fail"):
            return self._text(start, "500 Internal Server Error", "it broke")
        if upload.password not in self.tokens | set(self.minted):
            return self._refuse(start, 403, "Invalid or non-existent authentication information.")
        if self.faults.refuse:
            return self._refuse(start, *self.faults.refuse)
        if closed := self._closed(upload):
            return self._refuse(start, *closed)
        status = self._keep(environ, body)
        if self.faults.spend("swallow"):
            environ["failing.socket"].shutdown(socket.SHUT_RDWR)
            return []
        if self.faults.spend("lose"):
            return self._text(start, "500 Internal Server Error", "it broke")
        if status.startswith(("400", "409")):
            return self._refuse(start, 400, f"File already exists ('{upload.filename}', with another hash).")
        return self._text(start, status, "")

    def _closed(self, upload: Upload) -> tuple[int, str] | None:
        """Return PyPI's answer if the project or the release accepts no more files; otherwise None."""
        project, version = _parsed(upload.filename)
        there = [name for name in self.files() if _parsed(name) == (project, version)]
        if self.faults.status in ("archived", "quarantined"):
            return 403, f"The user 'sample' isn't allowed to upload to project '{project}'."
        if there and (self.faults.age or 0) > 14:
            return 400, "Uploading new files to releases older than 14 days is not allowed."
        sdists = [name for name in there if not name.endswith(".whl")]
        if sdists and not upload.filename.endswith(".whl"):
            return 400, "Only one sdist may be uploaded per release."
        return None

    def _noted(self, environ: Environ, body: bytes) -> Upload:
        user, _, password = (
            base64.b64decode(environ.get("HTTP_AUTHORIZATION", "Basic Og==").partition(" ")[2]).decode().partition(":")
        )
        fields = _fields(body, environ["CONTENT_TYPE"])
        attestations = fields.get("attestations")
        return Upload(fields.get("content filename", ""), user, password, attestations)

    def _tried(self, upload: Upload, start: Start) -> Iterable[bytes]:
        """Answer an upload without a file: like PyPI, check the credentials first."""
        self.tried.append(upload)
        if upload.password not in self.tokens:
            return self._refuse(start, 403, "Invalid or non-existent authentication information.")
        return self._refuse(start, 400, "Upload payload does not have a file.")

    def _refuse(self, start: Start, status: int, words: str) -> Iterable[bytes]:
        page = f"<html><head><title>{status} {html.escape(words)}</title></head><body><h1>{status} {words}</h1></body>"
        return self._text(start, f"{status} {words or 'Forbidden'}", page, "text/html")

    def _keep(self, environ: Environ, body: bytes) -> str:
        answers: list[str] = []
        inner = {**environ, "PATH_INFO": "/", "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        inner.pop("HTTP_AUTHORIZATION", None)
        list(self._app(inner, lambda status, _headers, *_: answers.append(status)))
        return answers[0]

    def _listed(self, fault: str) -> dict[str, str]:
        return {} if self.faults.spend(fault) else self.files()

    def _simple(self, environ: Environ, start: Start) -> Iterable[bytes]:
        project = environ["PATH_INFO"].split("/")[2]
        if not project:
            return self._projects(start)
        files = {name: sha for name, sha in self._listed("hide").items() if _parsed(name)[0] == project}
        if not files:
            return self._text(start, "404 Not Found", "no such project")
        json_first = "json" in environ.get("HTTP_ACCEPT", "") and "json" in self.faults.formats
        if json_first or "html" not in self.faults.formats:
            entries = [
                {
                    "filename": n,
                    "url": f"{self.url}/files/{n}",
                    "hashes": {} if self.faults.no_hashes else {"sha256": s},
                    **self._uploaded(),
                }
                for n, s in files.items()
            ]
            page = {"meta": {"api-version": "1.4"}, "name": project, "files": entries, "versions": []}
            page |= {"project-status": self._told_status()} if self.faults.status else {}
            return self._text(start, "200 OK", json.dumps(page), "application/vnd.pypi.simple.v1+json")
        links = [
            f'<a href="{self.url}/files/{n}{"" if self.faults.no_hashes else f"#sha256={s}"}">{n}</a>'
            for n, s in files.items()
        ]
        names = {"status": "pypi:project-status", "reason": "pypi:project-status-reason"}
        told = self._told_status() if self.faults.status else {}
        head = "".join(f'<meta name="{names[name]}" content="{html.escape(value)}">' for name, value in told.items())
        body = f"<head>{head}</head><body>{''.join(links)}</body>"
        return self._text(start, "200 OK", f"<!DOCTYPE html><html>{body}</html>", "text/html")

    def _told_status(self) -> dict[str, str]:
        told = {"status": self.faults.status, "reason": self.faults.reason}
        return {name: value for name, value in told.items() if value is not None}

    def _uploaded(self) -> dict[str, str]:
        """Return the upload time of a file, in PyPI's format."""
        if self.faults.age is None:
            return {}
        at = dt.datetime.now(dt.UTC) - dt.timedelta(days=self.faults.age)
        return {"upload-time": at.isoformat().replace("+00:00", "Z")}

    def _projects(self, start: Start) -> Iterable[bytes]:
        """Answer with the list of all projects, which is only available as JSON."""
        if self.faults.no_list:
            return self._text(start, "404 Not Found", "not found")
        names = sorted({*(_parsed(name)[0] for name in self.files()), *self.faults.projects})
        page = {"meta": {"api-version": "1.4"}, "projects": [{"name": name, "_last-serial": 1} for name in names]}
        return self._text(start, "200 OK", json.dumps(page), "application/vnd.pypi.simple.v1+json")

    def _json(self, environ: Environ, start: Start) -> Iterable[bytes]:
        _, _, project, version, *_ = environ["PATH_INFO"].split("/")
        listed = self._listed("hide_json") if self.faults.json_api else {}
        urls = [
            {"filename": name, "url": f"{self.url}/files/{name}", "digests": {"sha256": sha}}
            for name, sha in listed.items()
            if _parsed(name) == (project, version)
        ]
        return self._object(start, {"urls": urls}) if urls else self._text(start, "404 Not Found", "not found")

    def _file(self, environ: Environ, start: Start) -> Iterable[bytes]:
        path = self.packages / Path(environ["PATH_INFO"]).name
        if not path.is_file():
            return self._text(start, "404 Not Found", "not found")
        data = path.read_bytes()
        return self._text(start, "200 OK", data + b"?" if self.faults.other_bytes else data, "application/octet-stream")

    def _audience(self, _environ: Environ, start: Start) -> Iterable[bytes]:
        if self.faults.no_audience:
            return self._text(start, "404 Not Found", "not found")
        return self._object(start, {"audience": HOST})

    def _identity(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if environ.get("HTTP_AUTHORIZATION", "").lower() != f"bearer {self.request_token}":
            return self._text(start, "401 Unauthorized", "no")
        asked = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        own = {"environment": asked["environment"]} if "environment" in asked else {}
        token = identity_token(asked["audience"], {**self.claims, **own})
        self.identities.append(token)
        return self._object(start, {"value": token})

    def _mint(self, environ: Environ, start: Start) -> Iterable[bytes]:
        body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        if self.faults.mint_status != 200:
            return self._text(start, f"{self.faults.mint_status} Broken", "it broke")
        payload = body["token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if any(claims.get(name) != value for name, value in self.publisher.items()):
            description = "valid token, but no corresponding publisher (Publisher with matching claims was not found)"
            errors = [{"code": "invalid-publisher", "description": description}]
            return self._object(start, {"message": "Token request failed", "errors": errors}, "422 Unprocessable")
        token = api_token(HOST, [0, int(time.time()) + 900, 0])
        self.minted.append(token)
        return self._object(start, {"success": True, "token": token})


def _parsed(filename: str) -> tuple[str, str]:
    if filename.endswith(".whl"):
        name, version, *_ = parse_wheel_filename(filename)
    else:
        name, version = parse_sdist_filename(filename)
    return canonicalize_name(name), str(version)


def _fields(body: bytes, content_type: str) -> dict[str, str]:
    """Return the text fields of a form, and the names of its files."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    fields: dict[str, str] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        words = dict(item.strip().split("=", 1) for item in head.decode(errors="replace").split(";")[1:] if "=" in item)
        name = words["name"].split('"')[1]
        if "filename" in words:
            fields[f"{name} filename"] = words["filename"].split('"')[1]
        else:
            fields[name] = value.removesuffix(b"\r\n").decode(errors="replace")
    return fields
