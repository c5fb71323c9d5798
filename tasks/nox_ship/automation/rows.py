"""The rows of a job's matrix, and the expressions of a workflow that they fill in.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix has the
rules.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from nox_ship.automation.github import listing, mapping

MatrixRow = dict[str, str]
"""The values of one row by their lower-case names in expressions, such as ``matrix.python``."""

_MOST = 256
"""The most rows of a matrix, as on GitHub, and values of one of them."""
_OTHERS = ("include", "exclude")
"""Keys of a matrix that are not axes."""
_INDEX = re.compile(r"\[\s*(?:'([\w.-]+)'|(\d{1,4}))\s*\]")
_PLACE = re.compile(
    r"\$\{\{\s*(?P<name>[\w.-]+(?:\[\s*(?:'[\w.-]+'|\d{1,4})\s*\][\w.-]*)*)(?:\s*\|\|\s*'(?P<default>[^']*)')?\s*\}\}"
)
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)


def rows(matrix: object) -> list[MatrixRow]:
    """Return the rows of a matrix; one without values if they are unknown."""
    table = mapping(matrix)
    axes = {
        f"matrix.{key}".lower(): [_flat({key: value}) for value in values[:_MOST]]
        for key, values in table.items()
        if isinstance(values, list) and key not in _OTHERS and values
    }
    excluded = _items(table.get("exclude"))
    found: list[MatrixRow] = []
    for choice in itertools.islice(itertools.product(*axes.values()), _MOST if axes else 0):
        row = {name: value for part in choice for name, value in part.items()}
        if not any(item.items() <= row.items() for item in excluded if item):
            found.append(row)
    alone: list[MatrixRow] = []
    for item in _items(table.get("include")):
        # An item's other values are added to every row that it matches; without one, it is a row of its own.
        told = {name: value for name, value in item.items() if any(f"{name}.".startswith(f"{axis}.") for axis in axes)}
        fitting = [row for row in found if told.items() <= row.items()]
        alone += [] if fitting else [item]
        for row in fitting:
            row.update(item)
    return [*found, *alone][:_MOST] or [{}]


def _items(value: object) -> list[MatrixRow]:
    return [_flat(item) for item in listing(value)[:_MOST] if isinstance(item, Mapping)]


def _flat(table: Mapping[Any, Any]) -> MatrixRow:
    """Return the strings in a table by name; an item of a list is named by its number."""
    found: MatrixRow = {}
    waiting: list[tuple[str, object]] = [("matrix", table)]
    for _ in range(_MOST):
        if not waiting:
            break
        name, value = waiting.pop(0)
        if isinstance(value, Mapping | list):
            pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting += [(f"{name}.{key}".lower(), inner) for key, inner in itertools.islice(pairs, _MOST)]
        else:
            found[name] = str(value)
    return found


def plain(name: str) -> str:
    """Return a value's name as in rows: ``Matrix.config[1]`` is ``matrix.config.1``."""
    return _INDEX.sub(lambda match: f".{match[1] or match[2]}", name).lower()


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with each ``${{ }}`` filled in that has a known value.

    A value of the matrix that a row does not have is empty, or the default after ``||``.
    """

    def fill(match: re.Match[str]) -> str:
        name, default = plain(match["name"]), match["default"]
        if value := values.get(name):
            return value
        if default is not None and (name in values or name.startswith("matrix.")):
            return default
        return values.get(name, match[0])

    return _PLACE.sub(fill, text)


def expanded(text: str, values: Mapping[str, str]) -> str:
    """Return a text with each ``${{ }}`` filled in; unknown values are removed."""
    return _EXPRESSION.sub("", filled(text, values))
