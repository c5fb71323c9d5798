"""A server that answers too much, too slowly, or from somewhere else."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import itertools
import json
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from loopback import Loopback, Reply, Request, Talk
from nox_ship import undumpable
from nox_ship.errors import ShipError
from nox_ship.package.manifest import File
from nox_ship.world import web
from nox_ship.world.credentials import Credentials, Login
from nox_ship.world.index import Index
from nox_ship.world.listing import Served
from support import each, make_wheel


@pytest.fixture(autouse=True)
def no_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ignore the ~/.netrc of this machine."""
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))


JSON = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
HTML = {"Content-Type": "text/html"}
Ask = Callable[[Index], object]


def ask(answer: Callable[[Request], Any], what: Ask, **changes: Any) -> object:
    """Ask an index that answers like this; return the value, or the IDs of the findings."""
    with Loopback(answer) as server:
        index = Index("here", f"{server.url}/", f"{server.url}/simple/", f"{server.url}/pypi/", **changes)
        try:
            return what(index)
        except ShipError as error:
            return [finding.id for finding in error.findings]


ASKING: list[Ask] = [
    lambda index: index.files("sample", "1.0"),
    lambda index: index.listing("sample", "0").known,
    lambda index: index.described("sample"),
]


def bomb(megabytes: int) -> bytes:
    """Return spaces that are compressed to a thousandth."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(megabytes)) + packer.flush()


@pytest.fixture(scope="module")
def packed() -> bytes:
    """Return a small answer that is large when decompressed."""
    return bomb(70)


@pytest.mark.slow
@pytest.mark.parametrize("headers", [JSON, HTML], ids=["JSON", "HTML"])
def test_an_answer_that_swells_is_given_up(packed: bytes, headers: dict[str, str]) -> None:
    """An answer that decompresses to more than the limit is rejected before it fills the memory."""
    assert len(packed) < 100_000
    reply = Reply(packed, 200, {**headers, "Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        assert ask(lambda _: reply, ASKING[0]) == ["NS701"]
        assert ask(lambda _: reply, ASKING[2]) is None
        assert tracemalloc.get_traced_memory()[1] < 3 * web.MOST  # two answers are read
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "deflate", "gzip,identity", "x" * 5000])
def test_an_answer_in_a_packing_that_nobody_asked_for_is_given_up(packed: bytes, encoding: str) -> None:
    """An answer with a compression that was not requested, or with two, is rejected without decompressing it."""
    body = gzip.compress(packed) if "," in encoding else b"{}"
    reply = Reply(body, 200, {**JSON, "Content-Encoding": encoding})
    assert ask(lambda _: reply, ASKING[1]) == ["NS701"]


def test_a_packed_answer_is_read() -> None:
    """An answer compressed with gzip, in one or several members, is read."""
    page = json.dumps(
        {"meta": {"api-version": "1.0"}, "name": "sample", "files": [], "versions": [], "x": "y" * 200_000}
    )
    halves = gzip.compress(page[:70_000].encode()) + gzip.compress(b"") + gzip.compress(page[70_000:].encode())
    for body in (gzip.compress(page.encode()), halves):
        reply = Reply(body, 200, {**JSON, "Content-Encoding": "gzip"})
        assert ask(lambda _, reply=reply: reply, ASKING[1]) is True  # type: ignore[misc]


def pages() -> list[tuple[bytes, dict[str, str]]]:
    """Return small answers that consist of very many parts."""
    head = b'{"meta":{"api-version":"1.0"},"name":"sample","files":['
    return [
        (head + b"{}," * 200_000 + b"{}]}", JSON),
        (head + b"[]," * 200_000 + b"[]]}", JSON),
        (head + b"1," * 2_000_000 + b"1]}", JSON),
        (b"[" * 200_000, JSON),
        (b"<a>" * 200_000, HTML),
        (b"<a href=x>sample-1.0.tar.gz" * 200_000, HTML),
        (b"<b>" * 200_000, HTML),
        (b"<!--" * 200_000, HTML),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("body", "headers"), pages(), ids=range(len(pages())))
def test_an_answer_of_very_many_parts_is_given_up(body: bytes, headers: dict[str, str]) -> None:
    """An answer of very many parts is rejected before any memory is used for each of them."""
    packed = Reply(gzip.compress(body), 200, {**headers, "Content-Encoding": "gzip"})
    begun = time.process_time()
    tracemalloc.start()
    try:
        assert [ask(lambda _: packed, asking) for asking in ASKING] == [["NS701"], ["NS701"], None]
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"meta":{"api-version":"1.0"},"name":"sample","files":[' + b"{}," * 90_000 + b"{}]}", JSON),
        (b"<a>" * 90_000, HTML),
        (b"<a href=x>x" * 2_000, HTML),
        (b"<a href=x>x" + b"<b>" * 90_000, HTML),
        (b"<!--" * 90_000, HTML),
        (b"<a " * 90_000 + b"'" + b'"<a ' * 9_000, HTML),
        (b"<a " + b"".join(b"x%d=y " % number for number in range(100_000)) + b">", HTML),
        (b"<meta " + b"".join(b"x%d=y " % number for number in range(100_000)) + b">", HTML),
    ],
    ids=range(8),
)
def test_a_page_of_many_parts_costs_little(body: bytes, headers: dict[str, str]) -> None:
    """A page with many parts, up to the limit, is read within two seconds, however its parts are nested."""
    begun = time.process_time()
    assert ask(lambda _: Reply(body, 200, headers), ASKING[1]) is True
    assert time.process_time() - begun < 2


@pytest.mark.slow
def test_a_page_of_ten_thousand_files_is_no_attack() -> None:
    """A page of ten thousand files, with everything that PyPI tells about each, is read."""
    hashes = {"sha256": "0" * 64}
    file = {"filename": "x", "url": "y", "hashes": hashes, "core-metadata": hashes, "data-dist-info-metadata": hashes}
    more = {"requires-python": ">=3.9,<4", "size": 1, "upload-time": "2026-01-01T00:00:00Z", "yanked": False}
    page = {
        "meta": {"api-version": "1.4"},
        "name": "sample",
        "versions": ["1.0"] * 1000,
        "files": [file | more] * 10_000,
    }
    assert len(web.Answer("", 200, "", json.dumps(page).encode()).json()["files"]) == 10_000
    links = b"<a href='x#sha256=0' data-core-metadata='sha256=0'>x</a><br/>\n" * 10_000
    assert web.Answer("", 200, "", links).limited(b"<") == links


@pytest.mark.parametrize(
    "link",
    [
        "<a href='sample-1.0.tar.gz#sha256=00'>sample-1.0.tar.gz</a>",
        '<A data-requires-python=">=3.8,<4" HREF = "sample-1.0.tar.gz#sha256=00"\n>sample-1.0.tar.gz</A>',
        "<a title='href=x' href=sample-1.0.tar.gz#sha256=00 data-yanked><b>sample</b>-1.0<i>.tar.gz</i></a>",
        "<!-- <a href='other'>sample-1.0.zip</a> --><a href='sample-1.0.tar.gz#sha256=00'> sample-1.0.tar.gz </a>",
        "<abbr><a name='x'>sample-1.0.zip</a><a href='sample-1.0.tar.gz#sha256=00'>sample-1.0.tar.gz<a href='x'>x",
        "<base href='/simple/sample/'/><meta name='x'><a href='sample-1.0.tar.gz#sha256=00'>sample-1.0.tar.gz</a>",
    ],
    ids=range(6),
)
def test_a_link_is_read_as_browsers_do(link: str) -> None:
    """A link in an HTML page is read in every spelling that browsers accept, and ignored in a comment."""
    found = ask(lambda _: Reply(f"<html><body>{link}</body>", 200, HTML), ASKING[0])
    assert isinstance(found, dict)
    (served,) = found.values()
    assert (served.filename, served.sha256) == ("sample-1.0.tar.gz", "00")
    assert served.url.endswith("/simple/sample/sample-1.0.tar.gz")


def endless(connection: socket.socket) -> None:
    """Send an endless answer."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        connection.sendall(b" " * 100_000)


def dripping(connection: socket.socket) -> None:
    """Send one byte now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n")
    drip(connection)


def dripping_headers(connection: socket.socket) -> None:
    """Send headers that never end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    drip(connection)


def continuing(connection: socket.socket) -> None:
    """Ask for patience again and again."""
    for _ in range(100):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def drip(connection: socket.socket) -> None:
    for _ in range(400):
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("talk", [dripping, dripping_headers, continuing, endless])
def test_an_answer_has_its_time(monkeypatch: pytest.MonkeyPatch, talk: Talk) -> None:
    """An answer that is not complete within the time limit is given up, even if some of it keeps arriving."""
    monkeypatch.setattr(web.get, "__kwdefaults__", {**(web.get.__kwdefaults__ or {}), "seconds": 0.3})
    begun = time.monotonic()
    assert ask(lambda _: talk, ASKING[1]) == ["NS701"]
    assert time.monotonic() - begun < 2


def test_an_answer_that_nobody_waits_for_is_not_read_to_its_end() -> None:
    """Reading an answer that nobody waits for any more stops at its next block."""
    late = threading.Event()
    late.set()
    with pytest.raises(web.WebError):
        list(web._bounded(iter([b"x"] * 3), late, 9))


def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends nothing is given up when the time limit of the connection has passed."""
    monkeypatch.setattr(web, "SECONDS", 0.02)
    with Loopback(lambda _: lambda _: time.sleep(0.2)) as server, pytest.raises(requests.Timeout):
        web._opened("GET", f"{server.url}/", {}, 9)


@pytest.mark.slow
@pytest.mark.parametrize("talk", [dripping, dripping_headers])
def test_a_download_has_its_time(talk: Talk) -> None:
    """A download that is not complete within the time limit is given up (NS701)."""
    begun = time.monotonic()
    with Loopback(lambda _: talk) as server:
        served = Served("a.whl", f"{server.url}/a.whl", None)
        with pytest.raises(ShipError, match=r"NS701.*within 1 seconds"):
            Index("here", "", "", seconds=0.3).download_sha256(served, 100_000)
    assert time.monotonic() - begun < 2


def test_a_file_that_is_too_long_is_another() -> None:
    """Of a file that is too long, only one byte more than expected is read, so its hash differs."""
    body = b"a" * 100
    with Loopback(lambda request: endless if "endless" in request.path else Reply(body)) as server:
        index = Index("here", "", "", seconds=5)
        served = Served("a.whl", f"{server.url}/a.whl", None)
        assert index.download_sha256(served, 100) == hashlib.sha256(body).hexdigest()
        assert index.download_sha256(served, 99) != hashlib.sha256(body[:99]).hexdigest()
        other = Served("a.whl", f"{server.url}/endless", None)
        assert index.download_sha256(other, 100) == hashlib.sha256(b" " * 101).hexdigest()


def test_a_file_is_taken_as_it_is() -> None:
    """An sdist that the server marks as compressed is downloaded unchanged."""
    body = gzip.compress(b"x" * 1000)
    with Loopback(lambda _: Reply(body, 200, {"Content-Encoding": "gzip"})) as server:
        index = Index("here", "", "")
        served = Served("a.tar.gz", f"{server.url}/a.tar.gz", None)
        assert index.download_sha256(served, len(body)) == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    "target",
    [
        "http://index.example/",
        "http://127.0.0.1.index.example/",
        "//index.example/x",
        "https://me:pa55@index.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://[::1",
        "https://index.example\\@127.0.0.1/",
    ],
)
def test_no_redirect_leads_to_where_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    """A redirect to plain http, or to an address with a password, is not followed (NS701)."""
    real = socket.getaddrinfo

    def found(host: Any, *args: Any, **more: Any) -> Any:
        assert host in ("127.0.0.1", b"127.0.0.1"), f"{host!r} was asked"
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    reply = Reply("", 302, {"Location": target})
    assert ask(lambda _: reply, ASKING[1]) == ["NS701"]
    with Loopback(lambda _: reply) as server:
        for url in (f"{server.url}/x", target):
            with pytest.raises(ShipError, match="NS701") as caught:
                Index("here", "", "").download_sha256(Served("a.whl", url, None), 1)
            assert "pa55" not in str(caught.value)


def test_redirects_end() -> None:
    """An ordinary redirect is followed, but a server that redirects in a circle is given up (NS701)."""
    page = Reply('<a href="sample-1.0.tar.gz#sha256=00">sample-1.0.tar.gz</a>', 200, HTML)

    def moved(request: Request) -> Reply:
        return page if request.path == "/new/" else Reply("", 301, {"Location": "/new/"})

    assert set(ask(moved, ASKING[0])) == {"sample-1.0.tar.gz"}  # type: ignore[call-overload]
    assert ask(lambda request: Reply("", 301, {"Location": request.path}), ASKING[1]) == ["NS701"]


def test_a_remote_index_leads_nobody_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect from a remote index to this machine is not followed."""
    there, here, asked = "https://index.example/", "http://127.0.0.1:8080/admin", list[str]()

    def request(_: Any, __: str, url: str, **___: Any) -> requests.Response:
        asked.append(url)
        response = requests.Response()
        response.status_code, response.url, response.raw = 302, url, io.BytesIO()
        response.headers["Location"] = here
        return response

    monkeypatch.setattr(requests.Session, "request", request)
    with pytest.raises(web.WebError):
        web.get(there)
    # On a busy machine, a request that another test gave up may start only now.
    assert [url for url in asked if url in (there, here)] == [there]


def test_a_password_goes_to_its_own_host_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A password from ~/.netrc is sent only to the index, neither to the target of a redirect nor in the exchange."""
    (tmp_path / "netrc").write_text("default login me password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Loopback(lambda _: Reply("{}")) as server:
        elsewhere = server.url.replace("127.0.0.1", "localhost")
        with Loopback(lambda _: Reply("", 302, {"Location": f"{elsewhere}/x"})) as index:
            web.get(f"{index.url}/x")
            web.post(f"{server.url}/mint", {})
        assert "authorization" in index.asked[0].headers
        assert ["authorization" in request.headers for request in server.asked] == [False, False]


class Raw:
    """The stream of an answer, which counts the blocks that were read."""

    def __init__(self, block: bytes) -> None:
        self.block, self.taken = block, 0

    def stream(self, _: int, *, decode_content: bool) -> Iterator[bytes]:
        """Yield a block again and again."""
        assert not decode_content
        for _ in range(10_000):
            self.taken += 1
            yield self.block


@each(
    ("packing", "block", "blocks"),
    [
        ("identity", b" " * 65536, 16),
        (None, b"x", 10_000),
        ("gzip", zlib.compress(b" " * 50_000_000, wbits=31), 1),
        ("gzip, gzip", b"", 0),
        ("br", b"", 0),
        ("gzip", b"no gzip", 1),
    ],
)
def test_of_an_answer_to_an_upload_the_beginning_is_read(packing: str | None, block: bytes, blocks: int) -> None:
    """Only the first megabyte of an index's answer to an upload is read, and it is decompressed at most once."""
    raw = Raw(block)
    headers = {"Content-Encoding": packing} if packing else {}
    taken = sum(map(len, undumpable.beginning(SimpleNamespace(headers=headers, raw=raw))))
    assert taken <= undumpable.MOST_ANSWERED
    assert raw.taken == blocks


@pytest.mark.integration
@pytest.mark.parametrize(
    ("talk", "seconds", "expected"),
    [("bomb", 20, "NS702"), ("endless", 20, None), ("dripping", 8, "NS735.*within 8 seconds")],
)
def test_an_answer_to_an_upload_has_its_time_and_size(
    tmp_path: Path, talk: str, seconds: float, expected: str | None
) -> None:
    """An answer to an upload that is huge, endless or too slow is given up without filling the memory."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    bombed = Reply(bomb(300), 400, {"Content-Encoding": "gzip", "Content-Type": "text/plain"})
    wheel = make_wheel(tmp_path, {"sample.py": ""}, ("License-Expression: MIT",))
    answers: dict[str, Any] = {"bomb": bombed, "endless": endless, "dripping": dripping}
    with Loopback(lambda _: answers[talk]) as server:
        found = Credentials("a test", lambda: Login("me", "x"))
        index = Index("here", f"{server.url}/", f"{server.url}/simple/", find=lambda: found, seconds=seconds)
        stopped = pytest.raises(ShipError, match=expected) if expected else contextlib.nullcontext()
        with stopped, index.uploading() as upload:
            upload(wheel, File.of(wheel).sha256)
        assert len(server.asked) == 1
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(before + 1, 400_000)  # kilobytes


DEEP = "[" * 200_000
ODD = [
    "",
    "null",
    "[]",
    "5",
    "9" * 5000,
    DEEP,
    f'{{"files": {DEEP}',
    '{"urls": 5, "info": 5}',
    '{"urls": {"a": 1}}',
    '{"urls": [null, 5, [], {}]}',
    '{"urls": [{"filename": [], "url": {}, "digests": 5}]}',
    '{"urls": [{"filename": [], "url": {}, "digests": {"sha256": []}}]}',
    '{"urls": [{"filename": "\\ud800", "url": "x", "digests": {"sha256": 5}}]}',
    '{"meta": {"api-version": "1.0"}, "name": "sample", "files": 5}',
    '{"meta": {"api-version": "99.0"}, "name": "sample", "files": []}',
    '{"meta": {"api-version": 5}, "name": null, "files": []}',
    '{"meta": {"api-version": "1.0"}, "name": "sample", "files": [{"filename": "x", "url": 5, "hashes": []}]}',
    f'{{"meta": {{"api-version": "1.0"}}, "name": "sample", "files": [], "size": {"9" * 5000}}}',
    b"\xff\xfe\x00",
    "<a href='http://[::1'>sample-1.0.tar.gz</a>",
    "<a href='\ud7ff'>sample-1.0.tar.gz</a><a>x</a><a href>",
    "<meta name='pypi:repository-version' content='99.0'>",
    "<div>" * 5000,
    "<!" * 5000,
]
KINDS = ["application/vnd.pypi.simple.v1+json", "text/html; charset=none", "text/html", "", "a/b/c", "image/png", ";;="]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_odd_answers_of_an_index_are_findings(monkeypatch: pytest.MonkeyPatch, body: str | bytes) -> None:
    """An odd answer of an index, in any content type, causes only an error with an ID."""
    index = Index("here", "https://here.invalid/", "https://here.invalid/simple/", "https://here.invalid/pypi/")
    content = body.encode() if isinstance(body, str) else body
    for kind, status, asking in itertools.product(KINDS, (200, 203), ASKING):
        answer = web.Answer(index.simple_url, status, kind, content)
        monkeypatch.setattr(web, "get", lambda *_, answer=answer, **__: answer)
        with contextlib.suppress(ShipError):
            asking(index)


def test_an_odd_answer_comes_through_the_wire() -> None:
    """An answer with any content type is received as the server sent it."""
    for kind in KINDS:
        with Loopback(lambda _, kind=kind: Reply(DEEP, 203, {"Content-Type": kind})) as server:  # type: ignore[misc]
            answer = web.get(f"{server.url}/")
        assert (answer.status, answer.kind, answer.body) == (203, kind, DEEP.encode())


@pytest.mark.parametrize("status", [301, 304, 401, 403, 410, 429, 500, 503])
def test_a_status_that_is_no_page_is_a_finding(status: int) -> None:
    """A status other than success is an error (NS701), except 404, which means that the index has no such project."""
    assert ask(lambda _: Reply("", status), ASKING[1]) == ["NS701"]
    assert ask(lambda _: Reply("", 404), ASKING[1]) is False


@pytest.mark.slow
def test_a_release_of_very_many_files_is_read_in_a_moment() -> None:
    """A release of 30,000 files is read within a few seconds."""
    files = [{"filename": "sample-1.0.tar.gz", "url": "a"}] * 30_000
    page = json.dumps({"meta": {"api-version": "1.1"}, "name": "sample", "files": files}).encode()
    begun = time.process_time()
    with Loopback(lambda _: Reply(page, headers=JSON)) as server:
        listing = Index("here", "", f"{server.url}/").listing("sample", "2.0")
    assert [len(found) for found in listing.releases.values()] == [30_000]
    assert time.process_time() - begun < 8
