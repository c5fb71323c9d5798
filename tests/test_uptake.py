"""Whether an index accepts a release, checked for every way of sending files to it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fakes import PROBLEM, FakeIndex, Yard, make_index, nobody, write_dist
from nox_ship.errors import ShipError
from nox_ship.package.manifest import Manifest
from nox_ship.release import uptake
from nox_ship.release.uptake import foresee, foresee_name, foresee_workflow, lacking
from nox_ship.world.credentials import Credentials
from nox_ship.world.listing import Listing
from nox_ship.world.lookout import Lookout, StandIn

WHEEL, SDIST = "sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"
SAID = PROBLEM("Tried.", level="notice")


def index(*shelf: str, **facts: Any) -> FakeIndex:
    """Return PyPI with some files; testing its credentials yields a notice."""
    base = make_index()
    names = facts.pop("names", ())
    return FakeIndex(
        "PyPI",
        base.upload_url,
        base.simple_url,
        find=lambda: Credentials("a fake", nobody),
        prove=lambda *_: (SAID,),
        public=True,
        shelf=dict.fromkeys(shelf, b""),
        facts=facts,
        names=names,
    )


def foreseen(there: FakeIndex, *, new: bool = False, built: Manifest | None = None) -> list[str]:
    """Return the IDs of the problems that a release would have, after checking that the index is asked once."""
    found = [finding.id for finding in foresee(there, "sample", "1.2.3", new=new, built=built)]
    assert there.asked == ["1.2.3"]
    return found


@pytest.fixture
def built(yard: Yard) -> Manifest:
    """Return the manifest of a wheel and an sdist."""
    return write_dist(yard.project, "c" * 40, "1.2.3")


def test_a_new_release_must_not_be_there() -> None:
    """A new release that the index already has is refused with NS224; otherwise, the credentials are tested."""
    assert foreseen(index(SDIST), new=True) == ["NS224"]
    assert foreseen(index(), new=True) == ["NS000"]
    assert foreseen(index(status="archived"), new=True) == ["NS770", "NS000"]
    assert foreseen(index(status="quarantined"), new=True) == ["NS771", "NS000"]
    assert foreseen(index(status="deprecated"), new=True) == ["NS000"]


def test_a_release_that_is_to_be_finished_must_still_be_open(built: Manifest) -> None:
    """To accept missing files, an index must have an open project and a release that is recent enough."""
    for known in (built, None):
        assert foreseen(index(WHEEL, age=15), built=known) == ["NS772"]
        assert foreseen(index(SDIST, age=15), built=known) == ["NS772"]
        assert foreseen(index(WHEEL, age=13.5), built=known) == ["NS773"]
        assert foreseen(index(WHEEL, age=2), built=known) == []
        assert foreseen(index(WHEEL, SDIST, age=400), built=known) == []
        assert foreseen(index(WHEEL, SDIST, age=400, status="archived"), built=known) == []
        assert foreseen(index(WHEEL, age=2, status="archived"), built=known) == ["NS770"]
        assert foreseen(index(status="archived"), built=known) == ["NS770", "NS000"]
        assert foreseen(index(), built=known) == ["NS000"]
    assert foreseen(index("sample-1.2.3.zip", age=1), built=built) == ["NS774"]
    assert foreseen(index("sample-1.2.3.zip", age=1)) == []
    other = index("sample-1.2.3-cp312-cp312-win_amd64.whl", SDIST, age=15)
    assert foreseen(other, built=built) == ["NS772"]


def test_a_build_of_another_version_tells_nothing(yard: Yard) -> None:
    """The build of another version is ignored; another spelling of the same version is not."""
    other = write_dist(yard.project, "c" * 40, "1.2.4")
    assert foreseen(index(WHEEL, SDIST, age=15), built=other) == []
    again = write_dist(yard.project, "c" * 40, "1.2.3.0")
    assert foreseen(index(WHEEL, SDIST, age=15), built=again) == ["NS772", "NS774"]


def test_a_name_must_be_free_where_the_project_is_not_known() -> None:
    """The name is checked only if the index answers that it does not know the project."""
    taken = (PROBLEM("It is taken."), SAID)

    def told(there: FakeIndex, *, certain: bool = True) -> list[tuple[str, str]]:
        return [(one.what, one.level) for one in foresee_name(there, "sample", "1.2.3", certain=certain)]

    assert told(index(known=False, names=taken)) == [("It is taken.", "error"), ("Tried.", "notice")]
    assert told(index(known=False, names=taken), certain=False) == [("It is taken.", "warning")]
    assert told(index(names=taken)) == told(index(known=False, silent="it sleeps", names=taken)) == []


def test_where_others_publish_the_index_is_only_looked_at() -> None:
    """If a workflow publishes, no credentials are looked for, and a silent index is a notice (NS767)."""

    def find() -> Credentials:
        pytest.fail("credentials are looked for")

    base = make_index()

    def glimpsed(
        shelf: list[str], *moods: str, new: bool = True, certain: bool = True, **facts: Any
    ) -> list[tuple[str, str]]:
        there = FakeIndex(
            "PyPI",
            base.upload_url,
            base.simple_url,
            find=find,
            public=True,
            shelf=dict.fromkeys(shelf, b""),
            facts=facts,
            late=list(moods),
        )
        found = foresee_workflow(there, "sample", "1.2.3", new=new, certain=certain)
        return [(finding.id, finding.level) for finding in found]

    assert glimpsed([]) == []
    assert glimpsed([], status="archived") == [("NS770", "error")]
    assert glimpsed([WHEEL]) == [("NS224", "error")]
    assert glimpsed([WHEEL], certain=False) == [("NS224", "warning")]
    assert glimpsed([WHEEL], new=False, age=15) == []
    assert glimpsed([], "silent") == [("NS767", "notice")]
    assert glimpsed([], silent="it sleeps", status="archived") == [("NS767", "notice")]


def test_a_release_that_others_upload_does_not_wait_for_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a workflow publishes, an index that takes too long to answer is skipped with NS767."""
    over = threading.Event()

    class Slow(FakeIndex):
        def listing(self, project: str, version: str) -> Listing:
            over.wait(30)
            return super().listing(project, version)

    monkeypatch.setattr(uptake, "GLIMPSE_SECONDS", 0.01)
    try:
        (found,) = foresee_workflow(
            Slow("PyPI", "https://x.invalid/", "https://x.invalid/"), "sample", "1.2.3", new=True
        )
    finally:
        over.set()
    assert (found.id, found.level) == ("NS767", "notice")


def test_an_index_that_does_not_answer_is_an_error_for_who_publishes() -> None:
    """If this machine publishes, an index that does not answer is an error (NS701)."""
    there = index()
    there.late.append("silent")
    with pytest.raises(ShipError, match="NS701"):
        foresee(there, "sample", "1.2.3", new=True)


def stand_in(real: FakeIndex, *here: str) -> StandIn:
    """Return a rehearsal's stand-in for an index, with files that were uploaded to it."""
    own = make_index("the stand-in for PyPI", shelf=dict.fromkeys(here, b""))

    class Own(StandIn):
        def _from_simple(self, project: str, version: str) -> Any:
            return own.listing(project, version)

    return Own(
        own.name, own.upload_url, own.simple_url, find=own.find, lookout=Lookout(lambda: real, "sample"), public=True
    )


def test_a_rehearsal_is_told_what_a_release_would_be(built: Manifest) -> None:
    """A rehearsal reports the same problems as a release, even after its trial upload."""
    for here in ((), (WHEEL, SDIST)):
        real = index(WHEEL, age=15)
        found = foresee(stand_in(real, *here), "sample", "1.2.3", new=False, built=built)
        again = foresee(index(WHEEL, age=15), "sample", "1.2.3", new=False, built=built)
        assert [str(finding)[:60] for finding in found] == [str(finding)[:60] for finding in again]
        assert [finding.id for finding in found] == ["NS772"]
        assert lacking(built, stand_in(real, *here).listing("sample", "1.2.3")) == [SDIST]
        assert len(real.asked) == 2
    taken = index(known=False, names=(PROBLEM("It is taken."),))
    assert foresee(stand_in(taken), "sample", "1.2.3", new=True) == []
    assert [finding.what for finding in foresee_name(stand_in(taken), "sample", "1.2.3")] == ["It is taken."]
    found = foresee(stand_in(index(SDIST)), "sample", "1.2.3", new=True)
    assert [finding.what for finding in found] == [f"PyPI already has 1.2.3: {SDIST}."]


@pytest.mark.parametrize("look", [foresee, foresee_workflow])
def test_a_silent_index_stops_no_rehearsal(look: Any) -> None:
    """In a rehearsal, a silent index is one notice, and the stand-in's own files are not judged in its place."""
    real = index(WHEEL, age=15)
    real.late.append("silent")
    found = look(stand_in(real), "sample", "1.2.3", new=False)
    assert [(finding.id, finding.level) for finding in found] == [("NS767", "notice")]
