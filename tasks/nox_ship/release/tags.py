"""Release tags here and on the remote, which must agree about the commit to be released."""

from __future__ import annotations

from collections.abc import Mapping

from nox_ship.errors import Kind, ShipError
from nox_ship.versions import TagForm

TAG_MOVED = Kind(
    "NS212",
    "tag-moved",
    "A published tag is never moved: run `git fetch --force --tags`, then release the next version.",
)
TAG_NOT_HERE = Kind(
    "NS216", "tag-not-here", "Run `git fetch --tags`, then the same command again to finish the release."
)


def tags_of(refs: Mapping[str, str]) -> dict[str, str]:
    """Return the commit of each tag by its name, from a remote's refs by full name."""
    prefix = "refs/tags/"
    return {name.removeprefix(prefix): commit for name, commit in refs.items() if name.startswith(prefix)}


def check_head(head: str, form: TagForm, here: Mapping[str, str], there: Mapping[str, str]) -> None:
    """Check that HEAD has the same release tags here and on the remote; an unpushed one may be missing there.

    Args:
        head: The commit that is checked out.
        form: The format of release tags.
        here: The commit of each tag in the checkout, by name.
        there: The commit of each tag on the remote, by name.

    Raises:
        ShipError: A tag is on another commit there (NS212), or is missing here (NS216).
    """
    for tag in sorted(form.releases({*here, *there})):
        ours, theirs = here.get(tag), there.get(tag)
        if theirs is None or ours == theirs or head not in (ours, theirs):
            continue
        if ours is None:
            raise ShipError(TAG_NOT_HERE(f"HEAD is tagged {tag} on the remote, but that tag is not here."))
        raise ShipError(TAG_MOVED(f"The tag {tag} is on {ours[:10]} here and on {theirs[:10]} on the remote."))
