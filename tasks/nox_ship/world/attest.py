"""Attestations for a publication (PEP 740): each file is signed with the identity of the CI job that uploads it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from nox_ship import process
from nox_ship.errors import Kind, ShipError

NOT_SIGNED = Kind(
    "NS751",
    "not-signed",
    "Run the same command again, or set `publish.attestations = false` in [tool.nox-ship]; nothing was uploaded.",
)
NO_SIGNER = Kind(
    "NS768",
    "no-signer",
    "Install `nox-ship[attestations]` in this job, or set `publish.attestations = false` in [tool.nox-ship].",
    level="warning",
)

_IDENTITY = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_SECONDS = 120


def can_sign(variables: Mapping[str, str]) -> bool:
    """Whether ``variables`` are those of a GitHub Actions job, whose identity Sigstore and the indexes accept."""
    return bool(variables.get("GITHUB_ACTIONS"))


def is_installed() -> bool:
    """Whether the signing library is installed, which comes with the extra ``attestations``."""
    return importlib.util.find_spec("pypi_attestations") is not None


def sign(file: Path, variables: Mapping[str, str]) -> Path:
    """Sign a wheel or sdist with ``pypi-attestations``, and return the attestation, which is written next to it.

    Args:
        file: The file.
        variables: The job's environment variables, from which its identity is obtained.

    Raises:
        ShipError: The CI gives no identity, or Sigstore does not answer (NS751).
    """
    identity = {name: variables[name] for name in _IDENTITY if name in variables}
    try:
        done = process.run(
            [*process.module("pypi_attestations"), "sign", file], hidden=identity, check=False, seconds=_SECONDS
        )
    except process.TimedOutError as error:
        raise ShipError(NOT_SIGNED(f"{file.name} was not signed within {_SECONDS} seconds.")) from error
    attestation = file.with_name(f"{file.name}.publish.attestation")
    if done.code or not attestation.is_file():
        detail = process.hide(done.output, identity.values())
        raise ShipError(NOT_SIGNED(f"{file.name} could not be signed.", detail=detail))
    return attestation
