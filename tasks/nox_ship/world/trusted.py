"""Trusted publishing: exchanging an identity token of the CI for an upload token of the index.

"Internals and technical details" in PyPI's documentation describes the exchange; any index may offer it.
"""

from __future__ import annotations

import http
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nox_ship.addresses import is_loopback, is_safe
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.world import web

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
EXCHANGE_FAILED = Kind("NS739", "exchange-failed", "Run the same command again; if it keeps failing, use an API token.")
FOREIGN_AUDIENCE = Kind(
    "NS745",
    "foreign-audience",
    "Use an API token for this index, or ask its operator to use its own host name, with domain, as the audience.",
)

CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME")
"""Variables that identify a CI that may offer an identity."""

_MISMATCH = ("invalid-publisher", "invalid-pending-publisher")
_TOKEN = re.compile(r"[!-~]+")


def in_ci(variables: Mapping[str, str]) -> bool:
    """Whether ``variables`` are those of a CI that may offer an identity."""
    return any(variables.get(name) for name in CI_VARIABLES)


@dataclass(frozen=True)
class TrustedPublisher:
    """The running CI job as a trusted publisher, for an index that offers the exchange."""

    index: str
    """The index's display name."""
    upload_url: str
    audience: str
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The job's environment variables."""

    @classmethod
    def of(cls, index: str, upload_url: str, variables: Mapping[str, str]) -> TrustedPublisher | None:
        """Return the job with these variables as a publisher; None outside CI, or if no exchange is offered.

        PyPI's and TestPyPI's audiences belong to them alone. Any other index must name its own host: with an identity
        token for another audience, it could publish elsewhere in our name. A single-word host is ambiguous: the
        audiences ``pypi`` and ``sigstore`` are such words.

        Raises:
            ShipError: The index does not answer (NS739), or names another audience than itself (NS745).
        """
        if not in_ci(variables) or not is_safe(upload_url):
            return None
        audience = _public_audience(upload_url) or _offered(index, upload_url)
        return cls(index, upload_url, audience, variables) if audience is not None else None

    def token(self) -> str | None:
        """Return a new upload token; None if this CI offers no identity.

        Raises:
            ShipError: The CI refuses its identity token (NS731), or the index refuses the exchange (NS730, NS732,
                NS739).
        """
        identity = self._identity()
        return self._exchanged(identity) if identity is not None else None

    def _identity(self) -> str | None:
        import id as identities

        # GitLab gives a job the identities listed in `id_tokens`, each in a variable named after its audience.
        variable = f"{re.sub(r'[^A-Z0-9]|^[0-9]', '_', self.audience.upper())}_ID_TOKEN"
        if self.variables.get("GITLAB_CI") and not self.variables.get(variable):
            return None
        try:
            return identities.detect_credential(self.audience)
        except identities.GitHubOidcPermissionCredentialError as error:
            what = "GitHub Actions gives this job no identity token."
            raise ShipError(NO_IDENTITY_TOKEN(what)) from error
        except Exception as error:  # the library's own errors, and unexpected answers
            raise ShipError(NO_IDENTITY_TOKEN(f"The CI gave no identity token: {_reason(error)}.")) from error

    def _exchanged(self, identity: str) -> str:
        try:
            answered = web.post(_endpoint(self.upload_url, "mint-token"), {"token": identity})
            answer = answered.json()
        except web.WebError as error:
            what = f"{self.index} did not exchange the identity token: {error}."
            raise ShipError(EXCHANGE_FAILED(what)) from error
        token = answer.get("token") if isinstance(answer, dict) else None
        if answered.ok and isinstance(token, str) and _TOKEN.fullmatch(token):
            return token
        raise ShipError(self._refusal(answer if isinstance(answer, dict) else {}, answered.status, identity))

    def _refusal(self, answer: Mapping[str, Any], status: int, identity: str) -> Finding:
        told = answer.get("errors")
        errors = [error for error in told if isinstance(error, dict)] if isinstance(told, list) else []
        codes = [str(error.get("code")) for error in errors]
        said = "; ".join(f"{error.get('code')}: {error.get('description')}" for error in errors) or f"status {status}"
        claims = read_claims(identity)
        table = claims_table(claims)
        if not any(code in _MISMATCH for code in codes):
            what = f"{self.index} did not exchange the identity token ({said})."
            return EXCHANGE_FAILED(what, detail=table)
        if not claims.get("environment"):
            what = (
                f"{self.index} has no trusted publisher that matches this job, which runs in no environment ({said})."
            )
            return ENVIRONMENT_MISSING(what, detail=table)
        return PUBLISHER_MISMATCH(
            f"{self.index} has no trusted publisher that matches this job ({said}).", detail=table
        )


def _public_audience(upload_url: str) -> str | None:
    """Return the audience of PyPI or TestPyPI if the address is theirs."""
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

    audiences = {_origin(DEFAULT_REPOSITORY): "pypi", _origin(TEST_REPOSITORY): "testpypi"}
    return audiences.get(_origin(upload_url))


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _offered(index: str, upload_url: str) -> str | None:
    """Ask an index for its audience; None if it has none."""
    try:
        answer = web.get(_endpoint(upload_url, "audience"), redirects=False)
    except web.WebError as error:
        raise ShipError(EXCHANGE_FAILED(f"Asking {index} for trusted publishing failed: {error}.")) from error
    if answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == http.HTTPStatus.TOO_MANY_REQUESTS:
        raise ShipError(EXCHANGE_FAILED(f"Asking {index} for trusted publishing failed: status {answer.status}."))
    try:
        value = answer.json() if answer.ok else None
    except web.WebError:  # some other page
        return None
    audience = value.get("audience") if isinstance(value, dict) else None
    if not isinstance(audience, str):
        return None
    host = urlsplit(upload_url).hostname or ""
    named = "." in host.strip(".") or ":" in host or is_loopback(host)
    if audience != host or not named:
        why = "is not its own host" if named else "is ambiguous: its host is a single word"
        what = f"{index} asks for an identity token whose audience is {audience[:100]!r}, which {why}."
        raise ShipError(FOREIGN_AUDIENCE(what))
    return audience


def _endpoint(upload_url: str, name: str) -> str:
    parts = urlsplit(upload_url)
    return urlunsplit((parts.scheme, parts.netloc, f"/_/oidc/{name}", "", ""))


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def read_claims(identity: str) -> Mapping[str, Any]:
    """Return the claims of an identity token; empty if they cannot be read."""
    import id as identities

    try:
        claims = json.loads(identities.decode_oidc_token(identity)[1])
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def claims_table(claims: Mapping[str, Any]) -> str:
    """Return the identity token's claims next to the publisher's required settings, as lines of text.

    https://docs.github.com/en/actions/concepts/security/openid-connect and
    https://docs.gitlab.com/ci/secrets/id_token_authentication/ list the claims.
    """
    if "project_path" in claims:
        return _gitlab_table(claims)
    owner, _, repository = str(claims.get("repository", "")).partition("/")
    workflow = _workflow(claims.get("job_workflow_ref") or claims.get("workflow_ref"))
    rows = [
        ("owner", str(claims.get("repository_owner") or owner), ""),
        ("repository", repository, ""),
        ("workflow", workflow, ""),
        *_place(claims),
    ]
    lines = _lines(rows)
    called = _workflow(claims.get("workflow_ref"))
    if called and called != workflow:
        lines.append(
            f"The job is in a reusable workflow, {workflow}, called by {called}; trusted publishers do not support"
        )
        lines.append("that. Move the publishing job into the workflow that the event starts.")
    return "\n".join(lines)


def _gitlab_table(claims: Mapping[str, Any]) -> str:
    namespace, _, project = str(claims["project_path"]).rpartition("/")
    file = str(claims.get("ci_config_ref_uri", "")).partition("@")[0].rpartition("//")[2]
    rows = [("namespace", namespace, ""), ("project", project, ""), ("file", file, ""), *_place(claims)]
    return "\n".join(_lines(rows))


def _place(claims: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    environment = str(claims.get("environment") or "")
    yield "environment", environment, environment or "(nothing), or give the job the publisher's environment"
    if claims.get("ref"):
        yield "ref", str(claims["ref"]), "(any)"


def _lines(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    head = ("", "the job's identity token says", "the publisher must have")
    return [f"{name:12} {value or '(missing)':36} {wanted or value}".rstrip() for name, value, wanted in (head, *rows)]


def _workflow(reference: object) -> str:
    """Return ``release.yml`` of ``owner/repository/.github/workflows/release.yml@refs/tags/v1``."""
    return str(reference or "").partition("@")[0].rpartition("/")[2]
