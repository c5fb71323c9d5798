"""A release pushes the objects that its bump made, whatever the tested code does to the clone."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from fakes import opened, write_dist
from nox_ship.errors import ShipError
from nox_ship.gates.noxfile import Sessions
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.pipeline import STEPS, advance
from nox_ship.release.planning import Plan, Request
from nox_ship.release.results import Planned, Result, Staged
from nox_ship.release.run import Run
from nox_ship.release.source import VersionSource
from nox_ship.release.stage import Workshop, last_release, sealed
from nox_ship.report import Report
from nox_ship.terminal import Voice
from nox_ship.world.remote import Remote
from nox_ship.world.world import World
from prepared import Prepared
from support import commit_files, git, make_remote, make_repository, write_files

ODD = os.fsdecode(b"caf\xe9")
"""A name that is not UTF-8."""
FILES = {
    "pyproject.toml": '[project]\nname = "sample"\ndynamic = ["version"]\n[tool.hatch.version]\nsource = "vcs"\n',
    "sample.py": "GOOD = 1\n",
    "sub/inner.py": "GOOD = 1\n",
    "dist/.gitkeep": "",
    ODD + "/inner.py": "GOOD = 1\n",
}
Tamper = Callable[[Path], object]


class Place:
    """A world that consists of a checkout and its remote."""

    def __init__(self, checkout: Repository, remote: Remote) -> None:
        self.checkout, self.remote = checkout, remote


def shop_of(folder: Path) -> Workshop:
    (folder / "shop").mkdir(exist_ok=True)
    return Workshop(folder / "shop")


def plan_of(checkout: Repository) -> Plan:
    return Plan(
        project=Project.read(checkout.path),
        repository=checkout,
        branch="main",
        release_branch="main",
        head=checkout.head,
        gates=(),
        index="pypi",
        source=VersionSource("tags"),
        current="0",
        version="1.0",
        tag="v1.0",
        bump=True,
        message="Release 1.0",
        tag_message="Release 1.0",
    )


def begun(folder: Path, *results: Result) -> Run:
    """Return a run in a folder with a checkout and its remote, after steps with these results."""
    checkout = Repository(folder / "checkout")
    world = cast("World", Place(checkout, Remote("origin", "origin", checkout)))
    voice = Voice(console=Console(file=io.StringIO()))
    run = Run(checkout.path, Request("1.0"), Sessions(), world, shop_of(folder), voice, Report("Release"))
    for result in results:
        run.take(result)
    return run


def _bumped(folder: Path) -> tuple[Path, Planned, Result, Result]:
    """Return a folder with a bumped stage and a remote with the branch, and the results of the steps so far."""
    checkout = make_repository(folder / "checkout", FILES)
    make_remote(checkout, folder / "origin.git")
    run = begun(folder, Planned(plan_of(checkout)))
    for step in STEPS[1:3]:
        advance(step, run)
    write_dist(run.bumped.project, run.bumped.objects.commit, "1.0")
    return folder, run.of(Planned), run.of(Staged), run.bumped


@pytest.fixture
def run(prepared: Prepared) -> Run:
    """Return a run whose next step is the push."""
    folder, *results = prepared(_bumped)
    return begun(folder, *results)


def go(run: Run, name: str) -> Result:
    """Perform one step."""
    return advance(next(step for step in STEPS if step.name == name), run)


def refs(run: Run) -> str:
    """Return the refs of the remote."""
    return git(run.root.parent / "origin.git", "for-each-ref", "--format=%(refname) %(objectname)")


def append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def run_file(path: Path) -> None:
    append(path, "#!/bin/sh\nexit 0\n")
    path.chmod(0o755)


def amend(stage: Path) -> None:
    """Move the tag and branch of the release to other code."""
    write_files(stage, {"sample.py": "EVIL = 1\n"})
    git(stage, "commit", "--quiet", "--all", "--amend", "--message", "Release 1.0")
    git(stage, "tag", "--force", "--annotate", "--message", "Release 1.0", "v1.0")


def move_the_tag(stage: Path) -> None:
    """Move only the tag to other code."""
    amend(stage)
    git(stage, "reset", "--quiet", "--hard", "HEAD@{1}")


def hide_by(flag: str) -> Tamper:
    def tamper(stage: Path) -> None:
        git(stage, "update-index", flag, "sample.py")
        write_files(stage, {"sample.py": "EVIL = 1\n"})

    return tamper


def hide_by_a_filter(stage: Path) -> None:
    git(stage, "config", "filter.x.clean", "echo GOOD = 1")
    append(stage / ".git" / "info" / "attributes", "*.py filter=x\n")
    write_files(stage, {"sample.py": "EVIL = 1\n"})


def replace(stage: Path) -> None:
    """Make git show another commit in place of the release's."""
    head = git(stage, "rev-parse", "HEAD")
    other = git(stage, "commit-tree", "-m", "other", git(stage, "rev-parse", "HEAD^{tree}"))
    git(stage, "replace", head, other)


def plant_in_the_checkouts_hooks(stage: Path) -> None:
    """Write a hook into the folder that the clone's settings name; a push would run it with the user's rights."""
    run_file(Path(git(stage, "config", "core.hooksPath")) / "pre-push")


def stash(stage: Path) -> None:
    write_files(stage, {"sample.py": "EVIL\n"})
    git(stage, "stash", "--quiet")


def stage_an_edit(stage: Path) -> None:
    append(stage / "sample.py", "x = 1\n")
    git(stage, "add", "sample.py")


def put_a_symlink(stage: Path) -> None:
    (stage / "sample.py").unlink()
    (stage / "sample.py").symlink_to("sub")


TAMPERINGS: dict[str, Tamper] = {
    "amend": amend,
    "move the tag": move_the_tag,
    "delete the tag": lambda stage: git(stage, "tag", "--delete", "v1.0"),
    "another tag": lambda stage: git(stage, "tag", "v9.9"),
    "another branch": lambda stage: git(stage, "branch", "evil"),
    "a commit on top": lambda stage: commit_files(stage, {"more.py": ""}),
    "another HEAD": lambda stage: git(stage, "checkout", "--quiet", "--detach"),
    "a stash": stash,
    "an edit": lambda stage: write_files(stage, {"sample.py": "EVIL = 1\n"}),
    "an edit that is staged": stage_an_edit,
    "a file less": lambda stage: (stage / "sub" / "inner.py").unlink(),
    "a file as a symlink": put_a_symlink,
    "a mode": lambda stage: (stage / "sample.py").chmod(0o755),
    "an edit taken for unchanged": hide_by("--assume-unchanged"),
    "an edit that is skipped": hide_by("--skip-worktree"),
    "an edit that a filter hides": hide_by_a_filter,
    "attributes of a folder whose name is not UTF-8": lambda stage: append(stage / ODD / ".gitattributes", "* ident\n"),
    "attributes of a folder": lambda stage: append(stage / "sub" / ".gitattributes", "*.py ident\n"),
    "a setting": lambda stage: git(stage, "config", "core.sshCommand", "evil"),
    "settings of the work tree": lambda stage: append(stage / ".git" / "config.worktree", "[core]\n\tx = y\n"),
    "what is ignored": lambda stage: append(stage / ".git" / "info" / "exclude", "*\n"),
    "a hook": lambda stage: run_file(stage / ".git" / "hooks" / "pre-push"),
    "a hook of the checkout": plant_in_the_checkouts_hooks,
    "borrowed objects": lambda stage: append(stage / ".git" / "objects" / "info" / "alternates", "/tmp\n"),
    "a graft": lambda stage: append(stage / ".git" / "info" / "grafts", "x\n"),
    "a replacement": replace,
    "a common folder": lambda stage: append(stage / ".git" / "commondir", "../../checkout/.git\n"),
    "a folder of git's that is a symlink": lambda stage: (stage / ".git" / "modules").symlink_to("/tmp"),
}


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_clone_that_was_changed_is_not_pushed(run: Run, tamper: Tamper) -> None:
    """A clone whose refs, files or settings were changed stops the push (NS236), and no later run uses that clone."""
    before = refs(run)
    tamper(run.stage.root)
    with pytest.raises(ShipError, match="NS236"):
        go(run, "push")
    assert refs(run) == before
    assert run.report.pushed == "no"
    assert last_release(run.workshop) is None


def litter(stage: Path) -> None:
    write_files(stage, {"new.txt": "", "sub/__pycache__/x.pyc": "", "dist/notes.txt": "", "dist/.gitkeep": "x"})
    write_files(stage / "repository-of-a-test", {".gitattributes": "*.py ident\n"})
    (stage / "sample.py").touch()
    git(stage, "status")
    git(stage, "gc", "--quiet")
    git(stage, "fetch", "--quiet", ".", "main")


@pytest.mark.slow
def test_litter_of_tests_does_not_matter(run: Run) -> None:
    """Untracked files, built files, a rewritten index and git's housekeeping do not stop the push."""
    litter(run.stage.root)
    go(run, "push")
    assert "refs/tags/v1.0" in refs(run)


def vanish(stage: Path) -> None:
    """Delete all refs, so that only the objects are left."""
    shutil.rmtree(stage / ".git" / "refs" / "tags")
    git(stage, "update-ref", "-d", "refs/heads/main")


@pytest.mark.slow
@pytest.mark.parametrize("tamper", [amend, move_the_tag, replace, vanish])
def test_what_acts_after_the_comparison_comes_too_late(run: Run, tamper: Tamper) -> None:
    """If a leftover process moves refs after the comparison, the objects that were tested are still what is pushed."""
    stage = run.stage.root
    expected = {name: git(stage, "rev-parse", name) for name in ("HEAD", "v1.0")}

    def late(_: Run) -> None:
        git(stage, "tag", "evil")
        tamper(stage)

    run.confirm = late
    go(run, "push")
    go(run, "checkout")
    assert refs(run).splitlines() == [
        f"refs/heads/main {expected['HEAD']}",
        f"refs/tags/v1.0 {expected['v1.0']}",
    ]
    checkout = run.root
    assert git(checkout, "tag") == "v1.0"
    assert git(checkout, "rev-parse", "HEAD", "v1.0").split() == list(expected.values())
    assert (checkout / "sample.py").read_text("utf-8") == "GOOD = 1\n"


def test_a_checkout_on_another_branch_gets_the_same_objects(run: Run) -> None:
    """If the user switched branches meanwhile, the checkout still receives only the release's commit and tag."""
    commit = git(run.stage.root, "rev-parse", "HEAD")
    git(run.root, "switch", "--quiet", "--create", "other")
    git(run.stage.root, "tag", "evil")
    amend(run.stage.root)
    go(run, "checkout")
    assert git(run.root, "rev-parse", "main", "v1.0^{commit}").split() == [commit, commit]
    assert git(run.root, "tag") == "v1.0"


def test_a_tag_that_the_user_made_meanwhile_is_not_moved(run: Run) -> None:
    """If the user made the same tag in the checkout meanwhile, the checkout is left as it is."""
    git(run.root, "tag", "v1.0", git(run.root, "commit-tree", "-m", "x", git(run.root, "rev-parse", "HEAD^{tree}")))
    before = git(run.root, "for-each-ref")
    assert str(go(run, "checkout")) == "left as it is"
    assert git(run.root, "for-each-ref") == before


def forge_a_commit(run: Run) -> None:
    """Make a release of two commits, and enter it in the record."""
    stage = run.stage.root
    commit_files(stage, {"a": ""})
    run.stage.record.commit = commit_files(stage, {"b": ""})
    git(stage, "tag", "--force", "--annotate", "--message", "x", "v1.0")


def forge_settings(run: Run) -> None:
    git(run.stage.root, "config", "core.sshCommand", "evil")


def hide_an_edit(run: Run) -> None:
    hide_by("--assume-unchanged")(run.stage.root)


@pytest.mark.slow
@pytest.mark.parametrize("forge", [forge_a_commit, forge_settings, hide_an_edit])
def test_a_clone_that_was_changed_is_not_used_again(run: Run, forge: Callable[[Run], object]) -> None:
    """If a run ended before it could find the change, the next run finds it and makes a new clone."""
    assert opened(run.workshop, run.plan).reused
    forge(run)
    run.stage.save()
    again = opened(run.workshop, run.plan)
    assert not again.reused
    assert git(again.root, "config", "--get-all", "core.hooksPath")
    assert again.repository.head == run.plan.head


def test_a_stage_that_leads_to_the_checkout_is_not_cleaned(run: Run) -> None:
    """If the clone was replaced by a symlink to the checkout, the user's untracked files there are kept."""
    checkout = run.root
    git(checkout, "fetch", "--quiet", "--tags", str(run.stage.root))
    write_files(checkout, {"notes.txt": "mine"})
    shutil.rmtree(run.workshop.stage)
    run.workshop.stage.symlink_to(checkout)
    assert not opened(run.workshop, run.plan).reused
    assert (checkout / "notes.txt").read_text("utf-8") == "mine"
    assert not run.workshop.stage.is_symlink()


@pytest.mark.slow
def test_a_submodule_that_was_changed_stops_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed files and settings of a submodule stop the release, but untracked files in it do not."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    library = make_repository(tmp_path / "library", {"library.py": "GOOD = 1\n"})
    checkout = make_repository(tmp_path / "checkout", FILES)
    git(checkout.path, "submodule", "--quiet", "add", str(library.path), "library")
    git(checkout.path, "commit", "--quiet", "--message", "library")
    stage = opened(shop_of(tmp_path), plan_of(checkout))
    seal = sealed(stage.workshop, plan_of(checkout), checkout.head)
    inner = stage.root / "library"
    write_files(inner, {"litter.txt": ""})
    assert seal.broken() == []
    write_files(inner, {"library.py": "EVIL = 1\n"})
    assert seal.broken() == ["library/library.py"]
    name = min(FILES)
    write_files(stage.root, {name: "evil"})
    assert seal.broken() == sorted([name, "library/library.py"])
    write_files(stage.root, {name: FILES[name]})
    git(inner, "update-index", "--assume-unchanged", "library.py")
    assert seal.broken() == ["library/library.py"]
    git(inner, "config", "core.sshCommand", "evil")
    assert seal.broken() == [".git/modules/library/config"]


def hook_of_the_remote(run: Run, text: str) -> None:
    hook = run.root.parent / "origin.git" / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    hook.chmod(0o755)


@pytest.mark.slow
def test_a_push_that_is_cut_off_may_have_arrived(run: Run) -> None:
    """If the connection ends before the server answers, NS238 is raised, as the push may have arrived."""
    hook_of_the_remote(run, "kill -9 $PPID")
    with pytest.raises(ShipError, match="NS238"):
        go(run, "push")
    assert run.report.pushed == "unknown"


@pytest.mark.parametrize("error", [OSError("x"), KeyboardInterrupt(), MemoryError()])
def test_what_happens_at_the_push_is_unknown(run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """If Ctrl-C or a system error interrupts the push, the report says that it is unknown whether it arrived."""

    def push(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Remote, "push", push)
    with pytest.raises(type(error)):
        go(run, "push")
    assert run.report.pushed == "unknown"


@pytest.mark.slow
def test_a_push_that_was_refused_changed_nothing(run: Run) -> None:
    """If the remote refuses the push, NS231 is raised and the report says that nothing was pushed."""
    hook_of_the_remote(run, "exit 1")
    with pytest.raises(ShipError, match="NS231"):
        go(run, "push")
    assert run.report.pushed == "no"
