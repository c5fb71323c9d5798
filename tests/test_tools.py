from __future__ import annotations

import importlib.metadata
import re
import sys

import pytest

from nox_ship import process, tools
from nox_ship.errors import Kind, ShipError

GONE = Kind("NS000", "test-problem", "Do something.")


def test_the_versions_of_the_tools() -> None:
    """The versions are those of the tools installed with nox-ship, of git, and of the system."""
    found = tools.versions()
    assert found["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["nox"] == importlib.metadata.version("nox")
    assert re.match(r"\d+\.\d+", found["git"])
    assert {"nox-ship", "uv", "build", "twine", "bump-my-version", "system"} <= set(found)


def test_a_tool_that_is_not_there_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not installed is left out, and raises no error."""

    def gone(*_: object, **__: object) -> None:
        raise ShipError(GONE("It is not there."))

    def unknown(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(process, "run", gone)
    monkeypatch.setattr(importlib.metadata, "version", unknown)
    assert list(tools.versions()) == ["Python", "system"]
