"""Rehearse a release of a project for each refusal of an index that the built files show.

Each project has its own build backend, which lets hatchling build and then damages the files as in `tests/refused.py`,
since no honest settings cause most of these faults. Its rehearsal, `nox -s release -- patch --dry-run` without the
gates that check code, must stop and name the refusal's ID, with checkout and remote unchanged.

It exits with 1 if one did not.

Usage: python benchmarks/foreseen.py [-v] [NAME ...]
(in an environment with nox-ship installed; each NAME is a refusal in the table, or an ID; default: all)
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from real_checkouts import GATES, Checkout, configure, git, print_table, rehearse  # noqa: E402
from refused import REFUSALS, Refusal  # noqa: E402

COLUMNS = ("refusal", "expected", "stopped by", "touched", "seconds", "result")
_PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "damaging"
backend-path = ["backend"]

[project]
name = "sample"
version = "1.2.3"
description = "A sample"
readme = "README.md"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]

[tool.hatch.build.targets.wheel]
packages = ["src/sample"]
"""
_NOXFILE = """\
import nox
import nox_ship

nox_ship.register()
"""
_BACK_END = '''\
"""A build backend that runs hatchling and puts a fault into what it built."""

from pathlib import Path

import hatchling.build
from drafts import damaged
from hatchling.build import *
from refused import REFUSALS

FAULT = next(refusal.fault for refusal in REFUSALS if refusal.slug == {slug!r})


def build_wheel(folder, config_settings=None, metadata_directory=None):
    """Build the wheel; the sdist that it is built from lies beside it by then, whole until now."""
    built = Path(folder, hatchling.build.build_wheel(folder, config_settings, metadata_directory))
    made = []
    for path in [built, *Path(folder).glob("*.tar.gz")]:
        bad = damaged(path, FAULT, path.parent / "bad")
        path.unlink()
        made.append(bad.rename(path.parent / bad.name))
    (path.parent / "bad").rmdir()
    return made[0].name
'''


@dataclass
class Trial:
    """The outcome for one project."""

    refusal: Refusal
    stopped_by: str = "nothing"
    touched: str = "nothing"
    seconds: float = 0

    @property
    def good(self) -> bool:
        """Whether it stopped with its ID, and nothing changed."""
        return self.refusal.foreseen_as in self.stopped_by.split(", ") and self.touched == "nothing"

    def row(self) -> tuple[str, ...]:
        """Return its line of the table."""
        result = "foreseen" if self.good else "MISSED"
        seconds = f"{self.seconds:.0f}"
        return (self.refusal.slug, self.refusal.foreseen_as, self.stopped_by, self.touched, seconds, result)


def make_project(folder: Path, refusal: Refusal) -> Checkout:
    """Write the project, with a remote that has its first release."""
    root, remote = folder / "sample", folder / "remote.git"
    files = {
        "pyproject.toml": _PYPROJECT,
        "noxfile.py": _NOXFILE,
        "README.md": "# sample\n",
        "LICENSE": "MIT License\n",
        ".gitignore": "dist/\n.nox/\n.nox-ship/\n__pycache__/\n",
        "src/sample/__init__.py": '"""A sample."""\n',
        "backend/damaging.py": _BACK_END.format(slug=refusal.slug),
        **{f"backend/{name}": (TESTS / name).read_text("utf-8") for name in ("drafts.py", "refused.py")},
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    git(root, "init", "--quiet", "--initial-branch=main")
    configure(root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "Release 1.2.3")
    git(root, "tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "Change something")
    git(root, "init", "--quiet", "--bare", str(remote))
    git(root, "remote", "add", "origin", str(remote))
    git(root, "push", "--quiet", "--set-upstream", "origin", "main", "v1.2.3")
    return Checkout(root, remote, "hatchling", "")


def try_refusal(refusal: Refusal, folder: Path, *, verbose: bool) -> Trial:
    """Rehearse a release of a project with the fault."""
    trial = Trial(refusal)
    checkout = make_project(folder, refusal)
    before = checkout.state()
    attempt = rehearse(checkout, folder / "cache", GATES, verbose=verbose)
    trial.seconds = attempt.seconds
    if not attempt.passed:
        trial.stopped_by = ", ".join(sorted(set(re.findall(r"\bNS5\d{2}\b", attempt.output)))) or "something else"
    after = checkout.state()
    trial.touched = ", ".join(part for part, was in before.items() if after[part] != was) or "nothing"
    return trial


def main() -> int:
    """Try each selected refusal, one after another, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="names or IDs of refusals")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the rehearsals print")
    options = parser.parse_args()
    wanted = [
        refusal
        for refusal in REFUSALS
        if refusal.fault
        and any(name in (refusal.foreseen_as, refusal.slug) for name in options.names or [refusal.slug])
    ]
    trials = []
    for refusal in wanted:
        folder = Path(tempfile.mkdtemp(prefix="foreseen-"))
        try:
            trials.append(try_refusal(refusal, folder, verbose=options.verbose))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{refusal.slug}: {trials[-1].row()[-1]}", file=sys.stderr, flush=True)
    print_table(COLUMNS, [trial.row() for trial in trials])
    return 0 if trials and all(trial.good for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
