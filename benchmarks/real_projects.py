"""Try nox-ship on public repositories as they are: set each up, rehearse a release, and show the result.

A mirror of each is cloned at a commit where the project's own CI was green. `nox-ship init` sets it up, what it wrote
is committed, and `nox -s release -- patch --dry-run` (or `minor`, if the index has the version) runs with every gate
on, without an edit by hand. Nothing is fetched but packages: mirrors are folders of whoever runs this, called
`OWNER+NAME` or `NAME.git`, with the history and the tags.

It exits with 1 if a project did not pass that EXPECTED does not name, or where a rehearsal touched anything.

Usage: python benchmarks/real_projects.py --mirrors FOLDER [--held-back] [--timeout SECONDS] [--keep] [-v] [NAME ...]
(in an environment with nox-ship installed, and cmake and ninja where the system's are old; with `pdm[locked]` on
the PATH, which a project's own session starts)
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from real_checkouts import (
    GATES,
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
    release_session,
    short,
)


@dataclass(frozen=True)
class Project:
    """A public repository at a commit, and the folder in it that has the package."""

    repository: str
    """Owner and name."""
    commit: str
    folder: str = "."
    day: str | None = None
    """The day whose packages are installed: tools that the project does not pin have found more since."""

    @property
    def name(self) -> str:
        """The repository's name without its owner."""
        return self.repository.partition("/")[2]


# Each is here for what its comment says; every kind of thing appears at least twice, counting those held back.
PROJECTS = (
    # flit, src layout, uv.lock, tool.tox in pyproject.toml, pre-commit with ruff, mypy and pyright, no classifiers
    Project("pallets/click", "2c8cd3ac958a7eb316d67f2d316c27086c4c0369"),
    # hatchling, pinned requirements.txt, checks in scripts, a command that needs an extra, a .netrc among the tests
    Project("encode/httpx", "ae1b9f66238f75ced3ced5e4485408435de10768"),
    # setuptools with pyproject.toml, tox.ini with extras, ruff by pre-commit only, private keys among the tests
    Project("jpadilla/pyjwt", "dcc27a9d3182a2349c30b160758785c6ce7a6508", day="2026-03-30"),
    # flit, a noxfile of its own with sessions `test` for a list of Pythons, lint (pre-commit) and release
    Project("pypa/pyproject-hooks", "e89c52f8e277f3a83cb959c278f546669dd3bdbb"),
    # hatch-vcs, tox.toml, dependency groups, ty
    Project("tox-dev/platformdirs", "b2f29d8e8c17ac18299c2a3e1833620281bb57d2", day="2026-08-22"),
    # setuptools, requirements.txt, Makefile, tox.ini with linters, a command that needs an extra
    Project("theskumar/python-dotenv", "bca6644d9aedbe287b792b756b3ae3d650cd0d3a"),
    # flit, requirements/*.txt, tox.ini with a coverage threshold; black, isort, flake8 and mypy by pre-commit
    Project("arrow-py/arrow", "b247ad073d4c350270528edb5afff8e7f4f7d9e4"),
    # setuptools with setup.cfg and no pyproject.toml, requirements-dev.txt; flake8, autopep8 and mypy by pre-commit
    Project("asottile/pyupgrade", "1915f5dfa65063de58d3df821312e9a582ef5cea"),
    # setuptools with setup.py and no pyproject.toml; bandit, flake8, black and isort by pre-commit, pylint by tox.ini
    Project("scrapy/w3lib", "6057cac5103c8deb1b3c539f35edfc763fe51bef"),
    # setuptools, Justfile and workflows with black, flake8, mypy and ty, a dev group
    Project("simonw/sqlite-utils", "56dd09702fdb9e899f577ffd51693c1f2176cb08", day="2026-08-14"),
    # poetry, src layout, poetry.lock, groups of Poetry's, no classifiers
    Project("python-poetry/cleo", "8c3f1bbf82d918fc137ad40db65c446e14564aac"),
    # pdm, src layout, pdm.lock, groups of PDM's; ruff and pyright by pre-commit, tests by `pdm run`
    Project("pdm-project/dep-logic", "b9faea551638070db4575d05f8a2a86fc8560519"),
    # pdm, flat layout, pdm.lock, a noxfile of its own with a session `tests`; black, flake8, isort, mypy by pre-commit
    Project("frostming/marko", "0fa0b29b670feca15558652f327bc20c3baee91b", day="2026-08-15"),
    # hatch-vcs, tox.ini, requirements files of type checkers; ruff and black by pre-commit
    Project("python-humanize/humanize", "c3a124cdeb272d7f63bc0aa66f79c6fbafd2fc6d"),
    # no build system named, pylock.toml beside uv.lock, Makefile, tests that need extras
    Project("0b01001001/spectree", "44605354839a94f3340e952d9051eeee15f70416"),
    # uv_build, below the top of a repository of many languages, uv.lock, tool.tox; ruff and mypy by pre-commit
    Project("cucumber/messages", "83e88b02060cdd6d513ae4fd41c9aa0f0d3cf8b1", folder="python"),
    # scikit-build-core, an extension in C++, no tags, a noxfile of its own with sessions `lint` and `tests`
    Project("pybind/scikit_build_example", "99e679e1614fb9792eeed3d1aeae4166bc180dee"),
    # hatchling, environments of hatch's with scripts, a test extra
    Project("ipython/traitlets", "f97e64b673bc0e9d607d8b40a3522ef3fd99165d"),
    # hatch-vcs, an environment of hatch's with a matrix; black and mypy by pre-commit
    Project("pytest-dev/iniconfig", "71901257f6cbf660e77b1077e00f11a0f440be1e"),
    # hatchling, pinned requirements/*.txt named by tox.ini, CHANGES.rst
    Project("pallets-eco/flask-wtf", "2e142951788d8209815fd4797c93f6f3c275ed71"),
    # setuptools-scm, a module in a namespace, linter and type checker as plugins of pytest, ruff.toml
    Project("jaraco/jaraco.functools", "ac8ccb3dafc49b3f58fb011b60d8407a60b93763", day="2025-05-04"),
    # setuptools, a package in a namespace with src layout, tests run by zope.testrunner; isort and flake8 by pre-commit
    Project("zopefoundation/zope.event", "88722ea6df44e57b72d724906d43a11680193637"),
    # setuptools-scm, src layout, uv.lock, tests in `testing`, mypy by pre-commit with additional dependencies
    Project("pytest-dev/pluggy", "e382e72789f8d791991c489d4322aa04e660b952"),
    # setuptools with setup.py and no pyproject.toml, one module, tests beside it, flake8 by tox.ini
    Project("benjaminp/six", "c8e394065cd541a16c040515dc0afb85cf22a7c3"),
    # setuptools with setup.cfg and no pyproject.toml, one module, dev-requirements.txt, flake8 by pre-commit
    Project("PyCQA/pycodestyle", "d6c38543a95c3adec7958fc659f4081972a3f1d1"),
)
# Tried only at the end of a change to the gates: nobody fitted them to these.
HELD_BACK = (
    # setuptools, a noxfile of its own with sessions tests, lint and release, extras for tests and lint
    Project("sarugaku/resolvelib", "a0cb7c50b78028f840b238d8e1c391e0546f2325"),
    # flit, tox.toml, justfile, a dev group
    Project("cpburnz/python-pathspec", "6568072c2703c72796cd02467feb924540157c92"),
    # setuptools with setup.py and no pyproject.toml; bandit, flake8, black and isort by pre-commit, pylint by tox.ini
    Project("scrapy/parsel", "076ee4afb9a16f0d8620e1bc8b02e8a6ecec4b59"),
    # poetry with an extension in Cython, poetry.lock, mypy by pre-commit with additional dependencies
    Project("Bluetooth-Devices/bluetooth-data-tools", "0f03ff4e39b462b6f3c78d9c64ec841cc5b59755"),
    # uv_build, below the top of a repository of many languages, uv.lock
    Project("cucumber/tag-expressions", "3f215a498d3176168bb660a2c5c3707a7c8ceb16", folder="python"),
)
# Projects that do not pass, and why: it is their own fault, or needs a network.
EXPECTED = {
    "encode/httpx": "three of its tests look example.org up, which needs the network",
    "pybind/scikit_build_example": "a classifier keeps it off PyPI; its session `tests` installs an extra that it no"
    " longer has, and `lint` lets pre-commit fetch hooks, which needs the network; its CI runs neither",
    "scrapy/parsel": "its tests and its documentation compare what cssselect 1.2 made; 1.3 makes shorter XPath",
    "pypa/pyproject-hooks": "its session `lint` lets pre-commit fetch hooks, and `docs` an inventory of Sphinx's: both"
    " need the network",
}

COLUMNS = (
    "project",
    "commit",
    "back end",
    "lock",
    "tools from",
    "result",
    "failed, and why",
    "skipped, and why",
    "seconds",
)

_LOCKS = re.compile(r"(uv|poetry|pdm)\.lock|pylock(\..+)?\.toml|([\w-]*requirements[\w-]*|requirements/[\w.-]+)\.txt")
_ADDS_VERSIONS = ("hatch-vcs", "setuptools-scm", "setuptools_scm", "flit_scm")
# What a gate's session logs of where its tools come from: `nox > ruff, mypy: as in tox.ini [testenv:lint]`.
_SOURCE = re.compile(
    r"^nox > (?P<tools>[\w.-]+(, [\w.-]+)*): (?P<source>(as in |the project's |`tool\.|no linter ).*)$"
)


@dataclass
class Trial:
    """The result for one project."""

    project: Project
    back_end: str = "?"
    locks: tuple[str, ...] = ()
    attempt: Attempt = field(default_factory=lambda: Attempt({}, "", 0))
    log: str = ""
    trouble: list[str] = field(default_factory=list)
    """What stopped it that is no gate."""
    touched: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether a rehearsal with every gate came to its end."""
        return self.attempt.passed and not self.trouble

    @property
    def good(self) -> bool:
        """Whether it passed, or does not for a reason that is known; and nothing was touched."""
        return not self.touched and (self.passed or self.project.repository in EXPECTED)

    @property
    def result(self) -> str:
        """The result, in a few words."""
        if self.touched:
            return f"TOUCHED {', '.join(self.touched)}"
        if self.passed:
            return "passed"
        known = EXPECTED.get(self.project.repository)
        if self.trouble:
            found = "; ".join(map(short, self.trouble))
        else:
            found = ", ".join(gate for gate in GATES if gate in self.attempt.held_up())
        return f"expected: {known} ({found})" if known else f"FAILED: {found}"

    def sources(self) -> str:
        """Return where each gate took its tools from, as its session told."""
        found: dict[str, None] = {}
        for line in self.log.splitlines():
            if match := _SOURCE.match(line):
                found.setdefault(f"{match['tools']}: {match['source']}")
        return "; ".join(map(short, found)) or "-"

    def row(self) -> tuple[str, ...]:
        """Return the project's line of the table, in the order of ``COLUMNS``."""
        return (
            self.project.repository,
            self.project.commit[:10],
            self.back_end,
            ", ".join(self.locks) or "-",
            self.sources(),
            self.result,
            listed(self.attempt.reasons()),
            listed(self.attempt.sessions("skipped")),
            f"{self.attempt.seconds:.0f}",
        )


def mirror_of(project: Project, mirrors: Path) -> Path:
    """Return the git directory of the mirror of a project.

    Raises:
        UnusableError: There is none, or it does not have the commit.
    """
    owned = project.repository.replace("/", "+")
    for name in (owned, f"{owned}.git", project.name, f"{project.name}.git"):
        for inner in ("repo/.git", "repo", ".git", "."):
            path = mirrors / name / inner
            if (path / "HEAD").is_file() and (path / "objects").is_dir():
                if subprocess.run(["git", "cat-file", "-e", project.commit], cwd=path, check=False).returncode:
                    msg = f"{path} does not have the commit"
                    raise UnusableError(msg)
                return path
    msg = f"{mirrors} has no mirror of {project.repository}"
    raise UnusableError(msg)


def make_remote(project: Project, mirror: Path, remote: Path) -> str:
    """Make a bare repository as it was at the commit; return the name of its branch."""
    git(mirror, "clone", "--quiet", "--bare", "--no-local", ".", str(remote))
    branch = git(remote, "symbolic-ref", "--short", "HEAD").strip()
    git(remote, "update-ref", f"refs/heads/{branch}", project.commit)
    made = int(git(remote, "show", "--no-patch", "--format=%ct", project.commit))
    for line in git(remote, "for-each-ref", "--format=%(creatordate:unix) %(refname)", "refs/tags").splitlines():
        when, name = line.split(" ", 1)
        if int(when or 0) > made:
            git(remote, "update-ref", "-d", name)
    return branch


def make_checkout(project: Project, mirrors: Path, folder: Path) -> Checkout:
    """Clone a project, set it up with `nox-ship init`, and commit and push what that wrote.

    Raises:
        UnusableError: There is no mirror of it, or `nox-ship init` refused.
    """
    remote, top = folder / "remote.git", folder / project.name
    branch = make_remote(project, mirror_of(project, mirrors), remote)
    git(folder, "clone", "--quiet", str(remote), str(top))
    configure(top)
    root = top / project.folder
    checkout = Checkout(root, remote, described_back_end(root), "")
    git(top, "remote", "set-url", "origin", f"https://github.com/{project.repository}.git")
    told = nox_ship(root, "init")
    git(top, "remote", "set-url", "origin", str(remote))
    if told.returncode:
        said = (told.stdout + told.stderr).strip().splitlines() or ["no output"]
        msg = f"init: {'; '.join(line for line in said if 'error' in line.lower()) or said[-1]}"
        raise UnusableError(msg)
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "Release with nox-ship")
    git(top, "push", "--quiet", "origin", branch)
    return Checkout(root, remote, checkout.back_end, found_by_init(told.stdout), release_session(told.stdout))


def described_back_end(root: Path) -> str:
    """Return the back end of a project with what tells its version, or the file that stands for pyproject.toml."""
    path = root / "pyproject.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    build = table.get("build-system")
    if build is None:
        files = [name for name in ("setup.cfg", "setup.py") if (root / name).is_file()]
        return f"setuptools by {files[0]}" if files else "none named"
    tools = [name for name in _ADDS_VERSIONS if any(line.startswith(name) for line in build["requires"])]
    return " + ".join([back_end_of(root), *tools[:1]])


def locks_of(root: Path) -> tuple[str, ...]:
    """Return the locks and requirements files of a project that git has."""
    names = git(root, "ls-files").splitlines()
    return tuple(name for name in names if _LOCKS.fullmatch(name))


def try_project(project: Project, mirrors: Path, folder: Path, *, timeout: float, verbose: bool) -> Trial:
    """Set a project up and rehearse a release of it."""
    trial = Trial(project)
    try:
        checkout = make_checkout(project, mirrors, folder)
    except (UnusableError, OSError, subprocess.SubprocessError) as error:
        detail = f": {error.stderr.strip()}" if isinstance(error, subprocess.CalledProcessError) else ""
        trial.trouble.append(f"{error}{detail}")
        return trial
    trial.back_end, trial.locks = checkout.back_end, locks_of(checkout.root)
    before = checkout.state()
    cache = folder / "cache"
    for part in ("patch", "minor", "major"):  # the index may have versions that are newer than the commit
        trial.attempt = rehearse(checkout, cache, part=part, day=project.day, timeout=timeout, verbose=verbose)
        if not trial.attempt.taken:
            break
    trial.log = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in cache.glob("*/sessions.log"))
    trial.trouble += trial.attempt.stopped_by()
    after = checkout.state()
    trial.touched += [part for part, was in before.items() if after[part] != was]
    return trial


def chosen(names: Sequence[str], *, held_back: bool) -> Iterator[Project]:
    """Yield the projects to try: those that are named, else all."""
    for project in (*PROJECTS, *(HELD_BACK if held_back or names else ())):
        if not names or {project.name, project.repository} & set(names):
            yield project


def main() -> int:
    """Try the projects, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="projects to try, by name; default: all but those")
    parser.add_argument("--mirrors", type=Path, required=True, metavar="FOLDER", help="where the mirrors are")
    parser.add_argument("--held-back", action="store_true", help="also those that are held back")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="for one rehearsal")
    parser.add_argument("--keep", action="store_true", help="keep the folders and tell where they are")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the rehearsals print")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="real-projects-"))
    trials: list[Trial] = []
    try:
        for project in chosen(options.names, held_back=options.held_back):
            own = folder / project.name
            own.mkdir()
            trial = try_project(
                project, options.mirrors.resolve(), own, timeout=options.timeout, verbose=options.verbose
            )
            trials.append(trial)
            print(f"{project.repository}: {trial.result}", file=sys.stderr, flush=True)
            if not options.keep:
                shutil.rmtree(own, ignore_errors=True)
    finally:
        if options.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print_table(COLUMNS, [trial.row() for trial in trials])
    passed = sum(trial.passed for trial in trials)
    print(f"\n{passed} of {len(trials)} passed with every gate on ({dt.datetime.now(tz=dt.UTC):%Y-%m-%d})")
    return 0 if all(trial.good for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
