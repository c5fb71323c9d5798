from __future__ import annotations

import subprocess
import sys
import time

import pytest

from nox_ship import output, process
from nox_ship.errors import ShipError
from nox_ship.output import Kept, TooMuchError, collect
from test_process import python


def test_beginning_and_end_are_kept() -> None:
    """The beginning and end of long output are kept, with the number of bytes omitted between them."""
    kept = Kept(4)
    for piece in (b"ab", b"cd", b"ef", b"gh"):
        kept.add(piece)
    assert (kept.text(), kept.left_out) == ("abcdefgh", 0)
    for piece in (b"ij", b"k", b"lm"):
        kept.add(piece)
    assert kept.text() == "abcd\n[... 4 bytes omitted ...]\nijklm"


def test_text_is_read_across_pieces() -> None:
    """A character or line ending that is split between two pieces is read correctly."""
    kept = Kept()
    for piece in (b"a\xc3", b"\xa9\r", b"\nb\xff"):
        kept.add(piece)
    assert kept.text() == "aé\nb\ufffd"
    assert kept.text("surrogateescape") == "aé\nb\udcff"


@pytest.mark.slow
def test_what_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that writes endlessly is stopped by a size limit or by its timeout."""
    monkeypatch.setattr(output, "KEPT", 1000)
    endless = "import os\nwhile True: os.write(1, b'x' * 1000)"
    with pytest.raises(TooMuchError), process._started(python(endless)) as proc:
        collect(proc, "", 20, whole=100_000)
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired), process._started(python(endless)) as proc:
        collect(proc, "", 0.2)
    assert time.monotonic() - begun < 5


def test_a_program_gets_its_input_while_it_writes() -> None:
    """A program may read and write large amounts at the same time; ignoring its input is no failure."""
    text = "x" * 300_000
    code = "import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('y' * 300_000)"
    done = process.run(python(code), stdin=text)
    assert (done.stdout, done.stderr) == (text, "y" * 300_000)
    assert process.run(python(""), stdin=text).code == 0


def test_too_much_output_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that writes too much is stopped with NS746, because incomplete output cannot be used."""
    monkeypatch.setattr(process, "MOST", 1000)
    with pytest.raises(ShipError, match=r"NS746.*-S -E -c"):
        process.run([sys.executable, "-S", "-E", "-c", "import os\nwhile True: os.write(2, b'x' * 1000)"])


@pytest.mark.slow
def test_of_long_lines_and_logs_beginning_and_end_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session may write any amount: long lines are shown in parts, and the middle of a long log is omitted."""
    monkeypatch.setattr(process, "_LONGEST_LINE", 1000)
    lines: list[str] = []
    done = process.run(python("print('a' * 2500); print('b'); print('c' * 8_000_000)"), on_line=lines.append)
    assert [len(line) for line in lines[:4]] == [1000, 1000, 500, 1]
    assert done.stdout.startswith("aaa")
    assert done.stdout.endswith("ccc\n")
    assert "bytes omitted" in done.stdout
    assert len(done.stdout) < 5_000_000
