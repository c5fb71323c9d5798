from __future__ import annotations

import pytest

from nox_ship.config import WorkflowSettings
from nox_ship.errors import ShipError
from nox_ship.setup.keep import is_ours, keep_own
from nox_ship.setup.workflows import ACTIONS, Facts, render
from support import each

FACTS = Facts(
    branch="main", tag="v{version}", pythons=("3.12",), coverage=True, besides=(), settings=WorkflowSettings()
)
CI = ".github/workflows/ci.yml"


def test_own_parts_are_kept() -> None:
    """Lines between the markers of a custom section keep their place; changes anywhere else are undone."""
    text = render(FACTS)[CI]
    own = "      # >>> own: steps before a gate\n      - run: apt-get install x\n      # <<< own\n"
    changed = text.replace("      # >>> own: steps before a gate\n      # <<< own\n", own).replace(
        "name: CI\n", "name: Mine\n"
    )
    assert changed.count("apt-get") == 1
    assert keep_own(text, changed) == text.replace("      # >>> own: steps before a gate\n      # <<< own\n", own)
    assert keep_own(text, text) == text
    assert keep_own(text, "something else") == text


VERSION = ACTIONS["checkout"].rpartition("v")[2]


@each(
    ("version", "kept"),
    [("999.1", True), (f"{VERSION}.1", True), ("999", True), ("0.9.9", False), (VERSION, False)],
)
def test_newer_pins_are_kept(version: str, kept: bool) -> None:
    """An action updated to a newer version is kept; an older version, or another commit of the same version, is not."""
    text = render(FACTS)[CI]
    ours = ACTIONS["checkout"]
    theirs = f"actions/checkout@{'0' * 40} # v{version}"
    changed = text.replace(ours, theirs)
    assert changed != text
    assert keep_own(text, changed) == (changed if kept else text)
    once = text.replace(ours, theirs, 1)
    assert keep_own(text, once) == (changed if kept else text)


def test_a_short_version_may_be_a_later_one() -> None:
    """A pin commented `# v7` is kept, because `v7` could be later than 7.0.1."""
    text = render(FACTS)[CI]
    changed = text.replace(ACTIONS["checkout"], f"actions/checkout@{'0' * 40} # v{VERSION.partition('.')[0]}")
    assert changed != text
    assert keep_own(text, changed) == changed


def test_a_pin_of_no_version_is_passed_over() -> None:
    """A pin whose version number is too long for Python to parse is replaced by ours."""
    text = render(FACTS)[CI]
    pin = f"actions/checkout@{'0' * 40} # v{'9' * 5000}"
    assert keep_own(text, text.replace(ACTIONS["checkout"], pin)) == text


def test_pins_in_own_parts_are_nobody_elses() -> None:
    """A custom section may pin an action to any version, and that pin is not copied to other steps."""
    text = render(FACTS)[CI]
    step = f"      - uses: actions/checkout@{'1' * 40} # v999\n"
    changed = text.replace(OPEN, OPEN + step, 1)
    assert changed != text
    assert keep_own(text, changed) == changed


OPEN, CLOSE = "      # >>> own: steps before a gate\n", "      # <<< own\n"


@each(
    ("old", "new", "words"),
    [
        (OPEN + CLOSE, OPEN + "      - run: x\n", "mark"),
        (OPEN + CLOSE, "      - run: x\n" + CLOSE, "mark"),
        (OPEN + CLOSE, "      # >>> own: mine\n      - run: x\n" + CLOSE, "'mine'"),
        (OPEN + CLOSE, (OPEN + "      - run: x\n" + CLOSE) * 2, "mark"),
    ],
)
def test_own_parts_are_never_lost(old: str, new: str, words: str) -> None:
    """If a custom section has lost a marker, appears twice or has an unknown name, NS819 stops the update."""
    text = render(FACTS)[CI]
    assert old in text
    with pytest.raises(ShipError, match=f"NS819.*{words}"):
        keep_own(text, text.replace(old, new))


def test_ours_are_told_from_others() -> None:
    """A file that nox-ship wrote is recognized by its first line."""
    assert all(map(is_ours, render(FACTS).values()))
    assert not is_ours("name: CI\n")


def test_a_mark_in_a_file_that_is_not_ours_is_no_part() -> None:
    """In a file that nox-ship did not write, a start marker without an end marker is no error."""
    text = render(FACTS)[CI]
    assert keep_own(text, "      # >>> own: steps before a gate\n") == text
