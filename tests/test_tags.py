from __future__ import annotations

import pytest

from nox_ship.errors import ShipError
from nox_ship.release.tags import check_head
from nox_ship.versions import TagForm
from support import each


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({"v1.2.3": "head"}, {"v1.2.3": "other"}),
        ({"v1.2.3": "other"}, {"v1.2.3": "head"}),
        ({"v1.2.3": "head", "v1.2.4": "head"}, {"v1.2.3": "other", "v1.2.4": "head"}),
    ],
)
def test_a_tag_that_was_moved_is_refused(here: dict[str, str], there: dict[str, str]) -> None:
    """A release tag that is at HEAD only here or only on the remote is refused with NS212."""
    with pytest.raises(ShipError, match=r"NS212.*v1\.2\.3 is on (head|other) here and on (head|other) on the remote"):
        check_head("head", TagForm(), here, there)


def test_a_tag_that_only_the_remote_has_is_fetched_first() -> None:
    """If only the remote has the release tag of HEAD, NS216 asks the user to fetch it."""
    with pytest.raises(ShipError, match=r"NS216.*v1\.2\.3.*git fetch --tags"):
        check_head("head", TagForm(), {"v1.2.2": "old"}, {"v1.2.3": "head"})


@each(
    ("here", "there"),
    [
        ({}, {}),
        ({"v1.2.3": "head"}, {}),
        ({"v1.2.3": "head"}, {"v1.2.3": "head"}),
        ({"v1.2.3": "old"}, {"v1.2.3": "older"}),
        ({"v1": "older", "v1.2.3": "old"}, {"v1": "head", "v1.2.3": "old"}),
        ({"nightly": "head"}, {"nightly": "other"}),
        ({}, {"nightly": "head"}),
    ],
)
def test_other_tags_stand_against_nothing(here: dict[str, str], there: dict[str, str]) -> None:
    """Unpushed or equal release tags, tags on other commits, and other tags raise no error."""
    check_head("head", TagForm(), here, there)
