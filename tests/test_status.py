"""The session `status`: where the releases of a project stand, whatever state it is in."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import PROBLEM, TAGGED, FakeGates, FakeIndex, FakeRemote, Yard, make_index, make_yard, noxfile
from nox_ship import looking
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.package.build import dist_folder
from nox_ship.package.manifest import built_files
from nox_ship.project import Project
from nox_ship.release.following import following
from nox_ship.release.pipeline import STEPS, states
from nox_ship.release.planning import Request
from nox_ship.release.results import Planned
from nox_ship.release.run import Run
from nox_ship.release.stage import Stage, Workshop
from nox_ship.release.status import Standing, left_behind, look
from nox_ship.report import Report
from nox_ship.terminal import Voice
from nox_ship.world import onlooker
from nox_ship.world.onlooker import Onlooker
from nox_ship.world.remote import REMOTE_UNREACHABLE
from planning import record
from support import commit_files, git, write_files

pytestmark = pytest.mark.usefixtures("programs", "sessions")

WHEEL, SDIST = "sample-0.1.0-py3-none-any.whl", "sample-0.1.0.tar.gz"


def standing(yard: Yard, root: Path | None = None) -> Standing:
    """Return where the releases of a yard's project stand."""
    return look(root or yard.root, noxfile(yard.root, "tests"), Onlooker(yard.world), yard.shop)


def told(found: Standing) -> dict[str, str]:
    """Return the status of each step of the release that was found."""
    return {name: state.status for name, state in found.progress.steps.items()} if found.progress else {}


def pass_all(yard: Yard) -> None:
    """Record the sessions as passed, which the fake runner of sessions does not do."""
    record = yard.shop.record
    facts = json.loads(record.read_text("utf-8"))
    names = ("build", "verify-install", "tests")
    record.write_text(json.dumps({**facts, "passed": dict.fromkeys(names, 1.0)}), "utf-8")


def test_a_project_without_a_release_is_told_how_to_rehearse_one(yard: Yard) -> None:
    """Without tags and published files, the next command is a rehearsal."""
    found = standing(yard)
    assert (found.project, found.tag, found.since, found.branch) == ("sample", "", None, "main")
    assert [(one.index, one.newest) for one in found.indexes] == [("PyPI", ""), ("TestPyPI", "")]
    assert (found.progress, found.untold) == (None, [])
    assert following(found)[0] == "nox -s release -- auto --dry-run"


@pytest.mark.slow
def test_commits_since_the_last_release_are_counted(yard: Yard) -> None:
    """Commits are counted from the newest release before HEAD, and the index's newest version is shown too."""
    yard.tag("v0.1.0")
    yard.write({"a.txt": ""})
    yard.write({"b.txt": ""})
    git(yard.root, "branch", "next")
    yard.world.indexes["pypi"].earlier["sample-0.1.0.tar.gz"] = b""
    found = standing(yard)
    assert (found.tag, found.version, found.since) == ("v0.1.0", "0.1.0", 2)
    assert (found.indexes[0].newest, found.indexes[0].releases) == ("0.1.0", 1)
    git(yard.root, "switch", "--quiet", "next")
    commit_files(yard.root, {"c.txt": ""})
    git(yard.root, "tag", "v2.0.0")
    git(yard.root, "switch", "--quiet", "main")
    assert standing(yard).tag == "v0.1.0"


@pytest.mark.slow
def test_a_release_that_was_not_pushed_goes_on_by_its_version(unpushed: Yard) -> None:
    """The next command for an unpushed release names its version, and asking for the status changes nothing."""
    pass_all(unpushed)
    before = contents(unpushed)
    found = standing(unpushed)
    made, missing = ("stage", "bump", "gates", "upload rehearsal"), ("push", "checkout")
    assert {told(found)[name] for name in made} == {"done"}
    assert {told(found)[name] for name in missing} == {"missing"}
    assert following(found)[0] == "nox -s release -- 0.1.0"
    assert contents(unpushed) == before
    unpushed.write({"more.txt": ""})
    assert standing(unpushed).progress is None


@pytest.mark.slow
def test_a_release_whose_gates_have_not_passed_goes_on_by_its_version(yard: Yard, sessions: FakeGates) -> None:
    """If the gates failed, the upload rehearsal is unknown, and the next command names the version."""

    def fail(_: Stage) -> None:
        raise ShipError(PROBLEM("No."))

    sessions.afterwards = fail
    with pytest.raises(ShipError, match="NS000"):
        yard.release()
    found = standing(yard)
    expected = {"stage": "done", "bump": "done", "gates": "missing", "upload rehearsal": "unknown", "push": "missing"}
    assert {name: told(found)[name] for name in expected} == expected
    assert following(found)[0] == "nox -s release -- 0.1.0"


def contents(yard: Yard) -> dict[str, str]:
    """Return the hash of every file of a project and its releases."""
    files = (path for path in yard.root.parent.rglob("*") if path.is_file() and path.name != "index")
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_release_that_is_pushed_and_not_published_is_finished(unpublished: Yard) -> None:
    """The next command finishes an unpublished release by its version, or from its tag if HEAD has moved on."""
    yard = unpublished
    pass_all(yard)
    found = standing(yard)
    assert told(found) == {
        **dict.fromkeys(("stage", "bump", "gates", "upload rehearsal", "push", "checkout"), "done"),
        "difference": "unknown",
        "publish": "missing",
        "announce": "unknown",
    }
    assert following(found)[0] == "nox -s release -- 0.1.0"
    assert found.progress
    assert WHEEL in str(found.progress.steps["publish"].seen)
    dirty(yard)
    assert following(standing(yard))[0] == "git status"
    yard.write({"more.txt": ""})
    assert following(standing(yard))[0] == "git switch --detach v0.1.0 && nox -s publish"


@pytest.mark.slow
def test_a_checkout_that_has_the_tag_alone_is_behind_its_release(tmp_path: Path) -> None:
    """The step `checkout` is missing until the release branch has the commit, whichever branch is checked out."""
    yard = make_yard(tmp_path, {"CHANGELOG.md": "## Unreleased\n- a\n"})
    yard.release()
    assert told(standing(yard))["checkout"] == "done"
    git(yard.root, "switch", "--quiet", "--create", "side")
    assert told(standing(yard))["checkout"] == "done"
    git(yard.root, "branch", "--force", "main", "main~")
    assert told(standing(yard))["checkout"] == "missing"


@pytest.mark.slow
def test_other_bytes_on_the_index_are_told(unpublished: Yard) -> None:
    """If the index has a file with other content, publishing conflicts with it, and NS711 is named."""
    pass_all(unpublished)
    unpublished.world.indexes["pypi"].shelf[WHEEL] = b"other"
    found = standing(unpublished)
    assert told(found)["publish"] == "conflicting"
    assert "NS711" in following(found)[1]


@pytest.mark.slow
def test_files_that_changed_since_the_build_are_told(unpushed: Yard) -> None:
    """If built files changed, the gates conflict, later steps are unknown, and the record stays as it is."""
    pass_all(unpushed)
    built_files(dist_folder(Project.read(unpushed.shop.stage)))[0].write_bytes(b"other")
    found = standing(unpushed)
    assert (told(found)["gates"], told(found)["upload rehearsal"]) == ("conflicting", "unknown")
    assert '"passed": {}' not in unpushed.shop.record.read_text("utf-8")


@pytest.mark.slow
def test_a_release_at_its_end_leaves_nothing_to_do(released: Yard) -> None:
    """After a complete release, there is nothing to do until there are new commits."""
    yard = released
    pass_all(yard)
    found = standing(yard)
    assert found.progress
    assert not found.progress.open
    assert told(found)["publish"] == "done"
    assert following(found) == ("", "there are no commits since v0.1.0")
    yard.write({"more.txt": ""})
    found = standing(yard)
    assert found.progress
    assert not found.progress.open
    assert following(found)[0] == "nox -s release -- auto --dry-run"


@pytest.mark.slow
def test_a_release_that_was_made_elsewhere_is_looked_for_on_the_index(yard: Yard) -> None:
    """Without built files here, publishing is missing if the index has no file of the release, or else unknown."""
    yard.tag("v0.1.0")
    assert told(standing(yard))["publish"] == "missing"
    yard.world.indexes["pypi"].shelf[SDIST] = b""
    found = standing(yard)
    assert (told(found)["stage"], told(found)["push"], told(found)["publish"]) == ("missing", "done", "unknown")
    assert following(found)[0] == ""


@pytest.mark.slow
def test_what_was_built_of_another_release_is_not_compared_with_it(released: Yard) -> None:
    """Files that were built for an earlier release are not compared with the index's files of the newer one."""
    yard = released
    yard.write({"more.txt": ""})
    yard.tag("v0.2.0")
    shelf = yard.world.indexes["pypi"].shelf
    shelf.clear()
    shelf["sample-0.2.0.tar.gz"] = b""
    found = standing(yard)
    assert (found.tag, told(found)["publish"]) == ("v0.2.0", "unknown")


@pytest.mark.slow
def test_a_workflow_that_publishes_is_waited_for(tmp_path: Path) -> None:
    """If the workflow publishes, the next command waits for the index; once it has a file, the step is done."""
    yard = make_yard(tmp_path, {"pyproject.toml": f'{TAGGED}publish.by = "workflow"\n'})
    yard.release()
    found = standing(yard)
    assert told(found)["publish"] == "missing"
    assert following(found)[0] == "nox -s verify-published"
    yard.world.indexes["pypi"].shelf[SDIST] = b""
    found = standing(yard)
    assert told(found)["publish"] == "done"
    assert following(found)[0] == ""


def test_a_tag_that_is_not_pushed_is_released_by_its_version(yard: Yard) -> None:
    """The next command for a tag that is not pushed releases its version."""
    yard.tag("v0.1.0", pushed=False)
    assert following(standing(yard))[0] == "nox -s release -- 0.1.0"


def test_what_does_not_answer_is_told_and_the_rest_too(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote or index that does not answer in time is reported, and everything else is still shown."""
    yard.tag("v0.1.0", pushed=False)
    monkeypatch.setattr(onlooker, "SECONDS", 0.05)

    def silent(remote: FakeRemote) -> dict[str, str]:
        assert remote.seconds == 0.05
        raise ShipError(REMOTE_UNREACHABLE("The remote origin does not answer."))

    def slow(*_: object) -> None:
        time.sleep(0.3)

    monkeypatch.setattr(FakeRemote, "refs", silent)
    monkeypatch.setattr(FakeIndex, "listing", slow)
    found = standing(yard)
    assert [finding.id for finding in found.untold] == ["NS208"]
    assert all("did not answer within" in one.silent for one in found.indexes)
    assert (told(found)["push"], told(found)["publish"]) == ("unknown", "unknown")
    assert (found.tag, found.since) == ("v0.1.0", 0)


def dirty(yard: Yard) -> None:
    write_files(yard.root, {"new.txt": ""})


def detached(yard: Yard) -> None:
    git(yard.root, "checkout", "--quiet", "--detach")


def aside(yard: Yard) -> None:
    git(yard.root, "switch", "--quiet", "--create", "side")


def aside_of_the_usual_branch(yard: Yard) -> None:
    yard.write({"pyproject.toml": TAGGED.replace('branch = "main"\n', "")})
    aside(yard)


def behind(yard: Yard) -> None:
    yard.world.remote.has["refs/heads/main"] = "d" * 40


def diverged(yard: Yard) -> None:
    first = yard.repository.head
    yard.world.remote.has["refs/heads/main"] = commit_files(yard.root, {"theirs.txt": ""})
    git(yard.root, "reset", "--quiet", "--hard", first)
    commit_files(yard.root, {"ours.txt": ""})


@pytest.mark.parametrize(
    ("change", "command"),
    [
        (dirty, "git status"),
        (detached, "git switch main"),
        (aside, "git switch main"),
        (aside_of_the_usual_branch, "git switch main"),
        (behind, "git pull --ff-only"),
        (diverged, "git pull --rebase"),
    ],
)
def test_what_keeps_a_release_from_starting_comes_first(
    yard: Yard, change: Callable[[Yard], None], command: str
) -> None:
    """Whatever stops a release from starting decides the next command."""
    change(yard)
    assert following(standing(yard))[0] == command


def test_what_is_to_be_typed_is_quoted(yard: Yard) -> None:
    """A branch name with characters that a shell would interpret is quoted in the next command."""
    git(yard.root, "switch", "--quiet", "--create", "a;b")
    text = (yard.root / "pyproject.toml").read_text("utf-8").replace('branch = "main"', 'branch = "a;b"')
    yard.write({"pyproject.toml": text})
    git(yard.root, "switch", "--quiet", "main")
    yard.write({"pyproject.toml": text})
    assert following(standing(yard))[0] == "git switch 'a;b'"


@pytest.mark.slow
@pytest.mark.parametrize("pushed", [True, False])
def test_a_release_that_was_proposed_and_is_pushed_is_proposed_no_more(yard: Yard, pushed: bool) -> None:
    """A release that an earlier run proposed is finished by its proposal, until it is pushed."""
    left = replace(record(yard), proposal="e" * 40, branch="main")
    plan = left_behind(yard.project, yard.repository, left, pushed=pushed)
    assert (plan.bump, plan.delivery.proposes) == (not pushed, not pushed)


def test_a_record_that_names_no_version_counts_for_nothing(unpushed: Yard) -> None:
    """The record of an earlier run is ignored if its version is invalid."""
    record = unpushed.shop.record
    record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), "version": "x"}), "utf-8")
    assert standing(unpushed).progress is None


@pytest.mark.slow
def test_a_shallow_clone_does_not_count_what_it_does_not_have(yard: Yard, tmp_path: Path) -> None:
    """In a shallow clone, the last release comes from the remote's tags, and commits are not counted."""
    yard.tag("v0.1.0")
    yard.write({"a.txt": ""})
    yard.write({"b.txt": ""})
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-tags", yard.root.as_uri(), "shallow")
    clone = replace(yard, repository=Repository((tmp_path / "shallow").resolve()))
    clone.world.checkout = clone.repository
    found = standing(clone)
    assert (found.tag, found.since) == ("v0.1.0", None)


@pytest.mark.parametrize(
    ("begun", "files", "command"),
    [
        (False, {}, "git init"),
        (False, {"pyproject.toml": '[project]\nname = "sample"\n'}, "git init"),
        (True, {"pyproject.toml": '[project]\nname = "sample"\n'}, "git add --all && git commit"),
    ],
)
def test_a_folder_that_is_no_repository_yet_is_no_reason_to_fail(
    yard: Yard, tmp_path: Path, begun: bool, files: dict[str, str], command: str
) -> None:
    """Without a repository or a commit, the next command creates it, and whatever is known is shown."""
    folder = write_files(tmp_path / "new", files)
    if begun:
        git(folder, "init", "--quiet")
    found = standing(yard, folder)
    assert following(found)[0] == command
    assert found.project == ("sample" if files else "")


@pytest.mark.parametrize(
    "text", ["[project", "[project]\n", '[project]\nname = "sample"\n[tool.nox-ship]\ntag = "v"\n']
)
def test_a_project_that_cannot_be_read_is_no_reason_to_fail(yard: Yard, text: str) -> None:
    """An unreadable pyproject.toml is reported, and the repository's state is still found."""
    yard.write({"pyproject.toml": text})
    found = standing(yard)
    assert found.untold
    assert found.head == yard.repository.head


def test_nothing_is_made_ready_for_looking(yard: Yard) -> None:
    """Looking at the status creates no folder for releases."""
    shop = Workshop(yard.root.parent / "none")
    yard.tag("v0.1.0")
    look(yard.root, noxfile(yard.root, "tests"), Onlooker(yard.world), shop)
    assert not shop.folder.exists()


@pytest.mark.slow
def test_a_plan_tells_each_step_before_anything_is_done(yard: Yard) -> None:
    """A step whose state depends on an earlier one is unknown, with the reason."""
    run = yard.prepare()
    run.take(Planned(yard.release().plan))
    fresh = Workshop(yard.root.parent / "none")
    run = Run(yard.root, Request("minor"), run.sessions, yard.world, fresh, Voice(), Report(""), results=run.results)
    found = {step.name: state for step, state in states(run)}
    assert list(found) == [step.name for step in STEPS]
    assert found["gates"].status == "unknown"
    assert str(found["gates"].seen) == "there is no release commit to run them on"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that returns what the session prints for a yard."""

    def show(yard: Yard, *args: str) -> str:
        monkeypatch.setattr(looking, "RealWorld", lambda *_, **__: yard.world)
        monkeypatch.setattr(looking, "workshop_of", lambda _: yard.shop)
        capsys.readouterr()
        looking.status(yard.root, args, noxfile(yard.root, "tests"))
        return capsys.readouterr().out

    return show


@pytest.mark.slow
def test_the_steps_of_an_open_release_are_shown(
    unpushed: Yard, unpublished: Yard, released: Yard, shown: Callable[..., str]
) -> None:
    """The steps of an incomplete release are shown, but not those of a complete one, and the next command last."""
    assert "v0.1.0 is made here, but not pushed" in shown(unpushed)
    capture = shown(unpublished).splitlines()
    assert any(line.startswith("release          v0.1.0 is incomplete") for line in capture)
    assert any(line.startswith(f"  missing        publish: PyPI lacks {WHEEL}") for line in capture)
    assert capture[-1].startswith("Next: nox -s release -- 0.1.0 (")
    pass_all(released)
    capture = shown(released).splitlines()
    assert any("is complete" in line for line in capture)
    assert not any("publish:" in line for line in capture)
    assert capture[-1] == "Next: nothing; there are no commits since v0.1.0"


@pytest.mark.slow
def test_machines_are_told_the_same(unpublished: Yard, shown: Callable[..., str]) -> None:
    """With `--json`, the same facts are printed as one JSON object and nothing else."""
    unpublished.world.indexes["testpypi"] = make_index("TestPyPI", late=["silent"])
    facts = json.loads(shown(unpublished, "--json"))
    assert facts["last_release"] == {"tag": "v0.1.0", "commits_since": 0}
    assert facts["release"]["open"] is True
    assert {step["name"]: step["status"] for step in facts["release"]["steps"]}["push"] == "done"
    assert facts["next"]["command"] == "nox -s release -- 0.1.0"
