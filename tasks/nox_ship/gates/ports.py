"""Whether a project's tests listen on a fixed port, so that two runs cannot happen at the same time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nox_ship import documents
from nox_ship.errors import ShipError
from nox_ship.project import Project

_LISTENING = {
    *("bind", "create_server", "make_server", "run_simple", "serve", "start_server", "WSGIServer"),
    *("HTTPServer", "TCPServer", "ThreadingHTTPServer", "ThreadingTCPServer", "ThreadingUDPServer", "UDPServer"),
}
"""The last part of names of functions and classes that receive an address to listen on."""
_USUAL = {"uvicorn.Config", "uvicorn.run", "uvicorn.config.Config"}
"""Those that listen on a fixed port by default."""
_SIGN = re.compile(rf"\b(?:{'|'.join(sorted(_LISTENING))})\(|\buvicorn\b")
_NUMBER = re.compile(r"\b[1-9]\d{3,4}\b|\buvicorn\b")
_PORTS = range(1024, 1 << 16)


def fixed_port(project: Project) -> str | None:
    """Return the first test file that listens on a fixed port, relative to the project's folder; or None."""
    for place in project.test_paths:
        path = project.root / place
        for file in [path] if documents.is_file(path) else sorted(documents.found(path, "**/*.py")):
            name = file.relative_to(project.root).as_posix()
            if _listens(project, name):
                return name
    return None


def _listens(project: Project, name: str) -> bool:
    try:
        text = project.read_text(name)
        tree = documents.python(text) if _NUMBER.search(text) and _SIGN.search(text) else ast.Module([], [])
    except (ShipError, documents.UnreadableError):  # pytest reports it
        return False
    imported, numbers = dict(_imports(tree)), dict(_numbers(tree))
    return any(_is_fixed(node, imported, numbers) for node in ast.walk(tree) if isinstance(node, ast.Call))


def _is_fixed(call: ast.Call, imported: dict[str, str], numbers: dict[str, object]) -> bool:
    first, _, rest = documents.dotted(call.func).partition(".")
    called = f"{imported.get(first, first)}{f'.{rest}' if rest else ''}"
    last = call.func.attr if isinstance(call.func, ast.Attribute) else called.rpartition(".")[2]
    if called in _USUAL and not any(word.arg in ("port", "fd", "uds") for word in call.keywords):
        return True
    if last not in _LISTENING and called not in _USUAL:
        return False
    given = [inner for value in (*call.args, *(word.value for word in call.keywords)) for inner in ast.walk(value)]
    values = (numbers.get(one.id) if isinstance(one, ast.Name) else getattr(one, "value", None) for one in given)
    return any(isinstance(value, int) and value in _PORTS for value in values)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each imported name, and its origin."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _numbers(tree: ast.Module) -> Iterator[tuple[str, object]]:
    """Yield the names that the file assigns numbers to."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))
