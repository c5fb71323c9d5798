"""The templates of the files that a CI obeys, and how they are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources

import yaml

_PLACE = re.compile(r"^(?P<indent> *)@(?P<block>[A-Z_]+)@\n|@(?P<inline>[A-Z_]+)@", re.MULTILINE)
_PLAIN = re.compile(r"\.?[A-Za-z][\w./-]*", re.ASCII)


@cache
def template(name: str) -> str:
    """Return the text of a template."""
    return (resources.files("nox_ship") / "templates" / name).read_text(encoding="utf-8")


def filled(text: str, values: Mapping[str, str]) -> str:
    """Fill a template's places in, in one pass: a value may look like a place.

    A place on a line of its own takes lines, each indented as the place is; it leaves no line where there are none.
    """

    def fill(match: re.Match[str]) -> str:
        if match["inline"]:
            return values[match["inline"]]
        return "".join(f"{match['indent']}{line}".rstrip() + "\n" for line in values[match["block"]].splitlines())

    return re.sub(r"\n{3,}", "\n\n", _PLACE.sub(fill, text)).rstrip() + "\n"


def quoted(text: str) -> str:
    """Return a text as YAML that is that text and nothing else: not a number, a truth value or a list."""
    return "'" + text.replace("'", "''") + "'"


@lru_cache(maxsize=1024)  # each workflow has the same ones
def scalar(text: str) -> str:
    """Return a text as YAML, plain where it can be."""
    return text if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text else quoted(text)
