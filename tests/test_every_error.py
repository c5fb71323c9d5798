"""Each error stands in a test; those that are met nowhere else are met here."""

from __future__ import annotations

import errno
import importlib
import os
import pkgutil
import re
from pathlib import Path
from typing import Any

import nox
import pytest

import nox_ship
from fakes import Programs, Yard
from nox_ship import front, sessions
from nox_ship.command import main
from nox_ship.errors import KINDS, ShipError
from nox_ship.gates import audit
from nox_ship.setup import github
from nox_ship.setup.doctor import _tools
from support import make_project, write_files

TESTS = Path(__file__).parent
STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'


def test_every_error_stands_in_a_test() -> None:
    """The page of errors and the test of the kinds themselves do not count."""
    for module in pkgutil.walk_packages(nox_ship.__path__, "nox_ship."):
        importlib.import_module(module.name)
    files = (path for path in TESTS.rglob("*.py") if path.name != "test_errors.py")
    told = {number for path in files for number in re.findall(r"NS\d{3}", path.read_text("utf-8"))}
    assert not set(KINDS) - told


def test_an_audit_whose_dependencies_cannot_be_resolved_fails(tmp_path: Path, programs: Programs) -> None:
    """NS424, with the tool's words."""
    programs.answer("pip compile", code=1, stdout="no such version")
    with pytest.raises(ShipError, match="NS424") as caught:
        audit.dependencies(make_project(tmp_path, STATIC), tmp_path, tmp_path)
    assert caught.value.findings[0].detail == "no such version"


def test_a_publish_session_goes_to_its_own_index(yard: Yard) -> None:
    """One that is told another is NS757, before anything is looked at."""
    with pytest.raises(ShipError, match=r"NS757.*PyPI.*testpypi"):
        front.publish(yard.project, ["--to", "testpypi"], "publish-prod", "pypi")


def test_a_noxfile_that_is_there_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """NS817; one that holds nothing else is written again."""
    monkeypatch.chdir(tmp_path)
    assert main(["noxfile"]) == 0
    assert main(["noxfile"]) == 0
    write_files(tmp_path, {"noxfile.py": "import nox\n"})
    assert main(["noxfile"]) == 1
    assert "NS817" in capsys.readouterr().out
    assert (tmp_path / "noxfile.py").read_text("utf-8") == "import nox\n"


def test_a_machine_without_git_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NS826."""
    monkeypatch.setenv("PATH", str(tmp_path))
    patient: Any = None
    found = [told for told in _tools(patient) if not isinstance(told, str)]
    assert [finding.id for finding in found] == ["NS826"]


LOOSE = """\
on: {push: {tags: ["v*"]}}
permissions: {id-token: write}
jobs:
  publish:
    environment: pypi
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
"""
NO_ENVIRONMENT = LOOSE.replace("permissions: {id-token: write}\n", "").replace(
    "environment: pypi", "permissions: {id-token: write}"
)


@pytest.mark.parametrize("workflow", [LOOSE, NO_ENVIRONMENT])
def test_a_workflow_that_lets_everybody_publish_is_told(tmp_path: Path, workflow: str) -> None:
    """Every job has the identity, or no environment guards it: NS833."""
    write_files(tmp_path, {".github/workflows/release.yml": workflow})
    found = [told for told in github._publishing_jobs(tmp_path) if not isinstance(told, str)]
    assert [finding.id for finding in found] == ["NS833"]


class FakeSession:
    """A session of nox that keeps what it was ended with."""

    name = "lint"

    def error(self, *words: object) -> None:
        """End the session."""
        raise nox.command.CommandFailed(" ".join(map(str, words)))

    def log(self, *_: object) -> None:
        """Say nothing."""

    warn = log


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, "NS802"), (errno.EDQUOT, "NS802"), (errno.EACCES, "NS903")]
)
def test_what_the_system_refuses_is_told(number: int, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A full disk is NS802, anything else NS903; neither shows a traceback."""
    session: Any = FakeSession()
    with pytest.raises(BaseException) as caught, sessions._errors_shown(session):
        raise OSError(number, os.strerror(number), "some/file")
    text = f"{caught.value} {capsys.readouterr().out}"
    assert expected in text
    assert "some/file" in text
