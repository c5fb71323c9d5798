from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import nox
import pytest

from nox_ship import environments, process
from nox_ship.gates.toolbox import RecipeStep
from support import make_project


@pytest.mark.parametrize(("folder", "file"), [(".", "a.txt"), ("docs", "{root}/a.txt")])
def test_a_command_apart_has_what_its_step_needs_and_nothing_else(tmp_path: Path, folder: str, file: str) -> None:
    """Not what is installed around it, nor the project's own settings for uv; on the Python of the session."""
    project = make_project(tmp_path, '[project]\nname = "sample"\nversion = "1.0"\n')
    session = cast("nox.Session", SimpleNamespace(bin="/env/bin"))
    needs = {"files": ("a.txt",), "project": True, "extras": ("x", "y"), "constraints": ("six<2", "idna==3")}
    step = RecipeStep(("ruff==1.0",), folder=folder, **needs)  # type: ignore[arg-type]
    root = tmp_path.as_posix()
    command = environments._apart(session, project, step)
    (constraints,) = (tmp_path / ".nox-ship").glob("constraints-*.txt")
    assert constraints.read_text("utf-8") == "six<2\nidna==3\n"
    assert command == [
        *(process.uv(), "run", "--quiet", "--isolated", "--no-project", "--python", str(Path("/env/bin/python"))),
        *(
            "--with",
            "ruff==1.0",
            "--with-requirements",
            file.format(root=root),
            "--with-editable",
            f"{root}[x,y]",
            "--constraints",
            constraints.as_posix(),
            "--",
        ),
    ]
