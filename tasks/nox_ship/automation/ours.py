"""Files that `nox-ship init` wrote into a project, which its linters need not check."""

from __future__ import annotations

import ast

from nox_ship import documents
from nox_ship.automation.github import FOLDER, OURS
from nox_ship.errors import ShipError
from nox_ship.project import Project

NOXFILE = "noxfile.py"
_LOCKS = (".github/nox-ship.txt", ".gitlab/nox-ship.txt")
_PIPELINE = ".gitlab-ci.yml"
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def is_ours(project: Project, name: str) -> bool:
    """Whether nox-ship wrote a file: a workflow, its lock, or a noxfile that does nothing but register our sessions.

    Args:
        project: The project.
        name: The file's path, relative to the project's folder.
    """
    if name != NOXFILE and name not in _LOCKS and name != _PIPELINE and not name.startswith(f"{FOLDER}/"):
        return False
    try:
        text = project.read_text(name)
    except ShipError:  # reported by whoever needs the file
        return False
    return _only_registers(text) if name == NOXFILE else text.startswith(OURS)


def _only_registers(text: str) -> bool:
    try:
        tree = documents.python(text)
    except documents.UnreadableError:
        return False
    nodes = list(ast.walk(tree))
    called = {documents.dotted(node.func) for node in nodes if isinstance(node, ast.Call)}
    return "nox_ship.register" in called and not any(isinstance(node, _DEFINITION) for node in nodes)
