"""The lines of code that keep a promise, found by rules, and how to break each of them.

A rule looks at one node of a module's syntax tree and yields edits: a part of the text, and its replacement. Every edit
leaves a module that Python can compile, and changes nothing but that guard.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

GUARDED = (
    *("release/*.py", "world/*.py", "package/*.py", "gates/*.py", "*.py"),
    *("setup/init.py", "setup/ci_files.py", "setup/keep.py"),
)
"""Modules that keep a promise: what is tested, written, pushed, uploaded, installed, which secrets a program gets."""
OTHERS = ("sessions.py", "cli.py", "command.py", "config.py", "report.py", "errors.py", "versions.py", "poetry.py")
"""Modules at the top of the package without such promises."""
READERS = ("conditions.py", "documents.py", "filters.py", "setup_script.py", "source.py", "steps.py")
"""Modules that parse text from others, where a failure to understand is not a refusal."""
ALONE = {"project.py": ("Project.own_folder",)}
"""Modules that only read, except for these functions."""

_KIND = re.compile(r"[A-Z][A-Z0-9_]+")
# Functions that are called for what they refuse, not for their result.
_PROTECTIVE = re.compile(
    r"_?(check|refuse|confirm|prove|verify|compare|catch|raise_errors|raise_for_status|declare|converge|install"
    r"|extend|unlink|rmtree|save|remember)(_\w+)?$"
)
# Functions that return their first argument without parts that must not be in it.
_CLEANING = ("hide", "scrubbed", "escape", "resolve")
# Keyword arguments that limit what a call may do, or decide what a program gets.
_LIMITS = (
    "apart",
    "check",
    "committed",
    "env",
    "follow_symlinks",
    "fresh",
    "headers",
    "keep",
    "seconds",
    "secrets",
    "start_new_session",
    "timeout",
)
# Options that only change the output, or the duration.
_COSMETIC = (
    "--quiet",
    "-q",
    "--nocolor",
    "--no-color",
    "--verbose",
    "--disable-progress-bar",
    "--short",
    "--format=",
    "--installer",
    "--max-count",
    "--parallel",
    "-m",
)
# Options that are followed by their value.
_WITH_VALUE = ("-c", "--branch", "--config", "--config-file", "--envdir", "--exclude", "--installer", "--message")
# Questions to git that change nothing: their options are about the format of the answer.
_QUESTIONS = (
    "cat-file",
    "config",
    "diff-tree",
    "for-each-ref",
    "ls-files",
    "ls-tree",
    "rev-list",
    "rev-parse",
    "show-ref",
    "symbolic-ref",
)
_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?")


@dataclass(frozen=True)
class Mutant:
    """One guard of one module, and how it is broken."""

    module: str
    """The module's path below the package."""
    function: str
    rule: str
    line: int
    last: int
    """The lines that a test must run to notice."""
    source: str
    """What is broken, in one line of text."""
    start: int
    stop: int
    """Its position, in bytes."""
    instead: str
    imported: bool
    """Whether it runs when the module is imported, so that any test of the module may notice."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The guard's identity, wherever in its module it moves."""
        return self.module, self.function, self.rule, self.source

    def applied(self, text: bytes) -> bytes:
        """Return the module's text with the guard broken."""
        return text[: self.start] + self.instead.encode() + text[self.stop :]


@dataclass(frozen=True)
class _Place:
    """A module and the current function while its tree is walked."""

    module: str
    text: bytes
    lines: tuple[int, ...]
    """The offset of each line's first byte."""
    function: str = ""
    imported: bool = True

    def edit(self, rule: str, node: ast.AST, instead: str, end: ast.AST | None = None) -> Mutant:
        """Return the edit that replaces ``node``, or everything from it to ``end``, with ``instead``."""
        start, _ = self.span(node)
        _, stop = self.span(end or node)
        source = " ".join(self.text[start:stop].decode().split())
        first, last = getattr(node, "lineno", 0), getattr(end or node, "end_lineno", 0)
        return Mutant(self.module, self.function, rule, first, last, source, start, stop, instead, self.imported)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the start and end of a node, in bytes."""
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        last, end = getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)
        return self.lines[line - 1] + column, self.lines[last - 1] + end

    def of(self, node: ast.AST) -> str:
        """Return a node's text."""
        start, stop = self.span(node)
        return self.text[start:stop].decode()


Rule = Callable[[_Place, ast.AST], Iterator[Mutant]]


def _name(node: ast.AST) -> str:
    """Return the last part of the name of the called function."""
    function = node.func if isinstance(node, ast.Call) else node
    return getattr(function, "attr", getattr(function, "id", ""))


def _is_finding(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and _KIND.fullmatch(_name(node)) is not None


def _is_nothing(node: ast.AST | None) -> bool:
    """Whether an expression is a refusal; an empty text mostly omits words."""
    if isinstance(node, ast.Tuple | ast.List):
        return not node.elts
    return node is None or (isinstance(node, ast.Constant) and (node.value is None or node.value is False))


def _refuses(statement: ast.stmt) -> bool:
    """Whether a statement stops something: it raises, yields a finding, or returns nothing."""
    if isinstance(statement, ast.Raise):
        return _name(statement.exc) != "AssertionError" if statement.exc else True
    if isinstance(statement, ast.Return):
        return _is_nothing(statement.value) or _is_finding(statement.value)
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Yield):
        return _is_finding(value.value) or isinstance(value.value, ast.JoinedStr)
    return isinstance(value, ast.Call) and _name(value) == "append" and any(map(_is_finding, value.args))


def never(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Make the condition of a refusal always false."""
    if isinstance(node, ast.If) and _refuses(node.body[-1]):
        yield place.edit("never", node.test, f"({place.of(node.test)}) and False")
    chosen = node.value if isinstance(node, ast.Return) else None
    if isinstance(chosen, ast.IfExp) and (_is_nothing(chosen.orelse) or _is_nothing(chosen.body)):
        yield place.edit("never", chosen.test, str(_is_nothing(chosen.orelse)))


def weaker(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Remove a part of a condition that decides about a refusal, or is returned as an answer."""
    conditions: list[ast.AST] = []
    if isinstance(node, ast.If) and _refuses(node.body[-1]):
        conditions = list(ast.walk(node.test))
    elif isinstance(node, ast.Return | ast.Assign) and node.value is not None:
        chosen = node.value.test if isinstance(node.value, ast.IfExp) else node.value
        conditions = list(_parts(chosen))
    for inner in conditions:
        if isinstance(inner, ast.BoolOp) and _is_answer(inner):
            for value in inner.values:
                yield place.edit("weaker", value, str(isinstance(inner.op, ast.And)))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield an answer and its parts."""
    yield node
    inner = node.values if isinstance(node, ast.BoolOp) else [node.operand] if isinstance(node, ast.UnaryOp) else []
    for part in inner:
        yield from _parts(part)


def _is_answer(node: ast.AST) -> bool:
    """Whether an expression is a boolean, as far as its form shows: `a or ""` is a default, not a question."""
    if isinstance(node, ast.BoolOp):
        return all(map(_is_answer, node.values))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    if isinstance(node, ast.Call):
        return _name(node).startswith(
            ("is", "has", "any", "all", "starts", "ends", "fullmatch", "bool", "search", "exists")
        )
    return isinstance(node, ast.Compare | ast.Name | ast.Attribute)


def negated(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Invert a comparison that is returned as an answer."""
    if not isinstance(node, ast.Return) or node.value is None:
        return
    values = node.value.values if isinstance(node.value, ast.BoolOp) else [node.value]
    for value in values:
        if isinstance(value, ast.Compare):
            yield place.edit("negated", value, f"(not ({place.of(value)}))")


def silent(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Remove a refusal on its own line; one that is the whole body of a condition is for `never`."""
    for part in ("body", "orelse", "finalbody"):
        statements = getattr(node, part, None)
        if not isinstance(statements, list):
            continue
        alone = isinstance(node, ast.If) and part == "body" and len(statements) == 1
        for statement in statements:
            if (
                isinstance(statement, ast.stmt)
                and _refuses(statement)
                and not (alone or isinstance(statement, ast.Return))
            ):
                yield place.edit("silent", statement, "pass")


def unasked(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Remove a call that is made for what it refuses."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _PROTECTIVE.match(_name(node.value)):
        yield place.edit("unasked", node, "pass")


def unclean(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Keep in a text or an environment what should be removed from it."""
    if isinstance(node, ast.Call) and _name(node) in _CLEANING and node.args:
        yield place.edit("unclean", node, f"({place.of(node.args[0])})")


def unlimited(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Remove an argument that limits a call."""
    if not isinstance(node, ast.Call):
        return
    for keyword in node.keywords:
        if keyword.arg in _LIMITS and not ast.unparse(node.func).startswith("subprocess."):
            yield place.edit("unlimited", keyword, "**{}")


def option(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Start a program without one of its options, and its value."""
    words = node.elts if isinstance(node, ast.List | ast.Tuple) else node.args if isinstance(node, ast.Call) else []
    if isinstance(node, ast.Call) and _name(node) in ("compile", "search", "add_argument"):
        return
    if any(isinstance(word, ast.Constant) and word.value in _QUESTIONS for word in words):
        return
    for number, word in enumerate(words):
        if not (isinstance(word, ast.Constant) and isinstance(word.value, str) and _OPTION.fullmatch(word.value)):
            continue
        if word.value.startswith(_COSMETIC):
            continue
        value = words[number + 1] if word.value in _WITH_VALUE and number + 1 < len(words) else None
        yield place.edit("option", word, "*()", end=value)


def inherited(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Let a program inherit a variable that should be removed or hidden."""
    if not isinstance(node, ast.Dict):
        return
    for key, value in zip(node.keys, node.values, strict=True):
        blotted = isinstance(value, ast.Constant) and value.value in (None, "")
        if key is not None and blotted:
            yield place.edit("inherited", key, "**{}", end=value)
        elif key is None and isinstance(value, ast.Call) and _name(value) == "fromkeys":
            yield place.edit("inherited", value, "{}")


def in_pieces(place: _Place, node: ast.AST) -> Iterator[Mutant]:
    """Write a file directly in its place instead of atomically."""
    if isinstance(node, ast.Call) and _name(node) == "write_whole":
        path, content = map(place.of, node.args)
        bytes_of = f"({content}).encode() if isinstance({content}, str) else {content}"
        yield place.edit("in pieces", node, f"__import__('pathlib').Path({path}).write_bytes({bytes_of})")
    if not isinstance(node, ast.FunctionDef):
        return
    placed = {
        ast.unparse(call.func.value)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("replace", "rename")
    }
    for assigned in ast.walk(node):
        if not (isinstance(assigned, ast.Assign) and isinstance(assigned.value, ast.Call)):
            continue
        made = assigned.value
        if _name(made) in ("with_name", "with_suffix") and ast.unparse(assigned.targets[0]) in placed:
            yield place.edit("in pieces", made, ast.unparse(made.func.value))  # type: ignore[attr-defined]


RULES: tuple[Rule, ...] = (never, weaker, negated, silent, unasked, unclean, unlimited, option, inherited, in_pieces)


def guards(package: Path) -> list[Mutant]:
    """Return all guards of the modules that keep a promise, in the order of their positions."""
    paths = sorted(
        {path for pattern in GUARDED for path in package.glob(pattern) if path.name not in {*OTHERS, *READERS}}
    )
    found = [mutant for path in paths for mutant in _of_module(path.relative_to(package).as_posix(), path.read_bytes())]
    return [mutant for mutant in found if mutant.function in ALONE.get(mutant.module, (mutant.function,))]


def _of_module(module: str, text: bytes) -> list[Mutant]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    place = _Place(module, text, tuple(starts))
    found = {(m.start, m.stop, m.instead): m for m in _walk(place, ast.parse(text).body)}
    return sorted((m for m in found.values() if _compiles(m, text)), key=lambda m: (m.start, m.stop, m.rule))


def _walk(place: _Place, nodes: Iterable[ast.AST]) -> Iterator[Mutant]:
    for node in nodes:
        inner = place
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name, imported = f"{place.function}.{node.name}".lstrip("."), isinstance(node, ast.ClassDef)
            inner = _Place(place.module, place.text, place.lines, name, place.imported and imported)
        for rule in RULES:
            yield from rule(inner, node)
        yield from _walk(inner, ast.iter_child_nodes(node))


def _compiles(mutant: Mutant, text: bytes) -> bool:
    try:
        compile(mutant.applied(text), mutant.module, "exec")
    except SyntaxError:
        return False
    return True
