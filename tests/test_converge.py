from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import PROBLEM, FakeIndex, Programs, make_index, nobody, publication, write_dist
from nox_ship.errors import ShipError
from nox_ship.package.build import dist_folder
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release import installing
from nox_ship.release.converge import confirm, converge
from nox_ship.release.installing import install, prove, works
from nox_ship.release.publication import Patience, Proven
from nox_ship.world.credentials import Credentials
from nox_ship.world.index import UPLOAD_UNCLEAR, UploadUnclearError
from nox_ship.world.refusals import FILE_EXISTS
from support import make_project

WHEEL, SDIST = "sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"
QUICK = Patience(wait=0.02, attempts=3, delay=0.001, grace=0.02)
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project."""
    return make_project(tmp_path / "project", '[project]\nname = "sample"\nversion = "1.2.3"\n')


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Build the project's files, and return their manifest."""
    return write_dist(project, "c" * 40, "1.2.3")


def bring(project: Project, manifest: Manifest, index: FakeIndex, patience: Patience = QUICK) -> list[str]:
    """Upload the missing files to an index, and return the notes."""
    notes: list[str] = []
    converge(publication(manifest, dist_folder(project), index, patience=patience, note=notes.append))
    return notes


def unclear() -> UploadUnclearError:
    """Return the error of an upload whose answer was lost."""
    return UploadUnclearError(UPLOAD_UNCLEAR("No answer."))


def exists() -> ShipError:
    """Return the error of an upload whose file name was used before."""
    return ShipError(FILE_EXISTS("It exists."))


def stopped(project: Project, manifest: Manifest, index: FakeIndex) -> list[str]:
    """Return the IDs of the findings that stop an upload."""
    with pytest.raises(ShipError) as caught:
        bring(project, manifest, index)
    return [finding.id for finding in caught.value.findings]


def test_wheels_are_uploaded_before_sdists(project: Project, manifest: Manifest) -> None:
    """Files are uploaded one at a time, wheels first, so that no installer finds a release with only an sdist."""
    for files in (manifest.files, manifest.files[::-1]):
        index = make_index()
        notes = bring(project, replace(manifest, files=files), index)
        assert index.uploads == [WHEEL, SDIST]
        assert notes == [
            "to PyPI, with credentials from a fake",
            f"1 of 2: uploading {WHEEL}, {manifest.files[0].size} bytes",
            f"2 of 2: uploading {SDIST}, {manifest.files[1].size} bytes",
        ]


def test_files_of_another_build_are_not_added_to(project: Project, manifest: Manifest) -> None:
    """Missing files are not added to a release that has a file of another build (NS586)."""
    files = {file.name: (dist_folder(project) / file.name).read_bytes() for file in manifest.files}
    index = make_index(shelf={WHEEL: files[WHEEL], WHEEL.replace("py3", "cp312"): b"other"})
    assert stopped(project, manifest, index) == ["NS586"]
    assert index.uploads == []
    index.shelf.update(files)
    assert len(bring(project, manifest, index)) == 1


def test_warnings_of_the_credentials_are_told(project: Project, manifest: Manifest) -> None:
    """Warnings about the credentials are shown only if they are used for an upload."""
    index = make_index()
    warned = Credentials("a fake", nobody, warnings=(PROBLEM("Hm.", level="warning"),))
    index = FakeIndex("PyPI", index.upload_url, index.simple_url, find=lambda: warned)
    assert "NS000 test-problem: Hm. Do something." in bring(project, manifest, index)
    again = FakeIndex("PyPI", index.upload_url, index.simple_url, find=pytest.fail, shelf=index.shelf)
    assert len(bring(project, manifest, again)) == 1


@pytest.mark.parametrize("hashes", [True, False])
def test_other_bytes_stop_before_the_first_upload(project: Project, manifest: Manifest, hashes: bool) -> None:
    """If the index has another file under the same name, NS711 stops before any upload, with or without hashes."""
    index = make_index(shelf={SDIST: b"other"}, hashes=hashes)
    assert stopped(project, manifest, index) == ["NS711"]
    assert index.uploads == []


def test_a_page_without_hashes_is_believed_by_the_bytes(project: Project, manifest: Manifest) -> None:
    """If an index gives no hashes, its files are downloaded and compared, and equal ones are not uploaded again."""
    shelf = {file.name: (dist_folder(project) / file.name).read_bytes() for file in manifest.files}
    index = make_index(shelf=shelf, hashes=False)
    bring(project, manifest, index)
    assert index.uploads == []


def test_what_is_served_is_compared_by_its_bytes(project: Project, manifest: Manifest) -> None:
    """If an index lists the right hash but serves other bytes, NS711 reports each file, and NS714 what to do."""
    assert stopped(project, manifest, make_index(other_bytes=True)) == ["NS711", "NS711", "NS714"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"public": True, "age": 15}, "NS772"),
        ({"status": "archived"}, "NS770"),
        ({"status": "quarantined"}, "NS771"),
    ],
)
def test_what_is_closed_stops_before_anything_is_sent(
    project: Project, manifest: Manifest, facts: dict[str, Any], expected: str
) -> None:
    """A closed release or project stops an upload before credentials are searched, unless no file is missing."""
    files = {file.name: (dist_folder(project) / file.name).read_bytes() for file in manifest.files}
    base = make_index()
    index = FakeIndex(
        "PyPI", base.upload_url, base.simple_url, find=pytest.fail, shelf={WHEEL: files[WHEEL]}, facts=facts
    )
    assert stopped(project, manifest, index) == [expected]
    assert (index.uploads, len(index.asked)) == ([], 1)
    index.shelf.update(files)
    assert len(bring(project, manifest, index)) == 1


def test_a_second_sdist_stops_before_anything_is_sent(project: Project, manifest: Manifest) -> None:
    """If the index has another sdist of the version, NS774 stops the upload before the wheel is sent."""
    index = make_index(shelf={"sample-1.2.3.zip": b""}, facts={"public": True})
    assert stopped(project, manifest, index) == ["NS774"]
    assert index.uploads == []


def test_a_release_that_closes_soon_is_completed_with_a_warning(project: Project, manifest: Manifest) -> None:
    """A release that closes soon is completed, with the warning NS773."""
    wheel = {WHEEL: (dist_folder(project) / WHEEL).read_bytes()}
    index = make_index(shelf=wheel, facts={"public": True, "age": 13.5})
    assert "NS773 release-closes-soon: PyPI lacks" in bring(project, manifest, index)[0]
    assert index.uploads == [SDIST]


def test_an_upload_without_an_answer_is_looked_for_and_tried_again(project: Project, manifest: Manifest) -> None:
    """An upload without an answer is repeated if the index does not have the file."""
    index = make_index(refusals=[unclear(), unclear()])
    notes = bring(project, manifest, index)
    assert index.uploads == [WHEEL, WHEEL, WHEEL, SDIST]
    assert notes[1:4] == [
        f"1 of 2: uploading {WHEEL}, {manifest.files[0].size} bytes",
        "trying again: No answer.",
        "trying again: No answer.",
    ]


def test_an_upload_whose_answer_was_lost_is_not_sent_twice(project: Project, manifest: Manifest) -> None:
    """An upload whose answer was lost is not repeated if the index has the file."""
    index = make_index(refusals=[unclear()], kept=True)
    notes = bring(project, manifest, index)
    assert index.uploads == [WHEEL, SDIST]
    assert f"{WHEEL}: uploaded; the index's answer was lost" in notes


def test_an_index_that_stays_silent_gets_no_further_attempt_than_agreed(project: Project, manifest: Manifest) -> None:
    """If no attempt to upload a file gets an answer, NS735 stops after the agreed number of attempts."""
    index = make_index(refusals=[unclear()] * 9)
    assert stopped(project, manifest, index) == ["NS735"]
    assert index.uploads == [WHEEL] * 3


def test_an_index_that_does_not_tell_what_it_has_is_taken_to_have_nothing(project: Project, manifest: Manifest) -> None:
    """If the index does not answer between two attempts, the file is uploaded again."""
    index = make_index(refusals=[unclear()], late=["", "silent"])
    bring(project, manifest, index)
    assert index.uploads == [WHEEL, WHEEL, SDIST]


def test_other_bytes_after_a_lost_answer_are_refused(project: Project, manifest: Manifest) -> None:
    """If the index has different bytes after an upload without an answer, the release stops with NS711."""

    class Taken(FakeIndex):
        def upload(self, file: Path, sha256: str) -> None:  # noqa: ARG002 - it sends nothing
            self.shelf[file.name] = b"other"
            raise unclear()

    base = make_index()
    assert stopped(project, manifest, Taken("PyPI", base.upload_url, base.simple_url, find=base.find)) == ["NS711"]


def test_a_file_that_the_index_says_it_has_is_waited_for(project: Project, manifest: Manifest) -> None:
    """If an index refuses a file as existing but does not list it yet, the upload waits until it does."""
    index = make_index(refusals=[exists()], kept=True, late=["", "hidden"])
    notes = bring(project, manifest, index)
    assert f"{WHEEL}: already there according to the index, with the same SHA-256" in notes
    assert index.uploads == [WHEEL, SDIST]


def test_a_file_name_that_was_used_before_names_the_next_version(project: Project, manifest: Manifest) -> None:
    """If an index refuses a file name as used before, and never lists it, NS720 suggests the next version."""
    with pytest.raises(ShipError, match=r"NS720.*1\.2\.4"):
        bring(project, manifest, make_index(refusals=[exists()]))


def test_another_refusal_is_told_as_it_is(project: Project, manifest: Manifest) -> None:
    """Any other refusal is reported as it is, without a second attempt."""
    index = make_index(refusals=[ShipError(PROBLEM("No."))])
    assert stopped(project, manifest, index) == ["NS000"]
    assert index.uploads == [WHEEL]


def test_an_upload_that_never_shows_is_not_served(project: Project, manifest: Manifest) -> None:
    """If none of the index's APIs lists an uploaded file, publishing stops with NS712."""
    index = make_index(late=[""] + ["hidden"] * 200)
    assert stopped(project, manifest, index) == ["NS712"]


def test_an_upload_that_installers_do_not_see_yet_is_not_visible(project: Project, manifest: Manifest) -> None:
    """If the JSON API lists a file, but the simple API never does, publishing stops with NS713."""
    index = make_index(late=[""] + ["JSON API"] * 200)
    assert stopped(project, manifest, index) == ["NS713"]


def test_an_index_that_falls_silent_is_waited_for(project: Project, manifest: Manifest) -> None:
    """After an upload, a silent index is waited for as long as the settings allow; then NS712 gives the reason."""
    index = make_index(late=["", "silent", "hidden", "JSON API"])
    notes = bring(project, manifest, index, Patience(wait=5, attempts=1, delay=0.001))
    assert any(note.startswith("waiting until PyPI serves") for note in notes)
    silent = make_index(late=[""] + ["silent"] * 200)
    with pytest.raises(ShipError, match=r"NS712.*does not answer"):
        bring(project, manifest, silent)


def test_confirming_compares_without_uploading(project: Project, manifest: Manifest) -> None:
    """Confirming a release uploads nothing, and finds missing files (NS712) and different bytes (NS711)."""
    with pytest.raises(ShipError, match="NS712"):
        confirm(publication(manifest, dist_folder(project), make_index(), patience=QUICK))
    shelf = {file.name: (dist_folder(project) / file.name).read_bytes() for file in manifest.files}
    index = make_index(shelf=shelf)
    confirm(publication(manifest, dist_folder(project), index, patience=QUICK))
    shelf[WHEEL] = b"other"
    with pytest.raises(ShipError, match="NS711"):
        confirm(publication(manifest, dist_folder(project), index, patience=QUICK))
    assert index.uploads == []


def test_patience_grows_between_attempts() -> None:
    """Each pause between attempts is twice as long as the one before."""
    assert list(Patience(attempts=4, delay=1.5).delays()) == [1.5, 3.0, 6.0]


def served(project: Project, manifest: Manifest, **faults: Any) -> FakeIndex:
    """Return an index that has all files of a manifest."""
    shelf = {file.name: (dist_folder(project) / file.name).read_bytes() for file in manifest.files}
    return make_index(shelf=shelf, **faults)


def test_what_is_not_listed_cannot_be_installed(project: Project, manifest: Manifest, programs: Programs) -> None:
    """If the index does not list the file, NS712 stops before any installer is started."""
    with pytest.raises(ShipError, match="NS712"):
        install(publication(manifest, dist_folder(project), make_index(), project))
    assert programs.started("install") == []


def test_what_is_broken_once_installed_is_told_so(project: Project, manifest: Manifest, programs: Programs) -> None:
    """If the installed release does not work, NS714 says what to do, but not if only the installation failed."""
    programs.answer("installed.py", stdout='nox-ship:[["import", "no"]]')
    with pytest.raises(ShipError) as caught:
        prove(publication(manifest, dist_folder(project), served(project, manifest), project))
    assert [finding.id for finding in caught.value.findings] == ["NS613", "NS714"]
    programs.answer("pip install", code=1)
    with pytest.raises(ShipError) as caught:
        prove(publication(manifest, dist_folder(project), served(project, manifest), project))
    assert [finding.id for finding in caught.value.findings] == ["NS611"]


@pytest.mark.usefixtures("programs")
def test_what_works_is_noted(project: Project, manifest: Manifest) -> None:
    """A note names the installed file and the Python versions that it works on."""
    notes: list[str] = []
    prove(publication(manifest, dist_folder(project), served(project, manifest), project, note=notes.append))
    assert notes == [f"{WHEEL}, as PyPI serves it, works on Python {RUNNING}"]


def test_what_is_proven_is_not_installed_again(project: Project, manifest: Manifest, programs: Programs) -> None:
    """A file that was installed from an index on one Python is not installed from there again; other cases are."""
    index, dist = served(project, manifest), dist_folder(project)
    proven: Proven = set()
    assert install(publication(manifest, dist, index, project, proven=proven)) == {RUNNING: WHEEL}
    assert len(proven) == len(programs.started("install")) == 1
    programs.answer("pip install", code=1)
    assert install(publication(manifest, dist, index, project, proven=proven)) == {RUNNING: WHEEL}
    with pytest.raises(ShipError, match="NS611"):
        install(publication(manifest, dist, index, project))
    other = make_index("Other", shelf=index.shelf)
    with pytest.raises(ShipError, match="NS611"):
        install(publication(manifest, dist, other, project, proven=proven))
    assert len(proven) == 1


def test_one_of_several_pythons_can_be_enough(
    project: Project, manifest: Manifest, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `only`, the file is installed on one Python only; `works` returns the file for each given Python."""
    here = {"3.11": "/python3.11", "3.12": "/python3.12"}
    monkeypatch.setattr(installing, "_installed_pythons", lambda *_: here)
    release = publication(manifest, dist_folder(project), served(project, manifest), project)
    assert install(release, only=project.root.parent / "env") == {"3.11": WHEEL}
    assert len(programs.started("install")) == 1
    assert {python for *_, python in release.proven} == {"/python3.11"}
    sha256 = manifest.files[0].sha256
    assert works(release, {"3.12", "3.13"}) == {(sha256, "/python3.12")}


def test_what_is_downloaded_must_be_what_was_built(project: Project, manifest: Manifest, programs: Programs) -> None:
    """A download that differs from the built file is refused with NS711, and is not installed."""
    with pytest.raises(ShipError, match="NS711"):
        install(publication(manifest, dist_folder(project), served(project, manifest, other_bytes=True), project))
    assert programs.started("install") == []


def test_what_is_installed_is_bound_to_the_bytes_that_were_built(
    project: Project, manifest: Manifest, programs: Programs
) -> None:
    """The installer gets a local copy of the file, with the SHA-256 from the manifest."""
    install(publication(manifest, dist_folder(project), served(project, manifest), project))
    (call,) = programs.started("install")
    assert call.line[-1].endswith(f"/{WHEEL}#sha256={manifest.files[0].sha256}")
    assert "@ file:///" in call.line[-1]
