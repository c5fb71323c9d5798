from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from nox_ship import json_data
from support import each


@dataclass(frozen=True)
class Inner:
    """A nested object of the JSON text."""

    size: int


@dataclass(frozen=True)
class Outer:
    """A field for each type that can be stored."""

    name: str
    kind: Literal["a", "b"] = "a"
    tag: str | None = None
    done: bool = False
    seconds: float = 0.0
    parts: tuple[Inner, ...] = ()
    times: dict[str, float] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answer(json_data.Open):
    """Data written by another program."""

    name: str


def test_an_object_becomes_a_dataclass() -> None:
    """Lists become tuples if the field is one, integers are accepted as floats, and missing keys get their defaults."""
    value = {"name": "x", "kind": "b", "tag": None, "parts": [{"size": 1}], "times": {"a": 2}, "words": ["w"]}
    assert json_data.read(Outer, value) == Outer("x", "b", None, parts=(Inner(1),), times={"a": 2}, words=["w"])


@each(
    "change",
    [
        {"name": None},
        {"name": 5},
        {"name": "\ud800"},
        {"kind": "c"},
        {"kind": ["a"]},
        {"tag": 5},
        {"tag": ["x"]},
        {"done": 1},
        {"done": None},
        {"seconds": True},
        {"seconds": "1"},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": 10**400},
        {"parts": {}},
        {"parts": [5]},
        {"parts": [{"size": True}]},
        {"parts": [{"size": 1.0}]},
        {"parts": [{}]},
        {"parts": [{"size": 1, "more": 1}]},
        {"times": {"a": None}},
        {"times": {"\ud800": 1.0}},
        {"times": []},
        {"words": "w"},
        {"words": [None]},
        {"more": 1},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    """A value of the wrong type, an unknown key, a lone surrogate and a number that is not finite are ValueErrors."""
    with pytest.raises(ValueError, match=r"."):
        json_data.read(Outer, {"name": "x", **change})


@each("value", [None, 5, [], "x", {}])
def test_what_is_no_such_object_is_refused(value: object) -> None:
    """Anything but an object is a ValueError, and so is an object that lacks a required key."""
    with pytest.raises(ValueError, match="Outer"):
        json_data.read(Outer, value)


def test_fields_with_a_default_of_their_own_may_be_left_out() -> None:
    """A field may be left out if it has a default value or a default factory."""
    assert json_data.read(Outer, {"name": "x"}) == Outer("x")


def test_what_others_write_may_hold_more() -> None:
    """A subclass of `Open` ignores unknown keys, but still requires its own."""
    assert json_data.read(Answer, {"name": "x", "more": [5]}) == Answer("x")
    with pytest.raises(ValueError, match="Answer lacks name"):
        json_data.read(Answer, {"more": 1})


@each("text", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, "x"])
def test_what_is_no_json_is_one_kind_of_error(text: bytes | str) -> None:
    """Invalid JSON is a ValueError, even if it is nested too deeply or has a number too long for Python to parse."""
    with pytest.raises(ValueError, match=r"."):
        json_data.parse(text)
