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
    """NS212: whichever of the two is at HEAD, that release is not finished."""
    with pytest.raises(ShipError, match=r"NS212.*v1\.2\.3 is on (head|other) here and on (head|other) on the remote"):
        check_head("head", TagForm(), here, there)


def test_a_tag_that_only_the_remote_has_is_fetched_first() -> None:
    """NS216: HEAD is a release, and this clone does not know."""
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
    """A release that is not pushed, the same on both sides, one of the past, and tags that name none."""
    check_head("head", TagForm(), here, there)
