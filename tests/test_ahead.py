from __future__ import annotations

import contextlib
import os
import runpy
from pathlib import Path

import pytest

from nox_ship import ahead, lifeline, process, pythons
from support import make_project, write_files

TOKEN = '[project]\nname = "x"\nversion = "1"\n[tool.nox-ship.publish.tokens]\npypi = "SHIPPING_WORD"\n'


@pytest.fixture
def did(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what happens to the runner: its start, with whether the token is in the environment, and its end."""
    done: list[str] = []
    monkeypatch.setenv("SHIPPING_WORD", "secret")
    monkeypatch.setattr(lifeline, "guarded", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(process.Standby, "begin", lambda _: done.append(f"begins, {'SHIPPING_WORD' in os.environ}"))
    monkeypatch.setattr(process.Standby, "end", lambda _: done.append("ends"))
    return done


def test_the_runner_starts_without_tokens_and_ends_with_the_release(tmp_path: Path, did: list[str]) -> None:
    """The runner starts before the release does, without the tokens that settings name; it ends even after an error."""
    make_project(tmp_path, TOKEN)
    with contextlib.suppress(ZeroDivisionError), ahead.started(tmp_path) as begun:
        assert did == ["begins, False"]
        assert begun.variables["SHIPPING_WORD"] == "secret"
        raise ZeroDivisionError
    assert did == ["begins, False", "ends"]
    assert os.environ["SHIPPING_WORD"] == "secret"


def test_a_project_that_cannot_be_read_is_left_to_the_release(tmp_path: Path, did: list[str]) -> None:
    """Invalid settings raise no error before the release itself reports them."""
    (tmp_path / "pyproject.toml").write_text("[", "utf-8")
    with ahead.started(tmp_path):
        assert did == ["begins, True"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": '[project]\nname = "x"\n[tool.nox-ship]\npythons = ["3.12", "3.13"]\n'}, ["3.12", "3.13"]),
        ({"pyproject.toml": "="}, []),
        ({}, []),
    ],
)
def test_the_pythons_of_the_project_are_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: list[str]
) -> None:
    """The runner's process looks for each Python of the project ahead; a project that cannot be read has none."""
    asked: list[str] = []
    write_files(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pythons, "interpreter", asked.append)
    runpy.run_module("nox_ship.preloaded")
    assert asked == expected
