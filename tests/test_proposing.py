"""A release that goes by a pull request, up to there: its branch, its text, and what becomes of an earlier one."""

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
    """Run a forge without a pull request."""
    with FailingForge() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, forge: FailingForge) -> Shielded:
    """Make a project whose branch is protected."""
    return shielded(tmp_path, forge, {"CHANGELOG.md": f"# Changes\n\n## Unreleased\n\n- A thing. {HOSTILE}\n"})


def refused(project: Shielded) -> set[str]:
    """Return the IDs of what stops a release."""
    with pytest.raises(ShipError) as caught:
        project.yard.release()
    return {finding.id for finding in caught.value.findings}


def test_a_release_is_proposed_by_a_pull_request(project: Shielded) -> None:
    """Its commit is on a branch of its own, and the text is the report; nothing is tagged, published or moved here."""
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
    """Before the push nothing, after it the branch; the same command goes on."""
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
    """Nobody has to type anything after the merge then."""
    text = "on: {push: {tags: ['v*']}}\njobs: {a: {steps: [{run: nox-ship merged}, {run: twine upload dist/*}]}}\n"
    project.go_on({".github/workflows/release.yml": text})
    project.update()
    run = project.yard.release()
    assert "release.yml then builds and tests the merged commit" in project.pull_request()["body"]
    assert closing.ended(run.report).endswith("Merge it: release.yml does the rest.")


def test_what_a_project_says_is_no_markup_in_the_pull_request(project: Shielded) -> None:
    """Notes stand in a fence that nothing in them closes; of other text, marks lose their meaning."""
    project.yard.release()
    body = project.pull_request()["body"]
    notes = body[body.index("Notes of 1") :]
    fence = next(line for line in notes.splitlines() if line.startswith("`"))
    inside = notes.split(f"\n{fence}\n")[1]
    assert len(fence) == 4
    assert HOSTILE in inside


def test_the_same_command_finds_the_proposal_there(project: Shielded) -> None:
    """Nothing is pushed again, and no second pull request is opened."""
    first = project.yard.release().bumped.objects.commit
    asked = len(project.forge.asked)
    project.yard.release()
    assert project.refs()["refs/heads/release/v1.3.0"] == first
    assert len(project.forge.pulls) == 1
    assert {call for call in project.forge.asked[asked:] if "/pulls" in call} == {"GET /pulls"}
    assert project.yard.told()["changed"] is False


def test_after_new_commits_the_proposal_is_renewed(project: Shielded) -> None:
    """The branch is replaced, and the one pull request tells of the new files."""
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
    """NS880: a reviewer's commit would be lost."""
    project.yard.release()
    theirs = project.go_on({"CHANGELOG.md": "better\n"}, "release/v1.3.0")
    assert refused(project) == {"NS880"}
    assert project.refs()["refs/heads/release/v1.3.0"] == theirs


def test_a_branch_that_moves_meanwhile_is_not_replaced(project: Shielded) -> None:
    """The push says what it replaces, so that of two at once only one arrives: NS231."""
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
    """NS881 tells where, and it is done with that."""
    project.yard.world.forge = project.forge.client(token=None)
    project.yard.release()
    assert project.forge.pulls == {}
    told = project.yard.told()
    assert [finding["id"] for finding in told["findings"] if finding["id"] == "NS881"] == ["NS881"]
    assert "refs/heads/release/v1.3.0" in project.refs()


def test_where_actions_may_not_open_pull_requests_the_branch_is_there(project: Shielded, forge: FailingForge) -> None:
    """NS881 has GitHub's own words, and the release does not fail for it."""
    run = project.yard.prepare()
    run.confirm = lambda _: setattr(forge.faults, "read_only", True)
    run_pipeline(run)
    found = [finding["what"] for finding in project.yard.told()["findings"] if finding["id"] == "NS881"]
    assert len(found) == 1
    assert "not accessible by integration" in found[0]
    assert "refs/heads/release/v1.3.0" in project.refs()


def test_two_that_open_it_at_once_come_to_one_pull_request(forge: FailingForge) -> None:
    """Who comes second is told that there is one, and brings that up to date."""
    pulls = forge.client().pulls
    pull, opened = pulls.bring("release/v1.3.0", "main", "First", "first")
    known, seen = pulls.open_from, iter([None])
    late = replace(pulls)
    object.__setattr__(late, "open_from", lambda *ends: next(seen, known(*ends)))
    assert opened
    assert late.bring("release/v1.3.0", "main", "Second", "second")[1] is False
    assert [(one["number"], one["title"]) for one in forge.pulls.values()] == [(pull.number, "Second")]


def test_an_answer_that_is_lost_opens_no_second_pull_request(forge: FailingForge) -> None:
    """What the forge did all the same is found."""
    forge.faults.lose_at = len(forge.asked) + 1
    pull, _ = forge.client().pulls.bring("release/v1.3.0", "main", "A title", "A text")
    assert (pull.title, len(forge.pulls)) == ("A title", 1)


def test_a_proposal_of_another_release_says_that_it_is_outdated(project: Shielded) -> None:
    """Once, at its head; one that a fork calls so is none of ours."""
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
    """Its number is another one then: whoever closed it sees that."""
    project.yard.release()
    project.pull_request()["state"] = "closed"
    project.yard.release()
    assert [pull["state"] for pull in project.forge.pulls.values()] == ["closed", "open"]


def test_a_release_without_a_commit_of_its_own_is_pushed(tmp_path: Path, forge: FailingForge) -> None:
    """There is nothing to merge: the tag alone is new, and no rule for the branch concerns that."""
    text = PROPOSED.replace('version = "1.2.3"', 'dynamic = ["version"]')
    scm = '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
    project = shielded(tmp_path, forge, {"pyproject.toml": f'{scm}{text}\n[tool.hatch.version]\nsource = "vcs"\n'})
    project.yard.release()
    assert set(project.refs()) == {"refs/heads/main", "refs/tags/v0.1.0"}
    assert forge.pulls == {}


def test_a_changed_clone_is_not_proposed(project: Shielded, sessions: FakeGates) -> None:
    """NS236, as before a push."""

    def change(stage: Stage) -> None:
        (stage.root / "noxfile.py").write_text("", "utf-8")

    sessions.afterwards = change
    assert refused(project) == {"NS236"}
    assert "refs/heads/release/v1.3.0" not in project.refs()
