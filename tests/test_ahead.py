from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from nox_ship import ahead, lifeline, process
from support import make_project

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
