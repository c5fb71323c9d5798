from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nox_ship.package import modules
from nox_ship.package.installed import Record
from support import each, in_time, metadata_text, write_files

OTHER = {"zz_dep/__init__.py": "", "zz_dep-1.0.dist-info/METADATA": metadata_text("zz-dep", "1.0")}


def install(site: Path, name: str, files: Mapping[str, str | bytes], *metadata: str) -> None:
    """Write a distribution into site-packages, with its RECORD."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    own = {**files, f"{info}/METADATA": metadata_text(name, "1.0", *metadata)}
    record = "".join(f"{file},,\n" for file in (*own, f"{info}/RECORD", "../../bin/zz"))
    write_files(site, {**own, f"{info}/RECORD": record})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a folder as site-packages, next to the standard library only."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(path for path in sys.path if "site-packages" not in path)])
    return tmp_path


def seen(site: Path, files: Mapping[str, str | bytes], *metadata: str, tops: tuple[str, ...] = ("zz",)) -> list[str]:
    """Return the observations about a distribution: kind, subject, place, and whether they are certain."""
    install(site, "zz", files, *metadata)
    rows: list[dict[str, Any]] = modules.observations(Record.find("zz"), list(tops))
    marks = {True: "certain", False: "unsure"}
    return [f"{r['kind']} {r['what']} {r['path']}:{r['line']} {marks[r['certain']]}{r['by']}" for r in rows]


@each(
    ("code", "always"),
    [
        ("import a", ["a"]),
        ("import a.b as c, d", ["a.b", "d"]),
        ("from a import b", ["a"]),
        ("class C:\n    import a", ["a"]),
        ("try:\n    import a\nfinally:\n    import b", ["a", "b"]),
        ("try:\n    import a\nexcept ValueError:\n    import b\nelse:\n    import c", ["a", "c"]),
        ("try:\n    import a\nexcept ImportError:\n    import b", []),
        ("try:\n    import a\nexcept (OSError, errors.ModuleNotFoundError): ...", []),
        ("try:\n    import a\nexcept: ...", []),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", ["b"]),
        ("if not typing.TYPE_CHECKING:\n    import a", ["a"]),
        ("if sys.version_info > (3, 0) > (9, 9):\n    import a", []),
        ("if WORD != 'x':\n    import a", []),
        ("if not WORD:\n    import a", []),
        ("if sys.version_info < (3, 5):\n    import a\nelif sys.version_info >= (3, 6):\n    import b", ["b"]),
        ("if sys.version_info[0] == 2:\n    import a\nelse:\n    import b", ["b"]),
        ("if sys.platform == 'win32':\n    import a", []),
        ("if sys.version_info > what:\n    import a", []),
        ("if sys.version_info < 'x':\n    import a", []),
        ("if sys.version_info[0] in (3, 4):\n    import a", []),
        ("def f():\n    import a", []),
        ("async def f():\n    import a", []),
        ("class C:\n    def f(self):\n        import a", []),
        ("with suppress(ImportError):\n    import a", []),
        ("for x in y:\n    import a", []),
        ("match x:\n    case 1:\n        import a", []),
        ("raise ImportError\nimport a", []),
        ("sys.exit(1)\nimport a", []),
        ("lambda: 1\nimport a", ["a"]),
    ],
)
def test_imports_that_always_happen_are_told_apart(code: str, always: list[str]) -> None:
    """Imports in functions, under conditions that may not hold, or in a `try` do not count as always executed."""
    module = modules.Module("zz/x.py", code.encode())
    names = [found.names for found in module.imports]
    assert [name for group in names for name in (group[:1] if "from" in code else group)] == always
    assert all(found.always for found in module.imports)
    if not code.startswith(("raise", "sys.exit")):
        assert sum(len(found.names) for found in module.every_import()) >= code.count("import ")


@each(
    ("path", "code", "names"),
    [
        ("zz/a/b.py", "from . import c", ("zz.a", "zz.a.c")),
        ("zz/a/b.py", "from ..d import c", ("zz.d", "zz.d.c")),
        ("zz/a/__init__.py", "from .d import *", ("zz.a.d", "zz.a.d.*")),
        ("zz.py", "from .d import e", ("d", "d.e")),
        ("zz/b.py", "from .... import e", ("zz", "zz.e")),
    ],
)
def test_relative_imports_are_followed(path: str, code: str, names: tuple[str, ...]) -> None:
    """Relative imports are resolved as Python does, from modules and packages; too many dots are no error."""
    (found,) = modules.Module(path, code.encode()).imports
    assert found.names[1].rpartition(".")[2] == names[1].rpartition(".")[2]
    if "...." not in code:
        assert found.names == names


def test_what_the_top_level_modules_need_is_certain(site: Path) -> None:
    """An undeclared import is certain if importing a top-level module executes it, and unsure otherwise."""
    files = {
        "zz/__init__.py": "from .core import x\nfrom zz import deep\n",
        "zz/core.py": "import zz_gone\nimport os.path\n",
        "zz/deep/__init__.py": "from . import inner",
        "zz/deep/inner.py": "\nfrom zz_gone_too.part import x\nimport zz_gone",
        "zz/lazy.py": "import zz_optional",
        "zz/__main__.py": "import zz_script",
        "zz/tests/test_a.py": "import zz_pytest",
        "zz/conftest.py": "import zz_pytest",
    }
    assert seen(site, files) == [
        "undeclared zz_gone zz/core.py:1 certain",
        "undeclared zz_gone_too zz/deep/inner.py:2 certain",
        "undeclared zz_optional zz/lazy.py:1 unsure",
    ]


def test_what_an_extra_or_another_system_seems_to_bring_is_not_told(site: Path) -> None:
    """An import that could come from an extra or be for another system is only reported if it is always executed."""
    metadata = (
        "Requires-Dist: python-zz_yaml; extra == 'a'",
        "Requires-Dist: pywin32; sys_platform == 'x'",
        "Requires-Dist: Pillow>=1; extra == 'a'",
    )
    files = {"zz/__init__.py": "", "zz/a.py": "import zz_yaml\nimport win32api\nimport PIL.Image\nimport zz_other\n"}
    assert seen(site, files, *metadata) == ["undeclared zz_other zz/a.py:4 unsure"]
    files["zz/__init__.py"] = "import zz_yaml"
    assert seen(site, files, *metadata)[0] == "undeclared zz_yaml zz/__init__.py:1 certain"


def test_what_the_distribution_holds_itself_is_declared(site: Path) -> None:
    """A distribution's own packages, compiled modules and vendored packages count as declared."""
    files = {
        "zz/__init__.py": "",
        "zz/a.py": "import zz\nimport zz.b\nimport _zz_speed\nimport zz_vendored\nimport zz_flat",
        "zz/_vendor/zz_vendored/__init__.py": "",
        "zz/_vendor/zz_flat.py": "",
        "_zz_speed.so": "",
    }
    assert seen(site, files) == []


def test_the_standard_library_is_declared(site: Path) -> None:
    """Modules of the standard library are declared, even those of other systems, but not those removed from Python."""
    code = "from __future__ import annotations\nimport winreg\nimport tkinter.ttk\nimport fcntl\nimport _thread\n"
    assert seen(site, {"zz/__init__.py": code}) == []
    if sys.version_info >= (3, 13):
        assert seen(site, {"zz/__init__.py": "import nntplib"}) == ["undeclared nntplib zz/__init__.py:1 certain"]


def test_a_part_of_a_namespace_that_is_missing_is_told(site: Path) -> None:
    """A missing part of a namespace package is reported, even if other distributions provide other parts."""
    write_files(site, {"zz_space/there/__init__.py": "", "zz_space/more/there/__init__.py": ""})
    code = (
        "import zz_space.there.x\nfrom zz_space.more.there import y\nimport zz_space.gone.x\nfrom zz_space import z\n"
    )
    files = {"zz_space/own/__init__.py": code}
    assert seen(site, files, tops=("zz_space.own",)) == [
        "undeclared zz_space.gone zz_space/own/__init__.py:3 certain"
    ]  # fmt: skip


def test_what_only_a_dependency_requires_is_told(site: Path) -> None:
    """Importing a package that only a dependency requires is reported, unless the dependency's extra is required."""
    install(site, "zz-dep", {"zz_dep/__init__.py": ""}, "Requires-Dist: zz-fast; extra == 'speed'")
    install(site, "zz-deep", {"zz_deep/__init__.py": ""})
    install(site, "zz-fast", {"zz_fast.py": ""})
    install(site, "py-zz-called", {"zz_other_name/__init__.py": ""})
    code = "import zz_dep\nimport zz_deep\nimport zz_fast\nimport zz_other_name\n"
    required = ["Requires-Dist: Zz.Dep", "Requires-Dist: py_zz-called (>=1)"]
    told = [
        "indirect zz_deep zz/__init__.py:2 certainzz-deep",
        "indirect zz_fast zz/__init__.py:3 certainzz-fast",
    ]
    assert seen(site, {"zz/__init__.py": code}, *required) == told
    required = ["Requires-Dist: Zz.Dep[speed]", "Requires-Dist: py_zz-called", "Requires-Dist: zz-gone[x]"]
    assert seen(site, {"zz/__init__.py": code}, *required) == told[:1]


NEWER = "x = 1\nmatch x\n"


@pytest.mark.parametrize(
    ("files", "certain"),
    [
        ({"zz/new.py": NEWER}, "certain"),
        ({"zz/new.py": NEWER, "zz/a.py": "from . import new"}, "certain"),
        ({"zz/new.py": NEWER, "zz/a.py": "def f():\n    import zz.new"}, "certain"),
        ({"zz/new.py": NEWER, "zz/a.py": "if x:\n    from zz.new import y"}, "certain"),
        ({"zz/new.py": NEWER, "zz/tests/a.py": "try:\n    import zz.new\nexcept ImportError: ..."}, "certain"),
        ({"zz/new.py": NEWER, "zz/a.py": "with open(x):\n    import zz.new"}, "certain"),
        ({"zz/_py399.py": NEWER}, "unsure"),
        ({"zz/py399/new.py": NEWER}, "unsure"),
        ({"zz/new.py": NEWER, "zz/newer.py": f"import zz.new\n{NEWER}"}, "unsure"),
    ],
)  # fmt: skip
def test_syntax_that_this_python_does_not_know_is_told(site: Path, files: dict[str, str], certain: str) -> None:
    """A syntax error is reported with its line; it is unsure if the module may be meant for another Python."""
    line = next(row for row in seen(site, {"zz/__init__.py": "", **files}) if "new.py" in row or "py399" in row)
    assert line.startswith("syntax ")
    assert line.endswith(f":2 {certain}")


@pytest.mark.parametrize(
    "guard",
    [
        "if sys.version_info >= (3, 99):\n    from zz.new import x",
        "if sys.hexversion > 1:\n    import zz.new",
        "if not PY2:\n    from . import new",
        "if sys.version_info[0] == 2:\n    pass\nelse:\n    from .new import x",
        "try:\n    from .new import x\nexcept SyntaxError:\n    x = 1",
        "try:\n    import zz.new as x\nexcept ImportError:\n    x = 1",
        "def f():\n    if IS_PYTHON_399:\n        from zz import new",
        "with contextlib.suppress(SyntaxError):\n    from zz import new",
    ],
)
def test_what_is_imported_under_a_condition_on_the_python_is_not_told(site: Path, guard: str) -> None:
    """A module imported only under a condition on the Python version is not reported, nor is what only it imports."""
    files = {"zz/__init__.py": guard, "zz/new.py": NEWER}
    assert seen(site, files) == []
    files = {"zz/__init__.py": guard, "zz/new.py": "from .newer import x", "zz/newer.py": NEWER}
    assert seen(site, files) == []
    files = {
        "zz/__init__.py": guard,
        "zz/new/__init__.py": "from .a import x",
        "zz/new/a.py": NEWER,
        "zz/new/b.py": NEWER,
    }
    assert seen(site, files) == []
    (row,) = seen(site, {"zz/__init__.py": guard, "zz/new.py": NEWER, "zz/more.py": "import zz.new"})
    assert row.endswith(" zz/new.py:2 certain")


@pytest.mark.parametrize(
    "path", ["zz/tests/a.py", "zz/templates/a.py", "zz/my-file.py", "zz/test_a.py", "zz/a_test.py", "zz/skeleton/b.py"]
)
def test_tests_and_templates_need_not_compile(site: Path, path: str) -> None:
    """Tests and templates need not compile, because they are not imported as part of the package."""
    assert seen(site, {"zz/__init__.py": "", path: "{{ x }} def"}) == []


@pytest.mark.parametrize(
    "content",
    [b"\0", b"\xff\xfe", b"# coding: nothing\n", b"(" * 100_000, b"x = " + b"-" * 100_000 + b"1", b"", b"if x:\n" * 99],
)
def test_whatever_a_module_holds_is_read(site: Path, content: bytes) -> None:
    """A module with binary, undecodable or deeply nested content does not stop the script."""
    rows = seen(site, {"zz/__init__.py": content, "zz/a.py": "import zz_gone"})
    assert rows[-1] == "undeclared zz_gone zz/a.py:1 unsure"


def test_what_is_not_installed_tells_nothing(site: Path) -> None:
    """A distribution that is not installed, or whose files are missing, has no observations."""
    assert modules.observations(Record.find("zz-none"), ["zz"]) == []
    install(site, "zz", {"zz/__init__.py": ""})
    (site / "zz/__init__.py").unlink()
    assert modules.observations(Record.find("zz"), ["zz"]) == []


def test_files_that_this_python_compiles_are_told(tmp_path: Path) -> None:
    """Files whose syntax this Python supports are listed, so that templates are told apart; so are unreadable files."""
    write_files(tmp_path, {"good.py": "x = 1", "bad.py": "x = ="})
    good, bad, gone = (str(tmp_path / name) for name in ("good.py", "bad.py", "gone.py"))
    assert modules.compiled([good, bad, gone]) == [good, gone]


@pytest.mark.slow
def test_a_large_distribution_is_read_in_time(site: Path) -> None:
    """A distribution with 300 modules is read within two seconds."""
    files = {f"zz/m{number}.py": f"from zz import m{number + 1}\nimport zz_gone{number}\n" for number in range(300)}
    with in_time(2):
        assert len(seen(site, {"zz/__init__.py": "from . import m0", **files})) == 200


def test_modules_that_import_each_other_are_followed_in_time(site: Path) -> None:
    """Circular imports are followed within a second, because each module is examined only once."""
    lines = {i: "".join(f"from zz import m{(i * 7 + j * 13 + 1) % 40}\n" for j in range(12)) for i in range(40)}
    files = {f"zz/m{i}.py": text for i, text in lines.items()}
    with in_time(1):
        told = seen(site, {"zz/__init__.py": "", **files, "zz/m0.py": f"{lines[0]}x = = 1\n"})
    assert told == ["syntax invalid syntax zz/m0.py:13 unsure"]
