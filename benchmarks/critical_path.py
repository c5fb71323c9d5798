"""The critical path of a release on GitHub Actions: for a pushed tag, and for a release that the workflow cuts.

Which jobs run, and what each waits for, is computed from the workflow that `nox-ship init` writes. How long each takes
is measured with act, one after another on this machine; the fastest of three rounds counts. It exits with 1 if a
session runs twice on one commit. With `--write`, it updates the tables in docs/speed.md.

Usage: python benchmarks/critical_path.py [--rounds N] [--write]   (in an environment with the group `integration`)
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from acting import Actions, acting, variables_of_a_runner  # noqa: E402 - the path above leads there
from evaluating import jobs_run, sessions_run  # noqa: E402
from rehearsal import files_of  # noqa: E402

DOC = HERE.parent / "docs" / "speed.md"
BEGIN, END = "<!-- critical path: written by benchmarks/critical_path.py -->", "<!-- critical path: end -->"
BUILT = {"tag": "v1.1.0", "route": "pypi"}
"""The outputs of the building job."""
CUT = {"inputs": {"bump": "minor", "dry_run": "false", "target": "route", "run": ""}, "ref_type": "branch"}
ON_TAG = {"inputs": {"bump": "", "dry_run": "false", "target": "route", "run": "1"}, "ref_type": "tag"}
PUSHED = {"ref_type": "tag"}


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of the workflow: its jobs in order, and when each is done, in seconds from the start."""

    title: str
    seconds: Mapping[str, float]
    done: Mapping[str, float]
    path: tuple[str, ...]
    """The jobs that determine the end, one after another."""

    @property
    def length(self) -> float:
        """How long the run takes if every job that can start has a machine."""
        return max(self.done.values())


def computed(title: str, workflow: Mapping[str, Any], jobs: Collection[str], seconds: Mapping[str, float]) -> Run:
    """Compute a run from what each of its jobs waits for, and how long it takes."""
    done: dict[str, float] = {}
    last: dict[str, str | None] = {}
    for name, job in workflow["jobs"].items():
        if name not in jobs:
            continue
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        last[name] = max((need for need in needs if need in done), key=done.__getitem__, default=None)
        done[name] = (done[last[name]] if last[name] else 0.0) + seconds[name]  # type: ignore[index]
    path = [max(done, key=done.__getitem__)]
    while (before := last[path[0]]) is not None:
        path.insert(0, before)
    return Run(title, seconds, done, tuple(path))


def jobs_for(workflow: dict[str, Any], payload: Mapping[str, Any]) -> set[str]:
    """Return the jobs that run on an event and that must all pass."""
    plain = json.loads(json.dumps(workflow))
    for job in plain["jobs"].values():
        job["steps"] = [{"id": "step"}]
        job["outputs"] = {key: f"${{{{ steps.step.outputs.{key} }}}}" for key in job.get("outputs", {})}
    return jobs_run(plain, payload, BUILT, "")


def measured(output: str, found: dict[str, float], sessions: set[str]) -> None:
    """Record how long each job took, the longest of a matrix, and the sessions of the gates' matrix.

    Args:
        output: The JSON output of act for one job after another.
        found: Seconds by job.
        sessions: The sessions.
    """
    taken: dict[tuple[str, str], float] = defaultdict(float)
    for line in output.splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if "executionTime" in told and len(told.get("stepID", ())) == 1:  # longer IDs are within a step
            taken[told["jobID"], told["job"]] += told["executionTime"] / 1e9
        sessions |= {told["matrix"]["session"]} if "session" in (told.get("matrix") or {}) else set()
    for (job, _), seconds in taken.items():
        found[job] = max(found.get(job, 0.0), seconds)


def one_after_the_other(actions: Actions) -> dict[str, Any]:
    """Make act run the jobs of a matrix one at a time, so that none slows down another; return the workflow."""
    path = actions.bench.root / ".github" / "workflows" / actions.workflow
    text = path.read_text("utf-8")
    path.write_text(text.replace("    strategy:\n", "    strategy:\n      max-parallel: 1\n"), "utf-8")
    actions.bench.commit()
    workflow: dict[Any, Any] = yaml.safe_load(text)
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads `on` as a boolean
    return workflow


def measure(folder: Path, variables: dict[str, str]) -> tuple[dict[Any, Any], dict[str, float], list[str]]:
    """Cut and publish a release; return the workflow, how long each job took, and the sessions of the gates."""
    seconds: dict[str, float] = {}
    gates: set[str] = set()
    with acting(folder, variables, project=files_of(["3.11"])) as made:
        workflow = one_after_the_other(made)
        actions = dataclasses.replace(made, runner=dataclasses.replace(made.runner, options=("--json",)))
        for step in (partial(actions.cut, "minor"), actions.publish_cut):
            code, output = step()
            if code:
                lines = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
                sys.exit("".join(line["msg"] for line in lines if line.get("raw_output"))[-5000:])
            measured(output, seconds, gates)
    return workflow, seconds, sorted(gates)


def compute(workflow: dict[Any, Any], seconds: Mapping[str, float], gates: list[str]) -> tuple[list[Run], list[str]]:
    """Return the runs for a pushed tag and for a cut release, and the sessions that run twice on a commit."""
    jobs = {name: jobs_for(workflow, payload) for name, payload in (("tag", PUSHED), ("cut", CUT), ("on tag", ON_TAG))}
    ran = [
        *sessions_run(workflow, jobs["cut"], gates, cut=True),
        *sessions_run(workflow, jobs["on tag"], gates, cut=False),
    ]
    pushed = list(sessions_run(workflow, jobs["tag"], gates, cut=False))
    twice = [f"{name} on {commit}" for told in (ran, pushed) for (name, commit), n in Counter(told).items() if n > 1]
    return [
        computed("A pushed tag", workflow, jobs["tag"], seconds),
        computed("A release that is cut: the run that cuts and proves it", workflow, jobs["cut"], seconds),
        computed("... and the run on its tag, which publishes it", workflow, jobs["on tag"], seconds),
    ], twice


def written(runs: list[Run]) -> str:
    """Return the tables, in Markdown."""
    return "\n\n".join(map(_section, runs))


def _section(run: Run) -> str:
    total = sum(run.seconds[job] for job in run.done)
    rows = sorted(run.done, key=run.done.__getitem__)
    marked = {job: f"**{job}**" if job in run.path else job for job in rows}
    lines = [
        f"### {run.title}",
        "",
        f"{run.length:.1f} s: its critical path, in bold. All {len(rows)} jobs take {total:.1f} s.",
        "",
        "| job | seconds | done at |",
        "|---|---|---|",
        *(f"| {marked[job]} | {run.seconds[job]:.1f} | {run.done[job]:.1f} |" for job in rows),
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and update the page if requested."""
    parser = argparse.ArgumentParser(description="Compute the critical path of a release on Actions.")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/speed.md")
    parser.add_argument("--rounds", type=int, default=3, help="how often each job is measured: the fastest counts")
    options = parser.parse_args()
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="critical-path-") as name:
        variables = variables_of_a_runner(Path(name))
        for turn in range(options.rounds):
            folder = Path(name, f"round{turn}")
            folder.mkdir()
            workflow, once, gates = measure(folder, variables)
            seconds = {job: min(took, seconds.get(job, took)) for job, took in once.items()}
    runs, twice = compute(workflow, seconds, gates)
    print(written(runs))
    for one in twice:
        print(f"{one} runs twice")
    if options.write:
        text = DOC.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        DOC.write_text(f"{before}{BEGIN}\n\n{written(runs)}\n\n{END}{after}", encoding="utf-8")
    return 1 if twice else 0


if __name__ == "__main__":
    sys.exit(main())
