"""Break the guards of nox-ship one at a time, run the tests that cover each, and print those that no test noticed.

Usage: python benchmarks/mutants.py [N] [--seed SEED] [--all] [--only MODULE] [--fast-only] [--list]

Guards are found by the rules in `guards.py`; N of them (150) are selected by the seed, each independently, so that the
same ones are selected again after other code has changed. Which tests run a line is measured once for each state of
sources and tests. For each mutant, the fast tests that run the broken line are started in a copy of the project; if
none of them fails, the integration tests of that part of the code are. Tests that time out twice count as failed.

It exits with 1 if more than 5 % survive, if one survives that `survivors.toml` does not explain, or if that file
explains one that no longer exists.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from guards import Mutant, guards  # noqa: E402 - the path above leads there

ROOT = HERE.parent
PACKAGE = Path("tasks/nox_ship")
EXPLAINED = HERE / "survivors.toml"
MOST_PERCENT = 5
WORKERS = 2
PLUGIN = "tested_lines"
INTEGRATION = {
    "release": ("integration/release", "integration/test_rehearsal.py", "integration/test_bad_input.py", "attacks"),
    "world": ("integration/test_failing_index.py", "integration/test_publish.py", "integration/release", "attacks"),
    "package": ("integration/test_sessions.py", "integration/test_publish.py", "attacks"),
    "setup": ("integration/test_doctor.py", "integration/test_actions.py", "attacks"),
    "": (
        "integration/test_submodules.py",
        "integration/release",
        "integration/test_sessions.py",
        "integration/test_rehearsal.py",
        "attacks",
    ),
}
"""Integration tests for each folder of the package; modules at the top count for all."""

FOLDERS = ("integration", "attacks")
"""The folders of integration tests."""

HERE_ALONE = ("-m", "not integration")
"""Selects the tests that run in one process, also those that are marked as slow."""

_NOTHING_RUN = (4, 5)
"""pytest's exit codes that say nothing about the tests: it was called wrongly, or found none."""

Killer = Literal["fast", "integration", "nobody"]


@dataclass(frozen=True)
class Coverage:
    """Which tests run which line, and how many seconds each test takes."""

    lines: dict[str, dict[str, list[str]]]
    """Tests by module and line."""
    seconds: dict[str, float]

    def tests(self, mutant: Mutant) -> list[str]:
        """Return the tests that run the broken lines: those in the module's own file first, then the fastest."""
        by_line = self.lines.get(mutant.module, {})
        lines = by_line if mutant.imported else map(str, range(mutant.line, mutant.last + 1))
        found = {test for line in lines for test in by_line.get(line, ())}
        own = f"test_{Path(mutant.module).stem}.py"
        return sorted(found, key=lambda test: (own not in test, self.seconds.get(test, 0.0), test))


@dataclass(frozen=True)
class Bench:
    """A copy of the project, with a Python that imports the copy's package."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Bench:
        """Copy the files that git knows, and make a Python for the copy."""
        for name in _sources():
            target = folder / "project" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
        subprocess.run(["git", "init", "--quiet", folder / "project"], check=True)
        venv.create(folder / "python", symlinks=True)
        site = next((folder / "python/lib").glob("python*/site-packages"))
        ours = next(path for path in sys.path if path.endswith("site-packages"))
        lines = [str(folder / "project/tasks"), f"import site; site.addsitedir({ours!r})"]
        (site / "project.pth").write_text("\n".join(lines), encoding="utf-8")
        return cls(folder)

    @property
    def root(self) -> Path:
        """The copy."""
        return self.folder / "project"

    def pytest(self, *args: str, seconds: float, env: dict[str, str] | None = None) -> int | None:
        """Run pytest here and return its exit code; None if it took too long."""
        command = [str(self.folder / "python/bin/python"), "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *args]
        full = {**os.environ, **(env or {})}
        with (
            (self.folder / "output").open("w", encoding="utf-8") as output,
            subprocess.Popen(
                command, cwd=self.root, env=full, stdout=output, stderr=output, start_new_session=True
            ) as proc,
        ):
            try:
                code = proc.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(proc.pid, signal.SIGKILL)
                return None
        if code in _NOTHING_RUN:
            raise SystemExit((self.folder / "output").read_text("utf-8")[-2000:])
        return code

    @contextmanager
    def broken(self, mutant: Mutant) -> Iterator[None]:
        """Break a guard of the copy for a ``with`` block."""
        path = self.root / PACKAGE / mutant.module
        text, made = path.read_bytes(), path.stat().st_mtime
        path.write_bytes(mutant.applied(text))
        # Python detects stale bytecode by the time of its source.
        changed = made + 1 + zlib.crc32(repr(mutant).encode()) % 10**8
        os.utime(path, (changed, changed))
        try:
            yield
        finally:
            path.write_bytes(text)
            os.utime(path, (made, made))


def _sources() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def measure(bench: Bench) -> Coverage:
    """Return which fast tests run which line; measured once for the same sources and tests."""
    digest = hashlib.sha256()
    for name in sorted(name for name in _sources() if name.startswith(("tasks/", "tests/", "docs/", "pyproject"))):
        digest.update(name.encode() + (ROOT / name).read_bytes())
    kept = ROOT / ".nox" / "mutants" / f"{digest.hexdigest()[:16]}.json"
    if not kept.is_file():
        print("measuring which tests run which line", flush=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        env = {"PYTHONPATH": str(HERE), "TESTED_LINES": str(kept), "TESTED_PACKAGE": str(bench.root / PACKAGE)}
        if bench.pytest("-p", PLUGIN, *HERE_ALONE, seconds=1200, env=env) is None or not kept.is_file():
            raise SystemExit((bench.folder / "output").read_text("utf-8")[-2000:])
    told = json.loads(kept.read_text("utf-8"))
    return Coverage(told["lines"], told["seconds"])


def killer(bench: Bench, mutant: Mutant, coverage: Coverage, *, fast_only: bool) -> Killer:
    """Return the tests that notice a broken guard."""
    with bench.broken(mutant):
        tests = coverage.tests(mutant)
        limit = 20 + 10 * sum(coverage.seconds.get(test, 0.0) for test in tests)
        codes = (bench.pytest("-x", *HERE_ALONE, *tests, seconds=seconds) for seconds in (limit, 5 * limit))
        if tests and next((code for code in codes if code is not None), None) != 0:
            return "fast"
        if fast_only:
            return "nobody"
        part = mutant.module.partition("/")[0] if "/" in mutant.module else ""
        tests_folder = bench.root / "tests"
        own = (path for name in FOLDERS for path in (tests_folder / name).rglob(f"test_{Path(mutant.module).stem}*.py"))
        others = (tests_folder / name for name in INTEGRATION[part])
        paths = [str(path.relative_to(bench.root)) for path in dict.fromkeys([*own, *others])]
        return "integration" if bench.pytest("-x", "-m", "integration", *paths, seconds=1800) != 0 else "nobody"


def examine(mutants: list[Mutant], *, fast_only: bool) -> dict[Mutant, Killer]:
    """Break each of ``mutants`` in turn, in as many copies of the project as there are workers."""
    results: dict[Mutant, Killer] = {}
    with tempfile.TemporaryDirectory(prefix="nox-ship-mutants-") as folder:
        benches: queue.SimpleQueue[Bench] = queue.SimpleQueue()
        for number in range(WORKERS):
            benches.put(Bench.make(Path(folder) / str(number)))
        first = benches.get()
        coverage = measure(first)
        benches.put(first)

        def examined(mutant: Mutant) -> None:
            bench = benches.get()
            try:
                results[mutant] = found = killer(bench, mutant, coverage, fast_only=fast_only)
            finally:
                benches.put(bench)
            print(f"{found:12} {mutant.module}:{mutant.line}  {mutant.rule}: {mutant.source[:90]}", flush=True)

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(examined, mutants))
    return results


def lot(seed: int, mutant: Mutant) -> bytes:
    """Return the value that decides whether a guard is selected, independent of all others."""
    return hashlib.sha256(repr((seed, mutant.key)).encode()).digest()


def explanations(candidates: Iterable[Mutant]) -> dict[tuple[str, str, str, str], str]:
    """Return why survivors are acceptable, by the guard's key.

    Raises:
        SystemExit: An explained one no longer exists.
    """
    entries = tomllib.loads(EXPLAINED.read_text("utf-8"))["survivor"] if EXPLAINED.is_file() else []
    told = {(e["module"], e["function"], e["rule"], e["source"]): str(e["why"]) for e in entries}
    dead = [" ".join(key) for key in told.keys() - {mutant.key for mutant in candidates}]
    if dead:
        raise SystemExit("\n".join(["survivors.toml explains what is no longer there:", *sorted(dead)]))
    return told


def main() -> int:
    """Break guards and print which tests noticed."""
    parser = argparse.ArgumentParser(description="Break guards one at a time and see which tests notice.")
    parser.add_argument("count", nargs="?", type=int, default=150)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--all", action="store_true", help="every guard, not a sample")
    parser.add_argument("--only", action="append", metavar="MODULE", help="guards of this module, such as git.py")
    parser.add_argument("--fast-only", action="store_true", help="leave the integration tests out")
    parser.add_argument("--list", action="store_true", help="name the guards and end")
    options = parser.parse_args()
    candidates = guards(ROOT / PACKAGE)
    why = explanations(candidates)
    chosen = [mutant for mutant in candidates if not options.only or mutant.module in options.only]
    if not options.all and not options.only and len(chosen) > options.count:
        chosen = sorted(sorted(chosen, key=partial(lot, options.seed))[: options.count], key=candidates.index)
    if options.list:
        for mutant in chosen:
            print(f"{mutant.module}:{mutant.line}  {mutant.function}  {mutant.rule}: {mutant.source}")
        return 0
    begun = time.monotonic()
    results = examine(chosen, fast_only=options.fast_only)
    return _summary(results, why, len(candidates), time.monotonic() - begun)


def _summary(
    results: dict[Mutant, Killer], why: dict[tuple[str, str, str, str], str], candidates: int, seconds: float
) -> int:
    survivors = sorted((m for m, found in results.items() if found == "nobody"), key=lambda m: (m.module, m.line))
    print(f"\n{len(results)} of {candidates} guards broken, one at a time, in {seconds:.0f} s")
    for found in ("fast", "integration", "nobody"):
        number = sum(result == found for result in results.values())
        print(f"{found:12} {number:4}  {100 * number / max(len(results), 1):5.1f} %")
    for mutant in survivors:
        print(f"\n{mutant.module}:{mutant.line} in {mutant.function}, {mutant.rule}: {mutant.source}")
        print(f"    {why.get(mutant.key, 'NOT EXPLAINED')}")
    unexplained = [mutant for mutant in survivors if mutant.key not in why]
    return 1 if unexplained or 100 * len(survivors) > MOST_PERCENT * len(results) else 0


if __name__ == "__main__":
    sys.exit(main())
