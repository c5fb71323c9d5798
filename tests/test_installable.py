from __future__ import annotations

import contextlib
import io
import sys

import pytest
from packaging.tags import sys_tags

from fakes import Call, Programs
from nox_ship.errors import ShipError
from nox_ship.package.installable import _QUESTION, installable
from nox_ship.process import COMMAND_MISSING

HERE = next(iter(sys_tags())).platform
SDIST, PURE = "sample-1.0.tar.gz", "sample-1.0-py2.py3-none-any.whl"
NAMES = {
    tags: f"sample-1.0-{tags}.whl"
    for tags in (
        "py2-none-any",
        "py3-none-win_arm64",
        f"py3-none-{HERE}",
        "cp312-none-any",
        "cp313-none-any",
        f"cp312-cp312-{HERE}",
        "cp312-cp312-win_arm64",
        "cp312-cp312-macosx_10_9_universal2",
        "cp312-cp312-musllinux_1_2_x86_64.manylinux_2_17_mips",
        f"cp313-cp313-{HERE}",
        f"cp313-cp313t-{HERE}",
        f"cp39-cp39-{HERE}",
        f"cp39-abi3-{HERE}",
        f"cp313-abi3-{HERE}",
        f"cp312.cp313-abi3.none-{HERE}",
        f"pp311-pypy311_pp73-{HERE}",
        f"pp311-pypy311_pp80-{HERE}",
    )
}


def taken(python: str = "/a/python") -> set[str]:
    """Return the tags of the wheels that an interpreter can install."""
    names = installable([SDIST, PURE, *NAMES.values()], python)
    assert names[:2] == [SDIST, PURE]
    return {tags for tags, name in NAMES.items() if name in names}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            "cpython 3 12\ncp312-cp312-{0} cp312-abi3-{0} cp312-none-any cp39-abi3-{0} py3-none-{0} py3-none-any\n",
            {"cp312-none-any", "cp312-cp312-{0}", "cp39-abi3-{0}", "cp312.cp313-abi3.none-{0}", "py3-none-{0}"},
        ),
        ("cpython 3 13\r\ncp313-cp313t-{0} cp313-none-any py3-none-any\r\n", {"cp313-cp313t-{0}", "cp313-none-any"}),
        ("pypy 3 11\npp311-pypy311_pp80-{0} py3-none-{0} py3-none-any\n", {"pp311-pypy311_pp80-{0}", "py3-none-{0}"}),
    ],
)
def test_an_interpreter_is_asked_what_it_takes(programs: Programs, told: str, expected: set[str]) -> None:
    """The interpreter is asked once which tags it supports."""
    programs.answer("/a/python", stdout=told.format(HERE))
    assert taken() == {tags.format(HERE) for tags in expected}
    assert len(programs.calls) == 1


def test_a_python_that_packaging_does_not_know_takes_what_cpython_does(programs: Programs) -> None:
    """If `packaging` fails on an old CPython, its version decides which wheels it can install."""
    programs.answer("/a/python", code=1, stdout="cpython 3 9\n")
    assert taken() == {f"cp39-cp39-{HERE}", f"cp39-abi3-{HERE}", f"py3-none-{HERE}"}


@pytest.mark.parametrize("told", ["", "\n", "pypy 3 9\n", "words"])
def test_an_interpreter_that_does_not_tell_takes_every_file(programs: Programs, told: str) -> None:
    """If the interpreter gives no valid answer, every file is tried, which shows what is wrong."""
    programs.answer("/a/python", code=1, stdout=told)
    assert taken() == set(NAMES)


def test_an_interpreter_that_cannot_be_started_takes_every_file(programs: Programs) -> None:
    """If the interpreter cannot be started, every file is tried, which shows why."""

    def missing(call: Call) -> tuple[int, str]:
        raise ShipError(COMMAND_MISSING(f"{call.line[0]} cannot be run."))

    programs.play("/a/python", reply=missing)
    assert taken() == set(NAMES)


def test_files_for_every_python_need_no_question(programs: Programs) -> None:
    """If all files fit every Python, the interpreter is not started."""
    assert installable([PURE, SDIST], "/a/python") == [PURE, SDIST]
    assert installable([SDIST], "/a/python") == [SDIST]
    assert programs.calls == []


def test_the_question_is_answered_with_the_interpreters_own_tags(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script prints the interpreter's implementation, version and tags, as `packaging` lists them."""

    def play(call: Call) -> tuple[int, str]:
        *start, code, folder = call.line
        assert start == ["/a/python", "-I", "-S", "-c"]
        monkeypatch.setattr(sys, "argv", ["-c", folder])
        monkeypatch.setattr(sys, "path", [*sys.path])
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code, {})
        assert output.getvalue().startswith(f"{sys.implementation.name} {sys.version_info[0]} {sys.version_info[1]}\n")
        return 0, output.getvalue()

    programs.play(_QUESTION, reply=play)
    own = {str(tag) for tag in sys_tags()}
    assert taken() == {tags for tags in NAMES if any(tag in own for tag in _each(tags))}


def _each(tags: str) -> list[str]:
    pythons, abis, platforms = (part.split(".") for part in tags.split("-", 2))
    return [f"{python}-{abi}-{place}" for python in pythons for abi in abis for place in platforms]
