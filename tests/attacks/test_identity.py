"""An index that asks for an identity or a token that is not meant for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from failing_index import CLAIMS, api_token, identity_token
from loopback import Loopback, Reply, Request
from nox_ship.config import IndexSettings, Settings
from nox_ship.errors import ShipError
from nox_ship.world import web
from nox_ship.world.credentials import Wanted, find_credentials
from nox_ship.world.real import RealWorld, index_addresses
from nox_ship.world.trusted import TrustedPublisher

HOST = "127.0.0.1"
PYPI_SIMPLE = index_addresses("pypi", Settings()).simple_url
OTHER_TOKEN = "token-of-the-index-itself"  # not in the format of PyPI's


class Index:
    """An index that offers the token exchange, with the identity endpoint of GitHub Actions on the same server."""

    def __init__(self, audience: object = HOST) -> None:
        self.audience: Any = Reply(json.dumps({"audience": audience}))
        self.mint: Any = Reply(json.dumps({"token": "minted"}))
        self.identities: list[str] = []

    def answer(self, request: Request) -> Any:
        """Answer as the index does, or as the runner's identity endpoint."""
        if request.path.startswith("/identity"):
            audience = request.path.rpartition("audience=")[2]
            self.identities.append(audience)
            return Reply(json.dumps({"value": identity_token(audience, CLAIMS)}))
        return self.audience if request.path.endswith("audience") else self.mint


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Make this process a job of GitHub Actions whose only credentials are its identity."""
    for name in ("TWINE_USERNAME", "TWINE_PASSWORD", "PYPI_API_TOKEN", "EVIL_API_TOKEN", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")
    return monkeypatch


def refusal(server: Loopback, job: pytest.MonkeyPatch) -> ShipError | None:
    """Ask for the upload token of the index at ``server``; return the error, if any."""
    job.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{server.url}/identity?api=1")
    try:
        publisher = TrustedPublisher.of("evil", f"{server.url}/legacy/", os.environ)
        if publisher is not None:
            publisher.token()
    except ShipError as error:
        return error
    return None


@pytest.mark.parametrize(
    "audience",
    ["pypi", "testpypi", "PyPI", "sigstore", "sts.example", "", " ", "evil", "localhost", f"{HOST} pypi", f"{HOST}.x"],
)
def test_an_index_gets_no_identity_that_is_for_another(job: pytest.MonkeyPatch, audience: str) -> None:
    """An index can name only its own host as the audience; no identity token is requested for any other (NS745)."""
    index = Index(audience)
    with Loopback(index.answer) as server:
        error = refusal(server, job)
        assert index.identities == []
        assert "/_/oidc/mint-token" not in server.paths
    assert error is not None
    assert error.findings[0].id == "NS745"
    assert repr(audience) in error.findings[0].what


@pytest.mark.parametrize("host", ["pypi", "testpypi", "PyPI", "sigstore", "pypi.", "devpi", "0x7f"])
def test_a_host_that_is_called_as_an_audience_of_others_is_none(job: pytest.MonkeyPatch, host: str) -> None:
    """A host named like a public index's audience, such as `pypi`, gets no identity: its token would be valid there."""
    job.setattr(web, "get", lambda url, **_: web.Answer(url, 200, "", json.dumps({"audience": host.lower()}).encode()))
    with pytest.raises(ShipError, match="NS745"):
        TrustedPublisher.of("mine", f"https://{host}/legacy/", os.environ)


@pytest.mark.parametrize("host", ["index.example", "10.0.0.1", "localhost", "[2001:db8::1]", "[::1]"])
def test_a_host_with_its_domain_is_an_audience(job: pytest.MonkeyPatch, host: str) -> None:
    """A host name with a domain, an IP address and `localhost` are allowed as audiences."""
    bare = host.strip("[]")
    job.setattr(web, "get", lambda url, **_: web.Answer(url, 200, "", json.dumps({"audience": bare}).encode()))
    publisher = TrustedPublisher.of("mine", f"https://{host}/legacy/", os.environ)
    assert publisher is not None
    assert publisher.audience == bare


def test_an_index_of_ones_own_is_named_by_its_host(job: pytest.MonkeyPatch) -> None:
    """A private index that offers the exchange gets an identity token whose audience is its host."""
    index = Index()
    with Loopback(index.answer) as server:
        assert refusal(server, job) is None
        assert index.identities == [HOST]
        assert server.paths[-1] == "/_/oidc/mint-token"


@pytest.mark.parametrize(
    ("url", "audience"), [(DEFAULT_REPOSITORY, "pypi"), (TEST_REPOSITORY, "testpypi")], ids=["PyPI", "TestPyPI"]
)
def test_audiences_of_the_public_indexes_are_fixed(job: pytest.MonkeyPatch, url: str, audience: str) -> None:
    """The audiences of PyPI and TestPyPI are known without a request."""
    job.setattr("socket.socket.connect", lambda *_: pytest.fail("a request was made"))
    publisher = TrustedPublisher.of("any name", url, os.environ)
    assert publisher is not None
    assert publisher.audience == audience


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("step", ["audience", "mint"])
def test_the_exchange_follows_no_redirect(job: pytest.MonkeyPatch, status: int, step: str) -> None:
    """A redirect is never followed in the token exchange, neither for the audience nor with the identity token."""
    index = Index()
    with Loopback(Index().answer) as elsewhere, Loopback(index.answer) as server:
        target = f"{elsewhere.url}/_/oidc/{'audience' if step == 'audience' else 'mint-token'}"
        setattr(index, step, Reply("", status, {"Location": target}))
        refusal(server, job)
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://index.example/legacy/",
        "http://127.0.0.1.index.example/legacy/",
        "http://127.0.0.1@index.example/legacy/",
        "http://localhost.index.example/",
        "HTTP://index.example/",
        "ftp://127.0.0.1/",
        "http://2130706433.example/",
        DEFAULT_REPOSITORY.replace("https", "http"),
    ],
    ids=range(8),
)
def test_no_identity_goes_over_plain_http(job: pytest.MonkeyPatch, url: str) -> None:
    """Over plain http, no identity is offered and no request is made, except to this machine."""
    job.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("a request was made"))
    assert TrustedPublisher.of("PyPI", url, os.environ) is None


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("step", ["audience", "mint"])
def test_other_credentials_are_not_used_silently(job: pytest.MonkeyPatch, status: int, step: str) -> None:
    """After a server error in the exchange, NS744 warns that other credentials are used; without any, NS739 stops."""
    index = Index()
    setattr(index, step, Reply("it broke", status))
    job.setenv("EVIL_API_TOKEN", OTHER_TOKEN)
    with Loopback(index.answer) as server:
        job.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{server.url}/identity?api=1")
        wanted = Wanted("evil", "evil", f"{server.url}/legacy/", "EVIL_API_TOKEN", "sample", variables=os.environ)
        found = find_credentials(wanted)
        assert found.kind == "EVIL_API_TOKEN"
        assert [finding.id for finding in found.warnings] == ["NS744"]
        job.delenv("EVIL_API_TOKEN")
        with pytest.raises(ShipError, match="NS739"):
            find_credentials(wanted)


DEEP = "[" * 100_000
ODD = [
    "",
    "null",
    "5",
    "[]",
    "[[5]]",
    '"audience"',
    '{"token": null}',
    '{"token": 5}',
    '{"token": ["x"]}',
    '{"token": ""}',
    '{"errors": 5}',
    '{"errors": null}',
    '{"errors": {"code": 1}}',
    '{"errors": ["x", null, [], {}]}',
    '{"errors": [{"code": ["invalid-publisher"], "description": {}}]}',
    '{"errors": [{"code": "invalid-publisher"}]}',
    '{"errors": "invalid-publisher"}',
    f'{{"errors": {"9" * 5000}}}',
    '{"token": NaN}',
    DEEP,
    f'{{"token": {DEEP}',
    b"\xff\xfe",
    b'{"token": "\xff"}',
    '{"token": "a\\nb"}',
    '{"token": "\\ud800"}',
]


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_odd_answers_of_the_exchange_are_refusals(job: pytest.MonkeyPatch, body: str | bytes, status: int) -> None:
    """An odd answer to the token exchange is NS739, unless it names a reason that PyPI documents (NS730)."""
    index = Index()
    index.mint = Reply(body, status)
    with Loopback(index.answer) as server:
        error = refusal(server, job)
    assert error is not None
    known = body == '{"errors": [{"code": "invalid-publisher"}]}'
    assert [finding.id for finding in error.findings] == ["NS730" if known else "NS739"]


@pytest.mark.parametrize("body", ['{"audience": 5}', '{"audience": null}', "[]", "5", "", "<html>", DEEP, b"\xff"])
def test_an_index_without_an_audience_offers_no_exchange(job: pytest.MonkeyPatch, body: str | bytes) -> None:
    """If an index's answer about the audience names none, the index counts as offering no exchange."""
    index = Index()
    index.audience = Reply(body)
    with Loopback(index.answer) as server:
        assert refusal(server, job) is None
        assert index.identities == []


@pytest.mark.parametrize("value", ["", "null", "[]", '{"value": 5}', '{"value": "a.b"}', '{"value": "a.b.c"}', DEEP])
def test_odd_answers_of_the_identity_endpoint_are_refusals(job: pytest.MonkeyPatch, value: str) -> None:
    """An odd answer of the identity endpoint is refused (NS731), and is not sent to the index."""
    index = Index()

    def answer(request: Request) -> Any:
        return Reply(value) if request.path.startswith("/identity") else index.answer(request)

    with Loopback(answer) as server:
        error = refusal(server, job)
        assert "/_/oidc/mint-token" not in server.paths
    assert error is not None
    assert error.findings[0].id == "NS731"


def wanted(upload_url: str, name: str = "pypi") -> Wanted:
    """Return what is searched for, for an index with this ``upload_url`` that reads from PyPI's simple API."""
    own = IndexSettings(upload_url, PYPI_SIMPLE)
    world = RealWorld(Path(), Path(), Settings(indexes={name: own}), variables=os.environ)
    found: list[Wanted] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nox_ship.world.real.find_credentials", found.append)
        world.index(name, "sample").find()
    return found[0]


def pypi_token() -> str:
    """Return an API token in PyPI's format."""
    return api_token(PYPI_SIMPLE.split("/")[2])


@pytest.mark.parametrize("name", ["pypi", "testpypi", "evil"])
@pytest.mark.parametrize("place", ["TWINE_PASSWORD", "variable", "~/.pypirc"])
def test_a_token_of_pypi_goes_to_nobody_else(job: pytest.MonkeyPatch, tmp_path: Path, name: str, place: str) -> None:
    """A token of PyPI's is refused (NS723) for an index whose uploads go elsewhere, wherever the token was found."""
    job.delenv("GITHUB_ACTIONS")
    search = wanted("https://upload.example/legacy/", name)
    if place == "~/.pypirc":
        head = f"[distutils]\nindex-servers = {name}\n[{name}]\nrepository = {search.upload_url}\n"
        (tmp_path / ".pypirc").write_text(f"{head}password = {pypi_token()}\n")
    else:
        job.setenv(search.token_variable if place == "variable" else place, pypi_token())
    with pytest.raises(ShipError, match="NS723"):
        find_credentials(search)


@pytest.mark.parametrize("name", ["pypi", "testpypi"])
def test_a_pypirc_section_of_pypi_is_for_pypi(job: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """If a setting makes `pypi` another index, the password in ~/.pypirc for PyPI is not used (NS741)."""
    job.delenv("GITHUB_ACTIONS")
    (tmp_path / ".pypirc").write_text(f"[{name}]\nusername = me\npassword = of-the-public-index\n")
    with pytest.raises(ShipError, match="NS741"):
        find_credentials(wanted("https://upload.example/legacy/", name))
