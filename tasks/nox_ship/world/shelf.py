"""A package index in a folder: it accepts twine's uploads, and serves them through a simple API (PEP 691)."""

from __future__ import annotations

import http
import json
import mmap
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from wsgiref.util import FileWrapper

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from nox_ship.package.manifest import File, built_files
from nox_ship.world import pages

if TYPE_CHECKING:
    from wsgiref.types import InputStream, StartResponse, WSGIEnvironment

_BLOCK = 1 << 20
_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_CONTENT = re.compile(r'; name="content"; filename="([^"/\\.][^"/\\]*)"')


class Shelf:
    """The index as a WSGI application: uploads go to any address, pages are below ``/simple/``."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in ``folder``."""
        self._folder = folder

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] == "POST":
            status, text = self._take(environ)
            return _answer(start, status, text.encode(), "text/plain")
        kind, _, name = environ["PATH_INFO"].strip("/").partition("/")
        if kind == "simple" and (files := self._files(name)):
            page = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
            return _answer(start, http.HTTPStatus.OK, json.dumps(page).encode(), pages.JSON)
        if kind == "files" and "/" not in name and (path := self._folder / name).is_file():
            length = [("Content-Type", "application/octet-stream"), ("Content-Length", str(path.stat().st_size))]
            start("200 OK", length)
            return FileWrapper(path.open("rb"), _BLOCK)
        return _answer(start, http.HTTPStatus.NOT_FOUND, b"Not found.", "text/plain")

    def _take(self, environ: WSGIEnvironment) -> tuple[http.HTTPStatus, str]:
        """Save the file in a form (RFC 7578), which is its last part."""
        match = _BOUNDARY.search(environ.get("CONTENT_TYPE", ""))
        boundary = b"--" + (match[1].encode("latin-1") if match else b"")
        with tempfile.TemporaryFile() as spool:
            _copy(environ["wsgi.input"], spool, int(environ.get("CONTENT_LENGTH") or 0))
            if not spool.tell():
                return http.HTTPStatus.BAD_REQUEST, "Not a form."
            with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as form:
                end = max(form.rfind(b"\r\n%b--" % boundary), 0)
                begin = max(form.rfind(b"%b\r\n" % boundary, 0, end), 0)
                content = form.find(b"\r\n\r\n", begin, end)
                name = _CONTENT.search(form[begin : max(content, begin)].decode(errors="replace"))
                if name is None or content < 0:
                    return http.HTTPStatus.BAD_REQUEST, "Upload payload does not have a file."
                with suppress(FileExistsError), (self._folder / name[1]).open("xb") as out, memoryview(form) as whole:
                    out.write(whole[content + 4 : end])
                    return http.HTTPStatus.OK, ""
        return http.HTTPStatus.CONFLICT, "File already exists."

    def _files(self, project: str) -> list[dict[str, Any]]:
        """Return the page of a project's files."""
        return [
            {"filename": path.name, "url": f"/files/{path.name}", "hashes": {"sha256": File.of(path).sha256}}
            for path in built_files(self._folder)
            if _project(path.name) == canonicalize_name(project)
        ]


def _project(file: str) -> str | None:
    with suppress(InvalidWheelFilename, InvalidSdistFilename):
        return (parse_wheel_filename if file.endswith(".whl") else parse_sdist_filename)(file)[0]
    return None


def _copy(source: InputStream, target: IO[bytes], size: int) -> None:
    while size > 0 and (block := source.read(min(size, _BLOCK))):
        target.write(block)
        size -= len(block)
    target.flush()


def _answer(start: StartResponse, status: http.HTTPStatus, body: bytes, kind: str) -> Iterable[bytes]:
    start(f"{status.value} {status.phrase}", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
