"""Run by a Python with griffe: compare the public APIs of two states of the same packages.

It is started as a script, with one JSON argument, and prints one JSON object. It imports nothing of nox-ship, and runs
none of the packages' code: griffe reads their sources.
"""

import ast
import builtins
import importlib
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

MOST = 200
"""How many changes, and how many additions, are reported."""
_NOT_OURS = {"tests", "test", "conftest", "vendor", "vendored", "_vendor", "extern", "migrations"}
"""Modules that users are not meant to import."""
_STATED = {
    "__version__",
    "__version_info__",
    "__version_tuple__",
    "version",
    "version_info",
    "version_tuple",
    "VERSION",
}
_SPECIAL = {
    *dir(object),
    *("__slots__", "__dict__", "__weakref__", "__metaclass__", "__setstate__", "__copy__", "__deepcopy__", "__del__"),
    *("__unicode__", "__nonzero__", "__div__", "__idiv__", "__cmp__", "__getslice__", "__setslice__", "__delslice__"),
    *("__class_getitem__", "__match_args__", "__annotations__", "__post_init__", "__test__", "__long__", "__coerce__"),
}
"""Special names whose removal breaks nothing: `object` has them, or nobody calls them in Python 3."""
_PROGRAMS = {"__main__", "antigravity", "idlelib", "this", "turtledemo"}
"""Modules of the standard library that act when they are imported."""


def loaded(name: str, folder: str) -> Any:
    """Return griffe's view of a package or module in ``folder``; None if griffe cannot read it."""
    loader = griffe.GriffeLoader(search_paths=[folder], allow_inspection=False, store_source=False)
    try:
        found = loader.load(name, try_relative_path=False)
        loader.resolve_aliases(implicit=False, external=False)
    except (ImportError, griffe.GriffeError, SyntaxError, RecursionError, KeyError, ValueError, AttributeError):
        return None
    return found


def unread(name: str, folder: str) -> Iterator[str]:
    """Yield the full names of the modules that this Python cannot parse, so that nothing is known about them."""
    place = Path(folder, *name.split("."))
    for file in [*place.rglob("*.py"), *filter(Path.is_file, [place.with_suffix(".py")])]:
        try:
            ast.parse(file.read_bytes())
        except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
            parts = file.relative_to(folder).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_told(path: str, apart: set[str]) -> bool:
    """Whether an object counts: its modules are meant for users, and could be read."""
    parts = path.split("(", maxsplit=1)[0].split(".")
    return (
        not _NOT_OURS & set(parts[1:])
        and parts[-1] not in _STATED
        and not any(path == module or path.startswith((f"{module}.", f"{module}(")) for module in apart)
    )


def names(found: Any, *, everything: bool) -> Iterator[str]:
    """Yield the full names of what is public, and the parameters of functions.

    Args:
        found: A module or class.
        everything: Whether to include private, imported and inherited objects.
    """
    for name, member in (found.all_members if everything else found.members).items():
        try:
            if not (everything or member.is_public) or (name.startswith("__") and name.endswith("__")):
                continue
        except griffe.GriffeError:
            continue
        path = f"{found.path}.{name}"
        yield path
        try:
            own = member.target if member.inherited else member
        except griffe.GriffeError:
            continue
        if not own.is_alias and (own.is_module or own.is_class) and own is member:
            yield from names(own, everything=everything)
        elif not own.is_alias and own.is_function:
            yield from (f"{path}({parameter.name})" for parameter in own.parameters if parameter.name)


def topmost(new: set[str], before: set[str]) -> Iterator[str]:
    """Yield the new names whose parents are not new."""
    for name in sorted(new):
        parent = name.partition("(")[0] if "(" in name else name.rpartition(".")[0]
        if parent in before or parent not in new:
            yield name


def breaking(old: Any, new: Any) -> Iterator[tuple[Any, str]]:
    """Yield the changes that break users' code, each with a description."""
    for one in griffe.find_breaking_changes(old, new):
        kind = one.kind.name
        if kind == "OBJECT_REMOVED" and not (
            is_inherited(one.obj) or is_for_types(one.obj) or may_be_there(one.obj, new)
        ):
            yield one, "was removed"
        elif kind == "OBJECT_CHANGED_KIND" and (words := changed_kind(one)):
            yield one, words
        elif kind in _WORDS and not is_bound(one):
            yield one, f"{_WORDS[kind]} {(one.old_value or one.new_value).name}"
        elif kind == "CLASS_REMOVED_BASE" and (gone := removed_bases(one)):
            yield one, f"no longer inherits from {', '.join(gone)}"


_WORDS = {
    "PARAMETER_REMOVED": "no longer takes the parameter",
    "PARAMETER_MOVED": "has moved the parameter",
    "PARAMETER_CHANGED_KIND": "changed the kind (positional or keyword) of the parameter",
    "PARAMETER_CHANGED_REQUIRED": "now requires the parameter",
    "PARAMETER_ADDED_REQUIRED": "requires the new parameter",
}


def is_bound(one: Any) -> bool:
    """Whether a parameter is the ``self`` or ``cls`` of a method, whatever its name: callers do not pass it."""
    parameter = one.old_value or one.new_value
    first = next(iter(one.obj.parameters), None)
    named = {"self", "cls", "__self", "_self", "mcs", "mcls", "metacls"}
    return bool(one.obj.parent and one.obj.parent.is_class) and (parameter.name in named or parameter == first)


def is_inherited(gone: Any) -> bool:
    """Whether the removal is already reported for the class that it was inherited from."""
    try:
        return bool(gone.is_alias and gone.inherited and gone.target.parent.is_public)
    except (AttributeError, griffe.GriffeError):
        return False


def is_for_types(gone: Any) -> bool:
    """Whether an object is a type variable, which nobody imports."""
    value = "" if gone.is_alias else str(getattr(gone, "value", None) or "")
    return value.partition("(")[0].rpartition(".")[2] in ("TypeVar", "ParamSpec", "TypeVarTuple")


def may_be_there(gone: Any, new: Any) -> bool:
    """Whether an object that is no longer defined may still exist, as far as the sources show."""
    name = gone.name
    special = bool(name.startswith("__") and name.endswith("__"))
    try:
        parent = new
        for part in gone.parent.path.split(".")[len(new.path.split(".")) :]:
            parent = parent.all_members[part]
        if parent.is_alias:
            parent = parent.target
    except (KeyError, AttributeError, griffe.GriffeError):
        return special  # its parent is gone, which is reported
    if parent.is_module:
        return special or "__getattr__" in parent.members
    return name in _SPECIAL or "__getattr__" in parent.all_members or any(has(base, name) for base in bases(parent))


def bases(one: Any, deepest: int = 20) -> Iterator[str]:
    """Yield the full names of the base classes of a class that are outside the package."""
    for base in getattr(one, "bases", ()) if deepest else ():
        path = str(getattr(base, "canonical_path", base)).partition("[")[0]
        try:
            inner = one.modules_collection[path]
        except (KeyError, griffe.GriffeError):
            yield path
            continue
        if inner.is_class:
            yield from bases(inner.target if inner.is_alias else inner, deepest - 1)


def has(path: str, name: str) -> bool:
    """Whether a class outside the package may have a member; only those of Python itself are known."""
    module, _, called = path.rpartition(".")
    if not module:
        owner: object = builtins
    elif module.partition(".")[0] in sys.stdlib_module_names and not _PROGRAMS & set(module.split(".")):
        try:
            owner = importlib.import_module(module)
        except Exception:  # noqa: BLE001 - not on this system, or not on this Python
            return True
    else:
        return True
    return not hasattr(owner, called) or name in dir(getattr(owner, called))


def changed_kind(one: Any) -> str:
    """Return what happened to an object whose kind changed; empty if it can still be used the same way."""
    old, new = str(one.old_value.value), str(one.new_value.value)
    is_property = "property" in one.obj.labels
    if "module" in (old, new) or (old, new) == ("class", "function") or (old == "function" and is_property):
        return f"is now a {'property' if is_property else new}, no longer a {old}"
    return ""


def removed_bases(one: Any) -> list[str]:
    """Return the base classes that a class has lost, without those that do not matter at run time."""
    old, new = (
        [str(base).partition("[")[0].rpartition(".")[2] for base in value] for value in (one.old_value, one.new_value)
    )
    return [base for base in old if base not in new and base not in ("object", "Generic", "Protocol")]


def place(one: Any, folder: str) -> tuple[str, int]:
    """Return the file of an object, below ``folder``, and its line."""
    holder = one.parent if one.is_alias else one
    line = (one.alias_lineno if one.is_alias else one.lineno) or 0
    try:
        return Path(holder.filepath).resolve().relative_to(Path(folder).resolve()).as_posix(), line
    except (ValueError, TypeError, griffe.GriffeError):
        return "", line


def aliases(found: Any) -> Iterator[tuple[str, str]]:
    """Yield the private full name of each re-exported object, such as ``sample._impl.run``, and its public one."""
    for name, member in found.members.items():
        if member.is_alias and member.is_public and not member.inherited:
            yield member.target_path, f"{found.path}.{name}"
            try:
                yield member.final_target.path, f"{found.path}.{name}"
            except griffe.GriffeError:
                continue
        elif not member.is_alias and member.is_module:
            yield from aliases(member)


def called(path: str, public: dict[str, str]) -> str:
    """Return the name under which users import an object."""
    for _ in range(5):  # aliases may be chained
        parts = path.split(".")
        inner = next((end for end in range(len(parts), 0, -1) if ".".join(parts[:end]) in public), 0)
        path = ".".join((public[".".join(parts[:inner])], *parts[inner:])) if inner else path
    return path


def joined(found: Iterator[tuple[Any, str]]) -> Iterator[tuple[str, str, tuple[Any, bool]]]:
    """Yield changes with the object's full name; merge those to several parameters of one function."""
    same: dict[tuple[str, str], tuple[Any, list[str]]] = {}
    for one, words in found:
        about, _, name = words.rpartition(" ") if one.kind.name in _WORDS else (words, "", "")
        same.setdefault((one.obj.path, about), (one, []))[1].append(name)
    for (path, about), (one, names) in same.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield path, f"{about} {names[0]}".rstrip() + more, (one.obj, one.kind.name == "OBJECT_REMOVED")


def compared(packages: list[list[str]], roots: list[str]) -> dict[str, Any]:
    """Return how the packages of two states differ.

    Args:
        packages: Each package's name, and its parent folders before and now; empty if it did or does not exist.
        roots: The project's folders before and now; files are named relative to them.
    """
    changes, additions, read = [], [], 0
    for name, before, now in packages:
        old = loaded(name, before) if before else None
        new = loaded(name, now) if now else None
        if (before and old is None) or (now and new is None):
            continue
        read += 1
        if old is None or new is None:
            if old is not None:
                changes.append({"path": name, "what": "was removed", "file": "", "line": 0, "gone": True})
            elif is_told(name, set()):
                additions.append(name)
            continue
        apart = {*unread(name, before), *unread(name, now)}
        public = {own: name for own, name in aliases(old) if any(part.startswith("_") for part in own.split("."))}
        for path, words, (one, gone) in joined(breaking(old, new)):
            if is_told(path, apart):
                file, line = place(one, roots[0 if gone else 1])
                changes.append({"path": called(path, public), "what": words, "file": file, "line": line, "gone": gone})
        known, found = set(names(old, everything=True)), set(names(new, everything=False))
        additions += [path for path in topmost(found - known, known) if is_told(path, apart)]
    return {"changes": changes[:MOST], "additions": additions[:MOST], "read": read}


if __name__ == "__main__":
    logging.disable()
    sys.setrecursionlimit(3000)
    sys.stdout.write("\nnox-ship:" + json.dumps(compared(**json.loads(sys.argv[1]))) + "\n")
