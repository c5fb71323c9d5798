"""Run all our readers on many damaged inputs, and check that they raise nothing but our own errors.

Usage: python benchmarks/fuzz.py [N=100000] [--target NAME] [--seed SEED]

N inputs are distributed over the targets of `tests/fuzz_targets.py`. For each target it prints how many there were, how
long they took, and the results: `ok`, the IDs of errors, or what the target counts itself. If most inputs of a target
end in one ID, the target is badly designed. A failure is printed with the smallest input and the seed that reproduce
it.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

_IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - each run makes a folder of its own
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from fuzz_targets import TARGETS  # noqa: E402 - the path above leads there
from fuzzing import Ground, explore, shown  # noqa: E402


def run(name: str, examples: int, seed: int) -> tuple[int, bool, str]:
    """Run one target; return how many inputs there were, whether all passed, and what to print."""
    begun, count, failure = time.monotonic(), 0, ""
    with tempfile.TemporaryDirectory(prefix="nox-ship-fuzz-", dir=_IN_MEMORY) as folder, Ground(Path(folder)) as ground:
        try:
            count = explore(TARGETS[name], ground, examples, seed)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            trace = "".join(traceback.format_tb(error.__traceback__))
            what = f"{type(error).__name__}: {shown(str(error))}"
            failure = f"\nFAILED with --target {name!r} --seed {seed}: {shown(ground.last)}\n{trace}{what}"
    seconds = time.monotonic() - begun
    outcomes = ", ".join(f"{outcome} {number}" for outcome, number in ground.outcomes.most_common(12))
    told = f"{name:20} {count:6} in {seconds:5.1f} s, slowest {ground.slowest:4.2f} s: {outcomes}{failure}"
    return count, not failure, told


def main() -> int:
    """Run the selected targets; return 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="?", type=int, default=100_000, metavar="N")
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))  # noqa: S311 - not for secrets
    options = parser.parse_args()
    names = [options.target] if options.target else list(TARGETS)
    whole = sum(TARGETS[name].share for name in names)
    shares = {name: math.ceil(options.examples * TARGETS[name].share / whole) for name in names}
    print(f"seed {options.seed}", flush=True)
    begun, count, failed = time.monotonic(), 0, 0
    with ProcessPoolExecutor() as pool:
        for done in as_completed([pool.submit(run, name, share, options.seed) for name, share in shares.items()]):
            inputs, passed, told = done.result()
            print(told, flush=True)
            count, failed = count + inputs, failed + (not passed)
    print(f"{count} inputs in {time.monotonic() - begun:.0f} s, {failed} targets failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
