from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from twine.utils import DEFAULT_REPOSITORY

from failing_index import CLAIMS, api_token, identity_token
from loopback import Loopback, Reply, Request
from nox_ship.errors import ShipError
from nox_ship.world import attest, web
from nox_ship.world.credentials import TOKEN_USER, TRUSTED, Login, Wanted, find_credentials
from nox_ship.world.trusted import TrustedPublisher, claims_table

HOST = "127.0.0.1"
NAMES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME")
IDENTITY = identity_token(HOST, CLAIMS)
Answers = dict[str, Reply]


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove every credential of the user who runs the tests."""
    for name in (*NAMES, "TWINE_USERNAME", "TWINE_PASSWORD", "MY_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(keyring, "get_password", lambda *_: None)
    monkeypatch.setattr(keyring, "get_credential", lambda *_: None)


@pytest.fixture
def answers() -> Answers:
    """Return the index's answers by path, which a test may change."""
    return {
        "/_/oidc/audience": Reply(json.dumps({"audience": HOST})),
        "/_/oidc/mint-token": Reply(json.dumps({"token": "minted"})),
        "/identity": Reply(json.dumps({"value": IDENTITY})),
    }


@pytest.fixture
def index(answers: Answers) -> Iterator[Loopback]:
    """Run an index that offers trusted publishing, and serves the job's identity."""

    def answer(request: Request) -> Reply:
        return answers.get(request.path.partition("?")[0], Reply("not found", 404))

    with Loopback(answer) as server:
        yield server


def in_a_job(monkeypatch: pytest.MonkeyPatch, index: Loopback) -> None:
    """Set the environment of a GitHub Actions job that may request an identity."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{index.url}/identity?api=1")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")


def wanted(url: str = "https://index.invalid/legacy/", **facts: Any) -> Wanted:
    """Return the facts that the search for credentials needs."""
    return Wanted(
        variables=os.environ,
        **{
            "index": "mine",
            "shown": "mine",
            "upload_url": url,
            "token_variable": "MY_TOKEN",
            "project": "sample",
            **facts,
        },
    )


def missing(asked: Wanted) -> list[str]:
    """Return the IDs of the findings if no credentials are found."""
    with pytest.raises(ShipError) as caught:
        find_credentials(asked)
    return [finding.id for finding in caught.value.findings]


def test_places_are_looked_into_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The order is TWINE_PASSWORD, the index's own variable, ~/.pypirc, the keyring, and a question to the user."""
    asked = wanted(ask=lambda _, secret: "typed" if secret else "me")
    assert missing(wanted()) == ["NS741"]
    assert find_credentials(asked).kind == "the terminal"
    assert find_credentials(asked).login() == Login("me", "typed")
    monkeypatch.setattr(keyring, "get_password", lambda *_: "kept")
    assert find_credentials(asked).kind == "keyring"
    pypirc = (
        "[distutils]\nindex-servers = mine\n[mine]\nrepository = https://index.invalid/legacy/\npassword = written\n"
    )
    (tmp_path / ".pypirc").write_text(pypirc, "utf-8")
    assert find_credentials(asked).kind == "~/.pypirc"
    monkeypatch.setenv("MY_TOKEN", "set\n")
    assert find_credentials(asked).kind == "MY_TOKEN"
    assert find_credentials(asked).login() == Login(TOKEN_USER, "set")
    monkeypatch.setenv("TWINE_USERNAME", "me")
    monkeypatch.setenv("TWINE_PASSWORD", "first")
    assert find_credentials(asked).login() == Login("me", "first")


def test_a_user_name_alone_is_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user name without a password does not count as credentials (NS741)."""
    monkeypatch.setenv("TWINE_USERNAME", "me")
    assert missing(wanted()) == ["NS741"]


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_secret_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """NS742 reports an empty variable, as of a secret that does not exist, unless a later place has credentials."""
    monkeypatch.setenv("TWINE_PASSWORD", text)
    assert missing(wanted()) == ["NS742"]
    monkeypatch.setenv("MY_TOKEN", "x")
    assert find_credentials(wanted()).kind == "MY_TOKEN"


def test_a_token_is_read_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is malformed, or is for another index or project, stops the search with its own finding."""
    monkeypatch.setenv("MY_TOKEN", "x")
    assert missing(wanted(token_host="index.invalid")) == ["NS743"]
    monkeypatch.setenv("MY_TOKEN", api_token("other.invalid"))
    assert missing(wanted(token_host="index.invalid")) == ["NS723"]
    monkeypatch.setenv("MY_TOKEN", api_token("index.invalid", [1, ["other"]]))
    assert missing(wanted(token_host="index.invalid")) == ["NS725"]
    monkeypatch.setenv("MY_TOKEN", api_token("index.invalid"))
    assert find_credentials(wanted(token_host="index.invalid")).kind == "MY_TOKEN"


def test_a_password_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that belongs to a user name is not checked for the format of API tokens."""
    monkeypatch.setenv("TWINE_USERNAME", "me")
    monkeypatch.setenv("TWINE_PASSWORD", "x")
    assert find_credentials(wanted(token_host="index.invalid")).kind == "TWINE_PASSWORD"


def test_a_pypirc_that_cannot_be_read_shows_nothing_of_it(tmp_path: Path) -> None:
    """If ~/.pypirc cannot be parsed, NS741 names the file, but does not show its content."""
    (tmp_path / ".pypirc").write_text("s3cret-of-mine\n", "utf-8")
    with pytest.raises(ShipError, match=r"NS741.*\.pypirc") as caught:
        find_credentials(wanted())
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_pypirc_for_others_has_nothing(tmp_path: Path) -> None:
    """A section of ~/.pypirc with another name and another URL is not used."""
    text = "[distutils]\nindex-servers = other\n[other]\nrepository = https://other.invalid/\npassword = x\n"
    (tmp_path / ".pypirc").write_text(text, "utf-8")
    assert missing(wanted()) == ["NS741"]


def test_a_keyring_that_does_not_work_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the keyring's back end fails, the search continues as if it had no password."""

    def broken(*_: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(keyring, "get_password", broken)
    assert missing(wanted()) == ["NS741"]


def test_a_person_can_say_nothing() -> None:
    """An empty answer stops with NS741; if the index uses API tokens, no user name is asked for."""
    asked: list[str] = []

    def ask(question: str, _: bool) -> str:
        asked.append(question)
        return " "

    assert missing(wanted(ask=ask)) == ["NS741"]
    assert len(asked) == 2
    assert missing(wanted(ask=ask, token_host="index.invalid")) == ["NS741"]
    assert len(asked) == 3
    assert asked[-1].startswith("API token for mine")


def test_a_trusted_publisher_needs_no_secret(monkeypatch: pytest.MonkeyPatch, index: Loopback) -> None:
    """Trusted publishing is used first, gets a new token for each upload, and signs attestations if wanted."""
    in_a_job(monkeypatch, index)
    monkeypatch.setenv("MY_TOKEN", "x")
    found = find_credentials(wanted(f"{index.url}/legacy/", signs=True))
    assert (found.kind, found.signs, found.warnings) == (TRUSTED, True, ())
    assert found.login() == Login(TOKEN_USER, "minted")
    minted = [request for request in index.asked if request.path.endswith("mint-token")]
    assert len(minted) == 2
    assert json.loads(minted[0].body) == {"token": IDENTITY}
    assert not find_credentials(wanted(f"{index.url}/legacy/")).signs


def test_a_trusted_publisher_without_a_signer_signs_nothing(monkeypatch: pytest.MonkeyPatch, index: Loopback) -> None:
    """Without the extra `attestations`, files are uploaded without attestations, with the warning NS768."""
    in_a_job(monkeypatch, index)
    monkeypatch.setattr(attest, "is_installed", lambda: False)
    found = find_credentials(wanted(f"{index.url}/legacy/", signs=True))
    assert (found.kind, found.signs) == (TRUSTED, False)
    assert [(warning.id, warning.level) for warning in found.warnings] == [("NS768", "warning")]
    assert "nox-ship[attestations]" in found.warnings[0].remedy
    assert find_credentials(wanted(f"{index.url}/legacy/")).warnings == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_laptop_asks_no_index_for_trusted_publishing(
    monkeypatch: pytest.MonkeyPatch, index: Loopback, name: str
) -> None:
    """The index is asked about trusted publishing only if a variable shows that this is CI."""
    assert TrustedPublisher.of("mine", f"{index.url}/legacy/", os.environ) is None
    assert index.asked == []
    monkeypatch.setenv(name, "1")
    assert TrustedPublisher.of("mine", f"{index.url}/legacy/", os.environ) is not None


def test_an_identity_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch, index: Loopback) -> None:
    """An index over plain HTTP is not asked about trusted publishing, unless it is on this machine."""
    monkeypatch.setenv("CI", "1")
    assert TrustedPublisher.of("mine", f"{index.url}/legacy/", os.environ) is not None
    monkeypatch.setattr(web, "get", lambda url, **_: pytest.fail(f"{url} was asked."))
    assert TrustedPublisher.of("mine", "http://index.invalid/legacy/", os.environ) is None


@pytest.mark.parametrize(
    "reply", [Reply("no", 404), Reply("<html>"), Reply("[]"), Reply("{}"), Reply('{"audience": 3}'), Reply("null")]
)
def test_an_index_without_trusted_publishing_has_none(
    monkeypatch: pytest.MonkeyPatch, index: Loopback, answers: Answers, reply: Reply
) -> None:
    """If the index does not offer trusted publishing, other credentials are used without a warning."""
    in_a_job(monkeypatch, index)
    answers["/_/oidc/audience"] = reply
    monkeypatch.setenv("MY_TOKEN", "x")
    found = find_credentials(wanted(f"{index.url}/legacy/"))
    assert (found.kind, found.warnings) == ("MY_TOKEN", ())


def told(index: Loopback, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the ID of the reason why trusted publishing failed; other credentials are then used with a warning."""
    in_a_job(monkeypatch, index)
    (first,) = missing(wanted(f"{index.url}/legacy/"))
    monkeypatch.setenv("MY_TOKEN", "x")
    found = find_credentials(wanted(f"{index.url}/legacy/"))
    (warning,) = found.warnings
    assert (found.kind, warning.id, warning.level) == ("MY_TOKEN", "NS744", "warning")
    assert first in warning.what
    return first


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_does_not_silently_change_the_credentials(
    monkeypatch: pytest.MonkeyPatch, index: Loopback, answers: Answers, status: int
) -> None:
    """If the index answers with a server error, NS739 says so, even if other credentials are then used."""
    answers["/_/oidc/audience"] = Reply("broken", status)
    assert told(index, monkeypatch) == "NS739"


def refusal(code: str) -> Reply:
    """Return an index's answer that refuses an identity."""
    return Reply(json.dumps({"errors": [{"code": code, "description": "no"}]}), 422)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refusal("invalid-publisher"), "NS730"),
        (refusal("invalid-pending-publisher"), "NS730"),
        (refusal("other"), "NS739"),
        (Reply('{"errors": []}', 422), "NS739"),
        (Reply('{"token": "minted"}', 422), "NS739"),
        (Reply('{"token": ""}'), "NS739"),
        (Reply('{"token": 5}'), "NS739"),
        (Reply("[]"), "NS739"),
        (Reply("<html>", 503), "NS739"),
    ],
)
def test_an_exchange_that_is_refused_is_told(
    monkeypatch: pytest.MonkeyPatch, index: Loopback, answers: Answers, reply: Reply, expected: str
) -> None:
    """If the index refuses the exchange of the identity, the finding depends on its answer."""
    answers["/_/oidc/mint-token"] = reply
    assert told(index, monkeypatch) == expected


def test_a_job_without_an_environment_is_told_so(
    monkeypatch: pytest.MonkeyPatch, index: Loopback, answers: Answers
) -> None:
    """If the index refuses a job that has no environment, NS732 says so."""
    claims = {name: value for name, value in CLAIMS.items() if name != "environment"}
    answers["/identity"] = Reply(json.dumps({"value": identity_token(HOST, claims)}))
    answers["/_/oidc/mint-token"] = refusal("invalid-publisher")
    assert told(index, monkeypatch) == "NS732"


def test_a_job_without_an_identity_is_told_so(monkeypatch: pytest.MonkeyPatch, index: Loopback) -> None:
    """A job without the permission to request an identity stops with NS731."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert missing(wanted(f"{index.url}/legacy/")) == ["NS731"]


def test_an_identity_that_cannot_be_had_is_told(
    monkeypatch: pytest.MonkeyPatch, index: Loopback, answers: Answers
) -> None:
    """If the CI service refuses to issue an identity, NS731 says so."""
    answers["/identity"] = Reply("no", 500)
    assert told(index, monkeypatch) == "NS731"


def test_a_ci_without_identities_has_none(monkeypatch: pytest.MonkeyPatch, index: Loopback) -> None:
    """On a CI service without identities, the search continues in the other places."""
    monkeypatch.setenv("CI", "1")
    assert missing(wanted(f"{index.url}/legacy/")) == ["NS741"]


def test_values_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text form of the credentials does not contain the password."""
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    found = find_credentials(wanted())
    assert "s3cret" not in repr(found)
    assert found.login().password == "s3cret"


def test_gitlabs_identity_is_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """On GitLab the identity comes from a variable of the index; a job without it uses its token instead."""
    asked = wanted(DEFAULT_REPOSITORY)
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("TESTPYPI_ID_TOKEN", "x.y.z")
    assert missing(asked) == ["NS741"]
    monkeypatch.setenv("MY_TOKEN", "x")
    assert find_credentials(asked).kind == "MY_TOKEN"
    assert find_credentials(asked).warnings == ()
    token = identity_token("pypi", CLAIMS)
    monkeypatch.setenv("PYPI_ID_TOKEN", token)
    publisher = TrustedPublisher.of("PyPI", DEFAULT_REPOSITORY, os.environ)
    assert publisher is not None
    assert publisher._identity() == token


def test_the_claims_of_gitlab_are_shown_as_pypi_asks_for_them() -> None:
    """GitLab's claims are shown as namespace, project, file and environment."""
    file = "gitlab.com/acme/tools/sample//.gitlab-ci.yml@refs/tags/v1"
    claims = {"project_path": "acme/tools/sample", "ci_config_ref_uri": file, "environment": "pypi"}
    rows = [line.split() for line in claims_table(claims).splitlines()[1:]]
    assert rows == [
        ["namespace", "acme/tools", "acme/tools"],
        ["project", "sample", "sample"],
        ["file", ".gitlab-ci.yml", ".gitlab-ci.yml"],
        ["environment", "pypi", "pypi"],
    ]
    assert claims_table({"project_path": 5}).count("(missing)") == 3
