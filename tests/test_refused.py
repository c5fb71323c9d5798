from __future__ import annotations

import http.client
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import refused
from drafts import Change, damaged, good_files
from nox_ship.errors import KINDS, ShipError
from nox_ship.package import readme, unpacking
from nox_ship.package.built import Built
from nox_ship.package.checks import examine
from nox_ship.package.contents import Archive
from nox_ship.world.refusals import Answer
from refusals_page import PAGE, table
from refused import REFUSALS, Refusal
from support import make_project

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n[tool.nox-ship.build]\nlargest-file = 1\n'
BY_README = [refusal for refusal in REFUSALS if refusal.fault and refusal.foreseen_as == "NS502"]
BY_CHECKS = [refusal for refusal in REFUSALS if refusal.fault and refusal.foreseen_as != "NS502"]


@pytest.fixture
def good(tmp_path: Path) -> list[Path]:
    """Return a wheel and an sdist without faults."""
    return good_files(tmp_path / "good")


def made(folder: Path, good: list[Path], fault: Change, pyproject: str = PYPROJECT, *, public: bool = True) -> Built:
    """Return the built files, each with the fault."""
    wheel, sdist = (Archive.read(damaged(path, fault, folder / "bad")) for path in good)
    project = make_project(folder / "project", pyproject, {"src/sample/__init__.py": ""})
    return Built(project, (wheel,), sdist, "1.2.3", ("src/sample/__init__.py",), public=public)


def stopped_by(folder: Path, good: list[Path], refusal: Refusal) -> set[str]:
    """Return the IDs of the errors found in files with the fault of a refusal."""
    assert refusal.fault
    try:
        found = examine(made(folder, good, refusal.fault))
    except ShipError as error:
        found = error.findings
    return {finding.id for finding in found if finding.level == "error"}


def opens(path: Path) -> bool:
    """Return whether this Python opens a ZIP file."""
    try:
        zipfile.ZipFile(path).close()
    except zipfile.BadZipFile:
        return False
    return True


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limits for large and unpacked files to a MiB."""
    monkeypatch.setattr(unpacking, "_FREELY_UNPACKED", 1 << 20)
    monkeypatch.setattr(refused, "LARGE", (1 << 20) + 1)
    monkeypatch.setattr(refused, "BOMB", 1 << 21)


def test_good_files_pass(tmp_path: Path, good: list[Path]) -> None:
    """Good files have no findings, even after unpacking and repacking."""
    assert examine(made(tmp_path, good, lambda _: None)) == ()


@pytest.mark.parametrize("refusal", BY_CHECKS, ids=[each.slug for each in BY_CHECKS])
@pytest.mark.usefixtures("small")
def test_a_file_that_an_index_would_refuse_is_stopped(tmp_path: Path, good: list[Path], refusal: Refusal) -> None:
    """A file with a fault is stopped by the checks that the table names, and by no others."""
    found = stopped_by(tmp_path, good, refusal)
    if refusal.foreseen_as == "NS544" and found == {"NS503"}:  # newer Pythons refuse to open some of these ZIP files
        assert not all(map(opens, tmp_path.rglob("*.whl")))
        return
    assert found == {refusal.foreseen_as, *refusal.also}


@pytest.mark.parametrize("refusal", BY_README, ids=[each.slug for each in BY_README])
def test_a_readme_that_an_index_would_refuse_is_stopped(tmp_path: Path, good: list[Path], refusal: Refusal) -> None:
    """A README that the index would refuse is NS502, once for all files."""
    assert refusal.fault
    bad = [Archive.read(damaged(path, refusal.fault, tmp_path / "bad")) for path in good]
    assert [finding.id for finding in readme.problems(bad)] == [refusal.foreseen_as]


def test_the_words_of_an_index_are_told_by_the_id_of_the_check() -> None:
    """Each message of PyPI gets the ID in the table, whether it is in the status line or only on the page."""
    wrong = []
    for refusal in REFUSALS:
        page = f"<html><h1>{refusal.status} {refusal.words}</h1></html>"
        for said, text in ((refusal.words, ""), (http.client.responses[refusal.status], page)):
            answer = Answer.of({"status": refusal.status, "reason": said, "text": text})
            finding = answer.explained("Index", "a.whl")
            if finding.id != refusal.id or refusal.words[:20].rstrip(".") not in finding.what:
                wrong.append((refusal.slug, finding))
    assert not wrong


def test_a_correction_goes_into_the_next_version() -> None:
    """The remedy for a fault in a file is a new version, because the tag has already been pushed."""
    of_files = {
        refusal.slug: Answer(refusal.status, refusal.words).explained("Index", "a.whl").remedy
        for refusal in REFUSALS
        if refusal.foreseen == "build"
    }
    assert not {slug: remedy for slug, remedy in of_files.items() if "next version" not in remedy}


def test_the_table_names_kinds_that_there_are() -> None:
    """Each ID in the table exists, and each fault in it is foreseen by the checks of the built files."""
    named = {kind for refusal in REFUSALS for kind in (refusal.id, refusal.foreseen_as, *refusal.also)}
    assert named <= set(KINDS)
    assert not [refusal.slug for refusal in REFUSALS if refusal.fault and refusal.foreseen != "build"]


def test_each_row_has_a_name_of_its_own() -> None:
    """Each row of the table has a unique name, which the tests and the page use."""
    assert len({refusal.slug for refusal in REFUSALS}) == len(REFUSALS)


def test_the_page_of_refusals_holds_the_table() -> None:
    """`docs/refusals.md` has exactly the rows of the table, in the same order."""
    lines = PAGE.read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("| ")] == table()


@pytest.mark.parametrize("number", ["NS531", "NS536", "NS543", "NS549"])
@pytest.mark.usefixtures("small")
def test_what_only_pypi_refuses_stops_no_release_to_another_index(
    tmp_path: Path, good: list[Path], number: str
) -> None:
    """A fault that only PyPI refuses is a warning for another index."""
    fault = next(refusal.fault for refusal in REFUSALS if refusal.id == number and refusal.fault)
    (level,) = {finding.level for finding in examine(made(tmp_path, good, fault, public=False))}
    assert level == "warning"


def test_a_classifier_may_keep_pypi_out(tmp_path: Path, good: list[Path]) -> None:
    """The classifier `Private ::` is allowed on an index other than PyPI; for PyPI, the remedy names that."""
    fault = refused.header("Classifier: Private :: No")
    assert examine(made(tmp_path, good, fault, public=False)) == ()
    (finding,) = examine(made(tmp_path, good, fault))
    assert (finding.id, finding.level) == ("NS533", "error")
    assert "routes" in finding.remedy


def test_a_local_version_of_no_release_is_a_warning(tmp_path: Path, good: list[Path]) -> None:
    """A local version is only a warning if the build is not a release."""
    fault = next(refusal.fault for refusal in REFUSALS if refusal.id == "NS532")
    assert fault
    found = examine(replace(made(tmp_path, good, fault), tag_version=None))
    assert [(finding.id, finding.level) for finding in found] == [("NS532", "warning")]


def test_every_check_of_files_is_in_the_table() -> None:
    """Each check of the files that foresees a refusal is in the table."""
    told = {refusal.foreseen_as for refusal in REFUSALS}
    foreseen = {number for number in KINDS if re.fullmatch(r"NS5[3-5]\d", number)} - BEYOND
    assert foreseen <= told


BEYOND = {"NS530", "NS546", "NS547", "NS548"}
"""Checks of faults that an index accepts nevertheless."""
