"""Building a release again from its tag, and comparing the result with what an index serves."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.package.building import build_at
from nox_ship.package.likeness import Likeness
from nox_ship.package.manifest import BuildFacts
from nox_ship.package.unpacking import headers
from nox_ship.project import Project
from nox_ship.release.published import ExpectedRelease
from nox_ship.world.listing import Listing

NO_TAG = Kind("NS793", "no-tag-to-rebuild", "Fetch it (`git fetch --tags`), or omit `--rebuild`.")
OTHER_CONTENT = Kind(
    "NS794",
    "rebuilt-otherwise",
    "Find the cause from the differences shown (docs/reproducible.md lists the usual ones).",
)
OTHER_ARCHIVE = Kind(
    "NS795",
    "rebuilt-as-another-archive",
    "No action is needed: the files install the same content.",
    level="warning",
)

SECONDS = 900.0
"""How many seconds the build may take."""


@dataclass(frozen=True)
class Rebuilt:
    """A release that was built again.

    Attributes:
        tag: The tag from which it was built.
        built_with: The build requirements, and how they are known.
        files: How similar the files are, the served ones first.
        not_built: Files that are served but were not built.
        not_served: Files that were built but are not served.
        python: The Pythons then and now; empty if they are the same, or the former is unknown.
    """

    tag: str
    built_with: str
    files: tuple[Likeness, ...]
    not_built: tuple[str, ...] = ()
    not_served: tuple[str, ...] = ()
    python: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        verdicts = [{"verdict": file.verdict, **asdict(file)} for file in self.files]
        return {**asdict(self), "files": verdicts}

    def findings(self) -> Iterable[Finding]:
        """Yield an error for each file whose content differs (NS794), and a warning for differing archives (NS795)."""
        perhaps = f" ({self.python})" if self.python else ""
        for file in self.files:
            if file.verdict == "content":
                what = f"{file.name} is not what {self.tag} builds: {file}{perhaps}."
                yield OTHER_CONTENT(what, detail="\n".join(file.lines))
        if others := [file for file in self.files if file.verdict == "archive"]:
            names = shorten(file.name for file in others)
            differing = ", ".join(dict.fromkeys(what for file in others for what in file.archive))
            yield OTHER_ARCHIVE(
                f"{self.tag} builds {names} with the same content, but the archive differs: {differing}."
            )
        if sdists := [name for name in self.not_built if not name.endswith(".whl")]:  # wheels may need other machines
            yield OTHER_CONTENT(f"{self.tag} does not build {shorten(sdists)}.")


def rebuild(project: Project, served: ExpectedRelease, listing: Listing, folder: Path) -> Rebuilt:
    """Build a release again in a clean clone of its tag, with the build requirements of that time.

    Those are the recorded ones, with their own requirements as available at that time; if nothing is recorded, the
    versions that were available when the index received its first file.

    Args:
        project: The project.
        served: The files that the index serves; the manifest names their tag, and may name what they were built with.
        listing: The index's data about them.
        folder: An empty folder.

    Raises:
        ShipError: There is no tag for it here (NS793), or it does not build (NS501, NS904).
    """
    manifest = served.manifest
    if manifest.tag is None:
        raise ShipError(NO_TAG(f"This clone has no tag for {manifest.version}, so it cannot be built again."))
    facts = manifest.build
    at = dt.datetime.fromtimestamp(facts.at, dt.UTC) if facts else listing.first_upload
    known = facts.requires if facts else ()
    epoch = facts.epoch if facts else _epoch(served)
    built = build_at(project, manifest.commit, folder, SECONDS, epoch=epoch, env=_environment(at, known, folder))
    files = {path.name: path for path in built}
    names = [file.name for file in manifest.files]
    alike = tuple(Likeness.of(served.folder / name, files[name]) for name in names if name in files)
    return Rebuilt(
        manifest.tag,
        _told(at, known),
        alike,
        tuple(name for name in names if name not in files),
        tuple(sorted(files.keys() - set(names))),
        _pythons(facts),
    )


def _environment(at: dt.datetime | None, known: Collection[str], folder: Path) -> Mapping[str, str]:
    """Return the variables that make uv install the build requirements as of a given time."""
    env = {"UV_EXCLUDE_NEWER": at.strftime("%Y-%m-%dT%H:%M:%SZ")} if at else {}
    if known:
        constraints = folder / "build-requirements.txt"
        constraints.write_text("\n".join(known) + "\n", encoding="utf-8")
        env["UV_CONSTRAINT"] = str(constraints)
    return env


def _told(at: dt.datetime | None, known: Collection[str]) -> str:
    if known:
        return f"{', '.join(known)} (recorded)"
    return f"versions available at {at:%Y-%m-%d %H:%M} UTC" if at else "today's versions: the index gives no date"


def _pythons(facts: BuildFacts | None) -> str:
    running = platform.python_version()
    return f"built with Python {facts.python} then, {running} now" if facts and facts.python != running else ""


def _epoch(served: ExpectedRelease) -> int | None:
    """Return the time that all members of a served file have, which the build backend was given.

    The sdist is used first, since times in wheels have no zone and a resolution of two seconds. Members without a time
    (1970) do not count. None if the members of each file have different times.
    """
    for file in reversed(served.manifest.files):
        times = {header.time for header in headers(served.folder / file.name)} - {0}
        if len(times) == 1:
            return times.pop()
    return None
