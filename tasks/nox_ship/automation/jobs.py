"""The scripts that a project's workflows run on every change, with the places of expressions filled in."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nox_ship import documents
from nox_ship.automation import conditions
from nox_ship.automation.github import FOLDER, OURS, Workflows, listing, mapping, patterns
from nox_ship.automation.shell import steers_checks

_EVENTS = {"push", "pull_request", "pull_request_target", "merge_group", "workflow_call"}
_PLACE = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_CHANGES = (
    {"github.event_name": "push", "github.ref_type": "branch", "github.ref": "refs/heads/main"},
    {"github.event_name": "pull_request", "github.ref_type": "branch", "github.ref": "refs/pull/1/merge"},
)
_MOST_ROWS = 30
"""Rows of a job's matrix that are gone through."""


@dataclass(frozen=True)
class Part:
    """What one step of a job runs."""

    text: str
    """Commands of a shell."""
    folder: str
    """Where they run, relative to the top of the repository."""
    env: tuple[tuple[str, str], ...]
    """Variables that are set for them."""


@dataclass(frozen=True)
class Script:
    """What a job runs, for one row of its matrix."""

    where: str
    """The workflow's path and the job's name."""
    parts: tuple[Part, ...]


def scripts(top: Path) -> Iterator[Script]:
    """Yield what the workflows of the repository ``top`` run on a push or a pull request, job by job.

    Jobs that may fail, need services, or run on Windows or macOS alone are left out, and so are workflows of ours.
    """
    house = Workflows(top)
    for name, workflow in house.all.items():
        on = workflow.get("on")
        ours = documents.read_text(top / FOLDER / name).startswith(OURS)
        if ours or not _EVENTS & set(on if isinstance(on, Mapping) else patterns(on)):
            continue
        for key, job in mapping(workflow.get("jobs")).items():
            if isinstance(job, Mapping) and _counts(job):
                yield from _of_job(house, f"{FOLDER}/{name} ({key})", workflow, job)


def _of_job(house: Workflows, where: str, workflow: Mapping[str, Any], job: Mapping[str, Any]) -> Iterator[Script]:
    tables = (job, workflow)
    folders = (mapping(mapping(table.get("defaults")).get("run")).get("working-directory") for table in tables)
    default = next((str(name) for name in folders if name), ".")
    steps = [step for step in house.steps(job, {}) if str(step.get("continue-on-error", "")) != "true"]
    for row in _rows(job, steps):
        parts = []
        for step in steps:
            env = {**mapping(workflow.get("env")), **mapping(job.get("env")), **mapping(step.get("env"))}
            text = _action(step) if "uses" in step else str(step.get("run", ""))
            folder = _expanded(str(step.get("working-directory", default)), row, env)
            parts.append(Part(_expanded(text, row, env), folder, tuple(_kept(env, row))))
        yield Script(where, tuple(parts))


def _counts(job: Mapping[str, Any]) -> bool:
    """Whether a job has to pass on a change, and passes on a machine like any."""
    if all(conditions.holds(str(job.get("if", "")), facts) is False for facts in _CHANGES):
        return False
    if str(job.get("continue-on-error", "")) == "true" or "services" in job:
        return False
    return not re.match(r"windows|macos", str(job.get("runs-on", "")))


def _rows(job: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what the job's matrix gives to the names that its commands use, one row for each different choice."""
    matrix = mapping(mapping(job.get("strategy")).get("matrix"))
    text = "\n".join(str(step.get("run", "")) + str(step.get("with", "")) + str(step.get("env", "")) for step in steps)
    used = {name for name in _PLACE.findall(text + str(job.get("env", ""))) if name.startswith("matrix.")}
    axes = {f"matrix.{key}": values for key, values in matrix.items() if isinstance(values, list) and key != "include"}
    includes = [_flat(item) for item in listing(matrix.get("include")) if isinstance(item, Mapping)]
    names = [name for name in axes if any(use == name or use.startswith(f"{name}.") for use in used)]
    rows: list[dict[str, str]] = []
    for choice in itertools.islice(itertools.product(*(axes[name] for name in names)), _MOST_ROWS):
        row: dict[str, str] = {}
        for name, value in zip(names, choice, strict=True):
            row.update(_flat(value, name) if isinstance(value, Mapping) else {name: str(value)})
        rows.append(row)
    rows += [{name: value for name, value in item.items() if name in used} for item in includes]
    unique = {tuple(sorted(row.items())): row for row in rows if row or not used}
    return list(unique.values())[:_MOST_ROWS] or [{}]


def _flat(table: Mapping[str, Any], name: str = "matrix") -> dict[str, str]:
    return {f"{name}.{key}": str(value) for key, value in table.items() if not isinstance(value, Mapping | list)}


def _expanded(script: str, row: Mapping[str, str], env: Mapping[str, Any]) -> str:
    """Return a script with the places of ``${{ }}`` filled in; what is not known is left out."""
    values = {**row, **{f"env.{name}": str(value) for name, value in env.items()}}
    return _EXPRESSION.sub("", _PLACE.sub(lambda match: values.get(match[1], ""), script))


def _kept(env: Mapping[str, Any], row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that a check may need; those that steer installers and runners are none."""
    for name, value in env.items():
        if name == "TOXENV" or steers_checks(name):
            text = _PLACE.sub(lambda match: row.get(match[1], match[0]), str(value))
            if isinstance(value, str) and "${{" not in text:
                yield name, text


def _action(step: Mapping[str, Any]) -> str:
    """Return the command that an action of others stands for; empty where it is none that checks code."""
    given = mapping(step.get("with"))
    name = str(step["uses"]).partition("@")[0].lower()
    args = str(given.get("args", ""))
    version = str(given.get("version", ""))
    pin = f"=={version}" if re.fullmatch(r"\d[\w.]*", version) else ""
    known = {
        "pre-commit/action": f"pre-commit run {given.get('extra_args', '--all-files')}",
        "astral-sh/ruff-action": f"uvx ruff{pin} {args or 'check'} {given.get('src', '')}",
        "chartboost/ruff-action": f"uvx ruff{pin} {args or 'check'} {given.get('src', '')}",
        "psf/black": f"uvx black{pin} {given.get('options', '--check --diff')} {given.get('src', '.')}",
        "isort/isort-action": f"uvx isort --check-only {given.get('sortPaths', '.')}",
        "jakebailey/pyright-action": f"pyright {args}",
        "codespell-project/actions-codespell": "uvx codespell",
        "py-actions/flake8": f"uvx flake8 {args} {given.get('path', '.')}",
    }
    return known.get(name, "")
