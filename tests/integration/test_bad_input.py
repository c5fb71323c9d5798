"""Mistakes that a user can make before a release: each causes one clear line and exit code 1, and changes nothing."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import PYTHON, Bench


def dirty(bench: Bench) -> None:
    bench.write({"README.md": "# other\n"})


def not_toml(bench: Bench) -> None:
    bench.write({"pyproject.toml": "[project\n"})
    bench.commit()


def wrong_setting(bench: Bench) -> None:
    bench.edit("pyproject.toml", 'gates = ["tests"]\n', 'gate = ["tests"]\n')
    bench.commit()


def nothing(_: Bench) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "wanted", "expected"),
    [
        (dirty, "patch", ["NS203", "README.md"]),
        (not_toml, "patch", ["NS112", "line 1"]),
        (wrong_setting, "patch", ["NS101", "tool.nox-ship.gate", "Did you mean `gates`?"]),
        (nothing, "pach", ["NS302", "Did you mean patch?"]),
    ],
)
def test_bad_input_is_one_line(
    bench: Bench, prepare: Callable[[Bench], None], wanted: str, expected: list[str]
) -> None:
    """A mistake ends the rehearsal with one line that has an ID and a remedy, no traceback, and nothing changed."""
    prepare(bench)
    before = bench.snapshot()
    outcome = bench.rehearse(wanted)
    assert outcome.code == 1
    assert "Traceback" not in outcome.output
    (line,) = [line for line in outcome.output.splitlines() if line.startswith("nox > Session release aborted")]
    for text in expected:
        assert text in line, outcome.output
    assert bench.snapshot() == before


def test_everything_wrong_is_told_at_once(bench: Bench) -> None:
    """An uncommitted file, a wrong branch, a wrong part and an unknown gate are reported by one run."""
    bench.edit("pyproject.toml", '["tests"]', '["tests", "docs"]')
    bench.commit()
    bench.git("switch", "--quiet", "--create", "feature")
    dirty(bench)
    outcome = bench.rehearse("pach")
    assert outcome.code == 1
    assert outcome.has("NS104", "NS203", "NS205", "NS302"), outcome.output


def test_python_that_is_missing_in_ci(bench: Bench) -> None:
    """In CI, a Python that is not installed stops the release before anything runs (NS804)."""
    bench.edit("pyproject.toml", 'gates = ["tests"]\n', f'gates = ["tests"]\npythons = ["{PYTHON}", "3.99"]\n')
    bench.commit()
    outcome = bench.rehearse(env={"CI": "true"})
    assert outcome.code == 1
    assert outcome.has("NS804", "3.99")
    assert not outcome.has("gates")


def test_no_identity(bench: Bench, tmp_path: Path) -> None:
    """If git has no name and email for the commit, NS211 stops the rehearsal before the release is made."""
    bench.git("config", "--unset", "user.name")
    bench.git("config", "--unset", "user.email")
    bench.git("config", "user.useConfigOnly", "true")
    env = {
        "GIT_CONFIG_GLOBAL": str(tmp_path / "none"),
        "GIT_CONFIG_SYSTEM": str(tmp_path / "none"),
        "EMAIL": "",
    }
    outcome = bench.rehearse(env=env)
    assert outcome.code == 1
    assert outcome.has("NS211")


def test_port_that_is_taken(bench: Bench) -> None:
    """A port that another program uses is reported (NS803), with the setting that avoids it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        bench.edit("pyproject.toml", 'gates = ["tests"]\n', f'gates = ["tests"]\nrehearsal.port = {port}\n')
        bench.commit()
        outcome = bench.rehearse()
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS803", str(port), "port = 0")


def test_second_rehearsal_at_once(bench: Bench) -> None:
    """A rehearsal that is started while another one runs in the same checkout is refused (NS805)."""
    bench.write({"tests/test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(4)\n"})
    bench.commit()
    first = bench.start("-s", "release", "--", "patch", "--dry-run")
    try:
        while not list(bench.cache.glob("*/stage.json")):
            assert first.poll() is None
            time.sleep(0.05)
        outcome = bench.rehearse()
    finally:
        first.wait(timeout=60)
    assert outcome.code == 1
    assert outcome.has("NS805")
    assert first.returncode == 0


def test_no_space_for_temporary_files(bench: Bench, tmp_path: Path) -> None:
    """A temporary folder without enough space is reported before anything is written (NS801)."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        before = bench.snapshot()
        outcome = bench.rehearse(env={"TMPDIR": str(small)})
        assert bench.snapshot() == before
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS801", str(small), "TMPDIR")
