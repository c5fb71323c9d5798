"""The words in a session's code, from the running function or from its text, with the same result.

They are the parts between spaces of every string in the code, such as a command's arguments, and in the code of the
noxfile's functions that it calls.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef


def of_function(function: Callable[..., Any]) -> frozenset[str]:
    """Return the words in a function's code."""
    found: set[str] = set()
    todo: list[Any] = [function]
    seen: list[FunctionType] = []
    while todo:
        one = _plain(todo.pop())
        if one is None or one in seen:
            continue
        seen.append(one)
        for constant in _constants(one.__code__):
            if constant != one.__doc__:
                found.update(constant.split())
        beside = (_plain(one.__globals__.get(name)) for name in _names(one.__code__))
        todo += [other for other in beside if other is not None and other.__globals__ is one.__globals__]
    return frozenset(found)


def _plain(value: object) -> FunctionType | None:
    """Return the wrapped function, as recorded by ``functools.wraps``."""
    for _ in range(20):
        if isinstance(value, FunctionType) and not hasattr(value, "__wrapped__"):
            return value
        value = None if isinstance(value, ModuleType | type) else getattr(value, "__wrapped__", None)
    return None


def _constants(value: object) -> Iterator[str]:
    if isinstance(value, CodeType):
        for constant in value.co_consts:
            yield from _constants(constant)
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from _constants(item)
    elif isinstance(value, str):
        yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def of_tree(function: Function, functions: Mapping[str, Function]) -> frozenset[str]:
    """Return the words in the text of a function.

    Args:
        function: The function.
        functions: The functions at the top of the noxfile, by name.
    """
    found: set[str] = set()
    todo, seen = [function], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        taken = {argument.arg for argument in ast.walk(one.args) if isinstance(argument, ast.arg)}
        for node in _inside(one):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(node.value.split())
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.Name) and node.id in functions and node.id not in taken:
                todo.append(functions[node.id])
    return frozenset(found)


def _inside(function: Function) -> Iterator[ast.AST]:
    """Yield what a function runs, without its decorators and docstrings."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        yield node
        todo += ast.iter_child_nodes(node)
