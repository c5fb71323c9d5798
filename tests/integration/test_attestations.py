"""Attestations (PEP 740): tests cannot reach Sigstore, so a local signer replaces it.

The library itself verifies what is sent along with each file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from failing_index import FailingIndex
from fakes import publication
from local_signer import LocalVerifier
from nox_ship import process
from nox_ship.config import Settings
from nox_ship.errors import ShipError
from nox_ship.package.manifest import File, Manifest
from nox_ship.release.converge import converge
from nox_ship.settings import read_settings
from nox_ship.world.real import RealWorld
from support import make_repository, make_sdist, make_wheel


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingIndex]:
    """Return an index, in the environment of a job of GitHub Actions."""
    with FailingIndex(tmp_path / "index") as made:
        for name, value in made.job().items():
            monkeypatch.setenv(name, value)
        yield made


def world(folder: Path, server: FailingIndex, **publish: bool) -> RealWorld:
    """Return the real world of a project that uses the server as `pypi` and as an index of its own."""
    addresses = {"upload-url": f"{server.url}/legacy/", "simple-url": f"{server.url}/simple/"}
    settings: Settings = read_settings(
        {"tool": {"nox-ship": {"indexes": {"pypi": addresses, "other": addresses}, "publish": publish}}}
    )
    return RealWorld(make_repository(folder / "project").path, folder / "world", settings, variables=os.environ)


def built(folder: Path) -> Manifest:
    """Write a wheel and an sdist into ``folder``, and return their manifest."""
    files = [make_wheel(folder, {"sample/__init__.py": ""}), make_sdist(folder, {"pyproject.toml": ""})]
    return Manifest("sample", "1.2.3", "c" * 40, "v1.2.3", dirty=False, files=tuple(map(File.of, files)))


def sign_locally(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the local signer instead of the one that asks Sigstore."""
    real = process.module

    def module(name: str) -> list[process.Argument]:
        return real("local_signer" if name == "pypi_attestations" else name)

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(process, "module", module)


def test_each_file_goes_out_with_its_attestation(
    tmp_path: Path, server: FailingIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each upload carries an attestation that is valid for that file and publisher only."""
    from pypi_attestations import Attestation, AttestationType, Distribution, GitHubPublisher, VerificationError, _impl

    sign_locally(monkeypatch)
    manifest = built(tmp_path / "dist")
    converge(publication(manifest, tmp_path / "dist", world(tmp_path, server).index("pypi", "sample")))
    assert len(server.uploads) == 2
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == sorted(file.name for file in manifest.files)
    monkeypatch.setattr(_impl, "Verifier", LocalVerifier)
    dists = [Distribution.from_file(tmp_path / "dist" / file.name) for file in manifest.files]
    publisher = GitHubPublisher(repository="acme/sample", workflow="release.yml")
    for upload, dist, other in zip(server.uploads, dists, reversed(dists), strict=True):
        assert upload.attestations is not None
        (sent,) = json.loads(upload.attestations)
        attestation = Attestation.model_validate(sent)
        kind, _ = attestation.verify(publisher, dist)
        assert kind == AttestationType.PYPI_PUBLISH_V1.value
        with pytest.raises(VerificationError):
            attestation.verify(publisher, other)
        with pytest.raises(VerificationError, match="acme/other"):
            attestation.verify(GitHubPublisher(repository="acme/other", workflow="release.yml"), dist)


@pytest.mark.parametrize(("name", "publish"), [("pypi", {"attestations": False}), ("other", {})])
def test_attestations_are_not_made_where_they_are_not_wanted(
    tmp_path: Path, server: FailingIndex, monkeypatch: pytest.MonkeyPatch, name: str, publish: dict[str, bool]
) -> None:
    """Attestations are not made if the setting turns them off, or if the index is one of the project's own."""
    sign_locally(monkeypatch)
    converge(
        publication(
            built(tmp_path / "dist"), tmp_path / "dist", world(tmp_path, server, **publish).index(name, "sample")
        )
    )
    assert [upload.attestations for upload in server.uploads] == [None, None]


def test_a_token_signs_nothing(tmp_path: Path, server: FailingIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload with an API token has no attestation, as indexes accept them only from trusted publishers."""
    sign_locally(monkeypatch)
    server.faults.no_audience = True
    monkeypatch.setenv("PYPI_API_TOKEN", server.new_token())
    converge(publication(built(tmp_path / "dist"), tmp_path / "dist", world(tmp_path, server).index("pypi", "sample")))
    assert [upload.attestations for upload in server.uploads] == [None, None]


def test_without_an_answer_of_sigstore_nothing_is_uploaded(tmp_path: Path, server: FailingIndex) -> None:
    """If Sigstore does not answer, NS751 stops the upload, and no identity token is shown."""
    with pytest.raises(ShipError, match="NS751") as caught:
        converge(
            publication(built(tmp_path / "dist"), tmp_path / "dist", world(tmp_path, server).index("pypi", "sample"))
        )
    assert server.uploads == []
    told = "".join(finding.detail for finding in caught.value.findings)
    assert not any(identity in told for identity in server.identities)
