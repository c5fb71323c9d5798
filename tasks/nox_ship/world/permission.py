"""Whether a token may write the releases of a repository on GitHub, asked without writing any.

A token with scopes tells them in a header, and the repository what its user may do there. Of any other token neither
says anything: a fine-grained token is shown what its user may do, and the token of a job nothing at all. Such a token
is asked to compose notes, which needs the right to write contents and keeps nothing ("The generated release notes are
not saved anywhere").

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
"""How long GitHub may take for each of its two answers."""
_SCOPED = ("ghp_", "gho_")
"""What tokens begin with that have scopes, perhaps none; other tokens may have the header, too, and nothing in it."""
_NOT_TOLD = (404, 422)
"""Answers to the request for notes that have other causes, such as a GitHub Enterprise that does not know it."""


def refusals(api: GitHubApi, tag: str) -> tuple[Finding, ...]:
    """Return why a token may not write the release of a tag; nothing where it may, or where that cannot be told.

    It may be invalid (NS781), lack the permission (NS782), or not see the repository, which may also have been moved
    (NS784).
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
