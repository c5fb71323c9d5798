from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from twine.utils import DEFAULT_REPOSITORY

import nox_ship
from support import git

HOUSE = Path(nox_ship.__file__).parent
GROUND = {
    "actions",
    "addresses",
    "backends",
    "board",
    "cache",
    "closing",
    "config",
    "conversation",
    "dataclass_schema",
    "documents",
    "errors",
    "files",
    "git",
    "html_tags",
    "json_data",
    "layout",
    "lifeline",
    "output",
    "naming",
    "poetry",
    "printable",
    "process",
    "project",
    "pythons",
    "plain_markdown",
    "report",
    "report_page",
    "report_schema",
    "report_summary",
    "reuse",
    "settings",
    "settings_schema",
    "setup_script",
    "standby",
    "terminal",
    "timeline",
    "tools",
    "undumpable",
    "versions",
}
TESTS = Path(__file__).parent
TEST = re.compile(r"^def (test_\w+)\((?:(?!\):).)*?\) -> None:\n([^\n]*)", re.MULTILINE | re.DOTALL)
"""A test, and the first line of its body."""
BELOW: dict[str, set[str]] = {
    "ground": {"ground"},
    "package": {"ground", "package"},
    "automation": {"ground", "automation"},
    "gates": {"ground", "automation", "gates"},
    "world": {"ground", "package", "gates", "world"},
    "release": {"ground", "package", "automation", "gates", "world", "release"},
    "setup": {"ground", "package", "automation", "gates", "world", "release", "setup"},
    "roof": {"ground", "package", "automation", "gates", "world", "release", "setup", "roof"},
}
"""The layers from which each layer may import."""

KNOW_NOX = ("environments.py", "preloaded.py", "registration.py", "runner.py", "sessions.py")
"""The modules that import nox."""

MODULES = sorted(path.relative_to(HOUSE) for path in HOUSE.rglob("*.py"))


def layer(parts: tuple[str, ...]) -> str:
    """Return the layer of a module, given as its parts below ``nox_ship``."""
    if not parts or parts[0] in {
        "__init__",
        "__main__",
        "cli",
        "command",
        "environments",
        "ahead",
        "asking",
        "front",
        "gathering",
        "history_page",
        "looking",
        "manual",
        "publishing",
        "showing",
        "verifying",
        "worlds",
        "registration",
        "preloaded",
        "runner",
        "sessions",
    }:
        return "roof"
    return "ground" if parts[0] in GROUND else parts[0]


@functools.cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    """Return all nodes in a module's syntax tree."""
    return tuple(ast.walk(ast.parse((HOUSE / module).read_text("utf-8"))))


@functools.cache
def imports(module: Path) -> tuple[str, ...]:
    """Return the full names of everything that a module imports, anywhere in it."""
    return tuple(_imports(module))


def _imports(module: Path) -> Iterator[str]:
    package = ["nox_ship", *module.parent.parts]
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def test_every_module_has_a_layer() -> None:
    """Every module belongs to a layer, and every layer has a module."""
    layers = {layer(module.with_suffix("").parts) for module in MODULES}
    assert layers == set(BELOW)
    assert {f"{name}.py" for name in GROUND} <= {str(module) for module in MODULES}


def test_imports_run_downward() -> None:
    """A module imports only from its own layer and the layers below it."""
    wrong = [
        f"{module} imports {name}"
        for module in MODULES
        for name in imports(module)
        if name.split(".")[0] == "nox_ship"
        and layer(tuple(name.split(".")[1:])) not in BELOW[layer(module.with_suffix("").parts)]
    ]
    assert not wrong


def test_only_the_sessions_import_nox() -> None:
    """Only the modules for sessions import nox, so everything else works without it."""
    knowing = [str(module) for module in MODULES if "nox" in {name.split(".")[0] for name in imports(module)}]
    assert knowing == sorted(KNOW_NOX)


def test_what_runs_in_other_environments_imports_nothing_of_ours() -> None:
    """Scripts that run in other environments do not import nox_ship, as it may not be installed there."""
    for script in ("package/installed.py", "gates/surface.py", "undumpable.py", "world/upload.py"):
        names = set(imports(Path(script)))
        assert names
        assert not {name for name in names if name.startswith("nox_ship")}


def every_test() -> Iterator[tuple[str, str]]:
    """Yield the name of each test and the first line of its body."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, line in TEST.findall(path.read_text("utf-8")):
            yield f"{path.name}::{name}", line


def test_every_test_states_a_behaviour() -> None:
    """Each test has a docstring of one line that ends with a period."""
    tests = dict(every_test())
    assert len(tests) > 1500
    assert not [name for name, line in tests.items() if not re.fullmatch(r'    r?"""[^"].*\."""', line)]


def test_no_file_names_the_host_of_a_registry() -> None:
    """No file contains the host name of PyPI; addresses of the indexes come from twine's constants."""
    host = (urlsplit(DEFAULT_REPOSITORY).hostname or "").removeprefix("upload.")
    assert host.count(".") == 1
    listing = git(TESTS.parent, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    files = [TESTS.parent / name for name in listing.split("\0") if name]
    assert not [path for path in files if path.is_file() and host in path.read_text("utf-8", errors="replace")]


READERS = {
    "process.py": "what the programs that we start inherit",
    "undumpable.py": "a program of its own",
    "standby.py": "a program of its own",
    "actions.py": "the files of a job of GitHub Actions",
    "terminal.py": "the terminal",
    "cache.py": "a setting of the machine",
    "git.py": "a setting of the workflow",
    "package/manifest.py": "a setting of the workflow",
}
"""The modules below the roof that read the environment, and what they read."""


def test_the_environment_is_read_at_the_edges() -> None:
    """Below the roof, only the listed modules read environment variables, and only two modules change globals."""
    words = ("environ", "environb", "getenv", "putenv")
    below = [module for module in MODULES if layer(module.with_suffix("").parts) != "roof"]
    reads = {
        module.as_posix()
        for module in below
        if any(isinstance(node, ast.Attribute) and node.attr in words for node in nodes(module))
    }
    assert reads == set(READERS)
    changed = {module.as_posix() for module in MODULES if any(isinstance(node, ast.Global) for node in nodes(module))}
    assert changed == {"lifeline.py", "registration.py"}
