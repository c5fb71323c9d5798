from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import Call, Programs, Yard, make_yard
from nox_ship.package.build import build
from nox_ship.package.manifest import Manifest
from nox_ship.package.twice import compare_again
from support import make_sdist, make_wheel
from test_build import FILES, METADATA


def wheel(call: Call, text: str = "", number: int = 0) -> None:
    """Make a wheel that contains a text."""
    inside = {"sample/__init__.py": text, f"sample-1.2.{number or 3}.dist-info/licenses/LICENSE": "MIT\n"}
    make_wheel(out(call), inside, METADATA, version=f"1.2.{number or 3}")


def out(call: Call) -> Path:
    """Return where a build puts its files."""
    return Path(call.line[call.line.index("--outdir") + 1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("second", "expected", "told"),
    [
        ("same", [], ""),
        ("other text", [("NS570", "error")], "1 of its files differs: sample/__init__.py"),
        ("comment", [("NS571", "warning")], "but for the archive: compression"),
        ("no wheel", [("NS570", "error")], "did not produce sample-1.2.3-py3"),
        ("more", [("NS570", "error")], "Only a second build produced sample-1.2.4-py3"),
    ],
)
def test_a_second_build_must_make_the_same(
    tmp_path: Path, programs: Programs, second: str, expected: list[tuple[str, str]], told: str
) -> None:
    """A second build with other contents is an error; another archive of the same contents is a warning."""
    scenes: Iterator[str] = iter(["same", second])

    def reply(call: Call) -> tuple[int, str]:
        scene = next(scenes)
        if scene != "no wheel":
            wheel(call, "x = 2\n" if scene == "other text" else "")
        if scene == "more":
            wheel(call, number=4)
        if scene == "comment":  # which installers do not read
            with zipfile.ZipFile(next(out(call).glob("*.whl")), "a") as archive:
                archive.comment = b"second"
        make_sdist(out(call), FILES, METADATA)
        return 0, ""

    programs.play("-m build", reply=reply)
    yard = make_yard(tmp_path, FILES)
    findings = compare_again(yard.project, build(yard.project))
    assert [(finding.id, finding.level) for finding in findings] == expected
    assert told in "".join(map(str, findings))
    assert next(scenes, None) is None


@pytest.mark.slow
def test_the_second_build_is_elsewhere_and_at_another_time(tmp_path: Path, programs: Programs) -> None:
    """The second build has another folder, source age and time zone, but the same SOURCE_DATE_EPOCH."""
    seen: list[tuple[str, float, str | None, str | None]] = []

    def reply(call: Call) -> tuple[int, str]:
        sources = Path(call.line[-1])
        age = (sources / "README.md").stat().st_mtime
        seen.append((sources.name, age, call.env.get("TZ"), call.env["SOURCE_DATE_EPOCH"]))
        wheel(call)
        make_sdist(out(call), FILES, METADATA)
        return 0, ""

    programs.play("-m build", reply=reply)
    yard = make_yard(tmp_path, FILES)
    assert compare_again(yard.project, build(yard.project)) == []
    first, second = seen
    assert first[0] != second[0]
    assert first[1] - second[1] > 300 * 24 * 3600
    assert (first[2], second[2]) == (None, "Pacific/Chatham")
    assert first[3] == second[3]


def test_the_manifest_tells_what_the_files_were_built_with(tmp_path: Path, programs: Programs) -> None:
    """The manifest records the versions of the build requirements and the time of the files."""

    def reply(call: Call) -> tuple[int, str]:
        wheel(call)
        make_sdist(out(call), FILES, METADATA)
        return 0, "hatch-vcs==0.5.0 hatchling==1.27.0"

    programs.play("-m build", reply=reply)
    yard: Yard = make_yard(tmp_path, FILES)
    facts = build(yard.project).manifest.build
    assert facts == Manifest.read(yard.root / ".nox-ship" / "manifest.json").build
    assert facts is not None
    assert facts.requires == ("hatch-vcs==0.5.0", "hatchling==1.27.0")
    assert facts.epoch == yard.repository.commit_time
    assert facts.at >= facts.epoch
