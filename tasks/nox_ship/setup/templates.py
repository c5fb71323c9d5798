"""The templates of the CI files, and how they are filled in."""

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
    """Fill in a template's placeholders in one pass, since a value may look like a placeholder.

    A placeholder on a line of its own takes several lines, each indented like it; without any, the line is removed.
    """

    def fill(match: re.Match[str]) -> str:
        if match["inline"]:
            return values[match["inline"]]
        return "".join(f"{match['indent']}{line}".rstrip() + "\n" for line in values[match["block"]].splitlines())

    return re.sub(r"\n{3,}", "\n\n", _PLACE.sub(fill, text)).rstrip() + "\n"


def quoted(text: str) -> str:
    """Return a string as YAML that is always a string: not a number, a boolean or a list."""
    return "'" + text.replace("'", "''") + "'"


@lru_cache(maxsize=1024)  # all workflows contain the same ones
def scalar(text: str) -> str:
    """Return a string as YAML, without quotes if possible."""
    return text if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text else quoted(text)
