"""API tokens of PyPI and TestPyPI: what their format shows before they are used.

A token is ``pypi-`` followed by a macaroon in binary format, version 2. It names the index that issued it, and each of
its caveats is a JSON array: ``[0, expires, not_before]``, ``[1, [project, ...]]`` and others. Account-wide tokens have
no caveat with a project. https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt describes the binary format,
``warehouse/macaroons/caveats`` in PyPI's sources the caveats.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from nox_ship.errors import Finding, Kind

MALFORMED_TOKEN = Kind(
    "NS743", "malformed-token", "Copy all of the token again: it starts with `pypi-` and has no spaces or line breaks."
)
TOKEN_OF_OTHER_INDEX = Kind(
    "NS723", "token-of-other-index", "Create a token on the index that you publish to; tokens work on one index only."
)
EXPIRED_TOKEN = Kind("NS722", "expired-token", "Create a new token on the index.")
TOKEN_OF_OTHER_PROJECT = Kind("NS725", "token-of-other-project", "Create a token whose scope is this project.")

_FORM = re.compile(r"pypi-[A-Za-z0-9_-]{16,}={0,2}")
_LOCATION, _IDENTIFIER, _SIGNATURE, _END = 1, 2, 6, 0
_EXPIRATION, _PROJECT_NAMES = 0, 1


@dataclass(frozen=True)
class Token:
    """The content of a token."""

    location: str
    """The host of the index that issued it."""
    projects: tuple[str, ...] | None = None
    """The projects that it is for; None if it names none."""
    expires: float | None = None
    """The time it expires, in seconds since the epoch."""

    @classmethod
    def read(cls, text: str) -> Token:
        """Parse a token.

        Raises:
            ValueError: It is not a token.
        """
        if not _FORM.fullmatch(text):
            raise ValueError
        body = text.removeprefix("pypi-").rstrip("=")
        try:
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            fields = list(_fields(raw))
            location = next(value for kind, value in fields if kind == _LOCATION).decode()
        except (binascii.Error, IndexError, StopIteration, UnicodeDecodeError) as error:
            raise ValueError from error
        identifiers = [value for kind, value in fields if kind == _IDENTIFIER]
        token = cls(location)
        for caveat in filter(None, map(_caveat, identifiers[1:])):
            token = token._narrowed(caveat)
        return token

    def _narrowed(self, caveat: list[Any]) -> Token:
        kind, value = caveat[0], caveat[1]
        if kind == _EXPIRATION and isinstance(value, int):
            return replace(self, expires=value)
        if kind == _PROJECT_NAMES and isinstance(value, list):
            return replace(self, projects=tuple(name for name in value if isinstance(name, str)))
        return self


def _fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a macaroon up to its signature, without ends of sections."""
    place = 1
    if raw[0] != 2:  # noqa: PLR2004 - the version of the form
        raise IndexError
    while place < len(raw):
        kind = raw[place]
        place += 1
        if kind == _END:
            continue
        size, place = _number(raw, place)
        if place + size > len(raw):
            raise IndexError
        yield kind, raw[place : place + size]
        if kind == _SIGNATURE:
            return
        place += size
    raise IndexError


def _number(raw: bytes, place: int) -> tuple[int, int]:
    """Return the variable-length number at ``place``, and the place after it."""
    value = shift = 0
    while True:
        byte = raw[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says whether more follows
            return value, place


def _caveat(raw: bytes) -> list[Any] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):  # the format before 2022
        permissions = value.get("permissions")
        projects = permissions.get("projects") if isinstance(permissions, dict) else None
        expires = value.get("exp")
        return [_PROJECT_NAMES, projects] if projects else [_EXPIRATION, expires, value.get("nbf")] if expires else None
    return value if isinstance(value, list) and len(value) > 1 else None


def check_token(text: str, source: str, host: str, project: str) -> Iterator[Finding]:
    """Yield problems of an API token, as far as its format shows them.

    Args:
        text: The token.
        source: Its source, for the findings; the token itself is never shown.
        host: The host of the index that it will be sent to.
        project: The project to upload to.
    """
    try:
        token = Token.read(text)
    except ValueError:
        yield MALFORMED_TOKEN(f"The value from {source} is not an API token.")
        return
    if token.location != host:
        yield TOKEN_OF_OTHER_INDEX(f"The token from {source} was issued by {token.location}, not by {host}.")
    if token.expires is not None and token.expires <= time.time():
        yield EXPIRED_TOKEN(f"The token from {source} has expired.")
    if token.projects is not None and canonicalize_name(project) not in map(canonicalize_name, token.projects):
        yield TOKEN_OF_OTHER_PROJECT(f"The token from {source} is for {', '.join(token.projects)}, not for {project}.")


def index_base(upload_url: str) -> str:
    """Return the base address of PyPI's or TestPyPI's pages, from its upload address ``upload_url``."""
    parts = urlsplit(upload_url)
    return f"{parts.scheme}://{(parts.hostname or '').removeprefix('upload.')}/"


def check_goal(text: str, source: str, upload_url: str) -> Iterator[Finding]:
    """Yield why a secret must not be sent to an address: PyPI's tokens are for PyPI, TestPyPI's for TestPyPI.

    Args:
        text: The secret; it is only checked if it has the format of a token.
        source: Its source.
        upload_url: The address that it would be sent to, whatever the index there is called.
    """
    try:
        issued_by = Token.read(text).location
    except ValueError:
        return
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

    public = {urlsplit(index_base(url)).hostname: url for url in (DEFAULT_REPOSITORY, TEST_REPOSITORY)}
    goal, own = urlsplit(upload_url).hostname, public.get(issued_by)
    if own and urlsplit(own).hostname != goal:
        yield TOKEN_OF_OTHER_INDEX(f"The token from {source} was issued by {issued_by}, so it is not sent to {goal}.")
