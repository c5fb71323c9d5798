"""Set up packages from PyPI that do not use nox-ship, rehearse a release of each, and show what stopped it.

Each sdist becomes a checkout as its maintainer would have it: one commit that is tagged as the published version,
another one with what `nox-ship init` writes, and a remote. There `nox -s release -- patch --dry-run` runs without
manual changes. If gates of the package fail, it runs again without them, so that the rest of the pipeline is tested
with every package.

It exits with 1 if anything but a package's own gates and known faults stopped a rehearsal, or where a
rehearsal touched anything.

Usage: python benchmarks/real_packages.py [-v] [--keep] [NAME==VERSION ...]
(in an environment with nox-ship installed)
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pypi_simple import PyPISimple

from real_checkouts import (
    Attempt,
    Checkout,
    UnusableError,
    back_end_of,
    configure,
    found_by_init,
    git,
    listed,
    nox_ship,
    print_table,
    rehearse,
    short,
)

PACKAGES = (
    "mypylogger==0.2.8",  # hatchling, src layout, ruff and mypy
    "flask-more-smorest==0.15.1",  # poetry, many dependencies
    "improved-sdd==0.1.4",  # setuptools, several top-level packages
    "xmltodict==1.0.4",  # setuptools, one module
    "pyproject-hooks==1.3.3",  # flit, the version in __init__.py
    "attrs==26.1.0",  # hatchling, versioned by tags, two top-level packages
    "platformdirs==4.14.5",  # hatchling, versioned by tags
    "simpleeval==1.0.8",  # hatchling, one module
    "httpx-sse==0.4.3",  # setuptools with pyproject.toml, dynamic version
    "zipp==3.15.0",  # setuptools with setup.cfg, versioned by tags
    "pytest-timeout==2.3.1",  # setuptools with setup.cfg, one module
    "blinker==1.9.0",  # flit
    "tomlkit==0.15.2",  # poetry
    "dep-logic==0.7.2",  # pdm
    "cachecontrol==0.14.4",  # uv_build
    "markupsafe==3.0.4",  # setuptools, an extension in C
)
# Packages that are broken as they were published, with the finding that says so: it stops them rightly.
KNOWN_FAULTS = {
    "improved-sdd==0.1.4": {
        "NS613": "its wheel on PyPI lacks modules that it imports",
        "NS614": "its wheel on PyPI lacks the module of its command",
    },
    "httpx-sse==0.4.3": {"NS613": "it imports httpx, which its metadata do not name"},
    "platformdirs==4.14.5": {"NS501": "its sdist lacks the README.md that its build reads"},
    "zipp==3.15.0": {"NS502": "its sdist fails `twine check --strict`"},
}
COLUMNS = (
    "package",
    "back end",
    "what init found",
    "result",
    "failed, and why",
    "skipped, and why",
    "touched",
    "seconds",
)

# What a back end adds to an sdist, and no repository holds.
_ADDED = ("PKG-INFO", "*.egg-info", "src/*.egg-info")


@dataclass
class Trial:
    """The result for one package."""

    package: str
    back_end: str = "?"
    found: str = "?"
    attempts: list[Attempt] = field(default_factory=list)
    left_out: tuple[str, ...] = ()
    trouble: list[str] = field(default_factory=list)
    """What stopped a rehearsal that is neither a gate nor a known fault of the package."""
    faults: list[str] = field(default_factory=list)
    """Known faults of the package that stopped a rehearsal."""
    touched: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing but the package's own gates stopped a rehearsal, and nothing was touched."""
        completed = bool(self.attempts) and self.attempts[-1].passed
        return not self.trouble and not self.touched and (completed or bool(self.faults))

    def judge(self) -> None:
        """Tell apart what stopped the rehearsals: faults that are known, and the rest."""
        known = KNOWN_FAULTS.get(self.package, {})
        for what in dict.fromkeys(what for attempt in self.attempts for what in attempt.stopped_by()):
            found = next((f"{kind} {why}" for kind, why in known.items() if kind in what), None)
            if found is None:
                self.trouble.append(what)
            elif found not in self.faults:
                self.faults.append(found)

    def row(self) -> tuple[str, ...]:
        """Return the package's line of the table, in the order of ``COLUMNS``."""
        first = self.attempts[0] if self.attempts else Attempt({}, "", 0)
        return (
            self.package,
            self.back_end,
            self.found,
            self._result(),
            listed(first.reasons()),
            listed(first.sessions("skipped")),
            ", ".join(self.touched) or "nothing",
            " + ".join(f"{attempt.seconds:.0f}" for attempt in self.attempts),
        )

    def _result(self) -> str:
        if self.trouble:
            return f"STOPPED: {'; '.join(map(short, self.trouble))}"
        if self.faults:
            return f"stopped, rightly: {'; '.join(self.faults)}"
        if self.good:
            return f"passed without {', '.join(self.left_out)}" if self.left_out else "passed"
        return "STOPPED by gates that had been left out"


def download(package: str, folder: Path) -> Path:
    """Download the sdist of ``package`` (``name==version``); the client checks its SHA-256."""
    name, separator, version = package.partition("==")
    if not separator:
        msg = f"{package!r} is not NAME==VERSION"
        raise UnusableError(msg)
    with PyPISimple() as client:
        for file in client.get_project_page(name).packages:
            if file.package_type == "sdist" and file.version == version and file.filename.endswith(".tar.gz"):
                path = folder / file.filename
                client.download_package(file, path, verify=True)
                return path
    msg = f"PyPI has no sdist of {package}"
    raise UnusableError(msg)


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack ``sdist`` and return its folder, as it was before a back end added to it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = (path for path in folder.iterdir() if path.is_dir())
    for pattern in _ADDED:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return root


def commit(root: Path, version: str, remote: Path) -> str:
    """Make a repository of ``root``: what was published, tagged; then what init writes; return what it told."""
    git(root, "init", "--quiet", "--initial-branch=main")
    configure(root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", f"Release {version}")
    git(root, "tag", "--annotate", "--message", version, f"v{version}")
    git(root, "remote", "add", "origin", "https://github.com/example/package.git")
    told = set_up(root)
    git(root, "add", "--force", ".github", "noxfile.py", "pyproject.toml")
    git(root, "commit", "--quiet", "--message", "Release with nox-ship")
    git(root, "init", "--quiet", "--bare", str(remote))
    git(root, "remote", "set-url", "origin", str(remote))
    git(root, "push", "--quiet", "--set-upstream", "origin", "main", f"v{version}")
    return told


def set_up(root: Path) -> str:
    """Run `nox-ship init` and return what it told."""
    told = nox_ship(root, "init")
    if told.returncode:
        msg = f"init: {told.stdout.strip().splitlines()[-1]}"
        raise UnusableError(msg)
    return told.stdout


def make_checkout(package: str, folder: Path) -> Checkout:
    """Download ``package`` and make a checkout of it, with a remote."""
    sources = folder / "sources"
    sources.mkdir()
    root = unpack(download(package, folder), sources)
    remote = folder / "remote.git"
    told = commit(root, package.partition("==")[2], remote)
    return Checkout(root, remote, back_end_of(root), found_by_init(told))


def try_package(package: str, folder: Path, *, verbose: bool) -> Trial:
    """Rehearse a release of ``package``; where its gates fail, once more without them."""
    trial = Trial(package)
    try:
        checkout = make_checkout(package, folder)
    except (UnusableError, OSError, tarfile.TarError, subprocess.CalledProcessError) as error:
        trial.trouble.append(f"no checkout: {error}")
        return trial
    trial.back_end, trial.found = checkout.back_end, checkout.found
    before = checkout.state()
    cache = folder / "cache"
    attempt = rehearse(checkout, cache, verbose=verbose)
    trial.attempts.append(attempt)
    if not attempt.passed and (held_up := attempt.held_up()):
        trial.left_out = held_up
        trial.attempts.append(rehearse(checkout, cache, held_up, verbose=verbose))
    trial.judge()
    after = checkout.state()
    trial.touched += [part for part, was in before.items() if after[part] != was]
    return trial


def main() -> int:
    """Try the packages, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="NAME==VERSION", help="default: a choice of sixteen")
    parser.add_argument("--keep", action="store_true", help="keep the folders and tell where they are")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the rehearsals print")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="real-packages-"))
    trials: list[Trial] = []
    try:
        for package in options.packages or PACKAGES:
            own = folder / package
            own.mkdir()
            trials.append(try_package(package, own, verbose=options.verbose))
            print(f"{package}: {trials[-1].row()[COLUMNS.index('result')]}", file=sys.stderr, flush=True)
    finally:
        if options.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print_table(COLUMNS, [trial.row() for trial in trials])
    return 0 if all(trial.good for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
