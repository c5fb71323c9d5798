"""A GitHub whose answers about the runs of a workflow a test writes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from loopback import Loopback, Reply, Request
from nox_ship.world.forge import Job
from nox_ship.world.github import GitHubApi

API = "/repos/acme/sample"
MANIFEST, EVIL = "c" * 64, "e" * 64


def passed(name: str) -> dict[str, Any]:
    """Return a successful job as GitHub's API describes it."""
    return {"id": 1, "name": name, "status": "completed", "conclusion": "success"}


def run_of(number: int, commit: str) -> dict[str, Any]:
    """Return a successful run of the release workflow, started by hand on the release branch."""
    return {
        "id": number,
        "event": "workflow_dispatch",
        "path": ".github/workflows/release.yml",
        "head_branch": "main",
        "head_sha": commit,
        "head_repository": {"full_name": "acme/sample"},
        "status": "completed",
        "conclusion": "success",
    }


class TellingGitHub(Loopback):
    """GitHub's API; ``told`` has the answers by path, which a test can change."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(self.answered)
        self.told = copy.deepcopy(dict(told))

    def answered(self, request: Request) -> Reply:
        """Return the stored answer, or one page of jobs."""
        path, _, query = request.path.partition("?")
        if path not in self.told:
            return Reply(status=404)
        told = self.told[path]
        if not path.endswith("/jobs"):
            return Reply(json.dumps(told))
        found = re.search(r"&page=(\d+)", query)
        page = int(found[1]) if found else 1
        more = {"Link": f'<{self.url}{path}?filter=latest&per_page=100&page={page + 1}>; rel="next"'}
        shown = json.dumps({**told, "jobs": told["jobs"][100 * (page - 1) : 100 * page]})
        return Reply(shown, headers=more if len(told["jobs"]) > 100 * page else {})

    @property
    def run(self) -> dict[str, Any]:
        """The run, which a test can change."""
        found: dict[str, Any] = self.told[f"{API}/actions/runs/7"]
        return found

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the run, which a test can change."""
        found: list[dict[str, Any]] = self.told[f"{API}/actions/runs/7/jobs"]["jobs"]
        return found

    def job(self, ref: str, commit: str) -> Job:
        """Return the job that asks, which belongs to a run on a ref."""
        return Job(self.url, self.url, "acme/sample", "release.yml", "8", ref, commit, "token")


@contextmanager
def telling(told: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[TellingGitHub]:
    """Run such a GitHub, with all waiting times removed."""
    quick = property(lambda job: GitHubApi(job.api, job.slug, job.token, sleep=lambda _: None))
    monkeypatch.setattr(Job, "github", quick)
    with TellingGitHub(told) as server:
        yield server


def variables(job: Job, output: str) -> dict[str, str]:
    """Return the environment variables of a job whose outputs go to a file."""
    return {
        "GITHUB_SERVER_URL": job.server,
        "GITHUB_API_URL": job.api,
        "GITHUB_REPOSITORY": job.slug,
        "GITHUB_WORKFLOW_REF": f"{job.slug}/.github/workflows/release.yml@{job.ref}",
        "GITHUB_RUN_ID": job.run,
        "GITHUB_REF": job.ref,
        "GITHUB_SHA": job.commit,
        "GITHUB_TOKEN": job.token,
        "GITHUB_OUTPUT": output,
    }
