"""Whether a token may write releases, found out without writing any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from failing_forge import READ_ONLY, SLUG, FailingForge
from nox_ship.world.releases import Releases
from nox_ship.world.standins import StandIns
from support import make_repository

OLD = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
ASKED = ["GET ", "POST /releases/generate-notes"]


@pytest.fixture
def forge() -> Iterator[FailingForge]:
    """Run a forge."""
    with FailingForge() as running:
        yield running


def told(forge: FailingForge, token: str | None = None) -> list[tuple[str, str]]:
    """Return the ID of each refusal, with its text and remedy."""
    client = forge.client(token) if token else forge.client()
    found = client.refusals("v1.2.3")
    assert forge.releases == {}
    return [(finding.id, f"{finding.what} {finding.remedy}") for finding in found]


def repository(scopes: str, private: bool = False, **permissions: bool) -> tuple[int, Mapping[str, str], Any]:
    """Return the forge's answer to a token with scopes, with its user's permissions."""
    value = {"full_name": SLUG, "private": private, **({"permissions": permissions} if permissions else {})}
    return 200, {"X-OAuth-Scopes": scopes}, value


@pytest.mark.parametrize(
    ("scopes", "facts", "words"),
    [
        ("repo, gist", {"push": True}, None),
        ("public_repo", {"push": True}, None),
        ("repo", {"private": True, "push": True}, None),
        ("repo", {}, None),
        ("public_repo", {"private": True, "push": True}, "has only the scopes public_repo. Give it the scope `repo`."),
        ("gist, read:org", {"push": True}, "the scopes gist, read:org. Give it the scope `repo` or `public_repo`."),
        ("", {"push": True}, "The token has no scopes. Give"),
        ("repo", {"pull": True, "push": False}, f"The token's user has no write access to {SLUG}. Use"),
    ],
)
def test_a_token_with_scopes_is_judged_by_them_and_by_its_user(
    forge: FailingForge, scopes: str, facts: dict[str, bool], words: str | None
) -> None:
    """One request shows the token's scopes and its user's permissions; unknown permissions are not reported."""
    forge.faults.answers = [repository(scopes, **facts)]
    found = told(forge, OLD)
    assert [code for code, _ in found] == ([] if words is None else ["NS782"])
    assert words is None or words in found[0][1]
    assert forge.asked == ASKED[:1]


@pytest.mark.parametrize("header", [None, ""])
def test_any_other_token_is_asked_for_notes(forge: FailingForge, header: str | None) -> None:
    """A token without listed scopes is tested by generating notes, because that needs the right to write contents."""
    user = {"permissions": {"push": False}}
    forge.faults.answers = [(200, {} if header is None else {"X-OAuth-Scopes": header}, user)]
    assert told(forge) == []
    assert forge.asked == ASKED
    forge.faults.read_only = True
    ((code, words),) = told(forge)
    assert (code, READ_ONLY in words, "write access" in words) == ("NS782", True, True)


def test_a_token_that_is_invalid_is_told(forge: FailingForge) -> None:
    """An invalid token is reported with NS781 and what to do, without showing the token."""
    ((code, words),) = told(forge, "github_pat_of_yesterday")
    assert (code, "Bad credentials" in words, "`GH_TOKEN`" in words) == ("NS781", True, True)
    assert "yesterday" not in words


@pytest.mark.parametrize(("status", "headers"), [(404, {}), (301, {"Location": "/repositories/7"})])
def test_a_repository_that_is_not_seen_or_moved_is_told(
    forge: FailingForge, status: int, headers: dict[str, str]
) -> None:
    """A repository that is missing or has moved is reported with NS784."""
    forge.faults.answers = [(status, headers, {"message": "Not here"})]
    assert [code for code, _ in told(forge)] == ["NS784"]


@pytest.mark.parametrize(("before", "status"), [(0, 422), (0, 429), (0, 503), (1, 404), (1, 422), (1, 429), (1, 503)])
def test_what_cannot_be_told_is_not_said(forge: FailingForge, before: int, status: int) -> None:
    """If the forge has a problem, a limit or no notes, nothing is reported, and nothing is retried."""
    forge.faults.answers = [*[(200, {}, {})] * before, (status, {}, {})]
    assert told(forge) == []
    assert forge.waits == []
    assert len(forge.asked) == before + 1


def test_a_forge_that_does_not_answer_stops_nothing(forge: FailingForge) -> None:
    """If the forge does not answer, nothing is reported."""
    forge.faults.dead_after = 0
    assert told(forge) == []


@pytest.mark.parametrize("value", [[], "x", None, {"permissions": []}, {"permissions": {"push": "no"}}])
def test_an_answer_of_another_form_tells_nothing(forge: FailingForge, value: object) -> None:
    """An answer in an unexpected form is ignored."""
    forge.faults.answers = [(200, {"X-OAuth-Scopes": "repo"}, value)]
    assert told(forge, OLD) == []


def test_a_rehearsal_warns_of_the_real_token(tmp_path: Path, forge: FailingForge) -> None:
    """A rehearsal asks the real forge about the token, but only warns, because nothing will be released."""
    made, real = make_repository(tmp_path / "project", {"pyproject.toml": ""}), forge.client("github_pat_of_yesterday")
    with StandIns(made.path, tmp_path / "world", forge=lambda: real) as world:
        assert isinstance(world.forge, Releases)
        (finding,) = world.forge.refusals("v1.2.3")
    assert (finding.id, finding.level) == ("NS781", "warning")
    assert forge.asked == ASKED[:1]
