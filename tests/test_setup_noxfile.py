from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nox_ship.errors import ShipError
from nox_ship.setup.noxfile import BARE, NEW, Noxfile
from support import each

MAIN = '\n\nif __name__ == "__main__":\n    nox.main()\n'


def extended(text: str) -> str:
    """Return a noxfile with our lines added, after checking that it is Python and registers our sessions."""
    made = Noxfile.read(text).extended()
    assert made is not None
    assert Noxfile.read(made).registered
    compile(made, "noxfile.py", "exec")
    return made


@contextmanager
def perhaps_refused() -> Iterator[None]:
    """Accept that the code inside raises NS811, but no other error."""
    try:
        yield
    except ShipError as error:
        if [finding.id for finding in error.findings] != ["NS811"]:
            raise


def test_our_own_noxfiles_register() -> None:
    """Our noxfile for a project has a script block that lets nox install nox-ship; that for a job has none."""
    assert Noxfile.read(NEW).registered
    assert Noxfile.read(NEW).scripted
    assert Noxfile.read(BARE).registered
    assert not Noxfile.read(BARE).scripted


@each(
    ("text", "block"),
    [
        ("import nox\n\n\n@nox.session\ndef mine(session):\n    pass\n", True),
        ("import nox\n\n\n@nox.session\ndef mine(session):\n    pass" + MAIN, True),
        (
            '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\nimport nox\n\nnox.options.reuse = True\n',
            True,
        ),
        ("#!/usr/bin/env python\nimport nox\n", True),
        ("import nox\nimport tomlkit\n", False),
        ("import nox\n\n@nox.session\ndef a(s):\n    import requests\n", False),
        ("import nox", True),
        ("for name in 'ab':\n    print(name)\nimport nox\n", True),
        ("import nox\n\ntry:\n    from nox_poetry import session\nexcept ImportError:\n    raise SystemExit\n", False),
        ("import nox\n\nNAMES = []\nNAMES += [1]\nwith open('x') as f:\n    pass\n", True),
    ],
)
def test_two_lines_are_added(text: str, block: bool) -> None:
    """Our lines go below imports and sessions; a script block is added if nothing else must be installed."""
    made = extended(text)
    assert Noxfile.read(made).scripted == block
    assert made.startswith("#!") == text.startswith("#!")
    for line in text.strip().splitlines():
        assert line in made
    assert made.index("import nox_ship") > made.index("import nox")
    if "__main__" in made:
        assert made.index("nox_ship.register()") < made.index("__main__")


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("import nox\n\n\ndef f():\n    pass\n", "\n\n\nnox_ship"),
        ("import nox\n\n\ndef f():\n    pass\n" + MAIN, "\n\n\nnox_ship"),
        ("import nox\n\nnox.options.x = 1\n", "= 1\n\nnox_ship"),
    ],
)
def test_linters_find_nothing_in_what_is_added(text: str, gap: str) -> None:
    """Two empty lines follow a definition, and one follows anything else (pycodestyle's E305)."""
    assert f"{gap}.register()" in extended(text)


@pytest.mark.parametrize(
    "text",
    [
        "import nox_ship as ns\n\nns.register()\n",
        "from nox_ship import register as ours\n\nours()\n",
    ],
)
def test_registering_by_another_name_is_seen(text: str) -> None:
    """A call of `register` by another name is found; a second call would register excluded sessions again."""
    assert Noxfile.read(text).registered


def test_imports_below_are_no_place_for_ours() -> None:
    """Our lines go above the `__main__` block, even if there are imports below it."""
    made = extended(f"import nox{MAIN}\nimport os\n")
    assert made.index("import nox_ship") < made.index("nox_ship.register()") < made.index("__main__")


@pytest.mark.parametrize(
    ("dependencies", "after"),
    [('["nox", "nox_ship>=0.1"]', '["nox", "nox_ship>=0.1"]'), ('["Nox"]', '["Nox", "nox-ship"]')],
)
def test_a_name_is_known_in_any_spelling(dependencies: str, after: str) -> None:
    """A dependency is recognised in any spelling of its name (PEP 503)."""
    text = f"# /// script\n# dependencies = {dependencies}\n# ///\nimport nox\n"
    assert f"dependencies = {after}\n" in extended(text)


def test_a_block_that_is_none_is_left() -> None:
    """A noxfile with an invalid script block is not changed."""
    assert Noxfile.read('# /// script\n# dependencies = "nox"\n# ///\nimport nox\n').extended() is None


def test_a_block_of_a_registered_noxfile_is_completed() -> None:
    """If a noxfile already registers our sessions, nox-ship is added to its script block, but no block is added."""
    text = '# /// script\n# dependencies = ["nox"]\n# ///\nimport nox\nimport nox_ship\n\nnox_ship.register()\n'
    assert '["nox", "nox-ship"]' in Noxfile.read(text).completed()
    assert Noxfile.read(BARE).completed() == BARE
    assert Noxfile.read(NEW).completed() == NEW


@each(
    ("call", "excluded"),
    [
        ('nox_ship.register(exclude=["coverage", "audit"])', True),
        ('LEFT = ["coverage"]\nnox_ship.register(exclude=LEFT)', True),
        ('from nox_ship import register as r\nr(exclude=("coverage",))', True),
        ('import nox_ship as ns\nns.register(exclude=["coverage"])', True),
        ('register(exclude=["coverage"])', False),
        ('nox_ship.register(exclude=["audit"])', False),
        ("nox_ship.register()", False),
        ('other(exclude=["coverage"])', False),
    ],
)
def test_what_is_excluded_is_read(call: str, excluded: bool) -> None:
    """Excluded sessions are found if the call of `register`, or a variable in it, lists them."""
    assert Noxfile.read(f"import nox_ship\n{call}\n").excludes("coverage") == excluded


def test_a_block_that_is_there_gets_what_it_lacks() -> None:
    """An existing script block gets the missing nox-ship and keeps its other entries."""
    text = '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["nox>=2025", "rich"]\n# ///\nimport nox\n'
    made = extended(text)
    assert '"nox>=2025", "rich", "nox-ship"' in made
    assert made.count("# ///") == 2
    assert Noxfile.read(made).scripted


@pytest.mark.parametrize(
    "text",
    [
        "with open('x') as f:\n    pass\n",
        "x = 1\n",
        "try:\n    import nox\nexcept ImportError:\n    pass\n",
    ],
)
def test_what_imports_nothing_at_its_top_is_left_to_the_user(text: str) -> None:
    """A noxfile without imports at its top level is not changed, as there is no place for ours."""
    assert Noxfile.read(text).extended() is None


@pytest.mark.parametrize("text", ["def broken(:\n", "import nox\n  x\n", "x = '\0'\n", "(" * 5000, f"x = {'9' * 5000}"])
def test_what_is_no_python_is_refused(text: str) -> None:
    """A noxfile that is not valid Python, or has too many digits or parentheses, is refused with NS811."""
    with pytest.raises(ShipError, match="NS811"):
        Noxfile.read(text)


@each("code", ["-" * 5000 + "1", "a" + ".b" * 5000, "1" + "+1" * 5000])
def test_code_that_python_may_not_read_is_read_or_refused(code: str) -> None:
    """Code with deep nesting, which some Pythons cannot read, is either read like any other or refused with NS811."""
    with perhaps_refused():
        noxfile = Noxfile.read(f"import nox\nx = {code}\n")
        assert not noxfile.registered
        assert noxfile.foreign == noxfile.besides == ()
        assert not noxfile.written.sessions
        noxfile.extended()


def test_expressions_are_read_no_further_than_they_have_to_be() -> None:
    """A noxfile is read even if there are long numbers and deep nesting beside our lines."""
    number = f"0x{'f' * 5000}"
    text = f"import nox_ship\nx = {number}\nif {number}: pass\ny[{number}] = a{'(1)' * 900}\n"
    noxfile = Noxfile.read(f"{text}@nox.session(name={number})\ndef lint(s): pass\nnox_ship.register(exclude=x)\n")
    assert noxfile.registered
    assert not noxfile.excludes("lint")
    assert [one.name for one in noxfile.written.sessions] == ["lint"]


@each(
    "text",
    [
        "import nox; x = '''\nx'''\n",
        "# /// script\n# dependencies = 5\n# ///\nimport nox\n",
        f"# /// script\n# dependencies = {'[' * 5000}\n# ///\nimport nox\n",
        '# /// script\n# dependencies = ["nox"]\n# dependencies.x = 5\n# ///\nimport nox\n',
    ],
)
def test_nothing_is_added_where_it_would_not_register(text: str) -> None:
    """Nothing is added if the import's line ends inside a string, or if the script block is invalid."""
    assert Noxfile.read(text).extended() is None


def test_lines_are_counted_as_python_does() -> None:
    """Unicode's other line separators do not count as line breaks, as in Python."""
    assert extended(f'import nox\nx = "\x0c\u2028\x85"\n{MAIN}').count("nox_ship") == 2


@each(
    "text",
    [
        "x" + ".a" * 3000 + "()",
        "f" + "()" * 500,
        "@a" + ".b" * 500 + "\ndef f(): ...\nif " + "not " * 500 + "x: ...",
        "import nox\n# /// script\n# dependencies = " + "[" * 3000 + "\n# ///\n",
        "import nox\n# /// script\n# dependencies = 5\n# ///\nimport nox_ship\nnox_ship.register()\n",
    ],
)
def test_whatever_a_noxfile_holds_only_our_errors_come_of_it(text: str) -> None:
    """Whatever a noxfile contains, reading and extending it raises only NS811."""
    with perhaps_refused():
        noxfile = Noxfile.read(text)
        _ = noxfile.registered, noxfile.foreign, noxfile.scripted, noxfile.excludes("tests")
        _ = noxfile.written.sessions, noxfile.written.pythons, noxfile.written.unsure, noxfile.late
        noxfile.extended()
        noxfile.completed()
