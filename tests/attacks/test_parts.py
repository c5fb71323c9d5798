"""The wheels that each job hands over must be exactly those it built; otherwise no job's wheels are accepted."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import Yard
from nox_ship.errors import ShipError
from nox_ship.package.build import manifest_path
from nox_ship.package.joining import join, read_parts
from nox_ship.package.manifest import File, Manifest
from nox_ship.package.parts import FILE, Part, Wanted
from support import make_sdist
from test_build import FILES, METADATA
from test_joining import LINUX, WINDOWS, built, parted

__all__ = ["built"]

Built = tuple[Yard, Manifest]
BOTH = Wanted(("ubuntu", "windows"))
MANY = 60


@contextmanager
def refused(yard: Yard, *told: str) -> Iterator[None]:
    """Expect an error with these texts, and no change to `dist/` and the manifest."""
    places = [manifest_path(yard.project), *sorted((yard.root / "dist").iterdir())]
    before = {place: place.read_bytes() for place in places}
    with pytest.raises(ShipError) as caught:
        yield
    assert all(text in str(caught.value) for text in told), caught.value
    after = [manifest_path(yard.project), *sorted((yard.root / "dist").iterdir())]
    assert {place: place.read_bytes() for place in after} == before


def wheel_in(folder: Path) -> Path:
    """Return the wheel of a part."""
    (wheel,) = folder.glob("*.whl")
    return wheel


def as_symlink(folder: Path) -> None:
    """Move the wheel elsewhere, and put a symlink in its place."""
    wheel = wheel_in(folder)
    wheel.symlink_to(wheel.rename(folder.parent / "elsewhere.whl"))


def record_as_symlink(folder: Path) -> None:
    """Move the record elsewhere, and put a symlink in its place."""
    (folder / FILE).symlink_to((folder / FILE).rename(folder.parent / "elsewhere.json"))


def as_pipe(folder: Path) -> None:
    """Replace the wheel by a pipe, which blocks every reader."""
    wheel = wheel_in(folder)
    wheel.unlink()
    os.mkfifo(wheel)


def named_outside(folder: Path) -> None:
    """Name a wheel outside the folder, with a path that could pass for a platform tag."""
    wheel = wheel_in(folder)
    (folder / "sample-1.2.3-cp312-cp312-x").mkdir()
    name = f"sample-1.2.3-cp312-cp312-x/../../{wheel.name}"
    wheel.rename(folder.parent / wheel.name)
    _record(folder, name)


def renamed(folder: Path) -> None:
    """Change the platform tag in the wheel's name."""
    wheel = wheel_in(folder)
    wheel.rename(wheel.with_name(wheel.name.replace("amd64", "arm64")))


def exchanged(folder: Path) -> None:
    """Replace the wheel by other bytes of the same size."""
    wheel = wheel_in(folder)
    wheel.write_bytes(wheel.read_bytes()[::-1])


def _record(folder: Path, name: str) -> None:
    record = json.loads((folder / FILE).read_text("utf-8"))
    record["files"][0]["name"] = name
    (folder / FILE).write_text(json.dumps(record), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        as_symlink,
        record_as_symlink,
        pytest.param(as_pipe, marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")),
        named_outside,
        renamed,
        exchanged,
    ],
)
def test_what_is_not_the_wheel_of_the_record_is_refused(built: Built, damage: Callable[[Path], None]) -> None:
    """A wheel or record that was changed is refused (NS575), and the good part next to it is not accepted either."""
    yard, _ = built
    good, bad = parted(built, "ubuntu", LINUX), parted(built, "windows", WINDOWS)
    damage(bad)
    with refused(yard, "NS575"):
        join(yard.project, read_parts([good, bad]), BOTH)


@pytest.mark.slow
def test_a_tag_that_is_changed_in_the_record_too_is_refused(built: Built) -> None:
    """A platform tag that was also changed in the record is refused (NS547), unless the project ignores NS547."""
    yard, _ = built
    good, bad = parted(built, "ubuntu", LINUX), parted(built, "windows", WINDOWS)
    renamed(bad)
    _record(bad, wheel_in(bad).name)
    with refused(yard, "NS547", "win_arm64"):
        join(yard.project, read_parts([good, bad]), BOTH)
    text = (yard.root / "pyproject.toml").read_text("utf-8")
    yard.write({"pyproject.toml": f'{text}[tool.nox-ship.build]\nignore = ["NS547"]\n'})
    assert join(yard.project, read_parts([good, bad]), BOTH).manifest.systems == ("ubuntu", "windows")


@pytest.mark.slow
def test_a_wheel_that_changes_while_it_is_collected_is_refused(built: Built) -> None:
    """If a wheel is exchanged after its part was read, even by a good one, the set is refused (NS603)."""
    yard, manifest = built
    parts = read_parts([parted(built, "ubuntu", LINUX), parted(built, "windows", WINDOWS)])
    with zipfile.ZipFile(wheel_in(parted(built, "windows", WINDOWS)), "a") as archive:
        archive.comment = b"another"
    with pytest.raises(ShipError, match="NS603"):
        join(yard.project, parts, BOTH)
    assert Manifest.read(manifest_path(yard.project)) == manifest


@pytest.mark.slow
def test_a_wheel_of_another_sdist_is_refused(built: Built) -> None:
    """A wheel that was built from another sdist is refused (NS576), even if the sdist in `dist/` was exchanged too."""
    yard, manifest = built
    good, bad = parted(built, "ubuntu", LINUX), parted(built, "windows", WINDOWS, sdist="6" * 64)
    with refused(yard, "NS576", "windows"):
        join(yard.project, read_parts([good, bad]), BOTH)
    other = make_sdist(yard.root / "dist", {**FILES, "more.py": ""}, METADATA)
    replace(manifest, files=(*manifest.files[:-1], File.of(other))).write(manifest_path(yard.project))
    with refused(yard, "NS576", "ubuntu"):
        join(yard.project, read_parts([good]), Wanted())


@pytest.mark.slow
def test_a_part_that_is_dropped_or_doubled_is_refused(built: Built) -> None:
    """A missing part is refused with NS577 and a duplicate part with NS578; both messages name the job."""
    yard, _ = built
    good, twin = parted(built, "ubuntu", LINUX), yard.root.parent / "twin"
    with refused(yard, "NS577", "windows"):
        join(yard.project, read_parts([good]), BOTH)
    shutil.copytree(good, twin)
    with refused(yard, "NS578", "ubuntu and by ubuntu"):
        join(yard.project, read_parts([good, parted(built, "windows", WINDOWS), twin]), BOTH)


def test_a_second_part_of_a_job_hides_nothing_that_the_first_lacks(built: Built) -> None:
    """A second part of the same job does not make up for a wheel that the first one lacks (NS577)."""
    yard, _ = built
    first = parted(built, "ubuntu", LINUX, expected=("cp313-manylinux_x86_64",))
    second = parted(built, "again", LINUX.replace("cp312", "cp311"))
    replace(Part.read(second), system="ubuntu").write(second)
    with refused(yard, "NS577", "cp313-manylinux_x86_64"):
        join(yard.project, read_parts([first, second]), Wanted())


@pytest.mark.slow
def test_of_many_parts_none_is_taken_where_one_is_bad(built: Built) -> None:
    """If one of many parts is missing or bad, no part is accepted, and the message names that job."""
    yard, _ = built
    folders = [parted(built, f"job{n}", f"cp3{n}-cp3{n}-win_amd64") for n in range(MANY)]
    wanted = Wanted(tuple(folder.name for folder in folders))
    with refused(yard, "NS577", "job37"):
        join(yard.project, read_parts([folder for folder in folders if folder.name != "job37"]), wanted)
    exchanged(folders[41])
    with refused(yard, "NS575", "job41"):
        join(yard.project, read_parts(folders), wanted)
