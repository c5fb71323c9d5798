"""The sessions that a noxfile defines, read from its text without running it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from nox_ship import documents
from nox_ship.gates import words
from nox_ship.gates.own import Calls, Own, by_default, is_of, meant

_MODULES = ("nox", "nox_uv", "nox_poetry")
"""The modules from which a noxfile imports the session decorator."""
_SESSION = {"nox.session", "nox_uv.session", "nox_poetry.session", "nox.registry.session_decorator"}
_PYTHON = re.compile(r"(?:python)?((?:pypy)?3\.\d{1,3}t?)")


@dataclass(frozen=True)
class Written:
    """The sessions in a noxfile's text.

    Attributes:
        tree: The noxfile.
        below: The line of our call, after which sessions count as late; None without one.
    """

    tree: ast.Module
    below: int | None = None

    @cached_property
    def sessions(self) -> tuple[Own, ...]:
        """The sessions in the order of the file; of two with one name, the last."""
        found: dict[str, Own] = {}
        for name, _, one in self._found:
            found.pop(name, None)
            found[name] = one
        return tuple(found.values())

    def run_by(self, calls: Calls) -> tuple[Own, ...]:
        """Return the sessions that the project says it runs: those that plain `nox` or its CI runs."""
        listed = self._options("sessions") is not None
        called = calls.bare | calls.others
        return tuple(
            one
            for one in self.sessions
            if (listed and one.default) or any(is_of(one.name, signature) for signature in called)
        )

    @property
    def late(self) -> frozenset[str]:
        """The names of the sessions below our call."""
        return frozenset(name for name, line, _ in self._found if self.below is not None and line > self.below)

    @cached_property
    def pythons(self) -> tuple[str, ...]:
        """The Pythons that sessions name, such as ``3.12``, as far as they are literals."""
        found: dict[str, None] = {}
        for _, call in self._decorated:
            for value in _values(call, "python", "py"):
                for text in self._texts(value):
                    if match := _PYTHON.fullmatch(text):
                        found[match[1]] = None
        return tuple(found)

    @cached_property
    def unsure(self) -> tuple[int, ...]:
        """The lines that may define or select sessions in ways that only running them shows."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                top = (node.module or "").partition(".")[0]
                if node.level or top not in {*sys.stdlib_module_names, "nox", "nox_ship"}:
                    found.add(node.lineno)
            elif isinstance(node, ast.Call) and documents.dotted(node.func) in self._decorators:
                named = [value for value in _values(node, "name") if not isinstance(value, ast.Constant)]
                if named or id(node) not in self._known:
                    found.add(node.lineno)
        return tuple(sorted(found | self._options_unsure))

    @cached_property
    def _decorators(self) -> frozenset[str]:
        """The names of the session decorator in the file, including functions that wrap it."""
        found = {*_SESSION}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in _MODULES:
                        found.add(f"{alias.asname or alias.name}.session")
            elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
                found.update(alias.asname or alias.name for alias in node.names if alias.name == "session")
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and _mentions(node.value, found):
                if not isinstance(node.value, ast.Call) or documents.dotted(node.value.func).endswith("partial"):
                    found.update(filter(None, map(documents.dotted, node.targets)))
            elif isinstance(node, ast.FunctionDef) and _calls(node, found):
                found.add(node.name)
        return frozenset(found)

    @cached_property
    def _decorated(self) -> tuple[tuple[words.Function, ast.expr], ...]:
        """Each session function, with the decorator that makes it one."""
        return tuple(
            (node, decorator)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for decorator in node.decorator_list
            if documents.dotted(decorator.func if isinstance(decorator, ast.Call) else decorator) in self._decorators
        )

    @cached_property
    def _known(self) -> frozenset[int]:
        """The calls that are understood: decorators, and calls within a function that is a decorator."""
        wrappers = (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef))
        inner = (call for node in wrappers if node.name in self._decorators for call in ast.walk(node))
        return frozenset(map(id, [*(decorator for _, decorator in self._decorated), *inner]))

    @cached_property
    def _found(self) -> tuple[tuple[str, int, Own], ...]:
        functions = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        found = []
        for function, decorator in self._decorated:
            named = [value.value for value in _values(decorator, "name") if isinstance(value, ast.Constant)]
            name = next((name for name in named if isinstance(name, str)), function.name)
            flags = [value.value for value in _values(decorator, "default") if isinstance(value, ast.Constant)]
            tags = {text for value in _values(decorator, "tags") for text in self._texts(value)}
            default = by_default(
                name, default=all(flags), tags=tags, chosen=self._options("sessions"), tagged=self._options("tags")
            )
            said = words.of_tree(function, functions) if meant(name) else frozenset()
            found.append((name, function.lineno, Own(name, default=default, words=said)))
        return tuple(sorted(found, key=lambda one: one[1]))

    @cached_property
    def _settings(self) -> tuple[tuple[str, ast.expr | None, int], ...]:
        """The changes of an option of nox's: its name, its new value or None, and the line."""
        options = {f"{name.removesuffix('.session')}.options" for name in self._decorators if name.endswith(".session")}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module == "nox":
                options.update(alias.asname or alias.name for alias in node.names if alias.name == "options")
        found: list[tuple[str, ast.expr | None, int]] = []
        for node in ast.walk(self.tree):
            targets: list[tuple[str, ast.expr | None]]
            if isinstance(node, ast.Assign):
                targets = [(documents.dotted(target), node.value) for target in node.targets]
            elif isinstance(node, ast.AugAssign):
                targets = [(documents.dotted(node.target), None)]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                targets = [(documents.dotted(node.func.value), None)]
            else:
                continue
            for target, value in targets:
                base, _, name = target.rpartition(".")
                if base in options:
                    found.append((name, value, node.lineno))
        return tuple(found)

    def _options(self, name: str) -> list[str] | None:
        """Return the strings that an option of nox's is set to; None if it is not set, or built up step by step."""
        values = [value for option, value, _ in self._settings if option == name]
        if not values or None in values:
            return None
        return [text for value in values if value is not None for text in self._texts(value)]

    @property
    def _options_unsure(self) -> set[int]:
        return {
            line
            for option, value, line in self._settings
            if option in ("sessions", "tags", "keywords") and (value is None or not _plain(value))
        }

    def _texts(self, value: ast.expr) -> Iterator[str]:
        """Yield the strings in a value; a name is replaced with what the file assigns to it."""
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.Name) and node.id in self._assigned:
                for inner in ast.walk(self._assigned[node.id]):
                    if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                        yield inner.value

    @cached_property
    def _assigned(self) -> dict[str, ast.expr]:
        return {
            documents.dotted(target): node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
        }


def _values(decorator: ast.expr, *names: str) -> list[ast.expr]:
    """Return the argument that a decorator has under one of some names."""
    return [word.value for word in decorator.keywords if word.arg in names] if isinstance(decorator, ast.Call) else []


def _mentions(node: ast.expr, names: Iterable[str]) -> bool:
    return any(documents.dotted(inner) in names for inner in ast.walk(node))


def _calls(function: ast.FunctionDef, names: Iterable[str]) -> bool:
    """Whether a function wraps nox's decorator: it calls the decorator and is not a session itself."""
    inner = [node for statement in function.body for node in ast.walk(statement)]
    within = {
        id(part)
        for node in inner
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        for part in ast.walk(decorator)
    }
    return any(isinstance(n, ast.Call) and documents.dotted(n.func) in names and id(n) not in within for n in inner)


def _plain(value: ast.expr) -> bool:
    return all(isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Load) for node in ast.walk(value))
