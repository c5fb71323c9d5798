"""What must not be in a distribution by mistake: private keys, API tokens, and files that are named as secrets are."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PRIVATE_KEY, API_TOKEN = "a private key", "an API token"
"""What a file can hold, in words."""
MOST = 64 * 1024
"""Bytes of the largest file that is looked into: no key and no file of credentials is as large."""

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
# Programs and texts that tell of keys quote them.
_TELLING = (".py", ".pyi", ".md", ".rst")
_GENERATED = ("PKG-INFO", "METADATA")
# A key that goes on behind its first line, also in a string of JSON or indented; not the words that announce one alone.
_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[ \t]*(?:\r?\n|\\n)"
    rb"(?:[\w-]{1,30}: [^\n\\]{0,99}(?:\n|\\n))*(?:\\n|\s)*[A-Za-z0-9+/]{32}"
)
# Forms in which PyPI, GitHub, GitLab, npm, Slack, Stripe, Anthropic, Hugging Face, Docker and SendGrid issue tokens, at
# their full length, which examples seldom have.
_MARKS = (
    *(b"pypi-AgE", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"npm_", b"xox"),
    *(b"k_live_", b"sk-ant-", b"hf_", b"dckr_pat_", b"SG."),
)
_TOKEN = re.compile(
    rb"(?<![\w-])(?:pypi-AgE[\w-]{100,}|(?:gh[pousr]|npm)_(?P<body>[A-Za-z0-9]{30})(?P<sum>[A-Za-z0-9]{6})(?!\w)"
    rb"|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|glpat-[\w-]{20}(?![\w-])|xox[abprs]-\d{10,13}-[\w-]{24,}"
    rb"|[sr]k_live_[A-Za-z0-9]{24,}|sk-ant-[\w-]{80,}|hf_[A-Za-z]{34}(?!\w)|dckr_pat_[\w-]{27}(?![\w-])"
    rb"|SG\.[\w-]{22}\.[\w-]{43}(?![\w-]))"
)
_ENDING = 20
"""Characters at the end of a token that are random in any of these forms."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Suspect:
    """A file of a wheel or sdist that is a secret, or looks like one.

    Attributes:
        name: Its name in the archive.
        named: It is named as files of secrets are.
        holds: ``PRIVATE_KEY`` or ``API_TOKEN``; None for neither.
        objects: The IDs that git would give it.
    """

    name: str
    named: bool
    holds: str | None
    objects: frozenset[str]


def examine(name: str, content: bytes) -> Suspect | None:
    """Look at a file; return None where nothing about it looks like a secret.

    Args:
        name: Its name in the archive.
        content: What it holds, or the beginning of it.
    """
    last = name.rpartition("/")[2]
    tells = last.endswith(_TELLING) or last in _GENERATED
    holds = None
    if not tells and _KEY.search(content):
        holds = PRIVATE_KEY
    elif _holds_token(content):
        holds = API_TOKEN
    named = last in _NAMES
    return Suspect(name, named, holds, frozenset(_objects(content))) if named or holds else None


def is_read(name: str, size: int) -> bool:
    """Whether it is worth to look into a file."""
    return size <= MOST or name.rpartition("/")[2] in _NAMES


def _holds_token(content: bytes) -> bool:
    if not any(mark in content for mark in _MARKS):
        return False
    return any(_is_issued(match) for match in _TOKEN.finditer(content))


def _is_issued(token: re.Match[bytes]) -> bool:
    """Whether a token may work; placeholders repeat a few characters."""
    varied = len(set(token[0][-_ENDING:])) >= _ENDING // 2
    return varied and (token["sum"] is None or _sums_up(token["body"], token["sum"]))


def _sums_up(body: bytes, checksum: bytes) -> bool:
    """Whether a token of GitHub or npm is one that they issue: it ends with the CRC-32 of the rest, in base 62.

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
