"""Users who may start the workflow, or a job of the run that cut a release, lie to the run on the tag."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loopback import Reply, Request
from nox_ship import command
from nox_ship.errors import ShipError
from nox_ship.release import proven as proving
from nox_ship.release.proven import Proven, proven
from nox_ship.world import github as api
from nox_ship.world.forge import Job
from telling import API, EVIL, MANIFEST, TellingGitHub, passed, run_of, telling, variables

PARENT, COMMIT = "a" * 40, "b" * 40


HONEST: dict[str, Any] = {
    f"{API}/actions/runs/7": run_of(7, PARENT),
    f"{API}/actions/runs/7/jobs": {
        "total_count": 3,
        "jobs": [
            passed("Gate lint"),
            passed(f"Push files 99, manifest {MANIFEST}"),
            {**passed("Take what another run proved"), "conclusion": "skipped"},
        ],
    },
    f"{API}/actions/runs/7/artifacts": {"total_count": 1, "artifacts": [{"id": 98, "name": "sbom", "expired": False}]},
    f"{API}/actions/artifacts/99": {"id": 99, "expired": False, "workflow_run": {"id": 7}},
    f"{API}/git/commits/{COMMIT}": {"sha": COMMIT, "parents": [{"sha": PARENT}], "tree": {"sha": PARENT}},
}
"""The answers of GitHub's API about a run that cut, proved and pushed a release, by path."""


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[TellingGitHub]:
    """Return a GitHub that describes an honest run, with all waiting times removed."""
    monkeypatch.setattr(proving, "_PAUSE", 0.0)
    with telling(HONEST, monkeypatch) as server:
        yield server


def on_tag(github: TellingGitHub) -> Job:
    """Return the job that asks, which belongs to a run on the tag."""
    return github.job("refs/tags/v1.2.3", COMMIT)


def test_an_honest_run_is_believed(github: TellingGitHub) -> None:
    """Artifact and manifest are read from the name of the job that pushed, and every request carries the token."""
    assert proven("7", "main", on_tag(github)) == Proven("7", "99", MANIFEST, "98")
    assert {request.headers["authorization"] for request in github.asked} == {"Bearer token"}


def test_a_release_that_is_a_tag_alone_is_believed(github: TellingGitHub) -> None:
    """If the version comes from tags, the run is accepted when the tag is on the commit that it was started on."""
    assert proven("7", "main", replace(on_tag(github), commit=PARENT)) == Proven("7", "99", MANIFEST, "98")


def test_a_release_that_was_merged_is_believed(github: TellingGitHub) -> None:
    """For a merged release, the run is accepted if the push to the branch started it and the tag is on that commit."""
    github.run["event"] = "push"
    assert proven("7", "main", replace(on_tag(github), commit=PARENT)) == Proven("7", "99", MANIFEST, "98")


def test_a_run_of_many_jobs_is_read_whole(github: TellingGitHub) -> None:
    """All pages of a run's jobs are read, so the job that pushed is found even after 250 others."""
    github.jobs[:0] = [passed(f"Gate tests-{number}") for number in range(250)]
    assert proven("7", "main", on_tag(github)) == Proven("7", "99", MANIFEST, "98")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ([], ""),
        ([{"id": 98, "expired": True}], ""),
        ([{"id": 97, "expired": False}, {"id": 98, "expired": False}, {"id": 99, "expired": True}], "98"),
    ],
)
def test_the_bill_of_materials_is_the_latest_of_that_run(
    github: TellingGitHub, there: list[dict[str, Any]], expected: str
) -> None:
    """The newest bill of materials that has not expired is used, and a run without one is accepted."""
    github.told[f"{API}/actions/runs/7/artifacts"]["artifacts"] = there
    assert proven("7", "main", on_tag(github)).sbom == expected
    assert "name=sbom" in next(path for path in github.paths if "/artifacts?" in path)


def another_workflow(github: TellingGitHub) -> None:
    github.run["path"] = ".github/workflows/evil.yml"


def a_workflow_of_another_folder(github: TellingGitHub) -> None:
    github.run["path"] = "evil/release.yml"


def another_branch(github: TellingGitHub) -> None:
    github.run["head_branch"] = "evil"


def no_branch(github: TellingGitHub) -> None:
    github.run["head_branch"] = None


def another_commit(github: TellingGitHub) -> None:
    github.run["head_sha"] = "d" * 40


def a_merge(github: TellingGitHub) -> None:
    github.told[f"{API}/git/commits/{COMMIT}"]["parents"].append({"sha": "d" * 40})


def a_fork(github: TellingGitHub) -> None:
    github.run["head_repository"]["full_name"] = "evil/sample"


def a_fork_that_is_gone(github: TellingGitHub) -> None:
    github.run["head_repository"] = None


def a_pull_request(github: TellingGitHub) -> None:
    github.run["event"] = "pull_request"


def a_pushed_tag(github: TellingGitHub) -> None:
    github.run.update(event="push", head_branch="v1.2.3")


def a_push_that_the_release_came_after(github: TellingGitHub) -> None:
    github.run["event"] = "push"


def a_failed_gate(github: TellingGitHub) -> None:
    github.run["conclusion"] = "failure"
    github.jobs[0]["conclusion"] = "failure"
    github.jobs[1] |= {"name": "Push files ${{ needs.build.outputs.files }}", "conclusion": "skipped"}


def a_failed_gate_that_is_named_like_the_push(github: TellingGitHub) -> None:
    a_failed_gate(github)
    github.jobs.append(passed(f"Push files 99, manifest {EVIL}"))


def a_run_that_was_cancelled(github: TellingGitHub) -> None:
    github.run["conclusion"] = "cancelled"


def a_gate_that_is_running(github: TellingGitHub) -> None:
    github.run.update(status="in_progress", conclusion=None)
    github.jobs[0] |= {"status": "in_progress", "conclusion": None}


def a_push_that_is_running(github: TellingGitHub) -> None:
    github.jobs[1] |= {"status": "in_progress", "conclusion": None}


def a_push_that_failed(github: TellingGitHub) -> None:
    github.jobs[1]["conclusion"] = "failure"


def a_push_that_was_skipped(github: TellingGitHub) -> None:
    github.jobs[1]["conclusion"] = "skipped"


def no_push(github: TellingGitHub) -> None:
    del github.jobs[1]


def a_proposal_after_a_push_that_was_refused(github: TellingGitHub) -> None:
    github.jobs.append(passed(f"Propose 99, manifest {MANIFEST}"))


def two_pushes(github: TellingGitHub) -> None:
    github.jobs.append(passed(f"Push files 98, manifest {EVIL}"))


def two_pushes_of_which_one_was_skipped(github: TellingGitHub) -> None:
    name = "Push files ${{ needs.build.outputs.files }}, manifest ${{ needs.build.outputs.manifest }}"
    github.jobs.append({**passed(name), "conclusion": "skipped"})


def a_name_that_was_cut_off(github: TellingGitHub) -> None:
    github.jobs[1]["name"] = f"Push files 99, manifest {MANIFEST}"[:80] + "..."


def a_name_with_more(github: TellingGitHub) -> None:
    github.jobs[1]["name"] += "\n"


def an_artifact_of_another_run(github: TellingGitHub) -> None:
    github.told[f"{API}/actions/artifacts/99"]["workflow_run"]["id"] = 8


def an_artifact_of_no_run(github: TellingGitHub) -> None:
    github.told[f"{API}/actions/artifacts/99"]["workflow_run"] = None


def an_artifact_that_expired(github: TellingGitHub) -> None:
    github.told[f"{API}/actions/artifacts/99"]["expired"] = True


@pytest.mark.parametrize(
    "lie",
    [
        another_workflow,
        a_workflow_of_another_folder,
        another_branch,
        no_branch,
        another_commit,
        a_merge,
        a_fork,
        a_fork_that_is_gone,
        a_pull_request,
        a_pushed_tag,
        a_push_that_the_release_came_after,
        a_failed_gate,
        a_failed_gate_that_is_named_like_the_push,
        a_run_that_was_cancelled,
        a_gate_that_is_running,
        a_push_that_is_running,
        a_push_that_failed,
        a_push_that_was_skipped,
        no_push,
        a_proposal_after_a_push_that_was_refused,
        two_pushes,
        two_pushes_of_which_one_was_skipped,
        a_name_that_was_cut_off,
        a_name_with_more,
        an_artifact_of_another_run,
        an_artifact_of_no_run,
        an_artifact_that_expired,
    ],
)
def test_another_run_is_not_believed(
    github: TellingGitHub, lie: Callable[[TellingGitHub], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that differs in any way from the one that cut, proved and pushed this release is refused (NS777)."""
    monkeypatch.setattr(proving, "_PATIENCE", 0.0)
    lie(github)
    with pytest.raises(ShipError, match="NS777"):
        proven("7", "main", on_tag(github))


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        ("7", {"ref": "refs/heads/main"}),
        ("7/../8", {}),
        ("", {}),
        ("7?x=", {}),
        ("\uff17", {}),
        ("7\n", {}),
        ("7", {"workflow": "evil.yml"}),
    ],
)
def test_a_question_that_makes_no_sense_is_not_asked(
    github: TellingGitHub, number: str, changes: dict[str, str]
) -> None:
    """A run ID that is no number, a ref that is a branch, and another workflow are refused (NS777)."""
    with pytest.raises(ShipError, match="NS777"):
        proven(number, "main", replace(on_tag(github), **changes))
    assert changes.get("workflow") or not github.asked


def test_the_run_may_take_a_moment_to_end(github: TellingGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the other run has not ended yet, it is waited for, because its last step starts this run."""
    github.run.update(status="in_progress", conclusion=None)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            github.run.update(status="completed", conclusion="success")

    clock = SimpleNamespace(sleep=wait, monotonic=time.monotonic)  # other tests' threads may still call time.sleep
    monkeypatch.setattr("nox_ship.release.proven.time", clock)
    assert proven("7", "main", on_tag(github)) == Proven("7", "99", MANIFEST, "98")
    assert len(waits) == 3


@pytest.mark.parametrize("path", sorted(HONEST))
@pytest.mark.parametrize(
    ("reply", "times"),
    [(403, 1), (404, 1), (502, 3), (429, 3), ("[]", 1), ("{}", 1), ("<html>", 1)],
)
def test_what_github_does_not_tell_is_not_guessed(
    github: TellingGitHub, path: str, reply: int | str, times: int
) -> None:
    """Refusals and unexpected answers of GitHub stop with NS776; only temporary failures are tried again."""

    def answered(request: Request) -> Reply:
        honest = github.answered(request)
        if request.path.partition("?")[0] != path:
            return honest
        return Reply(reply) if isinstance(reply, str) else replace(honest, status=reply)

    github.answer = answered
    with pytest.raises(ShipError, match="NS776"):
        proven("7", "main", on_tag(github))
    assert [asked.partition("?")[0] for asked in github.paths].count(path) == times


def test_the_token_of_the_job_is_used_whatever_the_machine_holds(
    github: TellingGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job's token is used even if a self-hosted runner has a ~/.netrc entry for GitHub's API."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login evil password evil\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    proven("7", "main", on_tag(github))
    assert {request.headers["authorization"] for request in github.asked} == {"Bearer token"}


def test_jobs_without_end_are_not_read(github: TellingGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """If GitHub lists more pages of jobs than the limit, the run is refused (NS776)."""
    monkeypatch.setattr(api, "_MOST_PAGES", 2)
    github.jobs[:0] = [passed("Gate x")] * 300
    with pytest.raises(ShipError, match="NS776"):
        proven("7", "main", on_tag(github))


def test_the_token_follows_no_redirect(github: TellingGitHub) -> None:
    """If GitHub redirects, as for a renamed repository, NS776 is raised and the token is not sent there."""
    with TellingGitHub({}) as elsewhere:
        moved = Reply(status=301, headers={"Location": f"{elsewhere.url}{API}/actions/runs/7"})
        github.answer = lambda _: moved
        with pytest.raises(ShipError, match="NS776"):
            proven("7", "main", on_tag(github))
        assert not elsewhere.asked


def test_what_was_proven_is_handed_to_later_steps(
    github: TellingGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command tells artifact and manifest as outputs of its step; where it refuses, it tells nothing."""
    env = variables(on_tag(github), str(tmp_path / "output"))
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert command.main(["proven", "--run=7", "--branch=main"]) == 0
    expected = f"run=7\nfiles=99\nmanifest={MANIFEST}\nsbom=98\ntree=\n"
    assert (tmp_path / "output").read_text("utf-8") == expected
    two_pushes(github)
    assert command.main(["proven", "--run=7", "--branch=main"]) == 1
    assert (tmp_path / "output").read_text("utf-8") == expected
