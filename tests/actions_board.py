"""A GitHub in memory that also keeps runs, their logs, and the checks of a commit, and answers as GitHub documents."""

from __future__ import annotations

import http
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from nox_ship.world.board import Board

Environ = dict[str, Any]
Reply = tuple[http.HTTPStatus, Any]

_OK = http.HTTPStatus.OK


class ActionsBoard(Board):
    """The API, as a WSGI application; every commit has the same checks."""

    def __init__(self, slug: str, commits: Callable[[], Mapping[str, str]]) -> None:
        super().__init__(slug, commits)
        self.workflows = {"release.yml": "active"}
        """The state of each workflow, by its file."""
        self.runs: list[dict[str, Any]] = []
        self.jobs: list[dict[str, Any]] = []
        self.logs: dict[int, bytes] = {}
        """The log of a job, by its ID."""
        self.awaited: list[str] = []
        """The environments that a run waits for."""
        self.check_list: list[dict[str, Any]] = []
        self.status_list: list[dict[str, Any]] = []
        self.strangers: list[str] = []
        """The tokens with which logs were requested."""

    def start(self, commit: str, tag: str = "v0.1.0", **values: Any) -> dict[str, Any]:
        """Start a run of the workflow that publishes, and return it."""
        number = self.number()
        usual = {"event": "push", "path": ".github/workflows/release.yml", "head_branch": tag, "head_sha": commit}
        told = {"head_repository": {"full_name": self.slug}, "status": "in_progress", "conclusion": None}
        address = f"https://github.com/{self.slug}/actions/runs/{number}"
        self.runs.append({"id": number, "run_attempt": 1, **usual, **told, "html_url": address, **values})
        return self.runs[-1]

    def job(self, run: dict[str, Any], name: str, conclusion: str | None = None, **values: Any) -> dict[str, Any]:
        """Add a job to a run, either under way or ended, and return it."""
        number = self.number()
        ended = {"status": "completed" if conclusion else "in_progress", "conclusion": conclusion}
        times = {"started_at": "2026-01-01T00:00:00Z", "completed_at": "2026-01-01T00:00:42Z" if conclusion else None}
        address = f"{run['html_url']}/job/{number}"
        kept = {"run_id": run["id"], "run_attempt": run["run_attempt"], "html_url": address, "steps": []}
        self.jobs.append({"id": number, "name": name, **ended, **times, **kept, **values})
        return self.jobs[-1]

    def end(self, run: dict[str, Any], conclusion: str = "success") -> None:
        """End a run and all its jobs."""
        run.update(status="completed", conclusion=conclusion)
        for job in self.jobs:
            if job["run_id"] == run["id"] and job["status"] != "completed":
                job.update(status="completed", conclusion=conclusion, completed_at="2026-01-01T00:01:00Z")

    def check(self, name: str, conclusion: str | None = "success", suite: int = 1, **values: Any) -> dict[str, Any]:
        """Add a check run to every commit, either under way or ended, and return it."""
        number = self.number()
        ended = {"status": "completed" if conclusion else "in_progress", "conclusion": conclusion}
        hour = f"2026-01-01T{number % 24:02}"
        times = {"started_at": f"{hour}:00:00Z", "completed_at": f"{hour}:30:00Z" if conclusion else None}
        address = f"https://github.com/{self.slug}/actions/runs/{suite}/job/{number}"
        whose = {"app": {"slug": "github-actions"}, "details_url": address, "html_url": address}
        more = {"check_suite": {"id": suite}, "output": {"title": None}}
        self.check_list.append({"id": number, "name": name, **ended, **times, **whose, **more, **values})
        return self.check_list[-1]

    def status(self, context: str, state: str = "success", **values: Any) -> dict[str, Any]:
        """Add a status to every commit, and return it."""
        self.status_list.append({"context": context, "state": state, "description": None, "target_url": None, **values})
        return self.status_list[-1]

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        if found := re.fullmatch(rf"/repos/{self.slug}/actions/jobs/(\d+)/logs", environ["PATH_INFO"]):
            return self._pointed(int(found[1]), environ, start)
        if found := re.fullmatch(r"/logs/(\d+)", environ["PATH_INFO"]):
            self.strangers += filter(None, [environ.get("HTTP_AUTHORIZATION")])
            return _plain("200 OK", self.logs[int(found[1])], start)
        return super().__call__(environ, start)

    def reply(self, environ: Environ) -> Reply:
        """Return the status and the JSON value of the answer to a request."""
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".replace(f"/repos/{self.slug}", "", 1)
        query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern, asked):
                return answer(self, match[1] if match.lastindex else "", query)
        return super().reply(environ)

    def of_workflow(self, file: str, _: Mapping[str, str]) -> Reply:
        """Answer with a workflow."""
        return (_OK, {"state": self.workflows[file]}) if file in self.workflows else _missing()

    def runs_of(self, file: str, query: Mapping[str, str]) -> Reply:
        """Answer with the runs of a workflow on a commit."""
        if file not in self.workflows:
            return _missing()
        runs = [run for run in self.runs if query.get("head_sha", run["head_sha"]) == run["head_sha"]]
        runs = [run for run in runs if run["path"].endswith(f"/{file}")]
        return _OK, {"total_count": len(runs), "workflow_runs": runs}

    def of_run(self, number: str, _: Mapping[str, str]) -> Reply:
        """Answer with a run."""
        found = next((run for run in self.runs if str(run["id"]) == number), None)
        return (_OK, found) if found else _missing()

    def jobs_of(self, number: str, query: Mapping[str, str]) -> Reply:
        """Answer with the jobs of a run: those of its last attempt, or all."""
        jobs = [job for job in self.jobs if str(job["run_id"]) == number]
        if query["filter"] == "latest":
            last = max((job["run_attempt"] for job in jobs), default=0)
            jobs = [job for job in jobs if job["run_attempt"] == last]
        return _OK, {"total_count": len(jobs), "jobs": jobs}

    def awaited_by(self, _: str, __: Mapping[str, str]) -> Reply:
        """Answer with the environments that a run waits for."""
        return _OK, [{"environment": {"name": name}, "current_user_can_approve": True} for name in self.awaited]

    def checks_of(self, _: str, query: Mapping[str, str]) -> Reply:
        """Answer with the check runs of a commit."""
        assert query["filter"] == "all"
        return _OK, {"total_count": len(self.check_list), "check_runs": list(self.check_list)}

    def statuses_of(self, _: str, __: Mapping[str, str]) -> Reply:
        """Answer with the newest status of each context of a commit."""
        return _OK, {"state": "pending", "total_count": len(self.status_list), "statuses": list(self.status_list)}

    def _pointed(self, job: int, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Redirect to the log of a job; GitHub does so only for requests with a token."""
        if not environ.get("HTTP_AUTHORIZATION"):
            message = json.dumps({"message": "Must have admin rights to Repository."})
            return _plain("403 Forbidden", message.encode(), start)
        if job not in self.logs:
            return _plain("410 Gone", b"", start)
        return _plain("302 Found", b"", start, ("Location", f"{self.uploads}/logs/{job}?sig=secret"))


def _plain(status: str, body: bytes, start: Callable[..., Any], *headers: tuple[str, str]) -> Iterable[bytes]:
    start(status, [*headers, ("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _missing() -> Reply:
    return http.HTTPStatus.NOT_FOUND, {"message": "Not Found"}


_ROUTES: tuple[tuple[str, Callable[[ActionsBoard, str, Mapping[str, str]], Reply]], ...] = (
    ("GET /actions/workflows/([^/]+)", ActionsBoard.of_workflow),
    ("GET /actions/workflows/([^/]+)/runs", ActionsBoard.runs_of),
    (r"GET /actions/runs/(\d+)", ActionsBoard.of_run),
    (r"GET /actions/runs/(\d+)/jobs", ActionsBoard.jobs_of),
    (r"GET /actions/runs/(\d+)/pending_deployments", ActionsBoard.awaited_by),
    ("GET /commits/([0-9a-f]+)/check-runs", ActionsBoard.checks_of),
    ("GET /commits/([0-9a-f]+)/status", ActionsBoard.statuses_of),
)
"""The handlers of requests, besides the board's own."""
