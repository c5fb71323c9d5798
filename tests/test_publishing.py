from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import PROBLEM, FakeIndex, FakeWorld, Programs, Yard, make_index, write_dist
from nox_ship import publishing
from nox_ship.errors import ShipError
from nox_ship.package.build import dist_folder, manifest_path
from support import git

pytestmark = pytest.mark.usefixtures("programs", "home")


def published(yard: Yard, *args: str, index: str | None = None, **facts: Any) -> None:
    """Build the release that is tagged at HEAD, and publish it."""
    if not yard.repository.tags():
        yard.tag("v0.1.0")
    write_dist(yard.project, **{"commit": yard.repository.head, "version": "0.1.0", **facts})
    git(yard.root, "update-index", "-q", "--refresh")
    publishing.publish(yard.project, list(args), "publish", index)


def test_publishing_uploads_and_installs(yard: Yard, programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    """The files are uploaded to the index of the version's route, and installed from there."""
    published(yard)
    assert len(yard.world.indexes["pypi"].uploads) == 2
    assert programs.started("install")
    assert "sample 0.1.0 is on PyPI" in capsys.readouterr().out


def test_an_installation_can_be_left_out(yard: Yard, programs: Programs) -> None:
    """With `--no-install`, the files are uploaded and compared, but not installed."""
    published(yard, "--no-install")
    assert len(yard.world.indexes["pypi"].uploads) == 2
    assert programs.started("install") == []


@pytest.mark.slow
def test_an_index_can_be_named(yard: Yard) -> None:
    """The index can be given by the session or with ``--to``."""
    published(yard, "--to", "testpypi")
    published(yard, index="testpypi")
    assert yard.world.indexes["pypi"].uploads == []
    assert len(yard.world.indexes["testpypi"].uploads) == 2


def test_what_is_no_release_is_not_uploaded(yard: Yard) -> None:
    """Files that do not belong to a release are refused with NS752 before any upload."""
    with pytest.raises(ShipError, match="NS752"):
        published(yard, tag=None)
    assert yard.world.indexes["pypi"].uploads == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told", "args", "index", "expected"),
    [
        (None, None, ["--dry-run"], None, "NS601"),
        ("{}", None, [], None, "NS602"),
        ("", "0" * 64, [], None, "NS606"),
        ("", None, ["--to", "testpypi"], "pypi", "NS757"),
    ],
)
def test_a_publish_that_fails_early_replaces_the_report(
    yard: Yard,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    told: str | None,
    args: list[str],
    index: str | None,
    expected: str,
) -> None:
    """If `publish` fails early, its report replaces the one of the last run."""
    published(yard)
    (report,) = Path(os.environ["NOX_SHIP_CACHE"]).glob("*/report.json")
    assert json.loads(report.read_text("utf-8"))["passed"] is True
    if text is None:
        manifest_path(yard.project).unlink()
    elif text:
        manifest_path(yard.project).write_text(text, "utf-8")
    if told:
        monkeypatch.setenv("NOX_SHIP_MANIFEST", told)
    with pytest.raises(ShipError, match=expected):
        publishing.publish(yard.project, args, "publish", index)
    written = json.loads(report.read_text("utf-8"))
    assert (written["passed"], [finding["id"] for finding in written["findings"]]) == (False, [expected])
    assert written["rehearsal"] is ("--dry-run" in args)


def test_a_publishing_rehearsal_uploads_nothing(yard: Yard, rehearsed: FakeWorld) -> None:
    """A rehearsal uploads to the stand-in only, with the same steps."""
    published(yard, "--dry-run")
    assert yard.world.indexes["pypi"].uploads == []
    assert len(rehearsed.indexes["pypi"].uploads) == 2
    (report,) = Path(os.environ["NOX_SHIP_CACHE"]).glob("*/report.json")
    assert "has a release before" in json.loads(report.read_text("utf-8"))["difference"]["why"]


@pytest.mark.slow
def test_a_publishing_rehearsal_tells_what_the_upload_would_meet(
    yard: Yard, rehearsed: FakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rehearsal warns of credentials that would not work, as long as files are missing."""
    base = make_index()
    hm = (PROBLEM("Hm.", level="warning"),)
    rehearsed.indexes["pypi"] = FakeIndex("PyPI", base.upload_url, base.simple_url, prove=lambda *_: hm)
    published(yard, "--dry-run")
    assert "warning: NS000 test-problem: Hm." in capsys.readouterr().out
    published(yard, "--dry-run")
    assert "NS000" not in capsys.readouterr().out


def test_a_publishing_rehearsal_ends_with_what_the_upload_would_be_refused_for(
    yard: Yard, rehearsed: FakeWorld
) -> None:
    """A rehearsal stops before it uploads anything if the index would refuse it, such as for its credentials."""
    base = make_index()
    refused = (PROBLEM("It would not."),)
    index = FakeIndex("PyPI", base.upload_url, base.simple_url, prove=lambda *_: refused)
    rehearsed.indexes["pypi"] = index
    with pytest.raises(ShipError, match=r"It would not\."):
        published(yard, "--dry-run")
    assert index.uploads == []


@pytest.mark.slow
def test_a_publishing_rehearsal_tells_what_cannot_be_finished(yard: Yard, rehearsed: FakeWorld) -> None:
    """If the release can no longer be completed, a rehearsal and the real command stop with the same NS772."""
    wheel = "sample-0.1.0-py3-none-any.whl"
    words = []
    for world, args in ((rehearsed, ["--dry-run"]), (yard.world, [])):
        index = world.indexes["pypi"]
        if args:
            refuse = lambda *_: pytest.fail("Credentials were tried.")  # noqa: E731
            index = world.indexes["pypi"] = replace(index, prove=refuse)
        write_dist(yard.project, yard.repository.head, "0.1.0")
        index.shelf[wheel] = (dist_folder(yard.project) / wheel).read_bytes()
        index.facts.update(public=True, age=15)
        with pytest.raises(ShipError, match=r"NS772.*lacks sample-0.1.0.tar.gz") as caught:
            published(yard, *args)
        assert index.uploads == []
        words.append(str(caught.value))
    assert len(set(words)) == 1


@pytest.mark.slow
def test_the_page_of_the_version_is_handed_on(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version's page on a public index is passed to Actions as an output and in the summary."""
    for public, page in ((True, "https://pypi.invalid/project/sample/0.1.0/"), (False, "")):
        base = make_index(public=public, json_url="https://pypi.invalid/pypi/")
        yard.world.indexes["pypi"] = base
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            (tmp_path / name).unlink(missing_ok=True)
            monkeypatch.setenv(name, str(tmp_path / name))
        published(yard)
        assert f"page={page}\n" in (tmp_path / "GITHUB_OUTPUT").read_text("utf-8")
        assert ("<https://" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text("utf-8")) is public
