"""Packages from PyPI as checkouts that their maintainers would have, set up by `nox-ship init`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pypi_simple import PyPISimple

# What a back end adds to an sdist, and no repository holds.
_ADDED = ("PKG-INFO", "*.egg-info", "src/*.egg-info")
_SHOWN = 120


class UnusableError(Exception):
    """A package that cannot be made a checkout of."""


@dataclass(frozen=True)
class Checkout:
    """A package's checkout, with the bare repository that it is pushed to."""

    root: Path
    remote: Path
    back_end: str
    found: str
    """What `nox-ship init` found."""

    def state(self) -> dict[str, str]:
        """Return everything that a rehearsal must leave alone."""
        return {
            "files": git(self.root, "status", "--porcelain"),
            "HEAD": git(self.root, "rev-parse", "--symbolic-full-name", "HEAD", "HEAD^{commit}"),
            "refs": git(self.root, "for-each-ref"),
            "remote": git(self.remote, "for-each-ref"),
        }


def short(text: str) -> str:
    """Return ``text`` in one line of a table cell."""
    line = " ".join(text.replace("|", "/").split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def git(folder: Path, *args: str) -> str:
    """Run git in ``folder`` and return what it printed."""
    done = subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


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
    for key, value in (
        ("user.name", "Real packages"),
        ("user.email", "real@example.invalid"),
        ("commit.gpgsign", "false"),
        ("tag.gpgsign", "false"),
    ):
        git(root, "config", key, value)
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
    """Run `nox-ship init` and return what it told.

    Where it refuses because the package has a noxfile or workflows of the same names, those are set aside, and that is
    told first: it is what its maintainer would have to decide.
    """
    told = subprocess.run(nox_ship("init"), cwd=root, capture_output=True, text=True, check=False)
    aside = [kind for kind in ("NS812", "NS815") if kind in told.stdout]
    if told.returncode and aside:
        if "NS812" in aside:
            (root / "noxfile.py").unlink()
        told = subprocess.run(nox_ship("init", "--force"), cwd=root, capture_output=True, text=True, check=False)
    if told.returncode:
        msg = f"init: {told.stdout.strip().splitlines()[-1]}"
        raise UnusableError(msg)
    return "".join([*(f"refused {kind}: its own was set aside\n" for kind in aside), told.stdout])


def nox_ship(*args: str) -> list[str]:
    """Return a command line of the `nox-ship` that is installed beside us."""
    return [sys.executable, "-c", "import sys; from nox_ship.command import main; sys.exit(main())", *args]


def found_by_init(told: str) -> str:
    """Return the lines that matter of what `nox-ship init` found."""
    wanted = ("refused", "version", "Pythons", "tests", "linters")
    pairs = (line.split(maxsplit=1) for line in told.splitlines() if line.startswith(wanted))
    return short("; ".join(f"{name} {value.strip()}" for name, value in pairs))


def back_end_of(root: Path) -> str:
    """Return the build back end that the package names, as it is usually called."""
    path = root / "pyproject.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    name = str(table.get("build-system", {}).get("build-backend", "setuptools"))
    return name.split(".", 1)[0].removesuffix("_core")


def make_checkout(package: str, folder: Path) -> Checkout:
    """Download ``package`` and make a checkout of it, with a remote."""
    sources = folder / "sources"
    sources.mkdir()
    root = unpack(download(package, folder), sources)
    remote = folder / "remote.git"
    told = commit(root, package.partition("==")[2], remote)
    return Checkout(root, remote, back_end_of(root), found_by_init(told))
