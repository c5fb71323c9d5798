"""The facts for which tests render workflows, and helpers to look into the result."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from nox_ship.config import WorkflowSettings
from nox_ship.setup.workflows import Facts, render
from support import load_yaml

CI, RELEASE = ".github/workflows/ci.yml", ".github/workflows/release.yml"


def facts(**changes: Any) -> Facts:
    """Return the facts about an everyday project."""
    settings = WorkflowSettings(
        **{
            name: changes.pop(name)
            for name in [field.name for field in dataclasses.fields(WorkflowSettings)]
            if name in changes
        }
    )
    known: dict[str, Any] = {"branch": "main", "tag": "v{version}", "pythons": ("3.11", "3.12"), "settings": settings}
    return Facts(**{**known, "coverage": True, "besides": (), **changes})


def jobs(text: str) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    found: dict[str, Any] = load_yaml(text)["jobs"]
    return found


def every() -> Iterator[Facts]:
    """Yield every kind of project that the templates distinguish."""
    truth = (True, False)
    for coverage, credentials, testpypi, development, besides in itertools.product(
        truth, ("trusted", "token"), truth, truth, ((), ("nox-poetry>=1", "it's"))
    ):
        yield facts(
            coverage=coverage, credentials=credentials, testpypi=testpypi, development=development, besides=besides
        )
    for credentials, folder in itertools.product(("trusted", "token"), ("packages/sample", "it")):
        yield facts(credentials=credentials, besides=("nox-poetry>=1", "it's"), folder=folder, weekly=True, **NAMED)
        yield facts(credentials=credentials, besides=("nox-poetry>=1", "it's"), checks=CHECKS, testpypi=folder == "it")
    yield facts(delivery="pull-request")
    yield facts(delivery="auto", folder="packages/sample", weekly=True, **NAMED)
    yield facts(delivery="auto", development=True, coverage=False, checks=CHECKS, wheels=WHEELS, **NAMED)
    for audit, audited in itertools.product(truth, truth):
        yield facts(weekly=True, audit=audit, audited=audited)
    for folder in ("", "packages/sample"):
        yield facts(
            wheels=WHEELS,
            tests_wheel=not folder,
            builds_alone=not folder,
            development=True,
            folder=folder,
            weekly=True,
            name="sample",
        )


WHEELS = ("ubuntu-latest", "it's: macOS", "ubuntu-24.04/ppc64le")
CHECKS = ("Test Suite", 'it\'s: @A@ # (3.12, "x")')
NAMED = {"name": "sample", "environments": {"pypi": "release now", "testpypi": "on"}, "branches": ("dev", "release/*")}


def built(output: str, known: Facts) -> str:
    """Return the expression for an output about the built files, of the run that proved them or of this run."""
    job = "collect" if known.wheels else "build"
    return f"${{{{ inputs.run && needs.proven.outputs.{output} || needs.{job}.outputs.{output} }}}}"


def proposing(known: Facts) -> set[str]:
    """Return the name of the job that proposes a release, if there is one."""
    return {"propose"} if known.proposes else set()


def release_of(known: Facts) -> str:
    """Return the text of the workflow that publishes."""
    return render(known)[f".github/workflows/{known.release_file}"]


RIGHTS = {"id-token", "contents", "actions", "attestations", "checks", "statuses", "pull-requests"}


def holds_rights(job: dict[str, Any]) -> bool:
    """Return whether a job has an identity, a secret or a write permission."""
    permissions = job.get("permissions") or {}
    writes = permissions == "write-all" or any(value == "write" for value in dict(permissions).values())
    return writes or "environment" in job or "secrets." in str(job) or "github.token" in str(job)
