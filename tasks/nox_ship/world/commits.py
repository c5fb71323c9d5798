"""Commits that GitHub makes and signs, with the token of an app such as Actions.

https://docs.github.com/en/rest/git/commits and https://docs.github.com/en/rest/git/refs describe the calls. "Signature
verification for bots" in https://docs.github.com/en/authentication/managing-commit-signature-verification says when a
commit is signed: if it names no author or committer.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from nox_ship.world.github import GitHubApi, parsed


def signed(api: GitHubApi, message: str, tree: str, parent: str) -> str | None:
    """Make GitHub create a commit of an existing tree, and return it; None if GitHub does not sign it.

    Raises:
        ShipError: The API refuses it, or does not answer (NS780 to NS785).
    """
    made = parsed(api.ask("POST", "/git/commits", {"message": message, "tree": tree, "parents": [parent]}), dict)
    commit, proof = str(made.get("sha")), made.get("verification")
    verified = isinstance(proof, dict) and proof.get("verified") is True
    return commit if verified and re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit) else None


def move(api: GitHubApi, branch: str, commit: str) -> None:
    """Point a branch to a commit that GitHub has made.

    Raises:
        ShipError: The API refuses it, or does not answer (NS780 to NS785).
    """
    api.ask("PATCH", f"/git/refs/heads/{quote(branch)}", {"sha": commit, "force": True})
