"""Building a release again from its tag, and comparing that with what an index serves."""

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
    "You need not do anything: the files install the same content.",
    level="warning",
)

SECONDS = 900.0
"""How long the build may take."""


@dataclass(frozen=True)
class Rebuilt:
    """A release that was built again.

    Attributes:
        tag: The tag that it was built from.
        built_with: With which build requirements, and how they are known.
        files: How alike the files are: what is served first.
        not_built: Files that are served and were not built.
        not_served: Files that were built and are not served.
        python: The Pythons of then and of now; empty where they are the same, or where the first is not known.
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
        """Yield an error for each file whose content differs (NS794), and a warning for other archives (NS795)."""
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
        if sdists := [name for name in self.not_built if not name.endswith(".whl")]:  # a wheel may be another machine's
            yield OTHER_CONTENT(f"{self.tag} does not build {shorten(sdists)}.")


def rebuild(project: Project, served: ExpectedRelease, listing: Listing, folder: Path) -> Rebuilt:
    """Build a release again, in a clean clone of its tag, with the build requirements of its day.

    These are the recorded ones, and what they require in turn as it was at that time; where nothing is recorded, all
    are those that were there when the index was given its first file.

    Args:
        project: The project.
        served: The files that the index serves; the manifest tells their tag, and may tell what they were built with.
        listing: What the index says of them.
        folder: An empty folder.

    Raises:
        ShipError: There is no tag of it here (NS793), or it does not build (NS501, NS904).
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
    """Return the variables that make uv install the build requirements of a day."""
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
    """Return the time that all members of a served file bear: who builds so has told the build backend of it.

    The sdist is asked first, since a wheel's times have no zone and only every second one. Members that a build backend
    gives no time (1970) do not count. None where the members of each file have several times.
    """
    for file in reversed(served.manifest.files):
        times = {header.time for header in headers(served.folder / file.name)} - {0}
        if len(times) == 1:
            return times.pop()
    return None
