from __future__ import annotations

import pytest

from nox_ship.release.filters import admits, matches
from support import each


@each(
    ("pattern", "name", "expected"),
    [
        ("v1.2.0", "v1.2.0", True),
        ("v1.2.0", "v1x2x0", False),
        ("*", "v1.2.0", True),
        ("*", "pkg/v1.2.0", False),
        ("**", "pkg/v1.2.0", True),
        ("pkg/*", "pkg/v1", True),
        ("*/v1", "pkg/v1", True),
        ("v*", "1.0", False),
        ("*.0", "v1.2.0", True),
        ("v2*", "v2", True),
        ("v1.?", "v1", True),
        ("v1.?", "v1.", True),
        ("v1.?", "v1.0", False),
        ("v?1", "1", True),
        ("[0-9]+", "12", True),
        ("[0-9]+", "", False),
        ("v[12].[0-9]+.[0-9]+", "v1.10.1", True),
        ("v[12].[0-9]+.[0-9]+", "v3.0.0", False),
        ("[CB]at", "Bat", True),
        ("[CB]at", "bat", False),
        ("[0-9a-z]", "k", True),
        ("[0-9]*", "1.0", True),
        ("v[0-9]*", "vx", False),
        (r"1.0\+x", "1.0+x", True),
        (r"1.0\+x", "1.00x", False),
        (r"\*", "*", True),
        (r"\*", "x", False),
        ("[", "[", True),
        ("[]", "[]", True),
        ("+", "+", True),
        ("", "", True),
        ("", "v1", False),
        ("V1", "v1", False),
        ("v1", "v1\n", False),
        ("größe-*", "größe-1", True),
    ],
)
def test_patterns_are_those_of_github(pattern: str, name: str, expected: bool) -> None:
    """Filter patterns match as in the examples of GitHub's documentation, and invalid ones match themselves."""
    assert matches(pattern, name) is expected


@each(
    ("patterns", "expected"),
    [
        ([], False),
        (["v*"], True),
        (["v*", "!v1*"], False),
        (["!v1*", "v*"], True),
        (["v*", "!v1*", "v1.2*"], True),
        (["!x"], False),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: list[str], expected: bool) -> None:
    """A pattern with `!` excludes what earlier patterns included, and a later pattern can include it again."""
    assert admits(patterns, "v1.2.0") is expected


@pytest.mark.parametrize(
    "pattern", ["a" * 50_000, "*a" * 60 + "b", "a+" * 99 + "b", "a++++?+" * 60, "**" * 99 + "b", "a?" * 99 + "b"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """Even a pattern that is designed to be slow is matched quickly."""
    assert not matches(pattern, "a" * 120 + "c")
