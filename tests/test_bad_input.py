"""Mistakes that a user can make before a release: each causes one clear error, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakes import make_index, noxfile, run_release
from nox_ship import worlds
from nox_ship.errors import ShipError
from nox_ship.world import standins
from support import taken
from workbench import Bench, copy_of, make_bench

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a project that could be released; tests use copies of it."""
    return make_bench(tmp_path_factory.mktemp("good"))


@pytest.fixture
def bench(tmp_path: Path, good: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a project that could be released, and whose indexes have no files of it."""
    copy = copy_of(good, tmp_path)
    monkeypatch.setenv("NOX_SHIP_CACHE", str(copy.cache))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(standins, "StandInIndex", lambda *_: SimpleNamespace(index=make_index(), close=list))
    monkeypatch.setattr(standins.StandIns, "index", lambda *_: make_index())
    monkeypatch.setattr(standins.StandIns, "_begin_clone", lambda _: pytest.fail)  # no case gets that far
    monkeypatch.setattr(
        worlds, "RealWorld", lambda *_, **__: SimpleNamespace(index=lambda *_: make_index(), forge=None)
    )
    return copy


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


def everything(bench: Bench) -> dict[str, object]:
    """Return the content of the project and its remote, including git's files."""
    return {**taken(bench.root), **{f"remote/{name}": content for name, content in taken(bench.remote).items()}}


@pytest.mark.usefixtures("guards")
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
        (local_tag, ["patch"], ["NS221", "v1.2.4", "not on the remote", "git tag -d v1.2.4"]),
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
    """A mistake ends the rehearsal with its ID and a remedy, and changes nothing."""
    prepare(bench)
    before = everything(bench)
    with pytest.raises(ShipError) as stopped:
        run_release(bench.root, [*args, "--dry-run"], noxfile(bench.root, "tests"), bench.root)
    for text in expected:
        assert text in str(stopped.value)
    assert everything(bench) == before
