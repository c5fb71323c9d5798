"""What of a set-up is GitHub's: the workflows, and what the repository there has; nothing is changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from nox_ship import json_data, process
from nox_ship.errors import Kind, shorten
from nox_ship.release.workflows import uploads
from nox_ship.setup import init, workflows
from nox_ship.setup.keep import is_ours
from nox_ship.setup.patient import Patient, Told
from nox_ship.setup.survey import Survey
from nox_ship.world.index import display_name

WORKFLOW_MISSING = Kind(
    "NS823", "workflow-missing", "Run `nox-ship init`, if GitHub Actions is to publish.", level="notice"
)
ENVIRONMENT_ABSENT = Kind(
    "NS827", "environment-absent", "Create it in the repository's settings, under *Environments*.", level="warning"
)
SECRET_ABSENT = Kind("NS828", "secret-absent", "Add it to the environment on GitHub, with an API token of the index.")
PROTECTED_BRANCH = Kind(
    "NS829",
    "protected-branch",
    "Let whoever releases bypass the rule; it would refuse the push of branch and tag.",
    level="warning",
)
NOT_ASKED = Kind(
    "NS836",
    "github-not-asked",
    "Install GitHub's `gh` and sign in (`gh auth login`); the remote must be there.",
    level="notice",
)
NO_JOB_FOR_ROUTE = Kind(
    "NS835",
    "no-job-for-route",
    'Let the workflow go there (`workflows.testpypi`), or change the route: `routes.prerelease = "pypi"`.',
    level="warning",
)
NO_IDENTITY_TOKEN = Kind(
    "NS832",
    "no-way-to-publish",
    "Give the job `permissions: {id-token: write}` for trusted publishing, or a token of the index.",
)
LOOSE_WORKFLOW = Kind(
    "NS833",
    "loose-workflow",
    "Let the publishing job alone have the permission, in an environment; `nox-ship init` writes such a workflow.",
    level="warning",
)

_GH_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_GH_NEEDS = (*_GH_TOKENS, "HTTPS_PROXY", "https_proxy")
"""What `gh` signs in with, and how it gets there."""


def workflow_files(patient: Patient) -> Told:
    """Yield whether the workflows are there, are not drifted, and give those jobs that publish what they need."""
    survey = patient.survey
    if survey.nested:
        yield "not looked at: the project is not at the top of its repository"
        return
    drifted = {Path(change.name).name for change in init.drift(survey)}
    for name in (Path(name).name for name in workflows.render(init.facts(survey))):
        path = survey.repository.path / workflows.FOLDER / name
        if not path.is_file():
            yield WORKFLOW_MISSING(f"There is no {workflows.FOLDER}/{name}.")
        elif not is_ours(path.read_text("utf-8", errors="replace")):
            yield f"{name} is the project's own"
        elif name in drifted:
            yield init.DRIFTED(f"{name} is not what this version of nox-ship writes.", level="warning")
        else:
            yield f"{name} is as this version of nox-ship writes it"
    yield from _publishing_jobs(patient)
    yield from _unserved_routes(survey)


def _unserved_routes(survey: Survey) -> Told:
    settings = survey.project.settings
    if not is_ours(survey.project.read_text(f"{workflows.FOLDER}/release.yml")):
        return
    kinds = {"final": "1.2.0", "prerelease": "1.2.0rc1"}
    if settings.workflows.development:
        kinds["development"] = "1.2.0.dev3"
    for kind, example in kinds.items():
        name = getattr(settings.routes, kind)
        if name not in settings.workflows.indexes:
            where = display_name(name)
            yield NO_JOB_FOR_ROUTE(f"Versions such as {example} go to {where}, and release.yml has no job for that.")


def _publishing_jobs(patient: Patient) -> Told:
    found, _ = uploads(patient.repository.path, patient.tag)
    for upload in (upload for upload in found if upload.certain):
        job = f"{upload.workflow}: the job {upload.job}"
        if upload.event == "workflow_dispatch":
            yield f"{job} uploads when somebody starts it by hand"
        elif not (upload.identity or upload.token):
            yield NO_IDENTITY_TOKEN(f"{job} has neither `id-token: write` nor a secret.")
        elif upload.identity and upload.shared:
            yield LOOSE_WORKFLOW(f"{job} has `id-token: write` from the top, as every other job has.")
        elif upload.environment is None:
            yield LOOSE_WORKFLOW(f"{job} has no environment: whoever can push a tag can publish.")
        else:
            how = "as a trusted publisher" if upload.identity else "by a token"
            yield f"{job} publishes {how}, in the environment {upload.environment}"


def repository(patient: Patient) -> Told:
    """Yield whether environments and secrets exist, and whether a rule would refuse the push; `gh` is asked."""
    github = patient.survey.github
    if github is None or shutil.which("gh") is None or not _gh("auth", "status"):
        yield NOT_ASKED("Environments, secrets and branch rules on GitHub were not looked at.")
        return
    settings = patient.project.settings.workflows
    listing = _gh("api", f"repos/{github.slug}/environments?per_page=100")
    if listing is None:
        yield NOT_ASKED(f"GitHub did not tell the environments of {github.slug}.", remedy="An administrator may ask.")
        return
    there = {entry.get("name") for entry in listing.get("environments", [])}
    for name in settings.indexes:
        if name not in there:
            yield ENVIRONMENT_ABSENT(f"{github.slug} has no environment {name}.")
            continue
        yield f"{github.slug} has the environment {name}"
        if settings.credentials == "token":
            secrets = _gh("api", f"repos/{github.slug}/environments/{name}/secrets")
            wanted = {"pypi": "PYPI_API_TOKEN", "testpypi": "TEST_PYPI_API_TOKEN"}[name]
            if secrets is None:
                yield NOT_ASKED(f"GitHub did not tell the secrets of {name}.", remedy="An administrator may ask.")
            elif wanted not in {entry.get("name") for entry in secrets.get("secrets", [])}:
                yield SECRET_ABSENT(f"The environment {name} has no secret {wanted}.")
    rules = _gh("api", f"repos/{github.slug}/rules/branches/{patient.survey.branch}")
    kinds = [rule.get("type") for rule in rules] if isinstance(rules, list) else []
    refusing = [kind for kind in kinds if kind in ("pull_request", "update", "required_status_checks", "creation")]
    protected = _gh("api", f"repos/{github.slug}/branches/{patient.survey.branch}/protection")
    if refusing or protected:
        what = shorten(map(str, refusing)) or "branch protection"
        yield PROTECTED_BRANCH(f"{patient.survey.branch} on GitHub has rules: {what}.")
    else:
        yield f"nothing on GitHub refuses a push to {patient.survey.branch}"


def _gh(*args: str) -> Any:
    """Ask GitHub's command line; return what it answers, None where it fails."""
    done = process.run(["gh", *args], keep=_GH_NEEDS, check=False, seconds=30)
    if done.code:
        return None
    try:
        return json_data.parse(done.stdout)
    except ValueError:
        return {"answer": done.output}
