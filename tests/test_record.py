from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from nox_ship.release.record import Record
from support import each

RECORD = Record("h" * 40, "1.0", "v1.0", "me", 1.5, commit="c" * 40, passed={"tests": 2.0}, failed=["lint"])


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A record is read as it was written; without a file, there is none."""
    RECORD.write(tmp_path / "record.json")
    assert Record.read(tmp_path / "record.json") == RECORD
    assert Record.read(tmp_path / "other.json") is None


@each(
    "change",
    [
        {"version": None},
        {"version": 1.0},
        {"tag": ["v1.0"]},
        {"commit": 5},
        {"made_at": "now"},
        {"made_at": float("nan")},
        {"passed": ["tests"]},
        {"passed": {"tests": "quick"}},
        {"failed": "lint"},
        {"failed": [5]},
        {"more": 1},
    ],
)
def test_a_record_of_another_form_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    """A record with values of the wrong type or unknown keys is ignored, so the release starts with a new clone."""
    path = tmp_path / "record.json"
    path.write_text(json.dumps({**asdict(RECORD), **change}), encoding="utf-8")
    assert Record.read(path) is None


@each("content", [b"", b"[" * 100_000, b"9" * 5000, b"\xff", b"null", b"[]"])
def test_what_is_no_record_is_none(tmp_path: Path, content: bytes) -> None:
    """A file that is not a JSON object is no record."""
    (tmp_path / "record.json").write_bytes(content)
    assert Record.read(tmp_path / "record.json") is None
