"""Provenance of served files (PEP 740): which workflow published a file, and whether it was the project's own.

The library ``pypi-attestations`` verifies the signature with Sigstore's roots, and what the signature says about the
publisher is compared here; the index's own statement about it is not used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten

if TYPE_CHECKING:
    from pypi_attestations import Attestation

WRONG_PROVENANCE = Kind(
    "NS796",
    "wrong-provenance",
    "Find out who published it; if not a project member, treat the release as compromised (docs/emergencies.md).",
)
PROVENANCE_GONE = Kind(
    "NS797",
    "provenance-gone",
    "Find out who uploaded these files, and how; files from the project's workflow would be signed.",
    level="warning",
)
NOT_VERIFIED = Kind(
    "NS798",
    "provenance-not-verified",
    "Install `nox-ship[attestations]` next to nox-ship, and run it again.",
    level="notice",
)

# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
_FULCIO = "1.3.6.1.4.1.57264.1."
_COMMIT, _REPOSITORY, _REF, _WORKFLOW = (f"{_FULCIO}{number}" for number in (13, 12, 14, 18))
_GITHUB = "https://github.com/"
_TAGS = "refs/tags/"
_FILE = re.compile(r"/\.github/workflows/([^/@]+)@")


@dataclass(frozen=True)
class Expected:
    """Who should have published a release.

    Attributes:
        repository: The repository on GitHub as owner/name.
        workflows: The file names of the workflows that publish; any of the repository if there are none.
        tag: The release's tag; empty if unknown.
        commit: Its commit; empty if unknown.
    """

    repository: str
    workflows: frozenset[str] = frozenset()
    tag: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Origin:
    """Who published a file, according to its certificate.

    Attributes:
        repository: The repository on GitHub as owner/name.
        workflow: The workflow's file name.
        ref: The branch or tag of the run, such as ``refs/tags/v1.2.3``.
        commit: Its commit.
    """

    repository: str
    workflow: str
    ref: str
    commit: str

    def __str__(self) -> str:
        return f"{self.repository}, {self.workflow}, {self.ref.removeprefix('refs/')}, {self.commit[:10]}"


def verify(text: bytes, file: Path, expected: Expected) -> tuple[Origin, tuple[Finding, ...]]:
    """Verify the provenance of a file, with the library from the extra ``attestations``.

    Args:
        text: The provenance from the index.
        file: The file.
        expected: Who should have published it.

    Returns:
        Who published it, and warnings: a workflow run on a branch may have made the release's commit itself.

    Raises:
        ShipError: It is not signed, or by somebody else (NS796); or it cannot be verified here (NS798).
    """
    from pypi_attestations import Provenance

    try:
        provenance = Provenance.model_validate_json(text)
    except ValueError as error:
        raise ShipError(WRONG_PROVENANCE(f"The provenance of {file.name} cannot be read.")) from error
    attestations = [one for bundle in provenance.attestation_bundles for one in bundle.attestations]
    if not attestations:
        raise ShipError(WRONG_PROVENANCE(f"The provenance of {file.name} contains no attestation."))
    origins = [_origin(attestation, file) for attestation in attestations]
    findings = Findings(finding for origin in origins for finding in _compared(origin, file.name, expected))
    findings.raise_errors()
    return origins[0], tuple(dict.fromkeys(findings))


def _origin(attestation: Attestation, file: Path) -> Origin:
    """Verify an attestation's signature, and return who signed it.

    Raises:
        ShipError: It is not a signature of a GitHub workflow for this file (NS796), or there are no Sigstore roots to
            verify it with (NS798).
    """
    import sigstore.errors
    from pypi_attestations import AttestationError, Distribution, GitHubPublisher

    try:
        claims = attestation.certificate_claims
        workflow = _FILE.search(claims.get(_WORKFLOW, ""))
        repository = claims.get(_REPOSITORY, "").removeprefix(_GITHUB)
        publisher = GitHubPublisher(repository=repository, workflow=workflow[1] if workflow else "")
        dist = Distribution.from_file(file)
        try:
            attestation.verify(publisher, dist)
        except sigstore.errors.TUFError:  # the roots cannot be updated; use those shipped with the library
            attestation.verify(publisher, dist, offline=True)
    except sigstore.errors.TUFError as error:
        what = f"The provenance of {file.name} was not verified: {error}."
        raise ShipError(NOT_VERIFIED(what, remedy="Run it again where Sigstore can be reached.")) from error
    except (AttestationError, ValueError, sigstore.errors.Error) as error:
        what = f"The signature in the provenance of {file.name} is not valid: {error}."
        raise ShipError(WRONG_PROVENANCE(what)) from error
    return Origin(repository, publisher.workflow, claims.get(_REF, ""), claims.get(_COMMIT, ""))


def _compared(origin: Origin, name: str, expected: Expected) -> Iterator[Finding]:
    """Yield an error for each wrong detail about the publisher of a file."""
    if origin.repository.casefold() != expected.repository.casefold():
        yield WRONG_PROVENANCE(f"{name} was published from {origin.repository}, not from {expected.repository}.")
        return
    if expected.workflows and origin.workflow not in expected.workflows:
        known = shorten(sorted(expected.workflows))
        yield WRONG_PROVENANCE(f"{name} was published by {origin.workflow}, not by {known}.")
    if expected.tag and origin.ref.startswith(_TAGS) and origin.ref != f"{_TAGS}{expected.tag}":
        tag = origin.ref.removeprefix(_TAGS)
        yield WRONG_PROVENANCE(f"{name} was published for the tag {tag}, not for {expected.tag}.")
    if expected.commit and origin.commit and origin.commit != expected.commit:
        what = (
            f"{name} was published from commit {origin.commit[:10]}, but {expected.tag} is on {expected.commit[:10]}."
        )
        yield WRONG_PROVENANCE(what, level="error" if origin.ref.startswith(_TAGS) else "warning")
