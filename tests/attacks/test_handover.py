"""A job that runs the project's code lies to a job that holds rights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nox_ship import command
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.package.manifest import DIGEST_VARIABLE, File, Manifest
from nox_ship.release import handover
from nox_ship.release.handover import Cut, _wrong, bundle, push, receive, switch
from nox_ship.world.remote import Remote
from support import commit_files, git, make_repository, make_sdist, make_wheel

IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@y")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a bare remote, and with a stage in which a release was cut from it."""
    folder = tmp_path_factory.mktemp("cut")
    stage = make_repository(folder / "stage", {"pyproject.toml": "1", ".github/nox-ship.txt": "1"})
    git(folder, "clone", "--quiet", "--bare", str(stage.path), "remote.git")
    commit_files(stage.path, {"pyproject.toml": "2"}, "Release 2")
    git(stage.path, "tag", "--annotate", "--message", "2", "v2")
    return folder


class Scene:
    """A copy of the folder, to be attacked."""

    def __init__(self, made: Path, folder: Path) -> None:
        shutil.copytree(made, folder / "it")
        self.folder = folder / "it"
        self.stage = Repository(self.folder / "stage")
        self.bare = self.folder / "remote.git"
        self.cut = self.now()

    def now(self) -> Cut:
        """Return the release that the stage contains now."""
        head, tag = self.stage.run("rev-parse", "HEAD", "refs/tags/v2").splitlines()
        return Cut("main", "v2", head, tag, git(self.bare, "rev-parse", "main"))

    def bundled(self, cut: Cut) -> Path:
        """Return the bundle of a release."""
        shutil.rmtree(self.folder / "scratch", ignore_errors=True)
        (self.folder / "scratch").mkdir(exist_ok=True)
        bundle(cut, self.stage, self.folder / "scratch" / "cut.git", self.folder / "release.bundle")
        return self.folder / "release.bundle"

    def push(self, cut: Cut, file: Path) -> bool:
        """Push as the job with write access does."""
        (self.folder / "local").mkdir()
        local = Repository.empty(self.folder / "local")
        return push(cut, file, Remote("origin", str(self.bare), local))

    def checkout(self) -> Repository:
        """Return the checkout of a job that tests: the release branch at the commit from which the release was cut."""
        git(self.folder, "clone", "--quiet", str(self.bare), "checkout")
        return Repository(self.folder / "checkout")

    def refs(self) -> str:
        """Return the refs of the remote."""
        return git(self.bare, "for-each-ref")


@pytest.fixture
def scene(made: Path, tmp_path: Path) -> Scene:
    """Return a release that was cut, and its remote."""
    return Scene(made, tmp_path)


@pytest.mark.slow
def test_an_honest_bundle_is_pushed_once(scene: Scene) -> None:
    """An honest bundle pushes the branch and tag as they were cut, and a second push changes nothing."""
    file = scene.bundled(scene.cut)
    assert scene.push(scene.cut, file)
    assert git(scene.bare, "rev-parse", "main", "v2").split() == [scene.cut.commit, scene.cut.tag_object]
    shutil.rmtree(scene.folder / "local")
    assert not scene.push(scene.cut, file)


@pytest.mark.slow
def test_a_tag_that_was_left_behind_is_not_started(scene: Scene) -> None:
    """A job that names a tag of the remote, without a bundle that contains it, does not get that tag published."""
    git(scene.bare, *IDENTITY, "tag", "--annotate", "--message", "1", "v1-abandoned", "main")
    file = scene.folder / "no.bundle"
    cut = replace(scene.cut, tag="v1-abandoned", commit=scene.cut.onto, tag_object="0" * 40)
    with pytest.raises(ShipError, match="NS762"):
        scene.push(cut, file)
    shutil.rmtree(scene.folder / "local")
    cut = replace(cut, tag_object=git(scene.bare, "rev-parse", "v1-abandoned"))
    file = scene.bundled(scene.cut)
    with pytest.raises(ShipError, match="NS762"):
        scene.push(cut, file)


@pytest.mark.slow
def test_a_tag_alone_is_pushed(scene: Scene) -> None:
    """If the version comes from tags, only the tag is pushed, as the release has no commit of its own."""
    onto = git(scene.bare, "rev-parse", "main")
    git(scene.stage.path, *IDENTITY, "tag", "--force", "--annotate", "--message", "2", "v2", onto)
    cut = replace(scene.now(), commit=onto)
    assert scene.push(cut, scene.bundled(cut))
    assert git(scene.bare, "rev-parse", "main", "v2^{commit}").split() == [onto, onto]


def retag(scene: Scene) -> Cut:
    git(scene.stage.path, *IDENTITY, "tag", "--force", "--annotate", "--message", "2", "v2")
    return scene.now()


def two_commits(scene: Scene) -> Cut:
    commit_files(scene.stage.path, {"more": "1"})
    return retag(scene)


def a_merge(scene: Scene) -> Cut:
    git(scene.stage.path, "checkout", "--quiet", "--orphan", "evil")
    commit_files(scene.stage.path, {"evil": "1"})
    git(scene.stage.path, "checkout", "--quiet", "main")
    git(scene.stage.path, "reset", "--quiet", "--hard", "HEAD^")
    git(scene.stage.path, "merge", "--quiet", "--strategy=ours", "--allow-unrelated-histories", "-m", "x", "evil")
    return retag(scene)


def amended(scene: Scene, files: dict[str, str]) -> Cut:
    git(scene.stage.path, "reset", "--quiet", "--hard", "HEAD^")
    commit_files(scene.stage.path, files)
    return retag(scene)


def a_workflow(scene: Scene) -> Cut:
    return amended(scene, {".github/workflows/release.yml": "on: push"})


def a_local_action(scene: Scene) -> Cut:
    return amended(scene, {".github/actions/setup/action.yml": "name: evil"})


def the_lock(scene: Scene) -> Cut:
    return amended(scene, {".github/nox-ship.txt": "evil==1"})


def a_symlink(scene: Scene) -> Cut:
    git(scene.stage.path, "reset", "--quiet", "--hard", "HEAD^")
    (scene.stage.path / "link").symlink_to("/etc/passwd")
    commit_files(scene.stage.path, {})
    return retag(scene)


def a_submodule(scene: Scene) -> Cut:
    git(scene.stage.path, "reset", "--quiet", "--hard", "HEAD^")
    git(scene.stage.path, "update-index", "--add", "--cacheinfo", f"160000,{scene.cut.commit},sub")
    git(scene.stage.path, "commit", "--quiet", "--message", "x")
    return retag(scene)


def a_tag_elsewhere(scene: Scene) -> Cut:
    git(scene.stage.path, *IDENTITY, "tag", "--force", "--annotate", "--message", "2", "v2", "HEAD^")
    return scene.now()


def another_name_in_the_tag(scene: Scene) -> Cut:
    git(scene.stage.path, *IDENTITY, "tag", "--annotate", "--message", "9", "v9")
    return replace(scene.cut, tag_object=scene.stage.run("rev-parse", "refs/tags/v9"))


def no_tag_object(scene: Scene) -> Cut:
    return replace(scene.cut, tag_object=scene.cut.commit)


@pytest.mark.slow
@pytest.mark.parametrize(
    "lie",
    [
        two_commits,
        a_merge,
        a_workflow,
        a_local_action,
        the_lock,
        a_symlink,
        a_submodule,
        a_tag_elsewhere,
        another_name_in_the_tag,
        no_tag_object,
    ],
)
def test_anything_but_one_plain_commit_and_its_tag_is_refused(
    scene: Scene, lie: Callable[[Scene], Cut], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle with anything but one plain commit and its tag is refused (NS762), even if the job's outputs agree."""
    cut, before = lie(scene), scene.refs()
    with monkeypatch.context() as lying:
        lying.setattr(handover, "_unexpected_changes", lambda *_: ())
        scene.bundled(cut)
    with pytest.raises(ShipError, match="NS762"):
        scene.push(cut, scene.folder / "release.bundle")
    assert scene.refs() == before
    checkout = scene.checkout()
    with pytest.raises(ShipError, match="NS762"):
        switch(cut, scene.folder / "release.bundle", checkout)
    assert checkout.head == cut.onto


@pytest.mark.slow
def test_a_job_that_tests_gets_just_what_is_pushed(scene: Scene) -> None:
    """A job that tests a release gets exactly the branch, tag and files that will be pushed, and no other refs."""
    checkout = scene.checkout()
    switch(scene.cut, scene.bundled(scene.cut), checkout)
    assert git(checkout.path, "rev-parse", "HEAD", "main", "v2").split() == [
        scene.cut.commit,
        scene.cut.commit,
        scene.cut.tag_object,
    ]
    assert checkout.branch == "main"
    assert (checkout.path / "pyproject.toml").read_text("utf-8") == "2"
    assert checkout.changes() == []
    assert set(git(checkout.path, "for-each-ref", "--format=%(refname)").split()) == {
        "refs/heads/main",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
        "refs/tags/v2",
    }


@pytest.mark.slow
def test_a_job_that_tests_a_tag_alone_stays_on_its_commit(scene: Scene) -> None:
    """If the version comes from tags, the checkout stays on its commit and only receives the tag."""
    onto = scene.cut.onto
    git(scene.stage.path, *IDENTITY, "tag", "--force", "--annotate", "--message", "2", "v2", onto)
    cut, checkout = replace(scene.now(), commit=onto), scene.checkout()
    switch(cut, scene.bundled(cut), checkout)
    assert git(checkout.path, "rev-parse", "HEAD", "v2^{commit}").split() == [onto, onto]


def test_a_checkout_of_another_commit_is_not_switched(scene: Scene) -> None:
    """If the checkout is on another commit than the one the release was cut from, it is not switched (NS762)."""
    checkout, file = scene.checkout(), scene.bundled(scene.cut)
    commit_files(checkout.path, {"more": "1"})
    before = checkout.head
    with pytest.raises(ShipError, match="NS762"):
        switch(scene.cut, file, checkout)
    assert checkout.head == before


@pytest.mark.slow
def test_what_would_be_refused_is_not_handed_on(scene: Scene) -> None:
    """A release that changes a workflow is refused when it is cut (NS762); other files in `.github` may change."""
    with pytest.raises(ShipError, match="NS762"):
        scene.bundled(a_workflow(scene))
    cut = amended(scene, {".github/ISSUE_TEMPLATE/bug.yml": "version: 2"})
    assert scene.push(cut, scene.bundled(cut))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"commit": "0" * 40},
        {"tag_object": "f" * 40},
        {"commit": "--upload-pack=touch evil"},
        {"tag": "v3"},
        {"tag": "--mirror"},
        {"tag": "v2..x"},
        {"branch": "other"},
    ],
)
def test_outputs_that_differ_from_the_bundle_are_refused(scene: Scene, changes: dict[str, Any]) -> None:
    """If the job's outputs differ from the bundle, the push is refused (NS762)."""
    file, before = scene.bundled(scene.cut), scene.refs()
    with pytest.raises(ShipError, match="NS762"):
        scene.push(replace(scene.cut, **changes), file)
    assert scene.refs() == before


def test_further_refs_in_the_bundle_are_refused(scene: Scene) -> None:
    """A bundle with further refs is refused (NS762)."""
    git(scene.stage.path, "update-ref", "refs/cut/heads/main", scene.cut.commit)
    git(scene.stage.path, "update-ref", "refs/cut/tags/v2", scene.cut.tag_object)
    file = scene.folder / "more.bundle"
    names = ("refs/cut/heads/main", "refs/cut/tags/v2", "refs/heads/main", f"^{scene.cut.onto}")
    git(scene.stage.path, "bundle", "create", "--quiet", str(file), *names)
    with pytest.raises(ShipError, match="NS762"):
        scene.push(scene.cut, file)


def test_a_branch_that_moved_on_is_not_pushed_to(scene: Scene) -> None:
    """If the branch has moved since the release was cut, nothing is pushed (NS762)."""
    file = scene.bundled(scene.cut)
    git(scene.stage.path, "push", "--quiet", str(scene.bare), "HEAD:refs/heads/main")
    before = scene.refs()
    with pytest.raises(ShipError, match="NS762"):
        scene.push(scene.cut, file)
    assert scene.refs() == before


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what the building job hands on, with its manifest announced."""
    source = tmp_path / "artifact"
    files = (make_wheel(source / "dist", {"sample.py": ""}), make_sdist(source / "dist", {"sample.py": ""}))
    (source / "pyproject.toml").write_text("[project]\n", "utf-8")
    manifest = Manifest(
        name="sample",
        version="1.2.3",
        commit="0" * 40,
        tag="v1.2.3",
        dirty=False,
        files=tuple(map(File.of, files)),
        branch="main",
        pyproject=hashlib.sha256(b"[project]\n").hexdigest(),
        notes=hashlib.sha256(b"- A thing.\n").hexdigest(),
    )
    path = source / ".nox-ship" / "manifest.json"
    manifest.write(path)
    path.with_name("notes.md").write_bytes(b"- A thing.\n")
    monkeypatch.setenv(DIGEST_VARIABLE, hashlib.sha256(path.read_bytes()).hexdigest())
    (tmp_path / "job").mkdir()
    return source


def laid_out(job: Path) -> set[str]:
    """Return the files in a job's folder."""
    return {path.relative_to(job).as_posix() for path in job.rglob("*") if path.is_file()}


FILES = {"dist/sample-1.2.3-py3-none-any.whl", "dist/sample-1.2.3.tar.gz"}
TAKEN = {*FILES, ".nox-ship/manifest.json", ".nox-ship/notes.md", "pyproject.toml"}


def test_what_the_manifest_names_is_taken_and_nothing_else(artifact: Path) -> None:
    """Only the files that the manifest names are taken from the artifact; everything else stays where it is."""
    job = artifact.parent / "job"
    for name in (".git/config", "noxfile.py", "sitecustomize.py", "dist/evil-1.0.tar.gz", "setup.py", ".nox-ship/x"):
        (artifact / name).parent.mkdir(exist_ok=True)
        (artifact / name).write_text("evil", "utf-8")
    receive(artifact, job)
    assert laid_out(job) == TAKEN


def other_file(source: Path) -> None:
    (source / "dist" / "sample-1.2.3.tar.gz").write_bytes(b"evil")


def no_file(source: Path) -> None:
    (source / "dist" / "sample-1.2.3.tar.gz").unlink()


def a_pipe(source: Path) -> None:
    (source / "dist" / "sample-1.2.3.tar.gz").unlink()
    os.mkfifo(source / "dist" / "sample-1.2.3.tar.gz")


def other_settings(source: Path) -> None:
    (source / "pyproject.toml").write_text('[tool.nox-ship.indexes.pypi]\nupload-url = "https://evil"\n', "utf-8")


def other_notes(source: Path) -> None:
    (source / ".nox-ship" / "notes.md").write_text("Get it at evil.example.", "utf-8")


def other_manifest(source: Path) -> None:
    path = source / ".nox-ship" / "manifest.json"
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**record, "version": "1.2.4"}), "utf-8")


@pytest.mark.parametrize(
    ("lie", "expected"),
    [
        (other_file, "NS603"),
        (no_file, "NS603"),
        (a_pipe, "NS603"),
        (other_settings, "NS603"),
        (other_notes, "NS603"),
        (other_manifest, "NS606"),
    ],
)
def test_what_differs_from_the_manifest_is_not_taken(
    artifact: Path, lie: Callable[[Path], None], expected: str
) -> None:
    """A file, setting or manifest in the artifact that differs from what the build announced is refused."""
    lie(artifact)
    with pytest.raises(ShipError, match=expected):
        receive(artifact, artifact.parent / "job")


def test_an_artifact_without_notes_is_taken(artifact: Path) -> None:
    """An artifact without release notes, such as one from an earlier nox-ship's workflow, is accepted."""
    (artifact / ".nox-ship" / "notes.md").unlink()
    receive(artifact, artifact.parent / "job")
    assert laid_out(artifact.parent / "job") == TAKEN - {".nox-ship/notes.md"}


@pytest.mark.parametrize("other", [{"commit": "1" * 40}, {"tag": "v1.2.4"}, {"commit": ""}, {"tag": ""}])
def test_files_of_another_commit_or_tag_are_not_taken(artifact: Path, other: dict[str, str]) -> None:
    """Files built from another commit or tag than the run's are refused (NS604), even with the announced manifest."""
    with pytest.raises(ShipError, match="NS604"):
        receive(artifact, artifact.parent / "job", **{"commit": "0" * 40, "tag": "v1.2.3", **other})
    assert not laid_out(artifact.parent / "job")
    receive(artifact, artifact.parent / "job", commit="0" * 40, tag="v1.2.3")
    assert laid_out(artifact.parent / "job") == TAKEN


@pytest.mark.parametrize(("value", "expected"), [(None, "NS761"), ("", "NS606")])
def test_a_manifest_that_nobody_announced_is_not_taken(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, expected: str
) -> None:
    """A manifest whose digest was not announced, or announced as an empty text, is refused."""
    if value is None:
        monkeypatch.delenv(DIGEST_VARIABLE)
    else:
        monkeypatch.setenv(DIGEST_VARIABLE, value)
    with pytest.raises(ShipError, match=expected):
        receive(artifact, artifact.parent / "job")
    assert not laid_out(artifact.parent / "job")


@pytest.mark.parametrize("name", ["commit", "tag_object", "onto"])
def test_what_is_no_hash_reaches_no_git(tmp_path: Path, name: str) -> None:
    """An object name that is no hash is refused before git sees it, as git could take it for an option or a ref."""
    objects: dict[str, Any] = {"commit": "a" * 40, "tag_object": "b" * 40, "onto": "c" * 40, name: "--output=x"}
    cut = Cut("main", "v2", **objects)
    told = list(_wrong(cut, tmp_path / "release.bundle", Repository.empty(tmp_path / "local")))
    assert told == ["The release's objects are not named by their hashes."]


def test_a_bundle_is_made_without_a_copy(tmp_path: Path) -> None:
    """A bundle is made without copying the objects or files of the repository."""
    stage = make_repository(tmp_path / "stage", {"a.txt": "1"})
    onto, commit = stage.head, commit_files(stage.path, {"a.txt": "2"})
    git(stage.path, "tag", "--annotate", "--message", "2", "v2")
    cut = Cut("main", "v2", commit, git(stage.path, "rev-parse", "v2"), onto)
    bundle(cut, stage, tmp_path / "scratch", tmp_path / "release.bundle")
    assert (tmp_path / "scratch" / "objects" / "info" / "alternates").is_file()
    assert not list((tmp_path / "scratch" / "objects").glob("??/*"))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_the_job_that_pushes_takes_objects_of_the_remotes_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """The job that pushes uses the remote's object format, which the length of the hash shows."""
    monkeypatch.setenv("GIT_DEFAULT_HASH", form)
    stage = make_repository(tmp_path / "stage", {"pyproject.toml": "1"})
    onto = stage.head
    git(tmp_path, "clone", "--quiet", "--bare", str(stage.path), "remote.git")
    commit = commit_files(stage.path, {"pyproject.toml": "2"}, "Release 2")
    git(stage.path, "tag", "--annotate", "--message", "2", "v2")
    cut = Cut("main", "v2", commit, git(stage.path, "rev-parse", "v2"), onto)
    bundle(cut, stage, tmp_path / "scratch", tmp_path / "release.bundle")
    started: list[tuple[str, str]] = []
    job = SimpleNamespace(
        remote=str(tmp_path / "remote.git"),
        github=None,
        workflow="x",
        start=lambda tag, target: started.append((tag, target)),
    )
    monkeypatch.setattr(command, "Job", SimpleNamespace(of=lambda _: job))
    monkeypatch.delenv("GIT_DEFAULT_HASH")
    told = {"onto": onto, "branch": "main", "commit": commit, "tag": "v2", "tag-object": cut.tag_object}
    options = [f"--{name}={value}" for name, value in told.items()]
    assert command.main(["push", str(tmp_path / "release.bundle"), *options]) == 0
    assert git(tmp_path / "remote.git", "rev-parse", "refs/heads/main", "v2") == f"{commit}\n{cut.tag_object}"
    assert started == [("v2", "route")]
