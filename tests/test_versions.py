from __future__ import annotations

import pytest
from packaging.version import Version

from nox_ship.errors import ShipError
from nox_ship.versions import TagForm, check_readable, latest, parse, release_at, same
from support import each


@each(
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
    """Versions are read in the spellings of PEP 440 and of SemVer."""
    assert str(parse(text)) == version


@each("text", ["", "v", "latest", "1.2.x", "1..2", "\u0661.\u0662", "1.2.3-foo", "1.2 3"])
def test_texts_that_are_no_versions(text: str) -> None:
    """Any text that is not a version gives None."""
    assert parse(text) is None


@each("form", ["v", "", "{version}{version}", "{Version}", "{}", "v{version"])
def test_a_tag_form_holds_the_version_once(form: str) -> None:
    """A tag form without exactly one `{version}` is refused with NS103."""
    with pytest.raises(ShipError, match="NS103"):
        TagForm(form)


@each("form", ["v{version}", "{version}", "release/{version}", "a.b+{version}-final", "é{version}"])
def test_a_tag_is_read_as_it_was_named(form: str) -> None:
    """A version is read back from the name of its tag, including its epoch and pre-release."""
    for version in ("1.2.3", "1!2.0rc1", "1.0.dev3"):
        assert TagForm(form).version(TagForm(form).name(version)) == Version(version)


@each(
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
    """A tag of another form, or without a version, is no release."""
    assert TagForm(form).version(tag) is None


@each(
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
    """The tag of the newest version decides the form, whatever the order of the tags."""
    assert TagForm.of(tags, None).form == form
    assert TagForm.of(reversed(tags), None).form == form


@each(
    ("tags", "form"),
    [
        (["20240101", "v1.5.0"], "v{version}"),
        (["2024.01.01", "2023.12.31", "v1.5.0"], "v{version}"),
        (["2024-01-01", "v1.5.0"], "v{version}"),
        (["2024.01", "v1.5.0"], "v{version}"),
        (["2024.01.01.1", "v1.5.0"], "v{version}"),
        (["v20240101", "1.5.0"], "{version}"),
        (["2024.01.01", "2024.02.02"], "{version}"),
        (["v1.5.0", "2024.1.0", "2024.1.1"], "{version}"),
        (["v21.4", "22.1.0"], "{version}"),
        (["1", "2"], "{version}"),
        (["release-1.2", "1.0", "v1.1"], "release-{version}"),
        (["release-1.2", "v2.0"], "v{version}"),
        (["RELEASE_1_2", "v0.1"], "v{version}"),
        (["Release/v1.2"], "Release/v{version}"),
        (["my-sample-1.2.3"], "my-sample-{version}"),
        (["my_sample/v1.2.3", "v1.0"], "my_sample/v{version}"),
        (["My.Sample@1.2.3"], "My.Sample@{version}"),
        (["frontend-v9.0.0", "v1.0"], "v{version}"),
        (["not-my-sample-9.0", "1.0"], "{version}"),
        (["frontend-v9.0.0"], "v{version}"),
        (["V1.0"], "V{version}"),
        (["1.0", "v1.0"], "v{version}"),
        (["v1", "v1.5.0", "nightly-2024.01.01", "1.4"], "v{version}"),
        (["9" * 200, "v1.0", "{version}1.0", "", "\n1.0"], "v{version}"),
    ],
)
def test_tags_of_twenty_years_tell_the_form(tags: list[str], form: str) -> None:
    """Dates, other packages' tags and tags such as `v1` do not hide the form of the release tags."""
    assert TagForm.of(tags, None, "my-sample").form == form
    assert TagForm.of(reversed(tags), None, "my-sample").form == form


@each(
    ("current", "form"),
    [("2024.2.1", "{version}"), ("1.5.0", "v{version}"), ("", "v{version}"), ("unknown", "v{version}")],
)
def test_dates_are_releases_of_a_project_whose_version_is_one(current: str, form: str) -> None:
    """Date tags are releases if the project's version is a date, and nightly builds otherwise."""
    assert TagForm.of(["v0.1", "2024.01.01", "2024.02.01"], None, "sample", current).form == form


DATES = ["20240101", "20240101.1", "2024.01.01", "2024.01", "2024.1", "2024.01.01.1", "2024.1.0", "20241231.12.1"]


@pytest.mark.parametrize("before", ["", "v"])
@pytest.mark.parametrize("date", DATES)
def test_a_date_beside_the_releases_is_none(date: str, before: str) -> None:
    """In a project at version 1.5.0, a date tag is never a release, even if there is no other tag."""
    tags = {"v1.5.0": "a", f"{before}{date}": "b"}
    for setting in (None, "v{version}"):
        form = TagForm.of(tags, setting, "sample", "1.5.0")
        assert form.form == "v{version}"
        assert form.releases(tags) == {"v1.5.0": Version("1.5.0")}
        assert release_at(tags, "b", form) is None
    assert TagForm.of([f"{before}{date}"], None, "sample", "1.5.0").form == "v{version}"
    assert latest([f"v{date}"], TagForm.of([f"v{date}"], None, "sample", "1.5.0")) is None


@each("date", DATES[2:7])
def test_dates_are_kept_where_the_version_is_one(date: str) -> None:
    """Dates with dots are releases if the version is a date or unknown, as the project may have changed to dates."""
    tags = ["v1.5.0", f"v{date}"]
    for current in ("2024.1", "", "0.0.0", "unknown"):
        assert set(TagForm.of(tags, None, "sample", current).releases(tags)) == set(tags)


@pytest.mark.parametrize("date", ["20240101", "20240101.1", "20240101.5.2"])
def test_a_day_in_one_number_is_no_release_beside_others(date: str) -> None:
    """A date in a single number is a release only if there are no other release tags."""
    tags = ["v1.5.0", f"v{date}"]
    assert set(TagForm.of(tags, None, "sample").releases(tags)) == {"v1.5.0"}
    assert TagForm.of([*tags[:1], date], None, "sample").form == "v{version}"
    assert set(TagForm.of([date, "20240102"], None, "sample").releases([date])) == {date}


@each("tag", ["2024.13.1", "20241301.1", "1989.1.1", "2024.2.30"])
def test_what_only_looks_like_a_date_gives_the_form(tag: str) -> None:
    """A tag that resembles a date but is in no calendar is a release if the version is unknown."""
    assert TagForm.of(["v1.5.0", tag], None, "sample").form == "{version}"


def test_a_tag_without_a_dot_is_a_release_where_releases_have_none() -> None:
    """Beside v1.5.0, the tag v1 only points to a release, v2 can be the next one, and v20240101 is a date."""
    assert TagForm().releases(["v1", "v2"]) == {"v1": Version("1"), "v2": Version("2")}
    assert set(TagForm().releases(["v1", "v1.5.0", "v2", "v20240101"])) == {"v1.5.0", "v2"}
    assert latest(["v1.5.0", "v20240101"], TagForm()) == Version("1.5.0")
    assert release_at({"v1": "new", "v1.5.0": "old"}, "new", TagForm()) is None
    assert release_at({"v1": "new", "v1.5.0": "new"}, "new", TagForm()) == ("v1.5.0", Version("1.5.0"))


@each("tag", ["v0.1.0-test.1", "v1.0-dirty", "v1.0.0-12-gabcdef0", "v1.x", "v1_2"])
def test_a_tag_like_a_releases_without_a_version_is_unreadable(tag: str) -> None:
    """A tag in the project's form without a version is refused with NS310 at HEAD, and ignored at other commits."""
    with pytest.raises(ShipError, match=r"NS310.*HEAD has the tag"):
        check_readable({tag: "a"}, "a", TagForm())
    check_readable({tag: "b"}, "a", TagForm())


@each(
    ("others", "tag"),
    [
        ([], "0.1.0-test.1"),
        ([], "sample-v0.1.0-test.1"),
        ([], "Sample_0.1.0-test.1"),
        ([], "release-0.1.0-test.1"),
        ([], "release/0.1-dirty"),
        ([], "v0.1.0-test.1"),
        ([], "v2-test"),
        (["1.0"], "v1.2.0-test.1"),
        (["v1.0"], "1.2.0-test.1"),
        (["v1.0"], "rel_1.2.0-x"),
        (["release-1.0"], "sample-1.x"),
        (["2024.1"], "v2024.2-test"),
    ],
)
def test_a_tag_like_anybodys_releases_without_a_version_is_unreadable(others: list[str], tag: str) -> None:
    """A tag at HEAD in any common form but without a version is refused with NS310, unless the form is set."""
    tags = {tag: "a", **dict.fromkeys(others, "b")}
    with pytest.raises(ShipError, match="NS310"):
        check_readable(tags, "a", TagForm.of(tags, None, "sample"))
    check_readable({**tags, tag: "b"}, "a", TagForm.of(tags, None, "sample"))
    check_readable(tags, "a", TagForm.of(tags, "set/{version}", "sample"))


@each(
    "tag",
    [
        "2024-01-01",
        "v2024-01-01-nightly",
        "2024.01.01-nightly",
        "frontend-v1.0-x",
        "3rd-party",
        "1-docs",
        "docs-1.0-x",
        "1.0-rc.1",
        "sample-1.0.dev3",
        "nightly",
    ],
)
def test_a_tag_like_nobodys_releases_is_readable(tag: str) -> None:
    """Dates, other packages' tags, versions in another form, and names that begin with a digit are no error."""
    check_readable({tag: "a", "release-1.0": "b"}, "a", TagForm.of([tag, "release-1.0"], None, "sample"))


@each("tag", ["v1.0.0+build", "v1.0.0.post1", "v1.0-rc.1", "vnext", "nightly", "docs-1.x", "v"])
def test_a_tag_that_names_a_version_or_nothing_like_one_is_readable(tag: str) -> None:
    """A tag with a version, or one that does not resemble a version, is no error."""
    check_readable({tag: "a"}, "a", TagForm())


def test_the_setting_wins_over_earlier_tags() -> None:
    """The form in the settings is used instead of earlier tags', and an invalid one is refused with NS103."""
    assert TagForm.of(["v1.0"], "r{version}").form == "r{version}"
    for wrong in ("", "v"):
        with pytest.raises(ShipError, match="NS103"):
            TagForm.of(["v1.0"], wrong)


def test_the_release_at_a_commit_is_the_newest_one() -> None:
    """The release at a commit is the newest version among its tags."""
    tags = {"v1.9": "a", "v1.10": "a", "nightly": "a", "v2.0": "b", "99": "a"}
    assert release_at(tags, "a", TagForm()) == ("v1.10", Version("1.10"))
    assert release_at(tags, "b", TagForm()) == ("v2.0", Version("2.0"))
    assert release_at(tags, "c", TagForm()) is None


def test_the_latest_release() -> None:
    """The latest release is the highest version, and None if there is no release."""
    assert latest(["v1.9", "v1.10rc1", "v1.2", "3.0"], TagForm()) == Version("1.10rc1")
    assert latest(["nightly"], TagForm()) is None
    assert latest([], TagForm()) is None


@each("text", ["9" * 5000, f"1.0rc{'9' * 5000}", f"1.0+{'x' * 300}", "1." * 200 + "0"])
def test_what_fits_no_file_name_is_no_version(text: str) -> None:
    """A version that is too long for a file name, or has too many digits for Python, is no version."""
    assert parse(text) is None
    assert TagForm().version(f"v{text}") is None
    assert TagForm.of([f"v{text}", "1.0"], None).form == "{version}"


@each(
    ("one", "other", "expected"),
    [
        ("1.0", "1.0.0", True),
        ("1.0", "1.1", False),
        ("2004d", "2004d", True),
        ("2004d", "2004e", False),
        ("1.0", "x", False),
    ],
)
def test_versions_in_two_spellings_are_the_same(one: str, other: str, expected: bool) -> None:
    """Two spellings of a version are the same; text that is no version equals only itself."""
    assert same(one, other) is expected
