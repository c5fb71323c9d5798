"""Somebody with write access tries to have other files published than those that were proposed and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import write_dist
from loopback import Reply
from nox_ship import command
from nox_ship.errors import ShipError
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import DIGEST_VARIABLE, Manifest
from nox_ship.project import Project
from nox_ship.release.proven import Proven, proposed_by_run
from nox_ship.world.forge import Job
from support import write_files
from telling import API, EVIL, MANIFEST, TellingGitHub, passed, run_of, telling, variables

ONTO, HEAD, MERGED, OTHER = "a" * 40, "b" * 40, "c" * 40, "d" * 40
TREE, OTHER_TREE = "1" * 40, "2" * 40
RUNS = f"{API}/actions/workflows/release.yml/runs"
FOUND = Proven("7", "99", MANIFEST, "98", TREE)


def commit(tree: str, *parents: str) -> dict[str, Any]:
    """Return a commit as GitHub's API describes it."""
    return {"tree": {"sha": tree}, "parents": [{"sha": parent} for parent in parents]}


HONEST: dict[str, Any] = {
    RUNS: {"total_count": 1, "workflow_runs": [run_of(7, ONTO)]},
    f"{API}/actions/runs/7/jobs": {
        "total_count": 2,
        "jobs": [passed("Gate lint"), passed(f"Propose 99, manifest {MANIFEST}")],
    },
    f"{API}/actions/runs/7/artifacts": {"total_count": 1, "artifacts": [{"id": 98, "name": "sbom", "expired": False}]},
    f"{API}/actions/artifacts/99": {"id": 99, "expired": False, "workflow_run": {"id": 7}},
    f"{API}/git/commits/{MERGED}": commit(TREE, ONTO),
    f"{API}/git/commits/{HEAD}": commit(TREE, ONTO),
}
"""The answers of GitHub's API after a squash of what a run proposed, by path."""


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[TellingGitHub]:
    """Return a GitHub that describes an honest proposal, which was merged."""
    with telling(HONEST, monkeypatch) as server:
        yield server


def on_branch(github: TellingGitHub) -> Job:
    """Return the job that asks, which belongs to a run that the merge started."""
    return github.job("refs/heads/main", MERGED)


def the_run(github: TellingGitHub) -> dict[str, Any]:
    """Return the run that proposed, which a test can change."""
    run: dict[str, Any] = github.told[RUNS]["workflow_runs"][0]
    return run


def test_what_an_honest_run_proposed_is_found(github: TellingGitHub) -> None:
    """The proposing run is found after any kind of merge, from GitHub's answers alone, without the pull request."""
    assert proposed_by_run(HEAD, "main", on_branch(github)) == FOUND
    github.told[f"{API}/git/commits/{MERGED}"] = commit(TREE, ONTO, HEAD)
    assert proposed_by_run(HEAD, "main", on_branch(github)) == FOUND
    assert {request.headers["authorization"] for request in github.asked} == {"Bearer token"}
    assert not [path for path in github.paths if "/pulls" in path]


def test_the_newest_proposal_counts(github: TellingGitHub) -> None:
    """Of several runs on a commit, the newest that proposed is used; failed runs and rehearsals are not."""
    failed, rehearsed = {**run_of(9, ONTO), "conclusion": "failure"}, run_of(8, ONTO)
    github.told[RUNS]["workflow_runs"] += [run_of(6, ONTO), rehearsed, failed]
    for number, names in {8: ["Rehearse"], 6: [f"Propose 96, manifest {EVIL}"]}.items():
        github.told[f"{API}/actions/runs/{number}/jobs"] = {"jobs": [passed(name) for name in names]}
    assert proposed_by_run(HEAD, "main", on_branch(github)) == FOUND


def another_tree(github: TellingGitHub) -> None:
    github.told[f"{API}/git/commits/{MERGED}"] = commit(OTHER_TREE, ONTO)


def a_reviewers_tree(github: TellingGitHub) -> None:
    github.told[f"{API}/git/commits/{HEAD}"] = commit(OTHER_TREE, ONTO)


def a_second_commit_that_undoes_the_first(github: TellingGitHub) -> None:
    """Let the run have been on the first one, by a tag called main, with a workflow that no difference shows."""
    github.told[f"{API}/git/commits/{HEAD}"] = commit(TREE, OTHER)
    the_run(github)["head_sha"] = OTHER


def a_second_commit_that_undoes_the_first_and_is_rebased(github: TellingGitHub) -> None:
    github.told[f"{API}/git/commits/{MERGED}"] = commit(TREE, OTHER)
    the_run(github)["head_sha"] = OTHER


def a_merge_into_the_release_branch(github: TellingGitHub) -> None:
    github.told[f"{API}/git/commits/{HEAD}"] = commit(TREE, ONTO, OTHER)


def a_release_branch_without_history(github: TellingGitHub) -> None:
    github.told[f"{API}/git/commits/{HEAD}"] = commit(TREE)
    github.told[f"{API}/git/commits/{MERGED}"] = commit(TREE)


def another_commit(github: TellingGitHub) -> None:
    the_run(github)["head_sha"] = OTHER


def another_workflow(github: TellingGitHub) -> None:
    the_run(github)["path"] = ".github/workflows/evil.yml"


def another_branch(github: TellingGitHub) -> None:
    the_run(github)["head_branch"] = "release/v1.2.3"


def a_fork(github: TellingGitHub) -> None:
    the_run(github)["head_repository"]["full_name"] = "evil/sample"


def a_pull_request(github: TellingGitHub) -> None:
    the_run(github)["event"] = "pull_request"


def a_push(github: TellingGitHub) -> None:
    the_run(github).update(event="push")


def a_push_of_the_merged_commit(github: TellingGitHub) -> None:
    the_run(github).update(event="push", head_sha=MERGED)


def a_schedule(github: TellingGitHub) -> None:
    the_run(github)["event"] = "schedule"


def a_failed_run(github: TellingGitHub) -> None:
    the_run(github)["conclusion"] = "failure"


def a_run_that_is_not_over(github: TellingGitHub) -> None:
    the_run(github).update(status="in_progress", conclusion=None)


def a_failed_proposal(github: TellingGitHub) -> None:
    github.jobs[1]["conclusion"] = "failure"


def a_second_job_of_that_name(github: TellingGitHub) -> None:
    github.jobs.append(passed(f"Propose 97, manifest {EVIL}"))


def a_push_instead_of_a_proposal(github: TellingGitHub) -> None:
    github.jobs[1]["name"] = f"Push files 99, manifest {MANIFEST}"


def a_name_with_more(github: TellingGitHub) -> None:
    github.jobs[1]["name"] += " "


def an_artifact_of_another_run(github: TellingGitHub) -> None:
    github.told[f"{API}/actions/artifacts/99"]["workflow_run"]["id"] = 8


def an_artifact_that_expired(github: TellingGitHub) -> None:
    github.told[f"{API}/actions/artifacts/99"]["expired"] = True


def an_artifact_that_was_deleted(github: TellingGitHub) -> None:
    del github.told[f"{API}/actions/artifacts/99"]


def no_run(github: TellingGitHub) -> None:
    github.told[RUNS]["workflow_runs"] = []


@pytest.mark.parametrize(
    "lie",
    [
        another_tree,
        a_reviewers_tree,
        a_second_commit_that_undoes_the_first,
        a_second_commit_that_undoes_the_first_and_is_rebased,
        a_merge_into_the_release_branch,
        a_release_branch_without_history,
        another_commit,
        another_workflow,
        another_branch,
        a_fork,
        a_pull_request,
        a_push,
        a_push_of_the_merged_commit,
        a_schedule,
        a_failed_run,
        a_run_that_is_not_over,
        a_failed_proposal,
        a_second_job_of_that_name,
        a_push_instead_of_a_proposal,
        a_name_with_more,
        an_artifact_of_another_run,
        an_artifact_that_expired,
        an_artifact_that_was_deleted,
        no_run,
    ],
)
def test_what_another_run_made_is_not_used(github: TellingGitHub, lie: Callable[[TellingGitHub], None]) -> None:
    """A run that differs in any way from one that proposed the merged tree is not used (NS886)."""
    lie(github)
    with pytest.raises(ShipError, match="NS886"):
        proposed_by_run(HEAD, "main", on_branch(github))


@pytest.mark.parametrize("path", sorted(HONEST))
def test_what_github_does_not_tell_is_proven_anew(github: TellingGitHub, path: str) -> None:
    """If GitHub refuses or answers something unexpected, the proposed files are not used (NS886)."""
    for reply in (Reply(status=403), Reply("{"), Reply("[]"), Reply("{}")):
        github.answer = lambda asked, reply=reply: (  # type: ignore[misc]
            reply if asked.path.partition("?")[0] == path else github.answered(asked)
        )
        with pytest.raises(ShipError, match="NS886"):
            proposed_by_run(HEAD, "main", on_branch(github))


def test_the_reason_is_in_the_log_and_the_job_goes_on(
    github: TellingGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes the found files as outputs; without any, it logs the reason, writes nothing and passes."""
    for name, value in variables(on_branch(github), str(tmp_path / "output")).items():
        monkeypatch.setenv(name, value)
    args = ["proven", "--run=", f"--merged={HEAD}", "--branch=main"]
    assert command.main(args) == 0
    told = f"run=7\nfiles=99\nmanifest={MANIFEST}\nsbom=98\ntree={TREE}\n"
    assert (tmp_path / "output").read_text("utf-8") == told
    no_run(github)
    capsys.readouterr()
    assert command.main(args) == 0
    assert "NS886 proven-anew: No run of release.yml on aaaaaaaaaa" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "output").read_text("utf-8") == told


@pytest.fixture
def taking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, dict[str, str]]]:
    """Return a function that receives the files of a proposal as a job does, and returns exit code and outputs."""
    source = tmp_path / "artifact"
    write_files(source, {"pyproject.toml": '[project]\nname = "sample"\nversion = "2"\n'})
    project = Project.read(source)
    pyproject = hashlib.sha256((source / "pyproject.toml").read_bytes()).hexdigest()
    made = replace(write_dist(project, HEAD, "2"), tag="v2", pyproject=pyproject, tree=TREE)
    (tmp_path / "job").mkdir()
    monkeypatch.chdir(tmp_path / "job")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))

    def take(wanted: str = TREE, tag: str = "v2", **built: Any) -> tuple[int, dict[str, str]]:
        monkeypatch.setenv(DIGEST_VARIABLE, replace(made, **built).write(manifest_path(project)))
        code = command.main(["receive", str(source), f"--commit={MERGED}", f"--tag={tag}", f"--tree={wanted}"])
        there = (tmp_path / "output").read_text("utf-8") if (tmp_path / "output").exists() else ""
        return code, dict(line.split("=", 1) for line in there.splitlines())

    return take


Take = Callable[..., tuple[int, dict[str, str]]]


def test_the_manifest_names_the_merged_commit(taking: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    """The received manifest names the merged commit, keeps the proposed files, and its new digest is an output."""
    code, told = taking()
    monkeypatch.setenv(DIGEST_VARIABLE, told["manifest"])
    bound = Manifest.read(Path(".nox-ship/manifest.json"))
    assert (code, bound.commit, bound.tree, bound.tag) == (0, MERGED, TREE, "v2")
    assert len(bound.check(Path("dist"))) == len(bound.files)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"wanted": OTHER_TREE}, "not from the tree 2222222222"),
        ({"tree": OTHER_TREE}, "from the tree 2222222222,"),
        ({"tree": None}, "whose tag they name"),
        ({"tag": "v3"}, "NS886"),
        ({"tamper": "dist/sample-2.tar.gz"}, "SHA-256 differs"),
        ({"tamper": "pyproject.toml"}, "SHA-256 differs"),
        ({"tamper": ".nox-ship/manifest.json"}, "is not the manifest"),
        ({"lost": ".nox-ship/manifest.json"}, "no manifest"),
        ({"lost": "dist/sample-2.tar.gz"}, "is missing"),
    ],
)
def test_an_artifact_that_lies_is_not_used(
    taking: Take, changes: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An artifact of another tree, tag or build, or a damaged or missing one, is not used (NS886): no outputs."""
    write = Manifest.write

    def written(manifest: Manifest, path: Path) -> str:
        digest, top = write(manifest, path), path.parent.parent
        if name := changes.get("tamper"):
            (top / name).write_bytes((top / name).read_bytes() + b"\n")
        if name := changes.get("lost"):
            (top / name).unlink()
        return digest

    monkeypatch.setattr(Manifest, "write", written)
    code, told = taking(**{key: value for key, value in changes.items() if key not in ("tamper", "lost")})
    assert (code, told) == (0, {})
    assert why in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("changes", [{"commit": OTHER}, {"commit": MERGED, "tag": "v3"}])
def test_without_a_tree_other_files_stop_the_job(taking: Take, changes: dict[str, str]) -> None:
    """In the run on a tag, files of another commit or tag are an error: nothing is built instead."""
    assert taking(wanted="", **changes) == (1, {})
    assert taking(wanted="", commit=MERGED)[0] == 0
