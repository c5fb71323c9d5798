"""Build published releases again from their tags, and compare that with what PyPI serves.

Each project is a bare mirror of its public repository, from which a checkout is made; nothing of nox-ship is added to
it. What is built again is the newest final version that both PyPI and a tag have, or the one that is named, in an
environment with the build requirements of the day of its upload, as `nox -s verify-published -- VERSION --rebuild`
does.

It exits with 1 if a project could not be built again. That one differs is a result.

Usage: python benchmarks/rebuilds.py --mirrors FOLDER [-v] [OWNER/NAME[=PROJECT][==VERSION] ...]
(in an environment with nox-ship installed; the folder holds a bare repository OWNER+NAME, or in OWNER+NAME/repo)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.published import Release, listed, released
from nox_ship.release.rebuilding import Rebuilt, rebuild
from nox_ship.versions import parse
from nox_ship.world.index import Index
from nox_ship.world.real import RealWorld
from real_checkouts import UnusableError, back_end_of, git, print_table, short

PROJECTS = (
    "pytest-dev/iniconfig",  # hatchling, versioned by tags
    "pytest-dev/pluggy",  # setuptools, versioned by tags
    "python-humanize/humanize",  # hatchling, versioned by tags, compiled translations
    "tox-dev/platformdirs",  # hatchling, versioned by tags
    "pypa/pyproject-hooks",  # flit
    "pallets/click",  # flit
    "scrapy/parsel",  # hatchling
    "theskumar/python-dotenv",  # setuptools with pyproject.toml
    "jpadilla/pyjwt",  # setuptools with pyproject.toml
    "scrapy/w3lib",  # hatchling
    "ipython/traitlets",  # hatchling
    "frostming/marko",  # pdm
    "python-poetry/cleo",  # poetry
    "arrow-py/arrow",  # flit
)
COLUMNS = ("project", "version", "back end", "wheel", "sdist", "built with", "seconds")


@dataclass(frozen=True)
class Trial:
    """The result for one project."""

    name: str
    version: str = "?"
    back_end: str = "?"
    rebuilt: Rebuilt | None = None
    trouble: str = ""
    seconds: float = 0.0

    def row(self) -> tuple[str, ...]:
        """Return the project's line of the table, in the order of ``COLUMNS``."""
        if self.rebuilt is None:
            return (self.name, self.version, self.back_end, f"NOT BUILT: {short(self.trouble)}", "", "", "")
        told = {"wheel": [], "sdist": []}  # type: dict[str, list[str]]
        for file in self.rebuilt.files:
            told["wheel" if file.name.endswith(".whl") else "sdist"].append(short(str(file)))
        for name in self.rebuilt.not_built:
            told["wheel" if name.endswith(".whl") else "sdist"].append("not built here")
        cells = ("; ".join(told[kind]) or "none served" for kind in ("wheel", "sdist"))
        return (self.name, self.version, self.back_end, *cells, self.rebuilt.built_with, f"{self.seconds:.0f}")


def checkout(mirrors: Path, slug: str, folder: Path) -> Path:
    """Make a checkout of a mirror."""
    mirror = mirrors / slug.replace("/", "+")
    mirror = mirror / "repo" if (mirror / "repo").is_dir() else mirror
    if not mirror.is_dir():
        raise UnusableError(f"there is no mirror of {slug}")
    git(folder.parent, "clone", "--quiet", str(mirror), str(folder))
    return folder


def newest(project: Project, index: Index, wanted: Version | None) -> Version:
    """Return the version that is wanted, or the newest final one that both the index and a tag have."""
    repository = Repository.at(project.root)
    tags = repository.tags()
    tagged = set(project.tag_form(tags).releases(tags).values())
    served = index.listing(project.canonical_name, "0").releases
    both = [version for version in served if version in tagged and not version.is_prerelease]
    found = wanted or max(both, default=None)
    if found is None:
        raise UnusableError("no version has both a tag and files on PyPI")
    return found


def attempt(mirrors: Path, asked: str, folder: Path) -> Trial:
    """Build a release of one project again."""
    slug, _, text = asked.partition("==")
    begun = time.monotonic()
    version, back_end = "?", "?"
    for name in ("served", "again", "world"):
        (folder / name).mkdir()
    try:
        root = checkout(mirrors, slug, folder / "checkout")
        project = Project.read(root)
        back_end = back_end_of(root)
        index = RealWorld(root, folder / "world", project.settings).index("pypi", project.canonical_name)
        wanted = newest(project, index, parse(text) if text else None)
        version = str(wanted)
        release = released(project, wanted) or Release(wanted)
        listing = index.listing(project.canonical_name, version)
        served = listed(project, release, index, listing, folder / "served")
        if release.commit:
            git(root, "checkout", "--quiet", "--detach", release.commit)
            back_end = back_end_of(root)
        rebuilt = rebuild(project, served, listing, folder / "again")
    except (ShipError, UnusableError, OSError) as error:
        detail = error.findings[0].detail.strip().splitlines()[-1:] if isinstance(error, ShipError) else []
        return Trial(slug, version, back_end, trouble=" ".join([str(error), *detail]))
    return Trial(slug, version, back_end, rebuilt, seconds=time.monotonic() - begun)


def main() -> int:
    """Build each again, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="*", metavar="OWNER/NAME[==VERSION]", help="default: a choice of fourteen")
    parser.add_argument("--mirrors", type=Path, required=True, metavar="FOLDER", help="where the mirrors are")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what differs")
    options = parser.parse_args()
    trials = []
    for asked in options.projects or PROJECTS:
        with tempfile.TemporaryDirectory(prefix="rebuilds-") as folder:
            trial = attempt(options.mirrors, asked, Path(folder))
        trials.append(trial)
        print(" | ".join(trial.row()), file=sys.stderr, flush=True)
        if options.verbose and trial.rebuilt:
            for file in trial.rebuilt.files:
                for line in file.lines:
                    print(f"    {line}", file=sys.stderr, flush=True)
    print_table(COLUMNS, [trial.row() for trial in trials])
    return 1 if any(trial.rebuilt is None for trial in trials) else 0


if __name__ == "__main__":
    sys.exit(main())
