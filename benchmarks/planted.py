"""Rehearse a release of a project for each fault that real projects had, and check that it is found, by its ID.

A fault that may be intended must be a warning instead. Nothing may change in the checkout or its remote. First a
project without faults is rehearsed, which must pass.

Usage: python benchmarks/planted.py [-v] [WORD ...]
(in an environment with nox-ship installed; words select the faults whose name or ID contains one)

It exits with 1 if a fault was missed, the wrong finding was shown, or anything was changed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from faults import FAULTS
from planting import GOOD, Fault
from real_checkouts import Attempt, Checkout, configure, git, print_table, rehearse, short

HEALTHY = Fault("nothing at all", "")


def make_checkout(fault: Fault, folder: Path) -> Checkout:
    """Make a project with a fault, committed and pushed to a bare remote."""
    root, remote = folder / "project", folder / "remote.git"
    for name, text in {**GOOD, **fault.files}.items():
        if text is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    git(root, "init", "--quiet", "--initial-branch=main")
    configure(root)
    git(root, "add", "--all", "--force")
    git(root, "commit", "--quiet", "--message", "Start")
    git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git(root, "remote", "add", "origin", str(remote))
    git(root, "push", "--quiet", "--set-upstream", "origin", "main")
    return Checkout(root, remote, "", "")


def told(attempt: Attempt) -> list[str]:
    """Return the IDs of the findings."""
    return list(dict.fromkeys(re.findall(r"\bNS\d{3}\b", attempt.output)))


def judge(attempt: Attempt, fault: Fault) -> str:
    """Return what is wrong with a rehearsal's findings about a fault; empty if nothing is."""
    if attempt.passed is not (fault.warns or fault is HEALTHY):
        return "passed" if attempt.passed else f"stopped by {', '.join(told(attempt)) or 'something'}"
    ids = told(attempt)
    if fault is HEALTHY:
        about_files = [name for name in ids if name.startswith(("NS5", "NS6"))]
        return f"said {', '.join(about_files)}" if about_files else ""
    return "" if fault.expected in ids else f"said {', '.join(ids) or 'nothing'}"


def try_fault(fault: Fault, folder: Path, *, verbose: bool) -> tuple[str, str, str, str, float]:
    """Rehearse a release of a project with a fault; return its line of the table, and the seconds."""
    checkout = make_checkout(fault, folder)
    before = checkout.state()
    attempt = rehearse(checkout, folder / "cache", verbose=verbose)
    after = checkout.state()
    touched = ", ".join(part for part, was in before.items() if after[part] != was)
    wrong = judge(attempt, fault)
    result = f"MISSED: {wrong}" if wrong else "passed" if fault is HEALTHY else "told" if fault.warns else "stopped"
    return fault.name, fault.expected, result, touched or "nothing", attempt.seconds


def main() -> int:
    """Try the faults, one after another, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD", help="default: all faults")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the rehearsals print")
    options = parser.parse_args()
    chosen = [
        f for f in (HEALTHY, *FAULTS) if not options.words or any(w in f"{f.expected} {f.name}" for w in options.words)
    ]
    folder = Path(tempfile.mkdtemp(prefix="planted-"))
    rows = []
    try:
        for number, fault in enumerate(chosen):
            own = folder / str(number)
            own.mkdir()
            *row, seconds = try_fault(fault, own, verbose=options.verbose)
            rows.append([*map(short, map(str, row)), f"{seconds:.0f}"])
            print(f"{fault.expected or 'healthy'} {fault.name}: {row[2]}", file=sys.stderr, flush=True)
            shutil.rmtree(own, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_table(("fault", "ID", "result", "touched", "seconds"), rows)
    missed = [row for row in rows if row[2].startswith("MISSED") or row[3] != "nothing"]
    print(f"{len(rows) - len(missed)} of {len(rows)} as expected")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
