"""Trusted publishing: an identity token of the CI, exchanged for an upload token of the index.

"Internals and technical details" in the documentation of PyPI describes the exchange; any index may offer it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nox_ship.errors import Finding, Kind, ShipError

NO_IDENTITY_TOKEN = Kind(
    "NS731",
    "no-identity-token",
    "Add `permissions: id-token: write` to the job that publishes.",
)
PUBLISHER_MISMATCH = Kind(
    "NS730",
    "publisher-mismatch",
    "Set the project's trusted publisher on the index to the values above, or correct the workflow.",
)
ENVIRONMENT_MISSING = Kind(
    "NS732",
    "environment-missing",
    "Add `environment: NAME` to the job that publishes, or leave the publisher's environment empty.",
)
EXCHANGE_FAILED = Kind("NS739", "exchange-failed", "Run the same command again; if it stays, use an API token.")

_CI = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SECONDS = 30
_MISMATCH = ("invalid-publisher", "invalid-pending-publisher")


@dataclass(frozen=True)
class TrustedPublisher:
    """The running CI job as a trusted publisher of an index that offers the exchange."""

    index: str
    """What the index is called."""
    upload_url: str
    audience: str

    @classmethod
    def of(cls, index: str, upload_url: str) -> TrustedPublisher | None:
        """Return this job as a publisher; None outside a CI, and where the index does not offer the exchange.

        Raises:
            ShipError: The index does not answer (NS739).
        """
        parts = urlsplit(upload_url)
        if not any(os.environ.get(name) for name in _CI) or (
            parts.scheme != "https" and parts.hostname not in _LOOPBACK
        ):
            return None
        import requests

        try:
            response = requests.get(_endpoint(upload_url, "audience"), timeout=_SECONDS)
            if response.status_code >= requests.codes.server_error:
                response.raise_for_status()
            audience = response.json()["audience"] if response.ok else None
        except (requests.JSONDecodeError, KeyError, TypeError):
            return None
        except requests.RequestException as error:
            what = f"{index} was asked for trusted publishing and did not answer: {_reason(error)}."
            raise ShipError(EXCHANGE_FAILED(what)) from error
        return cls(index, upload_url, audience) if isinstance(audience, str) else None

    def token(self) -> str | None:
        """Return a fresh upload token; None where this CI offers no identity.

        Raises:
            ShipError: The CI refuses its identity token (NS731), or the index refuses the exchange (NS730, NS732,
                NS739).
        """
        identity = self._identity()
        return self._exchanged(identity) if identity is not None else None

    def _identity(self) -> str | None:
        import id as identities

        try:
            return identities.detect_credential(self.audience)
        except identities.GitHubOidcPermissionCredentialError as error:
            what = "GitHub Actions offers this job no identity token."
            raise ShipError(NO_IDENTITY_TOKEN(what)) from error
        except identities.AmbientCredentialError as error:
            raise ShipError(NO_IDENTITY_TOKEN(f"The CI's identity token cannot be had: {error}.")) from error

    def _exchanged(self, identity: str) -> str:
        import requests

        try:
            url = _endpoint(self.upload_url, "mint-token")
            response = requests.post(url, json={"token": identity}, timeout=_SECONDS)
            answer = response.json()
        except requests.RequestException as error:
            what = f"{self.index} did not exchange the identity token: {_reason(error)}."
            raise ShipError(EXCHANGE_FAILED(what)) from error
        token = answer.get("token") if isinstance(answer, dict) else None
        if response.ok and isinstance(token, str) and token:
            return token
        raise ShipError(self._refusal(answer if isinstance(answer, dict) else {}, response.status_code, identity))

    def _refusal(self, answer: Mapping[str, Any], status: int, identity: str) -> Finding:
        errors = [error for error in answer.get("errors") or [] if isinstance(error, dict)]
        codes = [str(error.get("code")) for error in errors]
        said = "; ".join(f"{error.get('code')}: {error.get('description')}" for error in errors) or f"status {status}"
        claims = read_claims(identity)
        table = claims_table(claims)
        if not any(code in _MISMATCH for code in codes):
            what = f"{self.index} did not exchange the identity token ({said})."
            return EXCHANGE_FAILED(what, detail=table)
        if not claims.get("environment"):
            what = f"{self.index} knows no publisher like this job, which runs in no environment ({said})."
            return ENVIRONMENT_MISSING(what, detail=table)
        return PUBLISHER_MISMATCH(f"{self.index} knows no publisher like this job ({said}).", detail=table)


def _endpoint(upload_url: str, name: str) -> str:
    parts = urlsplit(upload_url)
    return urlunsplit((parts.scheme, parts.netloc, f"/_/oidc/{name}", "", ""))


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def read_claims(identity: str) -> Mapping[str, Any]:
    """Return the claims of an identity token, empty where it has none that can be read."""
    import id as identities

    try:
        claims = json.loads(identities.decode_oidc_token(identity)[1])
    except (ValueError, UnicodeDecodeError):
        return {}
    return claims if isinstance(claims, dict) else {}


def claims_table(claims: Mapping[str, Any]) -> str:
    """Return what the identity token says beside what a publisher must be set to, as lines of text.

    https://docs.github.com/en/actions/concepts/security/openid-connect names the claims.
    """
    owner, _, repository = str(claims.get("repository", "")).partition("/")
    workflow = _workflow(claims.get("job_workflow_ref") or claims.get("workflow_ref"))
    environment = str(claims.get("environment") or "")
    rows = [
        ("", "the job's identity token says", "the publisher must have"),
        ("owner", str(claims.get("repository_owner") or owner), ""),
        ("repository", repository, ""),
        ("workflow", workflow, ""),
        ("environment", environment, environment or "(nothing), or give the job the publisher's environment"),
    ]
    if claims.get("ref"):
        rows.append(("ref", str(claims["ref"]), "(any)"))
    lines = [f"{name:12} {value or '(missing)':36} {wanted or value}".rstrip() for name, value, wanted in rows]
    called = _workflow(claims.get("workflow_ref"))
    if called and called != workflow:
        lines.append(f"The job stands in a reusable workflow, {workflow}, which is called by {called}: no publisher")
        lines.append("can be set to that. Put the job that publishes into the workflow that the event starts.")
    return "\n".join(lines)


def _workflow(reference: object) -> str:
    """Return ``release.yml`` of ``owner/repository/.github/workflows/release.yml@refs/tags/v1``."""
    return str(reference or "").partition("@")[0].rpartition("/")[2]
