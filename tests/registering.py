"""Loads a noxfile with the real nox in the test's own process, because starting nox takes longer than the test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import nox
import nox.registry
import pytest

from nox_ship import naming, registration, undumpable
from nox_ship.gates.loaded import Registry
from support import write_files

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'
Load = Callable[..., Registry]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that loads a noxfile, next to other files of a project, and returns nox's sessions."""
    before = nox.registry._REGISTRY.copy()
    monkeypatch.setattr(nox.registry, "_REGISTRY", before)
    monkeypatch.setattr(undumpable, "close_memory", lambda: None)
    for option in ("sessions", "tags"):
        monkeypatch.setattr(nox.options, option, None)
    monkeypatch.setattr(nox.Session, "notify", nox.Session.notify)
    monkeypatch.setattr(registration, "_registered", {})
    monkeypatch.setattr(registration, "_decided", None)
    monkeypatch.setattr(registration, "_in_release", False)
    monkeypatch.setattr(naming, "_names", {})
    monkeypatch.setattr(sys, "argv", ["nox"])

    def loaded(text: str, files: Mapping[str, str] | None = None, pyproject: str = PYPROJECT) -> Registry:
        nox.registry.reset()
        for option in ("sessions", "tags"):
            setattr(nox.options, option, None)
        write_files(tmp_path, {"noxfile.py": text, "pyproject.toml": pyproject, ".git/HEAD": "", **(files or {})})
        monkeypatch.chdir(tmp_path)
        module = ModuleType("noxfile_of_a_test")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(text, str(tmp_path / "noxfile.py"), "exec"), module.__dict__)
        return nox.registry.get()

    return loaded
