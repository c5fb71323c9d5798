"""The forge that hosts the remote, GitHub or GitLab, as far as a release uses it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from nox_ship.errors import Kind, ShipError, shorten
from nox_ship.world import web
from nox_ship.world.github import GitHubApi
from nox_ship.world.releases import Releases
from nox_ship.world.remote import Remote

NO_JOB = Kind("NS763", "no-job", "Run it in a job of GitHub Actions, with `GITHUB_TOKEN` in its environment.")
NOT_STARTED = Kind(
    "NS764",
    "workflow-not-started",
    "Branch and tag are pushed; start the workflow manually on the tag, with `bump` empty.",
)

_PAUSES = (2.0, 6.0)
"""Pauses in seconds before asking GitHub again."""
_PASSING = (422, 429, 500, 502, 503, 504)
"""GitHub's statuses while it does not know the tag yet, or has problems of its own."""
# `https://`, `git://` and `ssh://` addresses, and ssh's short form; GitHub answers ssh on port 443 under another name.
_URL = (
    r"(?:[a-z+]+://(?:[^/]*@)?(?:www\.|ssh\.)?{host}(?::\d+)?/|(?:[^/@:]+@)?(?:ssh\.)?{host}:)"
    r"/*(?P<owner>[\w-]+)/(?P<name>[\w.-]+?)(?:\.git)?/*"
)
_HOST, _API = "github.com", "https://api.github.com"
TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
"""The variables that may hold a token for GitHub, the same as for its command line tool."""
# GitLab's own host answers ssh on port 443 under another name, too; others have "gitlab" in theirs.
_GITLAB = re.compile(
    r"(?:[a-z+]+://(?:[^/]*@)?(?:altssh\.)?(?P<host>[\w.-]*gitlab[\w.-]*)(?::\d+)?/"
    r"|(?:[^/@:]+@)?(?:altssh\.)?(?P<short>[\w.-]*gitlab[\w.-]*):)"
    r"/*(?P<path>[\w.-]+(?:/[\w.-]+)*/[\w.-]+?)(?:\.git)?/*",
    re.ASCII | re.IGNORECASE,
)
_VARIABLES = (
    "GITHUB_SERVER_URL",
    "GITHUB_API_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_RUN_ID",
    "GITHUB_REF",
    "GITHUB_SHA",
    "GITHUB_TOKEN",
)
GITLAB_CI = ".gitlab-ci.yml"
"""GitLab's CI file."""


@dataclass(frozen=True)
class GitHub:
    """A repository on GitHub."""

    owner: str
    name: str

    @classmethod
    def of(cls, url: str, host: str = _HOST) -> GitHub | None:
        """Return the repository at a remote's address; None if that is not on this GitHub host."""
        match = re.fullmatch(_URL.format(host=re.escape(host)), url.strip(), re.ASCII | re.IGNORECASE)
        return cls(match["owner"], match["name"]) if match else None

    @property
    def slug(self) -> str:
        """The repository as owner/name."""
        return f"{self.owner}/{self.name}"

    def runs(self, workflow: str) -> str:
        """Return the address of the page with the runs of a workflow file."""
        return f"https://github.com/{self.slug}/actions/workflows/{workflow}"


@dataclass(frozen=True)
class GitLab:
    """A project on GitLab: on gitlab.com, or on a host with "gitlab" in its name."""

    host: str
    namespace: str
    """The group with its subgroups, or the user."""
    name: str

    @classmethod
    def of(cls, url: str) -> GitLab | None:
        """Return the project at a remote's address; None if that is not on GitLab."""
        match = _GITLAB.fullmatch(url.strip())
        if match is None:
            return None
        namespace, _, name = match["path"].rpartition("/")
        return cls((match["host"] or match["short"]).lower(), namespace, name)

    @property
    def slug(self) -> str:
        """The project as namespace/name."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_public(self) -> bool:
        """Whether it is on gitlab.com, whose identities PyPI accepts."""
        return self.host == "gitlab.com"

    def runs(self) -> str:
        """Return the address of the pipelines page."""
        return f"https://{self.host}/{self.slug}/-/pipelines"


@dataclass(frozen=True)
class Job:
    """The running GitHub Actions job, as described by its default variables.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables lists them.
    """

    server: str
    api: str
    slug: str
    workflow: str
    """The file name of the workflow."""
    run: str
    """The ID of the run."""
    ref: str
    """The full name of the run's branch or tag."""
    commit: str
    """The run's commit."""
    token: str

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Job:
        """Return the job with the environment variables ``env``.

        Raises:
            ShipError: They are not those of a GitHub Actions job with a token (NS763).
        """
        if missing := [name for name in _VARIABLES if not env.get(name)]:
            raise ShipError(NO_JOB(f"The environment variables {shorten(missing, len(missing))} are missing."))
        server, api, slug, workflow, run, ref, commit, token = (env[name] for name in _VARIABLES)
        return cls(server, api, slug, workflow.partition("@")[0].rpartition("/")[2], run, ref, commit, token)

    @property
    def remote(self) -> str:
        """The address of the repository."""
        return f"{self.server}/{self.slug}"

    @property
    def github(self) -> GitHubApi:
        """The repository's API, with the job's token."""
        return GitHubApi(self.api, self.slug, self.token)

    @property
    def headers(self) -> dict[str, str]:
        """The headers for GitHub's API."""
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}

    def start(self, tag: str, target: str) -> None:
        """Start this workflow again, on a tag: the one event that a workflow's own token may trigger.

        The new run is told which run proved the tag.

        https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event

        Raises:
            ShipError: GitHub does not accept it (NS764).
        """
        url = f"{self.api}/repos/{self.slug}/actions/workflows/{self.workflow}/dispatches"
        body = {"ref": f"refs/tags/{tag}", "inputs": {"target": target, "run": self.run}}
        for pause in (*_PAUSES, None):
            try:
                answer = web.post(url, body, self.headers)
            except web.WebError as error:
                trouble, passing = str(error), True
            else:
                trouble, passing = f"it answered {answer.status}", answer.status in _PASSING
                if answer.ok:
                    return
            if pause is None or not passing:
                raise ShipError(NOT_STARTED(f"GitHub did not start {self.workflow}: {trouble}."))
            time.sleep(pause)


def releases(
    address: str | None, variables: Mapping[str, str], tell: Callable[[str], object] = lambda _: None
) -> Releases | None:
    """Return the releases of a repository on GitHub; None if it is not there.

    Args:
        address: The remote's address; None in a job without a checkout, whose variables name the repository.
        variables: The environment variables, which name the API of a GitHub Enterprise and may hold a token.
        tell: Called with a message before waiting because GitHub limits requests.
    """
    token = next((variables[name].strip() for name in TOKENS if variables.get(name, "").strip()), None)
    api = variables.get("GITHUB_API_URL", _API).rstrip("/")
    if address is None:
        slug = variables.get("GITHUB_REPOSITORY")
        return Releases(GitHubApi(api, slug, token, tell=tell)) if slug else None
    host = urlsplit(variables.get("GITHUB_SERVER_URL", "")).hostname or _HOST
    if found := GitHub.of(address, host):
        return Releases(GitHubApi(api, found.slug, token, tell=tell))
    found = GitHub.of(address)
    return Releases(GitHubApi(_API, found.slug, token, tell=tell)) if found else None


def proposal_page(remote: Remote, branch: str, base: str) -> str:
    """Return the address of the page that opens a pull request or merge request; empty if unknown.

    Args:
        remote: The remote to which the branch is pushed.
        branch: The branch to merge.
        base: The branch to merge it into.
    """
    address = remote.local.find("remote", "get-url", "--push", remote.name) or ""
    if found := GitHub.of(address):
        return f"https://{_HOST}/{found.slug}/compare/{quote(base)}...{quote(branch)}?expand=1"
    if project := GitLab.of(address):
        ends = {"merge_request[source_branch]": branch, "merge_request[target_branch]": base}
        return f"https://{project.host}/{project.slug}/-/merge_requests/new?{urlencode(ends)}"
    return ""


def follow(remote: Remote, workflow: str, *, waits: bool = False) -> str:
    """Return how to follow a workflow that is started by a push to ``remote``.

    Args:
        remote: The remote to which the tag is pushed.
        workflow: The workflow's file name.
        waits: Whether it waits until somebody publishes a GitHub Release.
    """
    address = remote.local.find("remote", "get-url", "--push", remote.name) or ""
    if workflow == GITLAB_CI:
        project = GitLab.of(address)
        return f"the tag starts {workflow}; follow it {f'at {project.runs()}' if project else 'on GitLab'}"
    found = GitHub.of(address)
    where = f"at {found.runs(workflow)} or with `gh run watch`" if found else "with `gh run watch`"
    return f"{'publish a GitHub Release to start it' if waits else 'the tag starts it'}; follow it {where}"
