"""Addresses: which may be asked, and how they are shown."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_PLAIN = re.compile(r"[!-\[\]-~]+")  # printable ASCII without space and backslash, which parsers read differently
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# User and password: of a web address both go, because tokens stand in the place of either; a user alone, as in
# ssh://git@host, is no secret elsewhere. Passwords hold quotes, and anything may stand before an address.
_WEB_USER = re.compile(r"(?P<scheme>https?://)[^\s/?#]*@", re.IGNORECASE)
_PASSWORD = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,30}://)[^\s/?#@:]*:[^\s/?#]+@", re.IGNORECASE)


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_safe(url: str) -> bool:
    """Whether an address can be asked: ``https``, or ``http`` on this machine, with no user name or password in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not _PLAIN.fullmatch(url) or "@" in parts.netloc or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def uncoloured(text: str) -> str:
    """Return ``text`` without the colours of a terminal, which can stand in the middle of an address."""
    return _COLOUR.sub("", text)


def holds_password(text: str) -> bool:
    """Whether a text holds an address with a password, or with a token in the place of its user."""
    return without_passwords(text) != text


def without_passwords(text: str, instead: str = "***@") -> str:
    """Return ``text`` with ``instead`` in the place of each user and password in an address."""
    if "@" not in text:  # which is behind each of them
        return text
    text = _WEB_USER.sub(rf"\g<scheme>{instead}", text)
    return _PASSWORD.sub(rf"\g<scheme>{instead}", text)
