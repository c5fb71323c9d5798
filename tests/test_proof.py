from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from loopback import Loopback, Reply, Request
from nox_ship.errors import ShipError
from nox_ship.world import web
from nox_ship.world.credentials import TRUSTED, Credentials, Login
from nox_ship.world.proof import try_credentials
from support import each

GOOD = "s3cret"
NO_FILE = Reply("Upload payload does not have a file.", 400)


def credentials(password: str = GOOD, user: str = "me", kind: str = "MY_TOKEN") -> Credentials:
    """Return credentials."""
    return Credentials(kind, lambda: Login(user, password))


def index(refused: Reply, taken: Reply = NO_FILE) -> Loopback:
    """Return an index that accepts one password."""
    header = f"Basic {base64.b64encode(f'me:{GOOD}'.encode()).decode()}"
    token = f"Basic {base64.b64encode(f'__token__:{GOOD}'.encode()).decode()}"

    def answer(request: Request) -> Reply:
        return taken if request.headers.get("authorization") in (header, token) else refused

    return Loopback(answer)


def tried(server: Loopback, found: Credentials | None = None) -> list[str]:
    """Try credentials, and return the IDs of the notices."""
    told = try_credentials(found or credentials(), "mine", f"{server.url}/legacy/", "sample", "1.2.3")
    assert all(finding.level == "notice" for finding in told)
    return [finding.id for finding in told]


@pytest.mark.parametrize("refused", [Reply("no", 401), Reply("no", 403)])
@pytest.mark.parametrize("taken", [NO_FILE, Reply("", 200), Reply("", 422), Reply("", 404)])
def test_credentials_that_are_let_in_where_nobody_is_are_good(refused: Reply, taken: Reply) -> None:
    """Credentials are good if the index accepts them and refuses requests without any; no file is uploaded."""
    with index(refused, taken) as server:
        assert tried(server) == []
        assert len(server.asked) == 2
        for request in server.asked:
            assert b'name=":action"' in request.body
            assert b"sample" in request.body
            assert b"filename" not in request.body
            assert b'name="content"' not in request.body


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_password_is_refused_before_anything_is_done(status: int) -> None:
    """A wrong password is NS765, with the index's message and the password's source, but without the password."""
    with (
        index(Reply(f"<h1>not wr0ng, {'wr0ng'!r}</h1>", status)) as server,
        pytest.raises(ShipError, match=r"NS765.*mine refused the credentials from MY_TOKEN.*not") as caught,
    ):
        tried(server, credentials("wr0ng"))
    assert "wr0ng" not in str(caught.value)
    assert len(server.asked) == 1


@each(
    ("words", "expected"),
    [
        ("Invalid or non-existent authentication information.", "NS721"),
        ("Invalid API Token: token is expired", "NS722"),
        ("The user 'x' isn't allowed to upload to project 'sample'.", "NS724"),
        ("Read-only mode: Uploads are temporarily disabled.", "NS734"),
        ("", "NS733"),
    ],
)
def test_a_token_that_is_refused_is_explained_as_for_an_upload(words: str, expected: str) -> None:
    """The reason why a token is refused is found in the index's message, as for an upload."""
    with index(Reply(words, 403)) as server, pytest.raises(ShipError, match=expected):
        tried(server, credentials("other", "__token__"))


def test_what_is_wrong_with_an_account_is_told_of_a_password_too() -> None:
    """If the account is the problem, that is NS737, even with a password."""
    with index(Reply("Two-factor authentication is required.", 403)) as server, pytest.raises(ShipError, match="NS737"):
        tried(server, credentials("other"))


@each("status", [301, 302, 307, 308])
def test_an_address_that_leads_elsewhere_is_refused(status: int) -> None:
    """A redirect is refused with NS738 and not followed, as uploads do not follow any."""
    with (
        index(Reply(), Reply("", status, {"Location": "/other/"})) as server,
        pytest.raises(ShipError, match="NS738"),
    ):
        tried(server)
    assert server.paths == ["/legacy/"]


@each(
    ("refused", "taken"),
    [
        (NO_FILE, NO_FILE),
        (Reply("", 404), Reply("", 404)),
        (Reply("no", 401), Reply("", 500)),
        (Reply("no", 401), Reply("", 429)),
        (Reply("no", 401), Reply("", 408)),
    ],
)
def test_credentials_that_nobody_looks_at_are_not_proven(refused: Reply, taken: Reply) -> None:
    """If the index checks the file before the credentials, or is busy, NS766 says that they were not tested."""
    with index(refused, taken) as server:
        assert tried(server) == ["NS766"]


def test_an_index_that_does_not_answer_stops_nothing() -> None:
    """If the index does not answer, the notice NS766 says that the credentials were not tested."""
    told = try_credentials(credentials(), "mine", "https://127.0.0.1:1/legacy/", "sample", "1.2.3")
    assert [finding.id for finding in told] == ["NS766"]


def test_each_answer_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request has a time limit of ten seconds."""
    given: list[float] = []

    def submit(*_: object, seconds: float) -> web.Answer:
        given.append(seconds)
        return web.Answer("", 400, "", b"")

    monkeypatch.setattr(web, "submit", submit)
    try_credentials(credentials(), "mine", "https://index.invalid/", "sample", "1.2.3")
    assert given == [10, 10]


def test_a_trusted_publisher_is_not_tried_again() -> None:
    """For trusted publishing, no second token is requested."""

    def mint() -> Login:
        pytest.fail("A token was requested.")

    assert try_credentials(Credentials(TRUSTED, mint), "mine", "https://127.0.0.1:1/", "sample", "1") == ()


def test_credentials_are_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over plain HTTP to another machine, no credentials are sent."""
    monkeypatch.setattr("requests.Session.request", lambda *_, **__: pytest.fail("A request was sent."))
    told = try_credentials(credentials(), "mine", "http://index.invalid/legacy/", "sample", "1.2.3")
    assert [finding.id for finding in told] == ["NS766"]


def test_a_password_of_another_place_does_not_go_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in ``~/.netrc`` is not sent with the request, as it would prove nothing about the credentials."""
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {GOOD}\n", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    with index(Reply("no", 401)) as server:
        web.submit(f"{server.url}/legacy/", {"a": "b"})
        assert "authorization" not in server.asked[0].headers


class Silent(WSGIRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def pypiserver(tmp_path: Path) -> Iterator[str]:
    """Serve pypiserver with a password."""
    import pypiserver

    app = pypiserver.app(
        roots=[tmp_path], authenticate=["update"], password_file=".", auther=lambda *pair: pair == ("me", GOOD)
    )
    server = make_server("127.0.0.1", 0, app, handler_class=Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning", "ignore::ResourceWarning")
def test_pypiserver_tells_a_good_password_from_a_wrong_one(pypiserver: str, tmp_path: Path) -> None:
    """pypiserver accepts the right password and refuses a wrong one, and no file is stored."""
    attempt: Callable[[str], object] = lambda password: try_credentials(  # noqa: E731 - shorter than a function
        credentials(password), "mine", pypiserver, "sample", "1.2.3"
    )
    assert attempt(GOOD) == ()
    with pytest.raises(ShipError, match="NS765"):
        attempt("wrong")
    assert list(tmp_path.iterdir()) == []
