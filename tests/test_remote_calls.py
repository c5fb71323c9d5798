from __future__ import annotations

from pathlib import Path

import pytest

from fakes import Programs
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.world.remote import Remote
from support import commit_files, git, make_repository

JOB = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://example.invalid", "GITHUB_TOKEN": "job-token"}


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """Return a remote for which a fake answers instead of git."""
    for name in JOB:
        monkeypatch.delenv(name, raising=False)
    return Remote("origin", "origin", make_repository(tmp_path))


def test_git_gets_what_it_may_need_and_nothing_of_an_index(
    remote: Remote, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git, whose hooks run the project's code, gets the token of a forge but none of an index."""
    monkeypatch.setenv("PYPI_API_TOKEN", "x")
    monkeypatch.setenv("GITLAB_TOKEN", "x")
    programs.answer("ls-remote")
    programs.answer("push")
    remote.refs()
    remote.push(remote.local, {"refs/heads/main": remote.local.head})
    talks = [*programs.started("ls-remote"), *programs.started("push")]
    assert len(talks) == 2
    for call in talks:
        assert call.options["keep"] == {"GITLAB_TOKEN"}


def test_branch_and_tag_are_pushed_as_one(remote: Remote, programs: Programs) -> None:
    """Branch and tag go out in one atomic push without force, and nothing else goes with them."""
    programs.answer("push")
    remote.push(remote.local, {"refs/heads/main": "a" * 40, "refs/tags/v1": "b" * 40})
    (call,) = programs.started("push")
    line = list(call.line[call.line.index("push") :])
    assert {"--atomic", "--no-follow-tags"} <= set(line)
    assert line[-2:] == [f"{'a' * 40}:refs/heads/main", f"{'b' * 40}:refs/tags/v1"]
    assert not {"--force", "-f", "--tags", "--mirror", "--no-verify"} & set(line)
    assert not any(word.startswith("+") for word in line)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("remote: error: GH006: Protected branch update failed", "protects"),
        ("! [rejected] main -> main (fetch first)", "newer commits"),
        ("fatal: Authentication failed", "access"),
        ("something else", ""),
    ],
)
def test_a_refused_push_says_what_to_do(remote: Remote, programs: Programs, said: str, remedy: str) -> None:
    """If the remote refuses a push, NS231 shows git's message and a remedy that fits it."""
    programs.answer("push", code=1, stdout=said)
    programs.answer("ls-remote", stdout="")
    with pytest.raises(ShipError, match="NS231") as caught:
        remote.push(remote.local, {"refs/heads/main": "a" * 40})
    (finding,) = caught.value.findings
    assert finding.detail == said
    assert remedy in finding.remedy


@pytest.mark.parametrize("arrived", [{"refs/heads/main": "a" * 40}, {"refs/tags/v1": "b" * 40}, {}])
def test_half_a_push_is_none(remote: Remote, programs: Programs, arrived: dict[str, str]) -> None:
    """A failed push counts as done only if the remote has both branch and tag at the pushed objects."""
    programs.answer("push", code=1)
    listing = {"refs/heads/main": "c" * 40, "refs/tags/v1": "d" * 40, **arrived}
    programs.answer("ls-remote", stdout="".join(f"{commit}\t{name}\n" for name, commit in listing.items()))
    with pytest.raises(ShipError, match="NS231"):
        remote.push(remote.local, {"refs/heads/main": "a" * 40, "refs/tags/v1": "b" * 40})


def test_a_push_whose_answer_was_lost_is_looked_for(remote: Remote, programs: Programs) -> None:
    """A failed push is done if branch and tag arrived; if the remote does not answer, the remedy is to rerun."""
    programs.answer("push", code=1)
    programs.answer("ls-remote", stdout=f"{'a' * 40}\trefs/heads/main\n{'b' * 40}\trefs/tags/v1")
    remote.push(remote.local, {"refs/heads/main": "a" * 40, "refs/tags/v1": "b" * 40})
    programs.answer("ls-remote", code=128)
    with pytest.raises(ShipError) as caught:
        remote.push(remote.local, {"refs/heads/main": "a" * 40})
    assert "same command again" in caught.value.findings[0].remedy


PUSHED = {"refs/heads/main": "a" * 40, "refs/tags/v1": "b" * 40}


@pytest.mark.parametrize(
    ("code", "said", "there", "unknown"),
    [
        (1, "! [remote rejected] main -> main (hook declined)", None, False),
        (-9, "", {}, True),
        (1, "fatal: the remote end hung up unexpectedly", {}, True),
        (-9, "", {"refs/tags/v1": "c" * 40}, False),
        (1, "fatal: no", {}, False),
    ],
)
def test_whether_a_push_may_still_arrive_is_told(
    remote: Remote, programs: Programs, code: int, said: str, there: dict[str, str] | None, unknown: bool
) -> None:
    """A push that was cut off may still arrive (NS238), unless the remote refused it or has that tag (NS231)."""
    programs.answer("push", code=code, stdout=said)
    listing = "".join(f"{commit}\t{name}\n" for name, commit in (there or {}).items())
    programs.answer("ls-remote", stdout=listing, code=128 if there is None else 0)
    with pytest.raises(ShipError, match="NS238" if unknown else "NS231"):
        remote.push(remote.local, PUSHED)


def test_tags_are_followed_to_their_commits(remote: Remote, programs: Programs) -> None:
    """An annotated tag is resolved to its commit, which `ls-remote` lists on a line of its own."""
    lines = [f"{'a' * 40}\trefs/heads/main", f"{'b' * 40}\trefs/tags/v1", f"{'c' * 40}\trefs/tags/v1^{{}}"]
    programs.answer("ls-remote", stdout="\n".join(lines))
    assert remote.refs() == {"refs/heads/main": "a" * 40, "refs/tags/v1": "c" * 40}


def test_the_token_of_a_job_is_in_no_argument(
    remote: Remote, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git gets a credential helper only in a job with a token, and the token itself is in no argument."""
    programs.answer("ls-remote")
    remote.refs()
    assert "credential" not in programs.calls[-1].text
    for name, value in JOB.items():
        assert not any("credential" in call.text for call in programs.calls)
        monkeypatch.setenv(name, value)
        remote.refs()
    assert "credential.https://example.invalid.helper=" in programs.calls[-1].text
    assert "job-token" not in programs.calls[-1].text


def test_what_is_fetched_changes_no_reference(tmp_path: Path, programs: Programs) -> None:
    """Asking whether a remote holds a commit leaves no tags and no FETCH_HEAD behind."""
    origin = make_repository(tmp_path / "origin")
    git(tmp_path, "clone", "--quiet", str(origin.path), "clone")
    clone = Repository(tmp_path / "clone")
    newer = commit_files(origin.path, {"a": ""})
    git(origin.path, "tag", "v9")
    assert Remote("origin", "origin", clone).holds(newer, "main")
    assert clone.tags() == {}
    assert not (clone.path / ".git" / "FETCH_HEAD").exists()
    assert "--no-auto-maintenance" in programs.started("fetch")[0].line


def test_a_commit_can_be_fetched_alone(tmp_path: Path, programs: Programs) -> None:
    """A commit is fetched without its history and without tags; if the remote does not have it, NS208 says so."""
    origin = make_repository(tmp_path / "origin")
    older = origin.head
    newer = commit_files(origin.path, {"a": ""})
    git(origin.path, "tag", "v9")
    local = make_repository(tmp_path / "local", {"other": ""})
    remote = Remote("origin", origin.path.as_uri(), local)
    remote.fetch(newer)
    assert local.known([newer, older]) == {newer}
    assert local.tags() == {}
    (call,) = programs.started("fetch")
    assert "--no-auto-maintenance" in call.line
    with pytest.raises(ShipError, match="NS208"):
        remote.fetch("d" * 40)
