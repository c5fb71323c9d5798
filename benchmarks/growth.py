"""How the cost of a release grows with the wheels, the Pythons, the files and the commits of a project.

The cost is the processor time, in seconds, of everything that a command starts, and the memory of its largest process,
in MiB. It exits with 1 if a cost grows faster than what it depends on, beyond its variation. With `--write`, it updates
the tables and the plots in docs/speed.md.

Usage: python benchmarks/growth.py [--quick] [--only TEXT] [--write]   (in an environment with nox-ship installed)
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from nox_ship.package.manifest import File, Manifest  # noqa: E402
from nox_ship.package.parts import Part  # noqa: E402
from nox_ship.pythons import interpreter  # noqa: E402
from rehearsal import make_project  # noqa: E402 - the path above leads there
from support import make_wheel, pack_wheel, record_text  # noqa: E402

DOC = HERE.parent / "docs" / "speed.md"
BEGIN, END = "<!-- growth: written by benchmarks/growth.py -->", "<!-- growth: end -->"
_BARS = "▁▂▃▄▅▆▇█"
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15", "3.10", "3.9", "3.8")
"""The Pythons that the sample supports, in the order in which they are added."""
INSTALLED = [version for version in PYTHONS if interpreter(version)]
SWING = 1.6
"""How much more the second half of a range may cost than the first: times vary, and quadratic growth would give 2."""


@dataclass(frozen=True)
class Growth:
    """A quantity that grows, its sizes, and what is run at each size."""

    what: str
    command: str
    sizes: tuple[int, ...]
    """At equal distances."""
    prepare: Callable[[Path, int], Path]
    """Makes a project of a given size in a folder, and returns it."""
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """The cost of a command."""

    seconds: float
    """Processor time of the command and everything that it started."""
    memory: float
    """The largest memory of one of those processes, in MiB."""


def cost(command: list[str], folder: Path) -> Cost:
    """Run a command and return its cost."""
    hidden = ("CI", "VIRTUAL_ENV", "NOX_SHIP_CACHE")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env |= {"NOX_SHIP_CACHE": str(folder.parent / "cache"), "NOX_SCRIPT_MODE": "none"}
    with tempfile.TemporaryFile("w+") as output:
        started = subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=output)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{output.read()[-6000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def git(folder: Path, *arguments: str, stdin: str = "") -> None:
    """Run git in a folder."""
    subprocess.run(["git", *arguments], cwd=folder, input=stdin, text=True, check=True)


def nox(*arguments: str) -> list[str]:
    """Return a command that runs nox."""
    return [sys.executable, "-m", "nox", "--no-error-on-missing-interpreters", *arguments]


def with_wheels(folder: Path, number: int) -> Path:
    """Return a built project with a number of wheels."""
    project = make_project(folder, ["3.11"])
    cost(nox("--session", "build"), project)
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


def with_bytes(folder: Path, number: int) -> Path:
    """Return a built project with twenty wheels of a total size in MiB; they are sparse."""
    project = with_wheels(folder, 20)
    manifest = project / ".nox-ship" / "manifest.json"
    known = Manifest.read(manifest)
    wheels = [project / "dist" / file.name for file in known.files if file.kind == "wheel"]
    for wheel in wheels:
        fill(wheel, (number << 20) // len(wheels))
    files = (*map(File.of, wheels), *(file for file in known.files if file.kind == "sdist"))
    dataclasses.replace(known, files=files).write(manifest)
    return project


def fill(wheel: Path, size: int) -> None:
    """Prefix a wheel with zeros without writing them; a ZIP file's directory tells where it is."""
    held = wheel.read_bytes()
    with wheel.open("wb") as stream:
        stream.seek(size)
        stream.write(held)


def with_parts(folder: Path, number: int) -> Path:
    """Return a project with a built sdist, and wheels that one job made from it, each for its own Python."""
    project = make_project(folder, ["3.11"])
    with (project / "pyproject.toml").open("a", encoding="utf-8") as text:
        text.write('wheels.expect = ["cp3*-*"]\n')  # otherwise the index would be asked
    git(project, "commit", "--quiet", "--all", "--message=wheels")
    cost(nox("--session", "build"), project)
    known = Manifest.read(project / ".nox-ship" / "manifest.json")
    (sdist,) = (file for file in known.files if file.kind == "sdist")
    (built,) = (project / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}
    info = f"sample-{known.version}.dist-info"
    target = project / ".nox-ship" / "wheels"
    target.mkdir()
    pythons = [f"cp3{minor}" for minor in range(11, 11 + number)]
    for python in pythons:
        tag = f"{python}-{python}-manylinux_2_17_x86_64"
        what = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n"
        files = {**held, f"{info}/WHEEL": what.encode()}
        path = target / f"sample-{known.version}-{tag}.whl"
        pack_wheel(path, {**files, f"{info}/RECORD": record_text(files, info)})
    wheels = tuple(map(File.of, sorted(target.iterdir())))
    expected = tuple(f"{python}-manylinux_x86_64" for python in pythons)
    Part("here", known.commit, known.version, sdist.sha256, wheels, expected).write(target)
    return project


def with_pythons(folder: Path, number: int) -> Path:
    """Return a project that supports a number of the installed Pythons."""
    return make_project(folder, INSTALLED[:number])


def with_files(folder: Path, number: int) -> Path:
    """Return a project with a number of modules."""
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
    """Return a project with a number of commits, and a release tag on every hundredth."""
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
VERIFY = ("--no-dependencies", "--session", "verify-install")
WHEELS = (20, 40, 60, 80, 100)
GROWTHS = (
    Growth("wheels", "collect", WHEELS, with_parts, ("--session", "collect")),
    Growth("wheels", "verify-install", WHEELS, with_wheels, VERIFY),
    Growth("wheels", "publish -- --dry-run", WHEELS, with_wheels, UPLOAD),
    Growth("MiB", "publish -- --dry-run", (512, 1_024, 1_536, 2_048), with_bytes, UPLOAD),
    Growth("Pythons", "release -- patch --dry-run", tuple(range(1, 1 + len(INSTALLED))), with_pythons, REHEARSE),
    Growth("files", "build", (2_000, 4_000, 6_000, 8_000, 10_000), with_files, ("--session", "build")),
    Growth("files", "release -- patch --bundle", (2_000, 4_000, 6_000, 8_000, 10_000), with_files, CUT),
    Growth("commits", "release -- patch --bundle", (4_000, 8_000, 12_000, 16_000, 20_000), with_commits, CUT),
)
"""A release that is only cut represents everything that reads the repository: no gate runs."""


def measured(growth: Growth) -> list[Cost]:
    """Return the cost at each size."""
    found = []
    for size in growth.sizes:
        with tempfile.TemporaryDirectory(prefix="growth-") as folder:
            project = growth.prepare(Path(folder), size)
            found.append(cost(nox(*growth.arguments), project))
        took = f"{found[-1].seconds:.2f} s, {found[-1].memory:.0f} MiB"
        print(f"{growth.command}: {size} {growth.what}: {took}", flush=True)
    return found


def steeper(costs: list[float]) -> bool:
    """Whether the second half of the range costs more than the first, beyond the variation."""
    middle = (len(costs) - 1) // 2
    if not middle:  # two points make a line
        return False
    first, second = costs[middle] - costs[0], costs[2 * middle] - costs[middle]
    return second > SWING * max(first, costs[0])


def written(results: list[tuple[Growth, list[Cost]]], before: str) -> str:
    """Return the tables, in Markdown; for what was not measured, those in ``before``."""
    sections = {
        section.partition("\n")[0]: section.strip() for section in re.split(r"^(?=### )", before, flags=re.MULTILINE)
    }
    sections |= {_title(growth): _section(growth, costs) for growth, costs in results}
    return "\n\n".join(filter(None, (sections.get(_title(growth)) for growth in GROWTHS)))


def _title(growth: Growth) -> str:
    return f"### {growth.what.capitalize()}: `nox -s {growth.command}`"


def _section(growth: Growth, costs: list[Cost]) -> str:
    times = [cost.seconds for cost in costs]
    lines = [
        _title(growth),
        "",
        "| ".join([f"| {growth.what} ", *(f"{size:,} " for size in growth.sizes)]) + "|",
        "|---" * (len(times) + 1) + "|",
        "| ".join(["| seconds ", *(f"{time:.1f} " for time in times)]) + "|",
        "| ".join(["| MiB ", *(f"{cost.memory:.0f} " for cost in costs)]) + "|",
        "| seconds, drawn "
        + "".join(f"| {_BARS[round(time / max(times) * (len(_BARS) - 1))]} " for time in times)
        + "|",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and update the page if requested."""
    parser = argparse.ArgumentParser(description="Measure how the cost of a release grows.")
    parser.add_argument("--quick", action="store_true", help="the two smallest sizes only")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/speed.md")
    parser.add_argument("--only", default="", metavar="TEXT", help="only commands that have this in them")
    options = parser.parse_args()
    chosen = [growth for growth in GROWTHS if options.only in growth.command]
    if len(INSTALLED) < len(PYTHONS):
        print(f"Pythons: at most {len(INSTALLED)}; not installed: {', '.join(sorted({*PYTHONS} - {*INSTALLED}))}")
    if options.quick:
        chosen = [dataclasses.replace(growth, sizes=growth.sizes[:2]) for growth in chosen]
    results = [(growth, measured(growth)) for growth in chosen]
    steep = [
        f"{what} of {growth.command}"
        for growth, costs in results
        for what, each in (("time", [cost.seconds for cost in costs]), ("memory", [cost.memory for cost in costs]))
        if steeper(each)
    ]
    for what in steep:
        print(f"the {what} grows faster than what it depends on")
    if options.write:
        before, _, rest = DOC.read_text(encoding="utf-8").partition(BEGIN)
        old, _, after = rest.partition(END)
        DOC.write_text(f"{before}{BEGIN}\n\n{written(results, old)}\n\n{END}{after}", encoding="utf-8")
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
