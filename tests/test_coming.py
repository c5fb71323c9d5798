"""Which version a release gets, and whether it finishes a release that was begun before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes import Programs, Yard, make_yard
from nox_ship.errors import ShipError
from planning import plan, record, stopped, told
from support import git


@pytest.mark.slow
@pytest.mark.usefixtures("bump_my_version")
def test_a_tag_that_the_projects_own_settings_name_is_not_made_twice(tmp_path: Path) -> None:
    """NS221 refuses a release whose tag, in the form that bump-my-version's settings give, is on the remote."""
    text = (
        '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\ngates = ["tests"]\n'
        '[tool.bumpversion]\ntag_name = "rel/{new_version}-final"\n'
    )
    yard = make_yard(tmp_path, {"pyproject.toml": text})
    assert plan(yard).tag == "rel/0.2.0-final"
    yard.world.remote.has["refs/tags/rel/0.2.0-final"] = "d" * 40
    assert "NS221" in stopped(yard)


def test_a_tag_on_head_that_names_no_version_stops_a_release(written: Yard) -> None:
    """A tag on HEAD that looks like a release but names no valid version stops the release with NS310."""
    git(written.root, "tag", "v0.1.0-test.1")
    assert "NS310" in stopped(written)


@pytest.mark.parametrize(
    ("tags", "wanted", "version", "tag"),
    [
        (["1.0"], "minor", "1.1.0", "1.1.0"),
        (["v2.0.0"], "patch", "2.0.1", "v2.0.1"),
        (["v1.0", "release-2.1"], "major", "3.0.0", "release-3.0.0"),
        (["sample-0.9"], "minor", "0.10.0", "sample-0.10.0"),
        (["nightly", "docs-9.0"], "minor", "0.1.0", "v0.1.0"),
    ],
)
def test_the_releases_of_the_remote_count(yard: Yard, tags: list[str], wanted: str, version: str, tag: str) -> None:
    """In a clone without tags, the last version and the form of the next tag come from the remote's tags."""
    yard.world.remote.has.update({f"refs/tags/{name}": "d" * 40 for name in tags})
    made = plan(yard, wanted)
    assert (made.version, made.tag) == (version, tag)


@pytest.mark.parametrize("date", ["20240101.1", "2024.01", "v2024.01.01"])
@pytest.mark.parametrize("pushed", [True, False])
def test_dates_beside_the_releases_do_not_count(written: Yard, date: str, pushed: bool) -> None:
    """A tag that is only a date, as some CI jobs create, affects neither the next version nor the next tag's form."""
    written.tag("v0.1.0", pushed=pushed)
    written.write({"more.txt": ""})
    written.tag(date, pushed=pushed)
    made = plan(written, "patch")
    assert (made.version, made.tag) == ("0.1.1", "v0.1.1")


@pytest.mark.parametrize("tag", ["v0.1.0", "v0.1", "v0.1.0.0", "v00.1.0"])
@pytest.mark.parametrize("where", ["here", "remote"])
def test_a_version_whose_tag_exists_is_not_released(written: Yard, tag: str, where: str) -> None:
    """NS221 refuses a version that has a tag here or on the remote, in any spelling."""
    if where == "here":
        git(written.root, "tag", tag)
        written.write({"more.txt": ""})
    else:
        written.world.remote.has[f"refs/tags/{tag}"] = "d" * 40
    assert stopped(written, "0.1.0") == {"NS221"}


@pytest.mark.parametrize("wanted", ["1.0.0", "0.9", "1.0rc1"])
def test_a_version_that_is_not_newer_is_not_released(yard: Yard, wanted: str) -> None:
    """A version that is not newer than the last release is refused with NS304."""
    yard.tag("v1.0.0")
    yard.write({"more.txt": ""})
    assert "NS304" in stopped(yard, wanted)


def test_no_version_is_no_release(yard: Yard) -> None:
    """NS305 asks for a missing version, NS302 refuses an unknown part, and NS303 an invalid version."""
    assert stopped(yard, None) == {"NS305"}
    assert stopped(yard, "pach") == {"NS302"}
    assert stopped(yard, "1.x") == {"NS303"}


@pytest.mark.slow
def test_head_that_is_a_release_is_finished(yard: Yard) -> None:
    """If HEAD is a release, it is finished without a bump (NS223), and another version is refused (NS222)."""
    yard.tag("v0.1.0")
    made = plan(yard)
    assert (made.version, made.tag, made.bump) == ("0.1.0", "v0.1.0", False)
    assert plan(yard, None).bump is False
    assert plan(yard, "0.1").bump is False
    assert plan(yard, "minor-rc").bump is False
    assert "NS223" in told(yard)
    assert stopped(yard, "0.2.0") == {"NS222"}


@pytest.mark.parametrize(
    ("wanted", "expected"), [("pach", "NS302"), ("rc-minor", "NS302"), ("-", "NS302"), ("1.x", "NS303")]
)
def test_a_misspelt_part_is_refused_where_nothing_is_bumped(yard: Yard, wanted: str, expected: str) -> None:
    """A misspelt part is refused even if HEAD is a release, as the user may mean another one."""
    yard.tag("v0.1.0")
    with pytest.raises(ShipError, match=expected):
        plan(yard, wanted)
    with pytest.raises(ShipError, match="Did you mean patch"):
        plan(yard, "pach")


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "wanted"), [("parts = {year = {}}", "year"), ("parse = 3", "patch")])
def test_a_part_of_a_scheme_of_ones_own_is_known_where_nothing_is_bumped(
    tmp_path: Path, programs: Programs, settings: str, wanted: str
) -> None:
    """If HEAD is a release, parts of the project's own scheme are accepted, or the usual ones if it is unreadable."""
    text = f'[project]\nname = "sample"\nversion = "2026"\n[tool.bumpversion]\n{settings}\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text})
    yard.tag("v2026")
    programs.answer("-m bumpversion show", stdout='{"parts": {"year": {}}}' if wanted == "year" else "?")
    assert plan(yard, wanted).bump is False
    assert "NS302" in stopped(yard, "yaer")


def test_a_release_that_was_pushed_is_finished(yard: Yard) -> None:
    """A recorded release whose tag is on the remote is finished, even if the checkout lacks its commit."""
    yard.world.remote.has.update({"refs/heads/main": "e" * 40, "refs/tags/v0.1.0": "e" * 40})
    made = plan(yard, "minor", record(yard))
    assert (made.version, made.tag, made.bump) == ("0.1.0", "v0.1.0", False)


@pytest.mark.parametrize("facts", [{"head": "f" * 40}, {"commit": "a" * 40}, {"commit": None}])
def test_another_release_is_not_taken_for_ones_own(written: Yard, facts: dict[str, str | None]) -> None:
    """NS221 refuses a tag on the remote if the recorded release has another HEAD, another commit or none."""
    written.world.remote.has["refs/tags/v0.1.0"] = "e" * 40
    assert stopped(written, "0.1.0", record(written, **facts)) == {"NS221"}


def test_a_release_that_was_not_pushed_is_made_anew(yard: Yard) -> None:
    """A recorded release whose tag is not on the remote is made again, whether it was committed or not."""
    assert plan(yard, "minor", record(yard)).bump is True
    assert plan(yard, "minor", record(yard, commit=None)).bump is True


def test_a_version_in_files_must_be_one(tmp_path: Path) -> None:
    """An invalid version in pyproject.toml is refused with NS303."""
    yard = make_yard(tmp_path, {"pyproject.toml": '[project]\nname = "sample"\nversion = "one"\n'})
    assert stopped(yard, "0.1.0") == {"NS303"}


@pytest.mark.slow
def test_a_version_that_the_files_have_can_be_the_first_release(tmp_path: Path) -> None:
    """The first release may have the version in the files, unless it has a local part (NS303)."""
    yard = make_yard(tmp_path, {"pyproject.toml": '[project]\nname = "sample"\nversion = "0.1.0"\n'})
    assert plan(yard, "0.1").version == "0.1.0"
    yard.write({"pyproject.toml": '[project]\nname = "sample"\nversion = "0.1.0+local"\n'})
    assert "NS303" in stopped(yard, "0.1.0+local")


def test_a_release_whose_tag_is_elsewhere_on_the_remote_is_not_finished(yard: Yard) -> None:
    """NS212 reports a tag that is on another commit of the remote, and NS216 one that exists only on the remote."""
    yard.tag("v0.1.0")
    yard.world.remote.has["refs/tags/v0.1.0"] = "d" * 40
    assert stopped(yard) == {"NS212"}
    git(yard.root, "tag", "--delete", "v0.1.0")
    yard.world.remote.has["refs/tags/v0.1.0"] = yard.repository.head
    assert stopped(yard) == {"NS216"}


@pytest.mark.slow
def test_a_scheme_of_ones_own_raises_versions_too(tmp_path: Path, programs: Programs) -> None:
    """With the project's own version scheme, too, a version that is not newer is refused with NS304."""
    scheme = '[tool.bumpversion]\nparse = "(?P<year>\\\\d+)"\nserialize = ["{year}"]\n'
    yard = make_yard(tmp_path, {"pyproject.toml": f'[project]\nname = "sample"\nversion = "2026"\n{scheme}'})
    shown = {"new_version": "2025", "parts": {"year": {}}}
    programs.answer("-m bumpversion show", stdout=json.dumps(shown))
    assert "NS304" in stopped(yard, "year")
    programs.answer("-m bumpversion show", stdout=json.dumps({**shown, "new_version": "2027"}))
    assert plan(yard, "year").version == "2027"


@pytest.mark.slow
@pytest.mark.usefixtures("bump_my_version")
def test_the_next_release_is_rehearsed_on_a_release(written: Yard) -> None:
    """If HEAD is a release, `--early` plans the next one instead of finishing it; otherwise it changes nothing."""
    early = plan(written, "0.1.0", early=True)
    assert (early.version, early.bump, early.early) == ("0.1.0", True, False)
    written.tag("v0.1.0")
    finished = plan(written, "patch")
    assert (finished.version, finished.bump, finished.early) == ("0.1.0", False, False)
    early = plan(written, "patch", early=True)
    assert (early.version, early.tag, early.bump, early.early) == ("0.1.1", "v0.1.1", True, True)
    assert plan(written, "auto", early=True).version == "0.1.1"
    assert "NS223" in told(written, "patch")
    assert told(written, "patch", early=True) == []


def test_a_release_that_was_pushed_from_head_is_finished_before_the_next(written: Yard) -> None:
    """A release pushed from HEAD is finished even with `--early`, as the next one would take its version."""
    pushed = record(written)
    written.world.remote.has["refs/tags/v0.1.0"] = "e" * 40
    assert not plan(written, "patch", pushed, early=True).bump
