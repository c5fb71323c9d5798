from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import filelock
import pytest

from nox_ship import command
from nox_ship.errors import ShipError
from nox_ship.release.cache import LONGEST_SECONDS, MOST_BYTES, Kept, kept, settle, tidy, took
from nox_ship.release.record import Record
from nox_ship.release.stage import Workshop, workshop, workshop_of
from support import commit_files, git, make_repository, write_files

DAY = 24 * 60 * 60


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty cache folder."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("NOX_SHIP_CACHE", str(folder))
    return folder


def make(base: Path, name: str, *, days: float = 0, size: int = 0, report: dict[str, Any] | None = None) -> Workshop:
    """Make a workshop that was last used some days ago."""
    shop = Workshop(base / f"{name:a<12}")
    shop.folder.mkdir(mode=0o700)
    took(shop, base.parent / name)
    if report is not None:
        shop.report.write_text(json.dumps(report), "utf-8")
    if size:
        (shop.folder / "envs").mkdir()
        (shop.folder / "envs" / "big").write_bytes(b"x" * size)
    when = time.time() - days * DAY
    for path in (*shop.folder.iterdir(), shop.folder):
        os.utime(path, (when, when))
    return shop


def left(base: Path) -> set[str]:
    """Return the names of the existing workshops, without the padding."""
    return {path.name.rstrip("a") for path in base.iterdir() if path.is_dir()}


PUSHED = {"rehearsal": False, "passed": False, "pushed": "yes", "project": "sample", "version": "1.2.0"}


def test_what_nobody_uses_goes(base: Path) -> None:
    """A workshop that was not used for 30 days is removed, except the one in use."""
    mine = make(base, "1", days=90)
    make(base, "2", days=31)
    make(base, "3", days=29)
    assert [one.folder.name for one in tidy(base, mine)] == ["2aaaaaaaaaaa"]
    assert left(base) == {"1", "3"}


def test_what_was_used_longest_ago_goes_first(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the cache is too large, the workshops that were used longest ago are removed first."""
    monkeypatch.setattr("nox_ship.release.cache.MOST_BYTES", 100_000)
    mine = make(base, "1", size=40_000)
    for name, days in (("2", 3), ("3", 5), ("4", 4)):
        make(base, name, days=days, size=40_000)
    tidy(base, mine)
    assert left(base) == {"1", "2"}


@pytest.mark.parametrize("pushed", ["yes", "unknown"])
def test_a_release_whose_end_was_not_seen_stays(base: Path, pushed: str) -> None:
    """A pushed release that is not known to be complete is kept; rehearsals and other releases are not."""
    mine = make(base, "1")
    make(base, "2", days=90, report={**PUSHED, "pushed": pushed})
    make(base, "3", days=90, report={**PUSHED, "pushed": "no"})
    make(base, "4", days=90, report={**PUSHED, "passed": True})
    make(base, "5", days=90, report={**PUSHED, "rehearsal": True})
    tidy(base, mine)
    assert left(base) == {"1", "2"}


def test_what_a_release_is_running_in_stays(base: Path) -> None:
    """A workshop in which a release is running is locked, and not removed."""
    mine, other = make(base, "1"), make(base, "2", days=90)
    with filelock.FileLock(other.folder / "lock"):
        assert tidy(base, mine) == []
        assert not Kept(other).remove()
    assert other.owner.is_file()


def test_it_is_done_once_a_day(base: Path) -> None:
    """The cache is cleaned once a day, even after the clock was wrong."""
    mine = make(base, "1")
    make(base, "2", days=90)
    tidy(base, mine)
    make(base, "3", days=90)
    assert tidy(base, mine) == []
    assert [one.folder.name for one in tidy(base, mine, time.time() + DAY + 1)] == ["3aaaaaaaaaaa"]
    make(base, "4", days=90)
    os.utime(base / "tidied", (time.time() + 9 * DAY,) * 2)
    assert len(tidy(base, mine)) == 1


def test_symlinks_are_not_followed(base: Path, tmp_path: Path) -> None:
    """Symlinks in the cache are not followed, and one in place of a workshop or of the cache is refused (NS806)."""
    write_files(tmp_path / "precious", {"a.txt": "", "b/c.txt": ""})
    mine, shop = make(base, "1"), make(base, "2", days=90)
    (shop.folder / "envs").symlink_to(tmp_path / "precious")
    tidy(base, mine)
    assert left(base) == {"1"}
    (base / ("b" * 12)).symlink_to(tmp_path / "precious")
    with pytest.raises(ShipError, match="NS806"):
        kept(base)
    (base / ("b" * 12)).unlink()
    base.rename(tmp_path / "elsewhere")
    base.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ShipError, match="NS806"):
        kept(base)
    assert (tmp_path / "precious" / "b" / "c.txt").is_file()


def test_what_is_not_ours_is_left(base: Path) -> None:
    """Files and folders in the cache that are not workshops are kept."""
    write_files(base, {"notes/a.txt": "", "0123456789abc/x": "", "x.json": ""})
    mine = make(base, "1")
    make(base, "2", days=90)
    tidy(base, mine)
    assert {path.name for path in base.iterdir()} == {mine.folder.name, "notes", "0123456789abc", "x.json", "tidied"}


def test_the_end_of_a_run_is_that_of_the_day(base: Path, tmp_path: Path) -> None:
    """At the end of a run, the workshop records its project and the finished release, and the cache is cleaned."""
    make(base, "2", days=90)
    with workshop(tmp_path) as shop:
        shop.report.write_text(json.dumps({**PUSHED, "passed": True, "commit": "c" * 40}), "utf-8")
    assert json.loads(shop.owner.read_text("utf-8")) == {"root": str(tmp_path), "finished": "c" * 40}
    assert left(base) == {shop.folder.name.rstrip("a")}
    with suppress(KeyError), workshop(tmp_path) as shop:
        shop.report.write_text(json.dumps({**PUSHED, "commit": "d" * 40}), "utf-8")
        raise KeyError
    assert json.loads(shop.owner.read_text("utf-8"))["finished"] == "c" * 40


@pytest.mark.parametrize("text", ["", "[]", "{", '{"root": 5}', '{"root": "a\\u0000b"}', f'{{"root": {"9" * 5000}}}'])
def test_broken_notes_are_as_none(base: Path, text: str) -> None:
    """Damaged records in a workshop are treated as missing."""
    shop = make(base, "1")
    for path in (shop.owner, shop.report, shop.record):
        path.write_text(text, "utf-8")
    (one,) = kept(base)
    assert (one.root, one.unfinished) == (None, False)
    took(shop, base)
    settle(shop)
    assert kept(base)[0].root == base


@pytest.mark.slow
@pytest.mark.usefixtures("base")
def test_a_killed_release_is_known_by_its_tag(tmp_path: Path) -> None:
    """A killed release is recognized by its tag, which its checkout has, until a run completes it."""
    checkout = make_repository(tmp_path / "checkout")
    shop = workshop_of(checkout.path)
    shop.folder.mkdir(mode=0o700)
    took(shop, checkout.path)
    head = checkout.head
    stage = checkout.clone(shop.stage)
    commit = commit_files(shop.stage, {"a.txt": ""})
    git(shop.stage, "-c", "user.name=x", "-c", "user.email=x", "tag", "--annotate", "--message", "x", "v1.0")
    Record(head, "1.0", "v1.0", "x", time.time(), commit=commit).write(shop.record)
    assert not Kept(shop).unfinished
    checkout.borrow(stage, [commit, git(shop.stage, "rev-parse", "refs/tags/v1.0")])
    assert Kept(shop).unfinished
    shop.report.write_text(json.dumps({**PUSHED, "passed": True, "commit": commit}), "utf-8")
    settle(shop)
    assert not Kept(shop).unfinished
    shop.owner.write_text(json.dumps({"root": str(checkout.path)}), "utf-8")
    assert Kept(shop).unfinished
    shop.owner.write_text("{}", "utf-8")
    assert not Kept(shop).unfinished
    shop.owner.write_text(json.dumps({"root": str(checkout.path)}), "utf-8")
    shutil.rmtree(checkout.path)
    assert not Kept(shop).unfinished


def test_sizes_count_what_is_there_once(base: Path) -> None:
    """The size of a workshop counts a hard-linked file once, and nothing outside that a symlink leads to."""
    shop = make(base, "1", size=50_000)
    before = Kept(shop).size
    (shop.folder / "again").hardlink_to(shop.folder / "envs" / "big")
    write_files(base.parent / "elsewhere", {"big": b"x" * 50_000})
    (shop.folder / "link").symlink_to(base.parent / "elsewhere" / "big")
    (shop.folder / "links").symlink_to(base.parent / "elsewhere")
    assert 50_000 <= before <= Kept(shop).size < before + 10_000


@pytest.fixture
def mine(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Return the workshop of the project in the current folder, next to the workshops of two others."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    make(base, "1", days=3, report={**PUSHED, "rehearsal": True}, size=2_000_000)
    make(base, "2", days=90, report=PUSHED)
    with workshop(root) as shop:
        shop.report.write_text(json.dumps({**PUSHED, "passed": True}), "utf-8")
    return shop


def test_clean_removes_what_this_project_left(base: Path, mine: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    """`nox-ship clean` removes the current project's workshop, and says how much space other projects use."""
    assert command.main(["clean"]) == 0
    assert left(base) == {"1", "2"}
    told = capsys.readouterr().out
    assert f"removed          {Path.cwd()}: release of sample 1.2.0, 0 MB, used today\n" in told
    assert f"2 more in {base}, 2 MB: `nox-ship clean --list` shows them" in told
    assert command.main(["clean"]) == 0
    assert not mine.folder.exists()


def test_clean_shows_what_there_is(base: Path, mine: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    """`nox-ship clean --list` shows each project's folder, content, size and last use, and removes nothing."""
    before = left(base)
    assert command.main(["clean", "--list"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["kept"] * 3
    assert told[0].endswith("project: release of sample 1.2.0, 0 MB, used today")
    assert told[1].endswith("1: rehearsal of sample 1.2.0, 2 MB, used 3 days ago")
    assert told[2].endswith("2: release of sample 1.2.0, not known to be complete, 0 MB, used 90 days ago")
    assert left(base) == before
    assert mine.folder.is_dir()


def test_clean_removes_everything_but_what_is_needed(
    base: Path, mine: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    """`clean --all` keeps unfinished releases, which `--force` removes, and never removes a running one."""
    with filelock.FileLock(mine.folder / "lock"):
        assert command.main(["clean", "--all"]) == 0
        words = [line.split(" /")[0].split() for line in capsys.readouterr().out.splitlines()]
        assert words == [["in", "use"], ["removed"], ["left", "(--force)"]]
    assert command.main(["clean", "--all", "--force"]) == 0
    assert left(base) == set()
    capsys.readouterr()
    assert command.main(["clean"]) == 0
    assert capsys.readouterr().out == f"There is nothing in {base}.\n"


def test_there_may_be_no_cache_yet(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there is no cache folder, `clean --list` does not create it."""
    monkeypatch.setenv("NOX_SHIP_CACHE", str(base / "none"))
    assert command.main(["clean", "--list"]) == 0
    assert not (base / "none").exists()


def test_the_limits_are_what_the_documentation_says() -> None:
    """The documentation states for how long unused files are kept, and how large the cache may get."""
    text = (Path(__file__).parents[1] / "docs" / "reference" / "settings.md").read_text("utf-8")
    assert f"no release of a project has used for {LONGEST_SECONDS // DAY} days are deleted" in text
    assert f"holds more than {MOST_BYTES >> 30} GB" in text


@pytest.mark.parametrize("write", [lambda shop: took(shop, shop.folder), settle])
def test_notes_are_written_whole(base: Path, write: Callable[[Workshop], None]) -> None:
    """Records are replaced atomically, because half a record would lose that a release is unfinished."""
    shop = make(base, "1", report={**PUSHED, "passed": True, "commit": "c" * 40})
    before, earlier = shop.owner.read_bytes(), base / "earlier"
    earlier.hardlink_to(shop.owner)
    write(shop)
    assert earlier.read_bytes() == before != shop.owner.read_bytes()
