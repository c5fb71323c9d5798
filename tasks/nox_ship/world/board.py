"""A GitHub that keeps the releases and pull requests of one repository in memory: its REST API as documented.

It accepts any token, and keeps only the size and SHA-256 of uploaded files.
"""

from __future__ import annotations

import hashlib
import http
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from nox_ship.world.releases import asset_name

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

Reply = tuple[http.HTTPStatus, Any]
Release = dict[str, Any]

_BLOCK = 1 << 20
_LONGEST = 1 << 20
"""The largest accepted JSON value, in bytes."""
_ASKED_OF_PULLS = (("state", "open"), ("head", ""), ("base", ""))
"""The filters for a list of pull requests, and their defaults."""
_KEPT = ("tag_name", "name", "body", "draft", "prerelease")


class Board:
    """The API, as a WSGI application."""

    def __init__(self, slug: str, commits: Callable[[], Mapping[str, str]], checks: Iterable[str] = ()) -> None:
        """Start without any release.

        Args:
            slug: The repository as owner/name.
            commits: Returns the commit of each existing tag.
            checks: The names of the checks that every commit has passed; nothing is run here.
        """
        self.slug = slug
        self.commits = commits
        self.checks = tuple(checks)
        self.immutable = False
        """Whether releases cannot be changed once they are published."""
        self.uploads = ""
        """The address for uploads; empty for the host of the request."""
        self.releases: dict[int, Release] = {}
        self.latest: int | None = None
        self.pulls: dict[int, dict[str, Any]] = {}
        self._numbers = 0
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        status, value = self.reply(environ)
        headers = [("Content-Type", "application/json; charset=utf-8")]
        if isinstance(value, list):
            value, link = _page(environ, value)
            headers += [("Link", link)] if link else []
        elif isinstance(value, dict) and "total_count" in value:
            (key,) = (key for key, part in value.items() if isinstance(part, list))
            value[key], link = _page(environ, value[key])
            headers += [("Link", link)] if link else []
        body = b"" if value is None else json.dumps(value).encode()
        start(f"{status.value} {status.phrase}", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def reply(self, environ: WSGIEnvironment) -> Reply:
        """Return status and JSON value of the answer to a request."""
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        asked = f"{environ['REQUEST_METHOD']} {path}".replace(f"/repos/{self.slug}/", "/", 1)
        if path.count(self.slug) and not asked.startswith("GET ") and not environ.get("HTTP_AUTHORIZATION"):
            return http.HTTPStatus.UNAUTHORIZED, {"message": "Requires authentication"}
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern, asked):
                with self._lock:
                    return answer(self, environ, match[1] if match.lastindex else "")
        return _missing()

    def published(self, tag: str) -> Release | None:
        """Return the published release of a tag."""
        found = (release for release in self.releases.values() if release["tag_name"] == tag and not release["draft"])
        return next(found, None)

    def number(self) -> int:
        """Return a new ID."""
        self._numbers += 1
        return self._numbers

    def of_tag(self, environ: WSGIEnvironment, tag: str) -> Reply:
        """Answer with the published release of a tag; drafts do not count."""
        release = self.published(tag)
        return (http.HTTPStatus.OK, self._shown(environ, release)) if release else _missing()

    def of_latest(self, environ: WSGIEnvironment, _: str) -> Reply:
        """Answer with the latest release."""
        release = self.releases.get(self.latest or 0)
        return (http.HTTPStatus.OK, self._shown(environ, release)) if release else _missing()

    def commit(self, _: WSGIEnvironment, tag: str) -> Reply:
        """Answer with the commit of a tag."""
        commit = self.commits().get(tag)
        if commit is None:
            return http.HTTPStatus.UNPROCESSABLE_ENTITY, {"message": f"No commit found for SHA: tags/{tag}"}
        return http.HTTPStatus.OK, {"sha": commit}

    def check_runs(self, _: WSGIEnvironment, commit: str) -> Reply:
        """Answer with the check runs of a commit."""
        ended = {"head_sha": commit, "status": "completed", "conclusion": "success"}
        told = {**ended, "output": {"title": "a stand-in, which runs nothing"}}
        runs = [{"id": number, "name": name, **told} for number, name in enumerate(self.checks, 1)]
        return http.HTTPStatus.OK, {"total_count": len(runs), "check_runs": runs}

    def statuses(self, _: WSGIEnvironment, __: str) -> Reply:
        """Answer with the commit statuses of a commit."""
        return http.HTTPStatus.OK, {"state": "pending", "total_count": 0, "statuses": []}

    def listed(self, environ: WSGIEnvironment, _: str) -> Reply:
        """Answer with every release, newest first; drafts are only shown to clients with write access."""
        newest = sorted(self.releases.values(), key=lambda release: -release["id"])
        may_write = bool(environ.get("HTTP_AUTHORIZATION"))
        return http.HTTPStatus.OK, [self._shown(environ, one) for one in newest if may_write or not one["draft"]]

    def create(self, environ: WSGIEnvironment, _: str) -> Reply:
        """Create a release."""
        asked = _value(environ)
        if not asked.get("tag_name"):
            return _invalid("Release", "missing_field", "tag_name")
        if self.published(asked["tag_name"]):
            return _invalid("Release", "already_exists", "tag_name")
        empty = {"name": "", "body": "", "draft": False, "prerelease": False, "assets": {}}
        release: Release = {"id": self.number(), **empty}
        self.releases[release["id"]] = release
        self._set(release, asked)
        return http.HTTPStatus.CREATED, self._shown(environ, release)

    def change(self, environ: WSGIEnvironment, number: str) -> Reply:
        """Change a release."""
        release, asked = self.releases.get(int(number)), _value(environ)
        if release is None:
            return _missing()
        other = self.published(str(asked.get("tag_name", release["tag_name"])))
        if other and other is not release:
            return _invalid("Release", "already_exists", "tag_name")
        self._set(release, asked)
        return http.HTTPStatus.OK, self._shown(environ, release)

    def assets(self, _: WSGIEnvironment, number: str) -> Reply:
        """Answer with the files of a release."""
        release = self.releases.get(int(number))
        return (http.HTTPStatus.OK, list(release["assets"].values())) if release else _missing()

    def take(self, environ: WSGIEnvironment, number: str) -> Reply:
        """Accept a file; an interrupted upload stays in the state ``starter``."""
        release = self.releases.get(int(number))
        if release is None:
            return _missing()
        if self.fixed(release):
            return http.HTTPStatus.UNPROCESSABLE_ENTITY, {"message": "Cannot upload assets to an immutable release."}
        name = asset_name(parse_qs(environ["QUERY_STRING"]).get("name", [""])[0])
        if any(asset["name"] == name for asset in release["assets"].values()):
            return _invalid("ReleaseAsset", "already_exists", "name")
        asset: dict[str, Any] = {"id": self.number(), "name": name, "state": "starter", "size": 0, "digest": None}
        release["assets"][asset["id"]] = asset
        left, digest = int(environ.get("CONTENT_LENGTH") or 0), hashlib.sha256()
        while left > 0 and (block := environ["wsgi.input"].read(min(left, _BLOCK))):
            digest.update(block)
            asset["size"] += len(block)
            left -= len(block)
        if left:
            return http.HTTPStatus.BAD_GATEWAY, {"message": "Error uploading asset"}
        asset.update(state="uploaded", digest=f"sha256:{digest.hexdigest()}")
        return http.HTTPStatus.CREATED, asset

    def remove(self, _: WSGIEnvironment, number: str) -> Reply:
        """Remove a file."""
        for release in self.releases.values():
            if int(number) in release["assets"]:
                if self.fixed(release):
                    return http.HTTPStatus.UNPROCESSABLE_ENTITY, {"message": "Cannot delete assets of this release."}
                del release["assets"][int(number)]
                return http.HTTPStatus.NO_CONTENT, None
        return _missing()

    def fixed(self, release: Release) -> bool:
        """Whether a release is immutable."""
        return self.immutable and not release["draft"]

    def listed_pulls(self, environ: WSGIEnvironment, _: str) -> Reply:
        """Answer with the requested pull requests, newest first."""
        asked = parse_qs(environ.get("QUERY_STRING", ""))
        state, head, base = (asked.get(name, [usual])[0] for name, usual in _ASKED_OF_PULLS)
        branch = head.removeprefix(f"{self.slug.partition('/')[0]}:")
        found = [
            pull
            for _, pull in sorted(self.pulls.items(), reverse=True)
            if state in ("all", pull["state"]) and branch in ("", pull["head"]["ref"])
            if base in ("", pull["base"]["ref"])
        ]
        return http.HTTPStatus.OK, [self._shown_pull(environ, pull) for pull in found]

    def pulls_of(self, environ: WSGIEnvironment, commit: str) -> Reply:
        """Answer with the pull requests whose merge led to a commit."""
        found = [pull for pull in self.pulls.values() if pull["merge_commit_sha"] == commit]
        return http.HTTPStatus.OK, [self._shown_pull(environ, pull) for pull in found]

    def open_pull(self, environ: WSGIEnvironment, _: str) -> Reply:
        """Open a pull request; a branch has at most one open."""
        asked = _value(environ)
        owner, head, base = self.slug.partition("/")[0], str(asked.get("head")), str(asked.get("base"))
        ends = [(pull["head"]["ref"], pull["base"]["ref"]) for pull in self.pulls.values() if pull["state"] == "open"]
        if (head, base) in ends:
            told = {"resource": "PullRequest", "code": "custom"}
            told["message"] = f"A pull request already exists for {owner}:{head}."
            return http.HTTPStatus.UNPROCESSABLE_ENTITY, {"message": "Validation Failed", "errors": [told]}
        number = self.number()
        self.pulls[number] = {
            "number": number,
            "state": "open",
            "merged_at": None,
            "merge_commit_sha": None,
            "title": asked.get("title"),
            "body": asked.get("body"),
            "head": {"ref": head, "sha": "", "repo": {"full_name": self.slug}},
            "base": {"ref": base},
        }
        return http.HTTPStatus.CREATED, self._shown_pull(environ, self.pulls[number])

    def change_pull(self, environ: WSGIEnvironment, number: str) -> Reply:
        """Change a pull request."""
        pull, asked = self.pulls.get(int(number)), _value(environ)
        if pull is None:
            return _missing()
        pull.update({name: asked[name] for name in ("title", "body", "state") if name in asked})
        return http.HTTPStatus.OK, self._shown_pull(environ, pull)

    def _shown_pull(self, environ: WSGIEnvironment, pull: dict[str, Any]) -> dict[str, Any]:
        return {**pull, "html_url": f"http://{environ['HTTP_HOST']}/{self.slug}/pull/{pull['number']}"}

    def _set(self, release: Release, asked: Mapping[str, Any]) -> None:
        release.update({name: asked[name] for name in _KEPT if name in asked})
        if not release["draft"] and asked.get("make_latest", "true") == "true" and not release["prerelease"]:
            self.latest = release["id"]

    def _shown(self, environ: WSGIEnvironment, release: Release) -> Release:
        base = f"http://{environ['HTTP_HOST']}"
        number, files = release["id"], list(release["assets"].values())
        uploads = f"{self.uploads or base}/repos/{self.slug}/releases/{number}/assets{{?name,label}}"
        page = f"{base}/{self.slug}/releases/tag/{release['tag_name']}"
        shown = {"immutable": self.fixed(release), "upload_url": uploads, "html_url": page}
        return {**release, **shown, "assets": files}


def _value(environ: WSGIEnvironment) -> dict[str, Any]:
    size = min(int(environ.get("CONTENT_LENGTH") or 0), _LONGEST)
    value = json.loads(environ["wsgi.input"].read(size) or b"{}")
    return value if isinstance(value, dict) else {}


def _page(environ: WSGIEnvironment, items: list[Any]) -> tuple[list[Any], str]:
    """Return the requested page, and the header with a link to the next one."""
    asked = parse_qs(environ.get("QUERY_STRING", ""))
    size, number = int(asked.get("per_page", ["30"])[0]), int(asked.get("page", ["1"])[0])
    query = urlencode({**asked, "per_page": size, "page": number + 1}, doseq=True)
    following = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}?{query}"
    more = len(items) > size * number
    return items[size * (number - 1) : size * number], f'<{following}>; rel="next"' if more else ""


def _missing() -> Reply:
    return http.HTTPStatus.NOT_FOUND, {"message": "Not Found"}


def _invalid(resource: str, code: str, field: str) -> Reply:
    error = {"resource": resource, "code": code, "field": field}
    return http.HTTPStatus.UNPROCESSABLE_ENTITY, {"message": "Validation Failed", "errors": [error]}


_ROUTES: tuple[tuple[str, Callable[[Board, WSGIEnvironment, str], Reply]], ...] = (
    ("GET /releases/tags/(.+)", Board.of_tag),
    ("GET /releases/latest", Board.of_latest),
    ("GET /commits/tags/(.+)", Board.commit),
    ("GET /commits/([0-9a-f]+)/check-runs", Board.check_runs),
    ("GET /commits/([0-9a-f]+)/status", Board.statuses),
    ("GET /releases", Board.listed),
    ("POST /releases", Board.create),
    (r"PATCH /releases/(\d+)", Board.change),
    (r"GET /releases/(\d+)/assets", Board.assets),
    (r"POST /releases/(\d+)/assets", Board.take),
    (r"DELETE /releases/assets/(\d+)", Board.remove),
    ("GET /pulls", Board.listed_pulls),
    ("GET /commits/([0-9a-f]+)/pulls", Board.pulls_of),
    ("POST /pulls", Board.open_pull),
    (r"PATCH /pulls/(\d+)", Board.change_pull),
)
"""The handler of each request."""
