"""The scripts that a project's workflows run on every change, with expressions filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nox_ship import documents
from nox_ship.automation import conditions, rows
from nox_ship.automation.github import FOLDER, OURS, Workflows, mapping, patterns
from nox_ship.automation.shell import steers_checks

_EVENTS = {"push", "pull_request", "pull_request_target", "merge_group", "workflow_call"}
_SETUPS = ("actions/setup-python@", "astral-sh/setup-uv@", "pdm-project/setup-pdm@")
"""Actions that set up Python, with an input ``python-version``."""
_VERSION = re.compile(r"(3\.\d{1,3})(?:\.\d+)?(?:-dev)?")
_CHANGES = (
    {"github.event_name": "push", "github.ref_type": "branch", "github.ref": "refs/heads/main"},
    {"github.event_name": "pull_request", "github.ref_type": "branch", "github.ref": "refs/pull/1/merge"},
)


@dataclass(frozen=True)
class Part:
    """What one step of a job runs."""

    text: str
    """Shell commands."""
    folder: str
    """The working folder, relative to the top of the repository."""
    env: tuple[tuple[str, str], ...]
    """Their environment variables."""


@dataclass(frozen=True)
class Script:
    """The scripts of a job, for those rows of its matrix in which they are the same."""

    where: str
    """The workflow's path and the job's name."""
    parts: tuple[Part, ...]
    pythons: tuple[str, ...] = ()
    """The Python versions that run it, such as ``3.12``; empty if unknown."""


def scripts(top: Path) -> Iterator[Script]:
    """Yield the scripts that workflows of the repository ``top`` run on a push or a pull request, by job.

    Jobs and rows are skipped if they may fail, need services, or run on Windows or macOS; so are our own workflows.
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
    steps = list(house.steps(job, {"runner.os": "Linux"}))
    matrix = rows.rows(mapping(job.get("strategy")).get("matrix"))
    told = {name for row in matrix for name in row}
    found: dict[tuple[Part, ...], list[str]] = {}
    for row in matrix:
        if not _runs(job, row):
            continue
        # Values that only other rows have are null.
        facts = {name: _fact(row.get(name, "")) for name in told}
        mine = [
            step
            for step in steps
            if conditions.holds(str(step.get("if", "")), facts) is not False and not _may_fail(step, row)
        ]
        parts = []
        for step in mine:
            env = {**mapping(workflow.get("env")), **mapping(job.get("env")), **mapping(step.get("env"))}
            values = {**{f"env.{name}".lower(): rows.filled(str(value), row) for name, value in env.items()}, **row}
            text = _action(step) if "uses" in step else str(step.get("run", ""))
            folder = rows.expanded(str(step.get("working-directory", default)), values)
            parts.append(Part(rows.expanded(text, values), folder, tuple(_kept(env, row))))
        found.setdefault(tuple(parts), []).append(_python(mine, row))
    for same, pythons in found.items():
        yield Script(where, same, () if "" in pythons else tuple(dict.fromkeys(pythons)))


def _counts(job: Mapping[str, Any]) -> bool:
    """Whether a job may have to pass on a change."""
    if all(conditions.holds(str(job.get("if", "")), facts) is False for facts in _CHANGES):
        return False
    return "services" not in job


def _runs(job: Mapping[str, Any], row: Mapping[str, str]) -> bool:
    """Whether a row of a job must pass, and runs on an ordinary system."""
    return not _may_fail(job, row) and not re.match(r"windows|macos", rows.expanded(str(job.get("runs-on", "")), row))


def _may_fail(table: Mapping[str, Any], row: Mapping[str, str]) -> bool:
    return rows.expanded(str(table.get("continue-on-error", "")), row).strip().lower() == "true"


def _fact(value: str) -> str | bool:
    return value == "true" if value in ("true", "false") else value


def _python(steps: Iterable[Mapping[str, Any]], row: Mapping[str, str]) -> str:
    """Return the Python version that a job sets up, such as ``3.12``; empty if unknown."""
    found = ""
    for step in steps:
        version = mapping(step.get("with")).get("python-version")
        if version is not None and str(step.get("uses")).lower().startswith(_SETUPS):
            # Of several versions, the last one is called `python`.
            last = (rows.expanded(str(version), row).split() or [""])[-1]
            match = _VERSION.fullmatch(last)
            found = match[1] if match else ""
    return found


def _kept(env: Mapping[str, Any], row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that a check may need, without those for installers and runners."""
    for name, value in env.items():
        if name == "TOXENV" or steers_checks(name):
            text = rows.filled(str(value), row)
            if isinstance(value, str) and "${{" not in text:
                yield name, text


def _action(step: Mapping[str, Any]) -> str:
    """Return the command that a third-party action runs; empty if it does not check code."""
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
