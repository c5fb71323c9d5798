"""A cache folder that others can write to: what they put there would be released."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.release.stage import workshop

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")


def opened(cache: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Open the workshop below ``cache`` and return its folder."""
    monkeypatch.setenv("NOX_SHIP_CACHE", str(cache))
    with workshop(root) as shop:
        return shop.folder


def test_the_cache_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made so that nobody else can look into it, whatever the umask, and is taken again."""
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
        pytest.skip("only the superuser gives folders away")
    os.chown(path, 65534, 65534)


def replaceable(path: Path, _: Path) -> None:
    path.parent.chmod(0o777)


@pytest.mark.parametrize("spoil", [by_group, by_all, symlink, file, of_another_user, replaceable])
@pytest.mark.parametrize("inner", [False, True])
def test_a_cache_that_others_can_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path, Path], None], inner: bool
) -> None:
    """The folder of all projects, or that of one: NS806, and nothing in it is used."""
    folder = opened(tmp_path / "cache", tmp_path, monkeypatch)
    spoil(folder if inner else folder.parent, tmp_path / "elsewhere")
    with pytest.raises(ShipError, match="NS806"):
        opened(tmp_path / "cache", tmp_path, monkeypatch)


def test_a_folder_that_all_share_may_hold_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in /tmp, where nobody can replace what is another's."""
    tmp_path.chmod(0o1777)
    assert opened(tmp_path / "cache", tmp_path, monkeypatch).is_dir()
