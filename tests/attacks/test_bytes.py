"""The tested bytes are those that are uploaded, and the compared bytes are those that are installed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fakes import TAKEN, nobody, publication
from nox_ship.conversation import Conversation
from nox_ship.errors import ShipError
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.release import installing
from nox_ship.release.converge import converge
from nox_ship.release.installing import install
from nox_ship.release.publication import Patience
from nox_ship.world.credentials import Credentials
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing, Served
from support import make_project, make_sdist, make_wheel

STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'


@dataclass(frozen=True)
class Shelf(Index):
    """An index in memory, whose addresses and bytes a test can choose."""

    dist: Path = Path()
    address: str = "https://index.example/{name}"
    downloads: list[str] = field(default_factory=list)
    evil_after: list[int] = field(default_factory=list)
    """The number of downloads after which other bytes are served."""

    def listing(self, project: str, version: str) -> Listing:
        """Return the files in the folder."""
        paths = built_files(self.dist)
        files = {p.name: Served(p.name, self.address.format(name=p.name), File.of(p).sha256) for p in paths}
        return Listing(index=self.name, project=project, version=version, files=files)

    def download_sha256(self, served: Served, size: int, into: BinaryIO | None = None) -> str:  # noqa: ARG002
        """Return the bytes of a file in the folder, or others."""
        evil = self.evil_after and len(self.downloads) >= self.evil_after[0]
        self.downloads.append(served.filename)
        data = b"evil" if evil else (self.dist / served.filename).read_bytes()
        if into:
            into.write(data)
        return hashlib.sha256(data).hexdigest()


def shelf(dist: Path, address: str = Shelf.address) -> Shelf:
    return Shelf("Shelf", "", "", find=lambda: Credentials("nobody", nobody), dist=dist, address=address)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Build a wheel and an sdist."""
    make_wheel(tmp_path / "dist", {"sample/__init__.py": ""})
    make_sdist(tmp_path / "dist", {"x": ""})
    return tmp_path / "dist"


def manifest_of(dist: Path) -> Manifest:
    return Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=tuple(map(File.of, built_files(dist))))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """Record what the installer is given, with the bytes at that path at that moment."""
    given: list[tuple[str, bytes]] = []

    def verify(source: str, *_: Any, **__: Any) -> None:
        path = Path(source.removeprefix("file://").partition("#")[0])
        given.append((source, path.read_bytes() if path.is_file() else b""))

    monkeypatch.setattr(installing, "verify", verify)
    monkeypatch.setattr(installing, "_installed_pythons", lambda *_: {"3.11": "python3.11", "3.12": "python3.12"})
    return given


@pytest.mark.parametrize(
    "address",
    [
        "https://index.example/{name}",
        "https://index.example/{name} ",
        "git+https://index.example/{name}",
        "file:///tmp/folder/",
        "https://index.example/{name}#egg=other",
        "https://index.example/{name} ; python_version < '3'",
        "../../{name}",
    ],
)
def test_what_was_compared_is_installed(
    tmp_path: Path, dist: Path, installed: list[tuple[str, bytes]], address: str
) -> None:
    """Whatever address the index gives for a file, the installer gets the compared bytes from disk, with their hash."""
    manifest = manifest_of(dist)
    index = shelf(dist, address)
    project = make_project(tmp_path / "project", STATIC)
    assert install(publication(manifest, dist, index, project)) == dict.fromkeys(
        ("3.11", "3.12"), manifest.files[0].name
    )
    wheel = manifest.files[0]
    assert len(installed) == 2
    for source, data in installed:
        assert source.startswith("file:///")
        assert source.endswith(f"/{wheel.name}#sha256={wheel.sha256}")
        assert hashlib.sha256(data).hexdigest() == wheel.sha256
    assert index.downloads == [wheel.name]


def test_an_index_that_serves_other_bytes_later_is_found_out(
    tmp_path: Path, dist: Path, installed: list[tuple[str, bytes]]
) -> None:
    """If the index serves the right bytes for the comparison and others later, nothing is installed (NS711)."""
    manifest, index = manifest_of(dist), shelf(dist)
    converge(publication(manifest, dist, index))
    index.evil_after.append(len(index.downloads))
    with pytest.raises(ShipError, match="NS711"):
        install(publication(manifest, dist, index, make_project(tmp_path / "project", STATIC)))
    assert installed == []


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Record the files that twine is given."""
    given: list[bytes] = []

    def ask(_: Conversation, question: dict[str, str], seconds: float) -> dict[str, object]:  # noqa: ARG001
        given.append(Path(question["file"]).read_bytes())
        return TAKEN

    monkeypatch.setattr(Conversation, "ask", ask)
    return given


def test_a_file_that_changes_after_the_check_is_not_uploaded(dist: Path, sent: list[bytes]) -> None:
    """If a file is rewritten between the check and the upload, NS603 is raised and nothing is sent."""
    manifest, index = manifest_of(dist), shelf(dist / "empty")

    def meanwhile(_: str) -> None:
        for path in built_files(dist):
            path.write_bytes(b"evil")

    with pytest.raises(ShipError, match="NS603"):
        converge(publication(manifest, dist, index, note=meanwhile, patience=Patience(wait=0.1)))
    assert sent == []


def test_a_file_that_leads_elsewhere_after_the_check_is_not_uploaded(
    tmp_path: Path, dist: Path, sent: list[bytes]
) -> None:
    """If a symlink to a secret file replaces a built file after the check, the secret is not uploaded (NS603)."""
    manifest, index = manifest_of(dist), shelf(dist / "empty")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")

    def meanwhile(_: str) -> None:
        for path in built_files(dist):
            path.unlink()
            path.symlink_to(secret)

    with pytest.raises(ShipError, match="NS603"):
        converge(publication(manifest, dist, index, note=meanwhile, patience=Patience(wait=0.1)))
    assert sent == []
