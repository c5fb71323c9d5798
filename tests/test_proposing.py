"""A release by pull request, before it is merged: its branch, its text, and what happens to an earlier proposal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from failing_forge import FailingForge
from fakes import FakeGates
from merging import PROPOSED, Shielded, shielded
from nox_ship import closing
from nox_ship.errors import ShipError
from nox_ship.release.pipeline import run_pipeline
from nox_ship.release.stage import Stage
from nox_ship.world.pulls import PullRequests
from support import git

pytestmark = pytest.mark.slow

HOSTILE = "</details><img src=x onerror=alert(1)> @everyone [click](https://evil.example) ```"


@pytest.fixture
def forge(programs: object, sessions: object) -> Iterator[FailingForge]:  # noqa: ARG001 - each release needs them
    """Run a forge without pull requests."""
    with FailingForge() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, forge: FailingForge) -> Shielded:
    """Make a project whose branch is protected."""
    return shielded(tmp_path, forge, {"CHANGELOG.md": f"# Changes\n\n## Unreleased\n\n- A thing. {HOSTILE}\n"})


def refused(project: Shielded) -> set[str]:
    """Return the IDs of the errors that stop a release."""
    with pytest.raises(ShipError) as caught:
        project.yard.release()
    return {finding.id for finding in caught.value.findings}


def test_a_release_is_proposed_by_a_pull_request(project: Shielded) -> None:
    """The release becomes a branch and a pull request with the report; nothing is tagged, published or moved."""
    before = git(project.root, "for-each-ref", "refs/heads", "refs/tags")
    main = project.refs()["refs/heads/main"]
    run = project.yard.release()
    commit = run.bumped.objects.commit
    assert project.refs() == {"refs/heads/main": main, "refs/heads/release/v1.3.0": commit}
    assert project.there("log", "--format=%s", f"{main}..{commit}") == "Release 1.3.0"
    pull = project.pull_request()
    assert (pull["title"], pull["head"]["ref"], pull["base"]["ref"]) == ("Release 1.3.0", "release/v1.3.0", "main")
    for file in project.yard.told()["files"]:
        assert file["sha256"] in pull["body"]
    assert "tags the merged commit v1.3.0" in pull["body"]
    assert "- A thing." in pull["body"]
    assert git(project.root, "for-each-ref", "refs/heads", "refs/tags") == before
    assert project.yard.world.indexes["pypi"].uploads == []
    told = project.yard.told()
    assert [row["name"] for row in told["rows"] if row["within"] is None][-2:] == ["difference", "propose"]
    assert told["proposal"].endswith(f"/pull/{pull['number']}")


def test_a_run_that_is_stopped_says_what_it_has_pushed(project: Shielded, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted run says that the branch is already public, and how to open its pull request."""
    run = project.yard.prepare()
    run.report.command = "nox -s release -- minor"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PullRequests, "bring", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(run)
    ended = closing.ended(run.report)
    assert ended.startswith("Already public: release/v1.3.0 on origin.")
    assert ended.endswith("to open its pull request.")


def test_a_workflow_that_finishes_what_is_merged_is_told(project: Shielded) -> None:
    """If a workflow finishes merged releases, the pull request and the closing sentence say so."""
    text = "on: {push: {tags: ['v*']}}\njobs: {a: {steps: [{run: nox-ship merged}, {run: twine upload dist/*}]}}\n"
    project.go_on({".github/workflows/release.yml": text})
    project.update()
    run = project.yard.release()
    assert "release.yml then builds and tests the merged commit" in project.pull_request()["body"]
    assert closing.ended(run.report).endswith("Merge it: release.yml does the rest.")


def test_what_a_project_says_is_no_markup_in_the_pull_request(project: Shielded) -> None:
    """Release notes stand in a code fence that their text cannot close, so they add no markup or mentions."""
    project.yard.release()
    body = project.pull_request()["body"]
    notes = body[body.index("Notes of 1") :]
    fence = next(line for line in notes.splitlines() if line.startswith("`"))
    inside = notes.split(f"\n{fence}\n")[1]
    assert len(fence) == 4
    assert HOSTILE in inside


def test_the_same_command_finds_the_proposal_there(project: Shielded) -> None:
    """Running the same command again pushes nothing and opens no second pull request."""
    first = project.yard.release().bumped.objects.commit
    asked = len(project.forge.asked)
    project.yard.release()
    assert project.refs()["refs/heads/release/v1.3.0"] == first
    assert len(project.forge.pulls) == 1
    assert {call for call in project.forge.asked[asked:] if "/pulls" in call} == {"GET /pulls"}
    assert project.yard.told()["changed"] is False


def test_after_new_commits_the_proposal_is_renewed(project: Shielded) -> None:
    """After new commits, the branch is replaced and the existing pull request is updated."""
    first = project.yard.release().bumped.objects.commit
    before = project.pull_request()["body"]
    project.go_on({"new.txt": "new"})
    project.update()
    second = project.yard.release().bumped.objects.commit
    assert second != first
    assert project.refs()["refs/heads/release/v1.3.0"] == second
    assert len(project.forge.pulls) == 1
    assert project.pull_request()["body"] != before


def test_what_others_committed_on_the_branch_is_not_replaced(project: Shielded) -> None:
    """If somebody else committed to the release branch, NS880 stops the release, so that no commit is lost."""
    project.yard.release()
    theirs = project.go_on({"CHANGELOG.md": "better\n"}, "release/v1.3.0")
    assert refused(project) == {"NS880"}
    assert project.refs()["refs/heads/release/v1.3.0"] == theirs


def test_a_branch_that_moves_meanwhile_is_not_replaced(project: Shielded) -> None:
    """If the release branch changes during the run, the push is refused with NS231."""
    project.yard.release()
    project.go_on({"new.txt": "new"})
    project.update()
    run = project.yard.prepare()
    run.confirm = lambda _: theirs.append(project.go_on({"late.txt": ""}, "release/v1.3.0"))
    theirs: list[str] = []
    with pytest.raises(ShipError, match="NS231"):
        run_pipeline(run)
    assert [project.refs()["refs/heads/release/v1.3.0"]] == theirs


def test_without_a_token_the_branch_is_pushed_and_a_person_opens_the_pull_request(project: Shielded) -> None:
    """Without a token, the branch is pushed, and NS881 tells where to open the pull request."""
    project.yard.world.forge = project.forge.client(token=None)
    project.yard.release()
    assert project.forge.pulls == {}
    told = project.yard.told()
    assert [finding["id"] for finding in told["findings"] if finding["id"] == "NS881"] == ["NS881"]
    assert "refs/heads/release/v1.3.0" in project.refs()


def test_where_actions_may_not_open_pull_requests_the_branch_is_there(project: Shielded, forge: FailingForge) -> None:
    """If Actions may not open pull requests, the branch is pushed, and NS881 shows GitHub's message."""
    run = project.yard.prepare()
    run.confirm = lambda _: setattr(forge.faults, "read_only", True)
    run_pipeline(run)
    found = [finding["what"] for finding in project.yard.told()["findings"] if finding["id"] == "NS881"]
    assert len(found) == 1
    assert "not accessible by integration" in found[0]
    assert "refs/heads/release/v1.3.0" in project.refs()


def test_two_that_open_it_at_once_come_to_one_pull_request(forge: FailingForge) -> None:
    """If two runs open the pull request at once, the second one updates the first one's."""
    pulls = forge.client().pulls
    pull, opened = pulls.bring("release/v1.3.0", "main", "First", "first")
    known, seen = pulls.open_from, iter([None])
    late = replace(pulls)
    object.__setattr__(late, "open_from", lambda *ends: next(seen, known(*ends)))
    assert opened
    assert late.bring("release/v1.3.0", "main", "Second", "second")[1] is False
    assert [(one["number"], one["title"]) for one in forge.pulls.values()] == [(pull.number, "Second")]


def test_an_answer_that_is_lost_opens_no_second_pull_request(forge: FailingForge) -> None:
    """If the answer of the forge is lost, the pull request that it opened is found."""
    forge.faults.lose_at = len(forge.asked) + 1
    pull, _ = forge.client().pulls.bring("release/v1.3.0", "main", "A title", "A text")
    assert (pull.title, len(forge.pulls)) == ("A title", 1)


def test_a_proposal_of_another_release_says_that_it_is_outdated(project: Shielded) -> None:
    """An older proposal is marked as outdated once; a fork's branch with a similar name is left alone."""
    project.yard.release("patch")
    earlier = project.pull_request()
    fork = dict(earlier, number=99, head={"ref": "release/v9", "sha": "", "repo": {"full_name": "evil/sample"}})
    project.forge.pulls[99] = fork
    project.forget_files()
    project.yard.release("minor")
    project.go_on({"new.txt": ""})
    project.update()
    project.yard.release("minor")
    newer = max(number for number in project.forge.pulls if number != 99)
    assert earlier["body"].count("Outdated") == 1
    assert f"#{newer} proposes another release" in earlier["body"]
    assert "Outdated" not in fork["body"]


def test_a_closed_proposal_is_opened_anew_where_it_is_asked_for(project: Shielded) -> None:
    """If the pull request was closed, the next release opens a new one."""
    project.yard.release()
    project.pull_request()["state"] = "closed"
    project.yard.release()
    assert [pull["state"] for pull in project.forge.pulls.values()] == ["closed", "open"]


def test_a_release_without_a_commit_of_its_own_is_pushed(tmp_path: Path, forge: FailingForge) -> None:
    """A release without a commit is pushed as a tag, since there is nothing to merge."""
    text = PROPOSED.replace('version = "1.2.3"', 'dynamic = ["version"]')
    scm = '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
    project = shielded(tmp_path, forge, {"pyproject.toml": f'{scm}{text}\n[tool.hatch.version]\nsource = "vcs"\n'})
    project.yard.release()
    assert set(project.refs()) == {"refs/heads/main", "refs/tags/v0.1.0"}
    assert forge.pulls == {}


def test_a_changed_clone_is_not_proposed(project: Shielded, sessions: FakeGates) -> None:
    """If a gate changed the clone, NS236 stops the release before the branch is pushed."""

    def change(stage: Stage) -> None:
        (stage.root / "noxfile.py").write_text("", "utf-8")

    sessions.afterwards = change
    assert refused(project) == {"NS236"}
    assert "refs/heads/release/v1.3.0" not in project.refs()
