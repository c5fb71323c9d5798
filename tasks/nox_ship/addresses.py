"""Addresses: which ones may be requested, and how they are displayed."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_PLAIN = re.compile(r"[!-\[\]-~]+")  # printable ASCII without space and backslash, which parsers treat differently
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# User and password. In web addresses both are removed, because a token may be either; a user alone, as in
# ssh://git@host, is not secret elsewhere. Passwords may contain quotes, and anything may come before an address.
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
    """Whether an address may be requested: ``https``, or ``http`` on this machine, without user name or password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not _PLAIN.fullmatch(url) or "@" in parts.netloc or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def uncoloured(text: str) -> str:
    """Return ``text`` without terminal colours, which can occur within an address."""
    return _COLOUR.sub("", text)


def holds_password(text: str) -> bool:
    """Whether a text contains an address with a password, or with a token as its user."""
    return without_passwords(text) != text


def without_passwords(text: str, instead: str = "***@") -> str:
    """Return ``text`` with ``instead`` replacing each user and password in an address."""
    if "@" not in text:  # it follows each of them
        return text
    text = _WEB_USER.sub(rf"\g<scheme>{instead}", text)
    return _PASSWORD.sub(rf"\g<scheme>{instead}", text)
