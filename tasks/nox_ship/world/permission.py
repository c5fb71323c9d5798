"""Whether a token may write the releases of a repository on GitHub, checked without writing any.

For a token with scopes, a header lists them, and the repository's data show what its user may do. For other tokens
neither helps: a fine-grained token is shown the rights of its user, and a job's token nothing. With such a token GitHub
is asked to generate release notes, which requires write access to contents but saves nothing ("The generated release
notes are not saved anywhere").

https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens
https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nox_ship.errors import Finding, ShipError
from nox_ship.world.github import FORBIDDEN, NO_REPOSITORY, TOKEN_REFUSED, GitHubApi, parsed

SECONDS = 5.0
"""Seconds that GitHub may take for each of its two answers."""
_SCOPED = ("ghp_", "gho_")
"""Prefixes of tokens with scopes, perhaps none; for other tokens the header may exist, too, but be empty."""
_NOT_TOLD = (404, 422)
"""Answers to the request for notes with other causes, such as a GitHub Enterprise without that function."""


def refusals(api: GitHubApi, tag: str) -> tuple[Finding, ...]:
    """Return why a token may not write the release of a tag; empty if it may, or if that is unknown.

    It may be invalid (NS781), lack the permission (NS782), or have no access to the repository, which may also have
    been moved (NS784).
    """
    quick = replace(api, timeout=SECONDS, patience=0, pauses=())
    try:
        answer = quick.ask("GET", "")
        scopes = answer.headers.get("x-oauth-scopes", "")
        if scopes or (api.token or "").startswith(_SCOPED):
            return tuple(_forbidden(api.slug, scopes, parsed(answer, dict)))
        quick.ask("POST", "/releases/generate-notes", {"tag_name": tag}, allowed=_NOT_TOLD)
    except ShipError as error:
        meant = {kind.id for kind in (TOKEN_REFUSED, FORBIDDEN, NO_REPOSITORY)}
        return tuple(finding for finding in error.findings if finding.id in meant)
    return ()


def _forbidden(slug: str, scopes: str, repository: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield why a token with these scopes may not write to a repository."""
    enough = ("repo",) if repository.get("private") else ("repo", "public_repo")
    granted = re.findall(r"[\w:.-]+", scopes)
    permissions = repository.get("permissions")
    if not set(enough) & set(granted):
        what = (
            f"The token for {slug} has only the scopes {', '.join(granted)}" if granted else "The token has no scopes"
        )
        yield FORBIDDEN(f"{what}.", remedy=f"Give it the scope {' or '.join(f'`{scope}`' for scope in enough)}.")
    elif isinstance(permissions, dict) and permissions.get("push") is False:
        what = f"The token's user has no write access to {slug}."
        yield FORBIDDEN(what, remedy="Use the token of a user with write access, or unset it.")
