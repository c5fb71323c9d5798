"""Everything a user can get wrong before a release: one clear line, exit code 1, nothing changed."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import PYTHON, Bench


def not_a_repository(bench: Bench) -> None:
    (bench.root / ".git").rename(bench.root.parent / "gone")


def no_commit(bench: Bench) -> None:
    not_a_repository(bench)
    bench.git("init", "--quiet")


def dirty(bench: Bench) -> None:
    bench.write({"README.md": "# other\n"})


def untracked(bench: Bench) -> None:
    bench.write({"src/sample/forgotten.py": ""})


def detached(bench: Bench) -> None:
    bench.git("checkout", "--quiet", "--detach")


def wrong_branch(bench: Bench) -> None:
    bench.git("switch", "--quiet", "--create", "feature")


def behind(bench: Bench) -> None:
    bench.write({"more.txt": ""})
    bench.commit()
    bench.git("reset", "--quiet", "--hard", "HEAD~")


def behind_unknown(bench: Bench) -> None:
    other = bench.root.parent / "other"
    bench.git("clone", "--quiet", str(bench.remote), str(other))
    clone = Bench(other, bench.remote, bench.cache)
    clone.git("config", "user.name", "Other")
    clone.git("config", "user.email", "other@example.invalid")
    clone.write({"more.txt": ""})
    clone.commit()


def diverged(bench: Bench) -> None:
    behind_unknown(bench)
    bench.git("fetch", "--quiet")
    bench.write({"ours.txt": ""})
    bench.commit(push=False)


def no_pyproject(bench: Bench) -> None:
    bench.write({"pyproject.toml": None})
    bench.commit()


def not_toml(bench: Bench) -> None:
    bench.write({"pyproject.toml": "[project\n"})
    bench.commit()


def not_utf8(bench: Bench) -> None:
    (bench.root / "pyproject.toml").write_bytes(b'[project]\nname = "caf\xe9"\n')
    bench.commit()


def no_name(bench: Bench) -> None:
    bench.edit("pyproject.toml", 'name = "sample"\n', "")
    bench.commit()


def no_version(bench: Bench) -> None:
    bench.edit("pyproject.toml", 'version = "1.2.3"\n', "")
    bench.commit()


def odd_version(bench: Bench) -> None:
    bench.edit("pyproject.toml", 'version = "1.2.3"\n', 'version = "one"\n')
    bench.commit()


def local_tag(bench: Bench) -> None:
    bench.git("tag", "v1.2.4", "HEAD")
    bench.write({"more.txt": ""})
    bench.commit()


def remote_tag(bench: Bench) -> None:
    local_tag(bench)
    bench.git("push", "--quiet", "origin", "v1.2.4")
    bench.git("tag", "--delete", "v1.2.4")


def released_otherwise(bench: Bench) -> None:
    bench.git("tag", "v1.2.3")


def setting(text: str) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        bench.edit("pyproject.toml", 'gates = ["tests"]\n', text)
        bench.commit()

    return change


def ignored_noxfile(bench: Bench) -> None:
    bench.git("rm", "--quiet", "--cached", "noxfile.py")
    bench.write({".gitignore": "noxfile.py\n"})
    bench.commit()


def nothing(_: Bench) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "args", "expected"),
    [
        (not_a_repository, ["patch"], ["NS201", "git init"]),
        (no_commit, ["patch"], ["NS202"]),
        (dirty, ["patch"], ["NS203", "README.md"]),
        (untracked, ["patch"], ["NS203", "forgotten.py"]),
        (detached, ["patch"], ["NS204", "git switch"]),
        (behind, ["patch"], ["NS206", "git pull"]),
        (behind_unknown, ["patch"], ["NS206", "git pull"]),
        (diverged, ["patch"], ["NS207", "git pull --rebase"]),
        (no_pyproject, ["patch"], ["NS111"]),
        (not_toml, ["patch"], ["NS112", "line 1"]),
        (not_utf8, ["patch"], ["NS112", "UTF-8"]),
        (no_name, ["patch"], ["NS113"]),
        (no_version, ["patch"], ["NS301"]),
        (odd_version, ["patch"], ["NS303", "one"]),
        (nothing, ["pach"], ["NS302", "Did you mean patch?"]),
        (nothing, ["1.2.x"], ["NS303", "1.2.x"]),
        (nothing, ["1.2.2"], ["NS304", "1.2.3"]),
        (nothing, ["1.2.3rc1"], ["NS304"]),
        (nothing, ["2.0+local"], ["NS303"]),
        (nothing, [], ["NS305", "1.2.3"]),
        (nothing, ["patch", "--wihtout", "tests"], ["NS108"]),
        (nothing, ["patch", "--without", "tsts"], ["NS104", "tsts"]),
        (local_tag, ["patch"], ["NS221", "v1.2.4", "here"]),
        (remote_tag, ["patch"], ["NS221", "v1.2.4", "on the remote"]),
        (released_otherwise, ["1.3.0"], ["NS222", "v1.2.3"]),
        (setting('gate = ["tests"]\n'), ["patch"], ["NS101", "tool.nox-ship.gate", "Did you mean `gates`?"]),
        (setting('gates = "tests"\n'), ["patch"], ["NS102", "tool.nox-ship.gates"]),
        (setting('gates = ["test"]\n'), ["patch"], ["NS104", "'test'"]),
        (setting('tag = "release"\n'), ["patch"], ["NS103", "release"]),
        (setting('[tool.nox-ship.routes]\nfinal = "pipy"\n'), ["patch"], ["NS106", "pipy"]),
        (setting("[tool.nox-ship.tests]\ngruops = []\n"), ["patch"], ["NS101", "tool.nox-ship.tests.gruops"]),
        (setting('[tool.nox-ship.tests]\ngroups = ["nope"]\n'), ["patch"], ["NS401", "tool.nox-ship.tests.groups"]),
        (setting('changelog = "NEWS.md"\n'), ["patch"], ["NS308", "NEWS.md"]),
        (setting("rehearsal.port = 99999\n"), ["patch"], ["NS102", "tool.nox-ship.rehearsal.port"]),
        (ignored_noxfile, ["patch"], ["NS107"]),
    ],
)
def test_bad_input_is_one_line(
    bench: Bench, prepare: Callable[[Bench], None], args: list[str], expected: list[str]
) -> None:
    """A mistake ends the rehearsal with its ID and a remedy, exit code 1, no traceback, nothing changed."""
    prepare(bench)
    under_git = prepare not in (not_a_repository, no_commit)
    before = bench.snapshot() if under_git else {}
    outcome = bench.nox("-s", "release", "--", *args, "--dry-run")
    assert outcome.code == 1
    assert "Traceback" not in outcome.output
    (line,) = [line for line in outcome.output.splitlines() if line.startswith("nox > Session release aborted")]
    for text in expected:
        assert text in line, outcome.output
    if under_git:
        assert bench.snapshot() == before


def test_everything_wrong_is_told_at_once(bench: Bench) -> None:
    """A dirty tree, a wrong branch, a wrong part and an unknown gate are reported by one run."""
    bench.edit("pyproject.toml", '["tests"]', '["tests", "docs"]')
    bench.commit()
    wrong_branch(bench)
    dirty(bench)
    outcome = bench.rehearse("pach")
    assert outcome.code == 1
    assert outcome.has("NS104", "NS203", "NS205", "NS302"), outcome.output


def test_python_that_is_missing_in_ci(bench: Bench) -> None:
    """Where CI is set, a Python that is not installed stops the release before anything runs."""
    bench.edit("pyproject.toml", 'gates = ["tests"]\n', f'gates = ["tests"]\npythons = ["{PYTHON}", "3.99"]\n')
    bench.commit()
    outcome = bench.rehearse(env={"CI": "true"})
    assert outcome.code == 1
    assert outcome.has("NS804", "3.99")
    assert not outcome.has("gates")


def test_no_identity(bench: Bench, tmp_path: Path) -> None:
    """A git that does not know who commits is found before the release is made."""
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
    """A port that another program holds is reported, with the setting that avoids it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        setting(f'gates = ["tests"]\n[tool.nox-ship.rehearsal]\nport = {port}\n')(bench)
        outcome = bench.rehearse()
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS803", str(port), "port = 0")


def test_second_rehearsal_at_once(bench: Bench) -> None:
    """A rehearsal that begins while another runs in the same checkout is refused."""
    bench.write({"tests/test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(4)\n"})
    bench.commit()
    first = bench.start("-s", "release", "--", "patch", "--dry-run")
    try:
        while not list(bench.cache.glob("*/stage.json")):
            assert first.poll() is None
        outcome = bench.rehearse()
    finally:
        first.wait(timeout=60)
    assert outcome.code == 1
    assert outcome.has("NS805")
    assert first.returncode == 0


def test_no_space_for_temporary_files(bench: Bench, tmp_path: Path) -> None:
    """A temporary folder without room is reported before anything is written."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs the right to do so")
    try:
        before = bench.snapshot()
        outcome = bench.rehearse(env={"TMPDIR": str(small)})
        assert bench.snapshot() == before
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS801", str(small), "TMPDIR")
