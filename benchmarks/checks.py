"""Measure how long the checks of `build` take: reading wheel and sdist, and running every check.

It exits with 1 if they cost more than the limit: 0.3 seconds for a package of 100 files, 5 seconds for one of 10,000.
The project is read before, as in a build; the time is processor time.

Usage: python benchmarks/checks.py [--profile]
(in an environment with nox-ship installed, with `tests` on the path: PYTHONPATH=tests)
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from drafts import Draft, good_files
from nox_ship.package.built import Built
from nox_ship.package.checks import examine
from nox_ship.package.contents import Archive
from nox_ship.project import Project

BOUNDS = {100: 0.3, 10_000: 5.0}
"""Seconds, by the number of files."""
_WORDS = ("value", "self", "return", "import", "result", "parser", "stream", "config", "table", "index")


def sources(number: int) -> dict[str, bytes]:
    """Return files of a package: modules in nested folders, with data next to them, of typical sizes."""
    chance = random.Random(number)  # noqa: S311 - the same each time
    files: dict[str, bytes] = {"sample/__init__.py": b""}
    while len(files) < number:
        place = len(files)
        folder = "/".join(["sample", *(f"part{place // step % 20}" for step in (1000, 100))])
        files.setdefault(f"{folder}/__init__.py", b"")
        size = int(chance.lognormvariate(8, 1))
        words = " ".join(chance.choices(_WORDS, k=size // 6))
        name = f"{folder}/module{place}.py" if place % 4 else f"{folder}/data{place}.json"
        files[name] = words.encode()
    return files


def build(folder: Path, number: int) -> tuple[Project, list[Path], tuple[str, ...]]:
    """Write a project of ``number`` files and its built files; return it with the files and the sources' names."""
    files = sources(number)
    made = []
    for path in good_files(folder / "good"):
        draft = Draft.read(path)
        place = "" if draft.is_wheel else f"{draft.top}src/"
        draft.members = {**{f"{place}{name}": content for name, content in files.items()}, **draft.members}
        made.append(draft.write(folder / "dist"))
    root = folder / "project"
    (root / "src/sample").mkdir(parents=True)
    (root / "src/sample/__init__.py").touch()
    (root / "pyproject.toml").write_text('[project]\nname = "sample"\nversion = "1.2.3"\n')
    return Project.read(root), made, tuple(f"src/{name}" for name in files)


def measure(number: int, *, profile: bool) -> float:
    """Return the seconds that the checks of a package with ``number`` files take."""
    with tempfile.TemporaryDirectory(prefix="checks-") as folder:
        project, (wheel, sdist), names = build(Path(folder), number)
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        begun = time.process_time()
        archives = Archive.read(wheel), Archive.read(sdist)
        tracked = dict.fromkeys(names, "0" * 40)
        found = examine(Built(project, archives[:1], archives[1], "1.2.3", names, tracked))
        seconds = time.process_time() - begun
        profiler.disable()
    if profile:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(25)
    if found:
        print("\n".join(map(str, found)))
        raise SystemExit(1)
    return seconds


def main() -> int:
    """Measure each size and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    options = parser.parse_args()
    measure(10, profile=False)  # warms up what is imported on first use
    slow = False
    for number, bound in BOUNDS.items():
        seconds = min(measure(number, profile=options.profile) for _ in range(1 if options.profile else 3))
        slow = slow or seconds > bound
        print(f"{number:>6} files: {seconds:.3f} s (bound: {bound} s)")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
