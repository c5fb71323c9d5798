"""GitHub's rules for a branch that refuse a push of a new commit, as far as they are visible.

https://docs.github.com/en/rest/repos/rules and https://docs.github.com/en/rest/branches/branch-protection describe the
answers. Bypass rights are only shown for the token's user, and the details of branch protection only to administrators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any
from urllib.parse import quote

from nox_ship.errors import ShipError
from nox_ship.world.github import REFUSED, GitHubApi
from nox_ship.world.web import WebError

SECONDS = 5.0
"""Seconds that GitHub may take for each answer."""
REFUSING = {
    "pull_request": "changes go through a pull request",
    "merge_queue": "changes go through a merge queue",
    "update": "nobody may push",
    "required_status_checks": "a commit needs status checks",
    "required_deployments": "a commit needs deployments",
    "workflows": "a commit needs workflows",
    "code_scanning": "a commit needs code scanning",
}
"""The rules in rulesets that a new commit cannot have met yet, and what they mean."""
_NOT_TOLD = (401, 403, 404)
_BYPASSES = ("always", "exempt")

Ask = Callable[[str], Any]
"""Returns the JSON value of an answer, by the path below the repository; None if GitHub does not show it."""


def asking(api: GitHubApi) -> Ask:
    """Return a function that asks GitHub's API, quickly.

    Raises:
        ShipError: The API does not answer (NS780 to NS785); raised by the returned function.
    """
    quick = replace(api, timeout=SECONDS, patience=0, pauses=())

    def ask(path: str) -> Any:
        answer = quick.ask("GET", path, allowed=_NOT_TOLD)
        try:
            return answer.json() if answer.ok else None
        except WebError as error:
            raise ShipError(REFUSED(f"GitHub's answer cannot be read: {error}.", remedy="")) from error

    return ask


def in_the_way(ask: Ask, branch: str, *, of_others: bool = False) -> tuple[str, ...]:
    """Return the rules that refuse a push of a new commit to a branch; empty if none are known.

    Args:
        ask: Asks GitHub.
        branch: The branch.
        of_others: Whether the push is not by the token's user, but by somebody who may not bypass any rule.

    Raises:
        ShipError: The API does not answer (NS780 to NS785).
    """
    rules = _of_rulesets(ask, quote(branch), of_others), _of_protection(ask, quote(branch, safe=""), of_others)
    return tuple(dict.fromkeys(chain.from_iterable(rules)))


def _of_rulesets(ask: Ask, branch: str, of_others: bool) -> Iterator[str]:
    told = _list(ask(f"/rules/branches/{branch}?per_page=100"))
    known = [rule for rule in told if str(rule.get("type")) in REFUSING]
    rules = [(REFUSING[str(rule["type"])], str(rule.get("ruleset_id"))) for rule in known]
    passing = {ruleset: not of_others and _bypasses(ask, ruleset) for _, ruleset in rules}
    yield from (meaning for meaning, ruleset in rules if not passing[ruleset])


def _bypasses(ask: Ask, number: str) -> bool:
    """Whether the token's user may bypass a ruleset."""
    ruleset = ask(f"/rulesets/{number}") if number.isdecimal() else None
    return isinstance(ruleset, Mapping) and ruleset.get("current_user_can_bypass") in _BYPASSES


def _of_protection(ask: Ask, branch: str, of_others: bool) -> Iterator[str]:
    told = ask(f"/branches/{branch}")
    if not isinstance(told, Mapping) or not told.get("protected"):
        return
    rules = ask(f"/branches/{branch}/protection")
    if not isinstance(rules, Mapping):
        checks = _mapping(_mapping(told.get("protection")).get("required_status_checks"))
        if checks.get("enforcement_level") == "everyone" and (checks.get("contexts") or checks.get("checks")):
            yield REFUSING["required_status_checks"]
        return
    if not (of_others or _enabled(rules, "enforce_admins")):
        return  # only shown to administrators, whom the rules do not bind
    if rules.get("required_pull_request_reviews"):
        yield REFUSING["pull_request"]
    if rules.get("required_status_checks"):
        yield REFUSING["required_status_checks"]
    if _enabled(rules, "lock_branch"):
        yield REFUSING["update"]


def _enabled(rules: Mapping[str, Any], name: str) -> bool:
    return bool(_mapping(rules.get(name)).get("enabled"))


def _mapping(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def _list(told: Any) -> list[Mapping[str, Any]]:
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
