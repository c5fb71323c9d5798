from __future__ import annotations

import base64
import json
import time
from urllib.parse import urlsplit

import pytest
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from failing_index import api_token
from nox_ship.config import Settings
from nox_ship.world.real import index_addresses
from nox_ship.world.token import Token, check_goal, check_token
from support import each


def ids(text: str, host: str = "index.example", project: str = "sample") -> list[str]:
    """Return the IDs of the problems that are found with a token."""
    return [finding.id for finding in check_token(text, "HERE", host, project)]


def test_a_token_tells_its_index_projects_and_end() -> None:
    """A token's index, projects and expiry are read, and unknown caveats are ignored."""
    token = Token.read(api_token("index.example", [3, "user"], [1, ["one", "two"]], [0, 2000, 1000]))
    assert token == Token("index.example", ("one", "two"), 2000)


def test_a_token_of_an_account_names_no_project() -> None:
    """A token for a whole account names no project and is accepted on its own index."""
    token = api_token("index.example", [3, "user"])
    assert Token.read(token).projects is None
    assert ids(token) == []


@each(
    ("caveat", "expected"),
    [
        ({"version": 1, "permissions": "user"}, Token("index.example")),
        ({"version": 1, "permissions": {"projects": ["one"]}}, Token("index.example", ("one",))),
        ({"nbf": 1, "exp": 5}, Token("index.example", None, 5)),
        ([], Token("index.example")),
        ("text", Token("index.example")),
        (["x", 1], Token("index.example")),
        ([1], Token("index.example")),
    ],
)
def test_older_and_unknown_caveats_are_read(caveat: object, expected: Token) -> None:
    """Caveats in PyPI's form before 2022, which is an object, are read; unknown ones are ignored."""
    assert Token.read(api_token("index.example", caveat)) == expected


def test_long_fields_are_read() -> None:
    """A field of more than 127 bytes, whose length takes two bytes, is read."""
    names = [f"project-{number}" for number in range(30)]
    assert Token.read(api_token("index.example", [1, names])).projects == tuple(names)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (api_token("other.example"), ["NS723"]),
        (api_token("index.example", [0, 1, 0]), ["NS722"]),
        (api_token("index.example", [1, ["another"]]), ["NS725"]),
        (api_token("index.example", [1, ["Sam_Ple"]]), ["NS725"]),
        (api_token("index.example", [1, ["Sample"]]), []),
        (api_token("index.example", [0, int(time.time()) + 1_000_000, 0]), []),
        (api_token("other.example", [0, 1, 0], [1, ["another"]]), ["NS723", "NS722", "NS725"]),
    ],
    ids=range(7),
)
def test_what_a_token_cannot_do_is_found(token: str, expected: list[str]) -> None:
    """A wrong index, a wrong project and an expired token are reported together, and the token is not shown."""
    found = list(check_token(token, "HERE", "index.example", "sample"))
    assert [finding.id for finding in found] == expected
    assert not any(token in str(finding) for finding in found)
    assert all("HERE" in finding.what for finding in found)


GOOD = "pypi-AgEFbG9jYWwCBGlkaWQAAAYgMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"


def cut(size: int) -> str:
    return GOOD[:size]


@each(
    "text",
    [
        "",
        "hunter2",
        "pypi-",
        "pypi-short",
        f'"{GOOD}"',
        f"{GOOD} x",
        GOOD.upper(),
        *map(cut, (20, 30, 40, 60, len(GOOD) - 4)),
        "pypi-" + base64.urlsafe_b64encode(b"\x01" * 40).decode(),
        "pypi-" + base64.urlsafe_b64encode(b"\x02" + b"\xff" * 40).decode(),
        "pypi-" + base64.urlsafe_b64encode(b"\x02\x01\x02\xff\xfe" + b"\0" * 40).decode(),
    ],
)
def test_what_is_no_token_is_malformed(text: str) -> None:
    """An incomplete or quoted token, a password, and bytes that are no macaroon are refused with NS743."""
    assert Token.read(GOOD).location == "local"
    assert ids(text) == ["NS743"]


def test_tokens_for_the_tests_are_json_in_a_macaroon() -> None:
    """The tests' own tokens have the form of PyPI's: a macaroon whose caveats are JSON arrays."""
    token = api_token("a.example", [1, ["x"]])
    raw = base64.urlsafe_b64decode(token.removeprefix("pypi-") + "==")
    assert raw[:12] == b"\x02\x01\x09a.example"
    assert json.dumps([1, ["x"]]).encode() in raw


def test_a_token_of_another_version_of_the_form_is_none() -> None:
    """A macaroon of another format version is refused, as its fields may mean something else."""
    raw = base64.urlsafe_b64decode(api_token("index.example").removeprefix("pypi-") + "==")
    other = base64.urlsafe_b64encode(b"\x03" + raw[1:]).decode().rstrip("=")
    with pytest.raises(ValueError):
        Token.read(f"pypi-{other}")


@pytest.mark.parametrize(("upload_url", "expected"), [(DEFAULT_REPOSITORY, []), (TEST_REPOSITORY, ["NS723"])])
def test_a_token_goes_to_the_index_that_issued_it(upload_url: str, expected: list[str]) -> None:
    """A token of PyPI is accepted for PyPI only, and refused with NS723 for another index."""
    token = api_token(urlsplit(index_addresses("pypi", Settings()).simple_url).hostname or "")
    assert [finding.id for finding in check_goal(token, "HERE", upload_url)] == expected
