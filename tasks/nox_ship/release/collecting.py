"""Running towncrier or scriv to write the changelog's section of a release from news fragments."""

from __future__ import annotations

from datetime import date

from nox_ship import process
from nox_ship.errors import Kind, ShipError
from nox_ship.process import CommandFailedError
from nox_ship.project import Project
from nox_ship.release.fragments import TOOLS, pending

NOT_COLLECTED = Kind("NS316", "fragments-not-collected", "Fix the problem that the tool reports above, and commit.")


def collect(project: Project, version: str, today: date) -> bool:
    """Run the tool that the fragments are for, through uv; return whether there was anything to do.

    The tool writes the section, removes the fragments, and stages both changes.

    Args:
        project: The project, in the clone in which the release is made.
        version: The version being released.
        today: The date of the release.

    Raises:
        ShipError: The tool fails (NS316).
    """
    left = pending(project)
    if left is None or left.tool not in TOOLS:
        return False
    options = {
        "towncrier": ("build", "--yes", "--version", version, "--date", today.isoformat()),
        "scriv": ("collect", "--add", "--no-edit", "--version", version),
    }[left.tool]
    command = (process.uv(), "tool", "run", "--quiet", left.tool, *options)
    try:
        process.run(command, cwd=project.root, keep=project.settings.pass_env)
    except CommandFailedError as error:
        what = f"{left.tool} did not write the changelog of {version}."
        raise ShipError(NOT_COLLECTED(what, detail=error.done.output)) from error
    return True
