from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stdout

import pytest

from nox_ship import sessions
from nox_ship.manual import SESSIONS
from reference_pages import PARSERS
from support import each


def test_every_session_is_described() -> None:
    """The manual describes all registered sessions and no others."""
    assert set(SESSIONS) == set(sessions._SPECS)


@each("name", SESSIONS)
def test_the_examples_of_a_session_can_be_typed(name: str) -> None:
    """The session's parser accepts each example of the manual."""
    for command, _ in SESSIONS[name].examples:
        line = shlex.split(command)
        called = line[line.index("-s") + 1 : line.index("--") if "--" in line else None]
        assert {re.sub(r"-3\.\d+$", "", one) for one in called} <= set(SESSIONS)
        PARSERS[name](line[line.index("--") + 1 :] if "--" in line else [])


@each("name", SESSIONS)
def test_a_session_tells_its_examples_and_where_to_read_on(name: str) -> None:
    """`-- --help` starts with the usage and ends with examples and the page to read."""
    with pytest.raises(SystemExit) as caught, redirect_stdout(io.StringIO()) as out:
        PARSERS[name](["--help"])
    assert caught.value.code == 0
    said = out.getvalue()
    assert said.startswith(f"usage: nox -s {name} --")
    assert re.search(r"\nexamples:\n(  nox .*  \w.*\n)+\nRead more: docs/[\w./-]+\.md\n$", said)
