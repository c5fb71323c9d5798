"""Run by the Python of a fresh environment: read the installed modules before any of them is imported.

`installed.py` runs it. It is also started as a script, with one JSON argument, and then prints a JSON list of those
modules that this Python can compile. It imports nothing of nox-ship and keeps to
the syntax of Python 3.8, because it runs on every Python that a project supports.
"""

import ast
import importlib.machinery
import importlib.util
import json
import operator
import os
import re
import sys
import warnings
from collections import namedtuple

TYPE_CHECKING = False  # importing `typing` would take time
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Protocol, Set, Tuple

    class Record(Protocol):
        """What `installed.py` knows of an installed distribution."""

        packages: str

        @property
        def files(self) -> "List[str]":
            """The installed files, relative to ``packages``, with slashes."""

        def field(self, name: str) -> "List[str]":
            """Return the values of a field of its core metadata."""


_MOST = 4 << 20
_ASIDE = {"test", "tests", "testing", "doc", "docs", "example", "examples", "demo", "demos", "template", "templates"}
_ASIDE |= {"skeleton", "skeletons", "fixtures", "cookiecutter", "scaffold", "__main__", "conftest", "setup"}
_CAUGHT = {"ImportError", "ModuleNotFoundError", "SyntaxError", "Exception", "BaseException"}
_COMPARED = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
# Modules whose distribution has a quite different name; usually one name contains the other.
_CALLED = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv",
    "Crypto": "pycryptodome",
    "distutils": "setuptools",
    "git": "gitpython",
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pythoncom": "pywin32",
    "skimage": "scikitimage",
    "sklearn": "scikitlearn",
    "win32api": "pywin32",
    "win32con": "pywin32",
}
# Before 3.10, Python does not list the modules that exist only on other systems.
_OTHER_SYSTEMS = (
    "winreg",
    "msvcrt",
    "nt",
    "winsound",
    "_winapi",
    "posix",
    "pwd",
    "grp",
    "fcntl",
    "termios",
    "curses",
    "tkinter",
)
_STANDARD = {*getattr(sys, "stdlib_module_names", ()), *sys.builtin_module_names, *_OTHER_SYSTEMS}


class Import(namedtuple("Import", "names line always guarded")):  # noqa: PYI024 - `typing` has the other one
    """An import that a module makes.

    ``names`` are the dotted names of what may be imported; ``always`` means that it runs whenever the module is
    imported, ``guarded`` that it depends on the Python version or that an error is expected.
    """

    __slots__ = ()


class Module:
    """A module of the distribution, read from its source."""

    def __init__(self, path: str, content: bytes) -> None:
        parts = path[: -len(".py")].split("/")
        self.path = path
        self.is_package = parts[-1] == "__init__"
        self.parts = parts[:-1] if self.is_package else parts
        self.name = ".".join(self.parts)
        self.content = content
        self.error = None  # type: Optional[SyntaxError]
        self.imports = self._parsed(whole=False)
        self._all = None  # type: Optional[List[Import]]

    def _parsed(self, whole: bool) -> "List[Import]":
        try:
            tree = ast.parse(self.content, self.path)
            compile(tree, self.path, "exec", dont_inherit=True)
            return [self._read(*found) for found in _imports(tree.body, whole=whole)]
        except SyntaxError as error:
            self.error = error
        except (ValueError, RecursionError, MemoryError, OverflowError):  # it is not text, or not written by hand
            pass
        return []

    def every_import(self) -> "List[Import]":
        """Return all imports, including conditional ones; ``imports`` has only those that always run."""
        if self._all is None:
            self._all = self._parsed(whole=True)
        return self._all

    @property
    def aside(self) -> bool:
        """Whether it is not meant to be imported as part of the package: tests, examples, templates."""
        last = self.parts[-1] if self.parts else ""
        return (
            not _ASIDE.isdisjoint(part.lower().strip("_") if part != "__main__" else part for part in self.parts)
            or last.startswith("test_")
            or last.endswith(("_test", "_tests"))
            or not all(part.isidentifier() for part in self.parts)
        )

    def _read(self, node: "Any", always: bool, guarded: bool) -> Import:
        if isinstance(node, ast.Import):
            return Import(tuple(alias.name for alias in node.names), node.lineno, always, guarded)
        base = [node.module] if node.module else []
        if node.level:
            above = self.parts if self.is_package else self.parts[:-1]
            base = above[: len(above) - node.level + 1] + base
        whole = ".".join(base)
        return Import((whole, *(whole + "." + alias.name for alias in node.names)), node.lineno, always, guarded)


def _imports(
    body: "List[Any]", always: bool = True, guarded: bool = False, whole: bool = True
) -> "Iterator[Tuple[Any, bool, bool]]":
    """Yield each import statement, with whether it always runs and whether something guards it.

    Unless ``whole`` is set, those that do not always run are left out.
    """
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, always, guarded
        else:
            for inner, runs, guard in _bodies(node, whole):
                if runs or whole:
                    yield from _imports(inner, always and runs, guarded or guard, whole)
        if always and _ends(node):
            return


def _bodies(node: "Any", whole: bool) -> "Iterator[Tuple[List[Any], bool, bool]]":
    """Yield the bodies of a compound statement, with whether they always run and whether it guards them."""
    if isinstance(node, ast.If):
        met, looks = _decided(node.test), whole and _looks_at_python(node.test)
        yield node.body, met is True, looks
        yield node.orelse, met is False, looks
    elif isinstance(node, ast.ClassDef):
        yield node.body, True, False
    elif hasattr(node, "handlers"):
        caught = any(map(_catches, node.handlers))
        yield [*node.body, *node.orelse], not caught, caught
        yield from ((handler.body, False, caught) for handler in node.handlers)
        yield node.finalbody, True, False
    elif whole:
        suppressed = isinstance(node, ast.With) and "suppress" in ast.dump(node.items[0])
        for field in ("body", "orelse", "cases"):
            yield _statements(getattr(node, field, ())), False, suppressed


def _statements(found: "Any") -> "List[Any]":
    nodes = found if isinstance(found, list) else []
    return [inner for node in nodes for inner in ([node] if isinstance(node, ast.stmt) else node.body)]


def _ends(node: "Any") -> bool:
    """Whether nothing after this statement at the top level of a module runs."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.dump(node.value.func).count("'exit'") > 0
    return isinstance(node, ast.Raise)


def _catches(handler: "Any") -> bool:
    return handler.type is None or any(
        getattr(node, "id", getattr(node, "attr", "")) in _CAUGHT for node in ast.walk(handler.type)
    )


def _looks_at_python(test: "Any") -> bool:
    words = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(test)}
    return any(re.search(r"version|PY\d|PYTHON|python|pypy", str(word)) for word in words)


def _decided(test: "Any") -> "Optional[bool]":
    """Return whether a condition on the Python version or on type checking is met; None for any other condition."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        met = _decided(test.operand)
        return None if met is None else not met
    if getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING":
        return False
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or type(test.ops[0]) not in _COMPARED:
        return None
    ours = _version_told(test.left)
    try:
        theirs = ast.literal_eval(test.comparators[0])
        return None if ours is None else bool(_COMPARED[type(test.ops[0])](ours, theirs))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _version_told(node: "Any") -> "Any":
    told = ast.dump(node)
    if told == ast.dump(ast.parse("sys.version_info", mode="eval").body):
        return tuple(sys.version_info)
    if told == ast.dump(ast.parse("sys.version_info[0]", mode="eval").body):
        return sys.version_info[0]
    return None


class Distribution:
    """An installed distribution, and what its modules import."""

    def __init__(self, record: "Record", tops: "List[str]") -> None:
        self._record = record
        own = [path for path in record.files if not path.startswith("..") and ".dist-info/" not in path]
        self._words = {word for path in own for word in re.split(r"[/.]", path)}
        whole = {path: os.path.join(record.packages, path) for path in own if path.endswith(".py")}  # noqa: PTH118
        read = (Module(path, _content(place)) for path, place in whole.items())
        self.modules = {module.name: module for module in read}  # type: Dict[str, Module]
        self._importers = None  # type: Optional[Dict[str, List[Tuple[Module, Import]]]]
        self._guarded = {}  # type: Dict[Tuple[str, int], bool]
        self._reached = self._reach(tops)

    def _targets(self, found: Import) -> "Iterator[Module]":
        """Yield the modules of the distribution that an import runs, and their parent packages."""
        for name in found.names:
            for used in _with_parents(name):
                if used in self.modules:
                    yield self.modules[used]

    def _reach(self, tops: "List[str]") -> "Set[str]":
        """Return the names of the modules that run when the top-level ones are imported."""
        left = list(self._targets(Import(tuple(tops), 0, True, False)))
        seen = set()  # type: Set[str]
        while left:
            module = left.pop()
            if module.name not in seen:
                seen.add(module.name)
                left += [inner for found in module.imports for inner in self._targets(found)]
        return seen

    def unreadable(self) -> "Iterator[Dict[str, object]]":
        """Yield the modules whose syntax this Python does not support and whose import is not guarded."""
        broken = [module for module in self.modules.values() if module.error is not None and not module.aside]
        for module in broken:
            uses = [(other, found) for other, found in self._uses(module.name) if other is not module]
            plain = [found for other, found in uses if not found.guarded and not self._is_guarded(other)]
            last = module.parts[-1].encode()
            told = any(last in other.content for other in broken if other is not module)
            unsure = (not plain if uses else told) or any(re.search(r"\d", part) for part in module.parts)
            if not self._is_guarded(module):
                error = module.error
                yield _row("syntax", error.msg if error else "", module.path, (error and error.lineno) or 1, not unsure)

    def _uses(self, name: str) -> "List[Tuple[Module, Import]]":
        """Return each import of a module, or of what is in it, with the module that makes it."""
        if self._importers is None:
            self._importers = {}
            for other in self.modules.values():
                for found in other.every_import() if not other.aside else ():
                    for used in {used for imported in found.names for used in _with_parents(imported)}:
                        self._importers.setdefault(used, []).append((other, found))
        return self._importers.get(name, [])

    def _is_guarded(self, module: Module, deep: int = 3) -> bool:
        """Whether every import of a module, or of one of its parent packages, is guarded."""
        return any(self._is_name_guarded(name, deep) for name in _with_parents(module.name))

    def _is_name_guarded(self, name: str, deep: int) -> bool:
        if (name, deep) not in self._guarded:
            uses = [use for use in self._uses(name) if not (use[0].name + ".").startswith(name + ".")]
            self._guarded[name, deep] = bool(uses) and all(
                found.guarded or (deep > 0 and self._is_guarded(other, deep - 1)) for other, found in uses
            )
        return self._guarded[name, deep]

    def foreign(self) -> "Iterator[Tuple[str, Module, Import]]":
        """Yield each third-party name that a module always imports, once; modules that run on import come first."""
        seen = set()  # type: Set[str]
        by_reach = sorted(self.modules.values(), key=lambda module: (module.name not in self._reached, module.path))
        for module in by_reach:
            for found in module.imports if not module.aside else ():
                # In `from a import b`, the first name is the module; in `import a, b`, each one is.
                names = found.names
                for name in names[:1] if len(names) > 1 and names[1].startswith(names[0] + ".") else names:
                    top = name.split(".")[0]
                    regular = top in self.modules
                    if top and top not in _STANDARD and not regular and name not in seen:
                        seen.add(name)
                        yield name, module, found

    def undeclared(self) -> "Iterator[Dict[str, object]]":
        """Yield imports that the environment lacks, or has only because a dependency requires them."""
        required = self._record.field("Requires-Dist")
        declared = {_canonical(re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0]) for line in required}
        brought = None  # type: Optional[Dict[str, Set[str]]]
        told = set()  # type: Set[str]
        for name, module, found in self.foreign():
            lacking = _lacking(name)
            top = name.split(".")[0]
            reached = module.name in self._reached
            if lacking:
                optional = top in self._words or _is_required(top, declared)
                if lacking not in told and (reached or not optional):
                    yield _row("undeclared", lacking, module.path, found.line, reached)
                told.add(lacking)
            elif _canonical(top) not in declared and top not in told:
                told.add(top)
                brought = _providers() if brought is None else brought
                providers = brought.get(top, set())
                known = {*map(_canonical, self._record.field("Name")), *declared, *_of_extras(required)}
                if len(providers) == 1 and providers.isdisjoint(known):
                    yield _row("indirect", top, module.path, found.line, reached, min(providers))


def _with_parents(name: str) -> "List[str]":
    """Return a dotted name, and before it those of the packages that it is in."""
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _row(kind: str, what: str, path: str, line: int, certain: bool, by: str = "") -> "Dict[str, object]":
    return {"kind": kind, "what": what, "path": path, "line": line, "certain": certain, "by": by}


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - importing `pathlib` would take time
            content = stream.read(_MOST + 1)
    except OSError:
        return b""
    return content if len(content) <= _MOST else b""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_required(top: str, declared: "Set[str]") -> bool:
    """Whether the provider of a module seems to be required conditionally: by an extra, or on other systems."""
    words = {_CALLED.get(top, top), top}
    plain = [name.replace("-", "") for name in declared]
    return any(_canonical(word).replace("-", "") in name for name in plain for word in words)


def _lacking(name: str) -> str:
    """Return the shortest prefix of a dotted name that cannot be found; empty if all is there.

    Within a namespace package, the search goes on to the package in it.
    """
    parts, places = name.split("."), None  # type: Tuple[List[str], Optional[List[str]]]
    for depth in range(1, len(parts) + 1):
        whole = ".".join(parts[:depth])
        try:
            if places is None:
                spec = importlib.util.find_spec(whole)
            else:
                spec = importlib.machinery.PathFinder.find_spec(whole, places)
        except Exception:  # noqa: BLE001 - a third-party finder may do anything
            return ""
        if spec is None:
            return whole
        if spec.submodule_search_locations is None or spec.origin not in (None, "namespace"):
            return ""
        places = list(spec.submodule_search_locations)
    return ""


def _providers() -> "Dict[str, Set[str]]":
    """Return the distributions that provide each top-level module."""
    import importlib.metadata  # rarely needed, and slow to import

    found = {}  # type: Dict[str, Set[str]]
    for distribution in importlib.metadata.distributions():
        record = distribution.read_text("RECORD") or ""  # `files` would access the disk for each
        tops = {re.split(r"[/,]", line.lstrip('"'), maxsplit=1)[0].split(".")[0] for line in record.splitlines()}
        name = _canonical(str(distribution.metadata["Name"])) if tops else ""
        for top in tops:
            found.setdefault(top, set()).add(name)
    return found


def _of_extras(required: "List[str]") -> "Set[str]":
    """Return what the extras of dependencies require, such as ``httpx[http2]``."""
    import importlib.metadata

    found = set()  # type: Set[str]
    for line in required:
        match = re.match(r"\s*([\w.-]+)\s*\[", line)
        try:
            inner = importlib.metadata.distribution(match.group(1)).requires or () if match else ()
        except importlib.metadata.PackageNotFoundError:
            inner = ()
        found |= {_canonical(re.split(r"[^\w.-]", str(one), maxsplit=1)[0]) for one in inner}
    return found


def observations(record: "Optional[Record]", modules: "List[str]") -> "List[Dict[str, object]]":
    """Return what reading the modules of an installed distribution shows, without running them.

    Each item is an object: its ``kind`` is ``syntax``, ``undeclared`` or ``indirect``; ``what`` is Python's error
    message, or the imported name; ``path`` and ``line`` say where; ``certain``, whether the top-level modules need it;
    ``by`` is the distribution that provides an indirect import.

    Args:
        record: What is recorded of it; None if it is not installed.
        modules: Its top-level modules.
    """
    if record is None:
        return []
    distribution = Distribution(record, modules)
    return [*distribution.unreadable(), *distribution.undeclared()][:200]


def compiled(paths: "List[str]") -> "List[str]":
    """Return those of ``paths`` whose syntax this Python supports."""
    return [path for path in paths if Module("x.py", _content(path)).error is None]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asked = json.loads(sys.argv[1])
    sys.stdout.write("\nnox-ship:" + json.dumps(compiled(asked["compile"])) + "\n")
