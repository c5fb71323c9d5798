from __future__ import annotations

import base64
import io
import time
import zlib

import pytest

from nox_ship.package.leaks import API_TOKEN, MOST, MOST_TEXT, PRIVATE_KEY, PUBLIC_API_KEY, examine, read
from support import each, in_time

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
RANDOM = "k3JvQ8zP1mXw7RbT5yLs0HdN4gFcA9uE2oViKq6ZtYjWxMhUaBnCeGrSfDpI"
HEX = "0a9f8e7d6c5b4a3f" * 4
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def key(kind: str = "", rest: str = f"{BODY}\n{BODY}\n") -> str:
    """Return text that starts like a private key."""
    return f"-----BEGIN {kind}{'PRIVATE'} KEY-----\n{rest}"


def issued(prefix: str, body: str) -> str:
    """Return a token with the checksum that GitHub and npm use."""
    left, checksum = zlib.crc32(body.encode()), ""
    for _ in range(6):
        left, digit = divmod(left, 62)
        checksum = DIGITS[digit] + checksum
    return f"{prefix}{body}{checksum}"


def held(content: str | bytes, name: str = "some.file") -> str | None:
    """Return which kind of secret is found in a file, if any."""
    suspect = examine(name, content.encode() if isinstance(content, str) else content)
    return suspect.holds if suspect else None


@each(
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
    """Private keys of all kinds are found: encrypted, indented, in a JSON string, or PGP."""
    assert held(content) == PRIVATE_KEY
    assert held(b"\xff\x00" + content.encode()) == PRIVATE_KEY


@each(
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
    """Public keys, certificates, placeholders and text about private keys are not reported."""
    assert held(content) is None


@each("name", ["a.py", "a.pyi", "a.md", "a.rst", "PKG-INFO", "sample.egg-info/PKG-INFO"])
def test_code_and_texts_may_show_a_key(name: str) -> None:
    """Source code and documentation may contain an example of a private key, but no token with a valid checksum."""
    assert held(key(), name) is None
    assert held(issued("ghp_", RANDOM[:30]), name) == API_TOKEN


@each(
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
        "gldt-" + RANDOM[:20],
        "glpat-" + RANDOM[:27] + ".01.0a1b2c3d4",
        "glrt-" + RANDOM[:30] + ".0z.1a2b3c4d5",
        "glptt-" + HEX[:40],
        "xapp-1-A012B345C67-1234567890123-" + HEX,
        "sk-" + "proj-" + RANDOM[:24] + "T3Blbk" + "FJ" + RANDOM[:24],
        "sk-" + RANDOM[:20] + "T3Blbk" + "FJ" + RANDOM[:20],
        "123456789" + ":AA" + RANDOM[:33],
        "dop_v1_" + HEX,
        "glsa_" + RANDOM[:32] + "_" + HEX[:8],
        "shpat_" + HEX[:32],
        "rubygems_" + HEX[:48],
        "lin_api_" + RANDOM[:40],
        "AccountKey=" + (RANDOM * 2)[:86] + "==",
    ],
)
def test_tokens_are_found_by_their_form(token: str) -> None:
    """A token is found anywhere in the file, unless it is part of a longer word."""
    forms = ("{}", "password = {}\n", 'TOKEN="{}"', "https://x:{}@example.invalid/")
    assert [held(form.format(token)) for form in forms] == [API_TOKEN] * len(forms)
    assert [held(form.format(f"x{token}")) for form in forms] == [None] * len(forms)


@each(
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
        "110201543" + ":AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "AccountKey=" + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24,
        f"AWS = '{'AKIA' + 'QWERTYUIOPASDFGH'}'",
        f"AWS = '{'AKIA' + 'QWERTYUIOPASDFGH'}', '{HEX[:40]}'",
        f"AWS = '{'AKIA' + 'QWERTYUIOPASDFGH'}'\n{'x ' * 150}'{RANDOM[:40]}'",
        f"{'AKIA' + 'IOSFODNN7EXAMPLE'} {'wJalrXUtnFEMI/K7MDENG/bPxRfiCY' + 'EXAMPLEKEY'}",
        "T3Blbk" + "FJ" + RANDOM[:24],
    ],
)
def test_examples_of_tokens_are_none(content: str) -> None:
    """A token is taken for an example if it is too short, or if its checksum or form is wrong."""
    assert held(content) is None


@each("name", [".pypirc", "a/.netrc", ".env", "id_rsa", ".git-credentials"])
def test_some_files_are_suspects_by_their_name(name: str) -> None:
    """Files such as `.pypirc` are reported by their name, whatever their content and size."""
    suspect = examine(name, b"")
    assert suspect
    assert (suspect.named, suspect.holds) == (True, None)
    assert read(io.BytesIO(b"x"), name, 1 << 40) == b"x"
    assert read(io.BytesIO(b"x"), f"{name}.txt", MOST_TEXT + 1) == b""
    assert examine(f"{name}.txt", b"") is None


def test_a_hostile_file_is_read_in_no_time() -> None:
    """A file that is made to slow down the search is read quickly, and nothing is found in it."""
    for filling in (b"a: ", b"a: \\n", b"a: \n", b"\\n", b" ", b"-", b"-----BEGIN PRIVATE KEY-----\n", b"pypi-AgE"):
        content = (b"-----BEGIN PRIVATE KEY-----\n" + filling * MOST)[:MOST]
        with in_time(0.5):
            assert examine("x", content) is None


@each(
    "text",
    [
        "https://hooks.slack.com/services/T012AB3CD/B012AB3CD/" + RANDOM[:24],
        "https://discord.com/api/webhooks/123456789012345678/" + (RANDOM * 2)[:68],
        f"aws_access_key_id = {'AKIA' + 'QWERTYUIOPASDFGH'}\naws_secret_access_key = {RANDOM[:40]}\n",
        f"client('s3', '{'ASIA' + 'QWERTYUIOPASDFGH'}', secret='{RANDOM[:38]}+/')",
    ],
)
def test_addresses_and_pairs_that_give_access_are_found(text: str) -> None:
    """Webhook addresses of Slack and Discord are found, and AWS key IDs with a likely secret nearby."""
    assert held(text, "sample/settings.py") == API_TOKEN


def test_a_key_that_programs_must_hold_is_told_apart() -> None:
    """A Google API key is reported as public, because programs that use one have to contain it."""
    assert held(f"KEY = '{'AI' + 'za' + RANDOM[:35]}'", "sample/a.py") == PUBLIC_API_KEY
    assert held(f"KEY = '{'AI' + 'za' + 'x' * 35}'", "sample/a.py") is None


DER = b"\x30\x82\x02\x00" + bytes(range(256)) * 2
SHORT = b"\x30\x6e" + bytes(range(110))
OPENSSH = b"openssh-key-v1\0" + bytes(range(200))


def lines_of(content: bytes) -> list[str]:
    """Return the lines of a private key in PEM format."""
    text = base64.b64encode(content).decode()
    body = [text[start : start + 64] for start in range(0, len(text), 64)]
    return [f"-----BEGIN {'PRIVATE'} KEY-----", *body, f"-----END {'PRIVATE'} KEY-----"]


@pytest.mark.parametrize("content", [DER, SHORT, OPENSSH])
@pytest.mark.parametrize(
    ("form", "between"),
    [
        ('KEY = """\\\n{}\n"""\n', "\n"),
        ('KEY = (\n    "{}"\n)\n', '\\n"\n    "'),
        ("KEY = (\n    b'{}'\n)\n", "\\n'\n    b'"),
        ("KEY = '{}'\n", "\\n"),
        ("def f():\n    return '''{}'''\n", "\n"),
        ("KEY = '\\n'.join(['{}'])\n", "',\n    '"),
    ],
)
def test_a_whole_key_in_a_module_is_found(content: bytes, form: str, between: str) -> None:
    """A key is found in a multi-line string, in several strings, and with escaped line breaks."""
    assert held(form.format(between.join(lines_of(content))), "sample/a.py") == PRIVATE_KEY


@each("content", [DER[:-1], DER + b"x", b"\x31" + DER[1:], b"openssh-key-v2\0" + DER, b"\x30\x82", b"x" * 100])
def test_what_decodes_to_no_key_is_none(content: bytes) -> None:
    """A key that is truncated or does not decode to a key is taken for an example."""
    assert held(f"KEY = '''{chr(10).join(lines_of(content))}'''", "sample/a.py") is None


def test_a_key_in_a_docstring_is_an_example() -> None:
    """A key that occurs only in docstrings is an example; it is reported if the code contains it as well."""
    text = "\n".join(lines_of(DER))
    for code in ("'''A module.\n{}\n'''\n", "def f():\n    '''Do.\n\n    {}\n    '''\n"):
        assert held(code.format(text), "sample/a.py") is None
        assert held(f"{code.format(text)}KEY = '''{text}'''\n", "sample/a.py") == PRIVATE_KEY
    assert held(f"'''{text}'''\n1 +", "sample/a.py") == PRIVATE_KEY


def test_a_large_text_is_searched_for_tokens() -> None:
    """A large text is searched for tokens up to a limit, but not for keys; a large binary file is not searched."""
    token = issued("ghp_", RANDOM[:30])
    text = ("x = 1\n" * 100_000 + token).encode()
    assert examine("a.py", read(io.BytesIO(text), "a.py", len(text)))
    assert examine("a.so", read(io.BytesIO(b"\0" + text), "a.so", len(text) + 1)) is None
    pem = (key() + "\n" * MOST).encode()
    assert examine("a.pem", read(io.BytesIO(pem), "a.pem", len(pem))) is None
    endless = io.BytesIO(b"x" * (MOST_TEXT + 9))
    assert len(read(endless, "a", MOST_TEXT)) == MOST_TEXT


def test_texts_are_searched_fast() -> None:
    """Searching a module of 5 KiB takes less than half a millisecond, so 10,000 modules take a few seconds."""
    text = (b"def function(argument):\n    return argument.attribute[0] + 'text'\n" * 80)[:5000]
    begun = time.process_time()
    for _ in range(200):
        examine("a.py", text)
    assert time.process_time() - begun < 0.1
