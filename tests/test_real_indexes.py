from __future__ import annotations

import os
from pathlib import Path

import pytest

from fakes import nobody
from nox_ship.config import IndexSettings, PublishSettings, Settings
from nox_ship.world import real
from nox_ship.world.credentials import Credentials, Wanted
from nox_ship.world.real import RealWorld

OWN = {"mine": IndexSettings("https://mine.invalid/up", "https://mine.invalid/simple")}


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> list[Wanted]:
    """Return the requests for credentials, made in a job of GitHub Actions."""
    found: list[Wanted] = []

    def find(wanted: Wanted) -> Credentials:
        found.append(wanted)
        return Credentials("a test", nobody)

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(real, "find_credentials", find)
    return found


def world(folder: Path, *, attestations: bool = True) -> RealWorld:
    """Return the real world of a project with an index of its own."""
    settings = Settings(indexes=OWN, publish=PublishSettings(attestations=attestations, timeout=9))
    return RealWorld(folder, folder, settings, variables=os.environ)


def test_credentials_are_looked_for_once_and_late(tmp_path: Path, looked_for: list[Wanted]) -> None:
    """Credentials are only looked for when they are needed, and only once."""
    opened = world(tmp_path)
    index = opened.index("pypi", "sample")
    assert index is opened.index("pypi", "sample")
    assert index.seconds == 9
    assert [opened.index(name, "sample").public for name in ("pypi", "testpypi", "mine")] == [True, True, False]
    assert looked_for == []
    assert index.credentials is index.credentials
    assert [(wanted.index, wanted.shown, wanted.project) for wanted in looked_for] == [("pypi", "PyPI", "sample")]


def test_public_indexes_have_tokens_of_their_own_form(tmp_path: Path, looked_for: list[Wanted]) -> None:
    """Tokens of PyPI and TestPyPI must name their host; those of other indexes may have any form."""
    for name in ("pypi", "testpypi", "mine"):
        world(tmp_path).index(name, "sample").credentials  # noqa: B018 - has an effect
    hosts = [wanted.token_host for wanted in looked_for]
    assert hosts[2] is None
    assert hosts[0] != hosts[1]
    assert all(hosts[:2])


@pytest.mark.parametrize(
    ("name", "attestations", "job", "expected"),
    [
        ("pypi", True, "true", True),
        ("testpypi", True, "true", True),
        ("mine", True, "true", False),
        ("pypi", False, "true", False),
        ("pypi", True, "", False),
    ],
)
def test_what_is_signed(
    tmp_path: Path,
    looked_for: list[Wanted],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    attestations: bool,
    job: str,
    expected: bool,
) -> None:
    """Files for a public index are signed in a job of GitHub Actions, unless the settings turn it off."""
    monkeypatch.setenv("GITHUB_ACTIONS", job)
    world(tmp_path, attestations=attestations).index(name, "sample").credentials  # noqa: B018 - has an effect
    assert looked_for[0].signs is expected
