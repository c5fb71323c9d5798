from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from fakes import publication
from nox_ship.config import RoutesSettings, Settings
from nox_ship.errors import ShipError
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.release.converge import converge
from nox_ship.release.route import index_names, route
from nox_ship.release.uptake import next_release
from nox_ship.world.index import Index, display_name
from nox_ship.world.standins import StandInIndex
from support import each, make_sdist, make_wheel, write_files

Shelf = tuple[Path, Index]
STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Serve a folder as a package index."""
    server = StandInIndex(tmp_path / "index")
    yield tmp_path / "index", server.index
    server.close()


def make_dist(folder: Path, version: str = "1.2.3") -> Manifest:
    """Write a wheel and an sdist, and return their manifest."""
    make_wheel(folder, {"sample/__init__.py": ""}, version=version)
    make_sdist(folder, {"src/sample/__init__.py": ""}, version=version)
    return Manifest("sample", version, "c" * 40, None, dirty=False, files=tuple(map(File.of, built_files(folder))))


@each(
    ("version", "index"),
    [
        ("1.2.0", "f"),
        ("1.2.0.post1", "f"),
        ("1!2.0", "f"),
        ("1.2.0rc1", "p"),
        ("1.2.0a1.post1", "p"),
        ("1.2.0.dev3", "d"),
        ("1.2.0rc1.dev3", "d"),
        ("1.2.0.post1.dev3", "d"),
    ],
)
def test_a_version_goes_where_its_route_leads(version: str, index: str) -> None:
    """Final, pre-release and development versions go to the index of their route; `.dev` decides first."""
    settings = Settings(routes=RoutesSettings("f", "p", "d"))
    assert route(settings, Version(version)) == index


def test_indexes_have_names() -> None:
    """PyPI and TestPyPI have their usual names, other indexes the name in the settings."""
    assert index_names(Settings()) == {"pypi", "testpypi"}
    assert [display_name(name) for name in ("pypi", "testpypi", "mine")] == ["PyPI", "TestPyPI", "mine"]


def test_files_that_are_there_are_not_uploaded_again(tmp_path: Path, shelf: Shelf) -> None:
    """If the index already has the same bytes, nothing is uploaded."""
    folder, index = shelf
    manifest = make_dist(tmp_path / "dist")
    make_dist(folder)
    for file in built_files(tmp_path / "dist"):
        (folder / file.name).write_bytes(file.read_bytes())
    notes: list[str] = []
    published = converge(publication(manifest, tmp_path / "dist", index, note=notes.append))
    assert [entry.action for entry in published] == ["there already", "there already"]
    assert all("already there" in note for note in notes)


@pytest.mark.usefixtures("twine")
def test_only_what_is_missing_is_uploaded(tmp_path: Path, shelf: Shelf) -> None:
    """Only the missing file is uploaded, and a second run uploads nothing."""
    folder, index = shelf
    manifest = make_dist(tmp_path / "dist")
    wheel, sdist = built_files(tmp_path / "dist")
    (folder / wheel.name).write_bytes(wheel.read_bytes())
    published = converge(publication(manifest, tmp_path / "dist", index))
    assert [(entry.file.kind, entry.action) for entry in published] == [
        ("wheel", "there already"),
        ("sdist", "uploaded"),
    ]
    assert (folder / sdist.name).read_bytes() == sdist.read_bytes()
    assert {entry.action for entry in converge(publication(manifest, tmp_path / "dist", index))} == {"there already"}


def test_other_bytes_under_the_same_name_stop_everything(tmp_path: Path, shelf: Shelf) -> None:
    """If the index has other bytes under the same name, NS711 stops before anything is uploaded."""
    folder, index = shelf
    manifest = make_dist(tmp_path / "dist")
    write_files(folder, {"sample-1.2.3.tar.gz": b"other"})
    with pytest.raises(ShipError, match="NS711"):
        converge(publication(manifest, tmp_path / "dist", index))
    assert [path.name for path in folder.iterdir()] == ["sample-1.2.3.tar.gz"]


def test_a_file_that_is_not_the_manifests_is_not_uploaded(tmp_path: Path, shelf: Shelf) -> None:
    """A file that was changed after the build is refused with NS603."""
    folder, index = shelf
    manifest = make_dist(tmp_path / "dist")
    built_files(tmp_path / "dist")[0].write_bytes(b"other")
    with pytest.raises(ShipError, match="NS603"):
        converge(publication(manifest, tmp_path / "dist", index))
    assert list(folder.iterdir()) == []


def test_an_index_that_does_not_answer_is_a_finding(tmp_path: Path) -> None:
    """If no server listens at the index's address, that is NS701."""
    manifest = make_dist(tmp_path / "dist")
    server = StandInIndex(tmp_path / "index")
    server.close()
    with pytest.raises(ShipError, match="NS701"):
        converge(publication(manifest, tmp_path / "dist", server.index))


@pytest.mark.parametrize("version", ["1.2.3", "1!2.0", "1.0rc1", "1.0.dev3", "1.0.post1", "2026.1"])
def test_files_of_every_kind_of_version_are_found(shelf: Shelf, version: str) -> None:
    """The files of a version are found among those of others, for all kinds of versions."""
    folder, index = shelf
    make_dist(folder, version)
    make_dist(folder, "0.9")
    assert set(index.files("sample", version)) == {
        f"sample-{version}-py3-none-any.whl",
        f"sample-{version}.tar.gz",
    }
    for served in index.files("sample", version).values():
        file = File.of(folder / served.filename)
        assert index.download_sha256(served, file.size) == file.sha256


def test_a_project_that_the_index_does_not_know_has_no_files(shelf: Shelf) -> None:
    """If the index does not know the project, the list of files is empty."""
    assert shelf[1].files("sample", "1.2.3") == {}


@each(
    ("version", "expected"),
    [
        ("1.2.3", "release 1.2.4 "),
        ("2.0rc1", "release 2.0.0rc2 "),
        ("1.0b3", "release 1.0.0b4 "),
        ("1.0.dev4", "commit"),
    ],
)
def test_the_next_version_is_named(version: str, expected: str) -> None:
    """If a file name is taken, the remedy names the next version to release."""
    manifest = Manifest("sample", version, "c" * 40, None, dirty=False, files=())
    assert expected in next_release(manifest)
