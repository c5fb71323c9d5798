"""The arguments of ``setup()`` in ``setup.py``, read without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nox_ship import documents

_MODULES = ("setuptools", "distutils.core", "numpy.distutils.core", "skbuild")
_ASSIGNMENT = re.compile(
    r"""^(?:(?P<annotated>\w++)[ \t]*+:[^=\n]*+=[ \t]*+|(?P<names>(?:\w++[ \t]*+=[ \t]*+)+))"""
    r"""(["'])(?P<value>[^"'\n]+)\3""",
    re.MULTILINE,
)
_SOURCE_ROOTS = ("", "src", "lib")
_READ = (".py", ".txt", "")
"""The endings of files from which setup.py may read a value."""


@dataclass(frozen=True)
class Written:
    """A string in a Python file, and the position of its characters."""

    value: str
    start: int
    end: int


def setup_argument(text: str, name: str) -> Written | None:
    """Return the string argument ``name`` of the call to ``setup``.

    It is in the call, or in a variable that is assigned once. None if it is anything else, if two calls differ, or if
    the file is not valid Python.
    """
    found = [_written(text, value) for value in _given(text, name)]
    return found[0] if found and len({one and one.value for one in found}) == 1 else None


def setup_expression(text: str, name: str) -> ast.expr | None:
    """Return the expression of the argument ``name`` of the one call to ``setup``; see :func:`setup_argument`."""
    found = _given(text, name)
    return found[0] if len(found) == 1 else None


def setup_list(text: str, name: str) -> tuple[str, ...]:
    """Return the strings in the list argument ``name`` of the one call to ``setup``."""
    listed = setup_expression(text, name)
    items = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
    values = (item.value for item in items if isinstance(item, ast.Constant))
    return tuple(value for value in values if isinstance(value, str))


def assigned(text: str, name: str) -> Written | None:
    """Return the string that a Python file assigns to ``name`` at top level, possibly along with other names."""
    for match in _ASSIGNMENT.finditer(text):
        if name in re.split(r"[ \t]*=[ \t]*", match["names"] or match["annotated"]):
            return Written(match["value"], *match.span("value"))
    return None


@dataclass(frozen=True)
class Elsewhere:
    """The origin of a value that ``setup.py`` passes on but does not state itself."""

    names: tuple[str, ...]
    """The possible names of the value there, as far as setup.py shows them."""
    files: tuple[str, ...]
    """Existing files, relative to the project's folder, in the order in which to search them."""


def elsewhere(root: Path, name: str) -> Elsewhere | None:
    """Return the origin of the argument ``name`` of the one call to ``setup``, if it is given by an expression.

    That is the module from which it is imported, as in ``version=six.__version__``, or else a file that setup.py names
    to execute or search it: ``about["__version__"]``, ``find_version("src", "pkg", "__init__.py")``.

    Args:
        root: The project's folder.
        name: The argument.
    """
    text = documents.read_text(root / "setup.py")
    value = setup_expression(text, name)
    if value is None:
        return None
    tree = documents.python(text)
    names, module = _origin(tree, value)
    files = [path for path in (*_of_module(module), *_named_files(tree)) if _is_read(root, path)]
    return Elsewhere(names, tuple(dict.fromkeys(files)))


def _origin(tree: ast.Module, value: ast.expr) -> tuple[tuple[str, ...], str]:
    """Return the possible names of a value in its origin, and the module from which it is imported, if any."""
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
        key = str(value.slice.value)
        return (key, f"__{key}__"), ""
    first, _, attribute = documents.dotted(value).rpartition(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                called = alias.asname or alias.name
                if called == attribute and not first:
                    return (alias.name,), node.module
                if called == first:
                    return (attribute,), f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if first and first == (alias.asname or alias.name):
                    return (attribute,), alias.name
    return ((attribute,) if attribute else ()), ""


def _of_module(module: str) -> Iterator[str]:
    inner = module.replace(".", "/")
    for base in _SOURCE_ROOTS if module else ():
        yield from (PurePosixPath(base, f"{inner}.py").as_posix(), PurePosixPath(base, inner, "__init__.py").as_posix())


def _named_files(tree: ast.Module) -> Iterator[str]:
    """Yield possible file names: strings in the script, and those that a call or ``/`` joins."""
    texts = _texts(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Call):
            yield "/".join(filter(None, map(texts, node.args)))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield "/".join(filter(None, map(texts, _divided(node))))


def _divided(node: ast.expr) -> Iterator[ast.expr]:
    parts = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts.append(node.right)
        node = node.left
    yield from (*(node.args if isinstance(node, ast.Call) else [node]), *reversed(parts))


def _texts(tree: ast.Module) -> Callable[[ast.expr], str | None]:
    """Return the string node that an expression stands for, also through a name; None for others."""
    texts = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def text(node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return texts.get(node.id)
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None

    return text


def _is_read(root: Path, name: str) -> bool:
    path = PurePosixPath(name)
    if not name or "\0" in name or path.is_absolute() or ".." in path.parts or path.suffix not in _READ:
        return False
    return path.name != "setup.py" and documents.is_file(root / path)


def _given(text: str, name: str) -> list[ast.expr]:
    try:
        tree = documents.python(text)
    except documents.UnreadableError:
        return []
    names = set(_names(tree))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and documents.dotted(node.func) in names]
    return [_constant(tree, value) for call in calls for key, value in _arguments(tree, call) if key == name]


def _names(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the function in the file."""
    yield from ("setup", "setuptools.setup")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"{alias.asname or alias.name}.setup" for alias in node.names if alias.name in _MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            yield from (alias.asname or alias.name for alias in node.names if alias.name == "setup")


def _arguments(tree: ast.Module, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Yield a call's keyword arguments, including those in ``**`` with a dictionary in the file."""
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
    """Return the value of a name that the file assigns once; else the expression itself."""
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
    """Return a string and its position; None if it is not one, or not a literal."""
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
