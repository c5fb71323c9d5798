from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import nox
import pytest

from fakes import Yard
from nox_ship import registration, reuse, sessions
from nox_ship.release.pipeline import STEPS, run_pipeline
from support import write_files


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return an environment in which a session has passed."""
    folder = tmp_path / "tests-3-12"
    folder.mkdir()
    reuse.offer(folder, sys.executable)
    return folder


def test_an_environment_is_claimed_once(environment: Path) -> None:
    """An environment can be claimed once, so a session that ends early leaves nothing that could be reused."""
    assert reuse.claim(environment, sys.executable)
    assert not reuse.claim(environment, sys.executable)


def test_an_environment_of_another_python_is_not_reused(environment: Path, tmp_path: Path) -> None:
    """An environment is not reused if its interpreter is another one, has been replaced, or is missing."""
    (tmp_path / "python").write_text("one", "utf-8")
    for change in ("two", "three times"):
        reuse.offer(environment, str(tmp_path / "python"))
        (tmp_path / "python").write_text(change, "utf-8")
        assert not reuse.claim(environment, str(tmp_path / "python"))
    for interpreter in (sys.executable, str(tmp_path / "gone")):
        reuse.offer(environment, str(tmp_path / "python"))
        assert not reuse.claim(environment, interpreter)


def test_an_environment_of_another_nox_ship_is_not_reused(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment is not reused by another version of nox-ship, which may install other packages."""
    monkeypatch.setattr(reuse, "own_version", lambda: "99")
    assert not reuse.claim(environment, sys.executable)


def test_a_session_has_passed_though_its_environment_cannot_be_offered(tmp_path: Path) -> None:
    """If an environment cannot be offered for reuse, for example on a full disk, no error is raised."""
    reuse.offer(tmp_path / "gone", sys.executable)
    reuse.offer(tmp_path, str(tmp_path / "gone"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("released", [True, False])
def test_caches_of_a_release_are_kept_with_the_environment(
    environment: Path, monkeypatch: pytest.MonkeyPatch, released: bool
) -> None:
    """In a release, mypy and ruff keep their caches in the session's environment; in a checkout, where they like."""
    monkeypatch.setattr(registration, "_in_release", released)
    session = cast("nox.Session", SimpleNamespace(bin=str(environment / "bin")))
    kept = {"MYPY_CACHE_DIR": str(environment / "mypy-cache"), "RUFF_CACHE_DIR": str(environment / "ruff-cache")}
    assert sessions._caches(session) == (kept if released else {})


def test_what_is_no_record_counts_as_none(environment: Path) -> None:
    """An environment is not reused if its record is damaged or is a folder."""
    (environment / "nox-ship-passed.json").write_bytes(b"\xff\x00")
    assert not reuse.claim(environment, sys.executable)
    (environment / "nox-ship-passed.json").unlink()
    (environment / "nox-ship-passed.json").mkdir()
    assert not reuse.claim(environment, sys.executable)


def test_an_offered_environment_makes_room_once(environment: Path) -> None:
    """An environment that was offered is moved aside, over what an earlier run left there; any other one stays."""
    write_files(environment.with_name("tests-3-12.before"), {"old.txt": ""})
    before = reuse.set_aside(environment, sys.executable)
    assert before == environment.with_name("tests-3-12.before")
    assert (list(before.iterdir()), environment.exists()) == ([], False)
    environment.mkdir()
    assert reuse.set_aside(environment, sys.executable) is None
    assert environment.is_dir()


def test_all_environments_but_those_that_are_offered_are_removed(environment: Path, tmp_path: Path) -> None:
    """All environments that were not offered for reuse are removed; symlinks are removed, but not followed."""
    write_files(tmp_path, {"lint/pyvenv.cfg": "", ".gitignore": "*", "elsewhere/file.txt": ""})
    (tmp_path / "linked").symlink_to(environment)
    reuse.remove_others(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [environment.name]
    (outside := tmp_path / "outside").mkdir()
    write_files(outside, {"lint/pyvenv.cfg": ""})
    (linked := tmp_path / "envs").symlink_to(outside)
    reuse.remove_others(linked)
    assert not linked.is_symlink()
    assert (outside / "lint" / "pyvenv.cfg").is_file()
    reuse.remove_others(tmp_path / "gone")


@pytest.mark.parametrize(("request_", "kept"), [({}, True), ({"in_ci": True}, False), ({"fresh": True}, False)])
def test_only_a_laptop_reuses_environments(yard: Yard, request_: dict[str, Any], kept: bool) -> None:
    """Environments are not reused in CI or with `--fresh`."""
    run = yard.prepare("minor")
    environment = run.workshop.environments / "lint"
    environment.mkdir(parents=True)
    reuse.offer(environment, sys.executable)
    run_pipeline(replace(run, request=replace(run.request, **request_)), STEPS[:2])
    assert environment.is_dir() == kept
