"""The jobs that propose a release and tag what was merged: they hold rights, and rely only on what GitHub says."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from failing_forge import SLUG, TOKEN, FailingForge
from fakes import write_dist
from nox_ship import command
from nox_ship.git import Repository
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import NOTES
from nox_ship.project import Project
from nox_ship.release.handover import Cut, bundle
from nox_ship.world.forge import Job
from support import commit_files, git, make_repository

pytestmark = pytest.mark.slow

IDENTITY = ("-c", "user.name=Other", "-c", "user.email=other@sample.example")
NOTED = "- A thing. <script>alert(1)</script> @everyone ```\n"


@dataclass
class Scene:
    """A job in a folder of its own, a release that another job cut, and the remote."""

    stage: Repository
    bare: Path
    forge: FailingForge
    started: list[str]

    def cut(self) -> Cut:
        """Return the release that the stage contains."""
        head, tag = self.stage.run("rev-parse", "HEAD", "refs/tags/v2").splitlines()
        return Cut("main", "v2", head, tag, git(self.bare, "rev-parse", "main"))

    def run(self, name: str, cut: Cut, *more: str, onto: str = "") -> int:
        """Run one of our commands as the job does, with the release's bundle."""
        scratch = self.bare.parent / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        bundle(cut, self.stage, scratch / "cut.git", scratch / "release.bundle")
        objects = {"onto": onto or cut.onto, "branch": "main", "commit": cut.commit, "tag": "v2"}
        options = [f"--{key}={value}" for key, value in {**objects, "tag-object": cut.tag_object}.items()]
        return command.main([name, str(scratch / "release.bundle"), *options, *more])

    def refs(self) -> dict[str, str]:
        """Return the remote's branches and tags."""
        return Repository(self.bare).refs("--heads", "--tags")

    def merged(self, commit: str, **changes: Any) -> None:
        """Make GitHub report a merged pull request of the release."""
        pull, _ = self.forge.client().pulls.bring("release/v2", "main", "Release 2", "")
        self.forge.pulls[pull.number].update(
            {"state": "closed", "merged_at": "2026-01-05T12:00:00Z", "merge_commit_sha": commit, **changes}
        )


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Return a job that received a release: one commit on top of ``main``."""
    stage = make_repository(tmp_path / "stage", {"pyproject.toml": '[project]\nname = "sample"\nversion = "1"\n'})
    bare = tmp_path / "acme" / "sample"
    bare.parent.mkdir()
    git(tmp_path, "clone", "--quiet", "--bare", str(stage.path), str(bare))
    commit_files(stage.path, {"pyproject.toml": '[project]\nname = "sample"\nversion = "2"\n'}, "Release 2")
    git(stage.path, "tag", "--annotate", "--message", "2", "v2")
    job = tmp_path / "job"
    shutil.copytree(stage.path, job, ignore=shutil.ignore_patterns(".git"))
    project = Project.read(job)
    notes = f"{NOTED}\n\udcff".encode(errors="surrogateescape")  # a project may write any bytes into its notes
    bound = replace(write_dist(project, stage.head, "2"), notes=hashlib.sha256(notes).hexdigest())
    bound.write(manifest_path(project))
    (manifest_path(project).parent / NOTES).write_bytes(notes)
    monkeypatch.chdir(job)
    started: list[str] = []
    monkeypatch.setattr(Job, "start", lambda _, tag, __: started.append(tag))
    monkeypatch.delenv("NOX_SHIP_MANIFEST", raising=False)
    with FailingForge() as forge:
        env = {
            "GITHUB_SERVER_URL": f"file://{tmp_path}",
            "GITHUB_API_URL": forge.url,
            "GITHUB_REPOSITORY": SLUG,
            "GITHUB_WORKFLOW_REF": f"{SLUG}/.github/workflows/release.yml@refs/heads/main",
            "GITHUB_RUN_ID": "7",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": git(bare, "rev-parse", "main"),
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        }
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        yield Scene(stage, bare, forge, started)


def tagged(scene: Scene) -> Cut:
    """Merge the release by a squash, cut it again as a tag alone, and return that."""
    commit = git(
        scene.bare, *IDENTITY, "commit-tree", "-p", "main", "-m", "Release 2 (#1)", f"{scene.cut().onto}^{{tree}}"
    )
    git(scene.bare, "update-ref", "refs/heads/main", commit)
    scene.stage.run("fetch", "--quiet", scene.bare, "main")
    scene.stage.run("reset", "--quiet", "--hard", commit)
    scene.stage.run("tag", "--force", "--annotate", "--message", "2", "v2")
    return scene.cut()


def test_a_release_is_proposed_by_a_branch_and_a_pull_request(scene: Scene) -> None:
    """A release is proposed by a branch and one pull request, in which the project's text is shown literally."""
    cut, before = scene.cut(), scene.refs()
    assert scene.run("propose", cut) == scene.run("propose", cut) == 0
    assert scene.refs() == {**before, "refs/heads/release/v2": cut.commit}
    (pull,) = scene.forge.pulls.values()
    assert (pull["title"], pull["head"]["ref"], pull["base"]["ref"]) == ("Release 2", "release/v2", "main")
    assert "release.yml then builds and tests the merged commit, tags it v2" in pull["body"]
    assert f"````\n{NOTED.strip()}\n" in pull["body"]
    assert scene.started == []


def test_where_github_signs_the_proposal_is_signed(scene: Scene) -> None:
    """If GitHub signs commits, the proposed commit is GitHub's signed copy, which a rerun keeps."""
    cut, scene.forge.bare, scene.forge.signs = scene.cut(), scene.bare, False
    assert scene.run("propose", cut) == 0
    assert scene.refs()["refs/heads/release/v2"] == cut.commit
    scene.forge.signs = True
    assert scene.run("propose", cut) == 0
    made = scene.refs()["refs/heads/release/v2"]
    assert made != cut.commit
    assert git(scene.bare, "log", "-1", "--format=%T %P %cn %s", made).split(" ", 3) == [
        git(scene.bare, "rev-parse", f"{cut.commit}^{{tree}}"),
        cut.onto,
        "GitHub",
        "Release 2",
    ]
    assert scene.run("propose", cut) == 0
    assert scene.refs()["refs/heads/release/v2"] == made


def test_where_actions_may_open_none_the_branch_is_there(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """If Actions may not open pull requests, the branch is pushed, and NS881 shows the page that opens one."""
    scene.forge.faults.read_only = True
    assert scene.run("propose", scene.cut()) == 0
    assert "refs/heads/release/v2" in scene.refs()
    shown = "".join(capsys.readouterr().out.split())
    assert "NS881" in shown
    assert "compare/main...release/v2?expand=1" in shown


def test_commits_of_others_on_the_release_branch_stay(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """An earlier proposal on the release branch is replaced, but another person's commit stops the job (NS880)."""
    earlier = git(scene.bare, *IDENTITY, "commit-tree", "-p", "main", "-m", "Release 2", "main^{tree}")
    git(scene.bare, "update-ref", "refs/heads/release/v2", earlier)
    assert scene.run("propose", scene.cut()) == 0
    assert scene.refs()["refs/heads/release/v2"] == scene.cut().commit
    proposed = scene.refs()["refs/heads/release/v2"]
    for message in ("Better", "Release 2"):  # a reviewer's commit may have the title of the release
        theirs = git(scene.bare, *IDENTITY, "commit-tree", "-p", proposed, "-m", message, "main^{tree}")
        git(scene.bare, "update-ref", "refs/heads/release/v2", theirs)
        assert scene.run("propose", scene.cut()) == 1
        assert "NS880" in capsys.readouterr().out
        assert scene.refs()["refs/heads/release/v2"] == theirs


def test_a_branch_that_moved_on_gets_no_proposal_of_what_was(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """If the branch has moved since the release was cut, the release is not proposed (NS762)."""
    cut = scene.cut()
    other = git(scene.bare, *IDENTITY, "commit-tree", "-p", "main", "-m", "x", "main^{tree}")
    git(scene.bare, "update-ref", "refs/heads/main", other)
    assert scene.run("propose", cut) == 1
    assert "NS762" in capsys.readouterr().out
    assert scene.forge.pulls == {}


def test_a_release_without_a_commit_is_not_proposed(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """A release that is only a tag is not proposed, as there would be nothing to merge (NS885)."""
    cut = tagged(scene)
    write_dist(Project.read(Path.cwd()), cut.commit, "2")
    assert scene.run("propose", cut) == 1
    assert "NS885" in capsys.readouterr().out


def test_files_of_another_commit_are_not_proposed(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """If the files were built from another commit, the release is not proposed (NS604)."""
    write_dist(Project.read(Path.cwd()), "d" * 40, "2")
    assert scene.run("propose", scene.cut()) == 1
    assert "NS604" in capsys.readouterr().out
    assert "refs/heads/release/v2" not in scene.refs()


def test_files_of_another_tree_are_not_proposed(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Files built from another tree are refused (NS604); without a tree, the text says that they are built again."""
    cut, project = scene.cut(), Project.read(Path.cwd())
    write_dist(project, cut.commit, "2", tree="d" * 40)
    assert scene.run("propose", cut) == 1
    assert "NS604" in capsys.readouterr().out
    assert "refs/heads/release/v2" not in scene.refs()
    tree = scene.stage.run("rev-parse", f"{cut.commit}^{{tree}}")
    for built, words in ((tree, "publishes these files"), (None, "then builds and tests the merged")):
        write_dist(project, cut.commit, "2", tree=built)
        assert scene.run("propose", cut) == 0
        assert words in next(iter(scene.forge.pulls.values()))["body"]


REVIEWS = {"type": "pull_request", "ruleset_id": 7}
REFUSES = "#!/bin/sh\necho 'error: GH013: Changes must be made through a pull request.' >&2\nexit 1\n"


def refuse(scene: Scene) -> Path:
    """Let the remote refuse every push, and return the hook that does."""
    hook = scene.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(REFUSES, "utf-8")
    hook.chmod(0o755)
    return hook


def told(scene: Scene) -> str:
    """Return the outputs of the last command."""
    file = scene.bare.parents[1] / "outputs"
    return file.read_text("utf-8") if file.exists() else ""


def test_a_protected_branch_gets_a_proposal_instead_of_a_push(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--auto`, rules of the branch or a refused push change nothing, and a later job proposes the release."""
    cut, before = scene.cut(), scene.refs()
    scene.forge.facts["/rules/branches/main"] = [REVIEWS]
    assert scene.run("push", cut, "--auto") == 0
    assert "has rules: changes go through a pull request" in capsys.readouterr().out
    assert told(scene) == "propose=true\n"
    del scene.forge.facts["/rules/branches/main"]
    hook = refuse(scene)
    assert scene.run("push", cut, "--auto") == 0
    assert "NS883 release-proposed: This release is proposed in a pull request: the remote protects" in " ".join(
        capsys.readouterr().out.split()
    )
    assert told(scene) == "propose=true\n" * 2
    assert (scene.refs(), scene.started) == (before, [])
    assert scene.run("push", cut) == 1
    assert "NS231" in capsys.readouterr().out
    hook.unlink()
    assert scene.run("push", cut, "--auto") == 0
    assert scene.refs() == {"refs/heads/main": cut.commit, "refs/tags/v2": cut.commit}
    assert (scene.started, told(scene)) == (["v2"], "propose=true\n" * 2)


def test_what_cannot_be_merged_is_pushed_whatever_rules_the_branch_has(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """A release without a commit, and one that was merged, is only a tag: `--auto` pushes it, or fails."""
    scene.forge.facts["/rules/branches/main"] = [REVIEWS]
    cut = tagged(scene)
    assert scene.run("push", cut, "--auto") == 0
    assert (scene.refs()["refs/tags/v2"], scene.started, told(scene)) == (cut.commit, ["v2"], "")
    git(scene.bare, "tag", "--delete", "v2")
    scene.merged(cut.commit)
    assert scene.run("push", cut, "--auto", "--merged=v2", onto=cut.commit) == 0
    assert (scene.refs()["refs/tags/v2"], told(scene)) == (cut.commit, "")
    git(scene.bare, "tag", "--delete", "v2")
    refuse(scene)
    assert scene.run("push", cut, "--auto", "--merged=v2", onto=cut.commit) == 1
    assert "NS231" in capsys.readouterr().out
    assert told(scene) == ""


def test_a_merged_release_is_tagged_wherever_the_branch_is_by_then(scene: Scene) -> None:
    """A merged release is tagged and its workflow started, even if the branch has moved on since the merge."""
    cut = tagged(scene)
    later = git(scene.bare, *IDENTITY, "commit-tree", "-p", "main", "-m", "later", "main^{tree}")
    git(scene.bare, "update-ref", "refs/heads/main", later)
    scene.merged(cut.commit)
    assert scene.run("push", cut, "--merged=v2", onto=cut.commit) == 0
    assert scene.refs() == {"refs/heads/main": later, "refs/tags/v2": cut.commit}
    assert scene.started == ["v2"]


def test_a_commit_on_top_of_the_merged_one_is_not_tagged(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """If the cutting job adds a commit that nobody merged, its tag is not pushed (NS762), whatever `--auto` says."""
    cut = tagged(scene)
    scene.merged(cut.commit)
    scene.forge.facts["/rules/branches/main"] = [REVIEWS]
    commit_files(scene.stage.path, {"evil": "1"})
    scene.stage.run("tag", "--force", "--annotate", "--message", "2", "v2")
    assert scene.run("push", scene.cut(), "--auto", "--merged=v2", onto=cut.commit) == 1
    assert "not on the merged commit" in capsys.readouterr().out
    assert "refs/tags/v2" not in scene.refs()


@pytest.mark.parametrize(
    "changes",
    [
        {"merged_at": None},
        {"merge_commit_sha": "d" * 40},
        {"head": {"ref": "release/v2", "sha": "", "repo": {"full_name": "evil/sample"}}},
        {"head": {"ref": "release/v3", "sha": "", "repo": {"full_name": SLUG}}},
        {"head": {"ref": "v2", "sha": "", "repo": {"full_name": SLUG}}},
        {"base": {"ref": "side"}},
    ],
)
def test_a_commit_that_came_another_way_is_not_tagged(
    scene: Scene, changes: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a merged pull request of the release that led to the commit, the commit is not tagged (NS884)."""
    cut = tagged(scene)
    scene.merged(cut.commit, **changes)
    monkeypatch.setenv("GITHUB_SHA", cut.commit)
    assert scene.run("push", cut, "--merged=v2", onto=cut.commit) == 1
    assert "NS884" in capsys.readouterr().out
    assert "refs/tags/v2" not in scene.refs()
    assert scene.started == []


def outputs(scene: Scene) -> str:
    """Run the job that looks whether its commit is a merged release, and return its last outputs."""
    assert command.main(["merged", "--branch=main"]) == 0
    return " ".join((scene.bare.parents[1] / "outputs").read_text("utf-8").splitlines()[-2:])


def test_a_push_to_the_branch_is_looked_at(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a push, the job outputs tag and branch tip of the release only if the commit came from its pull request."""
    cut = tagged(scene)
    monkeypatch.setenv("GITHUB_SHA", cut.commit)
    assert outputs(scene) == "tag= head="
    scene.merged(cut.commit, head={"ref": "release/v2", "sha": "e" * 40, "repo": {"full_name": SLUG}})
    assert outputs(scene) == f"tag=v2 head={'e' * 40}"
    monkeypatch.setenv("GITHUB_REF", "refs/tags/v2")
    assert outputs(scene) == "tag= head="
