"""Planning the noxfile: a new one, or our sessions added to the existing one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nox_ship.errors import Kind, ShipError, shorten
from nox_ship.gates import recipes
from nox_ship.gates.noxfile import NOT_LAST
from nox_ship.project import Project
from nox_ship.setup.change import Change
from nox_ship.setup.noxfile import BLOCK, IMPORT, NEW, NOXFILE_BROKEN, UNTYPED, UNTYPED_IMPORT, Noxfile, is_whole
from nox_ship.setup.plan import SetupPlan
from nox_ship.setup.styled import styled

SESSIONS_UNCLEAR = Kind(
    "NS843",
    "sessions-unclear",
    "Run `nox -s doctor` afterwards: it sees every session, and says whether the workflows call the right ones.",
    level="notice",
)


def add_noxfile(made: SetupPlan) -> None:
    """Plan a noxfile that registers our sessions, or adding them to the existing one.

    Raises:
        ShipError: The noxfile is broken (NS811).
    """
    path = made.survey.project.root / "noxfile.py"
    if not path.is_file():
        project = made.survey.project
        text = NEW.replace(BLOCK, f"{BLOCK}{UNTYPED}\n") if _checks_types(project) else NEW
        _styled(made, path, None, text)
        if recipes.tests_read_noxfile(project):
            made.hints.append(
                "pytest collects every Python file here and would import noxfile.py: add `--ignore=noxfile.py` to its"
                " `addopts`. The gates add it themselves."
            )
        return
    try:
        noxfile = Noxfile.read(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ShipError(NOXFILE_BROKEN("noxfile.py is not UTF-8.", remedy="Save it as UTF-8.")) from error
    made.noxfile = noxfile
    made.hints += _unclear(noxfile)
    if noxfile.registered:
        ours = made.survey.project.canonical_name == "nox-ship"  # its noxfile imports nox-ship from its own sources
        completed = noxfile.text if ours else noxfile.completed()
        made.changes.append(Change(path, "noxfile.py", noxfile.text, completed, "what its sessions need"))
        return
    extended = noxfile.extended()
    if extended is None:
        made.hints.append(
            "Add as the last lines of noxfile.py, above `if __name__ ...`:\n\nimport nox_ship\n\nnox_ship.register()\n"
        )
        return
    _styled(made, path, noxfile.text, extended)
    if not Noxfile.read(extended).scripted:
        made.hints.append(
            f"Your noxfile imports {', '.join(noxfile.foreign)}. List what it needs in a block at its top, so that nox"
            f" installs that everywhere, and run `nox-ship init --force`:\n\n{BLOCK}"
        )


def _checks_types(project: Project) -> bool:
    """Whether a type checker may check the noxfile."""
    try:
        return bool(recipes.typecheck(project).steps)
    except ShipError:  # the lines for the gates report it
        return False


def _is_type_checked(project: Project, path: Path) -> bool:
    """Whether a type checker checks the existing noxfile and complains that nox-ship is not installed."""
    try:
        commands = [command for step in recipes.typecheck(project).steps for command in step.commands]
    except ShipError:  # the lines for the gates report it
        return False
    for tool, *words in commands:
        named = {word for word in words if not word.startswith("-") and os.path.lexists(project.root / word)}
        whole = not named and tool != "mypy"  # mypy without arguments checks nothing
        if "--ignore-missing-imports" not in words and (whole or {path.name, "."} & named):
            return True
    return False


def _styled(made: SetupPlan, path: Path, before: str | None, planned: str) -> None:
    """Plan the noxfile as the project's own tools want it, if they keep its meaning."""
    done = styled(made.survey.project, before, planned)
    made.hints += done.hints
    text = done.text if is_whole(done.text, planned) else planned
    if before is not None and _is_type_checked(made.survey.project, path):
        text = text.replace(IMPORT, UNTYPED_IMPORT, 1)
    made.changes.append(Change(path, "noxfile.py", before, text, "the sessions"))


def _unclear(noxfile: Noxfile) -> Iterator[str]:
    """Yield sessions of a noxfile that cannot be determined, or are defined too late in it."""
    if noxfile.late:
        yield str(NOT_LAST(f"noxfile.py defines {shorten(noxfile.late)} below `nox_ship.register()`."))
    if lines := noxfile.written.unsure:
        where = shorten(map(str, lines))
        yield str(
            SESSIONS_UNCLEAR(f"noxfile.py may define sessions that cannot be read from its text: see line {where}.")
        )
