"""A GitHub that fails on demand, with the API that GitHub documents and a switch for each fault."""

from __future__ import annotations

import hashlib
import http
import io
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from actions_board import ActionsBoard
from fakes import Yard
from loopback import Reply, Request
from nox_ship.world.board import Board
from nox_ship.world.github import GitHubApi
from nox_ship.world.loopback import Loopback
from nox_ship.world.releases import Releases
from support import git

SLUG, TOKEN = "acme/sample", "ghs_0123456789abcdefghijABCDEFGHIJ012345"
COMMIT = "c" * 40
READ_ONLY = "Resource not accessible by integration"

Environ = dict[str, Any]


@dataclass
class Faults:
    """The faults of the forge; a number says how many requests it affects."""

    answers: list[tuple[int, Mapping[str, str], object]] = field(default_factory=list)
    """The answers to the next requests, whatever they are: status, headers, and JSON value."""
    lose_at: int | None = None
    """The number of requests before one that is carried out, but whose answer is cut off."""
    dead_after: int | None = None
    """The number of further requests that work; None for all."""
    last_lost: bool = False
    """Whether the answer to the last of these is cut off."""
    cut_uploads: int = 0
    """The number of uploads that are cut off in the middle, and whose remains stay in the state ``starter``."""
    other_bytes: int = 0
    """The number of uploads that are stored with other bytes than were sent."""
    left: int | None = None
    """The number of requests it accepts within half an hour; None for any number."""
    no_digests: bool = False
    private: bool = False
    read_only: bool = False
    late: bool = False
    """Whether it becomes read-only only with the first release, as if a token expired in between."""

    def spend(self, name: str) -> bool:
        """Return whether this request meets the fault ``name``, and use one up."""
        left: int = getattr(self, name)
        setattr(self, name, max(left - 1, 0))
        return left > 0


class FailingForge(ActionsBoard):
    """The server, a context manager; ``faults`` may be changed at any time."""

    def __init__(self) -> None:
        self.tags = {"v1.2.3": COMMIT}
        super().__init__(SLUG, lambda: self.tags)
        self.faults = Faults()
        self.asked: list[str] = []
        """The requests, except those to a dead server."""
        self.waits: list[float] = []
        """The seconds of each time that the client waited."""
        self.later: list[Callable[[], object]] = []
        """Things that happen while the client waits, one each time."""
        self.bare: Path | None = None
        """The repository in which it makes commits; None if it makes none."""
        self.signs = True
        """Whether it signs these commits."""
        self.facts: dict[str, Any] = {}
        """Further answers, by the requested path below the repository."""
        self.told: list[str] = []
        """The messages that the client showed before waiting."""

    def __enter__(self) -> Self:
        self._server, self._second = Loopback(self.answer), Loopback(self.answer)
        self.uploads = self._second.url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self._second.close()

    @property
    def url(self) -> str:
        """The address of the API."""
        return self._server.url

    def client(self, token: str | None = TOKEN) -> Releases:
        """Return a client that records its waiting times without waiting."""
        return Releases(GitHubApi(self.url, SLUG, token, sleep=self.wait, tell=self.told.append))

    def wait(self, seconds: float) -> None:
        """Record that a client waits."""
        self.waits.append(seconds)
        if self.later:
            self.later.pop(0)()

    def page(self, tag: str = "v1.2.3") -> dict[str, Any]:
        """Return the only release of a tag."""
        (release,) = (one for one in self.releases.values() if one["tag_name"] == tag)
        return release

    def person(self, **values: Any) -> dict[str, Any]:
        """Make a release as a person would."""
        usual = {"tag_name": "v1.2.3", "name": "Mine", "body": "My words.", "draft": True, "prerelease": False}
        number = self.number()
        self.releases[number] = {"id": number, "assets": {}, **usual, **values}
        return self.releases[number]

    def hang(self, release: dict[str, Any], name: str, content: bytes = b"x", state: str = "uploaded") -> None:
        """Attach a file to a release."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        asset = {"id": self.number(), "name": name, "state": state, "size": len(content), "digest": digest}
        release["assets"][asset["id"]] = asset

    def files(self, tag: str = "v1.2.3") -> dict[str, str]:
        """Return the SHA-256 of each complete file of a release."""
        whole = (asset for asset in self.page(tag)["assets"].values() if asset["state"] == "uploaded")
        return {asset["name"]: asset["digest"].removeprefix("sha256:") for asset in whole}

    def answer(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, or let it meet a fault."""
        faults = self.faults
        if faults.dead_after == 0:
            return _cut(start)
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].replace(f'/repos/{SLUG}', '')}")
        if faults.left is not None:
            start = self._limited(start)
        last = faults.dead_after == 1
        if faults.dead_after is not None:
            faults.dead_after -= 1
        if faults.answers:
            status, headers, value = faults.answers.pop(0)
            body = json.dumps(value).encode()
            told = [*headers.items(), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            start(f"{status} {http.HTTPStatus(status).phrase}", told)
            return [body]
        upload = environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].endswith("/assets")
        if upload and faults.spend("cut_uploads"):
            size = int(environ["CONTENT_LENGTH"])
            half = io.BytesIO(environ["wsgi.input"].read(size)[: size // 2])
            self({**environ, "wsgi.input": half}, _unheard)
            return _cut(start)
        if upload and faults.spend("other_bytes"):
            size = int(environ["CONTENT_LENGTH"])
            environ["wsgi.input"].read(size)
            environ = dict(environ, **{"wsgi.input": io.BytesIO(b"?" * size)})
        if len(self.asked) - 1 == faults.lose_at or (last and faults.last_lost):
            list(self(environ, _unheard))
            return _cut(start)
        return self(environ, start)

    def _limited(self, start: Callable[..., Any]) -> Callable[..., Any]:
        """Count one more request, and state the limit in the answer."""
        left = self.faults.left or 0
        self.faults.left = max(left - 1, 0)
        told = {"x-ratelimit-remaining": str(self.faults.left), "x-ratelimit-reset": str(int(time.time()) + 1800)}
        if left == 0:
            self.faults.answers.insert(0, (403, {}, {"message": "API rate limit exceeded for 192.0.2.1."}))
        return lambda status, headers, *rest: start(status, [*headers, *told.items()], *rest)

    def reply(self, environ: Environ) -> tuple[http.HTTPStatus, Any]:
        """Return the status and the JSON value of the answer to a request."""
        token = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        if token and token != TOKEN:
            return http.HTTPStatus.UNAUTHORIZED, {"message": "Bad credentials"}
        if self.faults.private and not token:
            return http.HTTPStatus.NOT_FOUND, {"message": "Not Found"}
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        tried = self.faults.late and asked.endswith("/generate-notes")
        if self.faults.read_only and environ["REQUEST_METHOD"] != "GET" and not tried:
            return http.HTTPStatus.FORBIDDEN, {"message": READ_ONLY}
        if self.bare and "/git/" in asked:
            return http.HTTPStatus.CREATED, self._git(self.bare, environ)
        if (told := self._besides(asked)) is not None:
            return http.HTTPStatus.OK, told
        status, value = super().reply(environ)
        if self.faults.no_digests and isinstance(value, list):
            value = [{**one, "digest": None} for one in value]
        return status, value

    def _git(self, bare: Path, environ: Environ) -> dict[str, Any]:
        """Make a commit in the repository, which counts as signed or not, or move a branch there."""
        value = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        if environ["REQUEST_METHOD"] == "PATCH":
            git(bare, "update-ref", environ["PATH_INFO"].partition("/git/")[2], value["sha"])
            return {}
        identity = ("-c", "user.name=GitHub", "-c", "user.email=noreply@github.example")
        parents = [word for parent in value["parents"] for word in ("-p", parent)]
        made = git(bare, *identity, "commit-tree", *parents, "-m", value["message"], value["tree"])
        return {"sha": made, "verification": {"verified": self.signs}}

    def _besides(self, asked: str) -> Any:
        """Return the answer to a request that is not about releases; None for other requests."""
        call = asked.replace(f" /repos/{SLUG}", " ")
        if call == "GET ":
            return {"full_name": SLUG, "private": self.faults.private}
        if call.startswith("GET "):
            return self.facts.get(call.removeprefix("GET "))
        if call == "POST /releases/generate-notes":
            return {"name": "v1.2.3", "body": "Composed, and not kept."}
        return None


def answered(board: Board, request: Request) -> Reply:
    """Return the answer of a board to a request that another server received."""
    path, _, query = request.path.partition("?")
    told: list[tuple[int, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
        told.append((int(status.split(maxsplit=1)[0]), dict(headers)))
        return lambda _: None

    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "HTTP_HOST": request.headers["host"],
        "HTTP_AUTHORIZATION": request.headers.get("authorization", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": io.BytesIO(request.body),
    }
    body = b"".join(board(environ, start))
    return Reply(body, *told[0])


def _unheard(*_: object) -> Callable[[bytes], object]:
    """Start an answer that nobody receives."""
    return lambda _: None


def _cut(start: Callable[..., Any]) -> Iterable[bytes]:
    """Start an answer, and cut the connection."""
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", "100")])
    return [b"{"]


def hosted(forge: FailingForge, yard: Yard) -> Yard:
    """Put a project's remote on a forge, which then sees the tags of the remote."""
    yard.world.forge, prefix = forge.client(), "refs/tags/"
    forge.commits = lambda: {
        name.removeprefix(prefix): commit
        for name, commit in yard.world.remote.refs().items()
        if name.startswith(prefix)
    }
    return yard
