"""The releases of a repository on GitHub, with their attached files.

https://docs.github.com/en/rest/releases describes the calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nox_ship.errors import Finding, ShipError
from nox_ship.world.github import REFUSED, GitHubApi, parsed
from nox_ship.world.permission import refusals
from nox_ship.world.pulls import PullRequests
from nox_ship.world.rules import asking, in_the_way

_GONE = 404
_INVALID = 422


def asset_name(name: str) -> str:
    """Return GitHub's name for a file: it replaces special characters."""
    return re.sub(r"[^\w.+@-]", ".", name, flags=re.ASCII).strip(".")


@dataclass(frozen=True)
class Asset:
    """A file attached to a release."""

    id: int
    name: str
    size: int
    """In bytes."""
    uploaded: bool
    """Whether its upload is complete."""
    sha256: str | None
    """Its SHA-256; None if GitHub does not give it, as for old files."""


@dataclass(frozen=True)
class ForgeRelease:
    """A release on the forge."""

    id: int
    tag: str
    title: str
    notes: str
    draft: bool
    prerelease: bool
    immutable: bool
    """Whether its files cannot be changed."""
    url: str
    """The address of its page."""
    upload_url: str
    """The address for uploads."""


@dataclass(frozen=True)
class Releases:
    """The releases of one repository."""

    api: GitHubApi

    @property
    def where(self) -> str:
        """The repository, for people."""
        return self.api.slug

    def refusals(self, tag: str) -> tuple[Finding, ...]:
        """Return why the token may not write the release of a tag, as far as is known; nothing is written."""
        return refusals(self.api, tag)

    @property
    def pulls(self) -> PullRequests:
        """The pull requests of the repository."""
        return PullRequests(self.api)

    def in_the_way(self, branch: str) -> tuple[str, ...]:
        """Return the rules that refuse a push of a new commit to a branch, as far as GitHub shows them.

        Raises:
            ShipError: The API does not answer (NS780 to NS785).
        """
        return in_the_way(asking(self.api), branch)

    def find(self, tag: str) -> ForgeRelease | None:
        """Return the release of a tag, else its oldest draft; None if there is neither.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        answer = self.api.ask("GET", f"/releases/tags/{quote(tag, safe='')}", allowed=(_GONE,))
        if answer.ok:
            return _release(parsed(answer, dict))
        drafts = [found for found in map(_release, self.api.pages("/releases")) if found.draft and found.tag == tag]
        return min(drafts, key=lambda draft: draft.id, default=None)

    def latest(self) -> str | None:
        """Return the tag of the release that is shown as the latest; None if there is none.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        answer = self.api.ask("GET", "/releases/latest", allowed=(_GONE,))
        return _release(parsed(answer, dict)).tag if answer.ok else None

    def commit(self, tag: str) -> str | None:
        """Return the commit of a tag; None if there is no such tag.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        answer = self.api.ask("GET", f"/commits/{quote(f'tags/{tag}', safe='/')}", allowed=(_GONE, _INVALID))
        return str(parsed(answer, dict).get("sha")) if answer.ok else None

    def draft(self, tag: str, title: str, notes: str, *, prerelease: bool) -> ForgeRelease:
        """Create a draft.

        Raises:
            UnclearError: It may have been created (NS780).
            ShipError: The API refuses it (NS781 to NS785).
        """
        value = {"tag_name": tag, "name": title, "body": notes, "draft": True, "prerelease": prerelease}
        return _release(parsed(self.api.ask("POST", "/releases", value), dict))

    def change(self, release: ForgeRelease, values: Mapping[str, object]) -> ForgeRelease:
        """Change some of a release's values, such as ``draft``.

        Raises:
            ShipError: The API refuses it (NS780 to NS785).
        """
        return _release(parsed(self.api.ask("PATCH", f"/releases/{release.id}", dict(values)), dict))

    def assets(self, release: ForgeRelease) -> dict[str, Asset]:
        """Return the files of a release by name.

        Raises:
            ShipError: The API does not answer properly (NS780 to NS785).
        """
        return {asset.name: asset for asset in _assets(self.api.pages(f"/releases/{release.id}/assets"))}

    def upload(self, release: ForgeRelease, name: str, file: Path) -> bool:
        """Upload a file; return False if the release has one with that name.

        Raises:
            UnclearError: It may have been accepted, at least partly (NS780).
            ShipError: The API refuses it (NS781 to NS785).
        """
        address = re.sub(r"\{[^{}]*\}$", "", release.upload_url)
        answer = self.api.upload(f"{address}?name={quote(name, safe='')}", file, allowed=(_INVALID,))
        if answer.ok:
            return True
        errors = parsed(answer, dict).get("errors")
        if isinstance(errors, list) and any(isinstance(e, dict) and e.get("code") == "already_exists" for e in errors):
            return False
        raise ShipError(REFUSED(f"GitHub does not accept {name}: {parsed(answer, dict).get('message')}."))

    def remove(self, asset: Asset) -> None:
        """Remove a file from its release, if it is still there.

        Raises:
            ShipError: The API refuses it (NS780 to NS785).
        """
        self.api.ask("DELETE", f"/releases/assets/{asset.id}", allowed=(_GONE,))


def _release(told: Mapping[str, Any]) -> ForgeRelease:
    try:
        return ForgeRelease(
            id=int(told["id"]),
            tag=str(told["tag_name"]),
            title=str(told.get("name") or ""),
            notes=str(told.get("body") or ""),
            draft=bool(told["draft"]),
            prerelease=bool(told["prerelease"]),
            immutable=bool(told.get("immutable")),
            url=str(told.get("html_url") or ""),
            upload_url=str(told["upload_url"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ShipError(REFUSED("GitHub's release is not what its documentation says.", remedy="")) from error


def _assets(told: Iterator[Any]) -> Iterator[Asset]:
    try:
        for one in told:
            method, _, digest = str(one.get("digest") or "").partition(":")
            sha256 = digest.lower() if method == "sha256" else None
            yield Asset(int(one["id"]), str(one["name"]), int(one["size"]), one.get("state") == "uploaded", sha256)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ShipError(REFUSED("GitHub's assets are not what its documentation says.", remedy="")) from error
