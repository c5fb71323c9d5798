"""The checks of the set-up that concern GitHub: the workflows, and the repository there. Nothing is changed."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nox_ship import documents, json_data, process
from nox_ship.automation.github import FOLDER
from nox_ship.config import Delivery
from nox_ship.errors import Finding, Kind, shorten
from nox_ship.release.workflows import uploads
from nox_ship.setup import ci_files, init, workflows
from nox_ship.setup.advice import served, unserved
from nox_ship.setup.keep import is_ours
from nox_ship.setup.patient import Patient, Told
from nox_ship.setup.rival import publishing_jobs, rivals
from nox_ship.setup.survey import Survey
from nox_ship.world.forge import GITLAB_CI, GitHub
from nox_ship.world.index import PUBLIC_INDEXES, display_name
from nox_ship.world.real import token_variable
from nox_ship.world.rules import Ask, in_the_way

WORKFLOW_MISSING = Kind(
    "NS823", "workflow-missing", "To publish from GitHub Actions, run `nox-ship init`.", level="notice"
)
ENVIRONMENT_ABSENT = Kind(
    "NS827", "environment-absent", "Create it in the repository's settings, under *Environments*.", level="warning"
)
SECRET_ABSENT = Kind("NS828", "secret-absent", "Add it to the environment on GitHub, with an API token for the index.")
SECRET_SHARED = Kind(
    "NS846",
    "secret-shared",
    "Move it to the environment, whose secrets only the publishing job receives.",
    level="warning",
)
PROTECTED_BRANCH = Kind(
    "NS829",
    "protected-branch",
    'Add the releasing user to the bypass list of these rules, or set `delivery = "pull-request"` in [tool.nox-ship].',
    level="warning",
)
NOT_ASKED = Kind(
    "NS836",
    "github-not-asked",
    "Install GitHub's `gh`, sign in (`gh auth login`), and push the repository to GitHub.",
    level="notice",
)
NO_JOB_FOR_ROUTE = Kind(
    "NS835",
    "no-job-for-route",
    'Let the workflow publish there (`workflows.testpypi`), or change the route: `routes.prerelease = "pypi"`.',
    level="warning",
)
NO_WAY_TO_PUBLISH = Kind(
    "NS832",
    "no-way-to-publish",
    "Give the job `permissions: {id-token: write}` for trusted publishing, or an API token for the index.",
)
LOOSE_WORKFLOW = Kind(
    "NS833",
    "loose-workflow",
    "Grant the permission to the publishing job only, in an environment; `nox-ship init` writes such a workflow.",
    level="warning",
)

_GH_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_GH_NEEDS = (*_GH_TOKENS, "HTTPS_PROXY", "https_proxy")
"""The variables that `gh` signs in with, and those it needs to reach GitHub."""


def workflow_files(patient: Patient) -> Told:
    """Yield whether the workflows exist, are up to date, and give publishing jobs what they need."""
    survey = patient.survey
    ci = survey.ci
    drifted = {change.path for change in init.drift(survey, ci).changes}
    for place in _places(survey, ci):
        path, name = survey.repository.path / place, Path(place).name
        if not path.is_file():
            yield WORKFLOW_MISSING(f"There is no {place}.")
        elif not is_ours(path.read_text("utf-8", errors="replace")):
            yield f"{name} is your own"
        elif path in drifted:
            yield init.DRIFTED(f"{name} differs from what this version of nox-ship would write.", level="warning")
        else:
            yield f"{name} is up to date"
    yield from _publishing_jobs(patient)
    yield from _unserved_routes(survey)


def _places(survey: Survey, ci: str) -> list[str]:
    """Return the paths of the CI files; without the publishing workflow if the project has its own."""
    if ci == "gitlab":
        return [GITLAB_CI]
    facts = ci_files.facts(survey)
    release = f"{FOLDER}/{facts.release_file}"
    there = (survey.repository.path / release).is_file()
    own = None if there else rivals(survey)[0]
    return [place for place in workflows.render(facts) if own is None or place != release]


def _unserved_routes(survey: Survey) -> Told:
    """Yield the indexes that versions go to but our workflow does not publish to."""
    file = ci_files.facts(survey).release_file
    if not is_ours(documents.read_text(survey.repository.path / FOLDER / file)):
        return
    for name, example in unserved(survey.project.settings, publishing_jobs(survey)).items():
        what = f"Versions such as {example} go to {display_name(name)}, but {file} has no job for that."
        if name in PUBLIC_INDEXES:
            yield NO_JOB_FOR_ROUTE(what)
        else:
            remedy = f"Publish there from the machine that releases, or add a job of your own to {file}."
            yield NO_JOB_FOR_ROUTE(what, remedy=remedy, level="notice")


def _publishing_jobs(patient: Patient) -> Told:
    found, _ = uploads(patient.repository.path, patient.tag)
    for upload in (upload for upload in found if upload.certain):
        job = f"{upload.workflow}: the job {upload.job}"
        if upload.event == "workflow_dispatch":
            yield f"{job} uploads when it is started manually"
        elif not (upload.identity or upload.token):
            yield NO_WAY_TO_PUBLISH(f"{job} has neither `id-token: write` nor a secret.")
        elif upload.identity and upload.shared:
            yield LOOSE_WORKFLOW(f"{job} gets `id-token: write` from the top level, like every other job.")
        elif upload.environment is None:
            yield LOOSE_WORKFLOW(f"{job} has no environment, so anyone who can push a tag can publish.")
        else:
            how = "as a trusted publisher" if upload.identity else "with a token"
            yield f"{job} publishes {how}, in the environment {upload.environment}"


def repository(patient: Patient) -> Told:
    """Yield whether environments and secrets exist, and whether a rule would refuse the push, according to `gh`."""
    github, gitlab = patient.survey.github, patient.survey.gitlab
    if github is None and gitlab is not None:
        yield f"not asked: the remote is on {gitlab.host}"
        return
    if github is None or shutil.which("gh") is None or not _gh("auth", "status"):
        yield NOT_ASKED("Environments, secrets and branch rules on GitHub were not checked.")
        return
    listing = _gh("api", f"repos/{github.slug}/environments?per_page=100")
    if listing is None:
        yield NOT_ASKED(f"GitHub did not list the environments of {github.slug}.", remedy="An administrator can check.")
        return
    settings = patient.project.settings
    there = _names(listing, "environments")
    for index in served(settings):
        name = settings.workflows.environment(index)
        if name not in there:
            yield ENVIRONMENT_ABSENT(f"{github.slug} has no environment {name}.")
        else:
            yield f"{github.slug} has the environment {name}"
        if settings.workflows.credentials == "token":
            yield _secret(github, name if name in there else None, token_variable(index, settings))
    ask = cache(lambda path: _gh("api", f"repos/{github.slug}{path}"))
    yield _way(settings.delivery, patient.survey.branch, ask)


def _way(wanted: Delivery, branch: str, ask: Ask) -> str | Finding:
    """Report whether rules refuse a push to the release branch, and how a release is delivered.

    A workflow's token may bypass no rule, whatever the user's may.
    """
    if wanted == "pull-request":
        return f"releases go to {branch} by pull request, because of `delivery`"
    mine, rules = in_the_way(ask, branch), in_the_way(ask, branch, of_others=True)
    if not rules:
        return f"no rule on GitHub refuses a push to {branch}"
    if mine and wanted == "push":
        return PROTECTED_BRANCH(f"{branch} on GitHub has rules, but `delivery` requires a push: {shorten(rules)}.")
    told = f"{branch} on GitHub has rules ({shorten(rules)})"
    if mine:
        return f"{told}, so releases go there by pull request"
    workflows = "are refused" if wanted == "push" else "go there by pull request"
    return f"{told} that you may bypass: your releases are pushed, and those that a workflow cuts {workflows}"


def _secret(github: GitHub, environment: str | None, wanted: str) -> str | Finding:
    """Report where a secret of a publishing job is defined; GitHub looks in the job's environment first.

    https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/use-secrets
    """
    places = {"the repository": "actions/secrets", "the organization": "actions/organization-secrets"}
    if environment is not None:
        own = f"the environment {environment}"
        places = {own: f"environments/{quote(environment, safe='')}/secrets", **places}
    unknown = []
    for place, path in places.items():
        listing = _gh("api", f"repos/{github.slug}/{path}?per_page=100")
        if listing is None:
            unknown.append(place)
        elif wanted in _names(listing, "secrets"):
            if place.startswith("the environment"):
                return f"{place} has the secret {wanted}"
            return SECRET_SHARED(f"{wanted} is a secret of {place}: every workflow can read it, on any branch.")
    if unknown and unknown != ["the organization"]:  # a user's own repository has no organization
        return NOT_ASKED(f"GitHub did not list the secrets of {unknown[0]}.", remedy="An administrator can check.")
    return SECRET_ABSENT(f"{github.slug} has no secret {wanted}: not found in {shorten(places)}.")


def _names(listing: Any, key: str) -> set[str]:
    """Return the names in one of GitHub's lists."""
    entries = listing.get(key) if isinstance(listing, dict) else None
    found = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {name for name in found if isinstance(name, str)}


def _gh(*args: str) -> Any:
    """Run GitHub's command line tool; return its JSON answer, or None if it fails."""
    done = process.run(["gh", *args], keep=_GH_NEEDS, check=False, seconds=30)
    if done.code:
        return None
    try:
        return json_data.parse(done.stdout)
    except ValueError:
        return {"answer": done.output}
