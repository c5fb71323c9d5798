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
    """Return a wheel and an sdist that nothing is wrong with."""
    return good_files(tmp_path / "good")


def made(folder: Path, good: list[Path], fault: Change, pyproject: str = PYPROJECT, *, public: bool = True) -> Built:
    """Return what was built where every file has a fault."""
    wheel, sdist = (Archive.read(damaged(path, fault, folder / "bad")) for path in good)
    project = make_project(folder / "project", pyproject, {"src/sample/__init__.py": ""})
    return Built(project, (wheel,), sdist, "1.2.3", ("src/sample/__init__.py",), public=public)


def stopped_by(folder: Path, good: list[Path], refusal: Refusal) -> set[str]:
    """Return the IDs of the errors that stop files with the fault of a refusal."""
    assert refusal.fault
    try:
        found = examine(made(folder, good, refusal.fault))
    except ShipError as error:
        found = error.findings
    return {finding.id for finding in found if finding.level == "error"}


def opens(path: Path) -> bool:
    """Whether this Python opens a ZIP."""
    try:
        zipfile.ZipFile(path).close()
    except zipfile.BadZipFile:
        return False
    return True


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a MiB be much: as much as a file may have, or unpack to."""
    monkeypatch.setattr(unpacking, "_FREELY_UNPACKED", 1 << 20)
    monkeypatch.setattr(refused, "LARGE", (1 << 20) + 1)
    monkeypatch.setattr(refused, "BOMB", 1 << 21)


def test_good_files_pass(tmp_path: Path, good: list[Path]) -> None:
    """Taken apart and packed again, too: nothing is found."""
    assert examine(made(tmp_path, good, lambda _: None)) == ()


@pytest.mark.parametrize("refusal", BY_CHECKS, ids=[each.slug for each in BY_CHECKS])
@pytest.mark.usefixtures("small")
def test_a_file_that_an_index_would_refuse_is_stopped(tmp_path: Path, good: list[Path], refusal: Refusal) -> None:
    """By the check that the table names, and by no other that it does not name."""
    found = stopped_by(tmp_path, good, refusal)
    if refusal.foreseen_as == "NS544" and found == {"NS503"}:  # newer Pythons open some of these ZIPs no longer
        assert not all(map(opens, tmp_path.rglob("*.whl")))
        return
    assert found == {refusal.foreseen_as, *refusal.also}


@pytest.mark.parametrize("refusal", BY_README, ids=[each.slug for each in BY_README])
def test_a_readme_that_an_index_would_refuse_is_stopped(tmp_path: Path, good: list[Path], refusal: Refusal) -> None:
    """Once for all files: NS502."""
    assert refusal.fault
    bad = [Archive.read(damaged(path, refusal.fault, tmp_path / "bad")) for path in good]
    assert [finding.id for finding in readme.problems(bad)] == [refusal.foreseen_as]


def test_the_words_of_an_index_are_told_by_the_id_of_the_check() -> None:
    """Whether they stand in the status line, as of PyPI, or on the page alone; nothing of PyPI's is just "refused"."""
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
    """What is wrong with a file that was sent is too late to correct where its tag was pushed."""
    of_files = {
        refusal.slug: Answer(refusal.status, refusal.words).explained("Index", "a.whl").remedy
        for refusal in REFUSALS
        if refusal.foreseen == "build"
    }
    assert not {slug: remedy for slug, remedy in of_files.items() if "next version" not in remedy}


def test_the_table_names_kinds_that_there_are() -> None:
    """Each row has an ID, and what is made wrong is foreseen."""
    named = {kind for refusal in REFUSALS for kind in (refusal.id, refusal.foreseen_as, *refusal.also)}
    assert named <= set(KINDS)
    assert not [refusal.slug for refusal in REFUSALS if refusal.fault and refusal.foreseen != "build"]


def test_each_row_has_a_name_of_its_own() -> None:
    """By which the tests and the page name it."""
    assert len({refusal.slug for refusal in REFUSALS}) == len(REFUSALS)


def test_the_page_of_refusals_holds_the_table() -> None:
    """`docs/refusals.md` has a line for each, in the table's order, and no other."""
    lines = PAGE.read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("| ")] == table()


@pytest.mark.parametrize("number", ["NS531", "NS536", "NS543", "NS549"])
@pytest.mark.usefixtures("small")
def test_what_only_pypi_refuses_stops_no_release_to_another_index(
    tmp_path: Path, good: list[Path], number: str
) -> None:
    """It is a warning there."""
    fault = next(refusal.fault for refusal in REFUSALS if refusal.id == number and refusal.fault)
    (level,) = {finding.level for finding in examine(made(tmp_path, good, fault, public=False))}
    assert level == "warning"


def test_a_classifier_may_keep_pypi_out(tmp_path: Path, good: list[Path]) -> None:
    """`Private ::` is for an index of one's own, and says nothing there."""
    assert examine(made(tmp_path, good, refused.header("Classifier: Private :: No"), public=False)) == ()


def test_a_local_version_of_no_release_is_a_warning(tmp_path: Path, good: list[Path]) -> None:
    """What was built by hand, between two releases, may have one."""
    fault = next(refusal.fault for refusal in REFUSALS if refusal.id == "NS532")
    assert fault
    found = examine(replace(made(tmp_path, good, fault), tag_version=None))
    assert [(finding.id, finding.level) for finding in found] == [("NS532", "warning")]


def test_every_check_of_files_is_in_the_table() -> None:
    """Each ID of the checks that foresee a refusal stands in it."""
    told = {refusal.foreseen_as for refusal in REFUSALS}
    foreseen = {number for number in KINDS if re.fullmatch(r"NS5[3-5]\d", number)} - BEYOND
    assert foreseen <= told


BEYOND = {"NS530", "NS546", "NS547", "NS548"}
"""Checks of what an index takes all the same."""
