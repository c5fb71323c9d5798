from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from nox_ship.world.shelf import Shelf

WHEEL, SDIST = "my_sample-1.0-py3-none-any.whl", "my_sample-1.0.tar.gz"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Return an empty index."""
    return Shelf(tmp_path)


def form(name: str, content: bytes, description: str = "x", boundary: str = "b0undary") -> bytes:
    """Return an upload as twine sends it."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="description"\r\n\r\n{description}\r\n'
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{name}"\r\n'
    kind = "Content-Type: application/octet-stream\r\n\r\n"
    return f"{head}{file}{kind}".encode() + content + f"\r\n--{boundary}--\r\n".encode()


def ask(shelf: Shelf, path: str, body: bytes | None = None, **environ: str) -> tuple[str, bytes]:
    """Return the status and content of the index's answer."""
    told: list[tuple[str, list[tuple[str, str]]]] = []
    asked: dict[str, Any] = {
        "REQUEST_METHOD": "GET" if body is None else "POST",
        "PATH_INFO": path,
        "CONTENT_TYPE": "multipart/form-data; boundary=b0undary",
        "CONTENT_LENGTH": str(len(body or b"")),
        "wsgi.input": io.BytesIO(body or b""),
        **environ,
    }
    answer: Any = shelf(asked, lambda status, headers: told.append((status, headers)))  # type: ignore[arg-type]
    content = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    ((status, headers),) = told
    assert dict(headers)["Content-Length"] == str(len(content))
    return status[:3], content


def page(shelf: Shelf, project: str) -> dict[str, str]:
    """Return the addresses of a project's files by their hashes."""
    status, content = ask(shelf, f"/simple/{project}/")
    assert status == "200"
    return {file["hashes"]["sha256"]: file["url"] for file in json.loads(content)["files"]}


@pytest.mark.parametrize(
    "content",
    [b"x", b"", b"\r\n--b0undar", b"\r\n\r\n", bytes(range(256)) * 20_000, b"--b0undary-"],
    ids=["short", "empty", "half", "lines", "long", "alike"],
)
@pytest.mark.parametrize("name", [WHEEL, SDIST])
def test_what_is_uploaded_is_served(shelf: Shelf, tmp_path: Path, name: str, content: bytes) -> None:
    """An uploaded file is served unchanged and listed on its project's page, in any spelling of the project."""
    quoted = form("other.whl", b"evil", boundary="another")  # for example in a README
    assert ask(shelf, "/", form(name, content, quoted.decode())) == ("200", b"")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    ((sha256, url),) = page(shelf, "My.Sample").items()
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert ask(shelf, url) == ("200", content)


def test_a_name_is_taken_once(shelf: Shelf) -> None:
    """A second upload with the same file name is refused, and the first file stays."""
    ask(shelf, "/", form(WHEEL, b"first"))
    assert ask(shelf, "/", form(WHEEL, b"second"))[0] == "409"
    assert ask(shelf, f"/files/{WHEEL}") == ("200", b"first")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        form("../evil.whl", b"x"),
        form("", b"x"),
        form("a\\b.whl", b"x"),
        form("..", b"x"),
        form(WHEEL, b"x").removesuffix(b"--\r\n"),
        form(WHEEL, b"x").replace(b"content", b"other"),
        form(WHEEL, b"x").replace(b"\r\n\r\n", b""),
        form(WHEEL, b"x", boundary="another"),
    ],
    ids=range(10),
)
def test_what_is_no_upload_is_refused(shelf: Shelf, tmp_path: Path, body: bytes) -> None:
    """A body that is not a valid upload is refused, and nothing is stored."""
    assert ask(shelf, "/", body)[0] == "400"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "environ", [{"CONTENT_TYPE": "text/plain"}, {"CONTENT_TYPE": ""}, {"CONTENT_LENGTH": "9"}, {"CONTENT_LENGTH": ""}]
)
def test_a_request_that_is_cut_short_is_refused(shelf: Shelf, tmp_path: Path, environ: dict[str, str]) -> None:
    """A request with the wrong length or content type is refused."""
    assert ask(shelf, "/", form(WHEEL, b"x"), **environ)[0] == "400"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["/", "/simple/", "/simple/other/", "/files/", "/files/..", "/files/../x", "/files/no"]
)
def test_there_is_nothing_else(shelf: Shelf, tmp_path: Path, path: str) -> None:
    """Any other path is not found, such as another project or another file on this machine."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "odd.whl").write_bytes(b"")
    (tmp_path.parent / "x").write_bytes(b"secret")
    ask(shelf, "/", form(WHEEL, b"x"))
    assert ask(shelf, path)[0] == "404"
