"""GitHub's data about workflow runs: their logs, and how often GitHub may be asked."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import pytest

from failing_forge import COMMIT, SLUG, TOKEN, FailingForge
from nox_ship.errors import ShipError
from nox_ship.world import runs as github
from nox_ship.world import web
from nox_ship.world.github import Allowance, GitHubApi
from nox_ship.world.runs import RunJob, Runs
from nox_ship.world.web import Answer


@pytest.fixture
def forge() -> Iterator[FailingForge]:
    """Run a forge."""
    with FailingForge() as running:
        yield running


def logged(forge: FailingForge, log: bytes, most: int = 3) -> list[str]:
    """Return the last lines of a log."""
    forge.logs[5] = log
    return Runs(forge.client().api).last_lines(RunJob("Build", "completed", "failure", id=5), most)


def stamped(*lines: str) -> bytes:
    """Return a log as GitHub stores it, with a time before each line."""
    return "".join(f"2026-01-01T00:00:0{n % 10}.1234567Z {line}\n" for n, line in enumerate(lines)).encode()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a", "b", "c", "d"], ["b", "c", "d"]),
        (["a", "##[error]no", "Post job cleanup."], ["a", "no"]),
        (["##[error]first", "b", "##[error]last", "d"], ["first", "b", "last"]),
        (["\x1b[31mred\x1b[0m", "1 %\r2 %"], ["red", "1 %", "2 %"]),
        ([""], [""]),
    ],
)
def test_the_last_lines_of_a_log_end_with_its_last_error(
    forge: FailingForge, lines: list[str], expected: list[str]
) -> None:
    """The lines end with the last error, and have no colours, times, or clean-up after the failure."""
    assert logged(forge, stamped(*lines)) == expected


def test_of_a_long_log_the_end_is_kept(forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the end of a long log is kept, without a line that was cut off."""
    monkeypatch.setattr(github, "_LOG", 200)
    assert logged(forge, stamped(*["x" * 50] * 5000, "the end"), 9) == ["x" * 50, "x" * 50, "the end"]
    assert forge.strangers == []
    assert logged(forge, b"\xff\xfe" * 10, 1) == ["\N{REPLACEMENT CHARACTER}" * 20]


def api_that_answers(monkeypatch: pytest.MonkeyPatch, status: int, **headers: str) -> GitHubApi:
    """Return the client of a remote API that answers every request like this."""
    monkeypatch.setattr(web, "send", lambda *_, **__: Answer("", status, "", b"a log", headers=headers))
    return GitHubApi("https://api.github.com", SLUG, TOKEN)


def test_a_log_is_taken_from_no_place_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect to this machine is refused with NS785; if another host is silent, NS780 does not show its address."""
    api = api_that_answers(monkeypatch, 302, location="http://127.0.0.1:1/secret")
    with pytest.raises(ShipError, match=r"NS785.*redirects to this machine"):
        api.tail("/x", 10)

    def refuse(url: str, *_: Any, **told: Any) -> None:
        assert "Authorization" not in str(told)
        raise web.WebError(f"no answer from {url}")

    monkeypatch.setattr(web, "download", refuse)
    api = api_that_answers(monkeypatch, 302, location="https://logs.example/a?sig=secret")
    with pytest.raises(ShipError, match="NS780") as caught:
        api.tail("/x", 10)
    assert "secret" not in str(caught.value)
    assert api_that_answers(monkeypatch, 200).tail("/x", 3) == b"log"


def allowance(**headers: str) -> Allowance:
    """Return the allowance that an answer of this moment grants."""
    told = Allowance()
    told.take(Answer("", 200, "", b"", dt.datetime.now(dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), headers))
    return told


def test_what_is_left_of_the_requests_lasts_until_there_are_more() -> None:
    """The fewer requests GitHub allows until its reset, the longer the pause; with none left, it lasts until then."""
    reset = str(int(time.time()) + 1000)
    left = {"x-ratelimit-reset": reset}
    assert allowance().pause(2, 10) == 10
    assert allowance(**{"x-ratelimit-remaining": "4000"}, **left).pause(2, 10) == 10
    assert 95 < allowance(**{"x-ratelimit-remaining": "20"}, **left).pause(2, 10) < 105
    assert 995 < allowance(**{"x-ratelimit-remaining": "1"}, **left).pause(2, 10) < 1005
    late = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "999999999999"}
    assert 3500 < allowance(**late).pause(2, 10) <= 3601
    past = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "5"}
    assert allowance(**past).pause(2, 10) == 10


def test_a_job_that_tells_no_times_took_none() -> None:
    """A job whose times are missing, invalid, or in the wrong order took 0 seconds."""
    times = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z")
    for begun, ended, seconds in ((*times, 5.0), (*times[::-1], 0.0), ("x", times[1], 0.0), (times[0], None, 0.0)):
        assert RunJob("a", "completed", "success", started_at=begun, completed_at=ended).seconds == seconds


def test_a_workflow_is_asked_for_by_its_very_name(forge: FailingForge) -> None:
    """A workflow's name is quoted in the request, so a name that looks like a path leads nowhere else."""
    assert Runs(forge.client().api).workflow("../../secrets") is None
    assert forge.asked == ["GET /actions/workflows/../../secrets"]  # unquoted by the server
    assert Runs(forge.client().api).of("none.yml", COMMIT) == ()
