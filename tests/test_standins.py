from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from fakes import Programs
from nox_ship.config import Settings
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.world.real import RealWorld
from nox_ship.world.remote import Remote, remote_name
from nox_ship.world.standins import StandInIndex, StandIns
from support import commit_files, git, make_remote, make_repository, make_wheel, write_files


def make_pair(folder: Path) -> tuple[Repository, Path]:
    """Return a repository and its bare remote, which holds branch main and tag v1."""
    repository = make_repository(folder / "checkout")
    git(repository.path, "tag", "--annotate", "--message", "x", "v1")
    remote = make_remote(repository, folder / "origin.git")
    with (repository.path / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write('[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n')
    return repository, remote


def make_world(folder: Path, repository: Repository, remote: str | None = None) -> StandIns:
    """Return the world of stand-ins for a repository."""
    (folder / "world").mkdir()
    return StandIns(repository.path, folder / "world", remote=remote)


def objects(repository: Repository, *refs: str) -> dict[str, str]:
    """Return the commits or tags that a repository's refs name."""
    return {ref: repository.run("rev-parse", ref) for ref in refs}


@pytest.mark.slow
def test_the_stand_in_has_what_the_remote_has(tmp_path: Path) -> None:
    """The stand-in has the branches and tags of the remote, not those of the checkout."""
    repository, _ = make_pair(tmp_path)
    pushed = repository.head
    commit_files(repository.path, {"x": ""})
    git(repository.path, "tag", "mine")
    world = make_world(tmp_path, repository)
    expected = {"refs/heads/main": pushed, "refs/tags/v1": pushed}
    assert world.known_refs() == expected
    assert world.remote.refs() == expected
    assert world.notices() == ()


@pytest.mark.slow
def test_a_push_reaches_the_stand_in_alone(tmp_path: Path) -> None:
    """A push changes only the stand-in, and neither the real remote nor the checkout."""
    repository, bare = make_pair(tmp_path)
    before = git(bare, "for-each-ref"), git(repository.path, "for-each-ref")
    world = make_world(tmp_path, repository)
    checkout = world.checkout
    commit = commit_files(checkout.path, {"x": ""})
    world.remote.push(checkout, objects(checkout, "refs/heads/main"))
    assert world.remote.refs()["refs/heads/main"] == commit
    assert (git(bare, "for-each-ref"), git(repository.path, "for-each-ref")) == before


@pytest.mark.slow
def test_a_push_is_all_or_nothing(tmp_path: Path) -> None:
    """If one reference of a push is refused, none arrives, with NS231."""
    repository, _ = make_pair(tmp_path)
    world = make_world(tmp_path, repository)
    checkout = world.checkout
    before = world.remote.refs()
    commit_files(checkout.path, {"x": ""})
    git(checkout.path, "tag", "--force", "v1")
    with pytest.raises(ShipError, match="NS231"):
        world.remote.push(checkout, objects(checkout, "refs/heads/main", "refs/tags/v1"))
    assert world.remote.refs() == before


@pytest.mark.slow
def test_commits_that_were_not_fetched_are_left_out(tmp_path: Path) -> None:
    """Branches whose commits were not fetched are known by name, but left out of the stand-in."""
    repository, bare = make_pair(tmp_path)
    git(tmp_path, "clone", "--quiet", str(bare), "other")
    git(tmp_path / "other", "config", "user.name", "Other")
    git(tmp_path / "other", "config", "user.email", "o@example.invalid")
    theirs = commit_files(tmp_path / "other", {"y": ""})
    git(tmp_path / "other", "push", "--quiet", "origin", "main:theirs")
    world = make_world(tmp_path, repository)
    assert world.known_refs()["refs/heads/theirs"] == theirs
    assert set(world.remote.refs()) == {"refs/heads/main", "refs/tags/v1"}


def test_a_remote_that_does_not_answer_is_stood_in_for_by_what_was_fetched(tmp_path: Path) -> None:
    """If the remote does not answer, the stand-in has what was fetched last, and a notice says so."""
    repository, bare = make_pair(tmp_path)
    bare.rename(tmp_path / "gone.git")
    world = make_world(tmp_path, repository)
    assert world.known_refs() == {"refs/heads/main": repository.head}
    assert [(notice.id, notice.level) for notice in world.notices()] == [("NS210", "notice")]
    assert world.remote.refs() == {"refs/heads/main": repository.head}


@pytest.mark.slow
def test_a_repository_without_a_remote_has_an_empty_one(tmp_path: Path) -> None:
    """Without a remote, the stand-in is empty and can be pushed to, and a notice says so."""
    repository = make_repository(tmp_path / "checkout")
    world = make_world(tmp_path, repository)
    assert world.known_refs() == {}
    assert [notice.id for notice in world.notices()] == ["NS209"]
    world.remote.push(repository, objects(repository, "refs/heads/main"))
    assert world.remote.refs() == {"refs/heads/main": repository.head}


def test_the_checkout_of_the_world_is_a_clone(tmp_path: Path) -> None:
    """The checkout of a rehearsal is a clone of the user's, at the same commit and branch."""
    repository, _ = make_pair(tmp_path)
    checkout = make_world(tmp_path, repository).checkout
    assert checkout.path != repository.path
    assert (checkout.head, checkout.branch) == (repository.head, "main")


def test_an_unreachable_remote_is_a_finding(tmp_path: Path) -> None:
    """Asking an unreachable remote for its refs raises NS208 with git's message."""
    repository = make_repository(tmp_path / "checkout")
    with pytest.raises(ShipError, match=r"NS208.*gone"):
        Remote("gone", str(tmp_path / "gone.git"), repository).refs()


@pytest.mark.parametrize(
    ("remotes", "own", "wanted", "expected"),
    [
        ([], None, None, None),
        (["upstream"], None, None, "upstream"),
        (["a", "origin"], None, None, "origin"),
        (["a", "origin"], "a", None, "a"),
        (["a", "origin"], ".", None, "origin"),
        (["a", "origin"], "gone", None, "origin"),
        (["a", "origin", "other"], "a", "other", "other"),
        (["origin"], "https://example.invalid/x", None, "origin"),
    ],
)
def test_the_remote_of_a_release(
    tmp_path: Path, remotes: list[str], own: str | None, wanted: str | None, expected: str | None
) -> None:
    """The remote of a release is the setting, else that of the branch, else origin, else the only one."""
    repository = make_repository(tmp_path)
    for name in remotes:
        git(tmp_path, "remote", "add", name, f"/nowhere/{name}")
    if own:
        git(tmp_path, "config", "branch.main.remote", own)
    assert remote_name(repository, wanted) == expected


@pytest.mark.slow
def test_several_remotes_and_no_choice_are_told(tmp_path: Path) -> None:
    """With several remotes and no setting, NS214 asks for a choice; none is taken because it comes first."""
    repository = make_repository(tmp_path / "one")
    for name in ("fork", "upstream"):
        git(repository.path, "remote", "add", name, "/nowhere")
        git(repository.path, "update-ref", f"refs/remotes/{name}/{name}", "HEAD")
        git(repository.path, "symbolic-ref", f"refs/remotes/{name}/HEAD", f"refs/remotes/{name}/{name}")
    with pytest.raises(ShipError, match=r"NS214.*fork, upstream.*Set `remote`"):
        remote_name(repository, None)
    with pytest.raises(ShipError, match="NS214"):
        make_world(tmp_path, repository).known_refs()
    with pytest.raises(ShipError, match="NS214"):
        _ = RealWorld(repository.path, tmp_path, Settings()).remote
    assert repository.default_branch() == "main"
    assert repository.default_branch("upstream") == "upstream"
    assert remote_name(repository, "upstream") == "upstream"
    git(repository.path, "branch", "--move", "other")
    assert repository.default_branch() is None
    git(repository.path, "reset", "--quiet", "--hard")
    head = commit_files(repository.path, {"more.txt": ""})
    git(repository.path, "update-ref", "refs/remotes/fork/main", head)
    assert repository.release_branch(head, "main") is None
    assert repository.release_branch(head, "main", "fork") == "main"


@pytest.mark.parametrize("names", [[], ["origin", "upstream"]])
def test_a_remote_that_is_set_must_be_there(tmp_path: Path, names: list[str]) -> None:
    """If the remote in the settings does not exist, NS214 lists those that do."""
    repository = make_repository(tmp_path / "one")
    for name in names:
        git(repository.path, "remote", "add", name, "/nowhere")
    with pytest.raises(ShipError, match=f"NS214.*'other'.*has {', '.join(names) or 'none'}"):
        make_world(tmp_path, repository, "other").known_refs()
    with pytest.raises(ShipError, match="NS214"):
        _ = RealWorld(repository.path, tmp_path, Settings(remote="other")).remote


@pytest.mark.slow
def test_the_remote_of_a_release_tells_the_default_branch(tmp_path: Path) -> None:
    """The default branch is that of the release's remote, even if another remote comes first in the alphabet."""
    repository = make_repository(tmp_path)
    for remote, branch in (("fork", "develop"), ("origin", "trunk"), ("zoo", "next")):
        git(tmp_path, "remote", "add", remote, "/nowhere")
        git(tmp_path, "update-ref", f"refs/remotes/{remote}/{branch}", "HEAD")
        git(tmp_path, "symbolic-ref", f"refs/remotes/{remote}/HEAD", f"refs/remotes/{remote}/{branch}")
    assert (repository.default_branch(), remote_name(repository, None)) == ("trunk", "origin")
    assert repository.default_branch("zoo") == "next"
    git(tmp_path, "config", "branch.main.remote", "fork")
    assert (repository.default_branch(), remote_name(repository, None)) == ("develop", "fork")
    git(tmp_path, "switch", "--quiet", "--detach")
    assert repository.release_branch(repository.head, None) == "trunk"
    assert repository.release_branch(repository.head, "develop") is None
    assert repository.release_branch(repository.head, None, "zoo") == "next"
    git(tmp_path, "symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert repository.default_branch() == "main"
    git(tmp_path, "switch", "--quiet", "--create", "other")
    git(tmp_path, "branch", "--delete", "main")
    assert repository.default_branch() == "develop"


@pytest.mark.slow
def test_the_stand_in_is_as_the_repository_is_and_not_as_the_user_likes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in has the repository's object format, and no hooks from the user's git template."""
    hook = write_files(tmp_path / "template" / "hooks", {"pre-receive": "#!/bin/sh\nexit 1\n"}) / "pre-receive"
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    repository = make_repository(tmp_path / "checkout")
    assert len(repository.head) == len("f" * 64)
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha1")
    settings = f"[init]\ndefaultBranch = trunk\ntemplateDir = {tmp_path}/template\n"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(write_files(tmp_path, {"settings": settings}) / "settings"))
    monkeypatch.delenv("GIT_TEMPLATE_DIR")
    world = make_world(tmp_path, repository)
    world.remote.push(repository, objects(repository, "refs/heads/main"))
    assert world.remote.refs() == {"refs/heads/main": repository.head}
    assert git(Path(world.remote.url), "symbolic-ref", "HEAD") == "refs/heads/main"
    assert repository.known([repository.head, "0" * 64]) == {repository.head}


def test_the_index_has_what_an_earlier_rehearsal_uploaded(tmp_path: Path) -> None:
    """The index serves copies of files from an earlier rehearsal, and marks them as uploads of a rehearsal."""
    source = make_repository(tmp_path / "checkout")
    wheel = make_wheel(tmp_path / "dist", {"sample/__init__.py": ""})
    with StandIns(source.path, tmp_path / "world") as world:
        world.recall([wheel])
        wheel.unlink()
        served = world.index("pypi", "sample").listing("sample", "1.2.3").files
    assert {name: one.trial for name, one in served.items()} == {"sample-1.2.3-py3-none-any.whl": True}


def test_an_index_that_is_not_there_has_no_stand_in(tmp_path: Path) -> None:
    """An index in the settings has a stand-in; an unknown one is refused with NS753, as in the real world."""
    folder = tmp_path / "world"
    with StandIns(tmp_path, folder, indexes=["mine"]) as world:
        assert world.index("mine", "sample").name == "the stand-in for mine"
        with pytest.raises(ShipError, match=r"NS753.*'nonsense'\. The indexes are mine, pypi, testpypi"):
            world.index("nonsense", "sample")


def test_a_taken_port_is_a_finding(tmp_path: Path) -> None:
    """A port that is in use, or is no valid port, is refused with NS803."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ShipError, match=f"NS803.*{port}"):
            StandInIndex(tmp_path, port)
    with pytest.raises(ShipError, match="NS803"):
        StandInIndex(tmp_path, 70000)


def test_the_index_ends_with_the_world(tmp_path: Path) -> None:
    """The index answers under any name inside the `with` block, and no longer after it."""
    repository = make_repository(tmp_path / "checkout")
    with make_world(tmp_path, repository) as world:
        index = world.index("pypi", "sample")
        assert index.name == "the stand-in for PyPI"
        assert index.files("sample", "1.0") == {}
        assert index.simple_url == world.rehearsal_index.simple_url
    with pytest.raises(ShipError, match="NS701"):
        index.files("sample", "1.0")


def test_an_index_that_is_closed_at_once_is_quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that is closed at once leaves no thread and shows no traceback."""
    before, raised = set(threading.enumerate()), list[object]()
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_value))
    for number in range(5):
        StandInIndex(tmp_path / str(number)).close()
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(5)
    assert raised == []
    assert left == set()


def test_credentials_of_the_stand_in_are_not_shown(tmp_path: Path) -> None:
    """The representation of the stand-in index contains no credentials."""
    server = StandInIndex(tmp_path)
    assert "TWINE" not in repr(server.index)
    server.close()


def test_the_stand_in_is_made_in_a_form_that_we_write(tmp_path: Path, programs: Programs) -> None:
    """The stand-in's refs are stored as files, even if the user's git prefers another format."""
    assert make_world(tmp_path, make_repository(tmp_path / "checkout")).remote.refs() == {}
    (call,) = programs.started("init")
    assert call.env["GIT_DEFAULT_REF_FORMAT"] == "files"
