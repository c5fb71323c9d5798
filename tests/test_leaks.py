from __future__ import annotations

import zlib

import pytest

from nox_ship.package.leaks import API_TOKEN, MOST, PRIVATE_KEY, examine, is_read

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
RANDOM = "k3JvQ8zP1mXw7RbT5yLs0HdN4gFcA9uE2oViKq6ZtYjWxMhUaBnCeGrSfDpI"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def key(kind: str = "", rest: str = f"{BODY}\n{BODY}\n") -> str:
    """Return what begins as a private key does."""
    return f"-----BEGIN {kind}{'PRIVATE'} KEY-----\n{rest}"


def issued(prefix: str, body: str) -> str:
    """Return a token with the checksum of GitHub and npm."""
    left, checksum = zlib.crc32(body.encode()), ""
    for _ in range(6):
        left, digit = divmod(left, 62)
        checksum = DIGITS[digit] + checksum
    return f"{prefix}{body}{checksum}"


def held(content: str | bytes, name: str = "some.file") -> str | None:
    """Return what is found in a file."""
    suspect = examine(name, content.encode() if isinstance(content, str) else content)
    return suspect.holds if suspect else None


@pytest.mark.parametrize(
    "content",
    [
        key(),
        key("RSA "),
        key("OPENSSH "),
        key("ENCRYPTED "),
        key().replace("\n", "\r\n"),
        key("RSA ", f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{BODY}\n{BODY}\n"),
        f"key: |\n    {key()}".replace("\n", "\n    "),
        '{"private_key": "' + key().replace("\n", "\\n") + '"}',
        key("PGP ").replace("KEY-", "KEY BLOCK-").replace("-\n", "-\nVersion: GnuPG v2\nComment1:  x\n\n", 1),
    ],
)
def test_private_keys_are_found(content: str) -> None:
    """Of any kind, also encrypted, indented, in a string of JSON, and of PGP."""
    assert held(content) == PRIVATE_KEY
    assert held(b"\xff\x00" + content.encode()) == PRIVATE_KEY


@pytest.mark.parametrize(
    "content",
    [
        key().replace("PRIVATE", "PUBLIC"),
        key().replace("PRIVATE KEY", "CERTIFICATE"),
        'grep "-----BEGIN.*PRIVATE KEY-----" "$1"\n',
        key(rest="...\n-----END"),
        key(rest="put the key of your own server here, and nobody else's key; it is the one of the server\n"),
        key(rest="fake\n-----END PRIVATE KEY-----\n"),
        key(rest=f"{BODY[:-1]}\n"),
        key().replace("-----\n", "----- of the server\n"),
    ],
)
def test_what_only_speaks_of_a_private_key_is_none(content: str) -> None:
    """Nor is a public key, a certificate, or a placeholder."""
    assert held(content) is None


@pytest.mark.parametrize("name", ["a.py", "a.pyi", "a.md", "a.rst", "PKG-INFO", "sample.egg-info/PKG-INFO"])
def test_code_and_texts_may_show_a_key(name: str) -> None:
    """A token that works they may not."""
    assert held(key(), name) is None
    assert held(issued("ghp_", RANDOM[:30]), name) == API_TOKEN


@pytest.mark.parametrize(
    "token",
    [
        "pypi-" + "AgE" + RANDOM * 2,
        issued("ghp_", RANDOM[:30]),
        issued("ghs_", RANDOM[5:35]),
        issued("npm_", RANDOM[-30:]),
        "github_pat_" + RANDOM[:22] + "_" + RANDOM[:59],
        "glpat-" + RANDOM[:20],
        "xoxb-" + "1" * 12 + "-" + RANDOM[:24],
        "sk_live_" + RANDOM[:24],
        "sk-ant-" + RANDOM * 2,
        "hf_" + "abcDefghIjklMnopqRstuvwXyzabcdefgh",
        "dckr_pat_" + RANDOM[:27],
        "SG." + RANDOM[:22] + "." + RANDOM[:43],
    ],
)
@pytest.mark.parametrize("form", ["{}", "password = {}\n", 'TOKEN="{}"', "https://x:{}@example.invalid/"])
def test_tokens_are_found_by_their_form(token: str, form: str) -> None:
    """Wherever in the file they stand; not as a part of a longer word."""
    assert held(form.format(token)) == API_TOKEN
    assert held(form.format(f"x{token}")) is None


@pytest.mark.parametrize(
    "content",
    [
        "pypi-AgEIcHl...",
        "pypi-" + "AgE" + "x" * 200,
        "ghp_" + RANDOM[:36],
        issued("ghp_", RANDOM[:30])[:-1] + "-",
        issued("ghp_", RANDOM[:30]) + "b",
        "glpat-" + "x" * 20,
        "sk_live_" + "Xx0" * 8,
        "npm_config_registry_and_other_settings_of_it",
        "AKIAIOSFODNN7" + "EXAMPLE",
        "sk_test_" + RANDOM[:24],
    ],
)
def test_examples_of_tokens_are_none(content: str) -> None:
    """They are cut short, or do not add up."""
    assert held(content) is None


@pytest.mark.parametrize("name", [".pypirc", "a/.netrc", ".env", "id_rsa", ".git-credentials"])
def test_some_files_are_suspects_by_their_name(name: str) -> None:
    """Whatever they hold, and however large they are."""
    suspect = examine(name, b"")
    assert suspect
    assert (suspect.named, suspect.holds) == (True, None)
    assert is_read(name, 1 << 40)
    assert not is_read(f"{name}.txt", MOST + 1)
    assert is_read(f"{name}.txt", MOST)
    assert examine(f"{name}.txt", b"") is None


def test_a_hostile_file_is_read_in_no_time() -> None:
    """What could be taken apart in many ways is taken apart in one."""
    for filling in (b"a: ", b"a: \\n", b"a: \n", b"\\n", b" ", b"-", b"-----BEGIN PRIVATE KEY-----\n", b"pypi-AgE"):
        assert examine("x", (b"-----BEGIN PRIVATE KEY-----\n" + filling * MOST)[:MOST]) is None
