"""The ``[build-system]`` for a project with only setup.py or setup.cfg: it is built as before.

PEP 517: if ``pyproject.toml`` has no ``build-backend``, setup.py may import from its own folder as it always could;
with ``setuptools.build_meta`` it may not.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from nox_ship import documents
from nox_ship.project import Project
from nox_ship.settings import read_settings
from nox_ship.setup_script import setup_list

_SETUPTOOLS = "setuptools>=64"
"""The first setuptools with editable installs (PEP 660), which the sessions use."""
_LAST_WITH_PKG_RESOURCES = "<82"
_BROUGHT_ALONG = {*sys.stdlib_module_names, "setuptools", "distutils", "pkg_resources"}
_DYNAMIC = ("__import__", "import_module", "importlib.import_module")


def is_old_style(root: Path) -> bool:
    """Whether a project has no pyproject.toml, but setuptools can build it from setup.py or setup.cfg."""
    if os.path.lexists(root / "pyproject.toml"):
        return False
    return (root / "setup.py").is_file() or "[metadata]" in documents.read_text(root / "setup.cfg").splitlines()


def read_project(root: Path) -> Project:
    """Read a project; one with only setup.py or setup.cfg is read as if it had its future pyproject.toml.

    Raises:
        ShipError: It is not a project (NS111, NS112), or its settings are wrong (NS101, NS102, NS703).
    """
    if not is_old_style(root):
        return Project.read(root)
    pyproject = documents.toml(build_system(root))
    return Project(root, pyproject, read_settings(pyproject))


def build_system(root: Path) -> str:
    """Return a pyproject.toml for a project with only setup.py or setup.cfg.

    The requirements in ``setup_requires`` are kept. ``build-backend`` is omitted if setup.py imports from its own
    folder, or may do so.

    Raises:
        ShipError: setup.py or setup.cfg cannot be read (NS312).
    """
    imported = _imported(root)
    setuptools = _SETUPTOOLS
    if imported is not None and "pkg_resources" in imported:
        setuptools += f",{_LAST_WITH_PKG_RESOURCES}"
    listed = ", ".join(_quoted(line) for line in dict.fromkeys((setuptools, *_setup_requires(root))))
    own = imported is None or any(_lies_in(root, name) for name in imported)
    backend = (
        "# without a build-backend, setup.py may import from its own folder (PEP 517)"
        if own
        else 'build-backend = "setuptools.build_meta"'
    )
    return f"[build-system]\nrequires = [{listed}]\n{backend}\n"


def unnamed_imports(root: Path) -> tuple[str, ...]:
    """Return the modules that setup.py imports but nothing in ``requires`` seems to provide.

    Raises:
        ShipError: setup.py or setup.cfg cannot be read (NS312).
    """
    known = {canonicalize_name(Requirement(line).name) for line in _setup_requires(root)}
    others = (_imported(root) or set()) - _BROUGHT_ALONG
    return tuple(sorted(name for name in others if canonicalize_name(name) not in known and not _lies_in(root, name)))


def _imported(root: Path) -> set[str] | None:
    """Return the top-level names of the modules that setup.py imports; None if they cannot be determined."""
    try:
        tree = documents.python(documents.read_text(root / "setup.py"))
    except documents.UnreadableError:
        return None
    if any(isinstance(node, ast.Call) and documents.dotted(node.func) in _DYNAMIC for node in ast.walk(tree)):
        return None
    return set(_modules(tree))


def _modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _lies_in(root: Path, module: str) -> bool:
    return documents.is_folder(root / module) or documents.is_file(root / f"{module}.py")


def _setup_requires(root: Path) -> Iterator[str]:
    """Yield the requirements in ``setup_requires`` of setup.py or setup.cfg."""
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(documents.read_text(root / "setup.cfg"))
        lines = parser.get("options", "setup_requires", fallback="").splitlines()
    except configparser.Error:
        lines = []
    for line in (*setup_list(documents.read_text(root / "setup.py"), "setup_requires"), *lines):
        try:
            yield str(Requirement(line.strip()))
        except InvalidRequirement:
            continue


def _quoted(text: str) -> str:
    """Return a string as TOML; requirements may contain quotes in their markers."""
    import tomlkit

    return tomlkit.string(text, literal='"' in text and "'" not in text).as_string()
