"""How the time of a release grows with the wheels, the Pythons, the files and the commits of a project.

Each number is the processor time, in seconds, of all that a command starts. It ends with 1 where one grows faster than
what it depends on, beyond what times swing. With `--write`, the table and the plots in docs/speed.md are made anew.

Usage: python benchmarks/growth.py [--quick] [--write]   (in an environment that has nox-ship installed)
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from nox_ship.package.manifest import File, Manifest  # noqa: E402
from rehearsal import make_project  # noqa: E402 - the path above leads there
from support import make_wheel  # noqa: E402

DOC = HERE.parent / "docs" / "speed.md"
BEGIN, END = "<!-- growth: written by benchmarks/growth.py -->", "<!-- growth: end -->"
SWING = 1.6
"""How much more the second half of the way may cost than the first: times swing, and with a square it would be 2."""


@dataclass(frozen=True)
class Growth:
    """What grows, how far, and what is run at each size."""

    what: str
    command: str
    sizes: tuple[int, ...]
    """At even distances."""
    prepare: Callable[[Path, int], Path]
    """Makes a project of a size in a folder, and returns it."""
    arguments: tuple[str, ...]


def seconds(command: list[str], folder: Path) -> float:
    """Run a command and return the processor time of it and of all that it started."""
    hidden = ("CI", "VIRTUAL_ENV", "NOX_SHIP_CACHE")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env |= {"NOX_SHIP_CACHE": str(folder.parent / "cache"), "NOX_SCRIPT_MODE": "none"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def git(folder: Path, *arguments: str, stdin: str = "") -> None:
    """Run git in a folder."""
    subprocess.run(["git", *arguments], cwd=folder, input=stdin, text=True, check=True)


def nox(*arguments: str) -> list[str]:
    """Return a command that runs nox."""
    return [sys.executable, "-m", "nox", "--no-error-on-missing-interpreters", *arguments]


def with_wheels(folder: Path, number: int) -> Path:
    """Return a project that has been built, with so many wheels."""
    project = make_project(folder, ["3.11"])
    seconds(nox("--session", "build"), project)
    manifest = project / ".nox-ship" / "manifest.json"
    known = Manifest.read(manifest)
    sdist = next(file for file in known.files if file.kind == "sdist")
    dist, made = (
        project / "dist",
        make_wheel(folder / "made", {"sample/__init__.py": ""}, version=known.version),
    )
    wheels = []
    for one in dist.glob("*.whl"):
        one.unlink()
    for build in range(number):
        target = dist / made.name.replace("-py3-", f"-{build}-py3-")
        shutil.copy(made, target)
        wheels.append(File.of(target))
    dataclasses.replace(known, files=(*wheels, sdist)).write(manifest)
    return project


def with_pythons(folder: Path, number: int) -> Path:
    """Return a project that supports so many Pythons, of those that are installed."""
    return make_project(folder, pythons()[:number])


def pythons() -> list[str]:
    """Return the Pythons that are installed and that the sample supports."""
    return [version for version in ("3.11", "3.12", "3.13", "3.14", "3.15") if shutil.which(f"python{version}")]


def with_files(folder: Path, number: int) -> Path:
    """Return a project with so many modules."""
    project = make_project(folder, ["3.11"])
    for place in range(number):
        path = project / "src/sample" / f"part{place // 100}" / f"module{place}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'"""Number {place}."""\n\nVALUE = {place}\n', encoding="utf-8")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=many files")
    git(project, "push", "--quiet")
    return project


def with_commits(folder: Path, number: int) -> Path:
    """Return a project with so many commits, and a release tag on every hundredth."""
    project = make_project(folder, ["3.11"])
    stream: list[str] = []
    base = "from refs/heads/main^0\n"
    for place in range(number):
        text = f"change {place}"
        data = f"data {len(text)}\n{text}\n"
        who = f"Benchmark <benchmark@example.invalid> {1_700_000_000 + place} +0000"
        changed = f"M 100644 inline {place % 50}.txt\n{data}\n"
        stream.append(f"commit refs/heads/main\ncommitter {who}\n{data}{base}{changed}")
        base = ""
        if place % 100 == 0:
            stream.append(f"reset refs/tags/v0.{place // 100}.0\nfrom refs/heads/main\n\n")
    git(project, "fast-import", "--quiet", stdin="".join(stream))
    git(project, "reset", "--quiet", "--hard")
    git(project, "push", "--quiet", "--follow-tags", "--tags", "origin", "main")
    return project


REHEARSE = ("--session", "release", "--", "patch", "--dry-run")
CUT = ("--session", "release", "--", "patch", "--bundle", "../release.git")
UPLOAD = ("--no-dependencies", "--session", "publish", "--", "--dry-run", "--no-install")
GROWTHS = (
    Growth("wheels", "publish -- --dry-run", (20, 40, 60, 80, 100), with_wheels, UPLOAD),
    Growth("Pythons", "release -- patch --dry-run", tuple(range(1, 1 + len(pythons()))), with_pythons, REHEARSE),
    Growth("files", "build", (2_000, 4_000, 6_000, 8_000, 10_000), with_files, ("--session", "build")),
    Growth("files", "release -- patch --bundle", (2_000, 4_000, 6_000, 8_000, 10_000), with_files, CUT),
    Growth("commits", "release -- patch --bundle", (4_000, 8_000, 12_000, 16_000, 20_000), with_commits, CUT),
)
"""A release that is only cut stands for all that looks at the repository: no gate runs."""


def measured(growth: Growth) -> list[float]:
    """Return the processor time at each size."""
    found = []
    for size in growth.sizes:
        with tempfile.TemporaryDirectory(prefix="growth-") as folder:
            project = growth.prepare(Path(folder), size)
            found.append(seconds(nox(*growth.arguments), project))
        print(f"{growth.command}: {size} {growth.what}: {found[-1]:.2f} s", flush=True)
    return found


def steeper(times: list[float]) -> bool:
    """Whether the second half of the way costs more than the first, beyond what times swing."""
    middle = (len(times) - 1) // 2
    if not middle:  # two points are a line
        return False
    first, second = times[middle] - times[0], times[2 * middle] - times[middle]
    return second > SWING * max(first, times[0])


def written(results: list[tuple[Growth, list[float]]]) -> str:
    """Return the tables and plots, in Markdown."""
    return "\n\n".join(_section(growth, times) for growth, times in results)


def _section(growth: Growth, times: list[float]) -> str:
    lines = [
        f"### {growth.what.capitalize()}: `nox -s {growth.command}`",
        "",
        "| ".join([f"| {growth.what} ", *(f"{size:,} " for size in growth.sizes)]) + "|",
        "|---" * (len(times) + 1) + "|",
        "| ".join(["| seconds ", *(f"{time:.1f} " for time in times)]) + "|",
        "",
        "```mermaid",
        "xychart-beta",
        f'    x-axis "{growth.what}" {growth.sizes[0]} --> {growth.sizes[-1]}',
        f'    y-axis "seconds" 0 --> {max(times) * 1.1:.1f}',
        f"    line [{', '.join(f'{time:.2f}' for time in times)}]",
        "```",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description="Measure how the time of a release grows.")
    parser.add_argument("--quick", action="store_true", help="the two smallest sizes only")
    parser.add_argument("--write", action="store_true", help="write the tables and plots into docs/speed.md")
    options = parser.parse_args()
    chosen = [dataclasses.replace(one, sizes=one.sizes[:2]) if options.quick else one for one in GROWTHS]
    results = [(growth, measured(growth)) for growth in chosen]
    steep = [growth for growth, times in results if steeper(times)]
    for growth in steep:
        print(f"{growth.command} grows faster than its {growth.what}")
    if options.write:
        text = DOC.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        DOC.write_text(f"{before}{BEGIN}\n\n{written(results)}\n\n{END}{after}", encoding="utf-8")
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
