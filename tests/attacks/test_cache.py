"""A cache folder that others can write to: what they put there would be released."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from nox_ship.errors import ShipError
from nox_ship.release.stage import workshop

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


def opened(cache: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Open the workshop of ``root`` below ``cache``, and return its folder."""
    monkeypatch.setenv("NOX_SHIP_CACHE", str(cache))
    with workshop(root) as shop:
        return shop.folder


def test_the_cache_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache folder is created without access for others, whatever the umask, and used again afterwards."""
    before = os.umask(0)
    try:
        folder = opened(tmp_path / "a" / "cache", tmp_path, monkeypatch)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)] == [0o700, 0o700]
    assert opened(tmp_path / "a" / "cache", tmp_path, monkeypatch) == folder


def by_group(path: Path, _: Path) -> None:
    path.chmod(0o770)


def by_all(path: Path, _: Path) -> None:
    path.chmod(0o707)


def symlink(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def file(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere)
    path.touch()


def of_another_user(path: Path, _: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser can change the owner of a folder")
    os.chown(path, 65534, 65534)


def replaceable(path: Path, _: Path) -> None:
    path.parent.chmod(0o777)


@pytest.mark.parametrize("spoil", [by_group, by_all, symlink, file, of_another_user, replaceable])
@pytest.mark.parametrize("inner", [False, True])
def test_a_cache_that_others_can_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path, Path], None], inner: bool
) -> None:
    """If others can change the folder of all projects, or that of one, it is refused (NS806)."""
    folder = opened(tmp_path / "cache", tmp_path, monkeypatch)
    spoil(folder if inner else folder.parent, tmp_path / "elsewhere")
    with pytest.raises(ShipError, match="NS806"):
        opened(tmp_path / "cache", tmp_path, monkeypatch)


def open_to_all(above: Path) -> None:
    above.chmod(0o777)


def open_to_a_group(above: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser can change the owner of a folder")
    os.chown(above, -1, 65534)
    above.chmod(0o775)


def of_somebody_else(above: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser can change the owner of a folder")
    os.chown(above, 65534, -1)


@pytest.mark.parametrize("spoil", [open_to_all, open_to_a_group, of_somebody_else])
@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize("linked", [False, True])
def test_a_cache_in_a_folder_that_others_can_replace_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None], height: int, linked: bool
) -> None:
    """If others can replace any folder above the cache, it is refused (NS806), even if a symlink leads there."""
    cache = tmp_path / "a" / "b" / "c" / "cache"
    named = tmp_path / "d" / "link" / "c" / "cache" if linked else cache
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "link").symlink_to(tmp_path / "a" / "b")
    opened(cache, tmp_path, monkeypatch)
    assert opened(named, tmp_path, monkeypatch).is_dir()
    spoil(cache.parents[height - 1])
    with pytest.raises(ShipError, match=r"NS806.*can replace it"):
        opened(named, tmp_path, monkeypatch)


def test_a_group_of_ones_own_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent folder that the user's own group can write to is accepted only while the group has no other member."""
    grp, pwd = pytest.importorskip("grp"), pytest.importorskip("pwd")
    name = pwd.getpwuid(os.geteuid()).pw_name
    members: list[str] = []
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_name=name, gr_mem=members))
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o775)
    assert opened(tmp_path / "a" / "cache", tmp_path, monkeypatch).is_dir()
    members.append("mallory")
    with pytest.raises(ShipError, match=r"NS806.*its group"):
        opened(tmp_path / "a" / "cache", tmp_path, monkeypatch)


def test_a_folder_that_all_share_may_hold_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache may lie in a folder like /tmp, in which users cannot replace each other's files."""
    tmp_path.chmod(0o1777)
    assert opened(tmp_path / "cache", tmp_path, monkeypatch).is_dir()
