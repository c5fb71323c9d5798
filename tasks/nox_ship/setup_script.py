"""What ``setup.py`` hands to setuptools, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from nox_ship import documents

_MODULES = ("setuptools", "distutils.core", "numpy.distutils.core", "skbuild")


@dataclass(frozen=True)
class Written:
    """A text in a Python file, and where its characters are."""

    value: str
    start: int
    end: int


def setup_argument(text: str, name: str) -> Written | None:
    """Return the text that the call to ``setup`` is given as ``name``.

    It stands in the call, or in a variable that is assigned once. None where it is anything else, where two
    calls differ, or where the file is no Python of ours.
    """
    found = [_written(text, value) for value in _given(text, name)]
    return found[0] if found and len({one and one.value for one in found}) == 1 else None


def setup_expression(text: str, name: str) -> ast.expr | None:
    """Return the expression that the one call to ``setup`` is given as ``name``; see :func:`setup_argument`."""
    found = _given(text, name)
    return found[0] if len(found) == 1 else None


def setup_list(text: str, name: str) -> tuple[str, ...]:
    """Return the texts in the list that the one call to ``setup`` is given as ``name``."""
    listed = setup_expression(text, name)
    items = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
    values = (item.value for item in items if isinstance(item, ast.Constant))
    return tuple(value for value in values if isinstance(value, str))


def _given(text: str, name: str) -> list[ast.expr]:
    try:
        tree = documents.python(text)
    except documents.UnreadableError:
        return []
    names = set(_names(tree))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and documents.dotted(node.func) in names]
    return [_constant(tree, value) for call in calls for key, value in _arguments(tree, call) if key == name]


def _names(tree: ast.Module) -> Iterator[str]:
    """Yield what the function is called in the file."""
    yield from ("setup", "setuptools.setup")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"{alias.asname or alias.name}.setup" for alias in node.names if alias.name in _MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            yield from (alias.asname or alias.name for alias in node.names if alias.name == "setup")


def _arguments(tree: ast.Module, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Yield what a call is given by name, also by ``**`` and a dictionary that stands in the file."""
    for word in call.keywords:
        if word.arg is not None:
            yield word.arg, word.value
            continue
        value = _constant(tree, word.value)
        if isinstance(value, ast.Dict):
            keys = (key.value if isinstance(key, ast.Constant) else None for key in value.keys)
            yield from ((key, one) for key, one in zip(keys, value.values, strict=True) if isinstance(key, str))
        elif isinstance(value, ast.Call) and documents.dotted(value.func) == "dict":
            yield from ((inner.arg, inner.value) for inner in value.keywords if inner.arg is not None)


def _constant(tree: ast.Module, value: ast.expr) -> ast.expr:
    """Return what a name stands for where the file assigns to it once; else the expression itself."""
    if not isinstance(value, ast.Name):
        return value
    stored = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    if sum(node.id == value.id for node in stored) != 1:
        return value
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(documents.dotted(target) == value.id for target in targets):
                return node.value
    return value


def _written(text: str, node: ast.expr) -> Written | None:
    """Return a text and its place; None for what is no text, or does not stand there as it is."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not node.value.strip():
        return None
    lines = text.split("\n")
    if node.end_lineno != node.lineno or node.end_col_offset is None:
        return None
    line = lines[node.lineno - 1].encode()
    before = sum(len(one) + 1 for one in lines[: node.lineno - 1]) + len(line[: node.col_offset].decode())
    literal = line[node.col_offset : node.end_col_offset].decode()
    inner = literal.find(node.value)
    start = before + inner
    return Written(node.value, start, start + len(node.value)) if inner > 0 else None
