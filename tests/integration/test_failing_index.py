"""Publishing to an index that fails in every known way, with real twine and real TLS.

For groups of similar cases, twine runs in this process; the other tests start it as a release does.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from drafts import damaged, good_files
from failing_index import FailingIndex, Faults
from fakes import publication
from nox_ship.config import Settings
from nox_ship.errors import ShipError
from nox_ship.package.manifest import File, Manifest
from nox_ship.release.converge import Published, converge
from nox_ship.release.publication import Patience
from nox_ship.settings import read_settings
from nox_ship.world.index import Index
from nox_ship.world.real import RealWorld
from refused import REFUSALS, Refusal
from support import make_repository, make_sdist, make_wheel

# pypiserver contains bottle, which imports `cgi` and has an import hook of an old kind.

FIRST = {refusal.id: refusal for refusal in reversed(REFUSALS)}
"""One refusal for each ID; the session ``exhaustive`` tries the others."""
ANSWERED = [
    pytest.param(refusal, id=refusal.slug, marks=() if FIRST[refusal.id] is refusal else pytest.mark.exhaustive)
    for refusal in REFUSALS
]
QUICK = Patience(wait=4, attempts=3, delay=0.1, grace=4)


@dataclasses.dataclass
class Case:
    """Two built files, and the index to which they are uploaded."""

    server: FailingIndex
    folder: Path
    manifest: Manifest
    world: RealWorld
    notes: list[str] = dataclasses.field(default_factory=list)

    def index(self, **changes: Any) -> Index:
        """Return the index as a release in the real world gets it."""
        return dataclasses.replace(self.world.index("pypi", "sample"), **changes)

    def publish(self, **changes: Any) -> tuple[Published, ...]:
        """Upload the manifest's files with short waiting times."""
        told: dict[str, Any] = {"patience": QUICK, "note": self.notes.append}
        return converge(publication(self.manifest, self.folder, self.index(**changes), **told))

    @property
    def complete(self) -> bool:
        """Whether the index has exactly the manifest's files, with its hashes."""
        return self.server.files() == {file.name: file.sha256 for file in self.manifest.files}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingIndex]:
    """Start an index that clients trust, and hide this machine's own credentials."""
    for name in list(os.environ):
        if name.startswith(("TWINE_", "ACTIONS_", "GITHUB_")) or name.endswith("_API_TOKEN") or name == "CI":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with FailingIndex(tmp_path / "index") as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def case(tmp_path: Path, server: FailingIndex, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a built project with a valid API token for the index."""
    monkeypatch.setenv("PYPI_API_TOKEN", server.new_token())
    folder = tmp_path / "dist"
    files = [make_wheel(folder, {"sample/__init__.py": ""}), make_sdist(folder, {"pyproject.toml": ""})]
    manifest = Manifest("sample", "1.2.3", "c" * 40, "v1.2.3", dirty=False, files=tuple(map(File.of, files)))
    root = make_repository(tmp_path / "project").path
    return Case(server, folder, manifest, RealWorld(root, tmp_path / "world", settings(server), variables=os.environ))


def settings(server: FailingIndex) -> Settings:
    """Return settings in which `pypi` is the server."""
    addresses = {
        "upload-url": f"{server.url}/legacy/",
        "simple-url": f"{server.url}/simple",
        "json-url": f"{server.url}/pypi",
    }
    return read_settings({"tool": {"nox-ship": {"indexes": {"pypi": addresses}}}})


def refusal(case: Case, **changes: Any) -> ShipError:
    """Publish, expect a refusal, check that it shows no token, and return it."""
    with pytest.raises(ShipError) as caught:
        case.publish(**changes)
    told = "".join(f"{finding}{finding.detail}" for finding in caught.value.findings) + "".join(case.notes)
    tokens = {*case.server.tokens, *case.server.minted, *case.server.identities}
    assert not [token for token in tokens if token in told]
    return caught.value


def test_absent_files_are_uploaded_and_present_ones_are_not(case: Case) -> None:
    """Wheels are uploaded before sdists, one file at a time, and a second run uploads nothing."""
    assert [entry.action for entry in case.publish()] == ["uploaded", "uploaded"]
    assert [upload.filename for upload in case.server.uploads] == [file.name for file in case.manifest.files]
    assert case.server.uploads[0].filename.endswith(".whl")
    assert case.complete
    assert [entry.action for entry in case.publish()] == ["there already", "there already"]
    assert len(case.server.uploads) == 2


def test_a_file_with_other_bytes_stops_everything(case: Case) -> None:
    """If the index has an sdist with other bytes, nothing is uploaded, not even the wheel (NS711)."""
    case.server.packages.joinpath(case.manifest.files[1].name).write_bytes(b"other")
    finding = refusal(case).findings[0]
    assert finding.id == "NS711"
    assert "release 1.2.4" in finding.remedy
    assert case.server.uploads == []


@pytest.mark.usefixtures("twine")
@pytest.mark.parametrize("refusal", ANSWERED)
def test_a_refusal_is_explained(case: Case, tmp_path: Path, refusal: Refusal) -> None:
    """A file with a fault that the index refuses in PyPI's words is reported with the ID of the matching check."""
    case.server.faults.refuse = (refusal.status, refusal.words)
    files = good_files(tmp_path / "good")
    if refusal.fault:
        made = [(path, damaged(path, refusal.fault, tmp_path / "bad")) for path in files]
        files = [bad for path, bad in made if bad.read_bytes() != path.read_bytes() or bad.name != path.name]
    with pytest.raises(ShipError) as caught, case.index().uploading() as upload:
        upload(files[0], sha256(files[0].read_bytes()).hexdigest())
    (finding,) = caught.value.findings
    assert finding.id in {refusal.id, *SAID_BY_TWINE}
    assert case.server.files() == {}
    if case.server.uploads:
        assert finding.id == refusal.id
        assert refusal.words[:20].rstrip(".") in finding.what


SAID_BY_TWINE = ("NS728", "NS541", "NS503")
"""The IDs for files that twine reads and refuses to send."""


@pytest.mark.parametrize(
    ("status", "words", "expected"), [(403, "", "NS733"), (400, "File too large. Limit is 100 MB.", "NS543")]
)
def test_a_refusal_is_not_retried(case: Case, status: int, words: str, expected: str) -> None:
    """After a refusal, the first file is not sent again and the second file not at all."""
    case.server.faults.refuse = (status, words)
    assert refusal(case).findings[0].id == expected
    assert len(case.server.uploads) == 1
    assert case.server.files() == {}
    case.server.faults.refuse = None
    case.publish()
    assert case.complete


@pytest.mark.usefixtures("twine")
@pytest.mark.parametrize(
    ("faults", "kept_before"),
    [
        (Faults(cut=1), 0),
        (Faults(cut=2), 0),
        (Faults(lose=1), 0),
        (Faults(lose=2), 0),
        (Faults(fail=1), 0),
        (Faults(fail=7), 0),
        (Faults(hide=4), 0),
        (Faults(hide=4, hide_json=4), 0),
        (Faults(lose=1, hide=5, json_api=False), 0),
        (Faults(no_hashes=True), 0),
        (Faults(no_hashes=True, json_api=False, formats=("html",)), 0),
        (Faults(formats=("html",)), 0),
        (Faults(formats=("json",)), 0),
        (Faults(json_api=False), 1),
        (Faults(no_hashes=True, formats=("json",)), 1),
    ],
)
def test_what_passes_by_itself_is_waited_for(case: Case, faults: Faults, kept_before: int) -> None:
    """Cut connections, lost answers, server errors and outdated lists still end in a complete release, in one run."""
    for file in case.manifest.files[:kept_before]:
        case.server.packages.joinpath(file.name).write_bytes((case.folder / file.name).read_bytes())
    case.server.faults = faults
    assert len(case.publish()) == 2
    assert case.complete
    uploaded = [upload.filename for upload in case.server.uploads]
    assert not {file.name for file in case.manifest.files[:kept_before]} & set(uploaded)


def test_an_answer_that_is_lost_is_asked_for(case: Case) -> None:
    """If the answer to an upload was lost, the index is asked for the file, and nothing is sent twice."""
    case.server.faults = Faults(swallow=2)
    assert [entry.action for entry in case.publish()] == ["uploaded", "uploaded"]
    assert case.complete
    assert len(case.server.uploads) == 2
    assert any("answer was lost" in note for note in case.notes)


@pytest.mark.parametrize(("faults", "arrives"), [(Faults(cut=99), False), (Faults(fail=99), True)])
def test_an_index_that_stays_broken_is_given_up(case: Case, faults: Faults, arrives: bool) -> None:
    """After several failed attempts, publishing stops with NS735; a later run completes the release."""
    case.server.faults = faults
    assert refusal(case).findings[0].id == "NS735"
    first = case.manifest.files[0].name
    assert {upload.filename for upload in case.server.uploads} == ({first} if arrives else set())
    assert case.server.files() == {}
    case.server.faults = Faults()
    case.publish()
    assert case.complete


def test_an_index_that_hangs_is_given_up(case: Case) -> None:
    """An upload to an index that hangs is given up after its time limit; a later run completes the release."""
    case.server.faults = Faults(hang=99)
    begun = time.monotonic()
    assert "within 2 seconds" in str(refusal(case, seconds=2))
    assert time.monotonic() - begun < 20
    case.server.faults = Faults()
    case.publish()
    assert case.complete


def test_a_file_that_stays_invisible_in_part_is_told_from_one_that_is_shown_nowhere(case: Case) -> None:
    """NS713 reports a file that only the JSON API shows, and NS720 one that the index has but shows nowhere."""
    case.server.faults = Faults(hide=999)
    assert {finding.id for finding in refusal(case).findings} == {"NS713"}
    case.server.faults = Faults(hide=999, hide_json=999)
    assert {finding.id for finding in refusal(case).findings} == {"NS720"}
    assert any("waiting until PyPI serves" in note for note in case.notes)
    case.server.faults = Faults()
    assert [entry.action for entry in case.publish()] == ["there already", "there already"]


def test_a_file_that_vanishes_after_its_upload_is_missed(case: Case) -> None:
    """If the index accepts a file but lists it nowhere, publishing stops with NS712."""
    case.server.faults = Faults(hide=999, json_api=False)
    assert {finding.id for finding in refusal(case).findings} == {"NS712"}


def test_served_bytes_are_compared(case: Case) -> None:
    """If the index serves other bytes than its list promises, NS714 says how to yank the release."""
    case.server.faults = Faults(other_bytes=True)
    assert [finding.id for finding in refusal(case).findings] == ["NS711", "NS711", "NS714"]
    case.server.faults = Faults()
    case.publish()


@pytest.mark.usefixtures("twine")
@pytest.mark.parametrize(
    ("faults", "there", "expected"),
    [
        (Faults(age=14.1), "wheel", "NS772"),
        (Faults(age=20), "sdist", "NS772"),
        (Faults(status="archived"), "wheel", "NS770"),
        (Faults(status="archived", reason="moved", formats=("html",)), "wheel", "NS770"),
        (Faults(status="quarantined"), "wheel", "NS771"),
        (Faults(age=1), "sample-1.2.3.zip", "NS774"),
        (Faults(age=1), "Sample-1.2.3.tar.gz", "NS774"),
    ],
)
def test_what_the_index_takes_no_more_is_not_sent(case: Case, faults: Faults, there: str, expected: str) -> None:
    """If the index is closed for a file, it is not sent; a direct upload shows that the index refuses it."""
    names: dict[str, str] = {file.kind: file.name for file in case.manifest.files}
    source = case.folder / names.get(there, names["sdist"])
    case.server.packages.joinpath(names.get(there, there)).write_bytes(source.read_bytes())
    case.server.faults = faults
    assert [finding.id for finding in refusal(case).findings] == [expected]
    assert case.server.uploads == []
    sent = case.folder / names["sdist" if there != "sdist" else "wheel"]
    said = r"isn't allowed to upload|older than 14 days|Only one sdist"
    with pytest.raises(ShipError, match=said) as caught, case.index().uploading() as upload:
        upload(sent, File.of(sent).sha256)
    assert caught.value.findings[0].id.startswith("NS7")
    case.server.packages.joinpath(there).unlink(missing_ok=True)
    case.server.faults = Faults(age=13.2)
    case.publish()
    assert case.complete
    case.server.faults = Faults(age=400, status="archived")
    assert [entry.action for entry in case.publish()] == ["there already", "there already"]


def test_a_release_that_is_about_to_close_is_completed(case: Case) -> None:
    """A release that is about to close is completed with a warning (NS773), except on an index that never closes."""
    wheel, sdist = (file.name for file in case.manifest.files)
    for faults, changes, warned in (
        (Faults(age=13.9), {}, True),
        (Faults(age=13.9, status="deprecated"), {"public": False}, False),
    ):
        case.server.packages.joinpath(sdist).unlink(missing_ok=True)
        case.server.packages.joinpath(wheel).write_bytes((case.folder / wheel).read_bytes())
        case.server.faults, case.notes = faults, []
        case.publish(**changes)
        assert case.complete
        assert any("NS773" in note for note in case.notes) is warned


def test_names_that_the_index_gives_to_nobody_are_known(case: Case) -> None:
    """A name that resembles another project's is refused (NS727); without a list of projects, NS775 says so."""
    index = case.index()
    case.server.faults = Faults(projects=("other", "samp1e"))
    assert [finding.id for finding in index.refuses_name("sample")] == ["NS727"]
    case.server.faults = Faults(projects=("other", "sample-2"))
    assert index.refuses_name("sample") == ()
    case.server.faults = Faults(no_list=True)
    assert [finding.id for finding in index.refuses_name("sample")] == ["NS775"]


def test_an_index_that_does_not_answer_gets_nothing(case: Case) -> None:
    """If the index does not answer, NS701 is raised before anything is uploaded."""
    error = refusal(case, simple_url="https://127.0.0.1:9/simple/", json_url=None)
    assert error.findings[0].id == "NS701"
    assert case.server.uploads == []
