from __future__ import annotations

import pytest
from packaging.version import Version

from nox_ship.errors import ShipError
from nox_ship.versions import TagForm, latest, parse, release_at


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        (" 1.2.3\n", "1.2.3"),
        ("1.2.0-rc.1", "1.2.0rc1"),
        ("1.2.0-alpha", "1.2.0a0"),
        ("1!2.0", "1!2.0"),
        ("1.0+Abc-1", "1.0+abc.1"),
        ("1.0-1", "1.0.post1"),
    ],
)
def test_spellings_of_a_version(text: str, version: str) -> None:
    """PEP 440 and SemVer spell the same version."""
    assert str(parse(text)) == version


@pytest.mark.parametrize("text", ["", "v", "latest", "1.2.x", "1..2", "\u0661.\u0662", "1.2.3-foo", "1.2 3"])
def test_texts_that_are_no_versions(text: str) -> None:
    """Anything else is None."""
    assert parse(text) is None


@pytest.mark.parametrize("form", ["v", "", "{version}{version}", "{Version}", "{}", "v{version"])
def test_a_tag_form_holds_the_version_once(form: str) -> None:
    """Other forms are refused with NS103."""
    with pytest.raises(ShipError, match="NS103"):
        TagForm(form)


@pytest.mark.parametrize("form", ["v{version}", "{version}", "release/{version}", "a.b+{version}-final", "é{version}"])
def test_a_tag_is_read_as_it_was_named(form: str) -> None:
    """The version comes back out of the name of its tag, epoch and pre-release too."""
    for version in ("1.2.3", "1!2.0rc1", "1.0.dev3"):
        assert TagForm(form).version(TagForm(form).name(version)) == Version(version)


@pytest.mark.parametrize(
    ("form", "tag"),
    [
        ("v{version}", "1.2.3"),
        ("v{version}", "v"),
        ("v{version}", "vnext"),
        ("v{version}", "xv1.2.3"),
        ("v{version}", "v1.2.3-docs"),
        ("a.b-{version}", "aXb-1.2.3"),
        ("{version}-final", "1.2.3"),
    ],
)
def test_other_tags_are_no_releases(form: str, tag: str) -> None:
    """A tag of another form, or without a version in it, names no release."""
    assert TagForm(form).version(tag) is None


@pytest.mark.parametrize(
    ("tags", "form"),
    [
        ([], "v{version}"),
        (["nightly"], "v{version}"),
        (["v1.0", "v1.1"], "v{version}"),
        (["1.0", "1.1"], "{version}"),
        (["v1.0", "1.1"], "{version}"),
        (["1.9", "v1.10"], "v{version}"),
        (["1.0", "v2.0-docs"], "{version}"),
    ],
)
def test_the_form_follows_the_newest_release(tags: list[str], form: str) -> None:
    """The newest version decides, not the order of the tags."""
    assert TagForm.of(tags, None).form == form
    assert TagForm.of(reversed(tags), None).form == form


def test_the_setting_wins_over_earlier_tags() -> None:
    """A form that is set is used, a wrong one refused, an empty one too."""
    assert TagForm.of(["v1.0"], "r{version}").form == "r{version}"
    for wrong in ("", "v"):
        with pytest.raises(ShipError, match="NS103"):
            TagForm.of(["v1.0"], wrong)


def test_the_release_at_a_commit_is_the_newest_one() -> None:
    """Of several tags on a commit the newest version counts; other tags and commits do not."""
    tags = {"v1.9": "a", "v1.10": "a", "nightly": "a", "v2.0": "b", "99": "a"}
    assert release_at(tags, "a", TagForm()) == ("v1.10", Version("1.10"))
    assert release_at(tags, "b", TagForm()) == ("v2.0", Version("2.0"))
    assert release_at(tags, "c", TagForm()) is None


def test_the_latest_release() -> None:
    """Versions are compared as versions; without a release there is none."""
    assert latest(["v1.9", "v1.10rc1", "v1.2", "3.0"], TagForm()) == Version("1.10rc1")
    assert latest(["nightly"], TagForm()) is None
    assert latest([], TagForm()) is None


@pytest.mark.parametrize("text", ["9" * 5000, f"1.0rc{'9' * 5000}", f"1.0+{'x' * 300}", "1." * 200 + "0"])
def test_what_fits_no_file_name_is_no_version(text: str) -> None:
    """Nor is a number of more digits than Python reads."""
    assert parse(text) is None
    assert TagForm().version(f"v{text}") is None
    assert TagForm.of([f"v{text}", "1.0"], None).form == "{version}"
