from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from nox_ship import json_data
from support import each


@dataclass(frozen=True)
class Inner:
    """A part of what is read."""

    size: int


@dataclass(frozen=True)
class Outer:
    """One field of each type that is stored."""

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
    """What another program writes."""

    name: str


def test_an_object_becomes_a_dataclass() -> None:
    """Lists become tuples where the field is one, whole numbers fit where fractions do, and defaults are used."""
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
    """A value of another type, an unknown key, half a surrogate pair and a number that is none are ValueErrors."""
    with pytest.raises(ValueError, match=r"."):
        json_data.read(Outer, {"name": "x", **change})


@each("value", [None, 5, [], "x", {}])
def test_what_is_no_such_object_is_refused(value: object) -> None:
    """Another kind of value, or an object without a key that has no default."""
    with pytest.raises(ValueError, match="Outer"):
        json_data.read(Outer, value)


def test_fields_with_a_default_of_their_own_may_be_left_out() -> None:
    """Also where the default is made anew each time."""
    assert json_data.read(Outer, {"name": "x"}) == Outer("x")


def test_what_others_write_may_hold_more() -> None:
    """Keys that an open dataclass does not know are passed over."""
    assert json_data.read(Answer, {"name": "x", "more": [5]}) == Answer("x")
    with pytest.raises(ValueError, match="Answer lacks name"):
        json_data.read(Answer, {"more": 1})


@each("text", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, "x"])
def test_what_is_no_json_is_one_kind_of_error(text: bytes | str) -> None:
    """Also what is nested too deeply, and a number of more digits than Python reads."""
    with pytest.raises(ValueError, match=r"."):
        json_data.parse(text)
