from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.package import bytecode
from support import write_files

RECORD = "six.py,sha256=a,3\nclick/__init__.py,sha256=b,3\nclick/core.py,sha256=c,3\nclick-8.0.dist-info/RECORD,,\n"
CACHES = {
    "__pycache__/six.cpython-312.pyc": "six",
    "__pycache__/other.cpython-312.pyc": "other",
    "click/__pycache__/core.cpython-312.pyc": "core",
    "click/__pycache__/core.cpython-312.opt-1.pyc": "core",
    "click/__pycache__/core.txt": "no bytecode",
}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """Return the packages of an environment in which something ran."""
    write_files(tmp_path / "before", {"click-8.0.dist-info/RECORD": RECORD, **CACHES})
    return tmp_path / "before"


def taken(before: Path, record: str = RECORD) -> list[str]:
    """Return what an environment with this record takes over."""
    after = before.with_name("after")
    write_files(after, {"click-8.0.dist-info/RECORD": record, "click/core.py": "x = 1", "six.py": "y = 2"})
    bytecode.inherit(before, after)
    return sorted(path.relative_to(after).as_posix() for path in after.rglob("*") if path.parent.name == "__pycache__")


def test_the_bytecode_of_what_is_the_same_is_taken_over(before: Path) -> None:
    """Bytecode of a distribution is taken over if its record is the same; that of others in its folders is not."""
    assert taken(before) == [
        "__pycache__/six.cpython-312.pyc",
        "click/__pycache__/core.cpython-312.opt-1.pyc",
        "click/__pycache__/core.cpython-312.pyc",
    ]


def test_the_bytecode_of_what_changed_is_left(before: Path) -> None:
    """If the hash of any file of a distribution is another one, none of its bytecode is taken over."""
    assert taken(before, RECORD.replace("=c", "=d")) == []
    (before / "click-8.0.dist-info" / "RECORD").unlink()
    assert taken(before) == []


def test_bytecode_is_taken_from_the_environment_alone(before: Path, tmp_path: Path) -> None:
    """A record or a symlink that leads out of the environment moves nothing from there, and nothing to there."""
    write_files(tmp_path, {"outside/__pycache__/core.cpython-312.pyc": "x", "__pycache__/a.cpython-312.pyc": "x"})
    for name in ("core.cpython-312.opt-1.pyc", "core.cpython-312.pyc", "core.txt"):
        (before / "click" / "__pycache__" / name).unlink()
    (before / "click" / "__pycache__").rmdir()
    (before / "click" / "__pycache__").symlink_to(tmp_path / "outside" / "__pycache__")
    record = f"{RECORD}../a.py,sha256=a,3\n{tmp_path}/outside/core.py,sha256=a,3\n"
    (before / "click-8.0.dist-info" / "RECORD").write_text(record, "utf-8")
    assert taken(before, record) == ["__pycache__/six.cpython-312.pyc"]
    assert (tmp_path / "outside" / "__pycache__" / "core.cpython-312.pyc").is_file()
    assert (tmp_path / "__pycache__" / "a.cpython-312.pyc").is_file()


def test_a_record_that_cannot_be_read_costs_only_time(before: Path) -> None:
    """If a record is not text, nothing is taken over, and no error is raised."""
    (before / "click-8.0.dist-info" / "RECORD").write_bytes(b"\xff")
    assert taken(before) == []
