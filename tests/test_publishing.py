from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import PROBLEM, FakeIndex, FakeWorld, Programs, Yard, make_index, noxfile, write_dist
from nox_ship import front, publishing
from nox_ship.errors import ShipError
from nox_ship.package.build import dist_folder, manifest_path
from support import git

pytestmark = pytest.mark.usefixtures("programs", "home")


def published(yard: Yard, *args: str, index: str | None = None, **facts: Any) -> None:
    """Build the release that HEAD is, and publish it."""
    if not yard.repository.tags():
        yard.tag("v0.1.0")
    write_dist(yard.project, **{"commit": yard.repository.head, "version": "0.1.0", **facts})
    git(yard.root, "update-index", "-q", "--refresh")
    publishing.publish(yard.project, list(args), "publish", index)


def test_publishing_uploads_and_installs(yard: Yard, programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the version's route leads, and what is served is tried."""
    published(yard)
    assert len(yard.world.indexes["pypi"].uploads) == 2
    assert programs.started("install")
    assert "sample 0.1.0 is on PyPI" in capsys.readouterr().out


def test_an_installation_can_be_left_out(yard: Yard, programs: Programs) -> None:
    """`--no-install` uploads and compares alone."""
    published(yard, "--no-install")
    assert len(yard.world.indexes["pypi"].uploads) == 2
    assert programs.started("install") == []


def test_an_index_can_be_named(yard: Yard) -> None:
    """By the session or by ``--to``, which may agree on nothing but what was built."""
    published(yard, "--to", "testpypi")
    published(yard, index="testpypi")
    assert yard.world.indexes["pypi"].uploads == []
    assert len(yard.world.indexes["testpypi"].uploads) == 2


def test_what_is_no_release_is_not_uploaded(yard: Yard) -> None:
    """Admission comes first: NS752."""
    with pytest.raises(ShipError, match="NS752"):
        published(yard, tag=None)
    assert yard.world.indexes["pypi"].uploads == []


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
    """What the last one came to is not told of this one."""
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
    """It is the same, in a world of stand-ins."""
    published(yard, "--dry-run")
    assert yard.world.indexes["pypi"].uploads == []
    assert len(rehearsed.indexes["pypi"].uploads) == 2
    (report,) = Path(os.environ["NOX_SHIP_CACHE"]).glob("*/report.json")
    assert "has a release before" in json.loads(report.read_text("utf-8"))["difference"]["why"]


def test_a_publishing_rehearsal_tells_what_the_upload_would_meet(
    yard: Yard, rehearsed: FakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where something is missing: credentials that are of no use, or an index that does not answer."""
    base = make_index()
    hm = (PROBLEM("Hm.", level="warning"),)
    rehearsed.indexes["pypi"] = FakeIndex("PyPI", base.upload_url, base.simple_url, prove=lambda *_: hm)
    published(yard, "--dry-run")
    assert "warning: NS000 test-problem: Hm." in capsys.readouterr().out
    published(yard, "--dry-run")
    assert "NS000" not in capsys.readouterr().out


def test_a_publishing_rehearsal_tells_what_cannot_be_finished(yard: Yard, rehearsed: FakeWorld) -> None:
    """Before anything is uploaded to the stand-in, and in the words of the real thing."""
    wheel = "sample-0.1.0-py3-none-any.whl"
    words = []
    for world, args in ((rehearsed, ["--dry-run"]), (yard.world, [])):
        index = world.indexes["pypi"]
        write_dist(yard.project, yard.repository.head, "0.1.0")
        index.shelf[wheel] = (dist_folder(yard.project) / wheel).read_bytes()
        index.facts.update(public=True, age=15)
        with pytest.raises(ShipError, match=r"NS772.*lacks sample-0.1.0.tar.gz") as caught:
            published(yard, *args)
        assert index.uploads == []
        words.append(str(caught.value))
    assert len(set(words)) == 1


def served(yard: Yard, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None] = lambda: None) -> None:
    """Build, let the index have it, and verify what is published."""
    manifest = write_dist(yard.project, yard.repository.head, "0.1.0")
    shelf = yard.world.indexes["pypi"].shelf
    shelf.update({file.name: (dist_folder(yard.project) / file.name).read_bytes() for file in manifest.files})
    monkeypatch.setattr(publishing, "RealWorld", lambda *_, **__: yard.world)
    change()
    publishing.verify_published(yard.project, [])


def test_what_is_published_is_compared_and_installed(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other bytes are NS711, an installation that fails NS611."""
    served(yard, monkeypatch)
    assert programs.started("install")
    programs.answer("pip install", code=1)
    with pytest.raises(ShipError, match="NS611"):
        served(yard, monkeypatch)
    shelf = yard.world.indexes["pypi"].shelf
    with pytest.raises(ShipError, match="NS711"):
        served(yard, monkeypatch, lambda: shelf.update({"sample-0.1.0.tar.gz": b"other"}))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"public": True, "age": 15}, "NS772"),
        ({"status": "quarantined"}, "NS771"),
        ({"public": True, "age": 13.5}, "NS712"),
        ({"age": 400}, "NS712"),
    ],
)
def test_what_can_no_longer_be_served_is_not_waited_for(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], expected: str
) -> None:
    """It is told why it is missing for good; what may still come is waited for, as is an index that is silent."""
    index = yard.world.indexes["pypi"]
    index.facts.update(facts)

    def change() -> None:
        del index.shelf["sample-0.1.0.tar.gz"]
        index.asked.clear()

    with pytest.raises(ShipError) as caught:
        served(yard, monkeypatch, change)
    assert [finding.id for finding in caught.value.findings] == [expected]
    assert (len(index.asked) == 1) is (expected != "NS712")
    served(yard, monkeypatch, lambda: index.late.append("silent"))


@pytest.fixture
def verified(yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return what verifies a published release, and what that says in the end."""

    def verify(*args: str) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(publishing, "RealWorld", lambda *_, **__: yard.world)
            publishing.verify_published(yard.project, list(args))
        return capsys.readouterr().out.splitlines()[-1]

    return verify


@pytest.mark.usefixtures("sessions")
def test_what_was_just_released_can_be_verified(yard: Yard, verified: Callable[..., str]) -> None:
    """The manifest is in the clone that it was made in; a leftover one of another commit does not count."""
    write_dist(yard.project, "d" * 40, "0.0.9")
    yard.write({".gitignore": "dist\n.nox-ship\n"})
    front.release(yard.root, ["minor", "--yes"], noxfile(yard.root, "tests"), yard.root)
    assert verified() == "PyPI serves sample 0.1.0; it was compared with the manifest of its release, and works."
    yard.world.indexes["pypi"].shelf["sample-0.1.0.tar.gz"] = b"other"
    with pytest.raises(ShipError, match="NS711"):
        verified()


def test_what_was_built_here_is_compared_first(yard: Yard, verified: Callable[..., str]) -> None:
    """The project's own manifest is of this release, too."""
    published(yard)
    assert "it was compared with its manifest, and works" in verified()


@pytest.mark.parametrize(
    ("change", "compared"),
    [
        ({}, "the SHA-256 that PyPI lists"),
        ({"hashes": False}, "nothing: PyPI lists no SHA-256"),
    ],
)
def test_a_release_that_was_built_elsewhere_can_be_verified(
    yard: Yard, verified: Callable[..., str], programs: Programs, change: dict[str, Any], compared: str
) -> None:
    """By the tag on HEAD; what it was compared with is said."""
    published(yard)
    shelf = dict(yard.world.indexes["pypi"].shelf)
    yard.world.indexes["pypi"] = make_index(shelf={**shelf, "../sample-0.1.0.tar.gz": b"", "x.exe": b""}, **change)
    manifest_path(yard.project).unlink()
    programs.calls.clear()
    assert verified() == f"PyPI serves sample 0.1.0; it was compared with {compared}, and works."
    assert programs.started("install")
    with pytest.raises(ShipError, match=r"NS712.*T has no files of sample 0\.1\.0.*--from"):
        verified("--from", "testpypi")


def test_a_quarantined_release_says_why_it_is_not_served(yard: Yard, verified: Callable[..., str]) -> None:
    """Beside that no file of it is (NS712)."""
    yard.tag("v0.1.0")
    yard.world.indexes["pypi"].facts["status"] = "quarantined"
    with pytest.raises(ShipError) as caught:
        verified()
    assert [finding.id for finding in caught.value.findings] == ["NS712", "NS771"]


def test_an_index_that_serves_other_bytes_than_it_lists_is_told(yard: Yard, verified: Callable[..., str]) -> None:
    """NS711, also where nothing was built here."""
    published(yard)
    manifest_path(yard.project).unlink()
    yard.world.indexes["pypi"] = make_index(shelf=yard.world.indexes["pypi"].shelf, other_bytes=True)
    with pytest.raises(ShipError, match=r"NS711.*than it lists"):
        verified()


def test_what_is_neither_built_nor_released_cannot_be_verified(verified: Callable[..., str]) -> None:
    """There is no manifest, and HEAD has no release tag: NS601."""
    with pytest.raises(ShipError, match="NS601"):
        verified()


def test_a_job_that_is_told_its_manifest_asks_no_repository(
    yard: Yard, verified: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is the one that counts, whatever HEAD is: NS606."""
    published(yard)
    monkeypatch.setenv("NOX_SHIP_MANIFEST", "0" * 64)
    with pytest.raises(ShipError, match="NS606"):
        verified()


def test_the_page_of_the_version_is_handed_on(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To Actions, which links to it, in the job's summary too; an index of one's own has no page that is known."""
    for public, page in ((True, "https://pypi.invalid/project/sample/0.1.0/"), (False, "")):
        base = make_index(public=public, json_url="https://pypi.invalid/pypi/")
        yard.world.indexes["pypi"] = base
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            (tmp_path / name).unlink(missing_ok=True)
            monkeypatch.setenv(name, str(tmp_path / name))
        published(yard)
        assert f"page={page}\n" in (tmp_path / "GITHUB_OUTPUT").read_text("utf-8")
        assert ("<https://" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text("utf-8")) is public
