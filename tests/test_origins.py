from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypi_attestations import _impl
from sigstore.errors import TUFError
from sigstore.models import InvalidBundle

from fakes import Yard, make_index, make_yard
from local_signer import LocalVerifier, provenance
from nox_ship.errors import ShipError
from nox_ship.package.manifest import File, Manifest
from nox_ship.release.origins import Origins, examine
from nox_ship.release.published import ExpectedRelease
from nox_ship.world import attest
from nox_ship.world.index import INDEX_UNREACHABLE
from prepared import Prepared
from support import commit_files, git, make_sdist, make_wheel

WORKFLOW = """\
on: {push: {tags: ["v*"]}}
jobs:
  publish:
    permissions: {id-token: write}
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
"""
BY_TOKEN = WORKFLOW.replace("{id-token: write}", "{}").replace("@v1}", "@v1, with: {password: '${{ secrets.X }}'}}")
TO_ANOTHER = WORKFLOW.replace("uses: pypa/gh-action-pypi-publish@v1", "run: nox -s publish-test")
PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'
WHEEL, SDIST = "sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"


class Release:
    """A release on PyPI, with provenance."""

    def __init__(self, folder: Path) -> None:
        told = {"pyproject.toml": PYPROJECT, ".github/workflows/release.yml": WORKFLOW}
        told |= {".github/workflows/token.yml": BY_TOKEN, ".github/workflows/test.yml": TO_ANOTHER}
        (folder / "yard").mkdir()
        self.yard: Yard = make_yard(folder / "yard", told)
        git(self.yard.root, "remote", "add", "origin", "git@github.com:acme/sample.git")
        self.yard.tag("v1.2.3")
        self.commit = self.yard.repository.head
        commit_files(self.yard.root, {".github/workflows/release.yml": "on: push\njobs: {}\n"})  # changed since
        self.folder = folder / "served"
        paths = [make_wheel(self.folder, {"sample.py": ""}), make_sdist(self.folder, {"sample.py": ""})]
        self.index = make_index(shelf={path.name: path.read_bytes() for path in paths}, public=True)
        self.manifest = Manifest(
            "sample", "1.2.3", self.commit, "v1.2.3", dirty=False, files=tuple(map(File.of, paths))
        )

    def sign(self, *names: str, **claims: str) -> None:
        """Attest files as a workflow would."""
        told = {
            "repository": "acme/sample",
            "job_workflow_ref": "acme/sample/.github/workflows/release.yml@refs/tags/v1.2.3",
            "ref": "refs/tags/v1.2.3",
            "sha": self.commit,
            **claims,
        }
        for name in names or (WHEEL, SDIST):
            self.index.provenances[name] = provenance(self.folder / name, told)

    def origins(self) -> Origins:
        """Verify the provenance."""
        release = ExpectedRelease(self.manifest, self.folder, "")
        listing = self.index.listing("sample", "1.2.3")
        return examine(self.yard.project, release, listing, self.index, "pypi")

    def found(self) -> list[tuple[str, str]]:
        """Return the ID and level of each finding."""
        return [(finding.id, finding.level) for finding in self.origins().findings]


@pytest.fixture
def release(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Return a release; a local verifier replaces Sigstore's."""
    monkeypatch.setattr(_impl, "Verifier", LocalVerifier)
    return prepared(Release)


@pytest.mark.slow
def test_what_the_projects_workflow_published_is_verified(release: Release) -> None:
    """For files published by the project's workflow, the origin is shown; the case of repository names is ignored."""
    release.sign()
    git(release.yard.root, "remote", "set-url", "origin", "https://github.com/Acme/Sample")
    origins = release.origins()
    assert origins.findings == []
    assert {str(origin) for origin in origins.known.values()} == {
        f"acme/sample, release.yml, tags/v1.2.3, {release.commit[:10]}"
    }
    assert set(origins.known) == {WHEEL, SDIST}


OTHER = "acme/{}/.github/workflows/{}@refs/tags/{}"


@pytest.mark.parametrize(
    ("claims", "told", "level"),
    [
        (
            {"repository": "acme/fork", "job_workflow_ref": OTHER.format("fork", "release.yml", "v1.2.3")},
            "was published from acme/fork, not from acme/sample",
            "error",
        ),
        (
            {"job_workflow_ref": OTHER.format("sample", "evil.yml", "v1.2.3")},
            r"was published by evil\.yml, not by release\.yml",
            "error",
        ),
        (
            {"ref": "refs/tags/v1.2.2", "job_workflow_ref": OTHER.format("sample", "release.yml", "v1.2.2")},
            r"was published for the tag v1\.2\.2, not for v1\.2\.3",
            "error",
        ),
        ({"job_workflow_ref": OTHER.format("sample", "token.yml", "v1.2.3")}, r"not by release\.yml", "error"),
        ({"job_workflow_ref": OTHER.format("sample", "test.yml", "v1.2.3")}, r"not by release\.yml", "error"),
        ({"sha": "c" * 40}, r"was published from commit cccccccccc, but v1\.2\.3 is on", "error"),
        (
            {
                "sha": "c" * 40,
                "ref": "refs/heads/main",
                "job_workflow_ref": "acme/sample/.github/workflows/release.yml@refs/heads/main",
            },
            "was published from commit cccccccccc",
            "warning",
        ),
        ({"job_workflow_ref": "acme/sample/.github/workflows/x@y"}, "is not valid", "error"),
    ],
)
def test_what_somebody_else_published_is_told(release: Release, claims: dict[str, str], told: str, level: str) -> None:
    """Files with another origin are NS796; for a run on a branch, another commit is only a warning."""
    release.sign(**claims)
    findings = release.origins().findings
    assert {(finding.id, finding.level) for finding in findings} == {("NS796", level)}
    assert all(re.search(told, finding.what) for finding in findings)


def signed_for_another_file(release: Release) -> None:
    """Swap the provenance of the two files."""
    known = release.index.provenances
    known[WHEEL], known[SDIST] = known[SDIST], known[WHEEL]


def signed_by_another_key(release: Release) -> None:
    """Replace the signature with one from another attestation."""
    told = release.index.provenances[WHEEL]
    assert isinstance(told, bytes)
    one = json.loads(told)
    release.sign(WHEEL)
    again = release.index.provenances[WHEEL]
    assert isinstance(again, bytes)
    other = json.loads(again)["attestation_bundles"][0]["attestations"][0]
    one["attestation_bundles"][0]["attestations"][0]["envelope"] = other["envelope"]
    release.index.provenances[WHEEL] = json.dumps(one).encode()


def nothing_attested(release: Release) -> None:
    """Replace the provenance with one that contains no attestation."""
    release.index.provenances[WHEEL] = provenance(release.folder / WHEEL)


def no_provenance(release: Release) -> None:
    """Replace the provenance with invalid JSON."""
    release.index.provenances[WHEEL] = b"{"


@pytest.mark.parametrize("change", [signed_for_another_file, signed_by_another_key, nothing_attested, no_provenance])
def test_what_is_not_signed_is_told(release: Release, change: Callable[[Release], None]) -> None:
    """Provenance without a valid signature for the file is refused with NS796."""
    release.sign()
    change(release)
    assert set(release.found()) == {("NS796", "error")}


def test_files_without_provenance_are_told_where_others_have_it(release: Release) -> None:
    """A file without provenance is the error NS797 if the workflow of that tag attests what it uploads."""
    release.sign(WHEEL)
    assert release.found() == [("NS797", "error")]


@pytest.mark.parametrize(
    ("change", "level"), [("attestations = false", "warning"), ('by = "machine"', "warning"), ("", "error")]
)
def test_provenance_that_is_gone_since_the_last_release_is_told(release: Release, change: str, level: str) -> None:
    """If only the last release had provenance, NS797 is an error, or a warning if the settings explain that."""
    assert release.found() == []
    earlier = make_sdist(release.folder / "earlier", {}, version="1.2.2")
    release.index.earlier[earlier.name] = earlier.read_bytes()
    assert release.found() == []
    release.index.provenances[earlier.name] = b"whatever it is"
    commit_files(release.yard.root, {"pyproject.toml": f"{PYPROJECT}[tool.nox-ship.publish]\n{change}\n"})
    assert release.found() == [("NS797", level)]


@pytest.mark.slow
def test_a_machine_signs_nothing(release: Release) -> None:
    """If no workflow of the tag publishes, missing provenance is only a warning."""
    git(release.yard.root, "tag", "--force", "v1.2.3", "HEAD")
    release.manifest = Manifest(
        "sample", "1.2.3", release.yard.repository.head, "v1.2.3", dirty=False, files=release.manifest.files
    )
    release.sign(WHEEL, sha=release.yard.repository.head)
    assert release.found() == [("NS797", "warning")]


def test_without_the_library_nothing_is_verified(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """If pypi-attestations is not installed, the notice NS798 says that provenance was not verified."""
    release.sign()
    monkeypatch.setattr(attest, "is_installed", lambda: False)
    assert release.found() == [("NS798", "notice")]


def test_an_identity_that_is_not_known_is_not_compared(release: Release) -> None:
    """If the remote is not on GitHub, the notice NS798 says that provenance was not compared."""
    release.sign()
    git(release.yard.root, "remote", "set-url", "origin", "https://example.invalid/x.git")
    assert release.found() == [("NS798", "notice")]


def test_an_index_that_does_not_tell_stops_nothing(release: Release) -> None:
    """If the index does not return the provenance, that is the notice NS798."""
    release.index.provenances[WHEEL] = ShipError(INDEX_UNREACHABLE("PyPI does not tell."))
    assert release.found() == [("NS798", "notice")]


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ({False: TUFError("Failed to refresh TUF metadata")}, []),
        (dict.fromkeys((True, False), TUFError("Failed to refresh TUF metadata")), [("NS798", "notice")]),
        ({False: InvalidBundle("no inclusion proof")}, [("NS796", "error")]),
    ],
)
def test_roots_that_cannot_be_refreshed_will_do(
    release: Release,
    monkeypatch: pytest.MonkeyPatch,
    refused: dict[bool, Exception],
    expected: list[tuple[str, str]],
) -> None:
    """If Sigstore's roots cannot be refreshed, the shipped ones are used; without those, it is NS798."""

    class Offline(LocalVerifier):
        @classmethod
        def production(cls, **told: Any) -> LocalVerifier:
            if error := refused.get(told["offline"]):
                raise error
            return cls()

    release.sign()
    monkeypatch.setattr(_impl, "Verifier", Offline)
    assert sorted(set(release.found())) == expected


def test_a_release_without_a_tag_is_compared_by_its_repository(release: Release) -> None:
    """If the release has no tag here, only the repository is compared; any of its workflows may have published."""
    files = release.manifest.files
    release.manifest = Manifest("sample", "1.2.3", "", None, dirty=False, files=files)
    release.sign(job_workflow_ref=OTHER.format("sample", "old.yml", "v1.2.3"))
    assert release.found() == []
