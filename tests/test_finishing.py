"""A release that was proposed by a pull request, and that somebody merged: tagged, published, and just once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from failing_forge import FailingForge
from fakes import FakeGates, noxfile
from merging import PROPOSED, How, Shielded, shielded
from nox_ship.errors import ShipError
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.delivery import Delivery
from nox_ship.release.following import following
from nox_ship.release.merged import Merged
from nox_ship.release.pipeline import CUT, STEPS, advance, delivered, run_pipeline
from nox_ship.release.run import Run
from nox_ship.release.stage import Stage
from nox_ship.release.status import Standing, look
from nox_ship.release.waiting import Waiting
from nox_ship.world.onlooker import Onlooker
from support import commit_files, git

pytestmark = pytest.mark.slow

LOG = {"CHANGELOG.md": "# Changes\n\n## Unreleased\n\n- A thing.\n"}


@pytest.fixture
def forge(programs: object, sessions: object) -> Iterator[FailingForge]:  # noqa: ARG001 - each release needs them
    """Run a forge without a pull request."""
    with FailingForge() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, forge: FailingForge, sessions: FakeGates) -> Shielded:
    """Make a project whose branch is protected, and whose sessions are remembered once they passed."""

    def remember(stage: Stage) -> None:
        stage.record.passed.update(dict.fromkeys(sessions.ran, 0.1))
        stage.save()

    sessions.afterwards = remember
    return shielded(tmp_path, forge, LOG)


def built(run: Run) -> Manifest:
    """Return the manifest of what was built."""
    return Manifest.read(manifest_path(Project.read(run.stage.root)))


def refused(project: Shielded, wanted: str = "minor") -> set[str]:
    """Return the IDs of what stops a release."""
    with pytest.raises(ShipError) as caught:
        project.yard.release(wanted)
    return {finding.id for finding in caught.value.findings}


def assert_released(project: Shielded, commit: str) -> None:
    """Check that there is one release: its tag there and here on the merged commit, its files on the index."""
    tags = {name: there for name, there in project.refs().items() if name.startswith("refs/tags/")}
    assert tags == {"refs/tags/v1.3.0": commit}
    assert project.yard.repository.tags() == {"v1.3.0": commit}
    assert set(project.yard.world.indexes["pypi"].shelf) == {"sample-1.3.0-py3-none-any.whl", "sample-1.3.0.tar.gz"}
    assert project.forge.page("v1.3.0")["draft"] is False


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_the_same_command_finishes_what_was_merged(project: Shielded, sessions: FakeGates, how: How) -> None:
    """The merged commit is tagged, and the very files that were proposed are published: nothing is proven again."""
    proposed = built(project.yard.release())
    commit = project.merge(how)
    project.update()
    sessions.ran.clear()
    finished = project.yard.release()
    assert sessions.ran == []
    manifest = built(finished)
    assert (manifest.files, manifest.commit) == (proposed.files, commit)
    assert_released(project, commit)
    assert git(project.root, "rev-parse", "HEAD") == commit
    told = project.yard.told()
    assert told["pushes"] == ["v1.3.0 → origin"]
    assert told["commit"] == commit
    project.yard.release()
    assert project.yard.told()["changed"] is False
    assert_released(project, commit)


def test_another_tree_than_the_proposed_one_is_proven_anew(project: Shielded, sessions: FakeGates) -> None:
    """What others had merged meanwhile is in it."""
    project.yard.release()
    project.go_on({"new.txt": "new"})
    commit = project.merge()
    project.update()
    sessions.ran.clear()
    finished = project.yard.release()
    assert sessions.ran == ["build", "verify-install", "tests"]
    assert built(finished).commit == commit
    assert_released(project, commit)


def test_a_reviewers_commit_is_released_with_the_rest(project: Shielded, sessions: FakeGates) -> None:
    """An edited proposal is another tree, too."""
    project.yard.release()
    project.go_on({"README.md": "better\n"}, "release/v1.3.0")
    commit = project.merge()
    project.update()
    sessions.ran.clear()
    project.yard.release()
    assert sessions.ran == ["build", "verify-install", "tests"]
    assert_released(project, commit)


def test_another_machine_finishes_it(project: Shielded, sessions: FakeGates) -> None:
    """It knows nothing but what the forge tells, and proves everything itself."""
    project.yard.release()
    commit = project.merge()
    project.update()
    (project.yard.shop.folder / "stage.json").unlink()
    sessions.ran.clear()
    project.yard.release()
    assert sessions.ran == ["build", "verify-install", "tests"]
    assert_released(project, commit)


@pytest.mark.parametrize("wanted", ["patch", "auto", "1.3.0"])
def test_whatever_is_asked_for_finishes_what_was_merged(project: Shielded, wanted: str) -> None:
    """No second release is begun before the first one is whole; only another whole version means another one."""
    project.yard.release()
    commit = project.merge()
    project.update()
    project.yard.release(wanted)
    assert_released(project, commit)


def test_where_the_branch_has_gone_on_the_merged_commit_is_released(project: Shielded) -> None:
    """NS882 says how; what came later is not in the release, and the checkout's branch stays where it is."""
    project.yard.release()
    commit = project.merge()
    later = project.go_on({"later.txt": ""})
    project.update()
    assert refused(project) == {"NS882"}
    assert refused(project, "patch") == {"NS882"}
    git(project.root, "switch", "--quiet", "--detach", commit)
    project.yard.release()
    assert_released(project, commit)
    assert git(project.root, "rev-parse", "main") == project.refs()["refs/heads/main"] == later
    git(project.root, "switch", "--quiet", "main")
    project.forget_files()
    project.yard.release("patch")
    assert "refs/heads/release/v1.3.1" in project.refs()


def test_a_checkout_that_is_behind_is_brought_up_to_date_first(project: Shielded) -> None:
    """NS206: what was merged is not here yet."""
    project.yard.release()
    project.merge()
    assert refused(project) == {"NS206"}


def standing(project: Shielded) -> Standing:
    """Return where the releases stand."""
    return look(project.root, noxfile(project.root, "tests"), Onlooker(project.yard.world), project.yard.shop)


def test_status_follows_a_proposal_to_its_end(project: Shielded) -> None:
    """It tells which way a release takes, what waits to be merged, what is merged, and what to type next."""
    assert standing(project).delivery == Delivery("pull request", 'the setting `delivery = "pull-request"`')
    project.yard.release()
    page = project.yard.told()["proposal"]
    project.pull_request()["head"]["sha"] = project.refs()["refs/heads/release/v1.3.0"]
    found = standing(project)
    assert found.waiting == (Waiting("v1.3.0", "1.3.0", page, outdated=False),)
    assert found.progress is not None
    assert found.progress.steps["propose"].status == "done"
    assert following(found) == ("", f"{page} proposes v1.3.0: merge it")
    project.go_on({"new.txt": ""})
    project.update()
    assert following(standing(project))[0] == "nox -s release -- 1.3.0"
    commit = project.merge()
    assert following(standing(project))[0] == "git pull --ff-only"
    project.update()
    found = standing(project)
    assert found.merged == Merged("v1.3.0", commit, page)
    assert following(found)[0] == "nox -s release -- 1.3.0"
    json.dumps(found.as_dict())
    project.go_on({"later.txt": ""})
    project.update()
    assert following(standing(project))[0] == f"git switch --detach {commit[:10]} && nox -s release -- 1.3.0"
    git(project.root, "switch", "--quiet", "--detach", commit)
    project.yard.release()
    assert standing(project).merged is None


def cut_short(project: Shielded, last: str) -> None:
    """Run a release up to a step, as where it is killed after that: nothing is tidied up."""
    run, done = project.yard.prepare(), 0
    while done < len(steps := delivered(run, STEPS)):
        advance(steps[done], run)
        if steps[done].name == last:
            break
        done += 1
    else:
        pytest.fail(f"there is no {last}")
    run.background.shutdown()


def test_one_release_comes_of_runs_that_are_killed_after_every_step(project: Shielded) -> None:
    """While it is proposed, where the forge is lost after the branch is pushed, and while it is finished."""
    names = [step.name for step in STEPS]
    for name in names[: names.index("push")]:
        cut_short(project, name)
        assert set(project.refs()) == {"refs/heads/main"}
    run = project.yard.prepare()
    run.confirm = lambda _: setattr(project.forge.faults, "dead_after", 0)
    run_pipeline(run)
    assert "NS881" in [finding["id"] for finding in project.yard.told()["findings"]]
    project.forge.faults.dead_after = None
    assert project.forge.pulls == {}
    project.yard.release()
    commit = project.merge()
    project.update()
    for name in names[:-1]:
        cut_short(project, name)
        pushed = names.index(name) >= names.index("push")
        assert ("refs/tags/v1.3.0" in project.refs()) == pushed
    project.yard.release()
    assert_released(project, commit)
    assert project.yard.world.indexes["pypi"].uploads == ["sample-1.3.0-py3-none-any.whl", "sample-1.3.0.tar.gz"]


def test_a_job_that_was_told_of_a_merge_makes_the_tag_alone(project: Shielded) -> None:
    """It asks nobody and commits nothing; a release of another version is none that was merged: NS884."""
    project.yard.release()
    commit = project.merge()
    project.update()
    project.forge.faults.dead_after = 0
    run = project.yard.prepare(None)
    run.request = replace(run.request, merged="v1.3.0", cut=True)
    run_pipeline(run, CUT)
    assert run.bumped.objects.commit == run.plan.head == commit
    run = project.yard.prepare(None)
    run.request = replace(run.request, merged="v1.4.0", cut=True)
    with pytest.raises(ShipError, match="NS884"):
        run_pipeline(run, CUT)


def change_version(project: Shielded) -> str:
    """Let a commit reach the branch that looks like a release, and is none; return it."""
    text = PROPOSED.replace('version = "1.2.3"', 'version = "1.3.0"')
    commit = project.go_on({"pyproject.toml": text})
    project.update()
    return commit


def test_a_commit_that_came_another_way_is_not_tagged(project: Shielded) -> None:
    """Its version is in the files and has no tag, and no pull request of ours was merged: the next one is proposed."""
    change_version(project)
    project.yard.release("patch")
    assert not any(name.startswith("refs/tags/") for name in project.refs())
    assert "refs/heads/release/v1.3.1" in project.refs()


@pytest.mark.parametrize(
    "lie",
    [
        {"head": {"ref": "release/v1.3.0", "sha": "", "repo": {"full_name": "evil/sample"}}},
        {"head": {"ref": "release/v1.3.0", "sha": "", "repo": None}},
        {"head": {"ref": "other", "sha": "", "repo": {"full_name": "acme/sample"}}},
        {"base": {"ref": "side"}},
        {"merged_at": None},
    ],
)
def test_a_pull_request_that_is_not_ours_proves_nothing(project: Shielded, lie: dict[str, object]) -> None:
    """One from a fork, from another branch, into another branch, or that was closed: the forge may even list it."""
    pulls = project.forge.client().pulls
    pulls.bring("release/v1.3.0", "main", "Release 1.3.0", "")
    commit = change_version(project)
    pull = project.pull_request()
    pull.update(state="closed", merged_at="2026-01-05T12:00:00Z", merge_commit_sha=commit)
    pull.update(lie)
    project.forge.facts["/pulls"] = [pull]
    project.yard.release("patch")
    assert not any(name.startswith("refs/tags/") for name in project.refs())


def test_a_commit_that_is_not_in_the_branch_proves_nothing(project: Shielded) -> None:
    """A forge that names another one, as after a branch was set back."""
    project.yard.release()
    project.pull_request().update(
        state="closed",
        merged_at="2026-01-05T12:00:00Z",
        merge_commit_sha=commit_files(project.root, {"aside.txt": ""}),
    )
    git(project.root, "reset", "--quiet", "--hard", "HEAD^")
    change_version(project)
    project.there("update-ref", "-d", "refs/heads/release/v1.3.0")
    project.forget_files()
    project.yard.release("patch")
    assert not any(name.startswith("refs/tags/") for name in project.refs())


def test_a_forge_that_does_not_answer_stops_the_release(project: Shielded) -> None:
    """NS780: whether it is one to be finished is not known, and none is begun."""
    change_version(project)
    project.forge.faults.dead_after = 0
    assert "NS780" in refused(project, "patch")
    assert "refs/heads/release/v1.3.1" not in project.refs()


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_without_a_forge_the_trees_are_compared(project: Shielded, how: How) -> None:
    """What was proposed from here is finished where HEAD is its tree, or a merge of it."""
    project.yard.release()
    commit = project.merge(how)
    project.yard.world.forge = None
    project.update()
    project.yard.release()
    assert project.refs()["refs/tags/v1.3.0"] == commit


def test_without_a_forge_a_finish_that_was_cut_short_goes_on(project: Shielded) -> None:
    """The clone is that of the merged commit by then, and still what was proposed."""
    project.yard.release()
    commit = project.merge()
    project.yard.world.forge = None
    project.update()
    run = project.yard.prepare()
    run.confirm = lambda _: pytest.fail("stopped")
    with pytest.raises(pytest.fail.Exception):
        run_pipeline(run)
    project.yard.release()
    assert project.refs()["refs/tags/v1.3.0"] == commit


def test_without_a_forge_another_tree_is_not_taken_for_the_proposal(project: Shielded) -> None:
    """Nobody tells that it is: it has to be asked for by its version."""
    project.yard.release()
    project.go_on({"new.txt": ""})
    project.merge()
    project.yard.world.forge = None
    project.update()
    project.forget_files()
    project.yard.release("patch")
    assert "refs/tags/v1.3.0" not in project.refs()
    assert "refs/heads/release/v1.3.1" in project.refs()


def test_a_proposal_that_was_not_merged_is_none(project: Shielded) -> None:
    """Whoever checks the release branch out is on the proposed commit itself, which the branch does not have."""
    project.yard.release()
    git(project.root, "fetch", "--quiet", "origin", "release/v1.3.0")
    git(project.root, "switch", "--quiet", "--detach", "FETCH_HEAD")
    for forge in (project.yard.world.forge, None):
        project.yard.world.forge = forge
        assert "NS204" in refused(project)
    assert not any(name.startswith("refs/tags/") for name in project.refs())


def test_a_version_from_tags_is_built_anew_for_the_merged_commit(tmp_path: Path, forge: FailingForge) -> None:
    """Back ends write the commit into the files; which version it is, the pull request's branch tells."""
    text = PROPOSED.replace('version = "1.2.3"', 'dynamic = ["version"]')
    scm = '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
    files = {"pyproject.toml": f'{scm}{text}\n[tool.hatch.version]\nsource = "vcs"\n', **LOG}
    project = shielded(tmp_path, forge, files)
    project.yard.release("1.3.0")
    commit = project.merge()
    project.update()
    run = project.yard.release("1.3.0")
    assert run.stage.reused is False
    assert_released(project, commit)


def test_of_two_that_finish_it_at_once_one_pushes_the_tag(project: Shielded, tmp_path: Path) -> None:
    """The other one is told, and finds the release done once it knows the tag."""
    project.yard.release()
    commit = project.merge()
    project.update()
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(project.bare), str(other))

    def meanwhile(_: Run) -> None:
        git(other, "-c", "user.name=O", "-c", "user.email=o@x.example", "tag", "--message", "theirs", "v1.3.0", commit)
        git(other, "push", "--quiet", "origin", "v1.3.0")

    run = project.yard.prepare()
    run.confirm = meanwhile
    with pytest.raises(ShipError, match="NS231"):
        run_pipeline(run)
    assert project.yard.world.indexes["pypi"].uploads == []
    assert refused(project) == {"NS216"}
    git(project.root, "fetch", "--quiet", "--tags", "origin")
    project.yard.release()
    assert_released(project, commit)


def test_files_that_changed_since_they_were_proposed_are_not_published(project: Shielded) -> None:
    """NS603, and nothing is tagged: what is published is what was proven."""
    run = project.yard.release()
    next((run.stage.root / "dist").glob("*.whl")).write_bytes(b"other")
    project.merge()
    project.update()
    assert refused(project) == {"NS603"}
    assert "refs/tags/v1.3.0" not in project.refs()


def test_a_manifest_that_changed_since_is_not_taken_over(project: Shielded, sessions: FakeGates) -> None:
    """Everything is built and proven anew."""
    run = project.yard.release()
    place = manifest_path(Project.read(run.stage.root))
    replace(Manifest.read(place), files=Manifest.read(place).files[:1]).write(place)
    commit = project.merge()
    project.update()
    sessions.ran.clear()
    project.yard.release()
    assert "build" in sessions.ran
    assert_released(project, commit)
