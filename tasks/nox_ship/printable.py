"""Making text from others safe to show."""

from __future__ import annotations

import re
import unicodedata

from nox_ship import naming
from nox_ship.addresses import uncoloured, without_passwords

_COMMAND = re.compile(r"^([^\S\n]*):(?=:[^\n]*::)", re.MULTILINE)
_OLD_COMMAND = re.compile(r"#(?=#\w*\[)")


def printable(text: str, *, lines: bool = True) -> str:
    """Return ``text`` without anything that a terminal or a runner would obey, and with the names of our sessions.

    Colours are removed. Other control characters, and those that reverse the direction of text, are shown as numbers;
    a space is inserted into commands for GitHub's or Azure's runner.

    Args:
        text: Output of a tool, a name, or anything else that a project can choose.
        lines: Whether it may have several lines.
    """
    shown = "".join(
        char if (lines and char in "\n\t") or unicodedata.category(char) not in _CONTROLS else _numbered(char)
        for char in naming.spoken(without_passwords(uncoloured(text)))
    )
    return _OLD_COMMAND.sub("# ", _COMMAND.sub(r"\1: ", shown))


_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories: control, format (such as bidirectional overrides), surrogates, line separators."""


def _numbered(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
