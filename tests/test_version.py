from __future__ import annotations

import pytest
from packaging.version import Version

from nox_ship.errors import ShipError
from nox_ship.release.version import is_part, next_version
from support import each


@each(
    ("current", "wanted", "expected"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2", "patch", "1.2.1"),
        ("1", "minor", "1.1.0"),
        ("1.2.3.4", "patch", "1.2.4.0"),
        ("1.2.3.4", "minor", "1.3.0.0"),
        ("2026.9", "minor", "2026.10.0"),
        ("0", "patch", "0.0.1"),
        ("0.9.9", "minor", "0.10.0"),
        ("1!1.2.3", "minor", "1!1.3.0"),
        ("1!1.2.3", "minor-rc", "1!1.3.0rc1"),
        ("1!1.2.3rc1", "final", "1!1.2.3"),
        ("1.2.3.post1", "patch", "1.2.4"),
        ("1.2.3+local", "patch", "1.2.4"),
        ("1.2.4rc1", "patch", "1.2.4"),
        ("1.3.0rc1", "minor", "1.3.0"),
        ("2.0.0a1", "major", "2.0.0"),
        ("1.3.0rc1", "patch", "1.3.0"),
        ("1.3.1rc1", "minor", "1.4.0"),
        ("1.3.0rc1", "major", "2.0.0"),
        ("1.2.0.dev3", "patch", "1.2.0"),
        ("1.2.0.dev3", "minor", "1.2.0"),
        ("1.2.0.dev3", "rc", "1.2.0rc1"),
        ("1.2.3", "alpha", "1.2.4a1"),
        ("1.2.3", "rc", "1.2.4rc1"),
        ("1.3.0a1", "alpha", "1.3.0a2"),
        ("1.3.0a9", "alpha", "1.3.0a10"),
        ("1.3.0a2", "beta", "1.3.0b1"),
        ("1.3.0b1", "rc", "1.3.0rc1"),
        ("1.3.0rc1", "rc", "1.3.0rc2"),
        ("1.3.0rc2", "final", "1.3.0"),
        ("1.3.0.dev1", "final", "1.3.0"),
        ("1.2.3", "major-alpha", "2.0.0a1"),
        ("1.2.3", "patch-beta", "1.2.4b1"),
        ("1.3.0rc1", "minor-rc", "1.4.0rc1"),
        ("1.2.3", "1.4.0", "1.4.0"),
        ("1.2.3", "v1.4.0", "1.4.0"),
        ("1.2.3", "1.4", "1.4"),
        ("1.2.3", "1.4.0-rc.1", "1.4.0rc1"),
        ("1.2.3", "1!0.1", "1!0.1"),
        ("1.2.3", "1.2.3.post1", "1.2.3.post1"),
    ],
)
def test_the_next_version(current: str, wanted: str, expected: str) -> None:
    """A part raises the version as PEP 440 orders versions, and a whole version is taken as it is."""
    assert str(next_version(Version(current), wanted)) == expected


@each(
    ("current", "wanted"),
    [
        ("1.2.3", "1.2.3"),
        ("1.2.3", "1.2.3.0"),
        ("1.2.3", "1.2.2"),
        ("1.2.3", "1.2.3rc1"),
        ("1.2.3", "1.2.3.dev1"),
        ("1!1.0", "9.0"),
        ("1.2.3", "final"),
        ("1.3.0rc1", "beta"),
        ("1.3.0b1", "alpha"),
        ("1.2.3.post1", "final"),
    ],
)
def test_a_version_that_is_not_newer_is_refused(current: str, wanted: str) -> None:
    """A version that is not higher than the current one is refused with NS304."""
    with pytest.raises(ShipError, match="NS304"):
        next_version(Version(current), wanted)


@each("wanted", ["1.x", "1..2", "1.2.3-foo", "2 0", "1.4.0+local", "v2.0+1", "\uff11.x"])
def test_a_misspelt_version_is_refused(wanted: str) -> None:
    """Text that begins like a version but is none, or has a local part, is refused with NS303."""
    with pytest.raises(ShipError, match="NS303"):
        next_version(Version("1.2.3"), wanted)


@each(
    ("wanted", "hint"),
    [
        ("ptach", "Did you mean patch?"),
        ("Patch", "Did you mean patch?"),
        ("minr", "Did you mean minor?"),
        ("finale", "Did you mean final?"),
        ("xyz", "Write one of major, minor, patch, alpha, beta, rc, final"),
        ("", "Write one of major"),
        ("-rc", "rc"),
        ("final-rc", "final"),
        ("minor-", "minor"),
    ],
)
def test_an_unknown_part_is_refused_with_a_hint(wanted: str, hint: str) -> None:
    """Text that does not begin like a version is refused with NS302, which suggests the most similar part."""
    with pytest.raises(ShipError) as caught:
        next_version(Version("1.2.3"), wanted)
    assert caught.value.findings[0].id == "NS302"
    assert hint in caught.value.findings[0].remedy


def test_a_projects_own_parts_are_named() -> None:
    """The hint names the parts that the project itself has defined."""
    with pytest.raises(ShipError) as caught:
        next_version(Version("1.2.3"), "buidl", ("build", "patch"))
    assert "Did you mean build? Write one of build, patch" in caught.value.findings[0].remedy


@each(("wanted", "named"), [("minor-rc", True), ("rc", True), ("extra-rc", False), ("minor-x", False)])
def test_a_part_is_one_by_both_of_its_words(wanted: str, named: bool) -> None:
    """A part in two words is valid if the first raises a number and the second starts a pre-release."""
    assert is_part(wanted) is named
