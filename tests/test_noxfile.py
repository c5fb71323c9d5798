from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_noxfile_needs_what_the_project_needs() -> None:
    """The noxfile runs nox-ship from its sources, so its script block (PEP 723) names the same dependencies."""
    text = (ROOT / "noxfile.py").read_text("utf-8")
    block = re.search(r"^# /// script\n((?:#.*\n)+?)# ///$", text, re.MULTILINE)
    assert block
    script = tomllib.loads("".join(line[2:] or "\n" for line in block[1].splitlines(keepends=True)))
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert script["dependencies"] == pyproject["project"]["dependencies"]
