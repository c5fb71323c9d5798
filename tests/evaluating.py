"""Evaluates the conditions of a workflow's jobs like GitHub, and finds what the jobs run.

It knows only the expressions that our workflows use.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

_TOKEN = re.compile(
    r"(?P<text>'[^']*')|(?P<not>!(?=\())|(?P<negated>!\s*(?=[\w]))?(?P<name>[A-Za-z][\w.-]*)(?P<call>\(\))?|(?P<operator>&&|\|\||==|[()])|\s+"
)
_OF_STATUS = re.compile(r"\b(success|failure|cancelled|always)\(\)")


def evaluated(expression: str, look: Callable[[str], object]) -> bool:
    """Return whether an expression is true.

    ``look`` returns the value of a name, or of a function without arguments.

    Raises:
        ValueError: The expression contains something unknown.
    """
    return bool(eval("".join(_translated(expression.strip())), {"look": look}))


def _translated(expression: str) -> Iterator[str]:
    text, position = expression.removeprefix("${{").removesuffix("}}"), 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(expression)
        position = token.end()
        if token["name"]:
            value = f"look({token['name']!r})"
            yield f"(not {value})" if token["negated"] else value
        else:
            yield {"&&": " and ", "||": " or ", "!": "not "}.get(token[0], token[0])


def jobs_run(
    workflow: Mapping[str, Any], payload: Mapping[str, Any], told: Mapping[str, str], failing: str
) -> set[str]:
    """Return the names of the jobs that run.

    Args:
        workflow: The workflow; each job has one step.
        payload: The event; with inputs, it is a manual start.
        told: The outputs of each step.
        failing: The name of the job that fails.
    """
    by_hand = "inputs" in payload
    github = {"event_name": "workflow_dispatch" if by_hand else "push", "ref_type": payload.get("ref_type", "")}
    types = {name: spec.get("type") for name, spec in workflow["on"]["workflow_dispatch"]["inputs"].items()}
    given = payload.get("inputs", {})
    inputs = {name: value == "true" if types[name] == "boolean" else value for name, value in given.items()}
    results: dict[str, str] = {}
    outputs: dict[str, dict[str, str]] = {}
    before: dict[str, set[str]] = {}

    def runs(job: Mapping[str, Any], needs: list[str], ancestors: set[str]) -> bool:
        good = all(results[name] == "success" for name in ancestors)
        failed = any(results[name] == "failure" for name in ancestors)

        def look(name: str) -> object:
            match name.split("."):
                case ["cancelled"]:
                    return False
                case ["failure"]:
                    return failed
                case ["github", key]:
                    return github[key]
                case ["inputs", key]:
                    return inputs.get(key, "")
                case ["needs", need, "result"] if need in needs:
                    return results[need]
                case ["needs", need, "outputs", key] if need in needs:
                    return outputs[need].get(key, "")
                case _:
                    raise ValueError(name)

        condition = job.get("if", "")
        implied = good or bool(_OF_STATUS.search(condition))
        return implied and (not condition or evaluated(condition, look))

    known = {
        name: [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        for name, job in workflow["jobs"].items()
    }
    for name in graphlib.TopologicalSorter(known).static_order():
        job, needs = workflow["jobs"][name], known[name]
        before[name] = set(needs).union(*(before[need] for need in needs))
        ran = runs(job, needs, before[name])
        results[name] = "skipped" if not ran else "failure" if name == failing else "success"
        outputs[name] = _handed_on(job, told) if ran else {}
    return {name for name, result in results.items() if result != "skipped"}


_SESSION = re.compile(r"\bnox (?:--[\w-]+ )*-s \"?(?P<name>[\w$-]+)\"?(?: --(?P<arguments> [^\n]*))?")


def sessions_run(
    workflow: Mapping[str, Any], jobs: Collection[str], gates: Sequence[str], *, cut: bool
) -> Iterator[tuple[str, str]]:
    """Yield each session that jobs of the workflow run, and the commit on which it runs.

    Args:
        workflow: The workflow.
        jobs: The jobs that run.
        gates: The sessions in the matrix of gates.
        cut: Whether the run cuts a release. In such a run, a job that switches to it is on the ``release``, and any
            other job on the commit ``before`` it. In other runs, all jobs are on the release.
    """
    for job in jobs:
        scripts = [step.get("run", "") for step in workflow["jobs"][job]["steps"]]
        switched = any("nox-ship switch" in script for script in scripts)
        commit = "before" if cut and not switched else "release"
        for match in (found for script in scripts for found in _SESSION.finditer(script)):
            told = (match["arguments"] or "").strip()
            if match["name"] == "$SESSION" or (match["name"] == "release" and "--bundle" not in told):
                yield from ((gate, commit) for gate in gates)
            if match["name"] != "$SESSION":
                yield f"{match['name']} {told}".strip(), commit


def _handed_on(job: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs of a job, each of which is an output of its step."""
    (step,) = job["steps"]
    found = {
        key: re.fullmatch(r"\$\{\{ steps\.([\w-]+)\.outputs\.([\w-]+) \}\}", text)
        for key, text in job.get("outputs", {}).items()
    }
    return {key: told.get(match[2], "") for key, match in found.items() if match and match[1] == step["id"]}
