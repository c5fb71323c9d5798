"""What the user has to do once the files are written, in order."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from nox_ship.addresses import without_passwords
from nox_ship.config import Settings
from nox_ship.errors import Kind
from nox_ship.release.workflows import Upload
from nox_ship.setup.ci_files import gate_jobs
from nox_ship.setup.plan import SetupPlan
from nox_ship.setup.rival import publishing_jobs
from nox_ship.setup.survey import Survey
from nox_ship.setup.workflows import required_check
from nox_ship.world.forge import GITLAB_CI, GitHub
from nox_ship.world.index import PUBLIC_INDEXES, display_name
from nox_ship.world.real import token_variable

NO_FORGE = Kind(
    "NS814",
    "no-forge",
    "Add the remote, then run `nox-ship init` again; `--ci github` or `--ci gitlab` writes the files now.",
    level="notice",
)

_MAY_PROPOSE = "-F can_approve_pull_request_reviews=true -f default_workflow_permissions=read"
_REVIEWS = {
    "required_approving_review_count": 0,
    "dismiss_stale_reviews_on_push": True,
    "require_code_owner_review": False,
    "require_last_push_approval": False,
    "required_review_thread_resolution": False,
}
_KINDS = {"final": "1.2.0", "prerelease": "1.2.0rc1", "development": "1.2.0.dev3"}


def no_forge(survey: Survey) -> str:
    """Return why no CI file was written."""
    where = "There is no remote"
    if survey.remote:
        where = f"The remote {without_passwords(survey.remote)} is on neither GitHub nor GitLab"
    return f"{where}, so no workflow was written."


def other_ci(survey: Survey) -> str:
    """Return the sessions that jobs of any CI call, and what the jobs pass on.

    Raises:
        ShipError: The noxfile is broken (NS811).
    """
    gates = [job["session"] for job in gate_jobs(survey)]
    measured = [session for session in gates if session.startswith("tests-")]
    rows = [
        ("nox -s matrix", "prints the gates and Pythons as JSON, one job each"),
        *((f"nox --no-dependencies -s {session}", "") for session in gates),
    ]
    if measured and "coverage" in survey.project.settings.gates:
        rows.append(("nox --no-dependencies -s coverage", "after the tests, with .nox-ship/coverage of each"))
    rows.append(("nox -s build", "passes on dist and .nox-ship/manifest.json"))
    rows += [(f"nox --no-dependencies -s verify-install-{python}", "with the built files") for python in survey.pythons]
    rows.append(("nox --no-dependencies -s publish", "on a tag, with the built files and an API token"))
    width = max(len(call) for call, _ in rows)
    lines = (f"  {call:{width}}  {f'# {what}' if what else ''}".rstrip() for call, what in rows)
    return "\n".join(["In another CI system, give each session a job of its own:", *lines])


def served(settings: Settings) -> tuple[str, ...]:
    """Return the public indexes that our workflows publish to, according to the routes."""
    workflows, routes = settings.workflows, settings.routes
    routed = {routes.final, routes.prerelease}
    to_test = (workflows.testpypi and routed & set(PUBLIC_INDEXES)) or (
        workflows.development and routes.development == "testpypi"
    )
    return tuple(name for name, wanted in (("pypi", "pypi" in routed), ("testpypi", to_test)) if wanted)


def unserved(settings: Settings, jobs: Sequence[Upload] = ()) -> dict[str, str]:
    """Return the indexes that no job publishes to, each with a version that goes there.

    Args:
        settings: The project's settings, which say where our own workflows publish.
        jobs: The jobs in the repository that upload, such as one of the project's own.
    """
    kinds = [kind for kind in _KINDS if kind != "development" or settings.workflows.development]
    routed = {getattr(settings.routes, kind): _KINDS[kind] for kind in reversed(kinds)}
    left = (name for name in routed if name not in served(settings))
    return {name: routed[name] for name in left if not any(job.by_tag and job.goes_to(name) for job in jobs)}


def next_steps(made: SetupPlan) -> Iterator[str]:
    """Yield the commands to type, then what to set up elsewhere before the first release."""
    survey = made.survey
    top = survey.repository.path.resolve()
    changed = {top / name for name in survey.repository.changes()}
    files = [_shown(path, survey) for path in made.files if path.resolve() in changed]
    yield "\n".join(
        [
            "Next:",
            *([f"  git add {shlex.join(files)} && git commit -m 'Release with nox-ship'"] if files else []),
            "  nox -s doctor                        # is anything set up wrong?",
            "  nox -s release -- patch --dry-run    # rehearse a release",
        ]
    )
    if survey.github and made.publishing and made.publishing != GITLAB_CI:
        yield _protection(survey, survey.github)
    if made.publishing:
        yield from _before_the_first_release(survey, made.publishing)


def _protection(survey: Survey, github: GitHub) -> str:
    """Return optional commands that protect the release branch and require our CI workflow's checks.

    https://docs.github.com/en/rest/repos/rules and https://docs.github.com/en/rest/actions/permissions describe them.
    """
    branch, name = survey.branch, survey.project.canonical_name
    rules = [
        {"type": "pull_request", "parameters": _REVIEWS},
        {
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": [{"context": required_check(name, survey.folder)}],
                "strict_required_status_checks_policy": False,
            },
        },
        {"type": "non_fast_forward"},
        {"type": "deletion"},
    ]
    ruleset = {
        "name": f"{branch} ({name})" if survey.folder else branch,
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{branch}"], "exclude": []}},
        "rules": rules,
    }
    value, api = shlex.quote(json.dumps(ruleset)), "gh api --method"
    return "\n".join(
        [
            f"To protect {branch}, so that every change, including each release, is a pull request that passed CI:",
            f"  echo {value} | {api} POST repos/{github.slug}/rulesets --input -",
            "To let a release that is cut in Actions open its pull request:",
            f"  {api} PUT repos/{github.slug}/actions/permissions/workflow {_MAY_PROPOSE}",
        ]
    )


def _shown(path: Path, survey: Survey) -> str:
    return Path(os.path.relpath(path.resolve(), survey.project.root.resolve())).as_posix()


def _before_the_first_release(survey: Survey, file: str) -> Iterator[str]:
    """Yield what to enter on the indexes or the forge so that ``file`` can publish."""
    settings = survey.project.settings
    names = [name for name in served(settings) if name not in settings.indexes]
    by_token = settings.workflows.credentials == "token" or (file == GITLAB_CI and not survey.identifies)
    if names:
        yield _tokens(settings, names, file) if by_token else _publishers(survey, names, file)
    for name, example in unserved(settings, publishing_jobs(survey)).items():
        if name not in PUBLIC_INDEXES:
            yield f"Versions such as {example} go to {name}: publish them from the machine that releases them."


def _publishers(survey: Survey, names: list[str], file: str) -> str:
    """Return what to enter on the indexes for trusted publishers."""
    if file == GITLAB_CI:
        kind, project = "GitLab", survey.gitlab
        fields = [("Namespace", project.namespace), ("Project name", project.name)] if project else []
        fields.append(("Top-level pipeline file path", file))
    else:
        kind, repository = "GitHub", survey.github
        fields = [("Owner", repository.owner), ("Repository name", repository.name)] if repository else []
        fields.append(("Workflow name", file))
    if len(fields) == 1:
        return "Run `nox-ship init --repository OWNER/NAME` to see what to enter on PyPI for a trusted publisher."
    environments = {name: survey.project.settings.workflows.environment(name) for name in names}
    shown = " and ".join(map(display_name, names))
    several = len(set(environments.values())) > 1
    named = [f"{value} on {display_name(name)}" if several else value for name, value in environments.items()]
    rows = [("PyPI project name", survey.project.canonical_name), *fields]
    rows.append(("Environment name", ", ".join(dict.fromkeys(named))))
    width = max(len(name) for name, _ in rows)
    lines = (f"  {name:{width}}  {value}" for name, value in rows)
    where = "under *Publishing* in the project's settings, or in your account if the project is new there"
    title = f"Before the first release, add this {kind} publisher on {shown}, {where}:"
    return "\n".join([title, *lines])


def _tokens(settings: Settings, names: list[str], file: str) -> str:
    """Return where to put the API tokens."""
    what = "CI/CD variable (protected, masked)" if file == GITLAB_CI else "secret"
    rows = [f"  {token_variable(name, settings)}  {settings.workflows.environment(name)}" for name in names]
    return "\n".join([f"Before the first release, add each API token as a {what} of its environment:", *rows])
