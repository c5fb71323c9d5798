"""What must not be in a distribution by mistake: private keys, API tokens, and files with names typical of secrets."""

from __future__ import annotations

import ast
import base64
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from nox_ship import documents

PRIVATE_KEY, API_TOKEN, PUBLIC_API_KEY = "a private key", "an API token", "an API key that may be public"
"""What a file can contain, in words."""
MOST = 64 * 1024
"""The largest file that is searched for private keys, in bytes; keys and credential files are smaller."""
MOST_TEXT = 4 << 20
"""The largest text that is searched for API tokens, in bytes."""
_BEGINNING = 1024
"""How many bytes are read to tell text from binary data."""

_NAMES = {
    ".pypirc",
    ".env",
    ".netrc",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".git-credentials",
}
# Code and documentation about keys quote them; modules quote only parts, or in a docstring.
_TELLING = (".py", ".pyi", ".md", ".rst")
_MODULE = ".py"
_GENERATED = ("PKG-INFO", "METADATA")
# A key with content after its first line, also indented or in a JSON string; not the first line alone.
_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[ \t]*(?:\r?\n|\\n)"
    rb"(?:[\w-]{1,30}: [^\n\\]{0,99}(?:\n|\\n))*(?:\\n|\s)*[A-Za-z0-9+/]{32}"
)
# A complete key in a module, also split into several strings.
_WHOLE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,2}PRIVATE KEY-----([^-]{64,16000})"
    rb"-----END (?:[A-Z0-9]{1,20} ){0,2}PRIVATE KEY-----"
)
_OPENSSH = b"openssh-key-v1\0"
_SEQUENCE = 0x30
# 40 characters in base 64, but not a hexadecimal number, which would be a hash.
_SECRET_OF_AWS = (
    rb"(?<![\w+/])(?=[0-9A-Za-z+/]{0,39}[G-Z])(?=[0-9A-Za-z+/]{0,39}[g-z])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])"
)
# The formats of services' tokens, at their full length, which examples rarely have. Each comes with substrings that are
# searched first, because that is fast.
_FORMS: tuple[tuple[tuple[bytes, ...], bytes], ...] = (
    ((b"pypi-AgE",), rb"pypi-AgE[\w-]{100,}"),
    (
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"npm_"),
        rb"(?:gh[pousr]|npm)_(?P<body>[A-Za-z0-9]{30})(?P<sum>[A-Za-z0-9]{6})(?!\w)",
    ),
    ((b"github_pat_",), rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?!\w)"),
    ((b"glpat-", b"gldt-", b"glrt-", b"glft-", b"glsoat-", b"gloas-"), rb"gl(?:pat|dt|rt|ft|soat)-[\w-]{20}(?![\w.-])"),
    ((b"glpat-", b"glrt-"), rb"gl(?:pat|rt)-[\w-]{27,300}\.[0-9a-z]{2}\.?[0-9a-z]{7,9}(?!\w)"),
    ((b"glptt-",), rb"glptt-[0-9a-f]{40}(?!\w)"),
    ((b"xox",), rb"xox[abprs]-\d{10,13}-[\w-]{24,}"),
    ((b"xapp-",), rb"xapp-\d-[A-Z0-9]{9,13}-\d{10,15}-[0-9a-f]{64}(?!\w)"),
    ((b"hooks.slack.com/",), rb"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}(?!\w)"),
    ((b"k_live_",), rb"[sr]k_live_[A-Za-z0-9]{24,}"),
    ((b"sk-ant-",), rb"sk-ant-[\w-]{80,}"),
    ((b"T3BlbkFJ",), rb"sk-(?:(?:proj|svcacct|admin)-[\w-]{20,}|[A-Za-z0-9]{20})T3BlbkFJ[\w-]{20,}"),
    ((b"hf_",), rb"hf_[A-Za-z]{34}(?!\w)"),
    ((b"dckr_pat_",), rb"dckr_pat_[\w-]{27}(?![\w-])"),
    ((b"SG.",), rb"SG\.[\w-]{22}\.[\w-]{43}(?![\w-])"),
    ((b":AA",), rb"\d{8,10}:AA[\w-]{33}(?![\w-])"),
    ((b"dop_v1_", b"doo_v1_", b"dor_v1_"), rb"do[opr]_v1_[0-9a-f]{64}(?!\w)"),
    ((b"glsa_",), rb"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}(?!\w)"),
    ((b"shpat_", b"shpca_", b"shppa_", b"shpss_"), rb"shp(?:at|ca|pa|ss)_[0-9a-f]{32}(?!\w)"),
    ((b"rubygems_",), rb"rubygems_[0-9a-f]{48}(?!\w)"),
    ((b"lin_api_",), rb"lin_api_[A-Za-z0-9]{40}(?!\w)"),
    ((b"AccountKey=",), rb"AccountKey=[A-Za-z0-9+/]{86}=="),
    ((b"/api/webhooks/",), rb"discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{68}(?![\w-])"),
    (
        (b"AKIA", b"ASIA"),
        rb"A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])[\s\S]{0,200}?" + _SECRET_OF_AWS,
    ),
)
"""Tokens of PyPI, GitHub and npm, GitLab, Slack, Stripe, Anthropic, OpenAI, Hugging Face, Docker, SendGrid, Telegram,
DigitalOcean, Grafana, Shopify, RubyGems, Linear, Azure Storage, Discord; and AWS keys with the secret next to them."""
_TOKENS = tuple((marks, re.compile(rb"(?<![\w-])(?:%s)" % form)) for marks, form in _FORMS)
# Google recommends restricting such keys by application, since apps must contain them.
_PUBLIC = re.compile(rb"(?<![\w-])AIza[\w-]{35}(?![\w-])")
# From documentation, and the well-known key of the emulator of Azure Storage.
_KNOWN = (b"EXAMPLE", b"Eby8vdM02xNOcqFl", b"110201543:", b"4839574812:")
_ENDING = 20
"""Characters at the end of a token that are random in all of these formats."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Suspect:
    """A file of a wheel or sdist that is a secret, or looks like one.

    Attributes:
        name: Its name in the archive.
        named: Whether its name is typical of secrets.
        holds: ``PRIVATE_KEY``, ``API_TOKEN`` or ``PUBLIC_API_KEY``; None for neither.
        objects: The IDs that git would give it.
    """

    name: str
    named: bool
    holds: str | None
    objects: frozenset[str]


def examine(name: str, content: bytes) -> Suspect | None:
    """Look at a file; return None if nothing about it looks like a secret.

    Args:
        name: Its name in the archive.
        content: Its content, or the beginning of it.
    """
    last = name.rpartition("/")[2]
    tells = last.endswith(_TELLING) or last in _GENERATED
    holds = None
    if len(content) <= MOST and _holds_key(content, telling=tells, module=last.endswith(_MODULE)):
        holds = PRIVATE_KEY
    elif _holds_token(content):
        holds = API_TOKEN
    elif b"AIza" in content and any(_is_varied(match[0]) for match in _PUBLIC.finditer(content)):
        holds = PUBLIC_API_KEY
    named = last in _NAMES
    return Suspect(name, named, holds, frozenset(_objects(content))) if named or holds else None


def read(stream: IO[bytes], name: str, size: int) -> bytes:
    """Read as much of a file as is worth searching: large files only if they are text.

    Args:
        stream: The file.
        name: Its name in the archive.
        size: How large it claims to be.
    """
    if size <= MOST or name.rpartition("/")[2] in _NAMES:
        return stream.read(MOST)
    if size > MOST_TEXT:
        return b""
    beginning = stream.read(_BEGINNING)
    return beginning if b"\0" in beginning else beginning + stream.read(MOST_TEXT - len(beginning))


def _holds_key(content: bytes, *, telling: bool, module: bool) -> bool:
    if module:
        return b"-----BEGIN " in content and _holds_whole_key(content)
    return not telling and _KEY.search(content) is not None


def _holds_whole_key(content: bytes) -> bool:
    """Whether a module contains a usable key that is not an example in a docstring."""
    keys = [match for match in _WHOLE_KEY.finditer(content) if _is_key(match[1])]
    if not keys:
        return False
    try:
        tree = documents.python(content.decode())
    except (documents.UnreadableError, UnicodeDecodeError):
        return True
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    told = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    return len(keys) > sum(text.count("-----END ") for text in told)


def _is_key(body: bytes) -> bool:
    """Whether the text between the first and last line of a key decodes to a key."""
    bare = re.sub(rb"(?<![A-Za-z0-9+/])b(?=[\"'])", b"", body)  # prefixes of bytes literals
    text = re.sub(rb"\\[nr]|[\s\"'\\,()]", b"", bare)
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return key.startswith(_OPENSSH) or _der_length(key) == len(key)


def _der_length(key: bytes) -> int:
    """Return the length that a key's DER header gives (X.690, 8.1.3); 0 without one."""
    if len(key) < 2 or key[0] != _SEQUENCE:  # noqa: PLR2004 - its kind and its length
        return 0
    count = key[1] & 0x7F
    return 2 + key[1] if key[1] < 0x80 else 2 + count + int.from_bytes(key[2 : 2 + count])  # noqa: PLR2004


def _holds_token(content: bytes) -> bool:
    return any(
        _is_issued(match)
        for marks, form in _TOKENS
        if any(mark in content for mark in marks)
        for match in form.finditer(content)
    )


def _is_issued(token: re.Match[bytes]) -> bool:
    """Whether a token may be real; placeholders repeat a few characters."""
    if not _is_varied(token[0]) or any(known in token[0] for known in _KNOWN):
        return False
    parts = token.groupdict()
    return "sum" not in parts or _sums_up(parts["body"], parts["sum"])


def _is_varied(token: bytes) -> bool:
    return len(set(token[-_ENDING:])) >= _ENDING // 2


def _sums_up(body: bytes, checksum: bytes) -> bool:
    """Whether a token of GitHub or npm has a valid checksum: it ends with the CRC-32 of the rest, in base 62.

    https://github.blog/engineering/behind-githubs-new-authentication-token-formats/ describes it.
    """
    left, digits = zlib.crc32(body), ""
    while left:
        left, digit = divmod(left, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(len(checksum), _DIGITS[0]) == checksum.decode()


def _objects(content: bytes) -> Iterator[str]:
    """Yield the IDs of a file in git, in repositories of either kind, and with the line breaks that git may keep."""
    for text in {content, content.replace(b"\r\n", b"\n")}:
        for algorithm in (hashlib.sha1, hashlib.sha256):
            yield algorithm(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()
