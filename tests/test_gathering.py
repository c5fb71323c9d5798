"""What `collect` reports about the collected files: the jobs that install them, and findings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fakes import Yard
from nox_ship.gathering import collect
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import Manifest
from nox_ship.package.parts import Part
from nox_ship.package.trials import Trial
from test_joining import LINUX, SETTINGS, WINDOWS, built, parted

pytestmark = pytest.mark.slow

__all__ = ["built"]

EXPECT = 'expect = ["cp312-*"]\n'


@pytest.fixture
def set_of_two(built: tuple[Yard, Manifest]) -> tuple[Yard, Manifest]:
    """Return a project for Python 3.12 whose settings name two runners and the expected wheels."""
    yard, manifest = built
    names = SETTINGS.replace('"ubuntu"', '"ubuntu-latest"').replace('"windows"', '"windows-latest/ARM64"')
    text = (yard.root / "pyproject.toml").read_text("utf-8").replace(SETTINGS, f"{names}{EXPECT}")
    yard.write({"pyproject.toml": f'{text}[tool.nox-ship.workflows]\nsystems = ["macos-latest"]\n'})
    known = replace(manifest, pythons=("3.12",))
    known.write(manifest_path(yard.project))
    return yard, known


def parts_of(built: tuple[Yard, Manifest], **tags: str) -> list[Path]:
    """Make a part with one wheel for each system, whose name maps to the wheel's tag in ``tags``."""
    names = {"ubuntu": "ubuntu-latest", "windows": "windows-latest/ARM64"}
    folders = [parted(built, system, each) for system, each in tags.items()]
    for folder, system in zip(folders, tags, strict=True):
        replace(Part.read(folder), system=names.get(system, system)).write(folder)
    return folders


def test_the_jobs_that_install_a_set_are_told(set_of_two: tuple[Yard, Manifest]) -> None:
    """There is one job for the sdist and one for each wheel that a runner fits; NS585 names the other wheels."""
    yard, _ = set_of_two
    collected = collect(yard.project, parts_of(set_of_two, ubuntu=LINUX, windows=WINDOWS.replace("amd64", "arm64")))
    assert collected.trials == (Trial("macos-latest", "3.12", "all"), Trial("ubuntu-latest", "3.12", "wheels"))
    (notice,) = collected.findings
    assert (notice.id, notice.level) == ("NS585", "notice")
    assert "win_arm64" in notice.what


def test_a_part_leads_no_job_to_another_runner(set_of_two: tuple[Yard, Manifest]) -> None:
    """A part may not choose the runner: one that the settings do not name is refused, or gets no job."""
    yard, _ = set_of_two
    folders = parts_of(set_of_two, ubuntu=LINUX, windows=WINDOWS, theirs="cp312-cp312-manylinux_2_17_riscv64")
    collected = collect(yard.project, folders)
    assert collected.trials == ()
    assert [finding.id for finding in collected.findings] == ["NS578"]
    text = (yard.root / "pyproject.toml").read_text("utf-8")
    yard.write({"pyproject.toml": text.replace('systems = ["ubuntu-latest", "windows-latest/ARM64"]\n', "")})
    collected = collect(yard.project, folders)
    assert {trial.system for trial in collected.trials} == {"macos-latest"}
    assert [finding.id for finding in collected.findings] == ["NS585"]


def test_what_is_no_set_is_installed_nowhere(set_of_two: tuple[Yard, Manifest]) -> None:
    """An incomplete set is reported with NS577, and no job installs it."""
    yard, _ = set_of_two
    collected = collect(yard.project, [parted(set_of_two, "ubuntu-latest", LINUX)])
    assert collected.trials == ()
    assert [finding.id for finding in collected.findings] == ["NS577"]
