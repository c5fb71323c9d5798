"""When an index accepts no more files for a project or a release; the times come from the index."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from nox_ship.world.closed import closed_project, closed_release
from nox_ship.world.listing import Listing, Served
from support import each

NOW = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
WHEEL, SDIST = "sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"


def listing(*files: tuple[str, float | None], public: bool = True, **facts: Any) -> Listing:
    """Return an index's listing with these files, each with the days since its upload."""
    served = {
        name: Served(
            name,
            f"x/{name}",
            None,
            is_sdist=not name.endswith(".whl"),
            uploaded=None if age is None else NOW - dt.timedelta(days=age),
        )
        for name, age in files
    }
    told: dict[str, Any] = {"index": "PyPI", "project": "sample", "version": "1.2.3", "at": NOW, **facts}
    return Listing(files=served, public=public, **told)


def ids(there: Listing, *missing: str) -> list[str]:
    """Return the IDs of the reasons why an index would refuse the missing files."""
    return [finding.id for finding in closed_release(there, missing)]


@each(
    ("ages", "expected"),
    [
        ([13.9 - 1], []),
        ([13], []),
        ([13.001], ["NS773"]),
        ([13.999], ["NS773"]),
        ([14], ["NS772"]),
        ([400], ["NS772"]),
        ([2, 15], ["NS772"]),
        ([15, 2], ["NS772"]),
        ([15, None], ["NS772"]),
        ([None], []),
        ([-1], []),
        ([-9999], []),
        ([], []),
    ],
)
def test_a_release_is_open_for_fourteen_days(ages: list[float | None], expected: list[str]) -> None:
    """A release closes 14 days after its first upload; unknown or future upload times do not close it."""
    there = listing(*((f"sample-1.2.3-py{number}-none-any.whl", age) for number, age in enumerate(ages)))
    assert ids(there, SDIST) == expected


def test_what_is_complete_is_not_closed() -> None:
    """A release that lacks no file is not reported, whatever its age or the project's status."""
    assert ids(listing((WHEEL, 400), (SDIST, 400), status="archived")) == []


def test_other_indexes_take_files_of_old_releases() -> None:
    """On other indexes than PyPI, only the project's status closes a release, not its age or second sdists."""
    assert ids(listing((WHEEL, 400), ("Sample-1.2.3.zip", 400), public=False), SDIST) == []
    assert ids(listing((WHEEL, 400), public=False, status="archived"), SDIST) == ["NS770"]


def test_a_closed_release_says_since_when_and_what_is_missing() -> None:
    """The finding names the first upload and the missing files, or how many hours the release is still open."""
    (closed,) = closed_release(listing((WHEEL, 20)), [SDIST])
    assert closed.what == (
        "PyPI accepts no more files for sample 1.2.3: the first came on 2026-02-28, more than 14 days ago,"
        f" and it lacks {SDIST}."
    )
    assert "docs/emergencies.md" in closed.remedy
    (soon,) = closed_release(listing((WHEEL, 13.5)), [SDIST])
    assert (soon.level, soon.what) == (
        "warning",
        f"PyPI lacks {SDIST} of sample 1.2.3, and accepts files for it for only 12 more hours.",
    )
    (soon,) = closed_release(listing((WHEEL, 13.99)), [SDIST])
    assert "for only one more hour" in soon.what


@pytest.mark.parametrize("other", ["sample-1.2.3.zip", "Sample-1.2.3.tar.gz", "sample-1.2.3.0.tar.gz"])
def test_a_second_sdist_is_not_taken(other: str) -> None:
    """NS774 names both sdists if an index has another sdist already; missing wheels can still be uploaded."""
    there = listing((other, 1))
    (finding,) = closed_release(there, [WHEEL, SDIST])
    assert finding.id == "NS774"
    assert other in finding.what
    assert SDIST in finding.what
    assert ids(there, WHEEL) == []
    assert ids(there, "every wheel") == []
    assert ids(listing((WHEEL, 1)), SDIST) == []
    trial = {name: replace(served, trial=True) for name, served in there.files.items()}
    assert ids(replace(there, files=trial), SDIST) == []


@each(
    ("status", "expected"),
    [("active", []), ("deprecated", []), ("archived", ["NS770"]), ("quarantined", ["NS771"])],
)
def test_a_closed_project_takes_no_files(status: str, expected: list[str]) -> None:
    """An archived or quarantined project (PEP 792) is refused, with the index's reason shortened to one line."""
    reason = f"see\nthere {'x' * 5000}"
    findings = list(closed_project(listing(status=status, reason=reason)))
    assert [finding.id for finding in findings] == expected
    assert ids(listing(status=status), SDIST) == expected
    for finding in findings:
        assert "(see there xxx" in finding.what
        assert len(finding.what) < 300
        assert f"is {status} on PyPI" in finding.what
    assert all("()" not in finding.what for finding in closed_project(listing(status=status, reason=" ")))


def test_everything_that_is_closed_is_told_at_once() -> None:
    """The findings about the project, the release and the sdist are reported together."""
    there = listing((WHEEL, 400), ("sample-1.2.3.zip", 400), status="archived")
    assert ids(there, SDIST) == ["NS770", "NS772", "NS774"]
