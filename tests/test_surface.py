"""The public API that griffe finds in two states of a package, and the differences that count."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nox_ship.gates.surface import compared
from support import each, write_files

Files = dict[str, str]


def differ(folder: Path, before: Files, now: Files, name: str = "sample") -> tuple[list[str], list[str]]:
    """Return the breaking changes and the additions between two states of a package."""
    write_files(folder / "a", {"sample/__init__.py": "", **before})
    write_files(folder / "b", {"sample/__init__.py": "", **now})
    roots = [str(folder / "a"), str(folder / "b")]
    found = compared([[name, *roots]], roots)
    assert found["read"] == 1
    return [f"{change['path']} {change['what']}" for change in found["changes"]], found["additions"]


def top(folder: Path, before: str, now: str) -> tuple[list[str], list[str]]:
    """Return the same for a package that is a single module."""
    return differ(folder, {"sample/__init__.py": before}, {"sample/__init__.py": now})


@pytest.mark.slow
@each(
    ("before", "now", "told"),
    [
        ("def f(): ...", "", "f was removed"),
        ("class A:\n    def f(self): ...", "class A: ...", "A.f was removed"),
        ("X = 1", "", "X was removed"),
        ("def f(a): ...", "def f(): ...", "f no longer takes the parameter a"),
        ("def f(a, b, c): ...", "def f(): ...", "f no longer takes the parameter a and 2 more"),
        ("def f(a=1): ...", "def f(a): ...", "f now requires the parameter a"),
        ("def f(): ...", "def f(a): ...", "f requires the new parameter a"),
        ("def f(a, b): ...", "def f(b, a): ...", "f has moved the parameter a and 1 more"),
        ("def f(a): ...", "def f(*, a): ...", "f changed the kind (positional or keyword) of the parameter a"),
        (
            "class A:\n    def f(self): ...",
            "class A:\n    @property\n    def f(self): ...",
            "A.f is now a property, no longer a function",
        ),
        ("class A: ...", "def A(): ...", "A is now a function, no longer a class"),
        ("class B: ...\nclass A(B): ...", "class B: ...\nclass A: ...", "A no longer inherits from B"),
        ("class B:\n    def f(self): ...\nclass A(B): ...", "class B: ...\nclass A(B): ...", "B.f was removed"),
    ],
)
def test_what_users_code_does_not_survive(tmp_path: Path, before: str, now: str, told: str) -> None:
    """Each breaking change is reported once, with its name and what happened to it."""
    assert top(tmp_path, before, now)[0] == [f"sample.{told}"]


@pytest.mark.slow
@each(
    ("before", "now"),
    [
        ("__version__ = '1'\nversion = '1'", ""),
        ("__author__ = 'A'\n__all__ = []", ""),
        ("def _f(): ...\nclass _A: ...", ""),
        ("import os\nfrom json import loads", ""),
        ("X = 1", "X = 2"),
        ("def f(a=1): ...", "def f(a=2): ..."),
        ("def f() -> int: ...", "def f() -> str: ..."),
        ("def f(): ...", "def f(a=1, *args, **kwargs): ..."),
        ("def f(): ...", "f = g"),
        ("def f(): ...", "from sample._inner import f"),
        ("def f(): ...", "class f: ..."),
        ("def f(): ...", "def __getattr__(name): ..."),
        ("class A:\n    def f(self): ...", "class A:\n    def f(this): ..."),
        ("class A:\n    def f(__self, *args): ...", "class A:\n    def f(self, *args): ..."),
        ("class A(object): ...", "class A: ..."),
        ("from typing import Generic\nclass A(Generic[T]): ...", "class A: ..."),
        ("class A:\n    def __repr__(self): ...\n    def __unicode__(self): ...\n    __slots__ = ()", "class A: ..."),
        ("class A(dict):\n    def get(self): ...", "class A(dict): ..."),
        ("from other import B\nclass A(B):\n    def f(self): ...", "from other import B\nclass A(B): ..."),
        (
            "class B:\n    def f(self): ...\nclass A(B):\n    def f(self): ...",
            "class B:\n    def f(self): ...\nclass A(B): ...",
        ),
        ("class A:\n    def f(self): ...", "class A:\n    def __getattr__(self, name): ..."),
        ("from typing import TypeVar\nT = TypeVar('T')", ""),
        ("import typing as t\nF = t.TypeVar('F', bound=t.Any)", ""),
        (
            "from collections.abc import Mapping\nclass A(Mapping):\n    def keys(self): ...",
            "from collections.abc import Mapping\nclass A(Mapping): ...",
        ),
    ],
)
def test_what_is_no_change_of_the_api_or_not_surely_one(tmp_path: Path, before: str, now: str) -> None:
    """Changes of values, types, and private, imported or inherited names are no breaking changes."""
    assert top(tmp_path, before, now)[0] == []


@pytest.mark.parametrize("inner", ["tests/test_a.py", "conftest.py", "_vendor/x.py", "vendor/x.py", "_private.py"])
def test_modules_that_nobody_is_meant_to_import_do_not_count(tmp_path: Path, inner: str) -> None:
    """Changes in test, vendored and private modules are neither breaking changes nor additions."""
    files = {f"sample/{inner}": "def f(): ...\n"}
    assert differ(tmp_path / "1", files, {}) == ([], [])
    assert differ(tmp_path / "2", {}, files) == ([], [])


def test_a_module_that_cannot_be_parsed_tells_nothing(tmp_path: Path) -> None:
    """A module that cannot be parsed is left out, and the others are compared."""
    before = {"sample/a.py": "def f(): ...\n", "sample/b.py": "def g(): ...\n"}
    now = {"sample/a.py": "def f(:\n", "sample/b.py": ""}
    assert differ(tmp_path, before, now)[0] == ["sample.b.g was removed"]


def test_additions_are_told_by_their_outermost_name(tmp_path: Path) -> None:
    """An addition is listed by its outermost new name; a name that was inherited before is no addition."""
    start = "from sample._a import h\n"
    more = "__all__ = ['h', 'A', 'B', 'g']\ndef g(z): ...\nclass A:\n    def f(self, x=1): ...\n"
    inner = {"sample/_a.py": "def h(): ..."}
    before = {**inner, "sample/__init__.py": f"{start}class A:\n    def f(self): ...\nclass B(A): ..."}
    now = {
        **inner,
        "sample/__init__.py": f"{start}{more}class B(A):\n    def f(self): ...\n    def new(self, y): ...\n",
        "sample/more.py": "def k(): ...",
    }
    assert differ(tmp_path, before, now) == ([], ["sample.A.f(x)", "sample.B.new", "sample.g", "sample.more"])


def test_what_is_private_is_told_by_its_public_name(tmp_path: Path) -> None:
    """A change in a private module is reported by the public name that users know."""
    start = {"sample/__init__.py": "from ._a import A, f\n__all__ = ['A', 'f']\n"}
    before = {
        **start,
        "sample/_a.py": "from ._b import A\ndef f(x): ...\n",
        "sample/_b.py": "class A:\n    def g(self): ...\n",
    }
    now = {**start, "sample/_a.py": "from ._b import A\ndef f(): ...\n", "sample/_b.py": "class A: ...\n"}
    assert sorted(differ(tmp_path, before, now)[0]) == [
        "sample.A.g was removed",
        "sample.f no longer takes the parameter x",
    ]


def test_places_are_in_the_project(tmp_path: Path) -> None:
    """A removed name is reported at its old place, and a changed one at its new place."""
    write_files(
        tmp_path, {"a/src/sample.py": "\ndef f(): ...\ndef g(): ...\n", "b/src/sample.py": "\n\n\ndef g(x): ...\n"}
    )
    roots = [str(tmp_path / "a"), str(tmp_path / "b")]
    found = compared([["sample", f"{roots[0]}/src", f"{roots[1]}/src"]], roots)
    assert [(one["path"], one["file"], one["line"], one["gone"]) for one in found["changes"]] == [
        ("sample.f", "src/sample.py", 2, True),
        ("sample.g", "src/sample.py", 4, False),
    ]


@pytest.mark.slow
def test_packages_come_and_go(tmp_path: Path) -> None:
    """A removed package is a breaking change, a new one is an addition, and an unreadable one is not compared."""
    write_files(tmp_path, {"a/sample/__init__.py": "", "a/odd/__init__.py": "def f(:\n", "a/compiled.so": b"\x7fELF"})
    a = str(tmp_path / "a")
    gone = {"path": "sample", "what": "was removed", "file": "", "line": 0, "gone": True}
    assert compared([["sample", a, ""]], [a, a])["changes"] == [gone]
    assert compared([["sample", "", a]], [a, a])["additions"] == ["sample"]
    for name in ("odd", "compiled", "missing"):
        assert compared([[name, a, a]], [a, a]) == {"changes": [], "additions": [], "read": 0}


@pytest.mark.parametrize("module", ["this", "unittest.__main__", "antigravity"])
def test_no_module_that_does_something_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: str
) -> None:
    """Modules that print or open a browser are not imported to find what a class inherits."""
    monkeypatch.delitem(sys.modules, module, raising=False)
    code = f"import {module}\nclass A({module}.B):\n    "
    assert top(tmp_path, f"{code}def f(self): ...", f"{code}pass") == ([], [])
    assert module not in sys.modules
    assert not capsys.readouterr().out
