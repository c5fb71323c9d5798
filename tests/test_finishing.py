"""A release that was proposed in a pull request is finished after its merge: tagged and published, exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failing_forge import FailingForge, hosted
from fakes import FakeGates, Yard, noxfile
from merging import PROPOSED, How, Shielded, hook, shielded
from nox_ship.errors import ShipError
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.delivery import Delivery
from nox_ship.release.following import following
from nox_ship.release.merged import Merged, tag_of
from nox_ship.release.pipeline import CUT, STEPS, advance, delivered, run_pipeline
from nox_ship.release.run import Run
from nox_ship.release.stage import Stage
from nox_ship.release.status import Standing, look
from nox_ship.release.waiting import Waiting
from nox_ship.versions import TagForm
from nox_ship.world.onlooker import Onlooker
from prepared import Prepared, played
from support import commit_files, git, make_project

pytestmark = pytest.mark.slow

LOG = {"CHANGELOG.md": "# Changes\n\n## Unreleased\n\n- A thing.\n"}


@pytest.fixture
def forge(programs: object, sessions: object) -> Iterator[FailingForge]:  # noqa: ARG001 - each release needs them
    """Run a forge without pull requests."""
    with FailingForge() as running:
        yield running


def remember(stage: Stage) -> None:
    """Record that the sessions passed."""
    stage.record.passed.update(dict.fromkeys(("build", "verify-install", "tests"), 0.1))
    stage.save()


@pytest.fixture
def project(tmp_path: Path, forge: FailingForge, sessions: FakeGates) -> Shielded:
    """Make a project with a protected branch, which records the sessions that passed."""
    sessions.afterwards = remember
    return shielded(tmp_path, forge, LOG)


def propose(folder: Path) -> tuple[Yard, Path, dict[int, dict[str, Any]]]:
    """Return such a project whose release 1.3.0 is proposed, its remote, and the forge's pull requests."""
    with FailingForge() as forge, played() as sessions:
        sessions.afterwards = remember
        project = shielded(folder, forge, LOG)
        project.yard.release()
        project.yard.world.forge = None
        hook(project.bare).chmod(0o644)  # what is prepared has no executable files
        return project.yard, project.bare, forge.pulls


@pytest.fixture
def proposed(prepared: Prepared, forge: FailingForge, sessions: FakeGates) -> Shielded:
    """Return such a project whose release 1.3.0 is proposed."""
    yard, bare, pulls = prepared(propose)
    hook(bare).chmod(0o755)
    forge.pulls.update(pulls)
    while forge.number() < max(pulls):
        pass
    sessions.afterwards = remember
    return Shielded(hosted(forge, yard), forge, bare)


def built(run: Run) -> Manifest:
    """Return the manifest of the built files."""
    return Manifest.read(manifest_path(Project.read(run.stage.root)))


def refused(project: Shielded, wanted: str = "minor") -> set[str]:
    """Return the IDs of the findings that stop a release."""
    with pytest.raises(ShipError) as caught:
        project.yard.release(wanted)
    return {finding.id for finding in caught.value.findings}


def assert_released(project: Shielded, commit: str) -> None:
    """Check that there is one release: one tag, here and on the remote, on the merged commit, and its files."""
    tags = {name: there for name, there in project.refs().items() if name.startswith("refs/tags/")}
    assert tags == {"refs/tags/v1.3.0": commit}
    assert project.yard.repository.tags() == {"v1.3.0": commit}
    assert set(project.yard.world.indexes["pypi"].shelf) == {"sample-1.3.0-py3-none-any.whl", "sample-1.3.0.tar.gz"}
    assert project.forge.page("v1.3.0")["draft"] is False


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_the_same_command_finishes_what_was_merged(project: Shielded, sessions: FakeGates, how: How) -> None:
    """After a merge, the same command tags the merged commit and publishes the proposed files without new gates."""
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


def test_another_tree_than_the_proposed_one_is_proven_anew(proposed: Shielded, sessions: FakeGates) -> None:
    """If other changes were merged before the proposal, the gates and the build run again."""
    proposed.go_on({"new.txt": "new"})
    commit = proposed.merge()
    proposed.update()
    sessions.ran.clear()
    finished = proposed.yard.release()
    assert sessions.ran == ["build", "verify-install", "tests"]
    assert built(finished).commit == commit
    assert_released(proposed, commit)


def test_a_reviewers_commit_is_released_with_the_rest(proposed: Shielded, sessions: FakeGates) -> None:
    """If a reviewer added a commit to the proposal, the gates and the build run again before the release."""
    proposed.go_on({"README.md": "better\n"}, "release/v1.3.0")
    commit = proposed.merge()
    proposed.update()
    sessions.ran.clear()
    proposed.yard.release()
    assert sessions.ran == ["build", "verify-install", "tests"]
    assert_released(proposed, commit)


def test_another_machine_finishes_it(proposed: Shielded, sessions: FakeGates) -> None:
    """Without a record of the proposal, as on another machine, everything is built and checked again."""
    commit = proposed.merge()
    proposed.update()
    (proposed.yard.shop.folder / "stage.json").unlink()
    sessions.ran.clear()
    proposed.yard.release()
    assert sessions.ran == ["build", "verify-install", "tests"]
    assert_released(proposed, commit)


@pytest.mark.parametrize("wanted", ["patch", "auto", "1.3.0"])
def test_whatever_is_asked_for_finishes_what_was_merged(proposed: Shielded, wanted: str) -> None:
    """A merged release is finished first, whether `patch`, `auto` or its own version is requested."""
    commit = proposed.merge()
    proposed.update()
    proposed.yard.release(wanted)
    assert_released(proposed, commit)


def test_where_the_branch_has_gone_on_the_merged_commit_is_released(proposed: Shielded) -> None:
    """If the branch has later commits, NS882 says to check out the merged commit, which is then released."""
    commit = proposed.merge()
    later = proposed.go_on({"later.txt": ""})
    proposed.update()
    assert refused(proposed) == {"NS882"}
    assert refused(proposed, "patch") == {"NS882"}
    git(proposed.root, "switch", "--quiet", "--detach", commit)
    proposed.yard.release()
    assert_released(proposed, commit)
    assert git(proposed.root, "rev-parse", "main") == proposed.refs()["refs/heads/main"] == later
    git(proposed.root, "switch", "--quiet", "main")
    proposed.forget_files()
    proposed.yard.release("patch")
    assert "refs/heads/release/v1.3.1" in proposed.refs()


def test_a_checkout_that_is_behind_is_brought_up_to_date_first(proposed: Shielded) -> None:
    """If the checkout lacks the merged commit, NS206 stops the release."""
    proposed.merge()
    assert refused(proposed) == {"NS206"}


def standing(project: Shielded) -> Standing:
    """Return the state of the releases."""
    return look(project.root, noxfile(project.root, "tests"), Onlooker(project.yard.world), project.yard.shop)


def test_status_follows_a_proposal_to_its_end(project: Shielded) -> None:
    """`status` shows how releases are delivered, what waits for a merge, what is merged, and the next command."""
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
    """Run a release up to a step and stop as if it was killed there, without any cleanup."""
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
    """Runs killed after any step, before or after the merge, and a lost forge still lead to exactly one release."""
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


def test_a_job_that_was_told_of_a_merge_makes_the_tag_alone(proposed: Shielded) -> None:
    """A job that is given the merged tag only tags the commit; for a tag of another version, it stops with NS884."""
    commit = proposed.merge()
    proposed.update()
    proposed.forge.faults.dead_after = 0
    run = proposed.yard.prepare(None)
    run.request = replace(run.request, merged="v1.3.0", cut=True)
    run_pipeline(run, CUT)
    assert run.bumped.objects.commit == run.plan.head == commit
    run = proposed.yard.prepare(None)
    run.request = replace(run.request, merged="v1.4.0", cut=True)
    with pytest.raises(ShipError, match="NS884"):
        run_pipeline(run, CUT)


def change_version(project: Shielded) -> str:
    """Push a commit that changes the version as a release does, but is no release; return it."""
    text = PROPOSED.replace('version = "1.2.3"', 'version = "1.3.0"')
    commit = project.go_on({"pyproject.toml": text})
    project.update()
    return commit


def test_a_commit_that_came_another_way_is_not_tagged(project: Shielded) -> None:
    """A commit with a new version that no pull request of ours brought is not tagged; the next one is proposed."""
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
    """A pull request that is unmerged, from a fork or for other branches does not cause a tag."""
    pulls = project.forge.client().pulls
    pulls.bring("release/v1.3.0", "main", "Release 1.3.0", "")
    commit = change_version(project)
    pull = project.pull_request()
    pull.update(state="closed", merged_at="2026-01-05T12:00:00Z", merge_commit_sha=commit)
    pull.update(lie)
    project.forge.facts["/pulls"] = [pull]
    project.yard.release("patch")
    assert not any(name.startswith("refs/tags/") for name in project.refs())


def test_a_commit_that_is_not_in_the_branch_proves_nothing(proposed: Shielded) -> None:
    """If the forge names a merge commit that the branch does not contain, it is not tagged."""
    proposed.pull_request().update(
        state="closed",
        merged_at="2026-01-05T12:00:00Z",
        merge_commit_sha=commit_files(proposed.root, {"aside.txt": ""}),
    )
    git(proposed.root, "reset", "--quiet", "--hard", "HEAD^")
    change_version(proposed)
    proposed.there("update-ref", "-d", "refs/heads/release/v1.3.0")
    proposed.forget_files()
    proposed.yard.release("patch")
    assert not any(name.startswith("refs/tags/") for name in proposed.refs())


def test_a_forge_that_does_not_answer_stops_the_release(project: Shielded) -> None:
    """If the forge does not answer, NS780 stops the release, as a merged one may have to be finished first."""
    change_version(project)
    project.forge.faults.dead_after = 0
    assert "NS780" in refused(project, "patch")
    assert "refs/heads/release/v1.3.1" not in project.refs()


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_without_a_forge_the_trees_are_compared(proposed: Shielded, how: How) -> None:
    """Without a forge, a proposal made here is finished if HEAD has its tree or is a merge of it."""
    commit = proposed.merge(how)
    proposed.yard.world.forge = None
    proposed.update()
    proposed.yard.release()
    assert proposed.refs()["refs/tags/v1.3.0"] == commit


def test_without_a_forge_a_finish_that_was_cut_short_goes_on(proposed: Shielded) -> None:
    """Without a forge, a run that was interrupted before it pushed the tag is continued by the next one."""
    commit = proposed.merge()
    proposed.yard.world.forge = None
    proposed.update()
    run = proposed.yard.prepare()
    run.confirm = lambda _: pytest.fail("stopped")
    with pytest.raises(pytest.fail.Exception):
        run_pipeline(run)
    proposed.yard.release()
    assert proposed.refs()["refs/tags/v1.3.0"] == commit


def test_without_a_forge_another_tree_is_not_taken_for_the_proposal(proposed: Shielded) -> None:
    """Without a forge, a merge with other changes is not taken for the proposal, and the next release is proposed."""
    proposed.go_on({"new.txt": ""})
    proposed.merge()
    proposed.yard.world.forge = None
    proposed.update()
    proposed.forget_files()
    proposed.yard.release("patch")
    assert "refs/tags/v1.3.0" not in proposed.refs()
    assert "refs/heads/release/v1.3.1" in proposed.refs()


def test_a_proposal_that_was_not_merged_is_none(proposed: Shielded) -> None:
    """The proposed commit is not released from the release branch, as the main branch does not contain it (NS204)."""
    git(proposed.root, "fetch", "--quiet", "origin", "release/v1.3.0")
    git(proposed.root, "switch", "--quiet", "--detach", "FETCH_HEAD")
    for forge in (proposed.yard.world.forge, None):
        proposed.yard.world.forge = forge
        assert "NS204" in refused(proposed)
    assert not any(name.startswith("refs/tags/") for name in proposed.refs())


def test_a_version_from_tags_is_built_anew_for_the_merged_commit(tmp_path: Path, forge: FailingForge) -> None:
    """If the version comes from git tags, the files are built again for the merged commit, whose ID they contain."""
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


def test_of_two_that_finish_it_at_once_one_pushes_the_tag(proposed: Shielded, tmp_path: Path) -> None:
    """If two users finish a release at once, the second push is refused, and a later run finds the release."""
    commit = proposed.merge()
    proposed.update()
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(proposed.bare), str(other))

    def meanwhile(_: Run) -> None:
        git(other, "-c", "user.name=O", "-c", "user.email=o@x.example", "tag", "--message", "theirs", "v1.3.0", commit)
        git(other, "push", "--quiet", "origin", "v1.3.0")

    run = proposed.yard.prepare()
    run.confirm = meanwhile
    with pytest.raises(ShipError, match="NS231"):
        run_pipeline(run)
    assert proposed.yard.world.indexes["pypi"].uploads == []
    assert refused(proposed) == {"NS216"}
    git(proposed.root, "fetch", "--quiet", "--tags", "origin")
    proposed.yard.release()
    assert_released(proposed, commit)


def test_files_that_changed_since_they_were_proposed_are_not_published(project: Shielded) -> None:
    """If a built file changed since the proposal, NS603 stops the release, and nothing is tagged."""
    run = project.yard.release()
    next((run.stage.root / "dist").glob("*.whl")).write_bytes(b"other")
    project.merge()
    project.update()
    assert refused(project) == {"NS603"}
    assert "refs/tags/v1.3.0" not in project.refs()


def test_a_manifest_that_changed_since_is_not_taken_over(project: Shielded, sessions: FakeGates) -> None:
    """If the manifest changed since the proposal, everything is built and proven again."""
    run = project.yard.release()
    place = manifest_path(Project.read(run.stage.root))
    replace(Manifest.read(place), files=Manifest.read(place).files[:1]).write(place)
    commit = project.merge()
    project.update()
    sessions.ran.clear()
    project.yard.release()
    assert "build" in sessions.ran
    assert_released(project, commit)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", "v1.3.0"),
        ('[tool.bumpversion]\ntag_name = "release-{new_version}"\n', "release-1.3.0"),
        ('[tool.nox-ship]\ntag = "v{version}"\n[tool.bumpversion]\ntag_name = "x{new_version}"\n', "v1.3.0"),
    ],
)
def test_the_tag_of_a_merged_release_is_that_of_the_settings(tmp_path: Path, settings: str, expected: str) -> None:
    """A merged release gets the tag that bump-my-version would give it, unless the project's settings name another."""
    project = make_project(tmp_path, f'[project]\nname = "sample"\nversion = "1.3.0"\n{settings}')
    assert tag_of(project, "1.3.0", TagForm("v{version}")) == expected
