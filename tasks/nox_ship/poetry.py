"""Poetry's version constraints as PEP 440 specifiers."""

from __future__ import annotations

import re

_CARET = re.compile(r"\^(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?!\d).*$")
_TILDE = re.compile(r"~(\d{1,9})(?:\.(\d{1,9}))?(?:\.\d{1,9})?$")
_OPERATOR = re.compile(r"(\^|~=|~(?!=)|[<>=!]=?)\s+")


def poetry_specifier(constraint: str) -> str:
    """Return one of Poetry's version constraints as a version specifier (PEP 440).

    https://python-poetry.org/docs/dependency-specification/ gives the rules for ``^``, ``~`` and ``*``. Of
    alternatives (``||``), which PEP 440 does not have, the last one is used.
    """
    newest = _OPERATOR.sub(r"\1", constraint.rsplit("||", maxsplit=1)[-1])
    clauses = (part for part in re.split(r"[,\s]+", newest.strip()) if part)
    return ",".join(filter(None, map(_clause, clauses)))


def _clause(clause: str) -> str:
    if clause == "*":
        return ""
    if match := _CARET.match(clause):
        parts = [int(part) for part in match.groups() if part is not None]
        first = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
        return f">={clause[1:]},<{'.'.join(map(str, [*parts[:first], parts[first] + 1]))}"
    if match := _TILDE.match(clause):
        upper = f"{match[1]}.{int(match[2]) + 1}" if match[2] else str(int(match[1]) + 1)
        return f">={clause[1:]},<{upper}"
    return clause if clause[0] in "<>=!~" else f"=={clause}"
